//! The words of reports in four languages, by Fluent. Its catalogues are beside this file: a
//! message for each sentence, with the facts as variables.

use crate::escape::escaped;
use crate::history::CauseName;
use crate::program::{Family, ProgramGuess};
use crate::str_enum::str_enum;
use crate::time::Duration;
use fluent_bundle::{FluentArgs, FluentBundle, FluentResource, FluentValue};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::net::IpAddr;
use unic_langid::LanguageIdentifier;

str_enum! {
    /// A language that reports are written in.
    Language {
        /// English.
        English = "en",
        /// German.
        German = "de",
        /// Portuguese.
        Portuguese = "pt",
        /// Vietnamese.
        Vietnamese = "vi",
    }
}

impl Language {
    /// That of a locale of the system, as in `de_DE.UTF-8`; none where reports do not have it.
    #[must_use]
    pub fn of_locale(locale: &str) -> Option<Self> {
        let language = locale.split(['_', '.', '@', '-']).next()?;
        Self::named(&language.to_ascii_lowercase())
    }

    pub(super) fn catalogue(self) -> &'static str {
        match self {
            Self::English => include_str!("words/en.ftl"),
            Self::German => include_str!("words/de.ftl"),
            Self::Portuguese => include_str!("words/pt.ftl"),
            Self::Vietnamese => include_str!("words/vi.ftl"),
        }
    }

    fn identifier(self) -> LanguageIdentifier {
        self.as_str().parse().unwrap_or_default()
    }
}

/// What stands for the variables of a message.
pub(super) type Facts<'a> = [(&'static str, FluentValue<'a>)];

/// The words of one language, and the zone in which times are told.
pub struct Words {
    language: Language,
    bundle: FluentBundle<FluentResource>,
    zone: TimeZone,
}

impl Words {
    /// Those of `language`.
    #[must_use]
    pub fn new(language: Language, zone: TimeZone) -> Self {
        let mut bundle = FluentBundle::new(vec![language.identifier()]);
        // Marks around variables turn the direction of what follows: tickets are plain text, and
        // none of these languages is written from the right.
        bundle.set_use_isolating(false);
        // A test reads all catalogues; what could be read of one is of use in any case.
        let resource = FluentResource::try_new(language.catalogue().to_owned())
            .unwrap_or_else(|(resource, _)| resource);
        bundle.add_resource_overriding(resource);
        Self {
            language,
            bundle,
            zone,
        }
    }

    pub(super) fn language(&self) -> Language {
        self.language
    }

    pub(super) fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The message `id`, which has no variables.
    pub(super) fn say(&self, id: &str) -> String {
        self.tell(id, &[])
    }

    /// The message `id` with `facts`.
    pub(super) fn tell(&self, id: &str, facts: &Facts<'_>) -> String {
        let args: FluentArgs<'_> = facts.iter().cloned().collect();
        let pattern = self.bundle.get_message(id).and_then(|it| it.value());
        // A test asks for each message there is. Where one is missing all the same, its name says
        // more than nothing.
        pattern.map_or_else(
            || id.to_owned(),
            |pattern| {
                let mut errors = Vec::new();
                let text = self
                    .bundle
                    .format_pattern(pattern, Some(&args), &mut errors);
                text.into_owned()
            },
        )
    }

    /// `2026-11-28T14:03:12+01:00`.
    pub(super) fn time(&self, at: Timestamp) -> String {
        let local = at.to_zoned(self.zone.clone());
        local.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    }

    /// The same, and in words: with the day of the week, by which people remember it.
    pub(super) fn time_in_words(&self, at: Timestamp) -> String {
        let local = at.to_zoned(self.zone.clone());
        let weekday = local.weekday().to_monday_one_offset();
        let words = self.tell(
            "date-in-words",
            &[
                ("weekday", self.say(&format!("weekday-{weekday}")).into()),
                ("day", local.day().into()),
                (
                    "month",
                    self.say(&format!("month-{}", local.month())).into(),
                ),
                // As text: a number could be grouped.
                ("year", local.year().to_string().into()),
                ("time", local.strftime("%H:%M:%S").to_string().into()),
            ],
        );
        format!("{} ({words})", self.time(at))
    }

    /// `192.0.2.7 (Thunderbird)`, or the address alone.
    pub(super) fn client(&self, address: IpAddr, program: ProgramGuess) -> String {
        let address = address.to_canonical();
        match program.family {
            Family::Unknown => address.to_string(),
            family => format!("{address} ({})", self.family(family)),
        }
    }

    /// How a login ended.
    pub(super) fn ending(&self, cause: CauseName) -> String {
        self.say(&format!("ended-{}", cause.as_str()))
    }

    /// The name of a program.
    pub(super) fn family(&self, family: Family) -> String {
        match family {
            Family::Unknown => self.say("program-unknown"),
            Family::Script => self.say("program-script"),
            Family::Notifier => self.say("program-notifier"),
            family => match family.as_str().split_once(" or ") {
                Some((one, other)) => self.tell(
                    "program-either",
                    &[("one", one.into()), ("other", other.into())],
                ),
                None => family.as_str().to_owned(),
            },
        }
    }
}

/// What somebody else said, on one line, or that nothing is known.
pub(super) fn verbatim(text: &str) -> FluentValue<'static> {
    escaped(text).into()
}

/// A length of time in units that all languages share: `12.3 s`, `2 min 05 s`, `3 h 04 min`.
pub(super) fn length(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{}.{} s", seconds, duration.subsec_millis() / 100),
        60..3_600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {:02} min", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{} d {:02} h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}
