//! What tells one maildrop's UIDL listing from another's, without keeping it.

use crate::limits::UIDL_COUNTER_DIGITS;
use std::hash::{DefaultHasher, Hasher};

/// Reads the body of a UIDL listing (RFC 1939 section 7) in any pieces: what comes right behind
/// the LF of the status line, to the line with the dot alone and with it. Lines end in LF; the CR
/// before it and the message's number are no part of an id.
#[derive(Debug, Default)]
pub struct UidlDigest {
    hasher: DefaultHasher,
    messages: u64,
    place: Place,
    is_end: bool,
    /// The id of this line, as far as it is a number: its value and its digits.
    number: Option<(u64, usize)>,
    last: Option<u64>,
    is_telling: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// Where a line begins.
    #[default]
    Start,
    Number,
    Blank,
    Id,
}

/// A UIDL listing that was read whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UidlListing {
    /// Its messages.
    pub messages: u64,
    /// Equal for equal ids in the same order.
    pub digest: u64,
    /// Whether two maildrops are not likely to have the same. Where a server counts the messages
    /// of each maildrop by itself, and gives the count for an id (hMailServer), many have 1 to n.
    pub is_telling: bool,
}

impl UidlDigest {
    /// Reads a piece.
    pub fn read(&mut self, piece: &[u8]) {
        for &octet in piece {
            self.octet(octet);
        }
    }

    fn octet(&mut self, octet: u8) {
        match (self.place, octet) {
            (_, b'\r') => {}
            (_, b'\n') => self.line_ended(),
            (Place::Start, b'.') => {
                (self.place, self.is_end) = (Place::Number, true);
            }
            (Place::Start | Place::Number, b' ') => self.place = Place::Blank,
            (Place::Start | Place::Number, _) => self.place = Place::Number,
            (Place::Blank, b' ') => {}
            (Place::Blank | Place::Id, octet) => self.id_octet(octet),
        }
    }

    fn id_octet(&mut self, octet: u8) {
        let before = match self.place {
            Place::Id => self.number,
            _ => Some((0, 0)),
        };
        self.place = Place::Id;
        self.number =
            before.filter(|(_, digits)| octet.is_ascii_digit() && *digits < UIDL_COUNTER_DIGITS);
        let digit = u64::from(octet.wrapping_sub(b'0'));
        self.number = self
            .number
            .map(|(value, digits)| (value * 10 + digit, digits + 1));
        self.hasher.write_u8(octet);
    }

    fn line_ended(&mut self) {
        if !self.is_end {
            let number = self.number.take().map(|(value, _)| value);
            let counts = match (number, self.last) {
                (Some(now), Some(last)) => now == last + 1,
                (now, _) => now.is_some() && self.messages == 0,
            };
            self.is_telling |= !counts;
            self.last = number;
            self.messages += 1;
            self.hasher.write_u8(b'\n');
        }
        (self.place, self.is_end) = (Place::Start, false);
    }

    /// What was read, at its end.
    #[must_use]
    pub fn finish(&self) -> UidlListing {
        UidlListing {
            messages: self.messages,
            digest: self.hasher.finish(),
            is_telling: self.is_telling,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> UidlListing {
        let mut digest = UidlDigest::default();
        digest.read(body.as_bytes());
        digest.finish()
    }

    #[test]
    fn pieces_do_not_matter_nor_do_numbers_and_line_ends() {
        let whole = read("1 aaa\r\n2 b.b\r\n.\r\n");
        let mut digest = UidlDigest::default();
        b"1 aaa\r\n2 b.b\r\n.\r\n"
            .chunks(1)
            .for_each(|piece| digest.read(piece));
        assert_eq!(digest.finish(), whole);
        assert_eq!(read("2   aaa\n7 b.b\n.\n"), whole);
        assert_eq!((whole.messages, whole.is_telling), (2, true));
    }

    #[test]
    fn other_ids_or_another_order_are_another_list() {
        let one = read("1 aaa\r\n2 bbb\r\n.\r\n").digest;
        for other in [
            "1 bbb\r\n2 aaa\r\n.\r\n",
            "1 aaab\r\n2 bb\r\n.\r\n",
            "1 aaa\r\n.\r\n",
        ] {
            assert_ne!(read(other).digest, one, "{other}");
        }
        assert_eq!(read(".\r\n").messages, 0);
    }

    #[test]
    fn ids_that_only_count_say_nothing() {
        for counted in [
            "1 1\r\n2 2\r\n3 3\r\n.\r\n",
            "1 0041\r\n2 0042\r\n.\r\n",
            ".\r\n",
        ] {
            assert!(!read(counted).is_telling, "{counted}");
        }
        for telling in [
            "1 1\r\n2 3\r\n.\r\n",
            "1 u1\r\n2 u2\r\n.\r\n",
            "1 1760000001\r\n2 1760000002\r\n.\r\n",
        ] {
            assert!(read(telling).is_telling, "{telling}");
        }
    }
}
