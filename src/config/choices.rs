//! Settings that are one of a few words.

use super::value::{Shown, Value};
use crate::backend::Shareable;
use crate::cluster::member::OnOutage;
use crate::net::TlsMode;
use crate::observe::LogFormat;
use crate::policy::rules::{BlockMode, PollMode, SharingMode};
use crate::policy::tenant::Cleartext;
use serde_json::Value as Json;

/// One of a few words.
pub(super) trait Choice: Copy + PartialEq + 'static {
    /// Each word, and what it stands for.
    const WORDS: &'static [(&'static str, Self)];
    /// The words, as a person is told them.
    const ALL: &'static str;
    /// What is wrong with any other word.
    const REFUSAL: &'static str;

    /// How the file says it.
    fn word(self) -> &'static str {
        let word = Self::WORDS.iter().find(|(_, choice)| *choice == self);
        word.map_or("", |(word, _)| word)
    }
}

impl<T: Choice> Value for T {
    const EXPECTED: &'static str = T::ALL;

    fn stand_in() -> Self {
        T::WORDS[0].1
    }

    fn from_text(text: &str) -> Result<Self, String> {
        let found = T::WORDS.iter().find(|(word, _)| *word == text);
        found
            .map(|(_, choice)| *choice)
            .ok_or_else(|| format!("`{text}` {}", T::REFUSAL))
    }
}

impl<T: Choice> Shown for T {
    fn shown(&self) -> Json {
        self.word().into()
    }
}

impl Choice for TlsMode {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("off", Self::Off),
        ("stls", Self::Stls),
        ("implicit", Self::Implicit),
    ];
    const ALL: &'static str = r#""off", "stls" or "implicit""#;
    const REFUSAL: &'static str = "is no way to speak TLS";
}

impl Choice for LogFormat {
    const WORDS: &'static [(&'static str, Self)] = &[("human", Self::Human), ("json", Self::Json)];
    const ALL: &'static str = r#""human" or "json""#;
    const REFUSAL: &'static str = "is no form of log lines";
}

impl Choice for OnOutage {
    const WORDS: &'static [(&'static str, Self)] =
        &[("local", Self::Local), ("refuse", Self::Refuse)];
    const ALL: &'static str = r#""local" or "refuse""#;
    const REFUSAL: &'static str = "does not say what to do while the engine is away";
}

impl Choice for Cleartext {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("never", Self::Never),
        ("trusted", Self::Trusted),
        ("always", Self::Always),
    ];
    const ALL: &'static str = r#""never", "trusted" or "always""#;
    const REFUSAL: &'static str = "does not say who may send passwords without TLS";
}

impl Choice for PollMode {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("off", Self::Off),
        ("shadow", Self::Shadow),
        ("delay", Self::Delay),
        ("absorb", Self::Absorb),
        ("refuse", Self::Refuse),
    ];
    const ALL: &'static str = r#""off", "shadow", "delay", "absorb" or "refuse""#;
    const REFUSAL: &'static str = "is no way to enforce a limit";
}

impl Choice for SharingMode {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("off", Self::Off),
        ("shadow", Self::Shadow),
        ("on", Self::On),
    ];
    const ALL: &'static str = r#""off", "shadow" or "on""#;
    const REFUSAL: &'static str = "is no way to share a mailbox";
}

impl Choice for BlockMode {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("off", Self::Off),
        ("shadow", Self::Shadow),
        ("block", Self::Block),
    ];
    const ALL: &'static str = r#""off", "shadow" or "block""#;
    const REFUSAL: &'static str = "is no way to treat who does wrong";
}

/// Two of its words are booleans.
impl Value for Shareable {
    const EXPECTED: &'static str = r#"true, false or "ask""#;

    fn stand_in() -> Self {
        Self::Ask
    }

    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "ask" => Ok(Self::Ask),
            "true" | "false" => Err(format!("`{text}` stands in quotes\nwrite {text}")),
            _ => Err(format!("`{text}` does not say whether listings are shared")),
        }
    }

    fn from_bool(boolean: bool) -> Result<Self, String> {
        Ok(if boolean { Self::Yes } else { Self::No })
    }
}

impl Shown for Shareable {
    fn shown(&self) -> Json {
        match self {
            Self::Yes => true.into(),
            Self::No => false.into(),
            Self::Ask => "ask".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has_a_word_for_each<T: Choice + std::fmt::Debug>(choices: &[T]) {
        for &choice in choices {
            assert_eq!(T::from_text(choice.word()).as_ref(), Ok(&choice));
            assert!(T::ALL.contains(&format!("\"{}\"", choice.word())));
        }
        assert_eq!(T::WORDS.len(), choices.len());
    }

    #[test]
    fn each_choice_has_a_word_that_stands_for_it() {
        has_a_word_for_each(&[TlsMode::Off, TlsMode::Stls, TlsMode::Implicit]);
        has_a_word_for_each(&[LogFormat::Human, LogFormat::Json]);
        has_a_word_for_each(&[Cleartext::Never, Cleartext::Trusted, Cleartext::Always]);
        has_a_word_for_each(&[
            PollMode::Off,
            PollMode::Shadow,
            PollMode::Delay,
            PollMode::Absorb,
            PollMode::Refuse,
        ]);
        has_a_word_for_each(&[SharingMode::Off, SharingMode::Shadow, SharingMode::On]);
        has_a_word_for_each(&[BlockMode::Off, BlockMode::Shadow, BlockMode::Block]);
    }

    #[test]
    fn whether_a_backend_is_shareable_is_read_as_it_is_shown() {
        assert_eq!(Shareable::from_bool(true), Ok(Shareable::Yes));
        assert_eq!(Shareable::from_bool(false), Ok(Shareable::No));
        assert_eq!(Shareable::from_text("ask"), Ok(Shareable::Ask));
        let shown = [Shareable::Yes, Shareable::No, Shareable::Ask].map(|it| it.shown());
        assert_eq!(shown, [Json::from(true), false.into(), "ask".into()]);
    }
}
