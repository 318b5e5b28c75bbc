//! The delay of an answer to a wrong password, which grows with each other one of the address.
//!
//! A guesser tries ever new passwords, and each answer comes later than the one before it. A
//! mail program with a stale password says the same one for ever: that counts once, so that the
//! others behind its address are not slowed down for it. Dovecot does likewise: its penalty of an
//! address goes from 2 s by 4 and 8 to 15 s, and passwords among the last ten do not raise it.
//!
//! Whose network is trusted is asked elsewhere; here everybody is counted who is brought.

use super::proven::PasswordTag;
use super::recent::Recent;
use super::rules::FailureRules;
use crate::ids::AddressBlock;
use crate::limits::{FAILURE_WINDOW, PENALTY_ADDRESSES_MAX, PENALTY_LOGINS_MAX};
use crate::time::{Duration, Instant};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The wrong logins of each address, bounded by [`PENALTY_ADDRESSES_MAX`]: beyond it the address
/// goes that has failed for the last time longest ago, or nearly so.
pub struct Penalties {
    addresses: Mutex<Recent<AddressBlock, WrongLogins>>,
}

/// The different wrong logins of one address and the last time of each, the latest one last.
#[derive(Default)]
struct WrongLogins(Vec<(PasswordTag, Instant)>);

impl Penalties {
    /// Nobody has failed yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            addresses: Mutex::new(Recent::new(PENALTY_ADDRESSES_MAX, FAILURE_WINDOW)),
        }
    }

    /// A login failed for its password: how long its answer is held. One that failed before within
    /// [`FAILURE_WINDOW`] does not raise the delay.
    #[must_use]
    pub fn failed(
        &self,
        block: AddressBlock,
        tag: PasswordTag,
        rules: &FailureRules,
        now: Instant,
    ) -> Duration {
        let mut addresses = self.addresses();
        let logins = addresses.touch(block, now);
        logins.add(tag, now);
        delay_after(logins.count(now), rules)
    }

    /// How long an answer to this address is held that is no new failure: the same as if its last
    /// wrong login came again.
    #[must_use]
    pub fn delay(&self, block: AddressBlock, rules: &FailureRules, now: Instant) -> Duration {
        let addresses = self.addresses();
        let count = addresses
            .get(&block, now)
            .map_or(0, |(_, logins)| logins.count(now));
        delay_after(count, rules)
    }

    /// Forgets the addresses that have not failed for [`FAILURE_WINDOW`].
    pub fn forget_idle(&self, now: Instant) {
        self.addresses().forget_idle(now);
    }

    /// Addresses that are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.addresses().len()
    }

    /// Whether no address is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn addresses(&self) -> MutexGuard<'_, Recent<AddressBlock, WrongLogins>> {
        self.addresses
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Penalties {
    fn default() -> Self {
        Self::new()
    }
}

impl WrongLogins {
    fn add(&mut self, tag: PasswordTag, now: Instant) {
        self.0
            .retain(|&(known, at)| known != tag && is_fresh(at, now));
        if self.0.len() == PENALTY_LOGINS_MAX {
            self.0.remove(0);
        }
        self.0.push((tag, now));
    }

    fn count(&self, now: Instant) -> usize {
        self.0.iter().filter(|&&(_, at)| is_fresh(at, now)).count()
    }
}

fn is_fresh(at: Instant, now: Instant) -> bool {
    now.duration_since(at) <= FAILURE_WINDOW
}

/// `delay` for the first different login, doubled with each other one.
fn delay_after(different: usize, rules: &FailureRules) -> Duration {
    let others = different.clamp(1, PENALTY_LOGINS_MAX) - 1;
    rules.delay.saturating_mul(1 << others).min(rules.max_delay)
}
