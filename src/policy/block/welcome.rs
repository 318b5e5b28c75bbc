//! Addresses from which logins were accepted lately, and which of them many share.

use super::entry::later;
use super::fading::Fading;
use crate::ids::{ClientPrefix, MaildropKey};
use crate::limits::{SHARED_BY, WELCOME, WELCOME_MAX};
use jiff::Timestamp;
use std::hash::{BuildHasher, RandomState};

/// Where somebody is at home.
#[derive(Debug)]
pub(super) struct Welcome {
    addresses: Fading<ClientPrefix, Maildrops>,
    hasher: RandomState,
}

/// The maildrops that were accepted last from an address, as hashes, each with the time in seconds;
/// the latest is the last, and there are no more than make an address a shared one.
#[derive(Debug, Default)]
struct Maildrops(Vec<(u64, i64)>);

impl Default for Welcome {
    fn default() -> Self {
        Self {
            addresses: Fading::new(WELCOME_MAX),
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
        let maildrops = self.addresses.keep(address, later(now, WELCOME), now);
        maildrops.add(maildrop, now);
    }

    /// Whether a login from there was accepted within [`WELCOME`].
    pub(super) fn has(&self, address: ClientPrefix, now: Timestamp) -> bool {
        self.addresses.has(&address, now)
    }

    /// Whether [`SHARED_BY`] maildrops or more were accepted from there within [`WELCOME`].
    pub(super) fn is_shared(&self, address: ClientPrefix, now: Timestamp) -> bool {
        let maildrops = self.addresses.get(&address, now);
        maildrops.is_some_and(|maildrops| maildrops.are_many(now))
    }

    pub(super) fn forget(&mut self, now: Timestamp) {
        self.addresses.forget(now);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.addresses.len()
    }
}

impl Maildrops {
    fn add(&mut self, maildrop: u64, now: Timestamp) {
        self.0.retain(|&(other, _)| other != maildrop);
        if self.0.len() == SHARED_BY {
            self.0.remove(0);
        }
        self.0.push((maildrop, now.as_second()));
    }

    fn are_many(&self, now: Timestamp) -> bool {
        let since = now.as_second() - WELCOME.as_secs().cast_signed();
        self.0.len() == SHARED_BY && self.0[0].1 > since
    }
}
