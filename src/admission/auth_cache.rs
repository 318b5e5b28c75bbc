//! Which passwords the backend accepted lately. Only tags of them are kept.

use crate::bounded::ExpiringLruMap;
use crate::limits::{
    AUTH_CACHE_AGE, AUTH_CACHE_MAX, CLUSTER_ACCEPTANCE_AGAIN, CLUSTER_ACCEPTANCE_BELIEVED,
};
use crate::policy::attempt::Standing;
use crate::secret::PasswordTag;
use crate::time::{Duration, Instant};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The passwords that a backend accepted within [`AUTH_CACHE_AGE`].
///
/// Holds [`AUTH_CACHE_MAX`] passwords. Where it is full, the one whose last acceptance is the
/// oldest is forgotten: its owner's next login waits in the lane of strangers, once.
pub struct AuthCache {
    accepted: Mutex<Accepted>,
    /// Counts how often all is to be told again.
    telling: AtomicU64,
}

type Accepted = ExpiringLruMap<PasswordTag, Since, Instant>;

/// An entry counts to the last moment of its day.
const LIFETIME: Duration = AUTH_CACHE_AGE.saturating_add(Duration::from_nanos(1));

/// What became of a password since it was accepted.
#[derive(Default)]
struct Since {
    is_refused: bool,
    /// When other gates are to be told again that it was accepted, where there are any.
    tell_again: Option<Instant>,
    /// In which telling they were told last.
    told_in: u64,
}

impl AuthCache {
    /// No password was accepted yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            accepted: Mutex::new(ExpiringLruMap::new(AUTH_CACHE_MAX)),
            telling: AtomicU64::new(0),
        }
    }

    /// What the backend said to a password within the last day.
    #[must_use]
    pub fn standing(&self, tag: PasswordTag, now: Instant) -> Standing {
        match self.lock().get(&tag, now) {
            None => Standing::Unproven,
            Some(since) if since.is_refused => Standing::AcceptedLately,
            Some(_) => Standing::Proven,
        }
    }

    /// The backend accepted it. Returns whether other gates are to be told.
    pub fn accepted(&self, tag: PasswordTag, now: Instant) -> bool {
        let telling = self.telling.load(Ordering::Relaxed);
        let mut accepted = self.lock();
        let since = accepted.touch(tag, now + LIFETIME, now);
        let is_news = since.is_refused
            || since.told_in != telling
            || since.tell_again.is_none_or(|again| again <= now);
        since.is_refused = false;
        if is_news {
            since.tell_again = Some(now + CLUSTER_ACCEPTANCE_AGAIN);
            since.told_in = telling;
        }
        is_news
    }

    /// Other gates may have forgotten what they were told: each password is told again when it is
    /// accepted next.
    pub fn tell_again(&self) {
        self.telling.fetch_add(1, Ordering::Relaxed);
    }

    /// A backend accepted it at another gate, which counts there for the time that is `left`; here
    /// it is asked for again after [`CLUSTER_ACCEPTANCE_BELIEVED`].
    pub fn accepted_elsewhere(&self, tag: PasswordTag, left: Duration, now: Instant) {
        let mut accepted = self.lock();
        if accepted.get(&tag, now).is_none() {
            let believed = left.min(CLUSTER_ACCEPTANCE_BELIEVED);
            let since = accepted.touch(tag, now + believed, now);
            since.tell_again = Some(now + left.saturating_sub(CLUSTER_ACCEPTANCE_AGAIN));
            since.told_in = self.telling.load(Ordering::Relaxed);
        }
    }

    /// The backend refused it: it is not proven any more, at once. Returns whether other gates are
    /// to be told.
    pub fn refused(&self, tag: PasswordTag, now: Instant) -> bool {
        match self.lock().get_mut(&tag, now) {
            Some(since) => !std::mem::replace(&mut since.is_refused, true),
            None => false,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Accepted> {
        self.accepted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for AuthCache {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(n: usize) -> PasswordTag {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&n.to_le_bytes());
        PasswordTag::from_bytes(bytes)
    }

    #[test]
    fn a_password_is_proven_from_acceptance_to_refusal_or_a_day() {
        let proven = AuthCache::new();
        let now = Instant::now();
        let ann = number(1);
        assert!(!proven.standing(ann, now).is_proven());
        let _ = proven.accepted(ann, now);
        assert!(proven.standing(ann, now + AUTH_CACHE_AGE).is_proven());
        let later = now + AUTH_CACHE_AGE + Duration::from_secs(1);
        assert!(!proven.standing(ann, later).is_proven());
        assert!(!proven.standing(number(2), now).is_proven());
        let _ = proven.refused(ann, now);
        assert!(!proven.standing(ann, now).is_proven());
        let _ = proven.accepted(ann, now);
        assert!(proven.standing(ann, now).is_proven());
    }

    #[test]
    fn that_a_password_was_accepted_is_known_for_a_day_though_it_is_refused() {
        let proven = AuthCache::new();
        let now = Instant::now();
        let ann = number(1);
        let _ = proven.refused(ann, now);
        assert!(!proven.standing(ann, now).was_accepted_lately());
        let _ = proven.accepted(ann, now);
        let _ = proven.refused(ann, now + Duration::from_secs(60));
        assert!(
            proven
                .standing(ann, now + AUTH_CACHE_AGE)
                .was_accepted_lately()
        );
        assert!(
            !proven
                .standing(ann, now + AUTH_CACHE_AGE + Duration::from_secs(1))
                .was_accepted_lately()
        );
    }

    #[test]
    fn what_another_gate_knows_is_believed_for_a_minute_and_told_again_in_time() {
        let proven = AuthCache::new();
        let now = Instant::now();
        let hours = |hours: u64| Duration::from_secs(hours * 3600);
        proven.accepted_elsewhere(number(1), hours(20), now);
        proven.accepted_elsewhere(number(2), hours(1), now);
        let soon = now + Duration::from_secs(30);
        assert!(proven.standing(number(1), soon).is_proven());
        assert!(!proven.accepted(number(1), soon), "the engine knows it");
        assert!(proven.accepted(number(2), soon), "it would forget it");
        proven.accepted_elsewhere(number(3), hours(20), now);
        let later = now + CLUSTER_ACCEPTANCE_BELIEVED;
        assert!(!proven.standing(number(3), later).is_proven());
    }

    #[test]
    fn what_other_gates_may_have_forgotten_is_told_once_more() {
        let proven = AuthCache::new();
        let now = Instant::now();
        assert!(proven.accepted(number(1), now));
        proven.accepted_elsewhere(number(2), CLUSTER_ACCEPTANCE_AGAIN * 2, now);
        assert!(!proven.accepted(number(1), now));
        proven.tell_again();
        for tag in [number(1), number(2)] {
            assert!(proven.accepted(tag, now));
            assert!(!proven.accepted(tag, now));
        }
        proven.accepted_elsewhere(number(3), CLUSTER_ACCEPTANCE_AGAIN * 2, now);
        assert!(!proven.accepted(number(3), now), "it comes from there");
    }

    #[test]
    fn memory_is_bounded_and_drops_the_oldest() {
        let proven = AuthCache::new();
        let start = Instant::now();
        for n in 0..=AUTH_CACHE_MAX {
            let _ = proven.accepted(number(n), start + Duration::from_millis(n as u64));
        }
        let end = start + Duration::from_millis(AUTH_CACHE_MAX as u64);
        assert!(!proven.standing(number(0), end).is_proven());
        assert!(proven.standing(number(1), end).is_proven());
        for _ in 0..3 * AUTH_CACHE_MAX {
            let _ = proven.accepted(number(5), end);
        }
        assert!(
            proven.standing(number(1), end).is_proven(),
            "logins are not passwords"
        );
        assert_eq!(proven.lock().len(), AUTH_CACHE_MAX);
    }
}
