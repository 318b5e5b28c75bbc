//! What an offence leads to: a table, and the counter that knows when there are enough of them.

use super::entry::{BlockTarget, earlier, later};
use crate::bounded::RecentSet;
use crate::ids::{ClientPrefix, MaildropKey};
use crate::limits::OFFENCES_EACH_MAX;
use crate::policy::rules::BlockRules;
use crate::secret::PasswordTag;
use crate::str_enum::str_enum;
use crate::time::Duration;
use jiff::Timestamp;

/// What a client did whose password is not proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offence {
    /// A wrong password. Only different ones count: the same again is a stale setting.
    Guess {
        /// Which password it was.
        tag: PasswordTag,
    },
    /// Abuse of the protocol: what a client said, never what it left unsaid.
    Abuse,
    /// A login that met a limit.
    MetLimit,
    /// A login that left while it waited.
    AbandonedWait,
}

str_enum! {
    /// What an offence tells about the client.
    OffenceClass {
        /// Trying again will not make it better.
        Permanent = "permanent",
        /// It may be an attack or a broken program.
        Indeterminate = "indeterminate",
        /// It happens to honest programs.
        Transient = "transient",
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

/// When offences lead to a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threshold {
    /// What the block shuts out, and what the offences are counted against.
    pub scope: Scope,
    /// How many of them block; 0: however many do not.
    pub count: u32,
    /// Which of them are counted together.
    pub period: Period,
}

/// What a block shuts out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Logins to one maildrop from one address.
    Maildrop,
    /// All that comes from one address.
    Address,
}

/// Which offences are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// Different ones within a time. [`Threshold::count`] of them block, and then counting starts
    /// anew.
    Window(Duration),
    /// Those of one day (UTC). Each beyond [`Threshold::count`] blocks.
    Day,
}

impl Offence {
    /// Its class.
    #[must_use]
    pub fn class(self) -> OffenceClass {
        match self {
            Self::Guess { .. } => OffenceClass::Permanent,
            Self::Abuse => OffenceClass::Indeterminate,
            Self::MetLimit | Self::AbandonedWait => OffenceClass::Transient,
        }
    }

    /// The reasons for a block that it is one of many for.
    #[must_use]
    pub fn counts_towards(self) -> &'static [BlockReason] {
        match self {
            Self::Guess { .. } => &[BlockReason::GuessingOne, BlockReason::GuessingMany],
            Self::Abuse => &[BlockReason::Abuse],
            Self::MetLimit | Self::AbandonedWait => &[BlockReason::Passing],
        }
    }

    /// What makes it the same one again; `None`: each is one of its own.
    #[must_use]
    pub fn identity(self) -> Option<u64> {
        match self {
            Self::Guess { tag } => Some(tag.short()),
            _ => None,
        }
    }
}

impl BlockReason {
    /// The class of the offences behind it.
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

    /// Whether the first trial login under the block is let through only a while after the offence
    /// that led to it: the next login is most likely the same client's.
    pub(super) fn delays_trial(self) -> bool {
        matches!(self, Self::GuessingOne | Self::Abuse)
    }

    /// How many offences lead to a block, of what, and within what time.
    #[must_use]
    pub fn threshold(self, rules: &BlockRules) -> Threshold {
        let window = Period::Window(rules.window);
        let (scope, count, period) = match self {
            Self::GuessingOne => (Scope::Maildrop, rules.passwords_per_maildrop, window),
            Self::GuessingMany => (Scope::Address, rules.passwords_per_address, window),
            Self::Abuse => (Scope::Address, rules.abuses, window),
            // They happen to honest programs: no others behind the address answer for them.
            Self::Passing => (Scope::Maildrop, rules.passing_per_day, Period::Day),
        };
        Threshold {
            scope,
            count,
            period,
        }
    }
}

impl Threshold {
    /// What an offence counts against. `None`: it was at no maildrop, and counts for nothing.
    #[must_use]
    pub fn target(&self, key: Option<&MaildropKey>, prefix: ClientPrefix) -> Option<BlockTarget> {
        let key = match self.scope {
            Scope::Address => None,
            Scope::Maildrop => Some(key?.clone()),
        };
        Some(BlockTarget { key, prefix })
    }

    /// Until when an offence of now may count.
    #[must_use]
    pub fn counts_until(&self, now: Timestamp) -> Timestamp {
        match self.period {
            Period::Window(window) => later(now, window),
            Period::Day => later(now, DAY),
        }
    }
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The offences of one target for one reason, until they are enough for a block.
#[derive(Debug, Default)]
pub struct OffenceCounter {
    within_window: RecentSet<u64, Timestamp>,
    of_day: OfDay,
}

#[derive(Debug, Default)]
struct OfDay {
    day: i64,
    count: u32,
    /// The threshold, when the last of them was counted.
    limit: u32,
    first: Timestamp,
    last: Timestamp,
}

/// The passing faults of one day, as they are counted for a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransientCount {
    /// How many there are today (UTC).
    pub today: u32,
    /// More than so many block.
    pub limit: u32,
    /// When the first of them was.
    pub first: Timestamp,
    /// When the last of them was.
    pub last: Timestamp,
}

impl OffenceCounter {
    /// Counts an offence. What has the same `identity` as one before counts once in a window.
    /// Returns when the first of them was if they are enough now.
    #[must_use]
    pub fn add(
        &mut self,
        identity: u64,
        threshold: &Threshold,
        now: Timestamp,
    ) -> Option<Timestamp> {
        match threshold.period {
            // Nothing is kept: a higher setting after a reload starts from nothing.
            _ if threshold.count == 0 => None,
            Period::Window(window) => {
                let needed = usize::try_from(threshold.count).unwrap_or(OFFENCES_EACH_MAX);
                self.add_within(identity, needed.min(OFFENCES_EACH_MAX), window, now)
            }
            Period::Day => {
                let counted = self.of_day.add(threshold.count, now);
                (counted.today > counted.limit).then_some(counted.first)
            }
        }
    }

    /// What is counted of today; none where nothing is.
    #[must_use]
    pub fn today(&self, now: Timestamp) -> Option<TransientCount> {
        let is_counted = self.of_day.count > 0 && self.of_day.day == day_of(now);
        is_counted.then(|| self.of_day.counted())
    }

    fn add_within(
        &mut self,
        identity: u64,
        needed: usize,
        window: Duration,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let since = earlier(now, window);
        let offences = &mut self.within_window;
        offences.add(identity, now, OFFENCES_EACH_MAX, |at| at > since);
        if offences.len() < needed {
            return None;
        }
        let first = offences.oldest();
        // The block stands for them. What comes after it is counted anew.
        offences.clear();
        first
    }
}

impl OfDay {
    /// Counts one more of the day of `now`.
    fn add(&mut self, limit: u32, now: Timestamp) -> TransientCount {
        let day = day_of(now);
        if self.count == 0 || self.day != day {
            self.day = day;
            self.count = 0;
            self.first = now;
        }
        self.count = self.count.saturating_add(1);
        self.limit = limit;
        self.last = now;
        self.counted()
    }

    fn counted(&self) -> TransientCount {
        TransientCount {
            today: self.count,
            limit: self.limit,
            first: self.first,
            last: self.last,
        }
    }
}

/// Its day in UTC, counted from 1970.
fn day_of(at: Timestamp) -> i64 {
    at.as_second().div_euclid(DAY.as_secs().cast_signed())
}

/// Enough offences for a block.
#[derive(Debug, PartialEq, Eq)]
pub struct BlockCause {
    /// Where they came from, and at which maildrop.
    pub target: BlockTarget,
    /// What they were.
    pub reason: BlockReason,
    /// When the first of them was.
    pub first: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::rules::Rules;

    #[test]
    fn an_offence_counts_towards_reasons_of_its_own_class() {
        let tag = PasswordTag::from_bytes([1; 32]);
        for (offence, reasons) in [
            (Offence::Guess { tag }, 2),
            (Offence::Abuse, 1),
            (Offence::MetLimit, 1),
            (Offence::AbandonedWait, 1),
        ] {
            let counts_towards = offence.counts_towards();
            assert_eq!(counts_towards.len(), reasons);
            for reason in counts_towards {
                assert_eq!(reason.class(), offence.class(), "{offence:?}");
            }
        }
    }

    #[test]
    fn each_reason_has_the_threshold_that_is_set_for_it() {
        let rules = BlockRules {
            passwords_per_maildrop: 1,
            passwords_per_address: 2,
            abuses: 3,
            passing_per_day: 4,
            ..Rules::standard().blocks
        };
        let window = Period::Window(rules.window);
        let table = BlockReason::ALL.iter().map(|reason| {
            let threshold = reason.threshold(&rules);
            (threshold.scope, threshold.count, threshold.period)
        });
        assert_eq!(
            table.collect::<Vec<_>>(),
            [
                (Scope::Maildrop, 1, window),
                (Scope::Address, 2, window),
                (Scope::Address, 3, window),
                (Scope::Maildrop, 4, Period::Day),
            ]
        );
    }
}
