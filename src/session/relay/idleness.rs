//! Since when a holder has got nothing done (for pre-emption). That a program is alive is not
//! enough: one that says NOOP, or lists again and again, keeps nobody out.

use crate::time::Instant;

/// Counts idleness from the last progress, and from when the client has it.
#[derive(Debug, Default)]
pub(super) struct Idleness {
    progress: u64,
    /// Octets for the client up to the end of the last progress.
    due: Option<u64>,
    since: Option<Instant>,
}

/// What a look at a session finds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// How often the client has got on.
    pub(super) progress: u64,
    /// Whether it waits for what will get it on.
    pub(super) progress_is_awaited: bool,
    /// Octets for the client so far.
    pub(super) octets: u64,
    /// Those that its kernel has acknowledged.
    pub(super) delivered: u64,
}

impl Idleness {
    /// Takes in what was seen, and says since when the session is idle.
    pub(super) fn look(&mut self, seen: Seen, now: Instant) -> Option<Instant> {
        if seen.progress != self.progress || seen.progress_is_awaited {
            *self = Self {
                progress: seen.progress,
                due: None,
                since: None,
            };
        }
        if seen.progress_is_awaited {
            return None;
        }
        let due = *self.due.get_or_insert(seen.octets);
        if self.since.is_none() && seen.delivered >= due {
            self.since = Some(now);
        }
        self.since
    }

    /// Since when it was idle at the last look.
    pub(super) fn since(&self) -> Option<Instant> {
        self.since
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Duration;

    fn seen(progress: u64, octets: u64, delivered: u64) -> Seen {
        Seen {
            progress,
            progress_is_awaited: false,
            octets,
            delivered,
        }
    }

    #[test]
    fn idle_from_when_the_client_has_all_up_to_its_last_progress() {
        let (mut idleness, start) = (Idleness::default(), Instant::now());
        let later = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(idleness.look(seen(1, 100, 90), start), None);
        assert_eq!(idleness.look(seen(1, 150, 99), later(1)), None);
        assert_eq!(idleness.look(seen(1, 200, 100), later(2)), Some(later(2)));
        assert_eq!(idleness.look(seen(1, 300, 100), later(9)), Some(later(2)));
        assert_eq!(idleness.look(seen(2, 400, 400), later(10)), Some(later(10)));
    }

    #[test]
    fn what_is_awaited_and_gets_it_on_is_no_idleness() {
        let (mut idleness, now) = (Idleness::default(), Instant::now());
        assert_eq!(idleness.look(seen(0, 0, 0), now), Some(now));
        let awaited = Seen {
            progress_is_awaited: true,
            ..seen(0, 0, 0)
        };
        assert_eq!(idleness.look(awaited, now), None);
        assert_eq!(idleness.since(), None);
    }
}
