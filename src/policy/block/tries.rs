//! Logins that are really tried under a block, one a minute, and for whom a right password has
//! lifted it.

use super::entry::{Who, later};
use crate::bounded::ExpiringLruMap;
use crate::limits::{BLOCKS_MAX, LIFTED_MAX, REAL_TRY, WELCOME};
use crate::policy::auth_cache::PasswordTag;
use jiff::Timestamp;

/// In memory only: after a restart each block has its real try again.
#[derive(Debug)]
pub(super) struct Tries {
    /// Blocks whose real try of this minute is taken, and by which password.
    taken: ExpiringLruMap<Who, PasswordTag, Timestamp>,
    /// Maildrops, each from one address, that blocks of that address do not meet.
    lifted: ExpiringLruMap<Who, (), Timestamp>,
}

impl Default for Tries {
    fn default() -> Self {
        Self {
            taken: ExpiringLruMap::new(BLOCKS_MAX),
            lifted: ExpiringLruMap::new(LIFTED_MAX),
        }
    }
}

impl Tries {
    /// Whether the block of `who` has a real try left in this minute.
    pub(super) fn has_one(&self, who: &Who, now: Timestamp) -> bool {
        !self.taken.contains(who, now)
    }

    /// The login with this password is the real try.
    pub(super) fn take(&mut self, who: Who, password: PasswordTag, now: Timestamp) {
        self.taken.insert(who, password, later(now, REAL_TRY), now);
    }

    /// Whether the login with this password is the real try.
    pub(super) fn is_by(&self, who: &Who, password: PasswordTag, now: Timestamp) -> bool {
        self.taken.get(who, now) == Some(&password)
    }

    /// The real try was let in, or never came to the backend: another may have it.
    pub(super) fn give_back(&mut self, who: &Who) {
        self.taken.remove(who);
    }

    /// Blocks of its address do not meet `pair` for a day.
    pub(super) fn lift(&mut self, pair: Who, now: Timestamp) {
        self.lifted.touch(pair, later(now, WELCOME), now);
    }

    pub(super) fn is_lifted(&self, pair: &Who, now: Timestamp) -> bool {
        self.lifted.contains(pair, now)
    }

    pub(super) fn forget(&mut self, now: Timestamp) {
        self.taken.remove_expired(now);
        self.lifted.remove_expired(now);
    }
}
