//! What tells one maildrop's UIDL listing from another's, without keeping it.

use crate::limits::UIDL_COUNTER_DIGITS;
use crate::pop3::line::PassingLines;
use crate::pop3::listing::UniqueIdListing;
use std::hash::{DefaultHasher, Hasher};

/// Reads the body of a UIDL reply (RFC 1939 section 7) in any pieces: what comes right behind the
/// LF of the status line, to the line with the dot alone and with it. The messages' numbers are no
/// part of the digest.
#[derive(Debug, Default)]
pub struct ListingDigester {
    lines: PassingLines,
    ids: IdDigest,
}

/// What was read of the unique-ids so far.
#[derive(Debug, Default)]
struct IdDigest {
    hasher: DefaultHasher,
    messages: u64,
    /// The last id, where it may be a count.
    last: Option<u64>,
    is_distinctive: bool,
}

/// What a UIDL reply that was read whole lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ListingDigest {
    /// Its messages.
    pub messages: u64,
    /// Equal for equal ids in the same order.
    pub digest: u64,
    /// Whether two maildrops are not likely to have the same. Where a server counts the messages
    /// of each maildrop by itself, and gives the count for an id (hMailServer), many have 1 to n.
    pub is_distinctive: bool,
}

impl ListingDigester {
    /// Reads a piece.
    pub fn read(&mut self, piece: &[u8]) {
        let ids = &mut self.ids;
        self.lines.read(piece, |line| ids.read(line));
    }

    /// What was read, at its end.
    #[must_use]
    pub fn finish(&self) -> ListingDigest {
        ListingDigest {
            messages: self.ids.messages,
            digest: self.ids.hasher.finish(),
            is_distinctive: self.ids.is_distinctive,
        }
    }
}

impl IdDigest {
    fn read(&mut self, line: &[u8]) {
        if line == b"." {
            return;
        }
        // A line that is no listing counts as it stands: if all of them had no id, two maildrops of
        // a server that numbers its messages oddly would look like one.
        let unique_id = UniqueIdListing::parse(line).map_or(line, |listing| listing.unique_id);
        let count = as_count(unique_id);
        let goes_on_counting = match (count, self.last) {
            (Some(count), Some(last)) => count == last + 1,
            (count, _) => count.is_some() && self.messages == 0,
        };
        self.is_distinctive |= !goes_on_counting;
        self.last = count;
        self.messages += 1;
        self.hasher.write(unique_id);
        self.hasher.write_u8(b'\n');
    }
}

/// An id that may be a server's count of one maildrop's messages.
fn as_count(unique_id: &[u8]) -> Option<u64> {
    if unique_id.len() > UIDL_COUNTER_DIGITS || !unique_id.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(unique_id).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> ListingDigest {
        let mut digest = ListingDigester::default();
        digest.read(body.as_bytes());
        digest.finish()
    }

    #[test]
    fn lines_that_are_no_listing_tell_maildrops_apart() {
        assert_ne!(read("0 aaa\r\n.\r\n"), read("0 bbb\r\n.\r\n"));
        assert_ne!(read("#1 aaa\r\n.\r\n"), read("#1 bbb\r\n.\r\n"));
        assert_ne!(
            read("99999999999 a\r\n.\r\n"),
            read("99999999999 b\r\n.\r\n")
        );
    }

    #[test]
    fn pieces_do_not_matter_nor_do_numbers_and_line_ends() {
        let whole = read("1 aaa\r\n2 b.b\r\n.\r\n");
        let mut digest = ListingDigester::default();
        b"1 aaa\r\n2 b.b\r\n.\r\n"
            .chunks(1)
            .for_each(|piece| digest.read(piece));
        assert_eq!(digest.finish(), whole);
        assert_eq!(read("2   aaa\n7 b.b\n.\n"), whole);
        assert_eq!((whole.messages, whole.is_distinctive), (2, true));
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
            assert!(!read(counted).is_distinctive, "{counted}");
        }
        for distinctive in [
            "1 1\r\n2 3\r\n.\r\n",
            "1 u1\r\n2 u2\r\n.\r\n",
            "1 1760000001\r\n2 1760000002\r\n.\r\n",
        ] {
            assert!(read(distinctive).is_distinctive, "{distinctive}");
        }
    }
}
