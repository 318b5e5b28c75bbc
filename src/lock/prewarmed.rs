//! Prewarmed connections by backend: open, greeted, and kept for whoever is next at a maildrop.
//!
//! A login that has no place under a backend's `connections` asks for one of them several times a
//! second, and must not search all maildrops for it.

use crate::ids::{BackendName, MaildropKey};
use std::collections::{BTreeMap, HashMap};
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Which maildrops have a prewarmed connection, by its backend, the oldest first. It is as long as
/// there are such connections, at most one for each maildrop in use.
///
/// The shard of a maildrop may be locked when this is, and never the other way round.
#[derive(Default)]
pub(super) struct PrewarmedIndex(Mutex<Listed>);

#[derive(Default)]
struct Listed {
    last: u64,
    maildrops: HashMap<BackendName, BTreeMap<u64, MaildropKey>>,
}

/// A connection and its line in the index, which goes with it.
pub(super) struct Prewarmed<C> {
    pub(super) connection: C,
    listing: Listing,
}

/// A line of the index. Dropping it strikes it out.
struct Listing {
    index: Arc<PrewarmedIndex>,
    backend: BackendName,
    number: u64,
}

impl PrewarmedIndex {
    /// Lists `connection`, which leads to `backend` and is for `key`.
    pub(super) fn list<C>(
        self: &Arc<Self>,
        backend: BackendName,
        key: &MaildropKey,
        connection: C,
    ) -> Prewarmed<C> {
        let mut listed = self.listed();
        // Numbers only grow, so a search that goes on behind the last one comes to its end.
        listed.last += 1;
        let number = listed.last;
        listed
            .maildrops
            .entry(backend.clone())
            .or_default()
            .insert(number, key.clone());
        Prewarmed {
            connection,
            listing: Listing {
                index: Arc::clone(self),
                backend,
                number,
            },
        }
    }

    /// The oldest one of `backend` that was listed after number `after`, and its maildrop.
    pub(super) fn next(&self, backend: &BackendName, after: u64) -> Option<(u64, MaildropKey)> {
        let listed = self.listed();
        let (number, key) = listed
            .maildrops
            .get(backend)?
            .range((Excluded(after), Unbounded))
            .next()?;
        Some((*number, key.clone()))
    }

    fn listed(&self) -> MutexGuard<'_, Listed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C> Prewarmed<C> {
    /// Whether it is the one with this number.
    pub(super) fn is(&self, number: u64) -> bool {
        self.listing.number == number
    }
}

impl Drop for Listing {
    fn drop(&mut self) {
        let mut listed = self.index.listed();
        if let Some(of_backend) = listed.maildrops.get_mut(&self.backend) {
            of_backend.remove(&self.number);
            // A reload takes backends away: nothing of them stays.
            if of_backend.is_empty() {
                listed.maildrops.remove(&self.backend);
            }
        }
    }
}

#[cfg(test)]
impl PrewarmedIndex {
    /// How many are listed.
    pub(super) fn len(&self) -> usize {
        self.listed().maildrops.values().map(BTreeMap::len).sum()
    }
}
