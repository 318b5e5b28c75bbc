//! When a program begins its next session.

use super::Ended;
use popgate::time::{Duration, Instant};

/// Programs that begin at different times.
const PLACES: u32 = 50;

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

/// Programs that come again after a pause, until a time.
pub(crate) struct Again {
    pub(crate) until: Instant,
    pub(crate) pause: Duration,
}

impl Schedule for Again {
    fn next(&mut self, program: usize, last: Option<&Ended>, now: Instant) -> Option<Instant> {
        // At the beginning they come one after the other.
        let place = u32::try_from(program).unwrap_or(0) % PLACES;
        let first = now + self.pause * place / PLACES;
        let start = if last.is_some() {
            now + self.pause
        } else {
            first
        };
        (start < self.until).then_some(start)
    }
}
