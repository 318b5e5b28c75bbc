//! Names that others repeat: a server's error line often has the login that it refuses.

use crate::history::CUT_MARK;
use crate::ids::UserName;
use crate::limits::HISTORY_TEXT_MAX;

/// What stands in a text where a name stood, where names are kept as hashes.
pub const NAME_STAND_IN: &str = "<user>";

/// A shorter name is a syllable of other words, and is hidden only where it stands alone.
const ANYWHERE_MIN: usize = 4;

/// The names of one login, in the forms in which texts can have them.
pub(super) struct Redaction {
    /// The longest first, so that nothing is left of a name that has another in it.
    forms: Vec<String>,
}

impl Redaction {
    /// For each name: itself, as it is shown, and the part before its `@`.
    pub(super) fn new(names: &[&UserName]) -> Self {
        let mut forms = Vec::new();
        for name in names {
            let whole = String::from_utf8_lossy(name.as_bytes()).into_owned();
            let shown = name.to_string();
            // A name that is too long to be shown is cut.
            let shown = shown.split("… (").next().unwrap_or_default();
            for form in [&whole, shown] {
                forms.push(form.to_owned());
                forms.extend(form.split(['@', '%']).next().map(str::to_owned));
            }
        }
        forms.retain(|form| !form.is_empty());
        forms.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        forms.dedup();
        Self { forms }
    }

    /// `text` without the names.
    pub(super) fn apply(&self, text: &str) -> Box<str> {
        let cut = text.strip_suffix(CUT_MARK);
        let may_be_cut = cut.is_some() || may_be_cut_unmarked(text);
        let mut clean = String::with_capacity(text.len());
        let mut rest = cut.unwrap_or(text);
        let mut before = None;
        while let Some(next) = rest.chars().next() {
            if may_be_cut && self.is_cut_name(rest) {
                clean.push_str(NAME_STAND_IN);
                break;
            }
            if let Some(len) = self.match_at(rest, before) {
                clean.push_str(NAME_STAND_IN);
                before = rest[..len].chars().next_back();
                rest = &rest[len..];
            } else {
                clean.push(next);
                before = Some(next);
                rest = &rest[next.len_utf8()..];
            }
        }
        clean.extend(cut.map(|_| CUT_MARK));
        clean.into()
    }

    /// How long the name is that `rest` begins with, behind the character `before`.
    fn match_at(&self, rest: &str, before: Option<char>) -> Option<usize> {
        self.forms
            .iter()
            .filter(|form| begins_with(rest, form))
            .find(|form| {
                let after = rest[form.len()..].chars().next();
                form.len() >= ANYWHERE_MIN || !(is_of_word(before) || is_of_word(after))
            })
            .map(String::len)
    }

    /// Whether a text that was cut ends in the beginning of a name.
    fn is_cut_name(&self, rest: &str) -> bool {
        self.forms
            .iter()
            .any(|form| rest.len() < form.len() && begins_with(form, rest))
    }
}

/// Files of earlier versions have texts that were cut without a mark: where a character begins, and
/// none has more than four octets.
fn may_be_cut_unmarked(text: &str) -> bool {
    text.len() + 4 > HISTORY_TEXT_MAX
}

fn is_of_word(character: Option<char>) -> bool {
    character.is_some_and(char::is_alphanumeric)
}

fn begins_with(text: &str, beginning: &str) -> bool {
    let Some(head) = text.get(..beginning.len()) else {
        return false;
    };
    head.eq_ignore_ascii_case(beginning)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::kept_line;

    fn redacted(name: &[u8], text: &str) -> String {
        let canonical = name.to_ascii_lowercase();
        let names = [UserName::new(name), UserName::new(&canonical)];
        let redaction = Redaction::new(&[&names[0], &names[1]]);
        redaction.apply(text).into_string()
    }

    #[test]
    fn names_are_hidden_in_each_form_that_servers_repeat() {
        for (name, text, clean) in [
            (
                "Ann@Example.com",
                "no user ANN@EXAMPLE.COM.",
                "no user <user>.",
            ),
            (
                "Ann@Example.com",
                "[ann@example.com]: ann?",
                "[<user>]: <user>?",
            ),
            ("anne@example.com", "no Annette", "no <user>tte"),
            ("e", "the end of e", "the end of <user>"),
            ("ann@example.com", "manners", "manners"),
            ("käthe", "no user käthe here", "no user <user> here"),
            ("ann", "all is well", "all is well"),
            ("", "-ERR no", "-ERR no"),
            ("a\u{1b}bc", "of a\\u{1b}bc", "of <user>"),
        ] {
            assert_eq!(redacted(name.as_bytes(), text), clean, "{name}");
        }
    }

    #[test]
    fn a_name_that_the_end_of_a_text_cuts_is_hidden_too() {
        let cut = format!("{}canary@exam", "x".repeat(HISTORY_TEXT_MAX - 11));
        let clean = redacted(b"canary@example.com", &cut);
        assert!(clean.ends_with("x<user>"), "{clean}");
        let within = format!("{} can", "x".repeat(HISTORY_TEXT_MAX - 4));
        assert!(redacted(b"canary@example.com", &within).ends_with(" <user>"));
        assert_eq!(redacted(b"canary@example.com", "I can"), "I can");
        let marked = kept_line(format!("{}canary@example.com", "x".repeat(499)).as_bytes());
        assert!(marked.ends_with("xcanary@exa…"), "{marked}");
        let clean = redacted(b"canary@example.com", &marked);
        assert!(clean.ends_with("x<user>…"), "{clean}");
    }

    #[test]
    fn a_name_that_is_no_text_is_hidden_as_it_is_shown() {
        assert_eq!(redacted(b"caf\xe9x", "no caf\u{fffd}x"), "no <user>");
    }
}
