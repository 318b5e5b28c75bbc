//! Command lines, found in bytes that arrive in any pieces (RFC 1939 section 3).

use bytes::{Buf, BytesMut};
use memchr::{memchr, memchr2};
use zeroize::{Zeroize, Zeroizing};

/// What stood between two line ends.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// The line without its end, wiped on drop: it may hold a password.
    Text(Zeroizing<Vec<u8>>),
    /// A line of more octets than allowed, its end included. None of it was kept.
    TooLong,
    /// A line with a NUL, or with a CR that no LF follows. None of it was kept.
    Malformed,
}

/// Finds lines in a growing buffer. A line ends at LF, with or without a CR before it.
#[derive(Debug, Default)]
pub struct LineReader {
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
        let Some(lf) = memchr(b'\n', input) else {
            if self.skipping || input.len() >= max {
                self.skipping = true;
                let all = input.len();
                wipe(input, all);
            }
            return None;
        };
        let line = if self.skipping || lf >= max {
            Line::TooLong
        } else {
            Line::of(&input[..lf])
        };
        self.skipping = false;
        wipe(input, lf + 1);
        Some(line)
    }
}

impl Line {
    fn of(octets: &[u8]) -> Self {
        let text = octets.strip_suffix(b"\r").unwrap_or(octets);
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
}
