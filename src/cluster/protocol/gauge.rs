//! How long replies are, while they come: the parser has no bounds, and a server that is no engine,
//! or not one's own, may say that a terabyte follows.

use crate::limits::{CLUSTER_REPLY_ITEMS_MAX, CLUSTER_REPLY_MAX};

/// A reply that is longer than any that popgate asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExcessiveReply {
    /// In octets.
    #[error("it sends a reply of more than {CLUSTER_REPLY_MAX} octets, as no engine does")]
    Octets,
    /// In items of lists.
    #[error("it sends a reply of more than {CLUSTER_REPLY_ITEMS_MAX} items, as no engine does")]
    Items,
}

/// Where in a reply the next octet stands.
#[derive(Debug)]
enum ReplyPlace {
    /// It says what comes.
    Kind,
    /// In the line behind that.
    Line(ReplyHeader),
    /// In a text, which has so many octets left.
    Text(usize),
}

/// The line that a value begins with.
#[derive(Debug)]
struct ReplyHeader {
    kind: u8,
    number: usize,
    is_negative: bool,
}

/// Follows replies of versions 2 and 3 of the protocol, and what comes unasked. What is none of
/// these is for the parser to refuse.
#[derive(Debug)]
pub struct ReplyGauge {
    place: ReplyPlace,
    /// Octets of this reply so far.
    octets: usize,
    /// Values of this reply that are still to come.
    items: usize,
}

impl Default for ReplyGauge {
    fn default() -> Self {
        Self {
            place: ReplyPlace::Kind,
            octets: 0,
            items: 1,
        }
    }
}

impl ReplyGauge {
    /// These octets come next.
    ///
    /// # Errors
    /// The reply is longer than it may be: nothing after it can be relied on.
    pub fn pass(&mut self, octets: &[u8]) -> Result<(), ExcessiveReply> {
        let mut rest = octets;
        while let Some((&first, behind)) = rest.split_first() {
            let passed = match &mut self.place {
                ReplyPlace::Text(left) => {
                    let passed = rest.len().min(*left);
                    *left -= passed;
                    rest = &rest[passed..];
                    passed
                }
                _ => {
                    rest = behind;
                    1
                }
            };
            self.octets += passed;
            if self.octets > CLUSTER_REPLY_MAX {
                return Err(ExcessiveReply::Octets);
            }
            match &mut self.place {
                ReplyPlace::Kind => self.place = ReplyPlace::Line(ReplyHeader::of(first)),
                ReplyPlace::Line(header) if first != b'\n' => header.read(first),
                ReplyPlace::Line(header) => {
                    let (length, items) = header.follows();
                    self.begun(length, items)?;
                }
                ReplyPlace::Text(0) => self.begun(0, 0)?,
                ReplyPlace::Text(_) => {}
            }
        }
        Ok(())
    }

    /// A value's line, or its text, is over, and this follows: octets of a text, or items.
    fn begun(&mut self, length: usize, items: usize) -> Result<(), ExcessiveReply> {
        if length > CLUSTER_REPLY_MAX {
            return Err(ExcessiveReply::Octets);
        }
        if length > 0 {
            self.place = ReplyPlace::Text(length);
            return Ok(());
        }
        self.items = self.items.saturating_add(items) - 1;
        if self.items > CLUSTER_REPLY_ITEMS_MAX {
            return Err(ExcessiveReply::Items);
        }
        self.place = ReplyPlace::Kind;
        if self.items == 0 {
            *self = Self::default();
        }
        Ok(())
    }
}

impl ReplyHeader {
    fn of(kind: u8) -> Self {
        Self {
            kind,
            number: 0,
            is_negative: false,
        }
    }

    fn read(&mut self, octet: u8) {
        match octet {
            b'-' => self.is_negative = true,
            b'0'..=b'9' => {
                let digit = usize::from(octet - b'0');
                self.number = self.number.saturating_mul(10).saturating_add(digit);
            }
            _ => {}
        }
    }

    /// Octets of a text, its line end included, and items.
    fn follows(&self) -> (usize, usize) {
        // As a missing value is written in version 2.
        if self.is_negative {
            return (0, 0);
        }
        match self.kind {
            b'$' | b'=' | b'!' => (self.number.saturating_add(2), 0),
            b'*' | b'~' | b'>' => (0, self.number),
            b'%' => (0, self.number.saturating_mul(2)),
            // Attributes stand before the value that they are of.
            b'|' => (0, self.number.saturating_mul(2).saturating_add(1)),
            _ => (0, 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In one piece, and octet by octet.
    fn passes(octets: &[u8]) -> Result<(), ExcessiveReply> {
        let whole = ReplyGauge::default().pass(octets);
        let mut gauge = ReplyGauge::default();
        let single = octets.chunks(1).try_for_each(|octet| gauge.pass(octet));
        assert_eq!(whole, single);
        whole
    }

    #[test]
    fn a_reply_that_says_too_much_is_refused_before_it_comes() {
        use ExcessiveReply::{Items, Octets};
        for (octets, refused) in [
            (format!("${}\r\n", CLUSTER_REPLY_MAX), Octets),
            (format!("={}\r\n", u64::MAX), Octets),
            (format!("!{}0\r\n", u64::MAX), Octets),
            (format!("*{}\r\n", CLUSTER_REPLY_ITEMS_MAX + 1), Items),
            (format!("~{}\r\n", i64::MAX), Items),
            (format!(">{}\r\n", i64::MAX), Items),
            (format!("%{}\r\n", CLUSTER_REPLY_ITEMS_MAX / 2 + 1), Items),
            (format!("|{}\r\n", u64::MAX), Items),
            ("*60000\r\n*60000\r\n".to_owned(), Items),
        ] {
            assert_eq!(passes(octets.as_bytes()), Err(refused), "{octets:?}");
        }
        let line = [b"+".as_slice(), &vec![b'a'; CLUSTER_REPLY_MAX]].concat();
        assert_eq!(passes(&line), Err(Octets));
        let text = format!("$1000000\r\n{}\r\n", "a".repeat(1_000_000));
        assert_eq!(
            passes(format!("*5\r\n{text}{text}{text}{text}").as_bytes()),
            Ok(())
        );
        assert_eq!(
            passes(format!("*5\r\n{}", text.repeat(5)).as_bytes()),
            Err(Octets)
        );
    }

    #[test]
    fn replies_one_after_another_are_counted_apart() {
        let text = format!("$1000000\r\n{}\r\n", "a".repeat(1_000_000));
        let replies = [
            ":5\r\n",
            "+OK\r\n",
            "-ERR no\r\n",
            "_\r\n",
            "$-1\r\n",
            "*-1\r\n",
            "*0\r\n",
            "$0\r\n\r\n",
            "*2\r\n:1\r\n*1\r\n$1\r\n*\r\n",
            "%1\r\n+a\r\n:1\r\n",
            "|1\r\n+a\r\n:1\r\n+value\r\n",
            ">3\r\n+message\r\n$1\r\nc\r\n$2\r\np1\r\n",
            "=8\r\ntxt:\r\n12\r\n",
            "#t\r\n",
            ",1.5\r\n",
            "(123456789012345678901234567890\r\n",
        ];
        for reply in replies {
            // Were one counted on with the next, these would be too many octets.
            let octets = format!("{reply}{text}").repeat(5);
            assert_eq!(passes(octets.as_bytes()), Ok(()), "{reply:?}");
        }
    }
}
