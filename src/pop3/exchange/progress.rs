//! What gets a session on, told from what only shows that its program is alive.

use crate::pop3::reply::ReplyTo;
use crate::pop3::verb::Expected;

/// Commands of an opaque session that only ask again.
const ASKING: [&[u8]; 5] = [b"NOOP", b"STAT", b"LIST", b"UIDL", b"CAPA"];

/// Counts commands that went well and got their program on.
#[derive(Debug, Default)]
pub(super) struct Progress {
    count: u64,
    stat: bool,
    list: bool,
    uidl: bool,
}

impl Progress {
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Whether `+OK` to this command is progress.
    pub(super) fn would_be(&self, expected: Expected) -> bool {
        match expected.to {
            ReplyTo::Retr | ReplyTo::Top | ReplyTo::Dele => true,
            ReplyTo::Stat => !self.stat,
            ReplyTo::List => !self.list,
            ReplyTo::Uidl => !self.uidl,
            _ => false,
        }
    }

    /// It was answered `+OK`, to the end.
    pub(super) fn done(&mut self, expected: Expected) {
        self.count += u64::from(self.would_be(expected));
        match expected.to {
            ReplyTo::Stat => self.stat = true,
            ReplyTo::List => self.list = true,
            ReplyTo::Uidl => self.uidl = true,
            _ => {}
        }
    }

    /// A command line of an opaque session, or its first octets.
    pub(super) fn raw_line(&mut self, line: &[u8]) {
        let keyword = line.split(u8::is_ascii_whitespace).next().unwrap_or(line);
        let asks = ASKING.iter().any(|ask| keyword.eq_ignore_ascii_case(ask));
        self.count += u64::from(!asks);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pop3::verb::Verb;

    fn counts(lines: &[&str]) -> Vec<u64> {
        let mut progress = Progress::default();
        let done = lines.iter().map(|line| {
            let Verb::Forward(expected) = Verb::of_line(line.as_bytes()) else {
                panic!("{line}");
            };
            progress.done(expected);
            progress.count()
        });
        done.collect()
    }

    #[test]
    fn the_first_listings_and_every_message_get_a_session_on() {
        assert_eq!(counts(&["STAT", "LIST", "UIDL 1"]), [1, 2, 3]);
        assert_eq!(counts(&["LIST", "LIST", "LIST 2", "STAT"]), [1, 1, 1, 2]);
        assert_eq!(
            counts(&["RETR 1", "TOP 1 0", "DELE 1", "RETR 1"]),
            [1, 2, 3, 4]
        );
        assert_eq!(counts(&["NOOP", "RSET", "LAST"]), [0, 0, 0]);
    }

    #[test]
    fn a_raw_line_gets_a_session_on_unless_it_only_asks() {
        let mut progress = Progress::default();
        for line in [&b"noop"[..], b"LIST 1", b"STAT ", b"CAPA"] {
            progress.raw_line(line);
        }
        assert_eq!(progress.count(), 0);
        progress.raw_line(b"XTND XMIT");
        progress.raw_line(b"RETR 1");
        assert_eq!(progress.count(), 2);
    }
}
