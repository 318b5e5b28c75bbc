//! Addresses from which logins were accepted lately, and which of them many share.

use super::entry::later;
use crate::bounded::{ExpiringLruMap, RecentSet};
use crate::ids::{ClientPrefix, MaildropKey};
use crate::limits::{ACCEPTED_ADDRESS_AGE, ACCEPTED_ADDRESSES_MAX, SHARED_ADDRESS_MAILDROPS};
use jiff::Timestamp;
use std::hash::{BuildHasher, RandomState};

/// Where somebody is at home.
#[derive(Debug)]
pub(super) struct Welcome {
    addresses: ExpiringLruMap<ClientPrefix, Maildrops, Timestamp>,
    hasher: RandomState,
}

/// The maildrops that were accepted last from an address, as hashes, each with the time in seconds:
/// no more than make an address a shared one.
type Maildrops = RecentSet<u64, i64>;

impl Default for Welcome {
    fn default() -> Self {
        Self {
            addresses: ExpiringLruMap::new(ACCEPTED_ADDRESSES_MAX),
            hasher: RandomState::new(),
        }
    }
}

impl Welcome {
    /// A login from there was accepted: somebody at home there has a right password.
    pub(super) fn accepted(
        &mut self,
        maildrop: &MaildropKey,
        address: ClientPrefix,
        now: Timestamp,
    ) {
        let maildrop = self.hasher.hash_one(maildrop);
        let maildrops = self
            .addresses
            .touch(address, later(now, ACCEPTED_ADDRESS_AGE), now);
        maildrops.add(maildrop, now.as_second(), SHARED_ADDRESS_MAILDROPS, |at| {
            at > since(now)
        });
    }

    /// Whether a login from there was accepted within [`ACCEPTED_ADDRESS_AGE`].
    pub(super) fn has(&self, address: ClientPrefix, now: Timestamp) -> bool {
        self.addresses.contains(&address, now)
    }

    /// Whether [`SHARED_ADDRESS_MAILDROPS`] maildrops or more were accepted from there within [`ACCEPTED_ADDRESS_AGE`].
    pub(super) fn is_shared(&self, address: ClientPrefix, now: Timestamp) -> bool {
        let maildrops = self.addresses.get(&address, now);
        maildrops.is_some_and(|maildrops| {
            // All of them are as young as the oldest at least.
            maildrops.len() == SHARED_ADDRESS_MAILDROPS && maildrops.oldest() > Some(since(now))
        })
    }

    pub(super) fn forget(&mut self, now: Timestamp) {
        self.addresses.remove_expired(now);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.addresses.len()
    }
}

/// The second of [`ACCEPTED_ADDRESS_AGE`] before `now`.
fn since(now: Timestamp) -> i64 {
    now.as_second() - ACCEPTED_ADDRESS_AGE.as_secs().cast_signed()
}
