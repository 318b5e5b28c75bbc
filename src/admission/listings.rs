//! The listings that logins were shown lately, by maildrop. What follows from two of them is a
//! rule: [`policy::sharing`](crate::policy::sharing).

use crate::ids::MaildropKey;
use crate::limits::SHARING_MEMORY;
use crate::policy::sharing::{Compared, ListingOwner, MaildropListings, Unshareable};
use crate::pop3::listing::MaildropListing;
use crate::time::Instant;
use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What is known of maildrops whose tenant measures sharing: listings for an hour, deletions and
/// what forbids sharing for a day.
///
/// Holds [`SHARING_MEMORY`] octets. Where those are full nothing of others is evicted: a maildrop
/// is not known, or its listings go, until others are forgotten.
#[derive(Debug, Default)]
pub struct ShownListings {
    maildrops: DashMap<MaildropKey, MaildropListings>,
    octets: AtomicUsize,
}

impl ShownListings {
    /// The backend has shown this listing.
    pub fn shown(
        &self,
        key: &MaildropKey,
        owner: ListingOwner,
        listing: Arc<MaildropListing>,
        now: Instant,
    ) -> Compared {
        let changed = self.change(key, |maildrop| maildrop.shown(owner, listing, now));
        Compared {
            no_room: changed.no_room,
            ..changed.value.unwrap_or_default()
        }
    }

    /// Sessions of the maildrop must not stand on a listing. Says whether that was not known.
    pub fn forbid(&self, key: &MaildropKey, why: Unshareable, now: Instant) -> bool {
        let changed = self.change(key, |maildrop| maildrop.forbid(why, now));
        changed.value.unwrap_or_default()
    }

    /// A session has deleted the messages of its listing that are marked, by place, from 0.
    pub fn deleted(
        &self,
        key: &MaildropKey,
        listing: &MaildropListing,
        marks: &[bool],
        now: Instant,
    ) {
        self.change(key, |maildrop| maildrop.deleted(listing, marks, now));
    }

    /// The session of the owner has fetched all messages of its listing, and deleted none.
    pub fn all_fetched(&self, key: &MaildropKey, owner: &ListingOwner) {
        if let Some(mut maildrop) = self.maildrops.get_mut(key) {
            maildrop.all_fetched(owner);
        }
    }

    /// Messages of the maildrop were deleted, or may have been.
    pub fn forget_shown(&self, key: &MaildropKey) {
        // Nothing is made for a maildrop that is not measured.
        if self.maildrops.contains_key(key) {
            self.change(key, MaildropListings::forget_shown);
        }
    }

    /// Forgets what is over.
    pub fn forget_idle(&self, now: Instant) {
        self.maildrops.retain(|key, maildrop| {
            let before = footprint(key, maildrop);
            let is_kept = maildrop.expire(now);
            let after = if is_kept { footprint(key, maildrop) } else { 0 };
            self.octets.fetch_sub(before - after, Ordering::Relaxed);
            is_kept
        });
        self.maildrops.shrink_to_fit();
    }

    /// Changes what is known of a maildrop while it is borrowed, so that nobody gives back what
    /// was not taken.
    fn change<T>(
        &self,
        key: &MaildropKey,
        what: impl FnOnce(&mut MaildropListings) -> T,
    ) -> Changed<T> {
        match self.maildrops.entry(key.clone()) {
            Entry::Vacant(place) => {
                let mut maildrop = MaildropListings::default();
                let value = what(&mut maildrop);
                if !self.has_room(0, footprint(key, &maildrop)) {
                    return Changed::NOT_KNOWN;
                }
                place.insert(maildrop);
                Changed::kept(value)
            }
            Entry::Occupied(mut place) => {
                let maildrop = place.get_mut();
                let before = footprint(key, maildrop);
                let value = what(maildrop);
                if self.has_room(before, footprint(key, maildrop)) {
                    return Changed::kept(value);
                }
                maildrop.forget_ids();
                self.has_room(before, footprint(key, maildrop));
                Changed {
                    no_room: true,
                    ..Changed::kept(value)
                }
            }
        }
    }

    /// Takes `after` octets in place of those `before`, if they are fewer or there is room.
    fn has_room(&self, before: usize, after: usize) -> bool {
        let relaxed = Ordering::Relaxed;
        let exchanged = self.octets.fetch_update(relaxed, relaxed, |octets| {
            let octets = octets - before + after;
            (after <= before || octets <= SHARING_MEMORY).then_some(octets)
        });
        exchanged.is_ok()
    }
}

/// What became of a change.
struct Changed<T> {
    /// `None`: nothing is known of the maildrop.
    value: Option<T>,
    no_room: bool,
}

impl<T> Changed<T> {
    const NOT_KNOWN: Self = Self {
        value: None,
        no_room: true,
    };

    fn kept(value: T) -> Self {
        Self {
            value: Some(value),
            no_room: false,
        }
    }
}

/// Octets of memory that a maildrop takes, its places in the map included: of those about half are
/// empty.
fn footprint(key: &MaildropKey, maildrop: &MaildropListings) -> usize {
    let name = key.maildrop().as_bytes().len();
    2 * size_of::<(MaildropKey, MaildropListings)>() + name + maildrop.footprint()
}

#[cfg(test)]
mod tests;
