//! Addresses from which logins were accepted lately, and which of them many share.

use super::entry::later;
use crate::bounded::{ExpiringLruMap, RecentSet};
use crate::ids::{ClientPrefix, MaildropKey};
use crate::limits::{SHARED_BY, WELCOME, WELCOME_MAX};
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
            addresses: ExpiringLruMap::new(WELCOME_MAX),
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
        let maildrops = self.addresses.touch(address, later(now, WELCOME), now);
        maildrops.add(maildrop, now.as_second(), SHARED_BY, |at| at > since(now));
    }

    /// Whether a login from there was accepted within [`WELCOME`].
    pub(super) fn has(&self, address: ClientPrefix, now: Timestamp) -> bool {
        self.addresses.contains(&address, now)
    }

    /// Whether [`SHARED_BY`] maildrops or more were accepted from there within [`WELCOME`].
    pub(super) fn is_shared(&self, address: ClientPrefix, now: Timestamp) -> bool {
        let maildrops = self.addresses.get(&address, now);
        maildrops.is_some_and(|maildrops| {
            // All of them are as young as the oldest at least.
            maildrops.len() == SHARED_BY && maildrops.oldest() > Some(since(now))
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

/// The second of [`WELCOME`] before `now`.
fn since(now: Timestamp) -> i64 {
    now.as_second() - WELCOME.as_secs().cast_signed()
}
