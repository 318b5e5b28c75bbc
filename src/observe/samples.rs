//! The last minutes as a row of samples, for charts.

use crate::limits::{SAMPLE_INTERVAL, SAMPLES_KEPT};
use crate::time::{Duration, Moment};
use jiff::Timestamp;
use std::collections::VecDeque;

/// The gate at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sample {
    /// Connections of clients.
    pub sessions: u64,
    /// Locks that are held.
    pub locks_held: u64,
    /// Logins that wait.
    pub waiting: u64,
    /// How long the one that waits longest has waited.
    pub longest_wait: Duration,
    /// Logins refused: since the start where it is taken, within the interval where it is kept.
    pub refusals: u64,
    /// Logins that the backend accepted: counted in the same way.
    pub logins: u64,
}

/// The last [`SAMPLES_KEPT`] samples, one each [`SAMPLE_INTERVAL`].
#[derive(Debug)]
pub struct SampleRing {
    /// The oldest first, and always as many. None where no sample was taken.
    kept: VecDeque<Option<Sample>>,
    newest: Option<Moment>,
    /// The last one as it was taken.
    taken: Sample,
}

impl SampleRing {
    /// No sample was taken yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            kept: VecDeque::from(vec![None; SAMPLES_KEPT]),
            newest: None,
            taken: Sample::default(),
        }
    }

    /// Keeps `sample`, which was taken at `at`. For each interval that went by without one there
    /// is a gap.
    pub fn take(&mut self, at: Moment, sample: Sample) {
        for _ in 0..self.gaps(at) {
            self.push(None);
        }
        self.push(Some(Sample {
            refusals: sample.refusals.saturating_sub(self.taken.refusals),
            logins: sample.logins.saturating_sub(self.taken.logins),
            ..sample
        }));
        self.newest = Some(at);
        self.taken = sample;
    }

    /// The samples, the oldest first: always [`SAMPLES_KEPT`].
    pub fn kept(&self) -> impl Iterator<Item = Option<&Sample>> {
        self.kept.iter().map(Option::as_ref)
    }

    /// When the last one was taken.
    #[must_use]
    pub fn newest(&self) -> Option<Timestamp> {
        self.newest.map(|at| at.wall)
    }

    fn gaps(&self, at: Moment) -> usize {
        let Some(newest) = self.newest else { return 0 };
        let passed = at.instant.duration_since(newest.instant);
        // A sample that comes a little late or early leaves no gap.
        let intervals = passed.div_duration_f64(SAMPLE_INTERVAL).round();
        (intervals as usize).saturating_sub(1).min(SAMPLES_KEPT)
    }

    fn push(&mut self, sample: Option<Sample>) {
        self.kept.pop_front();
        self.kept.push_back(sample);
    }
}

impl Default for SampleRing {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Instant;

    fn at(start: Instant, seconds: f64) -> Moment {
        let start = Moment {
            instant: start,
            wall: Timestamp::UNIX_EPOCH,
        };
        start.after(Duration::from_secs_f64(seconds))
    }

    fn logins(count: u64) -> Sample {
        Sample {
            sessions: 7,
            logins: count,
            ..Sample::default()
        }
    }

    /// The logins of the last `n` samples.
    fn last(ring: &SampleRing, n: usize) -> Vec<Option<u64>> {
        let kept = ring.kept().skip(SAMPLES_KEPT - n);
        kept.map(|sample| Some(sample?.logins)).collect()
    }

    #[test]
    fn counters_are_kept_by_what_was_added_and_all_else_as_it_is() {
        let mut ring = SampleRing::new();
        let start = Instant::now();
        for (seconds, count) in [(0.0, 3), (5.2, 3), (9.8, 8)] {
            ring.take(at(start, seconds), logins(count));
        }
        assert_eq!(last(&ring, 4), [None, Some(3), Some(0), Some(5)]);
        assert!(ring.kept().flatten().all(|sample| sample.sessions == 7));
        assert_eq!(ring.newest(), Some(at(start, 9.8).wall));
    }

    #[test]
    fn an_interval_without_a_sample_is_a_gap() {
        let mut ring = SampleRing::new();
        let start = Instant::now();
        ring.take(at(start, 0.0), logins(1));
        ring.take(at(start, 15.0), logins(2));
        assert_eq!(last(&ring, 4), [Some(1), None, None, Some(1)]);
        ring.take(at(start, 1e6), logins(2));
        assert_eq!(ring.kept().flatten().count(), 1, "a machine that slept");
    }

    #[test]
    fn there_are_always_as_many_and_the_oldest_goes() {
        let mut ring = SampleRing::new();
        let start = Instant::now();
        assert_eq!(ring.kept().count(), SAMPLES_KEPT);
        for n in 0..=SAMPLES_KEPT as u64 {
            ring.take(at(start, 5.0 * n as f64), logins(n * n));
        }
        assert_eq!(ring.kept().count(), SAMPLES_KEPT);
        assert_eq!(ring.kept().next().unwrap().unwrap().logins, 1);
    }
}
