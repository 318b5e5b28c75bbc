//! The clocks of a gate: one goes on while its machine is suspended, and the other does not.

use popgate::time::{Duration, Instant};

/// A gate's clocks, in milliseconds of its own. They go a little faster or slower than others do.
#[derive(Clone, Copy, Debug)]
pub(super) struct GateClock {
    start: Instant,
    /// Of a thousand.
    rate: u64,
    /// The world's time.
    now: u64,
    /// For how long the one clock stood still.
    lag: u64,
}

impl GateClock {
    pub(super) fn new(start: Instant, rate: u64, now: u64) -> Self {
        Self {
            start,
            rate,
            now,
            lag: 0,
        }
    }

    /// The world's time goes on.
    pub(super) fn set(&mut self, now: u64) {
        self.now = now;
    }

    /// The machine was suspended since then.
    pub(super) fn was_suspended(&mut self, since: u64) {
        self.lag += self.at(self.now) - self.at(since);
    }

    fn at(&self, world: u64) -> u64 {
        world * self.rate / 1_000
    }

    /// By the clock that goes on while the machine is suspended.
    pub(super) fn boot(&self) -> u64 {
        self.at(self.now)
    }

    pub(super) fn now(&self) -> Instant {
        self.start + Duration::from_millis(self.boot() - self.lag)
    }

    /// When it will be that time here, as the world has it.
    pub(super) fn world(&self, at: Instant) -> u64 {
        let own = at.saturating_duration_since(self.start);
        let own = super::millis(own) + u64::from(!own.subsec_nanos().is_multiple_of(1_000_000));
        (own + self.lag).saturating_mul(1_000).div_ceil(self.rate)
    }
}
