//! The clocks: tokio's, so that tests move it by hand, and the one on the wall.

use governor::clock::Clock;

pub use std::time::Duration;
pub use tokio::time::Instant;

/// The same clock as governor reads it.
#[derive(Clone, Copy, Debug)]
pub struct TokioClock;

#[expect(
    clippy::disallowed_types,
    reason = "governor knows no other, and it is tokio's time all the same"
)]
impl Clock for TokioClock {
    type Instant = std::time::Instant;

    fn now(&self) -> Self::Instant {
        Instant::now().into_std()
    }
}

/// One moment by both clocks: what outlives the process is told by the one on the wall.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// By tokio's clock.
    pub instant: Instant,
    /// By the one on the wall.
    pub wall: jiff::Timestamp,
}

impl Moment {
    /// The moment that is `later`, by both.
    #[must_use]
    pub fn after(self, later: Duration) -> Self {
        Self {
            instant: self.instant + later,
            // Past the end of time nothing is later any more.
            wall: self.wall.checked_add(later).unwrap_or(jiff::Timestamp::MAX),
        }
    }

    /// When `at` is or was, by the clock on the wall as it goes at this moment.
    #[must_use]
    pub fn wall_at(self, at: Instant) -> jiff::Timestamp {
        let ago = self.instant.saturating_duration_since(at);
        let ahead = at.saturating_duration_since(self.instant);
        let later = self.after(ahead).wall;
        later.checked_sub(ago).unwrap_or(jiff::Timestamp::MIN)
    }
}

/// The clock on the wall. It says what outlives the process, and what people read.
#[derive(Clone, Copy, Debug)]
pub enum WallClock {
    /// The system's, which may be set, and knows how long a machine slept.
    System,
    /// It showed this once, and goes on as tokio's does: for tests, which move that by hand.
    From(Moment),
}

impl WallClock {
    /// Now, by both clocks.
    #[must_use]
    pub fn now(self) -> Moment {
        match self {
            Self::System => Moment {
                instant: Instant::now(),
                wall: jiff::Timestamp::now(),
            },
            Self::From(start) => start.after(start.instant.elapsed()),
        }
    }
}

/// A clock that goes on while the machine is suspended, which tokio's does not.
#[derive(Clone, Copy, Debug)]
pub enum BootClock {
    /// The system's: the time since it was started.
    System,
    /// As tokio's goes, from here: for tests, which move that by hand.
    From(Instant),
}

impl BootClock {
    /// What it shows.
    #[must_use]
    pub fn now(self) -> Duration {
        match self {
            Self::System => {
                let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
                // Neither is ever negative.
                let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
                let nanoseconds = u32::try_from(now.tv_nsec).unwrap_or_default();
                Duration::new(seconds, nanoseconds)
            }
            Self::From(start) => start.elapsed(),
        }
    }
}
