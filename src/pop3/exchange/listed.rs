//! The listing of a maildrop, put together from the replies that pass by.

use crate::limits::LISTED_MESSAGES_MAX;
use crate::pop3::listing::{
    DropListing, MaildropListing, MessageNumber, NotWhole, ScanReader, UniqueIdReader,
};
use crate::pop3::reply::ReplyTo;
use crate::pop3::verb::Expected;

/// The replies to STAT, LIST and UIDL of all messages; of each the last one, until both LIST and
/// UIDL were answered: the maildrop of a session does not change (RFC 1939 section 5).
#[derive(Debug, Default)]
pub(super) struct ListedReplies {
    stat: Option<DropListing>,
    scan: Option<ScanReader>,
    ids: Option<UniqueIdReader>,
    /// What they say together, until it is taken.
    listing: Option<Result<MaildropListing, NotWhole>>,
    /// Both were answered, and nothing more is read.
    is_complete: bool,
    /// A message is marked: a listing lacks it.
    has_marks: bool,
    /// By place, from 0; [`LISTED_MESSAGES_MAX`] at most.
    marks: Vec<bool>,
    needs_maildrop: bool,
}

/// A body that is read for the listing while it passes.
#[derive(Debug)]
pub(super) enum ListedBody {
    Scan(ScanReader),
    Ids(UniqueIdReader),
}

impl ListedBody {
    pub(super) fn read(&mut self, piece: &[u8]) {
        match self {
            Self::Scan(scan) => scan.read(piece),
            Self::Ids(ids) => ids.read(piece),
        }
    }

    pub(super) fn footprint(&self) -> usize {
        match self {
            Self::Scan(scan) => scan.footprint(),
            Self::Ids(ids) => ids.footprint(),
        }
    }
}

impl ListedReplies {
    /// A status line `+OK`, without its end.
    pub(super) fn ok(&mut self, expected: Expected, line: &[u8]) {
        match expected.to {
            ReplyTo::Stat if !self.has_marks => {
                let text = line.get(b"+OK".len()..).unwrap_or_default();
                self.stat = DropListing::parse(text).ok();
            }
            ReplyTo::Retr | ReplyTo::Top => self.needs_maildrop = true,
            ReplyTo::Dele => {
                self.needs_maildrop = true;
                self.mark(expected.number);
            }
            ReplyTo::Rset => (self.has_marks, self.marks) = (false, Vec::new()),
            _ => {}
        }
        // A program that asks for both does so one behind the other.
        if !matches!(expected.to, ReplyTo::Stat | ReplyTo::List | ReplyTo::Uidl) {
            self.forget_part();
        }
    }

    fn mark(&mut self, number: Option<MessageNumber>) {
        self.has_marks = true;
        let place = number.map(MessageNumber::index);
        if let Some(place) = place.filter(|&place| place < LISTED_MESSAGES_MAX) {
            let places = self.marks.len().max(place + 1);
            self.marks.resize(places, false);
            self.marks[place] = true;
        }
    }

    /// What reads the body of the reply, where it lists all messages.
    pub(super) fn body(&self, expected: Expected) -> Option<Box<ListedBody>> {
        if self.is_complete || self.has_marks {
            return None;
        }
        let body = match expected.to {
            ReplyTo::List => ListedBody::Scan(ScanReader::default()),
            ReplyTo::Uidl => ListedBody::Ids(UniqueIdReader::default()),
            _ => return None,
        };
        Some(Box::new(body))
    }

    /// Whether STAT has said that there is no message.
    pub(super) fn is_said_to_be_empty(&self) -> bool {
        self.stat.is_some_and(|stat| stat.messages == 0)
    }

    /// Which of STAT, LIST and UIDL must still be asked for the listing, where the replies
    /// `awaited` are on their way.
    pub(super) fn missing(&self, awaited: impl Iterator<Item = Expected>) -> Vec<ReplyTo> {
        let mut stat = self.stat.is_some();
        let mut scan = self.scan.is_some();
        let mut ids = self.ids.is_some();
        for expected in awaited {
            match expected.to {
                ReplyTo::Stat => stat = true,
                ReplyTo::List => scan |= expected.body,
                ReplyTo::Uidl => ids |= expected.body,
                _ if scan && ids => {}
                // As `ok` does it.
                _ => (scan, ids) = (false, false),
            }
        }
        if self.is_complete || (scan && ids) {
            return Vec::new();
        }
        let known = [
            (ReplyTo::Stat, stat),
            (ReplyTo::List, scan),
            (ReplyTo::Uidl, ids),
        ];
        let missing = known.into_iter().filter(|(_, is_known)| !is_known);
        missing.map(|(to, _)| to).collect()
    }

    /// The end of a body, which was read by this.
    pub(super) fn body_ended(&mut self, reader: Option<Box<ListedBody>>) {
        match reader.map(|reader| *reader) {
            Some(ListedBody::Scan(scan)) => self.scan = Some(scan),
            Some(ListedBody::Ids(ids)) => self.ids = Some(ids),
            None => {}
        }
        match (self.scan.take(), self.ids.take()) {
            // At once: the replies to what the client has sent ahead may be in the same piece.
            (Some(scan), Some(ids)) => {
                self.is_complete = true;
                self.listing = Some(MaildropListing::new(self.stat, scan, ids));
            }
            part => (self.scan, self.ids) = part,
        }
    }

    pub(super) fn take_listing(&mut self) -> Option<Result<MaildropListing, NotWhole>> {
        self.listing.take()
    }

    /// Whether LIST was answered and UIDL was not, or the other way round.
    pub(super) fn has_part(&self) -> bool {
        self.scan.is_some() || self.ids.is_some()
    }

    pub(super) fn forget_part(&mut self) {
        (self.scan, self.ids) = (None, None);
    }

    /// Nothing is read any more.
    pub(super) fn give_up(&mut self) {
        self.is_complete = true;
        self.forget_part();
    }

    /// Octets of memory that the parts take.
    pub(super) fn footprint(&self) -> usize {
        let scan = self.scan.as_ref().map_or(0, ScanReader::footprint);
        scan + self.ids.as_ref().map_or(0, UniqueIdReader::footprint)
    }

    pub(super) fn marks(&self) -> &[bool] {
        &self.marks
    }

    pub(super) fn needs_maildrop(&self) -> bool {
        self.needs_maildrop
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pop3::verb::Verb;

    fn expected(line: &str) -> Expected {
        match Verb::of_line(line.as_bytes()) {
            Verb::Forward(expected) => expected,
            other => panic!("{line}: {other:?}"),
        }
    }

    /// The command is answered `+OK`, and with this body.
    fn answered(listed: &mut ListedReplies, command: &str, body: &str) {
        let expected = expected(command);
        listed.ok(expected, b"+OK");
        let mut passing = listed.body(expected).filter(|_| expected.body);
        if let Some(passing) = &mut passing {
            passing.read(body.as_bytes());
        }
        listed.body_ended(passing);
    }

    #[test]
    fn the_first_list_and_uidl_are_the_listing_and_later_ones_are_not_read() {
        let mut listed = ListedReplies::default();
        answered(&mut listed, "UIDL", "1 a\r\n.\r\n");
        assert!(listed.take_listing().is_none() && listed.has_part());
        answered(&mut listed, "LIST 1", "");
        answered(&mut listed, "LIST", "1 9\r\n.\r\n");
        assert_eq!(listed.take_listing().unwrap().unwrap().messages(), 1);
        for command in ["LIST", "UIDL"] {
            assert!(listed.body(expected(command)).is_none());
        }
        assert!(!listed.has_part());
    }

    #[test]
    fn what_was_sent_ahead_takes_nothing_from_the_listing() {
        let mut listed = ListedReplies::default();
        answered(&mut listed, "LIST", "1 9\r\n.\r\n");
        answered(&mut listed, "UIDL", "1 a\r\n.\r\n");
        answered(&mut listed, "LIST", "1 8\r\n.\r\n");
        answered(&mut listed, "RETR 1", "");
        let listing = listed.take_listing().unwrap().unwrap();
        assert_eq!(listing.size(MessageNumber::new(1).unwrap()), Some(9));
        assert!(listed.take_listing().is_none() && !listed.has_part());
    }

    #[test]
    fn one_of_both_is_forgotten_when_its_client_does_something_else() {
        for command in ["RETR 1", "TOP 1 0", "NOOP", "RSET", "DELE 1"] {
            let mut listed = ListedReplies::default();
            answered(&mut listed, "UIDL", "1 a\r\n.\r\n");
            answered(&mut listed, command, "");
            assert!(!listed.has_part(), "{command}");
        }
    }

    #[test]
    fn marks_are_kept_by_place_within_a_bound() {
        let mut listed = ListedReplies::default();
        for _ in 0..3 {
            answered(&mut listed, "DELE 2", "");
        }
        assert_eq!(listed.marks(), [false, true]);
        assert!(listed.body(expected("LIST")).is_none());
        answered(&mut listed, "RSET", "");
        assert!(listed.marks().is_empty() && listed.body(expected("LIST")).is_some());
        for number in [LISTED_MESSAGES_MAX as u32, u32::MAX] {
            answered(&mut listed, &format!("DELE {number}"), "");
        }
        assert_eq!(listed.marks().len(), LISTED_MESSAGES_MAX);
    }

    #[test]
    fn what_fetches_or_deletes_needs_the_maildrop() {
        for (command, needs) in [
            ("RETR 1", true),
            ("TOP 1 5", true),
            ("DELE 1", true),
            ("STAT", false),
            ("LIST 1", false),
            ("UIDL", false),
            ("NOOP", false),
            ("RSET", false),
        ] {
            let mut listed = ListedReplies::default();
            answered(&mut listed, command, "");
            answered(&mut listed, "RSET", "");
            assert_eq!(listed.needs_maildrop(), needs, "{command}");
        }
    }
}
