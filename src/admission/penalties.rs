//! The wrong logins of each address, by which the answers to wrong passwords are delayed: see
//! [`answer_delay`].
//!
//! Trusted networks are known elsewhere; here each address is counted that is brought.

use crate::bounded::{ExpiringLruMap, RecentSet};
use crate::ids::ClientPrefix;
use crate::limits::{FAILURE_WINDOW, PENALTY_ADDRESSES_MAX, PENALTY_LOGINS_MAX};
use crate::policy::penalty::answer_delay;
use crate::policy::rules::FailureRules;
use crate::secret::PasswordTag;
use crate::time::{Duration, Instant};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The different wrong logins of each address, up to [`PENALTY_LOGINS_MAX`], for
/// [`FAILURE_WINDOW`].
///
/// Holds [`PENALTY_ADDRESSES_MAX`] addresses. Where it is full, the one whose last failure is the
/// oldest is forgotten: its next wrong password is delayed as a first one.
pub struct Penalties {
    addresses: Mutex<Addresses>,
}

/// How an address stands that has given wrong passwords.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PenaltyStanding {
    /// Different wrong logins that count.
    pub wrong_logins: usize,
    /// How long the answer to another one would be held.
    pub next_delay: Duration,
}

type Addresses = ExpiringLruMap<ClientPrefix, RecentSet<PasswordTag, Instant>, Instant>;

impl Penalties {
    /// Nobody has failed yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            addresses: Mutex::new(ExpiringLruMap::new(PENALTY_ADDRESSES_MAX)),
        }
    }

    /// A login failed for its password, or looks as if it did: how long its answer is held. One
    /// that failed before within [`FAILURE_WINDOW`] does not raise the delay.
    #[must_use]
    pub fn failed(
        &self,
        address: ClientPrefix,
        tag: PasswordTag,
        rules: &FailureRules,
        now: Instant,
    ) -> Duration {
        let mut addresses = self.addresses();
        // Counted first: the answer to this one is delayed for itself, too.
        let logins = addresses.touch(address, now + FAILURE_WINDOW, now);
        logins.add(tag, now, PENALTY_LOGINS_MAX, |at| {
            now.duration_since(at) <= FAILURE_WINDOW
        });
        answer_delay(logins.len(), rules)
    }

    /// What the next other wrong login of `address` would bring; none where it has failed with none
    /// lately.
    #[must_use]
    pub fn standing(
        &self,
        address: ClientPrefix,
        rules: &FailureRules,
        now: Instant,
    ) -> Option<PenaltyStanding> {
        let addresses = self.addresses();
        let logins = addresses.get(&address, now)?;
        let wrong_logins = logins.count(|at| now.duration_since(at) <= FAILURE_WINDOW);
        let counted = (wrong_logins + 1).min(PENALTY_LOGINS_MAX);
        (wrong_logins > 0).then(|| PenaltyStanding {
            wrong_logins,
            next_delay: answer_delay(counted, rules),
        })
    }

    /// Forgets the addresses that have not failed for [`FAILURE_WINDOW`].
    pub fn forget_idle(&self, now: Instant) {
        self.addresses().remove_expired(now);
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

    fn addresses(&self) -> MutexGuard<'_, Addresses> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::rules::Rules;
    use std::net::{IpAddr, Ipv4Addr};

    fn address(n: u32) -> ClientPrefix {
        IpAddr::from(Ipv4Addr::from(n)).into()
    }

    fn tag(n: usize) -> PasswordTag {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&n.to_le_bytes());
        PasswordTag::from_bytes(bytes)
    }

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn each_other_wrong_login_doubles_the_delay_up_to_the_longest() {
        let penalties = Penalties::new();
        let rules = Rules::standard().failures;
        let now = Instant::now();
        let delays = (0..100).map(|n| penalties.failed(address(1), tag(n), &rules, now));
        let delays: Vec<u64> = delays.map(|delay| delay.as_secs()).collect();
        assert_eq!(delays[..6], [1, 2, 4, 8, 15, 15]);
        assert!(delays[6..].iter().all(|&delay| delay == 15));
    }

    #[test]
    fn the_same_wrong_login_counts_once_however_often_it_comes() {
        let penalties = Penalties::new();
        let rules = Rules::standard().failures;
        let start = Instant::now();
        for poll in 0..60 {
            let now = start + seconds(60 * poll);
            let delay = penalties.failed(address(1), tag(1), &rules, now);
            assert_eq!(delay, seconds(1));
        }
        let now = start + seconds(60 * 60);
        assert_eq!(
            penalties.failed(address(1), tag(2), &rules, now),
            seconds(2)
        );
        assert_eq!(
            penalties.failed(address(1), tag(1), &rules, now),
            seconds(2)
        );
    }

    #[test]
    fn a_wrong_login_counts_for_ten_minutes_after_its_last_use() {
        let penalties = Penalties::new();
        let rules = Rules::standard().failures;
        let start = Instant::now();
        let _ = penalties.failed(address(1), tag(1), &rules, start);
        let later = start + seconds(400);
        assert_eq!(
            penalties.failed(address(1), tag(2), &rules, later),
            seconds(2)
        );
        let first_is_over = start + FAILURE_WINDOW + seconds(1);
        assert_eq!(
            penalties.failed(address(1), tag(2), &rules, first_is_over),
            seconds(1)
        );
        assert_eq!(
            penalties.failed(address(1), tag(3), &rules, first_is_over),
            seconds(2)
        );
    }

    #[test]
    fn how_an_address_stands_is_told_and_nothing_is_counted_by_that() {
        let penalties = Penalties::new();
        let rules = Rules::standard().failures;
        let start = Instant::now();
        assert_eq!(penalties.standing(address(1), &rules, start), None);
        let _ = penalties.failed(address(1), tag(1), &rules, start);
        let _ = penalties.failed(address(1), tag(2), &rules, start + seconds(400));
        for (later, wrong_logins, next_delay) in [(400, 2, 4), (601, 1, 2)] {
            let standing = PenaltyStanding {
                wrong_logins,
                next_delay: seconds(next_delay),
            };
            let told = penalties.standing(address(1), &rules, start + seconds(later));
            assert_eq!(told, Some(standing), "after {later} s");
        }
        let late = start + seconds(1001);
        assert_eq!(penalties.standing(address(1), &rules, late), None);
    }

    #[test]
    fn settings_hold_also_at_their_ends() {
        let penalties = Penalties::new();
        let now = Instant::now();
        let rules = |delay, max_delay| FailureRules {
            delay,
            max_delay,
            ..Rules::standard().failures
        };
        let never = rules(Duration::ZERO, seconds(15));
        let long = rules(seconds(30), seconds(15));
        let short = rules(Duration::from_millis(1), seconds(30));
        for n in 0..40 {
            assert_eq!(
                penalties.failed(address(1), tag(n), &never, now),
                Duration::ZERO
            );
            assert_eq!(
                penalties.failed(address(1), tag(n), &long, now),
                seconds(15)
            );
        }
        assert_eq!(
            penalties.failed(address(1), tag(39), &short, now),
            seconds(30)
        );
    }

    #[test]
    fn a_guesser_with_ever_new_logins_takes_no_more_than_the_bound() {
        let penalties = Penalties::new();
        let rules = Rules::standard().failures;
        let start = Instant::now();
        for n in 0..100_000 {
            let now = start + Duration::from_millis(n as u64);
            let _ = penalties.failed(address(1), tag(n), &rules, now);
        }
        let addresses = penalties.addresses();
        let logins = addresses.get(&address(1), start).unwrap();
        assert_eq!((addresses.len(), logins.len()), (1, PENALTY_LOGINS_MAX));
        assert!(logins.capacity() <= 2 * PENALTY_LOGINS_MAX);
    }

    #[test]
    fn beyond_the_bound_the_address_goes_that_failed_longest_ago() {
        let penalties = Penalties::new();
        let rules = Rules::standard().failures;
        let start = Instant::now();
        let fail = |n: u32, login, at: u64| {
            let now = start + Duration::from_millis(at);
            penalties.failed(address(n), tag(login), &rules, now)
        };
        let full = PENALTY_ADDRESSES_MAX as u32;
        for n in 0..full {
            fail(n, 1, u64::from(n));
        }
        fail(0, 2, u64::from(full));
        fail(full, 1, u64::from(full) + 1);
        assert_eq!(penalties.len(), PENALTY_ADDRESSES_MAX);
        let end = start + Duration::from_millis(u64::from(full) + 1);
        assert_eq!(
            penalties.failed(address(0), tag(2), &rules, end),
            seconds(2)
        );
        let kept = |n| penalties.addresses().get(&address(n), end).is_some();
        assert_eq!(
            [kept(0), kept(1), kept(2), kept(full)],
            [true, false, true, true]
        );
    }

    #[test]
    fn idle_addresses_are_forgotten() {
        let penalties = Penalties::new();
        let rules = Rules::standard().failures;
        let start = Instant::now();
        let _ = penalties.failed(address(1), tag(1), &rules, start);
        let _ = penalties.failed(address(2), tag(1), &rules, start + seconds(60));
        penalties.forget_idle(start + FAILURE_WINDOW + seconds(1));
        assert_eq!(penalties.len(), 1);
        penalties.forget_idle(start + FAILURE_WINDOW + seconds(61));
        assert!(penalties.is_empty());
    }
}
