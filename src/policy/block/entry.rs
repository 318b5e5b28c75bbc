//! An entry of the block list, and what becomes of it: pure, so that a list is only its memory.

use super::change::{BlockChange, ChangeKind, ChangedBy};
use super::offence::{BlockCause, BlockReason, OffenceClass};
use crate::ids::{ClientPrefix, MaildropKey, TenantName};
use crate::limits::{MINOR_BLOCK_MAX, TRIAL_INTERVAL};
use crate::policy::attempt::LoginAttempt;
use crate::policy::rules::{BlockMode, BlockRules};
use crate::str_enum::str_enum;
use crate::time::Duration;
use jiff::Timestamp;
use std::fmt;

/// What is blocked: an address, or only its logins to one maildrop.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BlockTarget {
    /// The maildrop; `None`: all of them.
    pub key: Option<MaildropKey>,
    /// Where the offences come from.
    pub prefix: ClientPrefix,
}

impl BlockTarget {
    /// The address, with all maildrops.
    #[must_use]
    pub fn all_of(prefix: ClientPrefix) -> Self {
        Self { key: None, prefix }
    }

    /// The maildrop of a login, for its address alone.
    #[must_use]
    pub fn maildrop_of(attempt: &LoginAttempt) -> Self {
        Self {
            key: Some(attempt.key.clone()),
            prefix: attempt.prefix(),
        }
    }
}

/// The number of an entry, by which the command line names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlockId(pub u64);

impl fmt::Display for BlockId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

str_enum! {
    /// Whether an entry has an effect.
    BlockState {
        /// It has.
        Blocked = "blocked",
        /// It has none any more: it ran out, or was released by hand.
        Released = "released",
    }
}

/// A client that is or was blocked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockEntry {
    /// Its number.
    pub id: BlockId,
    /// What is blocked.
    pub target: BlockTarget,
    /// Under whose rules that was, lately.
    pub tenant: TenantName,
    /// The offences that led to it, lately.
    pub reason: BlockReason,
    /// Whether it has an effect.
    pub state: BlockState,
    /// Whether it stays in its state until it is unpinned: it neither runs out nor comes back, nor
    /// is it released.
    pub pinned: bool,
    /// Whether it came under `enforce = "shadow"`, and is only shown.
    pub shadow: bool,
    /// The first of the offences that led to the first block.
    pub first: Timestamp,
    /// The last offence that led to a block, or kept it.
    pub last: Timestamp,
    /// When the last of its blocks began.
    pub since: Timestamp,
    /// When the block ends or ended by itself, unless pinned.
    pub expires: Timestamp,
    /// How often it was blocked.
    pub times_blocked: u32,
    /// How often it was released by hand; running out does not count.
    pub times_released: u32,
}

impl BlockEntry {
    /// The class of its offences.
    #[must_use]
    pub fn class(&self) -> OffenceClass {
        self.reason.class()
    }

    /// Whether it is blocked, a pinned one as long as it is pinned.
    #[must_use]
    pub fn is_blocked(&self, now: Timestamp) -> bool {
        self.state == BlockState::Blocked && (self.pinned || now < self.expires)
    }

    /// Whether a login that it is about is refused. An address that many share (`is_shared`) is not
    /// blocked as a whole, unless somebody pinned it.
    #[must_use]
    pub fn is_in_force(&self, is_shared: bool, now: Timestamp) -> bool {
        // An entry may be older than the logins that show the address to be a shared one.
        let is_spared = is_shared && self.target.key.is_none() && !self.pinned;
        !self.shadow && self.is_blocked(now) && !is_spared
    }

    /// Whether the block is old enough for a first trial login.
    #[must_use]
    pub fn allows_trial(&self, now: Timestamp) -> bool {
        !self.reason.delays_trial() || now >= later(self.last, TRIAL_INTERVAL)
    }

    /// Whether the backend's `+OK` lifts it for the login's maildrop. `was_trial`: whether that was
    /// the trial login under it. A login that passed it with a password that was known to be right
    /// lifts nothing: a guesser behind the same address would be free with the owner's next login.
    /// A block of the maildrop for passing faults ends in any case.
    #[must_use]
    pub fn is_lifted(&self, was_trial: bool) -> bool {
        let is_of_maildrop = self.target.key.is_some();
        let ends_anyway = is_of_maildrop && self.reason == BlockReason::Passing;
        (ends_anyway || was_trial) && !(is_of_maildrop && self.pinned)
    }

    /// Whether it is of no use any more: neither blocked nor pinned, and quiet for longer than
    /// `keep`.
    #[must_use]
    pub fn is_forgettable(&self, keep: Duration, now: Timestamp) -> bool {
        !self.pinned && !self.is_blocked(now) && self.last < earlier(now, keep)
    }

    /// Its state by now: a block may have run out.
    #[must_use]
    pub fn state_at(&self, now: Timestamp) -> BlockState {
        if self.is_blocked(now) {
            BlockState::Blocked
        } else {
            BlockState::Released
        }
    }

    /// The same with the state that it has by now.
    #[must_use]
    pub fn as_of(&self, now: Timestamp) -> Self {
        Self {
            state: self.state_at(now),
            ..self.clone()
        }
    }

    /// As the file of an older popgate may hold it, by the rules of now: passing faults block no
    /// whole address, and what protects no password blocks for minutes. What was pinned stays.
    #[must_use]
    pub fn by_todays_rules(mut self) -> Self {
        if self.pinned || self.reason.protects_passwords() {
            return self;
        }
        let blocks_all = self.target.key.is_none() && self.reason == BlockReason::Passing;
        let longest = match blocks_all {
            true => Duration::ZERO,
            false => MINOR_BLOCK_MAX,
        };
        self.expires = self.expires.min(later(self.last, longest));
        self
    }

    /// The first block of a target.
    #[must_use]
    pub fn first(
        id: BlockId,
        cause: BlockCause,
        tenant: &TenantName,
        rules: &BlockRules,
        now: Timestamp,
    ) -> Self {
        let mut entry = Self {
            id,
            target: cause.target,
            tenant: tenant.clone(),
            reason: cause.reason,
            state: BlockState::Released,
            pinned: false,
            shadow: rules.mode == BlockMode::Shadow,
            first: cause.first,
            last: now,
            since: now,
            expires: now,
            times_blocked: 0,
            times_released: 0,
        };
        entry.block(rules, now);
        entry
    }

    /// What it becomes by more offences.
    #[must_use]
    pub fn after(
        &self,
        cause: &BlockCause,
        tenant: &TenantName,
        rules: &BlockRules,
        now: Timestamp,
    ) -> Renewal {
        let mut entry = self.as_of(now);
        let shadow = rules.mode == BlockMode::Shadow;
        // An operator has decided.
        if entry.pinned {
            return Renewal::Unchanged;
        }
        if entry.state == BlockState::Blocked {
            match (entry.shadow, shadow) {
                // Rules that are only tried do not prolong a block that has an effect.
                (false, true) => return Renewal::Unchanged,
                // A block that has none is no reason to spare anybody a real one.
                (true, false) => {}
                _ => return entry.extended(rules, now),
            }
        }
        entry.tenant = tenant.clone();
        entry.reason = cause.reason;
        entry.shadow = shadow;
        entry.block(rules, now);
        Renewal::Changed(BlockChange {
            entry,
            what: ChangeKind::Blocked,
            by: ChangedBy::Rule,
        })
    }

    /// Releases it by hand, if it is blocked and not pinned. `state` must be that of now.
    pub fn release(&mut self) -> Option<ChangeKind> {
        if self.pinned || self.state == BlockState::Released {
            return None;
        }
        self.state = BlockState::Released;
        self.times_released = self.times_released.saturating_add(1);
        Some(ChangeKind::Released)
    }

    /// Has it stay in its state, or stay no more.
    pub fn pin(&mut self, pinned: bool) -> Option<ChangeKind> {
        if self.pinned == pinned {
            return None;
        }
        self.pinned = pinned;
        Some(if pinned {
            ChangeKind::Pinned
        } else {
            ChangeKind::Unpinned
        })
    }

    fn block(&mut self, rules: &BlockRules, now: Timestamp) {
        self.state = BlockState::Blocked;
        self.times_blocked = self.times_blocked.saturating_add(1);
        self.last = now;
        self.since = now;
        self.expires = later(now, self.length(rules));
    }

    /// Lasts as long as if it came now. What prolongs it by less than half of that is no news: else
    /// a blocked client could have us write as fast as it connects.
    fn extended(mut self, rules: &BlockRules, now: Timestamp) -> Renewal {
        let length = self.length(rules);
        self.last = now;
        if self.expires > later(now, length / 2) {
            return Renewal::Noted(self);
        }
        self.expires = later(now, length);
        Renewal::Changed(BlockChange {
            entry: self,
            what: ChangeKind::Extended,
            by: ChangedBy::Rule,
        })
    }

    /// How long its block lasts: for guessing twice as long each time, else minutes.
    fn length(&self, rules: &BlockRules) -> Duration {
        if !self.reason.protects_passwords() {
            return rules.duration.min(MINOR_BLOCK_MAX);
        }
        // 31 doublings are beyond any `max_duration`, and a shift by 32 would overflow.
        let doubled = self.times_blocked.saturating_sub(1).min(31);
        let length = rules.duration.saturating_mul(1 << doubled);
        length.min(rules.max_duration)
    }
}

/// What more offences make of an entry.
#[derive(Debug, PartialEq, Eq)]
pub enum Renewal {
    /// Nothing.
    Unchanged,
    /// Its last offence is a later one, which is no news.
    Noted(BlockEntry),
    /// It is blocked, or blocked for longer.
    Changed(BlockChange),
}

/// How many entries of a tenant are in a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockCount {
    /// Whose.
    pub tenant: TenantName,
    /// Those that are blocked, the ones that are only shown included.
    pub blocked: usize,
    /// Those that are not any more.
    pub released: usize,
}

/// `by` after `at`, or the end of time.
pub(crate) fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// `by` before `at`, or the beginning of time.
pub(super) fn earlier(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_sub(by).unwrap_or(Timestamp::MIN)
}
