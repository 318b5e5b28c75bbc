//! One listing that a login was shown, and what may still be done with it.

use super::{ListingOwner, ShadowResult};
use crate::ids::{BackendName, ClientPrefix, SessionTurn};
use crate::limits::LISTING_SHOWN_FOR;
use crate::pop3::listing::MaildropListing;
use crate::time::{Duration, Instant};
use std::sync::Arc;

/// What a session without the maildrop stands on.
#[derive(Clone, Debug)]
pub struct StandsOn {
    /// All that its client is told.
    pub listing: Arc<MaildropListing>,
    /// The backend that has said it.
    pub backend: BackendName,
    /// The client, where the backend was told its address.
    pub client: Option<ClientPrefix>,
    /// The turn of the session that was shown it, where it had one.
    pub turn: Option<SessionTurn>,
}

/// What is known of a login that was shown a listing, for the next one of the same login.
#[derive(Debug)]
pub(super) struct KeptListing {
    pub(super) owner: ListingOwner,
    pub(super) listing: Arc<MaildropListing>,
    /// When the backend has shown it.
    pub(super) shown: Instant,
    /// When the backend has accepted the password for it.
    pub(super) accepted: Instant,
    /// How it differs from the one before.
    pub(super) result: Option<ShadowResult>,
    /// How its session has left the maildrop.
    pub(super) left: Option<LeftBy>,
    /// The session fetched as many messages as there are.
    pub(super) all_fetched: bool,
    /// A login may be let in on it: no other one has been in the maildrop since.
    pub(super) is_alive: bool,
    /// No session through popgate has changed the maildrop since.
    pub(super) is_current: bool,
    /// It lacks nothing without a reason, or a second session has seen the same; and it is known
    /// what the session before it has seen.
    pub(super) is_believed: bool,
    /// Another password was accepted for the same login since.
    pub(super) is_superseded: bool,
    /// The turn of its session, where that had one.
    pub(super) turn: Option<SessionTurn>,
}

/// How a session has left the maildrop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftBy {
    /// A QUIT that the backend has confirmed.
    Quit,
    /// The end of its connection, without that.
    Close,
}

impl KeptListing {
    /// Whether a login may stand on it whose password the backend accepted within `fresh`, and the
    /// listing being at most `age` old.
    pub(super) fn is_fresh(&self, age: Duration, fresh: Duration, now: Instant) -> bool {
        self.is_alive
            && self.serves()
            && within(self.shown, age, now)
            && within(self.accepted, fresh, now)
    }

    /// Whether a login may stand on it whose wait is spent.
    pub(super) fn is_last_resort(&self, now: Instant) -> bool {
        self.serves() && within(self.accepted, LISTING_SHOWN_FOR, now)
    }

    fn serves(&self) -> bool {
        self.is_believed && !self.is_superseded
    }

    /// Whether the unique-ids of its new messages are the same after a close without QUIT; `None`:
    /// it cannot be told.
    pub(super) fn proves_ids(&self, result: Option<ShadowResult>) -> Option<bool> {
        let had_new = self.result == Some(ShadowResult::NewOnly);
        match (self.left, result?) {
            (Some(LeftBy::Close), result) if had_new && result.keeps_all() => Some(true),
            (Some(LeftBy::Close), ShadowResult::Changed) => Some(false),
            _ => None,
        }
    }

    pub(super) fn stands_on(&self) -> StandsOn {
        StandsOn {
            listing: Arc::clone(&self.listing),
            backend: self.owner.backend.clone(),
            client: self.owner.client,
            turn: self.turn,
        }
    }

    /// Octets of memory that it takes besides itself.
    pub(super) fn footprint(&self) -> usize {
        2 * ARC_COUNTS + self.listing.footprint() + self.owner.login.as_bytes().len()
    }
}

fn within(since: Instant, bound: Duration, now: Instant) -> bool {
    now.saturating_duration_since(since) <= bound
}

/// Octets of what is shared, besides what it has in it.
const ARC_COUNTS: usize = 2 * size_of::<usize>();
