//! What one session after the other was shown of the test account's maildrop.

use super::account::UniqueIds;
use super::finding::EndedBy;
use super::observations::Freed;
use super::probe_session::{MultilineReply, NoReply, ProbeSession};
use crate::limits::SHAREABLE_RELEASE;
use crate::pop3::listing::{
    DropListing, MaildropListing, NotWhole, ScanReader, UniqueIdListing, UniqueIdReader,
};
use crate::pop3::reply::{Status, StatusLine};
use crate::time::{Duration, Instant};

/// What tells whether sessions of a server may stand on listings.
#[derive(Debug, Default)]
pub struct SharingObservations {
    /// What each session was shown, in order.
    pub listings: Vec<SeenListing>,
    /// How the maildrop came free after each session but the last.
    pub releases: Vec<(PastSession, Freed)>,
    /// Message 1, each time that it was fetched.
    pub fetched: Vec<Fetched>,
    /// Whether all sessions were had.
    pub is_over: bool,
}

/// What a session was shown.
#[derive(Debug)]
pub struct SeenListing {
    /// The session before; `None`: it was the first.
    pub after: Option<PastSession>,
    /// STAT, LIST and UIDL together.
    pub listing: Result<MaildropListing, Unlisted>,
    /// How long the slower of LIST and UIDL took.
    pub took: Duration,
}

/// What a session did to a maildrop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PastSession {
    /// Whether it fetched message 1.
    pub fetched: bool,
    /// How it ended.
    pub ended: EndedBy,
}

/// Why there is no listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unlisted {
    /// UIDL is refused.
    NoUidl,
    /// The replies are no whole listing.
    NotWhole(NotWhole),
    /// A reply is missing or an error.
    Unanswered(String),
}

/// What came of RETR 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// The message.
    Message {
        /// Its size by LIST.
        listed: u32,
        /// Its octets, without the dots of the protocol.
        octets: u64,
        /// A line of its header by which servers remember that a session saw it.
        remembered: Option<String>,
    },
    /// No whole message, for this reason.
    Not(String),
}

impl SharingObservations {
    /// Whether message 1 is there, is the same as ever, and nothing against sharing was seen that
    /// makes it idle to fetch it. Another message would be touched that need not be.
    pub(super) fn is_to_fetch(&self) -> bool {
        let is_quick = |(past, freed): &(PastSession, Freed)| {
            past.ended == EndedBy::Quit
                || matches!(freed, Freed::After(elapsed) if *elapsed <= SHAREABLE_RELEASE)
        };
        let fetches = |fetched: &Fetched| matches!(fetched, Fetched::Message { .. });
        let is_first = |seen: &SeenListing| {
            seen.listing
                .as_ref()
                .is_ok_and(|listing| first_id(listing) == self.first_id())
        };
        self.first_size().is_some()
            && self.listings.iter().all(is_first)
            && self.releases.iter().all(is_quick)
            && self.fetched.iter().all(fetches)
    }

    fn first_id(&self) -> Option<&[u8]> {
        first_id(self.listings.first()?.listing.as_ref().ok()?)
    }

    /// The size of message 1, as it was listed last.
    fn first_size(&self) -> Option<u32> {
        let listing = self.listings.last()?.listing.as_ref().ok()?;
        listing.messages_listed().next().map(|(_, size, _)| size)
    }

    /// Fetches message 1, and nothing else is done to it.
    pub(super) async fn fetch(&mut self, session: &mut ProbeSession) {
        let Some(listed) = self.first_size() else {
            return;
        };
        self.fetched
            .push(match session.ask_multiline("RETR 1").await {
                Ok(MultilineReply::Lines(lines)) => Fetched::Message {
                    listed,
                    octets: lines.iter().map(|line| line.len() as u64 + 2).sum(),
                    remembered: remembered(&lines),
                },
                Ok(MultilineReply::Refused(line)) => {
                    Fetched::Not(String::from_utf8_lossy(&line).into_owned())
                }
                Err(error) => Fetched::Not(error.to_string()),
            });
    }
}

fn first_id(listing: &MaildropListing) -> Option<&[u8]> {
    listing.messages_listed().next().map(|(_, _, id)| id)
}

/// A line by which servers of mboxes remember a message: UW and mailutils write `Status`, qpopper
/// `X-UIDL`.
fn remembered(message: &[Vec<u8>]) -> Option<String> {
    let tells = |line: &String| {
        let name = line.split(':').next().unwrap_or_default();
        ["Status", "X-UIDL", "X-UID"]
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known))
    };
    message
        .iter()
        .take_while(|line| !line.is_empty())
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .find(tells)
}

/// Asks for all of a maildrop's listing; the unique ids by themselves, too, whole or not.
pub(super) async fn listing(
    session: &mut ProbeSession,
    after: Option<PastSession>,
) -> (UniqueIds, SeenListing) {
    let stat = session.ask("STAT").await;
    let (list, list_took) = timed(session, "LIST").await;
    let (uidl, uidl_took) = timed(session, "UIDL").await;
    let ids = unique_ids_of(&uidl);
    let seen = SeenListing {
        after,
        listing: whole(stat, list, uidl),
        took: list_took.max(uidl_took),
    };
    (ids, seen)
}

async fn timed(
    session: &mut ProbeSession,
    command: &str,
) -> (Result<MultilineReply, NoReply>, Duration) {
    let began = Instant::now();
    let reply = session.ask_multiline(command).await;
    (reply, began.elapsed())
}

/// The unique ids of a reply to UIDL.
pub(super) fn unique_ids_of(reply: &Result<MultilineReply, NoReply>) -> UniqueIds {
    match reply {
        Ok(MultilineReply::Lines(lines)) => Ok(lines.iter().map(|line| unique_id(line)).collect()),
        Ok(MultilineReply::Refused(line)) => Err(String::from_utf8_lossy(line).into_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// A line that is no listing is compared as it stands: it may be the same in both sessions.
fn unique_id(line: &[u8]) -> Vec<u8> {
    UniqueIdListing::parse(line)
        .map_or(line, |listing| listing.unique_id)
        .to_vec()
}

fn whole(
    stat: Result<Vec<u8>, NoReply>,
    list: Result<MultilineReply, NoReply>,
    uidl: Result<MultilineReply, NoReply>,
) -> Result<MaildropListing, Unlisted> {
    if let Ok(MultilineReply::Refused(_)) = uidl {
        return Err(Unlisted::NoUidl);
    }
    let mut scan = ScanReader::default();
    let mut ids = UniqueIdReader::default();
    scan.read(&body("LIST", list)?);
    ids.read(&body("UIDL", uidl)?);
    MaildropListing::new(Some(drop_listing(stat)?), scan, ids).map_err(Unlisted::NotWhole)
}

fn drop_listing(stat: Result<Vec<u8>, NoReply>) -> Result<DropListing, Unlisted> {
    let line = stat.map_err(|error| unanswered("STAT", &error))?;
    let text = String::from_utf8_lossy(&line);
    let reply = StatusLine::parse(&text);
    if reply.status != Status::Ok {
        return Err(unanswered("STAT", &text));
    }
    let listing = DropListing::parse(reply.text.as_bytes());
    listing.map_err(|_| Unlisted::NotWhole(NotWhole::Malformed))
}

/// The body as it was sent, with its end.
fn body(command: &str, reply: Result<MultilineReply, NoReply>) -> Result<Vec<u8>, Unlisted> {
    match reply {
        Ok(MultilineReply::Lines(mut lines)) => {
            lines.push(b".".to_vec());
            Ok(lines.into_iter().fold(Vec::new(), |mut body, line| {
                body.extend(line);
                body.extend_from_slice(b"\r\n");
                body
            }))
        }
        Ok(MultilineReply::Refused(line)) => {
            Err(unanswered(command, &String::from_utf8_lossy(&line)))
        }
        Err(error) => Err(unanswered(command, &error)),
    }
}

fn unanswered(command: &str, why: &dyn std::fmt::Display) -> Unlisted {
    Unlisted::Unanswered(format!("{command}: {why}"))
}
