//! The listings that logins were shown lately, by maildrop. What follows from two of them is a
//! rule: [`policy::sharing`](crate::policy::sharing).

use crate::ids::MaildropKey;
use crate::limits::SHARING_MEMORY;
use crate::policy::sharing::{Compared, ListingOwner, MaildropListings, Unshareable};
use crate::pop3::listing::{MaildropListing, NotWhole};
use crate::time::Instant;
use dashmap::DashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// ShownListings of maildrops whose tenant measures sharing, each for an hour.
///
/// Holds [`SHARING_MEMORY`] octets. Where those are full nothing is evicted: a listing is not
/// compared until others are forgotten.
#[derive(Debug, Default)]
pub struct ShownListings {
    maildrops: DashMap<MaildropKey, MaildropListings>,
    octets: AtomicUsize,
}

/// How much is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListingsKept {
    /// ShownListings.
    pub listings: usize,
    /// Octets of memory.
    pub octets: usize,
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
        if self.octets.load(Ordering::Relaxed) + listing.footprint() > SHARING_MEMORY {
            return Compared::default();
        }
        self.change(key, |maildrop| maildrop.shown(owner, listing, now))
    }

    /// The backend's replies are not a whole listing.
    pub fn not_whole(&self, key: &MaildropKey, why: NotWhole, now: Instant) -> Option<Unshareable> {
        self.change(key, |maildrop| maildrop.not_whole(why, now))
    }

    /// A session has deleted the messages at these places of its listing.
    pub fn deleted(&self, key: &MaildropKey, listing: &MaildropListing, places: &[usize]) {
        self.change(key, |maildrop| maildrop.deleted(listing, places));
    }

    /// Forgets what is over.
    pub fn forget_idle(&self, now: Instant) {
        self.maildrops.retain(|_, maildrop| {
            let before = maildrop.footprint();
            let is_kept = maildrop.expire(now);
            let after = if is_kept { maildrop.footprint() } else { 0 };
            self.octets.fetch_sub(before - after, Ordering::Relaxed);
            is_kept
        });
    }

    /// How much is kept.
    #[must_use]
    pub fn kept(&self) -> ListingsKept {
        let listings = self.maildrops.iter().map(|maildrop| maildrop.listings());
        ListingsKept {
            listings: listings.sum(),
            octets: self.octets.load(Ordering::Relaxed),
        }
    }

    fn change<T>(&self, key: &MaildropKey, what: impl FnOnce(&mut MaildropListings) -> T) -> T {
        let mut maildrop = self.maildrops.entry(key.clone()).or_default();
        let before = maildrop.footprint();
        let value = what(&mut maildrop);
        let after = maildrop.footprint();
        // While the maildrop is borrowed, so that nothing is taken away that was not added.
        self.octets.fetch_add(after, Ordering::Relaxed);
        self.octets.fetch_sub(before, Ordering::Relaxed);
        value
    }
}
