//! All mistakes of a file: noted as they are found, told in the order of the file.

use super::error::{ConfigError, Diagnostic};
use crate::limits::MISTAKES_SHOWN;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::fmt;
use std::ops::Range;
use std::path::Path;

/// Why a configuration was refused: each mistake at its place, in the order of the file, and
/// last what the whole file lacks. Its
/// `Display` is the whole message for a person, the mistakes with an empty line between.
#[derive(Debug)]
pub struct ConfigErrors {
    /// At least one, at most [`MISTAKES_SHOWN`].
    shown: Vec<ConfigError>,
    /// How many others there are.
    more: usize,
    /// Whether the search was given up before the end of the file.
    is_partial: bool,
}

/// What was found to be wrong so far.
#[derive(Debug, Default)]
pub(super) struct Diagnostics {
    noted: Vec<Diagnostic>,
    /// Where each begins.
    places: HashSet<usize>,
    is_partial: bool,
}

impl Diagnostics {
    /// Notes a mistake, unless it only follows from one that is noted.
    pub(super) fn note(&mut self, diagnostic: Diagnostic) {
        if !diagnostic.follows() {
            self.places.insert(diagnostic.start());
            self.noted.push(diagnostic);
        }
    }

    /// As [`Diagnostics::note`], unless something is noted at that place: for what many tables
    /// inherit, and for what may be mended with the other.
    pub(super) fn note_first(&mut self, diagnostic: Diagnostic) {
        if !self.places.contains(&diagnostic.start()) {
            self.note(diagnostic);
        }
    }

    /// Takes over what `others` has noted outside of `stretches`.
    pub(super) fn append(&mut self, others: Self, stretches: &[Range<usize>]) {
        let is_outside =
            |diagnostic: &Diagnostic| !stretches.iter().any(|it| it.contains(&diagnostic.start()));
        others
            .noted
            .into_iter()
            .filter(is_outside)
            .for_each(|diagnostic| self.note(diagnostic));
        self.is_partial |= others.is_partial;
    }

    pub(super) fn count(&self) -> usize {
        self.noted.len()
    }

    /// There may be more than was looked for.
    pub(super) fn give_up(&mut self) {
        self.is_partial = true;
    }

    /// `found` if nothing was noted, and else all that was noted about `text`.
    pub(super) fn finish<T>(
        mut self,
        found: Option<T>,
        text: &str,
        path: &Path,
    ) -> Result<T, ConfigErrors> {
        match found {
            Some(found) if self.noted.is_empty() => Ok(found),
            _ => {
                self.noted.sort_by_key(Diagnostic::order);
                let more = self.noted.len().saturating_sub(MISTAKES_SHOWN);
                let shown = self.noted.into_iter().take(MISTAKES_SHOWN);
                Err(ConfigErrors {
                    shown: shown
                        .map(|diagnostic| ConfigError::new(diagnostic, text, path))
                        .collect(),
                    more,
                    is_partial: self.is_partial,
                })
            }
        }
    }
}

impl ConfigErrors {
    /// The mistakes that are shown, in the order of the file; at least one.
    #[must_use]
    pub fn shown(&self) -> &[ConfigError] {
        &self.shown
    }

    /// The same for a program: `error` is the first one, `errors` all that are shown, and `more`
    /// says how many are not.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let errors: Vec<Value> = self.shown.iter().map(ConfigError::to_json).collect();
        json!({
            "ok": false,
            "error": errors.first(),
            "errors": errors,
            "more": self.more,
        })
    }
}

impl From<ConfigError> for ConfigErrors {
    fn from(error: ConfigError) -> Self {
        Self {
            shown: vec![error],
            more: 0,
            is_partial: false,
        }
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: Vec<String> = self.shown.iter().map(ConfigError::to_string).collect();
        f.write_str(&shown.join("\n\n"))?;
        let at_least = if self.is_partial { "at least " } else { "" };
        match self.more {
            0 => Ok(()),
            1 => write!(f, "\n\nand {at_least}1 more mistake"),
            more => write!(f, "\n\nand {at_least}{more} more mistakes"),
        }
    }
}

impl std::error::Error for ConfigErrors {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::value::NOWHERE;

    fn told(diagnostics: Diagnostics) -> String {
        let text = "a = 1\n".repeat(30);
        let refused = diagnostics.finish(Some(()), &text, Path::new("a.toml"));
        refused.map_or_else(|errors| errors.to_string(), |()| String::new())
    }

    #[test]
    fn mistakes_are_told_in_the_order_of_the_file_with_an_empty_line_between() {
        let mut diagnostics = Diagnostics::default();
        diagnostics.note(Diagnostic::new(0..0, "of the whole file"));
        diagnostics.note(Diagnostic::new(12..13, "third"));
        diagnostics.note(Diagnostic::new(0..1, "first").hint("write b"));
        diagnostics.note(Diagnostic::new(0..1, "second"));
        let expected = "a.toml:1:1: first\n  |\n1 | a = 1\n  | ^\nhint: write b\n\n\
            a.toml:1:1: second\n  |\n1 | a = 1\n  | ^\n\n\
            a.toml:3:1: third\n  |\n3 | a = 1\n  | ^\n\n\
            a.toml:1:1: of the whole file\n  |\n1 | a = 1\n  | ^";
        assert_eq!(told(diagnostics), expected);
    }

    #[test]
    fn so_many_are_shown_and_the_others_are_counted() {
        let some = |number: usize| {
            let mut diagnostics = Diagnostics::default();
            for line in 0..number {
                diagnostics.note(Diagnostic::new(line * 6..line * 6 + 1, "no"));
            }
            diagnostics
        };
        let ends = |number, end| told(some(number)).ends_with(end);
        assert!(ends(20, "^") && ends(21, "\n\nand 1 more mistake"));
        assert!(ends(23, "\n\nand 3 more mistakes"));
        assert_eq!(told(some(23)).matches("a.toml:").count(), 20);
        let mut partial = some(23);
        partial.give_up();
        assert!(told(partial).ends_with("and at least 3 more mistakes"));
    }

    #[test]
    fn what_follows_from_another_mistake_is_not_told() {
        let mut diagnostics = Diagnostics::default();
        diagnostics.note(Diagnostic::new(NOWHERE..NOWHERE, "of a stand-in"));
        diagnostics.note(Diagnostic::new(0..1, "clashes with a stand-in").other(NOWHERE..NOWHERE));
        assert_eq!(told(diagnostics), "");
    }
}
