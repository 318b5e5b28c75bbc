//! Listings: what a server says is in a maildrop, in its replies to STAT, LIST and UIDL (RFC 1939
//! sections 5 and 7, whose names the types have).
//!
//! Numbers and blanks are read as mail programs read them: any blanks stand between two fields
//! (fetchmail reads by `sscanf`), and what follows the size is not looked at. RFC 1939 section 5
//! allows that for STAT and LIST, and asks clients to ignore it.

mod replies;
mod whole;

pub use replies::ListingReplies;
pub(crate) use replies::{NO_SUCH_MESSAGE, no_such_message};
pub use whole::{ListingChange, MaildropListing, NotWhole, ScanReader, UniqueIdReader};

use std::fmt;
use std::num::NonZeroU32;

/// The number of a message in its maildrop: 1 is the first. It holds for one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageNumber(NonZeroU32);

impl MessageNumber {
    /// `None`: it is zero.
    #[must_use]
    pub fn new(number: u32) -> Option<Self> {
        NonZeroU32::new(number).map(Self)
    }

    /// Reads decimal digits; no sign, and not zero.
    #[must_use]
    pub fn parse(octets: &[u8]) -> Option<Self> {
        let number = u32::try_from(decimal(octets)?).ok()?;
        NonZeroU32::new(number).map(Self)
    }

    /// The number of the message at `index`, counted from 0.
    #[must_use]
    pub fn from_index(index: usize) -> Option<Self> {
        let number = u32::try_from(index.checked_add(1)?).ok()?;
        NonZeroU32::new(number).map(Self)
    }

    /// Where it stands in a list of all messages, counted from 0.
    #[must_use]
    pub fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

impl fmt::Display for MessageNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A line that is not the listing that it should be: the server's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{line:?} is no {expected}")]
pub struct ListingError {
    expected: &'static str,
    /// The line, cut to what a message can show.
    line: String,
}

impl ListingError {
    /// Octets of a line that the message shows.
    const SHOWN: usize = 80;

    fn new(expected: &'static str, line: &[u8]) -> Self {
        let shown = &line[..line.len().min(Self::SHOWN)];
        Self {
            expected,
            line: String::from_utf8_lossy(shown).into_owned(),
        }
    }
}

/// The answer to STAT: how much is in the maildrop, without what is marked as deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DropListing {
    /// Messages.
    pub messages: u64,
    /// Octets of all of them.
    pub octets: u64,
}

impl DropListing {
    /// Reads the `text` of a status line: what stands behind its `+OK`.
    ///
    /// # Errors
    /// It does not begin with two numbers.
    pub fn parse(text: &[u8]) -> Result<Self, ListingError> {
        let (messages, rest) = field(text);
        let (octets, _) = field(rest);
        match (decimal(messages), decimal(octets)) {
            (Some(messages), Some(octets)) => Ok(Self { messages, octets }),
            _ => Err(ListingError::new("drop listing", text)),
        }
    }
}

/// A line of LIST: a message and its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScanListing {
    /// The message.
    pub number: MessageNumber,
    /// Its size.
    pub octets: u64,
}

impl ScanListing {
    /// Reads a line of the body, or the text behind the `+OK` to `LIST n`.
    ///
    /// # Errors
    /// It does not begin with a message number and a size.
    pub fn parse(line: &[u8]) -> Result<Self, ListingError> {
        let (number, rest) = field(line);
        let (octets, _) = field(rest);
        match (MessageNumber::parse(number), decimal(octets)) {
            (Some(number), Some(octets)) => Ok(Self { number, octets }),
            _ => Err(ListingError::new("scan listing", line)),
        }
    }

    /// Reads the lines of a whole body.
    ///
    /// # Errors
    /// As [`ScanListing::parse`], of the first line that is none.
    pub fn parse_all<L: AsRef<[u8]>>(body: &[L]) -> Result<Vec<Self>, ListingError> {
        body.iter().map(|line| Self::parse(line.as_ref())).collect()
    }
}

/// A line of UIDL: a message and its unique-id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UniqueIdListing<'a> {
    /// The message.
    pub number: MessageNumber,
    /// What stands behind it. RFC 1939 section 7 wants 1 to 70 octets of 0x21 to 0x7E; some
    /// servers have blanks in it, or more, and clients take it as it comes.
    pub unique_id: &'a [u8],
}

impl<'a> UniqueIdListing<'a> {
    /// Reads a line of the body, or the text behind the `+OK` to `UIDL n`.
    ///
    /// # Errors
    /// It does not begin with a message number, or nothing stands behind that.
    pub fn parse(line: &'a [u8]) -> Result<Self, ListingError> {
        let (number, unique_id) = field(line);
        match MessageNumber::parse(number) {
            Some(number) if !unique_id.is_empty() => Ok(Self { number, unique_id }),
            _ => Err(ListingError::new("unique-id listing", line)),
        }
    }
}

/// The first field of `text`, and what stands behind the blanks that follow it.
fn field(text: &[u8]) -> (&[u8], &[u8]) {
    let text = text.trim_ascii();
    let end = text.iter().position(|b| b" \t".contains(b));
    let (field, rest) = text.split_at(end.unwrap_or(text.len()));
    (field, rest.trim_ascii_start())
}

/// Digits and nothing else: `str::parse` would take a plus sign too.
fn decimal(octets: &[u8]) -> Option<u64> {
    if octets.is_empty() || !octets.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(octets).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(number: u32) -> MessageNumber {
        MessageNumber(NonZeroU32::new(number).unwrap())
    }

    #[test]
    fn a_message_number_is_digits_from_one_on() {
        for (text, expected) in [
            ("1", Some(1)),
            ("0042", Some(42)),
            ("4294967295", Some(u32::MAX)),
            ("4294967296", None),
            ("99999999999999999999", None),
            ("0", None),
            ("+1", None),
            ("-1", None),
            ("1 ", None),
            ("", None),
            ("\u{661}", None),
        ] {
            let parsed = MessageNumber::parse(text.as_bytes());
            assert_eq!(parsed, expected.map(number), "{text:?}");
        }
        assert_eq!(MessageNumber::from_index(0), Some(number(1)));
        assert_eq!(number(7).index(), 6);
        assert_eq!(MessageNumber::from_index(usize::MAX), None);
        assert_eq!(number(7).to_string(), "7");
    }

    #[test]
    fn a_drop_listing_is_two_numbers_and_what_follows_is_ignored() {
        let listing = |messages, octets| DropListing { messages, octets };
        for (text, expected) in [
            ("2 320", Some(listing(2, 320))),
            ("0 0", Some(listing(0, 0))),
            ("2 320 octets in maildrop", Some(listing(2, 320))),
            ("2\t 320", Some(listing(2, 320))),
            ("2", None),
            ("", None),
            ("two 320", None),
            ("2 -320", None),
            ("2 320octets", None),
        ] {
            let parsed = DropListing::parse(text.as_bytes());
            assert_eq!(parsed.ok(), expected, "{text:?}");
        }
    }

    #[test]
    fn a_scan_listing_is_a_message_number_and_a_size() {
        let listing = |of, octets| ScanListing {
            number: number(of),
            octets,
        };
        for (line, expected) in [
            ("1 120", Some(listing(1, 120))),
            ("2 0", Some(listing(2, 0))),
            ("2  200  more", Some(listing(2, 200))),
            (" 2 200\r", Some(listing(2, 200))),
            (
                "4294967295 18446744073709551615",
                Some(listing(u32::MAX, u64::MAX)),
            ),
            ("1 18446744073709551616", None),
            ("0 120", None),
            ("1", None),
            ("1 ", None),
            ("1 abc", None),
            ("x 120", None),
            ("", None),
        ] {
            let parsed = ScanListing::parse(line.as_bytes());
            assert_eq!(parsed.ok(), expected, "{line:?}");
        }
    }

    #[test]
    fn a_unique_id_is_whatever_stands_behind_the_number() {
        for (line, expected) in [
            (
                "1 whqtswO00WBw418f9t5JxYwZ",
                Some("whqtswO00WBw418f9t5JxYwZ"),
            ),
            ("1   a b \r", Some("a b")),
            ("1\tx", Some("x")),
            ("1 !~", Some("!~")),
            ("1", None),
            ("1 ", None),
            ("id", None),
            ("0 id", None),
            ("", None),
        ] {
            let parsed = UniqueIdListing::parse(line.as_bytes()).ok();
            let expected = expected.map(|unique_id| UniqueIdListing {
                number: number(1),
                unique_id: unique_id.as_bytes(),
            });
            assert_eq!(parsed, expected, "{line:?}");
        }
        let long = [&b"1 "[..], &[0xff; 200]].concat();
        let parsed = UniqueIdListing::parse(&long).unwrap();
        assert_eq!(parsed.unique_id, [0xff; 200]);
    }

    #[test]
    fn one_line_that_is_none_spoils_the_whole_and_is_named() {
        assert_eq!(ScanListing::parse_all(&[b"1 2", b"2 3"]).unwrap().len(), 2);
        assert_eq!(ScanListing::parse_all(&[""; 0]), Ok(Vec::new()));
        let error = ScanListing::parse_all(&["1 2", "gone"]).unwrap_err();
        assert_eq!(error.to_string(), "\"gone\" is no scan listing");
        let long = "x".repeat(1000);
        let error = UniqueIdListing::parse(long.as_bytes()).unwrap_err();
        assert!(error.to_string().len() < 120, "{error}");
    }
}
