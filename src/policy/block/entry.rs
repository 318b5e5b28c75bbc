//! What the list says about one of those who are or were blocked.

use super::faults::OffenceClass;
use crate::ids::{ClientPrefix, MaildropKey, TenantName};
use crate::limits::{MINOR_BLOCK_MAX, TRIAL_INTERVAL};
use crate::policy::rules::BlockRules;
use crate::str_enum::str_enum;
use crate::time::Duration;
use jiff::Timestamp;
use std::fmt;

/// Who is blocked: an address, or only its logins to one maildrop.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BlockTarget {
    /// The maildrop; `None`: all of them.
    pub maildrop: Option<MaildropKey>,
    /// Where the faults come from.
    pub address: ClientPrefix,
}

impl BlockTarget {
    /// The address, with all maildrops.
    pub(super) fn all_of(address: ClientPrefix) -> Self {
        Self {
            maildrop: None,
            address,
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

str_enum! {
    /// What led to a block.
    BlockReason {
        /// Many different passwords for one maildrop.
        GuessingOne = "guessing",
        /// Many different passwords for several maildrops.
        GuessingMany = "guessing_many",
        /// Abuse of the protocol.
        Abuse = "protocol_abuse",
        /// Many passing faults on one day.
        Passing = "passing_faults",
    }
}

impl BlockReason {
    /// The class of the faults behind it.
    #[must_use]
    pub fn class(self) -> OffenceClass {
        match self {
            Self::GuessingOne | Self::GuessingMany => OffenceClass::Permanent,
            Self::Abuse => OffenceClass::Indeterminate,
            Self::Passing => OffenceClass::Transient,
        }
    }

    /// Whether the block keeps passwords from being guessed. Such a one is answered as a wrong
    /// password is; every other one as what it is.
    #[must_use]
    pub fn protects_passwords(self) -> bool {
        self.class() == OffenceClass::Permanent
    }

    /// Whether the first real try under the block comes a while after the fault that led to it, and
    /// not at once: whoever comes next is most likely the same one.
    fn makes_wait(self) -> bool {
        matches!(self, Self::GuessingOne | Self::Abuse)
    }
}

/// One of those who are or were blocked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockEntry {
    /// Its number.
    pub id: BlockId,
    /// Who is blocked.
    pub target: BlockTarget,
    /// Under whose rules that was, lately.
    pub tenant: TenantName,
    /// The faults that led to it, lately.
    pub reason: BlockReason,
    /// Whether it has an effect.
    pub state: BlockState,
    /// Whether it stays in its state until it is unpinned: it neither runs out nor comes back, nor
    /// is it released.
    pub pinned: bool,
    /// Whether it came under `enforce = "shadow"`, and is only shown.
    pub shadow: bool,
    /// The first of the faults that led to the first block.
    pub first: Timestamp,
    /// The last fault that led to a block, or kept it.
    pub last: Timestamp,
    /// When the block ends or ended by itself, unless pinned.
    pub expires: Timestamp,
    /// How often it was blocked.
    pub times_blocked: u32,
    /// How often it was released by hand; running out does not count.
    pub times_released: u32,
}

impl BlockEntry {
    /// The class of its faults.
    #[must_use]
    pub fn class(&self) -> OffenceClass {
        self.reason.class()
    }

    /// Whether it is blocked, a pinned one as long as it is pinned.
    #[must_use]
    pub fn is_blocked(&self, now: Timestamp) -> bool {
        self.state == BlockState::Blocked && (self.pinned || now < self.expires)
    }

    /// Whether a real try under the block may come by now, as far as its beginning is concerned.
    pub(super) fn may_be_tried(&self, now: Timestamp) -> bool {
        !self.reason.makes_wait() || now >= later(self.last, TRIAL_INTERVAL)
    }

    /// As the file of an older popgate may hold it, by the rules of now: passing faults block no
    /// whole address, and what protects no password blocks for minutes. What was pinned stays.
    pub(super) fn by_todays_rules(mut self) -> Self {
        if self.pinned || self.reason.protects_passwords() {
            return self;
        }
        let blocks_all = self.target.maildrop.is_none() && self.reason == BlockReason::Passing;
        let longest = match blocks_all {
            true => Duration::ZERO,
            false => MINOR_BLOCK_MAX,
        };
        self.expires = self.expires.min(later(self.last, longest));
        self
    }

    /// Its state by now: a block may have run out.
    pub(super) fn state_at(&self, now: Timestamp) -> BlockState {
        if self.is_blocked(now) {
            BlockState::Blocked
        } else {
            BlockState::Released
        }
    }

    /// The same with the state that it has by now.
    pub(super) fn as_of(&self, now: Timestamp) -> Self {
        Self {
            state: self.state_at(now),
            ..self.clone()
        }
    }

    /// How long its block lasts: for guessing twice as long each time, else minutes.
    pub(super) fn length(&self, rules: &BlockRules) -> Duration {
        if !self.reason.protects_passwords() {
            return rules.duration.min(MINOR_BLOCK_MAX);
        }
        let doubled = self.times_blocked.saturating_sub(1).min(31);
        let length = rules.duration.saturating_mul(1 << doubled);
        length.min(rules.max_duration)
    }
}

str_enum! {
    /// What became of an entry.
    ChangeKind {
        /// It is blocked, for the first time or again.
        Blocked = "blocked",
        /// Its faults go on, and so does its block.
        Extended = "extended",
        /// A right password lifted it for its maildrop: a block of that maildrop alone ends, one of
        /// all maildrops goes on for the others.
        Lifted = "lifted",
        /// It was released by hand.
        Released = "released",
        /// Its block ran out.
        Expired = "expired",
        /// It stays in its state.
        Pinned = "pinned",
        /// It does no more.
        Unpinned = "unpinned",
        /// It is in the list no more.
        Forgotten = "forgotten",
    }
}

/// Something that became of an entry, for events and for the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockChange {
    /// The entry afterwards; a forgotten one as it was.
    pub entry: BlockEntry,
    /// What became of it.
    pub what: ChangeKind,
}

/// `by` after `at`, or the end of time.
pub(super) fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// `by` before `at`, or the beginning of time.
pub(super) fn earlier(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_sub(by).unwrap_or(Timestamp::MIN)
}
