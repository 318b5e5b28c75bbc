//! What is to happen later.

use popgate::time::{Duration, Instant};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// A program begins a session.
    Begin(usize),
    /// The session in this place has paused.
    Resume(usize),
}

#[derive(Default)]
pub(crate) struct Timers(BinaryHeap<Reverse<(Instant, Timer)>>);

impl Timers {
    pub(crate) fn add(&mut self, at: Instant, timer: Timer) {
        self.0.push(Reverse((at, timer)));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next one that is due, and when it was.
    pub(crate) fn due(&mut self, now: Instant) -> Option<(Instant, Timer)> {
        let Reverse((at, _)) = self.0.peek()?;
        if *at > now {
            return None;
        }
        self.0.pop().map(|Reverse(first)| first)
    }

    /// How long until then.
    pub(crate) fn patience(&self, now: Instant) -> Option<Duration> {
        let Reverse((at, _)) = self.0.peek()?;
        Some(at.saturating_duration_since(now))
    }
}
