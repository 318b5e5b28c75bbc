//! Logins that are really tried under a block, one a minute, and for whom a right password has
//! lifted it.

use super::entry::{BlockTarget, later};
use crate::bounded::ExpiringLruMap;
use crate::limits::{ACCEPTED_ADDRESS_AGE, BLOCKS_MAX, LIFTED_MAILDROPS_MAX, TRIAL_INTERVAL};
use crate::secret::PasswordTag;
use jiff::Timestamp;

/// In memory only: after a restart each block has its real try again.
#[derive(Debug)]
pub(super) struct Tries {
    /// Blocks whose real try of this minute is taken, and by which password.
    taken: ExpiringLruMap<BlockTarget, PasswordTag, Timestamp>,
    /// Maildrops, each from one address, that blocks of that address do not meet.
    lifted: ExpiringLruMap<BlockTarget, (), Timestamp>,
}

impl Default for Tries {
    fn default() -> Self {
        Self {
            taken: ExpiringLruMap::new(BLOCKS_MAX),
            lifted: ExpiringLruMap::new(LIFTED_MAILDROPS_MAX),
        }
    }
}

impl Tries {
    /// Whether the block of `target` has a real try left in this minute.
    pub(super) fn has_one(&self, target: &BlockTarget, now: Timestamp) -> bool {
        !self.taken.contains(target, now)
    }

    /// The login with this password is the real try.
    pub(super) fn take(&mut self, target: BlockTarget, password: PasswordTag, now: Timestamp) {
        self.taken
            .insert(target, password, later(now, TRIAL_INTERVAL), now);
    }

    /// Whether the login with this password is the real try.
    pub(super) fn is_by(
        &self,
        target: &BlockTarget,
        password: PasswordTag,
        now: Timestamp,
    ) -> bool {
        self.taken.get(target, now) == Some(&password)
    }

    /// The real try was let in, or never came to the backend: another may have it.
    pub(super) fn give_back(&mut self, target: &BlockTarget) {
        self.taken.remove(target);
    }

    /// Blocks of its address do not meet `pair` for a day.
    pub(super) fn lift(&mut self, pair: BlockTarget, now: Timestamp) {
        self.lifted
            .touch(pair, later(now, ACCEPTED_ADDRESS_AGE), now);
    }

    pub(super) fn is_lifted(&self, pair: &BlockTarget, now: Timestamp) -> bool {
        self.lifted.contains(pair, now)
    }

    pub(super) fn forget(&mut self, now: Timestamp) {
        self.taken.remove_expired(now);
        self.lifted.remove_expired(now);
    }
}
