//! Trial logins under blocks, and the maildrops whose right password has lifted a block.

use crate::bounded::ExpiringLruMap;
use crate::limits::{ACCEPTED_ADDRESS_AGE, BLOCKS_MAX, LIFTED_MAILDROPS_MAX, TRIAL_INTERVAL};
use crate::policy::block::{BlockTarget, later};
use crate::secret::PasswordTag;
use jiff::Timestamp;

/// Which blocks have had their trial login within [`TRIAL_INTERVAL`], and which maildrops a block
/// of their address does not meet for [`ACCEPTED_ADDRESS_AGE`]. One gate's own, and in memory only:
/// after a restart each block has its trial login again.
///
/// Holds as many trials as there may be blocks, and [`LIFTED_MAILDROPS_MAX`] lifted maildrops.
/// Where those are full, the one that was lifted longest ago is forgotten, and needs a trial login
/// again.
#[derive(Debug)]
pub(super) struct Trials {
    /// The password of the trial login under each block.
    taken: ExpiringLruMap<BlockTarget, PasswordTag, Timestamp>,
    /// Maildrops, each from one address.
    lifted: ExpiringLruMap<BlockTarget, (), Timestamp>,
}

impl Default for Trials {
    fn default() -> Self {
        Self {
            taken: ExpiringLruMap::new(BLOCKS_MAX),
            lifted: ExpiringLruMap::new(LIFTED_MAILDROPS_MAX),
        }
    }
}

impl Trials {
    /// Whether the block of `target` has not had its trial login yet.
    pub(super) fn is_free(&self, target: &BlockTarget, now: Timestamp) -> bool {
        !self.taken.contains(target, now)
    }

    /// The login with this password is the trial login.
    pub(super) fn take(&mut self, target: BlockTarget, password: PasswordTag, now: Timestamp) {
        let until = later(now, TRIAL_INTERVAL);
        self.taken.insert(target, password, until, now);
    }

    /// Whether the login with this password is the trial login.
    pub(super) fn is_by(
        &self,
        target: &BlockTarget,
        password: PasswordTag,
        now: Timestamp,
    ) -> bool {
        self.taken.get(target, now) == Some(&password)
    }

    /// The trial login was let in, or never came to the backend: another may be it.
    pub(super) fn give_back(&mut self, target: &BlockTarget) {
        self.taken.remove(target);
    }

    /// Blocks of its address do not meet `maildrop` for a day.
    pub(super) fn lift(&mut self, maildrop: BlockTarget, now: Timestamp) {
        let until = later(now, ACCEPTED_ADDRESS_AGE);
        self.lifted.touch(maildrop, until, now);
    }

    pub(super) fn is_lifted(&self, maildrop: &BlockTarget, now: Timestamp) -> bool {
        self.lifted.contains(maildrop, now)
    }

    pub(super) fn forget(&mut self, now: Timestamp) {
        self.taken.remove_expired(now);
        self.lifted.remove_expired(now);
    }
}
