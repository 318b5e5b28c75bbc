//! Faults, remembered until they are enough for a block or too old for it.

use super::entry::{BlockReason, BlockTarget, earlier, later};
use crate::bounded::{ExpiringLruMap, RecentSet};
use crate::ids::{ClientPrefix, MaildropKey};
use crate::limits::{OFFENCES_EACH_MAX, OFFENDERS_MAX};
use crate::policy::rules::BlockRules;
use crate::secret::PasswordTag;
use crate::str_enum::str_enum;
use crate::time::Duration;
use jiff::Timestamp;

/// What somebody without a proven password did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offence {
    /// A wrong password. Only different ones count: the same again is a stale setting.
    Guess {
        /// Which password it was.
        tag: PasswordTag,
    },
    /// Abuse of the protocol: what somebody said, never what they left unsaid.
    Abuse,
    /// A login that met a limit.
    MetLimit,
    /// A login that left while it waited.
    AbandonedWait,
}

str_enum! {
    /// What a fault tells about who commits it.
    OffenceClass {
        /// Trying again will not make it better.
        Permanent = "permanent",
        /// It may be an attack or a broken program.
        Indeterminate = "indeterminate",
        /// It happens to honest programs.
        Transient = "transient",
    }
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
}

/// Enough faults for a block.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Enough {
    pub(super) target: BlockTarget,
    pub(super) reason: BlockReason,
    /// The first of those faults.
    pub(super) first: Timestamp,
}

/// The faults of everybody that have not led to a block yet.
#[derive(Debug)]
pub(super) struct Faults {
    of_maildrops: ExpiringLruMap<BlockTarget, OfMaildrop, Timestamp>,
    of_addresses: ExpiringLruMap<ClientPrefix, OfAddress, Timestamp>,
    abuses: u64,
}

#[derive(Debug, Default)]
struct OfMaildrop {
    guesses: Window,
    passing: Passing,
}

#[derive(Debug, Default)]
struct OfAddress {
    guesses: Window,
    abuses: Window,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            of_maildrops: ExpiringLruMap::new(OFFENDERS_MAX),
            of_addresses: ExpiringLruMap::new(OFFENDERS_MAX),
            abuses: 0,
        }
    }
}

impl Faults {
    /// Remembers a fault, and tells who has enough by now; those faults are not counted again.
    pub(super) fn add(
        &mut self,
        maildrop: Option<&MaildropKey>,
        address: ClientPrefix,
        fault: Offence,
        rules: &BlockRules,
        now: Timestamp,
    ) -> Vec<Enough> {
        let target = |maildrop: Option<&MaildropKey>| BlockTarget {
            maildrop: maildrop.cloned(),
            address,
        };
        let enough = |maildrop, reason, first: Option<Timestamp>| {
            let target = target(maildrop);
            first.map(|first| Enough {
                target,
                reason,
                first,
            })
        };
        match fault {
            Offence::Guess { tag } => {
                let of_maildrop =
                    maildrop.and_then(|_| self.guess(target(maildrop), tag, rules, now));
                let of_address = self.guess_anywhere(address, tag, rules, now);
                let one = enough(maildrop, BlockReason::GuessingOne, of_maildrop);
                let many = enough(None, BlockReason::GuessingMany, of_address);
                one.into_iter().chain(many).collect()
            }
            Offence::Abuse => {
                let first = self.abuse(address, rules, now);
                Vec::from_iter(enough(None, BlockReason::Abuse, first))
            }
            // They happen to honest programs: no others behind the address are held to them.
            Offence::MetLimit | Offence::AbandonedWait => {
                let first = maildrop.and_then(|_| self.passing(target(maildrop), rules, now));
                Vec::from_iter(enough(maildrop, BlockReason::Passing, first))
            }
        }
    }

    fn guess(
        &mut self,
        target: BlockTarget,
        tag: PasswordTag,
        rules: &BlockRules,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let until = later(now, rules.window);
        let recent = &mut self.of_maildrops.touch(target, until, now).guesses;
        add(
            recent,
            tag.short(),
            rules.passwords_per_maildrop,
            rules.window,
            now,
        )
    }

    fn guess_anywhere(
        &mut self,
        address: ClientPrefix,
        tag: PasswordTag,
        rules: &BlockRules,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let until = later(now, rules.window);
        let recent = &mut self.of_addresses.touch(address, until, now).guesses;
        add(
            recent,
            tag.short(),
            rules.passwords_per_address,
            rules.window,
            now,
        )
    }

    fn abuse(
        &mut self,
        address: ClientPrefix,
        rules: &BlockRules,
        now: Timestamp,
    ) -> Option<Timestamp> {
        // Each abuse is one of its own.
        self.abuses += 1;
        let until = later(now, rules.window);
        let recent = &mut self.of_addresses.touch(address, until, now).abuses;
        add(recent, self.abuses, rules.abuses, rules.window, now)
    }

    fn passing(
        &mut self,
        target: BlockTarget,
        rules: &BlockRules,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let passing = &mut self
            .of_maildrops
            .touch(target, later(now, DAY), now)
            .passing;
        passing.add(rules.passing_per_day, now)
    }

    /// Starts again from nothing for `target`.
    pub(super) fn forgive(&mut self, target: &BlockTarget) {
        if target.maildrop.is_some() {
            self.of_maildrops.remove(target);
        } else {
            self.of_addresses.remove(&target.address);
        }
    }

    /// Drops what is too old to count.
    pub(super) fn forget(&mut self, now: Timestamp) {
        self.of_maildrops.remove_expired(now);
        self.of_addresses.remove_expired(now);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.of_maildrops.len() + self.of_addresses.len()
    }
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Different faults of one kind within a window.
type Window = RecentSet<u64, Timestamp>;

/// Adds `what` to `window`, once however often it comes. With `threshold` of them: when the first
/// of them was, and none is remembered any more.
fn add(
    faults: &mut Window,
    what: u64,
    threshold: u32,
    window: Duration,
    now: Timestamp,
) -> Option<Timestamp> {
    if threshold == 0 {
        return None;
    }
    let since = earlier(now, window);
    faults.add(what, now, OFFENCES_EACH_MAX, |at| at > since);
    let threshold = usize::try_from(threshold).unwrap_or(OFFENCES_EACH_MAX);
    if faults.len() < threshold.min(OFFENCES_EACH_MAX) {
        return None;
    }
    let first = faults.oldest();
    faults.clear();
    first
}

/// Passing faults of one day (UTC).
#[derive(Debug, Default)]
struct Passing {
    day: i64,
    count: u32,
    first: Timestamp,
}

impl Passing {
    /// Counts one more; beyond `per_day`: when the first of the day was.
    fn add(&mut self, per_day: u32, now: Timestamp) -> Option<Timestamp> {
        let day = now.as_second().div_euclid(DAY.as_secs().cast_signed());
        if self.count == 0 || self.day != day {
            *self = Self {
                day,
                count: 0,
                first: now,
            };
        }
        self.count = self.count.saturating_add(1);
        (per_day != 0 && self.count > per_day).then_some(self.first)
    }
}
