//! The end of a multi-line reply (RFC 1939 section 3): a line with a dot alone.
//!
//! CRLF `.` CRLF is an end at once. Some servers end lines in LF alone, and mail programs that
//! read line by line take a lone dot between any two line ends for the end. But mail may hold a
//! dot between bare LFs, so such a dot counts only where the session goes on behind it: the next
//! reply begins there, or nothing follows although the client has gone on to its next command.

use crate::pop3::reply::STATUS_WORDS;
use memchr::memmem;

/// What stands before a body: the end of its status line.
const BEFORE: &[u8; 2] = b"\r\n";

const END: &[u8; 5] = b"\r\n.\r\n";

/// Every proper beginning of an end that may not be torn, the longest first: it is held back until
/// more is known.
const BEGINNINGS: [&[u8]; 6] = [b"\r\n.\r", b"\r\n.", b"\n.\r", b"\r\n", b"\n.", b"\r"];

/// A status line that has begun and is no whole one yet.
const STATUS_BEGUN_MAX: usize = 3;

/// Octets that are remembered of what went before a chunk: a lone dot with both its line ends, and
/// all but the last octet of a status.
const CARRY_MAX: usize = 8;

/// Finds the end of a reply's body in chunks of any size. It starts right behind the LF of the
/// status line, so that `.` CRLF at once is an empty body.
#[derive(Debug)]
pub struct EndScanner {
    /// The last octets before the next chunk: the end may lie across the seam.
    carry: [u8; CARRY_MAX],
    carried: usize,
}

/// What a chunk holds of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scanned {
    /// Octets of the chunk that are the body's beyond doubt. What follows them is no part of it
    /// where `ended`; else it is too short to tell, and is to be scanned again with more behind it.
    pub octets: usize,
    /// Whether the body ends there.
    pub ended: bool,
}

/// What is known of what comes behind a chunk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Behind {
    /// The backend owes another reply, so that a status line may follow the body.
    pub reply: bool,
    /// Nothing more comes for now: no octet is held back.
    pub nothing: bool,
}

impl Default for EndScanner {
    fn default() -> Self {
        Self::new()
    }
}

impl EndScanner {
    /// A scanner for a body that starts with the next chunk.
    #[must_use]
    pub fn new() -> Self {
        let mut carry = [0; CARRY_MAX];
        carry[..BEFORE.len()].copy_from_slice(BEFORE);
        Self {
            carry,
            carried: BEFORE.len(),
        }
    }

    /// Looks through `chunk`. After an end the scanner is spent.
    pub fn scan(&mut self, chunk: &[u8], behind: Behind) -> Scanned {
        if let Some(octets) = self.find(chunk, behind.reply) {
            return Scanned {
                octets,
                ended: true,
            };
        }
        let held = if behind.nothing {
            0
        } else {
            self.undecided(chunk, behind.reply)
        };
        let octets = chunk.len() - held;
        // What is held back comes again, and must not be seen twice.
        self.keep_tail(&chunk[..octets]);
        Scanned {
            octets,
            ended: false,
        }
    }

    /// Whether what was scanned stops right behind a lone dot between any two line ends: for a
    /// program that reads line by line, the end.
    #[must_use]
    pub fn stops_at_a_dot(&self) -> bool {
        stops_at_a_dot(self.carried())
    }

    /// Whether nothing of the body has come yet.
    #[must_use]
    pub fn is_at_its_start(&self) -> bool {
        self.carried == BEFORE.len()
    }

    fn carried(&self) -> &[u8] {
        &self.carry[..self.carried]
    }

    fn find(&self, chunk: &[u8], reply_behind: bool) -> Option<usize> {
        // An end that starts in the carried octets comes before any that starts in the chunk.
        let (seam, length) = self.seam(&chunk[..chunk.len().min(CARRY_MAX)]);
        end_in(&seam[..length], reply_behind)
            .and_then(|end| end.checked_sub(self.carried))
            .or_else(|| end_in(chunk, reply_behind))
    }

    /// How many of the last octets may be the beginning of something that must not be torn.
    fn undecided(&self, chunk: &[u8], reply_behind: bool) -> usize {
        let (seam, length) = self.seam(&chunk[chunk.len().saturating_sub(CARRY_MAX)..]);
        let seen = &seam[..length];
        let held = if reply_behind {
            status_begun_behind_a_dot(seen)
        } else {
            0
        };
        let held = match held {
            0 if stops_at_a_dot(seen) => 0,
            0 => beginning_of_an_end(seen),
            held => held,
        };
        held.min(chunk.len())
    }

    /// The carried octets and `part`, which is no longer than they can be.
    fn seam(&self, part: &[u8]) -> ([u8; 2 * CARRY_MAX], usize) {
        let mut seam = [0; 2 * CARRY_MAX];
        let length = self.carried + part.len();
        seam[..self.carried].copy_from_slice(self.carried());
        seam[self.carried..length].copy_from_slice(part);
        (seam, length)
    }

    fn keep_tail(&mut self, chunk: &[u8]) {
        let (seam, length) = self.seam(&chunk[chunk.len().saturating_sub(CARRY_MAX)..]);
        self.carried = length.min(CARRY_MAX);
        self.carry[..self.carried].copy_from_slice(&seam[length - self.carried..length]);
    }
}

/// Where a body ends in `octets`: behind CRLF `.` CRLF; where another reply is to come, also behind
/// any lone dot that a status line follows.
fn end_in(octets: &[u8], reply_behind: bool) -> Option<usize> {
    let strict = memmem::find(octets, END).map(|start| start + END.len());
    if !reply_behind {
        return strict;
    }
    // A lone dot behind the strict end is the next reply's.
    let before = &octets[..strict.unwrap_or(octets.len())];
    let lenient = memmem::find_iter(before, b"\n.").find_map(|at| {
        let rest = &octets[at + 2..];
        let next = rest.strip_prefix(b"\r").unwrap_or(rest);
        let next = next.strip_prefix(b"\n")?;
        let line = behind_empty_lines(next);
        let is_status = STATUS_WORDS.iter().any(|status| begins_with(line, status));
        is_status.then_some(octets.len() - next.len())
    });
    lenient.or(strict)
}

/// Some servers put an empty line before a status line.
fn behind_empty_lines(octets: &[u8]) -> &[u8] {
    let mut rest = octets;
    while let Some(behind) = rest.strip_prefix(b"\n").or(rest.strip_prefix(b"\r\n")) {
        rest = behind;
    }
    rest
}

fn begins_with(octets: &[u8], word: &[u8]) -> bool {
    octets
        .get(..word.len())
        .is_some_and(|octets| octets.eq_ignore_ascii_case(word))
}

/// A server's side: appends `text` as a body, with dots doubled where they begin a line, and the
/// dot that ends it (RFC 1939 section 3). Its last line gets an end if it has none.
pub fn append_body(reply: &mut Vec<u8>, text: &[u8]) {
    for line in text.split_inclusive(|&b| b == b'\n') {
        if line.starts_with(b".") {
            reply.push(b'.');
        }
        reply.extend_from_slice(line);
    }
    if !text.is_empty() && !text.ends_with(b"\r\n") {
        reply.extend_from_slice(b"\r\n");
    }
    reply.extend_from_slice(b".\r\n");
}

fn stops_at_a_dot(octets: &[u8]) -> bool {
    octets.ends_with(b"\n.\n") || octets.ends_with(b"\n.\r\n")
}

/// Octets at the end of `seen` that begin a status line behind a lone dot, and are no whole one.
fn status_begun_behind_a_dot(seen: &[u8]) -> usize {
    let begun = |length: &usize| {
        let (before, part) = seen.split_at(seen.len() - length);
        let begins = |status: &&[u8]| part.eq_ignore_ascii_case(&status[..part.len()]);
        stops_at_a_dot(before) && STATUS_WORDS.iter().any(begins)
    };
    (1..=seen.len().min(STATUS_BEGUN_MAX))
        .filter(begun)
        .max()
        .unwrap_or(0)
}

fn beginning_of_an_end(seen: &[u8]) -> usize {
    let begun = BEGINNINGS.iter().find(|begun| seen.ends_with(begun));
    begun.map_or(0, |begun| begun.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIPELINED: Behind = Behind {
        reply: true,
        nothing: false,
    };
    const NOTHING: Behind = Behind {
        reply: false,
        nothing: true,
    };

    fn scan(body: &[u8], behind: Behind) -> (usize, bool) {
        let scanned = EndScanner::new().scan(body, behind);
        (scanned.octets, scanned.ended)
    }

    fn end(body: &[u8]) -> Option<usize> {
        let (octets, ended) = scan(body, Behind::default());
        ended.then_some(octets)
    }

    /// What stops a body whose pieces come one by one, nothing of them held back.
    fn stops_at_a_dot_after(pieces: &[&[u8]]) -> bool {
        let mut scanner = EndScanner::new();
        for piece in pieces {
            let expected = Scanned {
                octets: piece.len(),
                ended: false,
            };
            assert_eq!(scanner.scan(piece, NOTHING), expected);
        }
        scanner.stops_at_a_dot()
    }

    #[test]
    fn a_dot_alone_on_its_line_ends_a_reply() {
        assert_eq!(end(b".\r\n"), Some(3));
        assert_eq!(end(b"a\r\n.\r\n+OK next\r\n"), Some(6));
        assert_eq!(end(b"\r\n\r\n.\r\n.\r\n"), Some(7));
    }

    #[test]
    fn stuffed_dots_and_bare_line_feeds_are_data() {
        assert_eq!(end(b"..\r\na\r\n..\r\n.a\r\n"), None);
        assert_eq!(end(b"a\n.\n\n.\r\n\r\n.\n"), None);
        assert_eq!(end(b".\n.\r\n"), None);
    }

    #[test]
    fn the_end_is_found_octet_by_octet() {
        let body = b"a\r\r\n..\r\n\r\n.\r\n";
        let mut scanner = EndScanner::new();
        let ends = body
            .iter()
            .map(|&octet| scanner.scan(&[octet], NOTHING).ended);
        let ends: Vec<_> = ends.collect();
        assert_eq!(ends.iter().position(|&ended| ended), Some(body.len() - 1));
    }

    #[test]
    fn what_may_be_the_beginning_of_an_end_is_held_back() {
        for (body, passes) in [
            (&b"a\r"[..], 1),
            (b"a\r\n", 1),
            (b"a\r\n.", 1),
            (b"a\r\n.\r", 1),
            (b"a\n.", 1),
            (b"a\n.\r", 1),
            (b".", 0),
            (b".\r", 0),
            (b"a\n", 2),
            (b"a.", 2),
            (b"a\r\n..", 5),
            (b"a\n.\r\n", 5),
            (b"a\r\n.\n", 5),
        ] {
            let what = body.escape_ascii().to_string();
            assert_eq!(scan(body, Behind::default()), (passes, false), "{what}");
            assert_eq!(scan(body, NOTHING), (body.len(), false), "{what}");
        }
    }

    #[test]
    fn a_lone_dot_between_any_line_ends_is_where_line_by_line_readers_stop() {
        for body in [&b".\n"[..], b"a\n.\n", b"a\n.\r\n", b"a\r\n.\n"] {
            assert!(stops_at_a_dot_after(&[body]), "{}", body.escape_ascii());
        }
        assert!(stops_at_a_dot_after(&[b"a\n", b".", b"\r", b"\n"]));
        for body in [&b"a\n..\n"[..], b"a.\n", b"a\n.\na", b"a\n. \n", b""] {
            assert!(!stops_at_a_dot_after(&[body]), "{}", body.escape_ascii());
        }
    }

    #[test]
    fn a_status_line_behind_a_lone_dot_is_the_next_reply_where_one_is_due() {
        for (body, octets) in [
            (&b"a\n.\n+OK\r\n"[..], 4),
            (b"a\n.\r\n-ERR no\n", 5),
            (b".\n+ok", 2),
            (b"a\n.\n\n+OK", 4),
            (b"a\n.\n\r\n+ERR", 4),
            (b"a\n.\nb\n.\n+OK b\r\n.\r\n", 8),
            (b"a\r\n.\r\n+OK\n.\n+OK", 6),
        ] {
            let what = body.escape_ascii().to_string();
            assert_eq!(scan(body, PIPELINED), (octets, true), "{what}");
        }
        assert_eq!(end(b"a\n.\n+OK\n"), None);
        assert_eq!(scan(b"a\n.\n+O", PIPELINED), (4, false));
        assert_eq!(scan(b"a\n.\n-ER", PIPELINED), (4, false));
        assert_eq!(scan(b"a\n.\n+a", PIPELINED), (6, false));
    }

    #[test]
    fn what_is_appended_is_read_back_as_one_body() {
        for (text, expected) in [
            ("", ".\r\n"),
            ("a\r\n", "a\r\n.\r\n"),
            ("a", "a\r\n.\r\n"),
            (".\r\n..\r\n", "..\r\n...\r\n.\r\n"),
        ] {
            let mut body = Vec::new();
            append_body(&mut body, text.as_bytes());
            assert_eq!(body, expected.as_bytes(), "{text:?}");
            assert_eq!(end(&body), Some(body.len()), "{text:?}");
        }
    }
}
