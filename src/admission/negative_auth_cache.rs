//! The passwords that the backend refused lately. What follows from that for a login is a rule:
//! [`RefusalHistory`].

use crate::bounded::ExpiringLruMap;
use crate::limits::{FAILURE_WINDOW, NEGATIVE_AUTH_CACHE_MAX, RETRY_MAX};
use crate::policy::refusal_history::{CacheAnswer, RefusalHistory};
use crate::policy::rules::FailureRules;
use crate::secret::PasswordTag;
use crate::time::{Duration, Instant};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How the backend refused each password, for ten minutes and the longest `retry` after its last
/// use.
///
/// Holds [`NEGATIVE_AUTH_CACHE_MAX`] passwords. Where it is full, the least recently used one is
/// forgotten: the backend is asked about it again.
pub struct NegativeAuthCache {
    passwords: Mutex<Passwords>,
}

type Passwords = ExpiringLruMap<PasswordTag, RefusalHistory, Instant>;

const LIFETIME: Duration = FAILURE_WINDOW.saturating_add(RETRY_MAX);

impl NegativeAuthCache {
    /// Nothing was refused yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            passwords: Mutex::new(ExpiringLruMap::new(NEGATIVE_AUTH_CACHE_MAX)),
        }
    }

    /// The backend refused it as *auth*.
    pub fn refused(&self, tag: PasswordTag, now: Instant) {
        let mut passwords = self.passwords();
        passwords
            .touch(tag, now + LIFETIME, now)
            .refused(false, now);
    }

    /// The backend closed the connection instead of answering it.
    pub fn refused_without_words(&self, tag: PasswordTag, now: Instant) {
        let mut passwords = self.passwords();
        passwords.touch(tag, now + LIFETIME, now).refused(true, now);
    }

    /// Whether the backend closed at it the last time. It is closed from memory then: a server
    /// that fails may close at a right password as well, and words would have its program ask for
    /// another one.
    #[must_use]
    pub fn is_without_words(&self, tag: PasswordTag, now: Instant) -> bool {
        self.passwords()
            .get(&tag, now)
            .is_some_and(RefusalHistory::is_without_words)
    }

    /// The backend accepted it: its refusals are forgotten.
    pub fn accepted(&self, tag: PasswordTag, now: Instant) {
        if let Some(history) = self.passwords().get_mut(&tag, now) {
            *history = RefusalHistory::default();
        }
    }

    /// Whether the backend is asked about a login with it. `accepted_lately`: whether a backend
    /// accepted the password within the last day.
    #[must_use]
    pub fn ask(
        &self,
        tag: PasswordTag,
        accepted_lately: bool,
        rules: &FailureRules,
        now: Instant,
    ) -> CacheAnswer {
        let mut passwords = self.passwords();
        // What was never refused takes no room, so that logins cannot push out refusals.
        if !passwords.contains(&tag, now) {
            return CacheAnswer::Unknown;
        }
        let history = passwords.touch(tag, now + LIFETIME, now);
        history.decide(accepted_lately, rules, now)
    }

    /// Whether the backend refused it within [`REFUSED_LATELY`](crate::limits::REFUSED_LATELY).
    #[must_use]
    pub fn was_refused_lately(&self, tag: PasswordTag, now: Instant) -> bool {
        self.passwords()
            .get(&tag, now)
            .is_some_and(|history| history.was_refused_lately(now))
    }

    /// Frees the memory of what nobody has used for long.
    pub fn forget_idle(&self, now: Instant) {
        self.passwords().remove_expired(now);
    }

    /// Passwords that are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.passwords().len()
    }

    /// Whether no password is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn passwords(&self) -> MutexGuard<'_, Passwords> {
        self.passwords
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for NegativeAuthCache {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::CacheAnswer::{Refuse, Trial, Unknown};
    use super::*;
    use crate::admission::auth_cache::AuthCache;
    use crate::limits::{AUTH_CACHE_AGE, REFUSED_LATELY, SAME_PASSWORD_MAX};
    use crate::policy::rules::Rules;

    fn tag(n: usize) -> PasswordTag {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&n.to_le_bytes());
        PasswordTag::from_bytes(bytes)
    }

    /// A memory whose time is told in seconds since its start.
    struct Told {
        negative_auth_cache: NegativeAuthCache,
        rules: FailureRules,
        start: Instant,
    }

    impl Told {
        fn new(rules: FailureRules) -> Self {
            Self {
                negative_auth_cache: NegativeAuthCache::new(),
                rules,
                start: Instant::now(),
            }
        }

        fn at(&self, second: u64) -> Instant {
            self.start + Duration::from_secs(second)
        }

        fn ask(&self, second: u64) -> CacheAnswer {
            let now = self.at(second);
            self.negative_auth_cache
                .ask(tag(1), false, &self.rules, now)
        }

        fn refuse(&self, second: u64) {
            self.negative_auth_cache.refused(tag(1), self.at(second));
        }

        /// Asks, and has the backend refuse whatever reaches it.
        fn poll(&self, second: u64) -> CacheAnswer {
            let answer = self.ask(second);
            if answer != Refuse {
                self.refuse(second);
            }
            answer
        }
    }

    #[test]
    fn what_was_refused_lately_is_known_for_an_hour() {
        let refused = NegativeAuthCache::new();
        let start = Instant::now();
        refused.refused(tag(1), start);
        let lately = |tag, after| refused.was_refused_lately(tag, start + after);
        assert!(lately(tag(1), REFUSED_LATELY) && !lately(tag(2), REFUSED_LATELY));
        assert!(!lately(tag(1), REFUSED_LATELY + Duration::from_secs(1)));
        refused.accepted(tag(1), start);
        assert!(!lately(tag(1), Duration::ZERO));
    }

    #[test]
    fn a_stale_tablet_costs_the_backend_a_login_in_five_minutes_after_its_third() {
        let told = Told::new(Rules::standard().failures);
        let day = (0..24 * 60).map(|minute| told.poll(60 * minute));
        let day: Vec<CacheAnswer> = day.collect();
        assert_eq!(day[..3], [Unknown; 3]);
        assert_eq!(day[3..7], [Refuse; 4]);
        for (minute, answer) in day.iter().enumerate().skip(3) {
            let expected = if minute % 5 == 2 { Trial } else { Refuse };
            assert_eq!(*answer, expected, "minute {minute}");
        }
    }

    #[test]
    fn a_real_try_is_one_and_the_next_is_counted_from_it() {
        let told = Told::new(Rules::standard().failures);
        for second in [0, 1, 2] {
            told.refuse(second);
        }
        assert_eq!(told.ask(301), Refuse);
        assert_eq!(told.ask(302), Trial);
        assert_eq!(told.ask(302), Refuse, "it is taken, and not answered yet");
        told.refuse(320);
        assert_eq!(told.ask(619), Refuse);
        assert_eq!(told.ask(620), Trial);
        assert_eq!(told.ask(919), Refuse, "the backend had no answer");
        assert_eq!(told.ask(920), Trial);
    }

    #[test]
    fn refusals_that_are_further_apart_than_ten_minutes_are_not_held_against_it() {
        let told = Told::new(Rules::standard().failures);
        for poll in 0..20 {
            assert_eq!(told.poll(301 * poll), Unknown, "poll {poll}");
        }
        let other = Told::new(Rules::standard().failures);
        assert_eq!([0, 300, 600].map(|second| other.poll(second)), [Unknown; 3]);
        assert_eq!(other.poll(899), Refuse);
    }

    #[test]
    fn any_three_within_ten_minutes_count_not_only_the_first() {
        let told = Told::new(Rules::standard().failures);
        assert_eq!(
            [0, 590, 610, 620].map(|second| told.poll(second)),
            [Unknown; 4]
        );
        assert_eq!(told.poll(630), Refuse);
    }

    #[test]
    fn a_password_that_is_accepted_again_has_a_clean_sheet() {
        let told = Told::new(Rules::standard().failures);
        for second in [0, 1, 2] {
            told.refuse(second);
        }
        assert_eq!(told.ask(3), Refuse);
        told.negative_auth_cache.accepted(tag(1), told.at(302));
        assert_eq!(
            [303, 304, 305].map(|second| told.poll(second)),
            [Unknown; 3]
        );
        assert_eq!(told.poll(306), Refuse);
    }

    #[test]
    fn it_is_forgotten_when_nobody_asks_for_ten_minutes_and_a_retry() {
        let told = Told::new(Rules::standard().failures);
        for second in [0, 1, 2] {
            told.refuse(second);
        }
        assert_eq!(told.ask(3), Refuse);
        assert_eq!(told.ask(903), Trial, "15 min of silence");
        assert_eq!(told.ask(903 + 901), Unknown, "one second more");
        assert_eq!(told.ask(903 + 902), Unknown, "and not held again");
    }

    #[test]
    fn it_stays_refused_though_retries_are_further_apart_than_ten_minutes() {
        let told = Told::new(FailureRules {
            retry: Duration::from_secs(1800),
            ..Rules::standard().failures
        });
        for second in [0, 1, 2] {
            told.refuse(second);
        }
        for try_at in [1802, 3602, 5402, 7202] {
            assert_eq!(told.ask(try_at - 1), Refuse);
            assert_eq!(told.poll(try_at), Trial);
        }
    }

    #[test]
    fn a_password_that_was_accepted_within_the_day_is_always_asked_for() {
        let told = Told::new(Rules::standard().failures);
        let proven = AuthCache::new();
        proven.accepted(tag(1), told.start);
        let ask = |second| {
            let now = told.at(second);
            let lately = proven.standing(tag(1), now).was_accepted_lately();
            told.negative_auth_cache
                .ask(tag(1), lately, &told.rules, now)
        };
        for second in 60..120 {
            assert_eq!(ask(second), Unknown);
            told.refuse(second);
            proven.refused(tag(1), told.at(second));
        }
        let day = AUTH_CACHE_AGE.as_secs();
        for second in [day - 2, day - 1, day] {
            assert_eq!(ask(second), Unknown);
            told.refuse(second);
        }
        assert_eq!(ask(day + 1), Refuse);
    }

    #[test]
    fn the_setting_says_how_often_and_zero_is_never() {
        for needed in [1, 2, SAME_PASSWORD_MAX] {
            let told = Told::new(FailureRules {
                same_password: needed,
                ..Rules::standard().failures
            });
            for second in 0..u64::from(needed) {
                assert_eq!(told.poll(second), Unknown, "{needed}: {second}");
            }
            assert_eq!(told.poll(u64::from(needed)), Refuse, "{needed}");
        }
        let never = Told::new(FailureRules {
            same_password: 0,
            ..Rules::standard().failures
        });
        assert!((0..100).all(|second| never.poll(second) == Unknown));
    }

    #[test]
    fn how_the_backend_refused_it_last_is_remembered() {
        let told = Told::new(Rules::standard().failures);
        let is_without_words = |second| {
            told.negative_auth_cache
                .is_without_words(tag(1), told.at(second))
        };
        assert!(!is_without_words(0));
        for second in [0, 1, 2] {
            told.negative_auth_cache
                .refused_without_words(tag(1), told.at(second));
        }
        assert!(is_without_words(3));
        assert_eq!(told.ask(3), Refuse);
        told.refuse(302);
        assert!(!is_without_words(303));
        told.negative_auth_cache
            .refused_without_words(tag(1), told.at(602));
        assert!(is_without_words(603));
        told.negative_auth_cache.accepted(tag(1), told.at(902));
        assert!(!is_without_words(903));
    }

    #[test]
    fn other_passwords_are_not_touched() {
        let told = Told::new(Rules::standard().failures);
        for second in [0, 1, 2] {
            told.refuse(second);
        }
        let other = told
            .negative_auth_cache
            .ask(tag(2), false, &told.rules, told.at(3));
        assert_eq!(
            (other, told.negative_auth_cache.len()),
            (Unknown, 1),
            "asking keeps nothing"
        );
    }

    #[test]
    fn guesses_do_not_make_it_grow_and_who_comes_back_stays() {
        let told = Told::new(Rules::standard().failures);
        for second in [0, 1, 2] {
            told.refuse(second);
        }
        for n in 0..2 * NEGATIVE_AUTH_CACHE_MAX {
            let now = told.at(3) + Duration::from_millis(n as u64);
            told.negative_auth_cache.refused(tag(n + 2), now);
            if n % 60_000 == 0 {
                assert_eq!(
                    told.negative_auth_cache
                        .ask(tag(1), false, &told.rules, now),
                    Refuse
                );
            }
        }
        assert_eq!(told.negative_auth_cache.len(), NEGATIVE_AUTH_CACHE_MAX);
        assert_eq!(told.ask(140), Refuse);
        told.negative_auth_cache
            .forget_idle(told.at(150) + FAILURE_WINDOW + RETRY_MAX);
        assert!(told.negative_auth_cache.is_empty());
    }
}
