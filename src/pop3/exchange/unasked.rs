//! What the backend says though no command awaits it: second thoughts, a farewell, or what follows
//! an end that was none.

use super::{Disposition, Exchange, Violation};
use crate::limits::UNASKED_MAX;
use crate::pop3::reply::{STATUS_WORDS, is_blank};
use crate::pop3::verb::Expected;
use memchr::memchr;

/// What is known of octets that answer no command.
#[derive(Debug, Default)]
pub(super) struct Unasked {
    /// How many there were.
    octets: usize,
    /// One of their lines has begun and not ended.
    in_line: bool,
    /// The last reply, where that had a body: what follows it must be a reply too.
    behind_body: Option<Expected>,
    /// Behind that body more may be on its way that was not read yet.
    more_may_come: bool,
}

impl Unasked {
    /// Whether a line has begun and not ended.
    pub(super) fn in_line(&self) -> bool {
        self.in_line
    }

    /// A reply has ended.
    pub(super) fn reply_ended(&mut self, expected: Expected, with_body: bool) {
        self.behind_body = with_body.then_some(expected);
        self.more_may_come = with_body;
    }

    /// All that the backend has sent so far was read.
    pub(super) fn nothing_is_left(&mut self) {
        self.more_may_come = false;
    }

    /// Whether what was taken for a body's end may still turn out to be none.
    pub(super) fn more_may_come(&self) -> bool {
        self.more_may_come
    }

    /// Whether the last reply had a body.
    pub(super) fn is_behind_body(&self) -> bool {
        self.behind_body.is_some()
    }

    /// The violation of a line that is no reply.
    pub(super) fn no_reply(&self) -> Violation {
        self.behind_body
            .map_or(Violation::NotAReply, Violation::BehindBody)
    }

    fn swallow(&mut self, octets: &[u8]) -> Result<Disposition, Violation> {
        self.in_line = !octets.ends_with(b"\n");
        self.octets += octets.len();
        if self.octets > UNASKED_MAX {
            return Err(Violation::Unasked);
        }
        Ok(Disposition::Swallow(octets.len()))
    }
}

impl Exchange {
    /// The next line of what nobody asked for, or what there is of it.
    pub(super) fn unasked_line(
        &mut self,
        input: &[u8],
        pauses: bool,
    ) -> Result<Disposition, Violation> {
        let line = &input[..line_end(input)];
        // Elsewhere it is a farewell or a second thought, such as a line at the server's idle
        // timeout. The client would take it for its next reply, so it is not sent on.
        if self.unasked.in_line || self.unasked.behind_body.is_none() {
            return self.unasked.swallow(line);
        }
        match could_be_a_reply(line) {
            Some(false) => Err(self.unasked.no_reply()),
            None if !pauses => Ok(Disposition::Hold),
            _ => self.unasked.swallow(line),
        }
    }
}

/// Whether a line, or what has come of it, is a status line or blank; `None`: it is too short to
/// tell.
fn could_be_a_reply(line: &[u8]) -> Option<bool> {
    if is_blank(line) {
        return line.ends_with(b"\n").then_some(true);
    }
    // As far as both go: "+O" may become "+OK".
    let same = |status: &&[u8]| {
        let length = line.len().min(status.len());
        line[..length].eq_ignore_ascii_case(&status[..length])
    };
    match STATUS_WORDS.iter().find(|status| same(status)) {
        None => Some(false),
        Some(status) => (line.len() >= status.len()).then_some(true),
    }
}

/// Octets up to and with the first LF, or all.
pub(super) fn line_end(bytes: &[u8]) -> usize {
    memchr(b'\n', bytes).map_or(bytes.len(), |lf| lf + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_reply_or_blank_or_not_or_too_short_to_tell() {
        for line in ["+OK", "-err x", "+ERR\r\n", "\r\n", "\n"] {
            assert_eq!(could_be_a_reply(line.as_bytes()), Some(true), "{line:?}");
        }
        for line in ["after", "-- \r\n", "+1", ".\r\n", "  x", " +OK\r\n"] {
            assert_eq!(could_be_a_reply(line.as_bytes()), Some(false), "{line:?}");
        }
        for line in ["+", "-", "-E", "+O", "\r", " "] {
            assert_eq!(could_be_a_reply(line.as_bytes()), None, "{line:?}");
        }
    }
}
