//! Addresses from which logins were accepted lately, and which of them many maildrops share.

use crate::bounded::{ExpiringLruMap, RecentSet};
use crate::ids::{ClientPrefix, MaildropKey};
use crate::limits::{ACCEPTED_ADDRESS_AGE, ACCEPTED_ADDRESSES_MAX, SHARED_ADDRESS_MAILDROPS};
use crate::policy::block::later;
use jiff::Timestamp;
use std::hash::{BuildHasher, RandomState};

/// Where logins were accepted within [`ACCEPTED_ADDRESS_AGE`]: up to [`SHARED_ADDRESS_MAILDROPS`]
/// maildrops of each address, as hashes. One gate's own, and in memory only.
///
/// Holds [`ACCEPTED_ADDRESSES_MAX`] addresses. Where it is full, the one whose last login is the
/// oldest is forgotten: until its next one it is held to passing faults, and may be blocked as a
/// whole.
#[derive(Debug)]
pub(super) struct AcceptedAddresses {
    /// Seconds instead of a [`Timestamp`], which is twice as large.
    maildrops: ExpiringLruMap<ClientPrefix, RecentSet<u64, i64>, Timestamp>,
    hasher: RandomState,
}

impl Default for AcceptedAddresses {
    fn default() -> Self {
        Self {
            maildrops: ExpiringLruMap::new(ACCEPTED_ADDRESSES_MAX),
            hasher: RandomState::new(),
        }
    }
}

impl AcceptedAddresses {
    /// A login from there was accepted: somebody there has a right password.
    pub(super) fn add(&mut self, maildrop: &MaildropKey, address: ClientPrefix, now: Timestamp) {
        let maildrop = self.hasher.hash_one(maildrop);
        let until = later(now, ACCEPTED_ADDRESS_AGE);
        let maildrops = self.maildrops.touch(address, until, now);
        // More than make an address a shared one are not needed to know that it is.
        maildrops.add(maildrop, now.as_second(), SHARED_ADDRESS_MAILDROPS, |at| {
            at > a_day_before(now)
        });
    }

    /// Whether a login from there was accepted.
    pub(super) fn contains(&self, address: ClientPrefix, now: Timestamp) -> bool {
        self.maildrops.contains(&address, now)
    }

    /// Whether [`SHARED_ADDRESS_MAILDROPS`] maildrops or more were accepted from there.
    pub(super) fn is_shared(&self, address: ClientPrefix, now: Timestamp) -> bool {
        // They are in order of time: if the oldest counts, all do.
        self.maildrops.get(&address, now).is_some_and(|maildrops| {
            maildrops.len() == SHARED_ADDRESS_MAILDROPS
                && maildrops.oldest() > Some(a_day_before(now))
        })
    }

    pub(super) fn forget(&mut self, now: Timestamp) {
        self.maildrops.remove_expired(now);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.maildrops.len()
    }
}

fn a_day_before(now: Timestamp) -> i64 {
    now.as_second() - ACCEPTED_ADDRESS_AGE.as_secs().cast_signed()
}
