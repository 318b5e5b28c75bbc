//! What the events of `/api/v1/locks/events` hold, where it is no type of the other answers.

use super::{GateStatus, LockInfo};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The event `snapshot`: all that a reader needs to begin with, or to begin anew.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LocksAtOnce {
    /// The gate at a glance.
    pub status: GateStatus,
    /// The locks, those first whose waiters have waited longest.
    pub locks: Vec<LockInfo>,
    /// How many locks there are beside these.
    pub left_out: usize,
}

/// The event `missed`: changes were lost, and a snapshot follows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MissedInfo {
    /// Why, in a sentence.
    pub why: String,
}
