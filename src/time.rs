//! The one clock: tokio's, so that tests move it by hand.

pub use std::time::Duration;
pub use tokio::time::Instant;
