//! Whether sessions of one maildrop could stand on its listing instead of holding its lock: what a
//! login would have been shown, against what the backend says.
//!
//! A listing is an instruction to delete: a mail program throws away what a listing lacks, and
//! fetches again what it does not know. So a listing is only ever compared with one that the same
//! login was shown at the same backend.

use crate::ids::{BackendName, UserName};
use crate::limits::{
    DELETED_IDS_KEPT_FOR, DELETED_IDS_MAX, LISTING_SHOWN_FOR, LISTINGS_PER_MAILDROP,
    NOT_SHAREABLE_FOR, SHAREABLE_LOGIN_DELAY, VANISHED_MAX,
};
use crate::pop3::capability::Capabilities;
use crate::pop3::listing::{ListingChange, MaildropListing, MessageNumber, NotWhole};
use crate::secret::PasswordTag;
use crate::str_enum::str_enum;
use crate::time::Instant;
use std::collections::{HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// Who was shown a listing. Nobody else may see it, also under the same lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListingOwner {
    /// The login, as typed; of a very long one what is [kept](UserName::kept) of it.
    pub login: UserName,
    /// Its password.
    pub tag: PasswordTag,
    /// The backend that it was logged in at.
    pub backend: BackendName,
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

/// What is known of one maildrop's listings.
#[derive(Debug, Default)]
pub struct MaildropListings {
    /// One for each owner, the newest last; [`LISTINGS_PER_MAILDROP`] at most.
    kept: Vec<KeptListing>,
    /// Hashes of unique-ids that were deleted, the newest last; [`DELETED_IDS_MAX`] at most.
    deleted: VecDeque<u64>,
    deleted_until: Option<Instant>,
    /// How often in a row all messages vanished after they were fetched.
    vanished: u8,
    /// What forbids sharing, and until when that is known.
    unshareable: Vec<(Unshareable, Instant)>,
}

#[derive(Debug)]
struct KeptListing {
    owner: ListingOwner,
    listing: Arc<MaildropListing>,
    shown: Instant,
    /// The session fetched as many messages as there are.
    all_fetched: bool,
}

/// What follows from a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// How it differs from the last one that its owner was shown within the hour.
    pub result: Option<ShadowResult>,
    /// The maildrop turns out not to be shareable, for causes that were not known.
    pub unshareable: Vec<Unshareable>,
    /// There is no room to keep it, so that the next one has nothing to be compared with.
    pub no_room: bool,
}

impl MaildropListings {
    /// The backend has shown `owner` this listing.
    pub fn shown(
        &mut self,
        owner: ListingOwner,
        listing: Arc<MaildropListing>,
        now: Instant,
    ) -> Compared {
        self.expire(now);
        let recycles = self.has_deleted(&listing);
        let place = self.kept.iter().position(|kept| kept.owner == owner);
        let before = place.map(|place| self.kept.remove(place));
        let result = before.as_ref().map(|before| match recycles {
            true => ShadowResult::Recycled,
            false => before.listing.change_to(&listing).into(),
        });
        if let Some(before) = before.filter(|before| before.all_fetched) {
            let is_left = before.listing.shares_a_message_with(&listing);
            let has_vanished = result == Some(ShadowResult::Missing) && !is_left;
            self.vanished = if has_vanished { self.vanished + 1 } else { 0 };
        }
        let causes = [
            listing.ids_are_numbers().then_some(Unshareable::Numbers),
            recycles.then_some(Unshareable::Recycled),
            result.and_then(ShadowResult::unshareable),
            (self.vanished == VANISHED_MAX).then_some(Unshareable::Vanished),
        ];
        self.vanished %= VANISHED_MAX;
        if self.kept.len() == LISTINGS_PER_MAILDROP {
            self.kept.remove(0);
        }
        self.kept.push(KeptListing {
            owner,
            listing,
            shown: now,
            all_fetched: false,
        });
        let causes = causes.into_iter().flatten();
        Compared {
            result,
            unshareable: causes.filter(|why| self.forbid(*why, now)).collect(),
            no_room: false,
        }
    }

    /// The session that was shown the owner's listing has fetched as many messages as there are,
    /// and deleted none.
    pub fn all_fetched(&mut self, owner: &ListingOwner) {
        let kept = self.kept.iter_mut().find(|kept| kept.owner == *owner);
        if let Some(kept) = kept {
            kept.all_fetched = true;
        }
    }

    /// Sessions must not stand on a listing. Says whether that was not known: each cause is told
    /// once in [`NOT_SHAREABLE_FOR`], which counts from there, however often it comes.
    pub fn forbid(&mut self, why: Unshareable, now: Instant) -> bool {
        self.expire(now);
        let is_new = !self.unshareable.iter().any(|(known, _)| *known == why);
        if is_new {
            self.unshareable.push((why, now + NOT_SHAREABLE_FOR));
        }
        is_new
    }

    /// A QUIT that the backend confirmed has deleted the messages of the listing that are marked,
    /// by place, from 0.
    pub fn deleted(&mut self, listing: &MaildropListing, marks: &[bool], now: Instant) {
        let is_marked = |number: MessageNumber| marks.get(number.index()).is_some_and(|&it| it);
        let rows = listing.messages_listed();
        for (_, _, id) in rows.filter(|(number, ..)| is_marked(*number)) {
            if self.deleted.len() == DELETED_IDS_MAX {
                self.deleted.pop_front();
            }
            self.deleted.push_back(hash(id));
            self.deleted_until = Some(now + DELETED_IDS_KEPT_FOR);
        }
    }

    /// Messages were deleted, or may have been: nobody would go on from what was shown before.
    pub fn forget_shown(&mut self) {
        self.kept = Vec::new();
    }

    /// There is no room for it.
    pub fn forget_ids(&mut self) {
        self.forget_shown();
        (self.deleted, self.deleted_until) = (VecDeque::new(), None);
    }

    /// Forgets what is over; says whether anything is left.
    pub fn expire(&mut self, now: Instant) -> bool {
        self.kept
            .retain(|kept| now.saturating_duration_since(kept.shown) <= LISTING_SHOWN_FOR);
        self.unshareable.retain(|(_, until)| *until > now);
        if self.deleted_until.is_some_and(|until| until <= now) {
            (self.deleted, self.deleted_until) = (VecDeque::new(), None);
        }
        !self.kept.is_empty() || !self.deleted.is_empty() || !self.unshareable.is_empty()
    }

    /// Octets of memory that it takes besides itself.
    #[must_use]
    pub fn footprint(&self) -> usize {
        let listings: usize = self.kept.iter().map(KeptListing::footprint).sum();
        listings
            + self.kept.capacity() * size_of::<KeptListing>()
            + self.deleted.capacity() * size_of::<u64>()
            + self.unshareable.capacity() * size_of::<(Unshareable, Instant)>()
    }

    fn has_deleted(&self, listing: &MaildropListing) -> bool {
        if self.deleted.is_empty() {
            return false;
        }
        let deleted: HashSet<u64> = self.deleted.iter().copied().collect();
        listing
            .messages_listed()
            .any(|(_, _, id)| deleted.contains(&hash(id)))
    }
}

impl KeptListing {
    /// Octets of memory that it takes besides itself.
    fn footprint(&self) -> usize {
        2 * ARC_COUNTS + self.listing.footprint() + self.owner.login.as_bytes().len()
    }
}

/// Octets of what is shared, besides what it has in it.
const ARC_COUNTS: usize = 2 * size_of::<usize>();

fn hash(unique_id: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    unique_id.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests;
