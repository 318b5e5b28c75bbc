//! How often a login is tried again, and after which pauses. Pure: it is told what the backend
//! said and how long ago the session before ended.

use crate::dialect;
use crate::limits::{
    LOCKED_RETRIES_MAX, QUICK_RETRIES, RETRY_PAUSE_MAX, RETRY_PAUSE_MIN, TEMP_RETRIES_MAX,
};
use crate::time::Duration;

/// What has been tried again so far.
#[derive(Default)]
pub(super) struct Retries {
    /// Answers that said `locked`.
    locked: u32,
    /// Answers that said `temp` or `too_many`, and tries that ended before the password was given.
    failed: u32,
    /// How many of [`QUICK_RETRIES`] are used up.
    quick: usize,
    /// Retries that followed in the growing pauses.
    slow: u32,
    /// Whether one followed at once, because the maildrop was being unlocked.
    at_once: bool,
}

/// How long to wait from an answer to the next try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pause {
    /// Exactly this long.
    Exactly(Duration),
    /// About this long, so that many sessions spread; less the time that quick retries took.
    About(Duration, Duration),
}

impl Retries {
    /// The backend said in these `words` that the maildrop is locked. `ended`: how long ago the
    /// last session of ours in it ended, where that was a moment ago. `None`: it was tried often
    /// enough.
    pub(super) fn locked(&mut self, words: &str, ended: Option<Duration>) -> Option<Pause> {
        self.locked += 1;
        if self.locked > LOCKED_RETRIES_MAX {
            return None;
        }
        let is_being_unlocked = dialect::is_being_unlocked(words);
        if is_being_unlocked && !self.at_once {
            // Once only: a server that keeps saying so would be asked in a busy loop.
            self.at_once = true;
            return Some(Pause::Exactly(Duration::ZERO));
        }
        let next = QUICK_RETRIES.get(self.quick);
        if let Some(next) = next.filter(|_| is_being_unlocked || ended.is_some()) {
            // The list counts from the first `locked`: what was waited since is taken off.
            let pause = next.saturating_sub(self.quick_time());
            self.quick += 1;
            return Some(Pause::Exactly(pause));
        }
        self.slow += 1;
        let taken = if self.slow == 1 {
            self.quick_time()
        } else {
            Duration::ZERO
        };
        Some(Pause::About(doubled(self.slow), taken))
    }

    /// The backend refused it for now, or ended before it had the password. `None`: it was tried
    /// often enough.
    pub(super) fn failed(&mut self) -> Option<Pause> {
        let pause = self.unreachable();
        (self.failed <= TEMP_RETRIES_MAX).then_some(pause)
    }

    /// No backend greets: it is tried as long as the wait goes on.
    pub(super) fn unreachable(&mut self) -> Pause {
        self.failed += 1;
        Pause::About(doubled(self.failed), Duration::ZERO)
    }

    /// Whether the backend has said `locked`.
    pub(super) fn were_locked(&self) -> bool {
        self.locked > 0
    }

    /// Whether nothing was tried again.
    pub(super) fn are_none(&self) -> bool {
        self.locked + self.failed == 0
    }

    /// From the first answer to the last quick retry.
    fn quick_time(&self) -> Duration {
        self.quick
            .checked_sub(1)
            .and_then(|last| QUICK_RETRIES.get(last))
            .copied()
            .unwrap_or_default()
    }
}

impl Pause {
    /// The pause itself. `jitter` spreads one that need not be exact.
    pub(super) fn with(self, jitter: impl FnOnce(Duration) -> Duration) -> Duration {
        match self {
            Self::Exactly(pause) => pause,
            Self::About(pause, taken) => jitter(pause).saturating_sub(taken),
        }
    }
}

/// Half a second at first, doubling.
fn doubled(nth: u32) -> Duration {
    // The exponent is bounded for the shift; the pause reaches its own bound long before.
    let doubled = RETRY_PAUSE_MIN.saturating_mul(1 << nth.saturating_sub(1).min(8));
    doubled.min(RETRY_PAUSE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCKED: &str = "-ERR [IN-USE] locked";
    const UNLOCKING: &str = "-ERR Maildrop being unlocked; try again";

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    /// The pauses in milliseconds, each as it is without jitter, until it is tried no more.
    fn pauses(mut next: impl FnMut() -> Option<Pause>) -> Vec<u128> {
        let pauses = std::iter::from_fn(|| next().map(|pause| pause.with(|pause| pause)));
        pauses.map(|pause| pause.as_millis()).collect()
    }

    #[test]
    fn a_maildrop_that_another_holds_is_tried_twelve_times_in_growing_pauses() {
        let mut retries = Retries::default();
        let expected = [
            500, 1000, 2000, 4000, 5000, 5000, 5000, 5000, 5000, 5000, 5000, 5000,
        ];
        assert_eq!(pauses(|| retries.locked(LOCKED, None)), expected);
    }

    #[test]
    fn right_after_a_session_four_come_soon_and_delay_none_of_the_others() {
        let mut retries = Retries::default();
        let expected = [
            20, 30, 50, 100, 300, 1000, 2000, 4000, 5000, 5000, 5000, 5000,
        ];
        assert_eq!(pauses(|| retries.locked(LOCKED, Some(ms(5)))), expected);
    }

    #[test]
    fn they_end_where_the_session_ended_too_long_ago() {
        let mut retries = Retries::default();
        let mut ended = [Some(ms(1900)), Some(ms(1950)), None, None].into_iter();
        let first = pauses(|| retries.locked(LOCKED, ended.next()?));
        assert_eq!(first, [20, 30, 450, 1000]);
    }

    #[test]
    fn only_the_growing_pauses_are_spread() {
        let mut retries = Retries::default();
        let mut next = |ended| retries.locked(LOCKED, ended).unwrap().with(|_| ms(7000));
        assert_eq!(next(Some(ms(1))), ms(20));
        assert_eq!(next(None), ms(6980));
        assert_eq!(next(None), ms(7000));
    }

    #[test]
    fn a_maildrop_that_is_being_unlocked_is_tried_at_once_and_then_soon() {
        let mut retries = Retries::default();
        let first = std::iter::repeat_n((), 6).map(|()| retries.locked(UNLOCKING, None));
        let first: Vec<_> = first.map(|pause| pause.unwrap().with(|it| it)).collect();
        assert_eq!(first, [0, 20, 30, 50, 100, 300].map(ms));
        let mut later = Retries::default();
        assert_eq!(later.locked(LOCKED, None).unwrap().with(|it| it), ms(500));
        assert_eq!(later.locked(UNLOCKING, None).unwrap().with(|it| it), ms(0));
    }

    #[test]
    fn passing_faults_are_tried_twice_and_no_backend_as_long_as_it_takes() {
        let mut retries = Retries::default();
        assert_eq!(pauses(|| retries.failed()), [500, 1000]);
        let mut away = Retries::default();
        let tries = std::iter::repeat_n((), 6).map(|()| away.unreachable().with(|it| it));
        let tries: Vec<_> = tries.collect();
        assert_eq!(tries, [500, 1000, 2000, 4000, 5000, 5000].map(ms));
    }
}
