//! How a rule is compared with a line.

use super::Class;
use super::stages::ReplyStage;

/// One row of a table: lines that come at one of the stages `at` and hold any of the phrases
/// mean `class`. Phrases are in lower case, spaces are single.
#[derive(Clone, Copy, Debug)]
pub(super) struct PhraseRule {
    /// What it means.
    pub(super) class: Class,
    /// When it may be said.
    pub(super) at: &'static [ReplyStage],
    /// Anywhere in the text, also inside a word.
    pub(super) has: &'static [&'static str],
    /// As whole words: `lock` is not in `blocked`, `unlocked`, `clock`.
    pub(super) words: &'static [&'static str],
    /// At the start of the text.
    pub(super) starts: &'static [&'static str],
    /// The whole text, a full stop aside.
    pub(super) only: &'static [&'static str],
    /// Both, in either order.
    pub(super) both: &'static [(&'static str, &'static str)],
}

impl PhraseRule {
    /// A row without phrases, to be filled in.
    pub(super) const fn new(class: Class, at: &'static [ReplyStage]) -> Self {
        Self {
            class,
            at,
            has: &[],
            words: &[],
            starts: &[],
            only: &[],
            both: &[],
        }
    }

    /// Whether `text`, as [`plain_words`] leaves it, holds one of the phrases.
    pub(super) fn matches(&self, text: &str) -> bool {
        let whole = text.trim_end_matches('.');
        self.has.iter().any(|phrase| text.contains(phrase))
            || self.words.iter().any(|word| has_word(text, word))
            || self.starts.iter().any(|start| text.starts_with(start))
            || self.only.contains(&whole)
            || self
                .both
                .iter()
                .any(|(one, other)| text.contains(one) && text.contains(other))
    }
}

/// What a response code means, and the lines where it means something else.
#[derive(Clone, Copy, Debug)]
pub(super) struct CodeRule {
    /// The code as its document spells it.
    pub(super) code: &'static str,
    /// Read first, in order.
    pub(super) exceptions: &'static [PhraseRule],
    /// What it means otherwise.
    pub(super) class: Class,
}

/// Whether `code` is `known`, or `known` with something behind a slash (`REFERRAL/host`).
pub(super) fn is_code(code: &str, known: &str) -> bool {
    let (head, tail) = code.as_bytes().split_at(known.len().min(code.len()));
    head.eq_ignore_ascii_case(known.as_bytes()) && (tail.is_empty() || tail[0] == b'/')
}

/// Whether `line` holds `phrase`, which must not be empty; ASCII case does not matter.
pub(super) fn contains(line: &str, phrase: &str) -> bool {
    let phrase = phrase.trim().as_bytes();
    // A window has a byte at least, so nothing equals an empty phrase.
    line.as_bytes()
        .windows(phrase.len().max(1))
        .any(|window| window.eq_ignore_ascii_case(phrase))
}

/// The text in lower case, spaces made single, without what names a user or a maildrop:
/// a user called `lock` must not make his wrong password a locked maildrop.
pub(super) fn plain_words(text: &str) -> String {
    text.split_ascii_whitespace()
        .filter(|word| !is_name(word))
        .collect::<Vec<_>>()
        .join(" ")
        .to_ascii_lowercase()
}

/// An address, or a single word in quotation marks or angle brackets.
fn is_name(word: &str) -> bool {
    // Quotation marks around several words are a remark, and what a server remarks counts.
    let enclosed = |open, close| word.starts_with(open) && word[1..].contains(close);
    word.contains('@') || enclosed('"', '"') || enclosed('<', '>')
}

fn has_word(text: &str, word: &str) -> bool {
    // Not alphabetic in Unicode: servers' words are ASCII, and their bytes may be of any charset.
    let is_part = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    text.match_indices(word).any(|(start, _)| {
        let before = start.checked_sub(1).and_then(|at| bytes.get(at));
        !is_part(before) && !is_part(bytes.get(start + word.len()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_has_no_letter_or_digit_beside_it() {
        for text in [
            "lock",
            "a lock",
            "lock!",
            "(lock)",
            "clock lock",
            "über-lock",
        ] {
            assert!(has_word(text, "lock"), "{text}");
        }
        for text in ["clock", "locks", "blocked", "lockheed", "lock2", ""] {
            assert!(!has_word(text, "lock"), "{text}");
        }
    }

    #[test]
    fn names_are_no_words() {
        assert_eq!(
            plain_words("Password for \"lock\" is  bad"),
            "password for is bad"
        );
        assert_eq!(
            plain_words("no mailbox for lock@example.com"),
            "no mailbox for"
        );
        assert_eq!(
            plain_words("<lock>: a \"quoted remark\""),
            "a \"quoted remark\""
        );
    }

    #[test]
    fn a_code_is_compared_whole() {
        assert!(is_code("in-use", "IN-USE"));
        assert!(is_code("REFERRAL/a@b", "REFERRAL"));
        assert!(!is_code("AUTHX", "AUTH"));
        assert!(!is_code("AU", "AUTH"));
        assert!(!is_code("é", "AUTH"));
    }

    #[test]
    fn an_empty_phrase_is_in_no_line() {
        assert!(!contains("-ERR", " "));
        assert!(contains("-ERR Postfach BELEGT", "belegt"));
        assert!(contains("x", "x"));
        assert!(!contains("x", "xx"));
    }
}
