//! The listing of a maildrop, put together from the replies that pass by.

use super::replies::Body;
use crate::pop3::listing::{
    DropListing, MaildropListing, MessageNumber, NotWhole, ScanReader, UniqueIdReader,
};
use crate::pop3::reply::ReplyTo;
use crate::pop3::verb::Expected;

/// The replies to STAT, LIST and UIDL of all messages; of each the last one.
#[derive(Debug, Default)]
pub(super) struct ListedReplies {
    stat: Option<DropListing>,
    scan: Option<ScanReader>,
    ids: Option<UniqueIdReader>,
    /// By place, from 0.
    marks: Vec<usize>,
}

/// A body that is read for the listing while it passes.
#[derive(Debug)]
pub(super) enum ListedBody {
    Scan(ScanReader),
    Ids(UniqueIdReader),
}

impl ListedBody {
    /// Of a reply that lists all messages.
    pub(super) fn of(expected: Expected) -> Option<Box<Self>> {
        let body = match expected.to {
            ReplyTo::List => Self::Scan(ScanReader::default()),
            ReplyTo::Uidl => Self::Ids(UniqueIdReader::default()),
            _ => return None,
        };
        Some(Box::new(body))
    }

    pub(super) fn read(&mut self, piece: &[u8]) {
        match self {
            Self::Scan(scan) => scan.read(piece),
            Self::Ids(ids) => ids.read(piece),
        }
    }
}

impl ListedReplies {
    /// A status line `+OK`, without its end.
    pub(super) fn ok(&mut self, expected: Expected, line: &[u8]) {
        match expected.to {
            ReplyTo::Stat if self.marks.is_empty() => {
                let text = line.get(b"+OK".len()..).unwrap_or_default();
                self.stat = DropListing::parse(text).ok();
            }
            ReplyTo::Dele => {
                let number = expected.number.and_then(MessageNumber::new);
                self.marks.extend(number.map(MessageNumber::index));
            }
            ReplyTo::Rset => self.marks.clear(),
            _ => {}
        }
    }

    /// The end of a body. With messages marked, a listing lacks them.
    pub(super) fn body_ended(&mut self, body: Body) {
        let listed = body.listed.filter(|_| self.marks.is_empty());
        match listed.map(|listed| *listed) {
            Some(ListedBody::Scan(scan)) => self.scan = Some(scan),
            Some(ListedBody::Ids(ids)) => self.ids = Some(ids),
            None => {}
        }
    }

    pub(super) fn take_listing(&mut self) -> Option<Result<MaildropListing, NotWhole>> {
        if self.scan.is_none() || self.ids.is_none() {
            return None;
        }
        let ids = self.ids.take()?;
        Some(MaildropListing::new(self.stat, self.scan.take()?, ids))
    }

    pub(super) fn marks(&self) -> &[usize] {
        &self.marks
    }
}
