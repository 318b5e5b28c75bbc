//! The recent past, for charts.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The last 15 minutes of the gate, a value for each interval, the oldest first. All lists are
/// equally long; a value is `null` where the gate did not run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Samples {
    /// From one value to the next.
    pub interval_seconds: f64,
    /// When the last value of each list was taken; none before the first.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub newest: Option<Timestamp>,
    /// Connections of clients.
    pub sessions: Vec<Option<u64>>,
    /// Locks that were held.
    pub locks_held: Vec<Option<u64>>,
    /// Logins that waited.
    pub waiting: Vec<Option<u64>>,
    /// How long the one that waited longest had waited.
    pub longest_wait_seconds: Vec<Option<f64>>,
    /// Logins refused within the interval.
    pub refusals: Vec<Option<u64>>,
    /// Logins that the backend accepted within the interval.
    pub logins: Vec<Option<u64>>,
}
