//! Since when a holder has made no progress, for pre-emption. That its program is alive is not
//! enough: one that says NOOP, or lists again and again, must not keep others out.

use crate::time::Instant;

/// Counts idleness from the last progress, and from when the client has it.
#[derive(Debug, Default)]
pub(super) struct Idleness {
    progress: u64,
    /// Octets for the client up to the end of the last progress.
    due: Option<u64>,
    since: Option<Instant>,
    /// A reply that may be progress is awaited: the session is left alone until it is there.
    awaits_progress: bool,
}

/// What a client has done and got so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Activity {
    /// How often it has made progress.
    pub(super) progress: u64,
    /// Whether it awaits a reply that will be progress.
    pub(super) progress_is_awaited: bool,
    /// Octets for the client so far.
    pub(super) octets: u64,
    /// Those that its kernel has acknowledged.
    pub(super) delivered: u64,
}

impl Idleness {
    /// Takes in the activity until `now`.
    pub(super) fn update(&mut self, seen: Activity, now: Instant) {
        if seen.progress != self.progress {
            *self = Self {
                progress: seen.progress,
                ..Self::default()
            };
        }
        self.awaits_progress = seen.progress_is_awaited;
        // A client on a slow line is not idle while its last message is on the way to it.
        let due = *self.due.get_or_insert(seen.octets);
        if self.since.is_none() && seen.delivered >= due {
            self.since = Some(now);
        }
    }

    /// Since when there was no progress, as of the last update.
    pub(super) fn since(&self) -> Option<Instant> {
        self.since
    }

    /// Whether a reply that may be progress was awaited then.
    pub(super) fn awaits_progress(&self) -> bool {
        self.awaits_progress
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Duration;

    fn seen(progress: u64, octets: u64, delivered: u64) -> Activity {
        Activity {
            progress,
            progress_is_awaited: false,
            octets,
            delivered,
        }
    }

    /// Since when it is idle, after this look.
    fn look(idleness: &mut Idleness, seen: Activity, now: Instant) -> Option<Instant> {
        idleness.update(seen, now);
        idleness.since()
    }

    #[test]
    fn idle_from_when_the_client_has_all_up_to_its_last_progress() {
        let (mut idleness, start) = (Idleness::default(), Instant::now());
        let later = |seconds| start + Duration::from_secs(seconds);
        for (seconds, seen, since) in [
            (0, seen(1, 100, 90), None),
            (1, seen(1, 150, 99), None),
            (2, seen(1, 200, 100), Some(2)),
            (9, seen(1, 300, 100), Some(2)),
            (10, seen(2, 400, 400), Some(10)),
        ] {
            let found = look(&mut idleness, seen, later(seconds));
            assert_eq!(found, since.map(later), "{seconds}");
        }
    }

    #[test]
    fn what_is_awaited_puts_it_off_and_counts_only_where_it_went_well() {
        let (mut idleness, now) = (Idleness::default(), Instant::now());
        let later = now + Duration::from_secs(9);
        assert_eq!(look(&mut idleness, seen(0, 0, 0), now), Some(now));
        let awaited = Activity {
            progress_is_awaited: true,
            ..seen(0, 0, 0)
        };
        idleness.update(awaited, later);
        assert!(idleness.awaits_progress());
        let failed = look(&mut idleness, seen(0, 5, 5), later);
        assert_eq!((failed, idleness.awaits_progress()), (Some(now), false));
        assert_eq!(look(&mut idleness, seen(1, 9, 9), later), Some(later));
    }
}
