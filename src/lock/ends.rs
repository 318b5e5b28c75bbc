//! When sessions ended, for a moment: many servers unlock a maildrop a moment after they close.

use crate::bounded::ExpiringLruMap;
use crate::ids::MaildropKey;
use crate::limits::{RECENT_ENDS_MAX, UNLOCKS_WITHIN};
use crate::time::{Duration, Instant};

/// When the last session in each maildrop ended, for [`UNLOCKS_WITHIN`] of it. It outlives the
/// maildrop's queue: a login that comes a second later finds it.
///
/// Holds [`RECENT_ENDS_MAX`] maildrops. Where it is full, the one whose end is longest ago is
/// forgotten: a login there that finds it *locked* then waits for the ordinary retry.
pub(super) struct RecentEnds(ExpiringLruMap<MaildropKey, Instant, Instant>);

impl Default for RecentEnds {
    fn default() -> Self {
        Self(ExpiringLruMap::new(RECENT_ENDS_MAX))
    }
}

impl RecentEnds {
    /// The backend has let go of a session in `key`.
    pub(super) fn ended(&mut self, key: &MaildropKey, now: Instant) {
        self.0.insert(key.clone(), now, now + UNLOCKS_WITHIN, now);
    }

    /// How long ago the last session in `key` ended, where that was a moment ago.
    pub(super) fn since(&self, key: &MaildropKey, now: Instant) -> Option<Duration> {
        let ended = self.0.get(key, now)?;
        Some(now.duration_since(*ended))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{BackendName, UserName};
    use std::sync::Arc;

    fn key(name: &str) -> MaildropKey {
        let backends: Arc<[BackendName]> = Arc::from([BackendName::new("legacy")]);
        MaildropKey::new(&backends, &UserName::new(name.as_bytes()))
    }

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn an_end_is_known_for_two_seconds_and_to_its_maildrop_alone() {
        let mut ends = RecentEnds::default();
        let start = Instant::now();
        ends.ended(&key("ann"), start);
        assert_eq!(ends.since(&key("ann"), start), Some(ms(0)));
        assert_eq!(ends.since(&key("ann"), start + ms(1999)), Some(ms(1999)));
        assert_eq!(ends.since(&key("ann"), start + ms(2000)), None);
        assert_eq!(ends.since(&key("bob"), start), None);
    }

    #[test]
    fn the_last_end_counts_and_an_older_one_takes_nothing_with_it() {
        let mut ends = RecentEnds::default();
        let start = Instant::now();
        ends.ended(&key("ann"), start);
        ends.ended(&key("ann"), start + ms(1500));
        ends.ended(&key("bob"), start + ms(2500));
        assert_eq!(ends.since(&key("ann"), start + ms(2500)), Some(ms(1000)));
    }

    #[test]
    fn what_is_over_is_forgotten_and_there_are_never_more_than_the_bound() {
        let mut ends = RecentEnds::default();
        let start = Instant::now();
        for n in 0..RECENT_ENDS_MAX + 10 {
            ends.ended(&key(&n.to_string()), start);
        }
        assert_eq!(ends.0.len(), RECENT_ENDS_MAX);
        assert_eq!(ends.since(&key("9"), start), None);
        assert_eq!(ends.since(&key("10"), start), Some(ms(0)));
        ends.ended(&key("ann"), start + ms(2000));
        assert_eq!(ends.0.len(), 1);
    }
}
