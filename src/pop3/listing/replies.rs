//! What popgate itself says of a maildrop, from a listing of it.

use super::{MaildropListing, MessageNumber};
use crate::pop3::reply::{ReplyTo, reply_line};
use crate::pop3::verb::Expected;
use std::fmt::Display;
use std::ops::Range;

/// Number, size and unique-id of a message.
type ListingRow<'a> = (MessageNumber, u32, &'a [u8]);

/// Replies to STAT, LIST and UIDL (RFC 1939 sections 5 and 7), less the messages that the session
/// has marked as deleted.
#[derive(Clone, Copy, Debug)]
pub struct ListingReplies<'a> {
    listing: &'a MaildropListing,
    /// By place, from 0. One that is shorter than the listing has no mark behind its end.
    marks: &'a [bool],
}

impl<'a> ListingReplies<'a> {
    /// Replies from `listing`, less what `marks` has by place, from 0.
    #[must_use]
    pub fn new(listing: &'a MaildropListing, marks: &'a [bool]) -> Self {
        Self { listing, marks }
    }

    /// To STAT, LIST or UIDL; `None`: it is another command.
    #[must_use]
    pub fn to(self, command: Expected) -> Option<Vec<u8>> {
        match (command.to, command.body, command.number) {
            (ReplyTo::Stat, ..) => Some(self.stat()),
            (ReplyTo::List | ReplyTo::Uidl, false, None) => Some(no_such_message()),
            (ReplyTo::List, _, number) => Some(self.list(number)),
            (ReplyTo::Uidl, _, number) => Some(self.uidl(number)),
            _ => None,
        }
    }

    /// How many messages the session sees.
    #[must_use]
    pub fn messages(self) -> usize {
        self.listing.messages() - self.marked().count()
    }

    /// To STAT.
    #[must_use]
    pub fn stat(self) -> Vec<u8> {
        reply_line(format!("+OK {} {}", self.messages(), self.octets()))
    }

    /// To LIST, of all messages or of one.
    #[must_use]
    pub fn list(self, number: Option<MessageNumber>) -> Vec<u8> {
        self.column(number, |(_, octets, _)| octets)
    }

    /// To UIDL, of all messages or of one.
    #[must_use]
    pub fn uidl(self, number: Option<MessageNumber>) -> Vec<u8> {
        self.column(number, |(_, _, id)| String::from_utf8_lossy(id))
    }

    /// Whether the session sees a message of that number.
    #[must_use]
    pub fn shows(self, number: MessageNumber) -> bool {
        self.listing.size(number).is_some() && !self.is_marked(number)
    }

    fn column<T: Display>(
        self,
        number: Option<MessageNumber>,
        value: impl Fn(ListingRow<'a>) -> T,
    ) -> Vec<u8> {
        let Some(number) = number else {
            return self.some(value, 0..self.listing.messages());
        };
        let size = self.listing.size(number).filter(|_| self.shows(number));
        match (size, self.listing.unique_id(number)) {
            (Some(octets), Some(id)) => {
                reply_line(format!("+OK {number} {}", value((number, octets, id))))
            }
            _ => no_such_message(),
        }
    }

    /// A piece of the reply to LIST or UIDL of all messages: those at these places, counted from 0;
    /// with its first line before the first of all, and its end behind the last.
    #[must_use]
    pub fn piece(self, to: ReplyTo, places: Range<usize>) -> Vec<u8> {
        match to {
            ReplyTo::Uidl => self.some(|(_, _, id)| String::from_utf8_lossy(id), places),
            _ => self.some(|(_, octets, _)| octets, places),
        }
    }

    fn some<T: Display>(
        self,
        value: impl Fn(ListingRow<'a>) -> T,
        places: Range<usize>,
    ) -> Vec<u8> {
        let is_first = places.start == 0;
        let is_last = places.end >= self.listing.messages();
        let mut reply = Vec::new();
        if is_first {
            reply = reply_line(format!("+OK {} messages", self.messages()));
        }
        let rows = self.listing.messages_at(places);
        for row in rows.filter(|(number, ..)| !self.is_marked(*number)) {
            let number = row.0;
            reply.extend(reply_line(format!("{number} {}", value(row))));
        }
        if is_last {
            reply.extend_from_slice(b".\r\n");
        }
        reply
    }

    /// What STAT of the backend said, less the sizes of what is marked: some servers count STAT's
    /// octets otherwise than LIST's.
    fn octets(self) -> u64 {
        let marked = self.marked().map(u64::from).sum();
        self.listing.octets().saturating_sub(marked)
    }

    /// The sizes of those that are marked. It takes no longer than there are marks.
    fn marked(self) -> impl Iterator<Item = u32> {
        let places = self
            .marks
            .iter()
            .enumerate()
            .filter(|(_, is_marked)| **is_marked);
        places.filter_map(move |(place, _)| self.listing.size(MessageNumber::from_index(place)?))
    }

    fn is_marked(self, number: MessageNumber) -> bool {
        self.marks.get(number.index()).copied().unwrap_or(false)
    }
}

/// The reply to a command that names a message which is not there.
pub(crate) const NO_SUCH_MESSAGE: &str = "-ERR No such message\r\n";

/// It in octets.
#[must_use]
pub(crate) fn no_such_message() -> Vec<u8> {
    NO_SUCH_MESSAGE.as_bytes().to_vec()
}
