//! What a session did, counted from replies.

use crate::pop3::reply::ReplyTo;
use crate::pop3::verb::Expected;

/// What a session did so far. Counts come from the backend's replies, not from wishes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Lines of the client, QUIT included and what follows it not.
    pub commands: u64,
    /// Messages in the maildrop by the last STAT, LIST or UIDL.
    pub listed: Option<u64>,
    /// Whole messages that were sent to the end, by RETR or by a TOP of everything.
    pub retrieved: u64,
    /// Messages marked by DELE since login or the last RSET, and not yet deleted.
    pub marked: u64,
    /// Messages deleted: those marked when QUIT was answered `+OK`.
    pub deleted: u64,
}

impl Tally {
    /// A status line `+OK`.
    pub(super) fn ok(&mut self, expected: Expected, line: &[u8]) {
        match expected.to {
            ReplyTo::Stat => self.listed = count_of_stat(line).or(self.listed),
            ReplyTo::Dele => self.marked += 1,
            ReplyTo::Rset => self.marked = 0,
            _ => {}
        }
    }

    /// The end of a body of `lines` lines, the dot not counted.
    pub(super) fn body(&mut self, expected: Expected, lines: u64) {
        if expected.message {
            self.retrieved += 1;
        } else if matches!(expected.to, ReplyTo::List | ReplyTo::Uidl) {
            self.listed = Some(lines);
        }
    }

    /// QUIT went well: the UPDATE state (RFC 1939 section 6).
    pub(super) fn commit(&mut self) {
        self.deleted = std::mem::take(&mut self.marked);
    }
}

/// RFC 1939 section 5: `+OK nn mm`.
fn count_of_stat(line: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(line).ok()?;
    text.split_ascii_whitespace().nth(1)?.parse().ok()
}
