//! What the sessions of a load came to.

use super::{Ended, Times};
use hdrhistogram::Histogram;
use popgate::time::Duration;
use std::collections::BTreeMap;

/// Different words that are kept for a report.
const WORDS_MAX: usize = 20;

pub(crate) struct Tally {
    pub(crate) elapsed: Duration,
    pub(crate) done: u64,
    pub(crate) stayed: u64,
    pub(crate) resumed: u64,
    pub(crate) refused: u64,
    pub(crate) broken: u64,
    /// Sessions that were still open when nothing happened any more.
    pub(crate) stalled: usize,
    /// What was said by those that failed, and how often.
    pub(crate) words: BTreeMap<String, u64>,
    /// Nanoseconds.
    pub(crate) pass: Histogram<u64>,
    pub(crate) login: Histogram<u64>,
    pub(crate) total: Histogram<u64>,
}

impl Tally {
    pub(crate) fn new() -> Self {
        Self {
            elapsed: Duration::ZERO,
            done: 0,
            stayed: 0,
            resumed: 0,
            refused: 0,
            broken: 0,
            stalled: 0,
            words: BTreeMap::new(),
            pass: histogram(),
            login: histogram(),
            total: histogram(),
        }
    }

    pub(crate) fn add(&mut self, ended: &Ended) {
        match ended {
            Ended::Done { times, is_resumed } => {
                self.done += 1;
                self.resumed += u64::from(*is_resumed);
                self.record(times);
            }
            Ended::Stayed => self.stayed += 1,
            Ended::Refused(line) => {
                self.refused += 1;
                self.keep(line);
            }
            Ended::Broken(what) => {
                self.broken += 1;
                self.keep(what);
            }
        }
    }

    /// What went wrong, if anything did; refusals are for the caller to judge.
    pub(crate) fn trouble(&self) -> Option<String> {
        if self.stalled == 0 && self.broken == 0 && self.refused == 0 {
            return None;
        }
        let words: Vec<_> = self
            .words
            .iter()
            .map(|(words, n)| format!("{n} x {words}"))
            .collect();
        let (done, stalled) = (self.done + self.stayed, self.stalled);
        let failed = self.broken + self.refused;
        let words = words.join("; ");
        Some(format!(
            "{done} sessions went well, {failed} failed, {stalled} stalled: {words}"
        ))
    }

    fn record(&mut self, times: &Times) {
        let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.pass.saturating_record(nanoseconds(times.pass));
        self.login.saturating_record(nanoseconds(times.login));
        self.total.saturating_record(nanoseconds(times.total));
    }

    fn keep(&mut self, words: &str) {
        if self.words.len() < WORDS_MAX || self.words.contains_key(words) {
            *self.words.entry(words.to_owned()).or_default() += 1;
        }
    }
}

/// From a microsecond to an hour, to three digits.
fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1_000, 3_600_000_000_000, 3).expect("these bounds are valid")
}

/// A percentile in microseconds.
pub(crate) fn microseconds(histogram: &Histogram<u64>, percent: f64) -> f64 {
    histogram.value_at_percentile(percent) as f64 / 1_000.0
}
