//! Lines, found in bytes that arrive in any pieces (RFC 1939 section 3).
//!
//! A line ends at LF, with or without a CR before it: RFC 1939 asks for CRLF, and there are clients
//! and servers that send LF alone. This is the one place that looks for a line end; who reads
//! commands, replies or bodies builds on it.

use crate::limits::LISTING_LINE_MAX;
use bytes::{Buf, BytesMut};
use memchr::{memchr, memchr2};
use zeroize::{Zeroize, Zeroizing};

/// A line has more octets than it may have, whether its end has come or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a line has more than {0} octets")]
pub struct LineTooLong(pub usize);

/// How many octets the first line of `input` has, its end included; `None` where its end has not
/// come yet. `max` is in octets and counts the line end.
///
/// # Errors
/// The line is longer than `max`. It is known as soon as so many octets are there, so that nobody
/// has to keep more.
pub fn first_line(input: &[u8], max: usize) -> Result<Option<usize>, LineTooLong> {
    match memchr(b'\n', input) {
        Some(lf) if lf < max => Ok(Some(lf + 1)),
        None if input.len() < max => Ok(None),
        _ => Err(LineTooLong(max)),
    }
}

/// Takes the first line off `input` and returns it without its end; `None` where its end has not
/// come yet, and then `input` stays as it is.
///
/// # Errors
/// As [`first_line`]; nothing is taken then.
pub fn take_line(input: &mut BytesMut, max: usize) -> Result<Option<BytesMut>, LineTooLong> {
    let Some(octets) = first_line(input, max)? else {
        return Ok(None);
    };
    let mut line = input.split_to(octets);
    line.truncate(without_end(&line).len());
    Ok(Some(line))
}

/// `line` without the LF that ends it and the CR before that. A second CR is the line's own: some
/// servers end lines in CR CR LF.
#[must_use]
pub fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// What stood between two line ends of a client.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// The line without its end, wiped on drop: it may hold a password.
    Text(Zeroizing<Vec<u8>>),
    /// A line of more octets than allowed, its end included. None of it was kept.
    TooLong,
    /// A line with a NUL, or with a CR that no LF follows. None of it was kept.
    Malformed,
}

/// Finds the lines of a client in a growing buffer.
#[derive(Debug, Default)]
pub struct LineReader {
    /// Inside a line that was too long: what comes up to its end is thrown away.
    skipping: bool,
}

impl LineReader {
    /// A reader at the start of a line.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next line off `input`, if a whole one is there. `max` is in octets and counts
    /// the line end.
    ///
    /// Only whole lines leave `input`, and what has come so far of an overlong one; so `input`
    /// never has to hold more than `max` octets. Octets that leave are wiped.
    pub fn next(&mut self, input: &mut BytesMut, max: usize) -> Option<Line> {
        let (line, octets) = match first_line(input, max) {
            Ok(Some(octets)) if !self.skipping => (Line::of(&input[..octets]), octets),
            Ok(None) if !self.skipping => return None,
            _ => match memchr(b'\n', input) {
                Some(lf) => (Line::TooLong, lf + 1),
                None => {
                    self.skipping = true;
                    let all = input.len();
                    wipe(input, all);
                    return None;
                }
            },
        };
        self.skipping = false;
        wipe(input, octets);
        Some(line)
    }

    /// Whether a line has begun that is too long already, so that its end need not be awaited.
    #[must_use]
    pub fn in_overlong_line(&self) -> bool {
        self.skipping
    }
}

impl Line {
    fn of(octets: &[u8]) -> Self {
        let text = without_end(octets);
        if memchr2(0, b'\r', text).is_some() {
            return Self::Malformed;
        }
        Self::Text(Zeroizing::new(text.to_vec()))
    }
}

fn wipe(input: &mut BytesMut, octets: usize) {
    input[..octets].zeroize();
    input.advance(octets);
}

/// The lines of a body that passes by in pieces. Only the beginning of a line whose end has not
/// come yet is kept.
#[derive(Debug, Default)]
pub struct PassingLines {
    begun: Vec<u8>,
}

impl PassingLines {
    /// Reads a piece; `on_line` is given each line that ends in it, without its end, and of a
    /// longer line than [`LISTING_LINE_MAX`] the first octets.
    pub fn read(&mut self, mut piece: &[u8], mut on_line: impl FnMut(&[u8])) {
        while let Some(lf) = memchr(b'\n', piece) {
            if self.begun.is_empty() {
                // Nearly always: a listing comes in pieces of many lines.
                on_line(without_end(&piece[..lf.min(LISTING_LINE_MAX)]));
            } else {
                self.keep(&piece[..lf]);
                on_line(without_end(&self.begun));
                self.begun.clear();
            }
            piece = &piece[lf + 1..];
        }
        self.keep(piece);
    }

    fn keep(&mut self, octets: &[u8]) {
        let room = LISTING_LINE_MAX - self.begun.len();
        self.begun
            .extend_from_slice(&octets[..octets.len().min(room)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], max: usize) -> Vec<Line> {
        let mut input = BytesMut::from(bytes);
        let mut reader = LineReader::new();
        std::iter::from_fn(|| reader.next(&mut input, max)).collect()
    }

    fn text(octets: &[u8]) -> Line {
        Line::Text(Zeroizing::new(octets.to_vec()))
    }

    #[test]
    fn a_line_ends_at_lf_with_or_without_cr() {
        let lines = read(b"USER a\r\nPASS  b \n\nrest", 16);
        assert_eq!(lines, [text(b"USER a"), text(b"PASS  b "), text(b"")]);
    }

    #[test]
    fn nul_and_stray_cr_are_malformed() {
        let lines = read(b"a\0b\r\na\rb\na\r\r\nNOOP\r\n", 16);
        assert_eq!(
            lines[..3],
            [Line::Malformed, Line::Malformed, Line::Malformed]
        );
        assert_eq!(lines[3], text(b"NOOP"));
    }

    #[test]
    fn the_longest_line_passes_and_one_octet_more_does_not() {
        assert_eq!(read(b"123456\r\n", 8), [text(b"123456")]);
        assert_eq!(
            read(b"1234567\r\nQUIT\n", 8),
            [Line::TooLong, text(b"QUIT")]
        );
    }

    #[test]
    fn an_overlong_line_is_skipped_in_bounded_memory_and_told_once() {
        let mut reader = LineReader::new();
        let mut input = BytesMut::new();
        for _ in 0..100 {
            input.extend_from_slice(&[b'x'; 10]);
            assert_eq!(reader.next(&mut input, 8), None);
            assert!(input.is_empty());
        }
        input.extend_from_slice(b"x\r\nNOOP\r\n");
        assert_eq!(reader.next(&mut input, 8), Some(Line::TooLong));
        assert_eq!(reader.next(&mut input, 8), Some(text(b"NOOP")));
    }

    #[test]
    fn a_line_is_taken_once_its_end_has_come_and_keeps_its_own_octets() {
        for (input, line, left) in [
            (&b"+OK\r\n-ERR"[..], Some(&b"+OK"[..]), &b"-ERR"[..]),
            (b"a\0b\rc\r\r\nd", Some(b"a\0b\rc\r"), b"d"),
            (b"\n", Some(b""), b""),
            (b"+OK\r", None, b"+OK\r"),
        ] {
            let mut buffer = BytesMut::from(input);
            let taken = take_line(&mut buffer, 16).unwrap();
            assert_eq!(taken.as_deref(), line, "{}", input.escape_ascii());
            assert_eq!(buffer, left, "{}", input.escape_ascii());
        }
    }

    #[test]
    fn a_line_is_too_long_as_soon_as_that_is_known() {
        let error = Err(LineTooLong(4));
        for (input, expected) in [
            (&b"abc"[..], Ok(None)),
            (b"abc\n", Ok(Some(4))),
            (b"abcd", error),
            (b"abcd\n", error),
        ] {
            assert_eq!(first_line(input, 4), expected, "{}", input.escape_ascii());
        }
    }

    #[test]
    fn lines_that_pass_by_are_the_same_in_any_pieces() {
        let long = [&vec![b'x'; LISTING_LINE_MAX + 5][..], b"\r\n"].concat();
        let body = [b"1 a\r\n\n2 b\n", &long[..], b"\r\r\n.\r\nrest"].concat();
        let lines = |size: usize| {
            let mut lines = PassingLines::default();
            let mut seen = Vec::new();
            for piece in body.chunks(size) {
                lines.read(piece, |line| seen.push(line.to_vec()));
                assert!(lines.begun.len() <= LISTING_LINE_MAX);
            }
            seen
        };
        let long = vec![b'x'; LISTING_LINE_MAX];
        let expected = [&b"1 a"[..], b"", b"2 b", &long, b"\r", b"."];
        for size in [1, 2, 3, 7, body.len()] {
            assert_eq!(lines(size), expected, "pieces of {size}");
        }
    }
}
