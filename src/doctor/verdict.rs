//! Whether sessions of a server may stand on listings of its maildrops: pure.
//!
//! A listing is an instruction to delete, so that any doubt is a no, or says what is missing.

use super::finding::EndedBy;
use super::listings::{Fetched, PastSession, SeenListing, SharingObservations, Unlisted};
use super::observations::{AccountObservations, Attempt, Freed};
use crate::dialect::Class;
use crate::limits::SHAREABLE_RELEASE;
use crate::policy::sharing::Unshareable;
use crate::pop3::capability::Capabilities;
use crate::pop3::listing::{ListingChange, MaildropListing, NotWhole};
use crate::time::Duration;

/// Whether they may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SharingVerdict {
    /// They may.
    Shareable {
        /// Messages of the last listing.
        messages: usize,
        /// Sessions that were compared.
        sessions: usize,
    },
    /// They must not, for these reasons.
    Not(Vec<Against>),
    /// It was not seen.
    Unknown(MissingForVerdict),
}

/// What forbids it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Against {
    /// There is no UIDL.
    NoUidl,
    /// STAT, LIST and UIDL are no whole listing.
    NotWhole(NotWhole),
    /// As for the gate, and the session after which it was seen.
    Unshareable(Unshareable, Option<PastSession>),
    /// So long after a close without QUIT the maildrop was still locked.
    LockKept(Duration),
    /// So long after a close without QUIT the maildrop was free.
    LockFreedLate(Duration),
}

/// What is missing for a verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MissingForVerdict {
    /// The maildrop was empty.
    NoMessage,
    /// There are more messages than are shared.
    TooLarge,
    /// Messages went away, and it was not the doctor.
    Gone,
    /// A reply, or a login between two sessions.
    Sessions,
    /// A message could not be fetched.
    Unfetched(String),
    /// A session that ended with QUIT has seen the messages, as this line of a header shows: what
    /// becomes of new ones was not seen.
    NotNew(String),
}

impl Against {
    /// A word for it.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::NoUidl => "no_uidl",
            Self::NotWhole(why) => why.as_str(),
            Self::Unshareable(why, _) => why.as_str(),
            Self::LockKept(_) | Self::LockFreedLate(_) => "lock_kept",
        }
    }
}

impl MissingForVerdict {
    /// A word for it.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::NoMessage => "no_message",
            Self::TooLarge => "too_large",
            Self::Gone => "gone",
            Self::Sessions => "sessions",
            Self::Unfetched(_) => "unfetched",
            Self::NotNew(_) => "not_new",
        }
    }
}

/// What follows from the account's sessions, at a server that lists these capabilities; `None`: the
/// account was not let in.
#[must_use]
pub fn verdict(seen: &AccountObservations, listed: &[Capabilities]) -> Option<SharingVerdict> {
    if !seen.is_in() {
        return None;
    }
    let against = against(seen, listed);
    if !against.is_empty() {
        return Some(SharingVerdict::Not(against));
    }
    Some(match lacking(&seen.sharing) {
        Some(lacking) => SharingVerdict::Unknown(lacking),
        None => SharingVerdict::Shareable {
            messages: whole(&seen.sharing)
                .last()
                .map_or(0, MaildropListing::messages),
            sessions: seen.sharing.listings.len(),
        },
    })
}

/// All that forbids it, each kind once.
fn against(seen: &AccountObservations, listed: &[Capabilities]) -> Vec<Against> {
    let sharing = &seen.sharing;
    let announced = listed.iter().flat_map(Unshareable::by_capabilities);
    let refused = refuses_the_quick(seen).then_some(Unshareable::LoginDelay);
    let numbers = whole(sharing)
        .any(MaildropListing::ids_are_numbers)
        .then_some(Unshareable::Numbers);
    let causes = announced
        .chain(refused)
        .chain(numbers)
        .map(|why| Against::Unshareable(why, None))
        .chain(sharing.listings.iter().filter_map(by_itself))
        .chain(changes(sharing).filter_map(Result::ok))
        .chain(sharing.releases.iter().filter_map(lock_kept));
    let mut all: Vec<Against> = Vec::new();
    for cause in causes {
        if !all.iter().any(|known| known.as_str() == cause.as_str()) {
            all.push(cause);
        }
    }
    all
}

/// What a listing says against its server without another one.
fn by_itself(seen: &SeenListing) -> Option<Against> {
    match seen.listing.as_ref().err()? {
        Unlisted::NoUidl => Some(Against::NoUidl),
        // Nothing is known of it.
        Unlisted::NotWhole(NotWhole::Unfinished | NotWhole::TooLarge) | Unlisted::Unanswered(_) => {
            None
        }
        Unlisted::NotWhole(why) => Some(match Unshareable::by_replies(*why) {
            Some(why) => Against::Unshareable(why, None),
            None => Against::NotWhole(*why),
        }),
    }
}

/// What became of the maildrop from one session to the next, where it is against sharing, or was
/// somebody else.
fn changes(
    sharing: &SharingObservations,
) -> impl Iterator<Item = Result<Against, MissingForVerdict>> {
    sharing.listings.windows(2).filter_map(|pair| {
        let after = pair[1].after?;
        let listing = |index: usize| pair[index].listing.as_ref().ok();
        let why = change(listing(0)?, listing(1)?, after)?;
        Some(why.map(|why| Against::Unshareable(why, Some(after))))
    })
}

fn change(
    older: &MaildropListing,
    newer: &MaildropListing,
    after: PastSession,
) -> Option<Result<Unshareable, MissingForVerdict>> {
    Some(Ok(match older.change_to(newer) {
        ListingChange::Same | ListingChange::NewOnly => return None,
        ListingChange::Resized => Unshareable::Resized,
        ListingChange::Changed => Unshareable::Changed,
        // Between two sessions of the doctor there is no time for as much new mail, of these sizes.
        ListingChange::Missing | ListingChange::Renumbered if sizes_stay(older, newer) => {
            Unshareable::Changed
        }
        ListingChange::Renumbered => Unshareable::Renumbered,
        ListingChange::Missing if after.fetched && lacks_first(older, newer) => {
            Unshareable::Vanished
        }
        ListingChange::Missing => return Some(Err(MissingForVerdict::Gone)),
    }))
}

/// Whether each number that was there has its old size.
fn sizes_stay(older: &MaildropListing, newer: &MaildropListing) -> bool {
    let mut rows = older.messages_listed();
    rows.all(|(number, size, _)| newer.size(number) == Some(size))
}

fn lacks_first(older: &MaildropListing, newer: &MaildropListing) -> bool {
    let first = older.messages_listed().next();
    first.is_some_and(|(_, _, first)| newer.messages_listed().all(|(_, _, id)| id != first))
}

/// LOGIN-DELAY in an answer, whatever is announced.
fn refuses_the_quick(seen: &AccountObservations) -> bool {
    let second = seen.second.iter().map(|second| &second.attempt);
    let failed = |(_, freed): &(PastSession, Freed)| match freed {
        Freed::Otherwise(attempt) => attempt.line().map(|line| line.class),
        _ => None,
    };
    second
        .filter_map(Attempt::line)
        .map(|line| line.class)
        .chain(seen.sharing.releases.iter().filter_map(failed))
        .any(|class| class == Class::LoginDelay)
}

fn lock_kept((past, freed): &(PastSession, Freed)) -> Option<Against> {
    if past.ended != EndedBy::Close {
        return None;
    }
    match freed {
        Freed::After(elapsed) => {
            (*elapsed > SHAREABLE_RELEASE).then_some(Against::LockFreedLate(*elapsed))
        }
        Freed::Not(elapsed, _) => Some(Against::LockKept(*elapsed)),
        Freed::Otherwise(_) => None,
    }
}

/// What was not seen, where nothing speaks against sharing.
fn lacking(sharing: &SharingObservations) -> Option<MissingForVerdict> {
    let too_large =
        |seen: &SeenListing| matches!(seen.listing, Err(Unlisted::NotWhole(NotWhole::TooLarge)));
    if sharing.listings.iter().any(too_large) {
        return Some(MissingForVerdict::TooLarge);
    }
    if whole(sharing).count() < sharing.listings.len() || !sharing.is_over {
        return Some(MissingForVerdict::Sessions);
    }
    if let Some(gone) = changes(sharing).find_map(Result::err) {
        return Some(gone);
    }
    match sharing.fetched.as_slice() {
        [] => Some(MissingForVerdict::NoMessage),
        [
            Fetched::Message {
                remembered: Some(line),
                ..
            },
            ..,
        ] => Some(MissingForVerdict::NotNew(line.clone())),
        [Fetched::Not(why), ..] | [_, Fetched::Not(why), ..] => {
            Some(MissingForVerdict::Unfetched(why.clone()))
        }
        [_] => Some(MissingForVerdict::Sessions),
        _ => None,
    }
}

fn whole(sharing: &SharingObservations) -> impl Iterator<Item = &MaildropListing> {
    sharing
        .listings
        .iter()
        .filter_map(|seen| seen.listing.as_ref().ok())
}

#[cfg(test)]
#[path = "verdict/tests.rs"]
mod tests;
