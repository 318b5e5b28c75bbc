//! Unique-ids of messages that sessions of popgate have deleted.

use crate::limits::{DELETED_IDS_KEPT_FOR, DELETED_IDS_MAX};
use crate::pop3::listing::{MaildropListing, MessageNumber};
use crate::time::Instant;
use std::collections::{HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Hashes of unique-ids, the newest last; [`DELETED_IDS_MAX`] at most, for
/// [`DELETED_IDS_KEPT_FOR`].
#[derive(Debug, Default)]
pub(super) struct DeletedIds {
    hashes: VecDeque<u64>,
    until: Option<Instant>,
}

impl DeletedIds {
    /// A QUIT that the backend confirmed has deleted the messages of the listing that are marked,
    /// by place, from 0.
    pub(super) fn add(&mut self, listing: &MaildropListing, marks: &[bool], now: Instant) {
        let is_marked = |number: MessageNumber| marks.get(number.index()).is_some_and(|&it| it);
        let rows = listing.messages_listed();
        for (_, _, id) in rows.filter(|(number, ..)| is_marked(*number)) {
            if self.hashes.len() == DELETED_IDS_MAX {
                self.hashes.pop_front();
            }
            self.hashes.push_back(hash(id));
            self.until = Some(now + DELETED_IDS_KEPT_FOR);
        }
    }

    /// Whether a message of the listing has the unique-id of one that was deleted.
    pub(super) fn come_again_in(&self, listing: &MaildropListing) -> bool {
        if self.hashes.is_empty() {
            return false;
        }
        let deleted = self.set();
        let mut rows = listing.messages_listed();
        rows.any(|(_, _, id)| deleted.contains(&hash(id)))
    }

    /// Whether each message that is in the older listing and not in the newer one was deleted by a
    /// session of popgate.
    pub(super) fn explain(&self, older: &MaildropListing, newer: &MaildropListing) -> bool {
        let missing = older.missing_in(newer);
        let deleted = self.set();
        missing.iter().all(|id| deleted.contains(&hash(id)))
    }

    pub(super) fn expire(&mut self, now: Instant) {
        if self.until.is_some_and(|until| until <= now) {
            *self = Self::default();
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.hashes.len()
    }

    /// Octets of memory that they take.
    pub(super) fn footprint(&self) -> usize {
        self.hashes.capacity() * size_of::<u64>()
    }

    fn set(&self) -> HashSet<u64> {
        self.hashes.iter().copied().collect()
    }
}

fn hash(unique_id: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    unique_id.hash(&mut hasher);
    hasher.finish()
}
