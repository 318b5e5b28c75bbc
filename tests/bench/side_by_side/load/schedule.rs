//! When a program begins its next session.

use super::Ended;
use std::time::{Duration, Instant};

pub(crate) trait Schedule {
    /// When `program` begins its next session, after `last`; none: never again. A session that
    /// begins late counts from here.
    fn next(&mut self, program: usize, last: Option<&Ended>, now: Instant) -> Option<Instant>;
}

/// Closed loop: a program begins a session when its last one ends, so many together.
pub(crate) struct Closed {
    pub(crate) left: usize,
}

impl Schedule for Closed {
    fn next(&mut self, _: usize, _: Option<&Ended>, now: Instant) -> Option<Instant> {
        self.left = self.left.checked_sub(1)?;
        Some(now)
    }
}

/// One program at a fixed rate.
pub(crate) struct Fixed {
    pub(crate) period: Duration,
    pub(crate) left: usize,
    pub(crate) planned: Option<Instant>,
}

impl Schedule for Fixed {
    fn next(&mut self, _: usize, _: Option<&Ended>, now: Instant) -> Option<Instant> {
        self.left = self.left.checked_sub(1)?;
        let planned = self.planned.map_or(now, |last| last + self.period);
        self.planned = Some(planned);
        Some(planned)
    }
}

/// Programs that come again until a time: at once, or after a refusal some time later.
pub(crate) struct Again {
    pub(crate) until: Instant,
    pub(crate) after_refusal: Duration,
}

impl Schedule for Again {
    fn next(&mut self, _: usize, last: Option<&Ended>, now: Instant) -> Option<Instant> {
        let start = match last {
            Some(Ended::Refused(_) | Ended::Broken(_)) => now + self.after_refusal,
            _ => now,
        };
        (start < self.until).then_some(start)
    }
}
