//! The listings that logins were shown lately, by maildrop. What follows from them is a rule:
//! [`policy::sharing`](crate::policy::sharing).

mod room;
mod unfinished;

pub use unfinished::UnfinishedListing;

use self::room::Room;
use crate::ids::{MaildropKey, SessionTurn, TenantName, UserName};
use crate::policy::sharing::{
    Asker, Compared, LeftBy, ListingOwner, MaildropListings, StandsOn, Unshareable,
};
use crate::pop3::listing::MaildropListing;
use crate::secret::PasswordTag;
use crate::time::{Duration, Instant};
use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// What is known of maildrops whose tenant measures or shares: listings for an hour, deletions and
/// what forbids sharing for a day.
///
/// Holds as many octets as it is given room, those of listings included that a session stands on.
/// Where they are full nothing of others is evicted: a maildrop is not known, or its listings go,
/// until others are forgotten.
#[derive(Debug, Default)]
pub struct ShownListings {
    maildrops: DashMap<MaildropKey, KnownMaildrop>,
    room: Room,
    /// Listings that are not kept any more, and that a session still stands on.
    stood_on: Mutex<Vec<StoodOn>>,
}

/// A maildrop, and whose room it takes.
#[derive(Debug)]
struct KnownMaildrop {
    tenant: TenantName,
    listings: MaildropListings,
}

#[derive(Debug)]
struct StoodOn {
    tenant: TenantName,
    listing: Weak<MaildropListing>,
    octets: usize,
}

/// A maildrop, and the tenant whose login it is.
#[derive(Clone, Copy, Debug)]
pub struct MaildropPlace<'a> {
    /// What is locked.
    pub key: &'a MaildropKey,
    /// Whose room it takes.
    pub tenant: &'a TenantName,
}

impl ShownListings {
    /// How many octets there are for all, and for how many tenants: none has more than its share.
    pub fn give_room(&self, octets: usize, tenants: usize) {
        self.room.give(octets, tenants);
    }

    /// A backend has accepted a login to the maildrop; `measures`: what it is shown will be looked
    /// at. Returns how many listings nobody is let in on any more.
    pub fn accepted(
        &self,
        place: MaildropPlace<'_>,
        login: &UserName,
        tag: PasswordTag,
        measures: bool,
        now: Instant,
    ) -> usize {
        if !measures && !self.maildrops.contains_key(place.key) {
            return 0;
        }
        let accepted = self.change(place, |maildrop| maildrop.accepted(&login.kept(), tag, now));
        accepted.value.unwrap_or_default()
    }

    /// The client of the login that was accepted last is told nothing yet:
    /// [`MaildropListings::tells_nothing`].
    pub fn tells_nothing(&self, key: &MaildropKey, tag: PasswordTag) {
        self.known(key, |maildrop| maildrop.tells_nothing(tag));
    }

    /// A backend has refused the password.
    pub fn refused(&self, key: &MaildropKey, tag: PasswordTag, now: Instant) {
        if let Some(mut known) = self.maildrops.get_mut(key) {
            self.change_occupied(key, &mut known, |maildrop| maildrop.refused(tag, now));
        }
    }

    /// Whether sessions through popgate delete messages of the maildrop.
    #[must_use]
    pub fn has_deletions(&self, key: &MaildropKey) -> bool {
        let maildrop = self.maildrops.get(key);
        maildrop.is_some_and(|maildrop| maildrop.listings.has_deletions())
    }

    /// The backend has shown this listing, to a session of this turn.
    pub fn shown(
        &self,
        place: MaildropPlace<'_>,
        owner: &ListingOwner,
        listing: Arc<MaildropListing>,
        turn: Option<SessionTurn>,
        now: Instant,
    ) -> Compared {
        let changed = self.change(place, |maildrop| {
            let compared = maildrop.shown(owner.clone(), listing, now);
            if let Some(turn) = turn {
                maildrop.had_turn(owner, turn);
            }
            compared
        });
        Compared {
            no_room: changed.no_room,
            ..changed.value.unwrap_or_default()
        }
    }

    /// What a login may be let in on: [`MaildropListings::fresh`].
    #[must_use]
    pub fn fresh(
        &self,
        key: &MaildropKey,
        asker: &Asker,
        age: Duration,
        fresh: Duration,
        now: Instant,
    ) -> Option<StandsOn> {
        let maildrop = self.maildrops.get(key)?;
        maildrop.listings.fresh(asker, age, fresh, now)
    }

    /// What a login may be let in on whose wait is spent: [`MaildropListings::last_resort`].
    #[must_use]
    pub fn last_resort(&self, key: &MaildropKey, asker: &Asker, now: Instant) -> Option<StandsOn> {
        self.maildrops.get(key)?.listings.last_resort(asker, now)
    }

    /// Whether each message that is gone was deleted by a session of popgate.
    #[must_use]
    pub fn explains(
        &self,
        key: &MaildropKey,
        older: &MaildropListing,
        newer: &MaildropListing,
    ) -> bool {
        let maildrop = self.maildrops.get(key);
        maildrop.is_some_and(|maildrop| maildrop.listings.explains(older, newer))
    }

    /// What forbids sharing the maildrop.
    #[must_use]
    pub fn unshareable(&self, key: &MaildropKey, now: Instant) -> Vec<Unshareable> {
        let maildrop = self.maildrops.get(key);
        maildrop.map_or_else(Vec::new, |it| it.listings.unshareable(now).collect())
    }

    /// Whether popgate may ask for a listing of its own.
    #[must_use]
    pub fn may_ask(&self, key: &MaildropKey, now: Instant) -> bool {
        let maildrop = self.maildrops.get(key);
        maildrop.is_none_or(|maildrop| maildrop.listings.may_ask(now))
    }

    /// Whether the last session in the maildrop left it without QUIT.
    #[must_use]
    pub fn was_closed(&self, key: &MaildropKey) -> bool {
        let maildrop = self.maildrops.get(key);
        maildrop.is_some_and(|maildrop| maildrop.listings.was_closed())
    }

    /// popgate's own listing of the maildrop took too long.
    pub fn took_long(&self, place: MaildropPlace<'_>, now: Instant) {
        self.change(place, |maildrop| maildrop.took_long(now));
    }

    /// Sessions of the maildrop must not stand on a listing. Says whether that was not known.
    pub fn forbid(&self, place: MaildropPlace<'_>, why: Unshareable, now: Instant) -> bool {
        let changed = self.change(place, |maildrop| maildrop.forbid(why, now));
        changed.value.unwrap_or_default()
    }

    /// As [`forbid`](Self::forbid), until a time, as a gate of before has found out.
    pub fn forbid_until(&self, place: MaildropPlace<'_>, why: Unshareable, until: Instant) {
        self.change(place, |maildrop| maildrop.forbid_until(why, until));
    }

    /// A session has deleted the messages of its listing that are marked, by place, from 0.
    pub fn deleted(
        &self,
        place: MaildropPlace<'_>,
        listing: &MaildropListing,
        marks: &[bool],
        now: Instant,
    ) {
        self.change(place, |maildrop| maildrop.deleted(listing, marks, now));
    }

    /// The session of the owner has fetched all messages of its listing, and deleted none.
    pub fn all_fetched(&self, key: &MaildropKey, owner: &ListingOwner) {
        self.known(key, |maildrop| maildrop.all_fetched(owner));
    }

    /// The session in the maildrop sends a DELE or QUIT.
    pub fn updates(&self, key: &MaildropKey) {
        self.known(key, MaildropListings::updates);
    }

    /// A session has left the maildrop; `owner`: it was shown the owner's listing.
    pub fn left(&self, key: &MaildropKey, owner: Option<&ListingOwner>, how: LeftBy) {
        self.known(key, |maildrop| maildrop.left(owner, how));
    }

    /// Messages of the maildrop were deleted, or may have been. Returns how many listings nobody is
    /// let in on any more.
    pub fn outdate(&self, key: &MaildropKey) -> usize {
        self.known(key, MaildropListings::outdate)
    }

    /// Nobody knows what a session did to the maildrop. Returns as [`outdate`](Self::outdate).
    pub fn kill(&self, key: &MaildropKey) -> usize {
        self.known(key, MaildropListings::kill)
    }

    /// Listings that are kept, and octets of all that is known.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        let kept = self.maildrops.iter().map(|it| it.listings.kept());
        (kept.sum(), self.room.taken())
    }

    /// Octets that all that is known may take.
    #[must_use]
    pub fn size_max(&self) -> usize {
        self.room.most()
    }

    /// Forgets what is over.
    pub fn forget_idle(&self, now: Instant) {
        self.forget_stood_on();
        self.maildrops.retain(|key, known| {
            let before = footprint(key, &known.listings);
            let listings: Vec<_> = known.listings.listings().cloned().collect();
            let is_kept = known.listings.expire(now);
            let after = if is_kept {
                footprint(key, &known.listings)
            } else {
                0
            };
            self.room.take(&known.tenant, before, after);
            self.take_stood_on(known, &listings);
            is_kept
        });
        self.maildrops.shrink_to_fit();
    }

    /// Changes what is known of a maildrop, where something is, and takes no more room by it.
    fn known<T: Default>(
        &self,
        key: &MaildropKey,
        what: impl FnOnce(&mut MaildropListings) -> T,
    ) -> T {
        let maildrop = self.maildrops.get_mut(key);
        maildrop.map_or_else(T::default, |mut known| what(&mut known.listings))
    }

    /// Changes what is known of a maildrop while it is borrowed, so that nobody gives back what
    /// was not taken.
    fn change<T>(
        &self,
        place: MaildropPlace<'_>,
        what: impl FnOnce(&mut MaildropListings) -> T,
    ) -> Changed<T> {
        match self.maildrops.entry(place.key.clone()) {
            Entry::Vacant(vacant) => {
                let mut listings = MaildropListings::default();
                let value = what(&mut listings);
                let octets = footprint(place.key, &listings);
                if !self.take(place.tenant, 0, octets) {
                    return Changed::NOT_KNOWN;
                }
                let tenant = place.tenant.clone();
                vacant.insert(KnownMaildrop { tenant, listings });
                Changed::kept(value)
            }
            Entry::Occupied(mut occupied) => {
                self.change_occupied(place.key, occupied.get_mut(), what)
            }
        }
    }

    fn change_occupied<T>(
        &self,
        key: &MaildropKey,
        known: &mut KnownMaildrop,
        what: impl FnOnce(&mut MaildropListings) -> T,
    ) -> Changed<T> {
        let before = footprint(key, &known.listings);
        let listings: Vec<_> = known.listings.listings().cloned().collect();
        let value = what(&mut known.listings);
        // Who stands on listings that are replaced, again and again, must not fill the memory.
        let stood_on = still_stood_on(known, &listings);
        let replaced: usize = stood_on.iter().map(|listing| listing.footprint()).sum();
        let after = footprint(key, &known.listings) + replaced;
        let has_room = self.take(&known.tenant, before, after);
        if has_room {
            self.keep_stood_on(&known.tenant, &stood_on);
        } else {
            known.listings.forget_ids();
            let after = footprint(key, &known.listings);
            self.room.take(&known.tenant, before, after);
            self.take_stood_on(known, &listings);
        }
        Changed {
            no_room: !has_room,
            ..Changed::kept(value)
        }
    }

    /// As [`Room::take`], where nobody stands any more on what takes room.
    fn take(&self, tenant: &TenantName, before: usize, after: usize) -> bool {
        self.room.take(tenant, before, after) || {
            self.forget_stood_on();
            self.room.take(tenant, before, after)
        }
    }

    /// Those of `before` that are not kept any more, and that a session stands on, go on taking
    /// room.
    fn take_stood_on(&self, known: &KnownMaildrop, before: &[Arc<MaildropListing>]) {
        let stood_on = still_stood_on(known, before);
        for listing in &stood_on {
            self.room.take_anyway(&known.tenant, listing.footprint());
        }
        self.keep_stood_on(&known.tenant, &stood_on);
    }

    /// Their room is taken, until nobody stands on them any more.
    fn keep_stood_on(&self, tenant: &TenantName, listings: &[&Arc<MaildropListing>]) {
        let mut stood_on = self.stood_on.lock().unwrap_or_else(PoisonError::into_inner);
        stood_on.extend(listings.iter().map(|listing| StoodOn {
            tenant: tenant.clone(),
            listing: Arc::downgrade(listing),
            octets: listing.footprint(),
        }));
    }

    fn forget_stood_on(&self) {
        let mut stood_on = self.stood_on.lock().unwrap_or_else(PoisonError::into_inner);
        stood_on.retain(|it| {
            let is_left = it.listing.strong_count() > 0;
            if !is_left {
                self.room.take(&it.tenant, it.octets, 0);
            }
            is_left
        });
    }
}

/// Those of `before`, each of which is here once, that are not kept any more, and that a session
/// stands on.
fn still_stood_on<'a>(
    known: &KnownMaildrop,
    before: &'a [Arc<MaildropListing>],
) -> Vec<&'a Arc<MaildropListing>> {
    let is_kept = |it: &Arc<_>| known.listings.listings().any(|kept| Arc::ptr_eq(kept, it));
    let gone = before.iter().filter(|listing| !is_kept(listing));
    gone.filter(|listing| Arc::strong_count(listing) > 1)
        .collect()
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
    2 * size_of::<(MaildropKey, KnownMaildrop)>() + name + maildrop.footprint()
}

#[cfg(test)]
mod tests;
