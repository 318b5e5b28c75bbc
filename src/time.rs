//! The one clock: tokio's, so that tests move it by hand.

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
