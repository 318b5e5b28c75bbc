//! The gate as a whole.

use super::{ClusterInfo, JournalInfo};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The gate at a glance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GateStatus {
    /// The version of popgate.
    pub version: String,
    /// When it started. A client that sees another time than before talks to a new process.
    #[schema(value_type = String, format = DateTime)]
    pub started: Timestamp,
    /// Now, by the gate's clock.
    #[schema(value_type = String, format = DateTime)]
    pub now: Timestamp,
    /// `serving`; or, where it is stopping, `draining`, `closing` or `closed`.
    pub stage: String,
    /// Whether a client that connects now is greeted.
    pub ready: bool,
    /// Why it is not.
    pub not_ready: Option<String>,
    /// Which events are logged: `error`, `warn`, `info`, `debug`, `trace`, or a filter.
    pub log_level: String,
    /// Connections of clients.
    pub sessions: SessionTotals,
    /// Locks and those that wait for them.
    pub locks: LockTotals,
    /// Logins refused since the start.
    pub refusals: RefusalTotals,
    /// Logins that the backend accepted since the start.
    pub logins: u64,
    /// The backends.
    pub backends: BackendTotals,
    /// The block list.
    pub blocks: BlockTotals,
    /// What is paused.
    pub paused: PausedInfo,
    /// Where the history is kept.
    pub journal: JournalInfo,
    /// How it stands with the other gates of its cluster; none where it is alone.
    pub cluster: Option<ClusterInfo>,
}

/// Connections of clients.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SessionTotals {
    /// How many are open.
    pub open: usize,
    /// How many may be open at a time.
    pub max: usize,
    /// Of those that are open: how many are logged in on a listing, without their maildrop.
    pub viewing: usize,
}

/// Locks, and those that wait for them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LockTotals {
    /// Locks that are held.
    pub held: usize,
    /// Logins that wait.
    pub waiting: usize,
    /// Maildrops where somebody waits.
    pub contended: usize,
    /// How long the one that waits longest has waited; 0 where nobody waits.
    pub longest_wait_seconds: f64,
}

/// Logins refused since the start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RefusalTotals {
    /// Because they did not get the lock: the wait was spent, whatever it was for, or there was no
    /// place in the queue.
    pub lock: u64,
    /// Because the backend refused the name or the password.
    pub auth: u64,
    /// Because of a limit or a block of popgate.
    pub rule: u64,
}

/// The backends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BackendTotals {
    /// How many can be reached.
    pub up: usize,
    /// How many there are.
    pub total: usize,
}

/// The block list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BlockTotals {
    /// Entries that block.
    pub blocked: usize,
    /// Entries that are released.
    pub released: usize,
}

/// What is paused.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PausedInfo {
    /// Tenants whose logins wait.
    pub tenants: Vec<String>,
    /// Backends whose logins wait.
    pub backends: Vec<String>,
}
