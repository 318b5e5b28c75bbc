//! Replies of a server, read from bytes that arrive in any pieces: the status line, and the body
//! that may follow it (RFC 1939 section 3).

use crate::limits::{BLANK_LINES_MAX, REPLY_LINE_MAX};
use crate::pop3::line::{LineTooLong, take_line};
use crate::pop3::reply::is_blank;
use bytes::BytesMut;

/// Why a reply cannot be read: the server's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// A line of it does not end.
    #[error(transparent)]
    LineTooLong(#[from] LineTooLong),
    /// Nothing but empty lines comes where a status line is due.
    #[error("more than {0} empty lines came before a status line")]
    TooManyBlankLines(usize),
    /// The body takes more room than it may.
    #[error("a reply has more than {0} octets")]
    BodyTooLong(usize),
}

/// Reads one status line. Some servers send empty lines before it; they are skipped.
#[derive(Debug, Default)]
pub struct StatusReader {
    blank_lines: usize,
}

impl StatusReader {
    /// Takes the status line off `input`, without its end, once it is whole. What it says is not
    /// looked at.
    ///
    /// # Errors
    /// The line, or what stands before it, is longer than any server's.
    pub fn next(&mut self, input: &mut BytesMut) -> Result<Option<Vec<u8>>, ReplyError> {
        while let Some(line) = take_line(input, REPLY_LINE_MAX)? {
            if !is_blank(&line) {
                return Ok(Some(line.to_vec()));
            }
            self.blank_lines += 1;
            if self.blank_lines > BLANK_LINES_MAX {
                return Err(ReplyError::TooManyBlankLines(BLANK_LINES_MAX));
            }
        }
        Ok(None)
    }

    /// How many empty lines stood before it so far.
    #[must_use]
    pub fn blank_lines(&self) -> usize {
        self.blank_lines
    }
}

/// Reads the body of a multi-line reply into memory, for those who need it whole. The relay does
/// not: it follows bodies by [`EndScanner`](crate::pop3::multiline::EndScanner).
#[derive(Debug)]
pub struct BodyReader {
    lines: Vec<Vec<u8>>,
    kept: usize,
    max: usize,
}

impl BodyReader {
    /// A reader right behind a status line, for a body that takes at most `max` octets to keep.
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self {
            lines: Vec::new(),
            kept: 0,
            max,
        }
    }

    /// Takes what has come of the body off `input`. Once the line with the dot alone is there: the
    /// lines before it, their ends and doubled dots taken off.
    ///
    /// # Errors
    /// A line, or the body, is longer than it may be.
    pub fn next(&mut self, input: &mut BytesMut) -> Result<Option<Vec<Vec<u8>>>, ReplyError> {
        while let Some(line) = take_line(input, REPLY_LINE_MAX)? {
            if &line[..] == b"." {
                return Ok(Some(std::mem::take(&mut self.lines)));
            }
            // RFC 1939 section 3: a line that begins with a dot has another one before it.
            let text = line.strip_prefix(b".").unwrap_or(&line).to_vec();
            // A body of empty lines takes room too.
            self.kept += text.len() + size_of::<Vec<u8>>();
            if self.kept > self.max {
                return Err(ReplyError::BodyTooLong(self.max));
            }
            self.lines.push(text);
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes out of `reader` when the octets come in pieces of `size`, and what is left.
    fn feed<T>(
        octets: &[u8],
        size: usize,
        mut next: impl FnMut(&mut BytesMut) -> Result<Option<T>, ReplyError>,
    ) -> (Result<Option<T>, ReplyError>, Vec<u8>) {
        let mut input = BytesMut::new();
        let mut read = Ok(None);
        for piece in octets.chunks(size) {
            input.extend_from_slice(piece);
            if matches!(read, Ok(None)) {
                read = next(&mut input);
            }
        }
        (read, input.to_vec())
    }

    #[test]
    fn a_status_line_is_the_first_that_is_not_empty_in_any_pieces() {
        let octets = b"\r\n \t\n-ERR [IN-USE] no \r\n+OK\r\n";
        for size in 1..=octets.len() {
            let mut reader = StatusReader::default();
            let (read, left) = feed(octets, size, |input| reader.next(input));
            assert_eq!(read, Ok(Some(b"-ERR [IN-USE] no ".to_vec())), "{size}");
            assert_eq!(left, b"+OK\r\n", "{size}");
            assert_eq!(reader.blank_lines(), 2, "{size}");
        }
    }

    #[test]
    fn what_stands_before_a_status_line_is_bounded() {
        let blank = "\n".repeat(BLANK_LINES_MAX + 1);
        let mut reader = StatusReader::default();
        let (read, _) = feed(blank.as_bytes(), 1, |input| reader.next(input));
        assert_eq!(read, Err(ReplyError::TooManyBlankLines(BLANK_LINES_MAX)));
        let long = vec![b'x'; REPLY_LINE_MAX];
        let mut reader = StatusReader::default();
        let (read, _) = feed(&long, 1000, |input| reader.next(input));
        let error = ReplyError::LineTooLong(LineTooLong(REPLY_LINE_MAX));
        assert_eq!(read, Err(error));
    }

    #[test]
    fn a_body_ends_at_the_dot_alone_and_loses_one_dot_of_two() {
        let octets = b"TOP\r\n..\n...x\r\n\r\n.\r\n+OK\r\n";
        let lines: Vec<_> = [&b"TOP"[..], b".", b"..x", b""].map(<[u8]>::to_vec).into();
        for size in 1..=octets.len() {
            let mut reader = BodyReader::new(1000);
            let (read, left) = feed(octets, size, |input| reader.next(input));
            assert_eq!(read, Ok(Some(lines.clone())), "{size}");
            assert_eq!(left, b"+OK\r\n", "{size}");
        }
    }

    #[test]
    fn a_body_is_bounded_by_what_it_takes_to_keep_it() {
        for (line, fits) in [("1234567890\r\n", true), ("12345678901\r\n", false)] {
            let mut reader = BodyReader::new(2 * (10 + size_of::<Vec<u8>>()));
            let octets = format!("{}.\r\n", line.repeat(2));
            let (read, _) = feed(octets.as_bytes(), 5, |input| reader.next(input));
            assert_eq!(read.is_ok(), fits, "{read:?}");
        }
        let mut reader = BodyReader::new(1000);
        let (read, _) = feed(&b"\n".repeat(100), 1, |input| reader.next(input));
        assert_eq!(read, Err(ReplyError::BodyTooLong(1000)));
    }
}
