//! Whether sessions of one maildrop could stand on its listing instead of holding its lock: what a
//! login would have been shown, against what the backend says.
//!
//! A listing is an instruction to delete: a mail program throws away what a listing lacks, and
//! fetches again what it does not know. So a listing is only ever compared with one that the same
//! login was shown at the same backend.

use crate::ids::{BackendName, UserName};
use crate::limits::{DELETED_IDS_MAX, LISTING_SHOWN_FOR, LISTINGS_PER_MAILDROP, NOT_SHAREABLE_FOR};
use crate::pop3::listing::{ListingChange, MaildropListing, NotWhole};
use crate::secret::PasswordTag;
use crate::str_enum::str_enum;
use crate::time::Instant;
use std::collections::{HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// Who was shown a listing. Nobody else may see it, also under the same lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListingOwner {
    /// The login, as typed.
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
    }
}

impl ShadowResult {
    /// Whether a session that stands on the older listing could go on in the maildrop.
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

/// What is known of one maildrop's listings.
#[derive(Debug, Default)]
pub struct MaildropListings {
    /// One for each owner, the newest last; [`LISTINGS_PER_MAILDROP`] at most.
    kept: VecDeque<KeptListing>,
    /// Hashes of unique-ids that were deleted, the newest last; [`DELETED_IDS_MAX`] at most.
    deleted: VecDeque<u64>,
    unshareable: Option<(Unshareable, Instant)>,
}

#[derive(Debug)]
struct KeptListing {
    owner: ListingOwner,
    listing: Arc<MaildropListing>,
    shown: Instant,
}

/// What follows from a listing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// How it differs from the last one that its owner was shown within the hour.
    pub result: Option<ShadowResult>,
    /// The maildrop turns out not to be shareable, which was not known.
    pub unshareable: Option<Unshareable>,
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
        let place = self.kept.iter().position(|kept| kept.owner == owner);
        let before = place.and_then(|place| self.kept.remove(place));
        let result = before.map(|before| match self.has_deleted(&listing) {
            true => ShadowResult::Recycled,
            false => before.listing.change_to(&listing).into(),
        });
        let numbers = listing.ids_are_numbers().then_some(Unshareable::Numbers);
        let why = numbers.or_else(|| result.and_then(ShadowResult::unshareable));
        if self.kept.len() == LISTINGS_PER_MAILDROP {
            self.kept.pop_front();
        }
        self.kept.push_back(KeptListing {
            owner,
            listing,
            shown: now,
        });
        Compared {
            result,
            unshareable: why.and_then(|why| self.is_unshareable(why, now)),
        }
    }

    /// The backend's replies are not a whole listing.
    pub fn not_whole(&mut self, why: NotWhole, now: Instant) -> Option<Unshareable> {
        self.expire(now);
        match why {
            NotWhole::Repeated => self.is_unshareable(Unshareable::Repeated, now),
            _ => None,
        }
    }

    /// A QUIT that the backend confirmed has deleted the messages at these places of the listing,
    /// from 0.
    pub fn deleted(&mut self, listing: &MaildropListing, places: &[usize]) {
        let places: HashSet<usize> = places.iter().copied().collect();
        for (number, _, id) in listing.messages_listed() {
            if !places.contains(&number.index()) {
                continue;
            }
            if self.deleted.len() == DELETED_IDS_MAX {
                self.deleted.pop_front();
            }
            self.deleted.push_back(hash(id));
        }
    }

    /// Why sessions of the maildrop must not stand on a listing, where that is known.
    #[must_use]
    pub fn unshareable(&self, now: Instant) -> Option<Unshareable> {
        self.unshareable
            .filter(|(_, until)| *until > now)
            .map(|(why, _)| why)
    }

    /// Forgets what is over; says whether anything is left.
    pub fn expire(&mut self, now: Instant) -> bool {
        self.kept
            .retain(|kept| now.saturating_duration_since(kept.shown) <= LISTING_SHOWN_FOR);
        self.unshareable.take_if(|(_, until)| *until <= now);
        // Deletions are of use as long as there is a listing to compare with.
        if self.kept.is_empty() {
            self.deleted.clear();
        }
        !self.kept.is_empty() || self.unshareable.is_some()
    }

    /// How many listings are kept.
    #[must_use]
    pub fn listings(&self) -> usize {
        self.kept.len()
    }

    /// Octets of memory that they take.
    #[must_use]
    pub fn footprint(&self) -> usize {
        let listings: usize = self.kept.iter().map(|kept| kept.listing.footprint()).sum();
        listings + self.deleted.len() * size_of::<u64>()
    }

    fn is_unshareable(&mut self, why: Unshareable, now: Instant) -> Option<Unshareable> {
        let before = self.unshareable.replace((why, now + NOT_SHAREABLE_FOR));
        before
            .is_none_or(|(before, _)| before != why)
            .then_some(why)
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

fn hash(unique_id: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    unique_id.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests;
