//! Whether a session may stand on a listing of its maildrop instead of holding its lock: what
//! logins were shown, against what the backend says.
//!
//! A listing is an instruction to delete: a mail program throws away what a listing lacks, and
//! fetches again what it does not know. So a listing is only ever compared with one that the same
//! login was shown at the same backend, and shown to that login alone.

mod deletions;
mod kept;
mod maildrop;
mod proof;
mod unlisted;

pub use kept::{LeftBy, StandsOn};
pub use maildrop::MaildropListings;
pub use proof::{BackendProof, BackendRecord};

use crate::ids::{BackendName, ClientPrefix, UserName};
use crate::limits::{RESTS_AFTER, RESTS_AFTER_FETCHING, SHAREABLE_LOGIN_DELAY};
use crate::pop3::capability::Capabilities;
use crate::pop3::listing::{ListingChange, NotWhole};
use crate::secret::PasswordTag;
use crate::str_enum::str_enum;
use crate::time::Instant;

/// Who was shown a listing. Nobody else may see it, also under the same lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListingOwner {
    /// The login, as typed; of a very long one what is [kept](UserName::kept) of it.
    pub login: UserName,
    /// Its password.
    pub tag: PasswordTag,
    /// The backend that it was logged in at.
    pub backend: BackendName,
    /// The client, where the backend is told its address and may answer by it.
    pub client: Option<ClientPrefix>,
}

/// A login that asks for a listing that it was shown.
#[derive(Clone, Debug)]
pub struct Asker {
    /// The login, as typed; of a very long one what is [kept](UserName::kept) of it.
    pub login: UserName,
    /// Its password.
    pub tag: PasswordTag,
    /// Its client.
    pub client: ClientPrefix,
}

impl ListingOwner {
    /// Whether the listing is one that this login was shown.
    #[must_use]
    pub fn is(&self, asker: &Asker) -> bool {
        let at_its_place = self.client.is_none_or(|client| client == asker.client);
        self.tag == asker.tag && self.login == asker.login && at_its_place
    }
}

str_enum! {
    /// How a backend's listing differs from the one that the same login was shown before: the label
    /// `result` of `sharing_shadow_total`.
    ShadowResult {
        /// Not at all.
        Same = "same",
        /// New messages stand behind the others.
        NewOnly = "new_only",
        /// Messages are gone.
        Missing = "missing",
        /// The size of a message is another.
        Resized = "resized",
        /// Messages stand in another order.
        Renumbered = "renumbered",
        /// The messages stand as they did, and each has another unique-id.
        Changed = "changed",
        /// The unique-id of a message that was deleted is used again.
        Recycled = "recycled",
    }
}

str_enum! {
    /// Why sessions of a maildrop must not stand on a listing: the label `reason` of
    /// `sharing_unshareable_total`.
    Unshareable {
        /// Unique-ids are the numbers of the messages.
        Numbers = "numbers",
        /// Two messages have one unique-id.
        Repeated = "repeated",
        /// All messages have other unique-ids than before.
        Changed = "changed",
        /// The unique-id of a message that was deleted is used again.
        Recycled = "recycled",
        /// Messages stand in another order than before.
        Renumbered = "renumbered",
        /// The size of a message changed.
        Resized = "resized",
        /// All messages vanished after they were fetched, and no QUIT deleted them.
        Vanished = "vanished",
        /// EXPIRE: the server deletes messages of itself.
        Expire = "expire",
        /// LOGIN-DELAY: who fetches would be refused.
        LoginDelay = "login_delay",
        /// A session that stood on a listing could not go on in the maildrop.
        NotPromoted = "not_promoted",
    }
}

str_enum! {
    /// Why a login was let in on a listing: the label `reason` of `sharing_let_in_total`.
    LetInReason {
        /// The listing and the password were fresh.
        Fresh = "fresh",
        /// It came before its quota allowed, and was let in instead of being held.
        Absorbed = "absorbed",
        /// Its wait was spent, or there was no place for it in the queue.
        WaitSpent = "wait_spent",
    }
}

str_enum! {
    /// What became of a session that stood on a listing and needed its maildrop: the label
    /// `outcome` of `sharing_promotions_total`.
    PromotionOutcome {
        /// It went on in the maildrop.
        Promoted = "promoted",
        /// Its client left before that.
        ClientGone = "client_gone",
        /// The maildrop lacks messages that the client was shown, and sessions through popgate have
        /// deleted all of those.
        Deleted = "deleted",
        /// The maildrop lacks a message that the client was shown, or the server has said no whole
        /// listing of it.
        ListingChanged = "listing_changed",
        /// The maildrop did not come free within `wait`.
        WaitSpent = "wait_spent",
        /// The backend refused the password, which it had accepted before.
        PasswordRefused = "password_refused",
        /// The backend refused the login for another reason.
        LoginRefused = "login_refused",
        /// The backend gave no answer.
        Unreachable = "unreachable",
        /// An operator had paused the tenant or the backend for the whole wait.
        Paused = "paused",
        /// The engine of the cluster did not answer, or did not let the gate in.
        EngineAway = "engine_away",
        /// An operator or a stop ended it.
        Ended = "ended",
    }
}

str_enum! {
    /// Why nobody is let in on a listing any more: the label `reason` of `sharing_killed_total`.
    KilledBy {
        /// Another login came to the maildrop.
        Login = "login",
        /// A session has deleted messages, or may have.
        Deletion = "deletion",
    }
}

impl PromotionOutcome {
    /// Whether the maildrop is not shared for a day: its listing does not last, or the backend
    /// lets nobody in so often. A wait that is spent says only that one session had the maildrop
    /// for long; without sharing all others would be refused meanwhile.
    #[must_use]
    pub fn forbids_sharing(self) -> bool {
        matches!(self, Self::ListingChanged | Self::LoginRefused)
    }
}

impl ShadowResult {
    /// Whether a session that stands on the older listing could go on in the maildrop: each message
    /// of it is there under its number, with its unique-id and size.
    #[must_use]
    pub fn keeps_all(self) -> bool {
        matches!(self, Self::Same | Self::NewOnly)
    }

    fn unshareable(self) -> Option<Unshareable> {
        match self {
            Self::Same | Self::NewOnly | Self::Missing => None,
            Self::Resized => Some(Unshareable::Resized),
            Self::Renumbered => Some(Unshareable::Renumbered),
            Self::Changed => Some(Unshareable::Changed),
            Self::Recycled => Some(Unshareable::Recycled),
        }
    }
}

impl From<ListingChange> for ShadowResult {
    fn from(change: ListingChange) -> Self {
        match change {
            ListingChange::Same => Self::Same,
            ListingChange::NewOnly => Self::NewOnly,
            ListingChange::Missing => Self::Missing,
            ListingChange::Resized => Self::Resized,
            ListingChange::Renumbered => Self::Renumbered,
            ListingChange::Changed => Self::Changed,
        }
    }
}

impl Unshareable {
    /// What forbids sharing where replies are no whole listing.
    #[must_use]
    pub fn by_replies(why: NotWhole) -> Option<Self> {
        (why == NotWhole::Repeated).then_some(Self::Repeated)
    }

    /// What forbids sharing at a backend that lists these capabilities.
    pub fn by_capabilities(listed: &Capabilities) -> impl Iterator<Item = Self> {
        let never = |days: &String| {
            let days = days.split(' ').next();
            days.is_some_and(|days| days.eq_ignore_ascii_case("NEVER"))
        };
        let expires = listed.expire.as_ref().is_some_and(|days| !never(days));
        let delay = listed.login_delay.unwrap_or_default();
        let causes = [
            expires.then_some(Self::Expire),
            (delay > SHAREABLE_LOGIN_DELAY).then_some(Self::LoginDelay),
        ];
        causes.into_iter().flatten()
    }
}

/// Whether a session is busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionRest {
    /// Since when nothing has moved between it and its client; `None`: it waits for something.
    pub since: Option<Instant>,
    /// It has fetched messages.
    pub has_fetched: bool,
}

impl SessionRest {
    /// When it will have been idle for so long that it is not about to delete messages, if it goes
    /// on as it does.
    #[must_use]
    pub fn rests_at(self, now: Instant) -> Instant {
        let after = match self.has_fetched {
            true => RESTS_AFTER_FETCHING,
            false => RESTS_AFTER,
        };
        self.since.unwrap_or(now) + after
    }
}

/// What follows from a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// How it differs from the last one that its owner was shown within the hour.
    pub result: Option<ShadowResult>,
    /// The maildrop turns out not to be shareable, for causes that were not known.
    pub unshareable: Vec<Unshareable>,
    /// Whether the unique-ids of new mail were the same after a session that left without QUIT;
    /// `None`: it cannot be told.
    pub ids_outlive_close: Option<bool>,
    /// There is no room to keep it, so that the next one has nothing to be compared with.
    pub no_room: bool,
}

#[cfg(test)]
mod tests;
