//! Status lines that are not quite what RFC 1939 says and that popgate understands all the same.

use crate::pop3::reply::Status;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// What is irregular about a status line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Irregularity {
    /// Empty lines stand before it.
    BlankLines,
    /// `+OK` or `-ERR` is not in capitals.
    LowerCase,
    /// Something else than a blank stands behind `+OK` or `-ERR`.
    NoBlank,
    /// `+ERR`, an error with the sign of success.
    PlusErr,
}

impl fmt::Display for Irregularity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BlankLines => "an empty line stands before the status line",
            Self::LowerCase => "the status word is not in capitals",
            Self::NoBlank => "no blank stands behind the status word",
            Self::PlusErr => "an error begins with +ERR",
        })
    }
}

/// One kind of irregularity, and where it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Irregular {
    /// The kind.
    pub what: Irregularity,
    /// What was answered so: commands, or the greeting.
    pub at: Vec<String>,
}

/// What is irregular about `line` itself, which has no line end.
#[must_use]
pub fn irregularities(line: &[u8]) -> Vec<Irregularity> {
    let word = match Status::of_line(line) {
        Status::Ok => &b"+OK"[..],
        Status::Err => b"-ERR",
        Status::Continue | Status::Other => return Vec::new(),
    };
    let (said, rest) = line.split_at(word.len());
    // RFC 1939 section 3 wants a blank; some clients insist on it.
    let is_close = !matches!(rest.first(), None | Some(b' ' | b'\t' | b'\r'));
    [
        (
            said.starts_with(b"+E") || said.starts_with(b"+e"),
            Irregularity::PlusErr,
        ),
        (said != said.to_ascii_uppercase(), Irregularity::LowerCase),
        (is_close, Irregularity::NoBlank),
    ]
    .into_iter()
    .filter(|(is_so, _)| *is_so)
    .map(|(_, what)| what)
    .collect()
}

/// The notes of one look at a backend, which all its connections share.
#[derive(Clone, Debug, Default)]
pub(super) struct Notes(Arc<Mutex<Vec<Irregular>>>);

impl Notes {
    /// Notes what is irregular about a line in answer to `to`, before which so many empty lines
    /// stood.
    pub(super) fn answer(&self, to: &str, line: &[u8], blank_lines: usize) {
        let blank = (blank_lines > 0).then_some(Irregularity::BlankLines);
        for what in blank.into_iter().chain(irregularities(line)) {
            self.note(what, to);
        }
    }

    /// All of it, in the order in which it was seen.
    pub(super) fn take(&self) -> Vec<Irregular> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(&self, what: Irregularity, at: &str) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = seen.iter_mut().find(|seen| seen.what == what) else {
            let at = vec![at.to_owned()];
            return seen.push(Irregular { what, at });
        };
        if !known.at.iter().any(|known| known == at) {
            known.at.push(at.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_irregularity_is_seen_and_nothing_else() {
        use Irregularity::*;
        let cases: [(&[u8], &[Irregularity]); 12] = [
            (b"+OK", &[]),
            (b"+OK ready", &[]),
            (b"-ERR\tno", &[]),
            (b"-ERR no\r", &[]),
            (b"+ go on", &[]),
            (b"hello", &[]),
            (b"+OK, ready", &[NoBlank]),
            (b"-ERR: no", &[NoBlank]),
            (b"-ERROR no", &[NoBlank]),
            (b"+ok ready", &[LowerCase]),
            (b"-Err:no", &[LowerCase, NoBlank]),
            (b"+ERR no", &[PlusErr]),
        ];
        for (line, expected) in cases {
            assert_eq!(irregularities(line), expected, "{}", line.escape_ascii());
        }
    }

    #[test]
    fn notes_are_kept_by_kind_and_each_place_once() {
        let notes = Notes::default();
        for (to, line, blank_lines) in [
            ("the greeting", &b"+OK"[..], 1),
            ("PASS", b"+OK, in", 2),
            ("PASS", b"+OK", 1),
            ("STAT", b"+OK 0 0", 0),
        ] {
            notes.clone().answer(to, line, blank_lines);
        }
        let seen = notes.take();
        let told: Vec<_> = seen
            .iter()
            .map(|seen| (seen.what, seen.at.join(" ")))
            .collect();
        let expected = [
            (Irregularity::BlankLines, "the greeting PASS".to_owned()),
            (Irregularity::NoBlank, "PASS".to_owned()),
        ];
        assert_eq!(told, expected);
    }
}
