//! Tenants.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A tenant, and how its users fare now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TenantInfo {
    /// Its name in the configuration.
    pub name: String,
    /// Its domains, as in the configuration.
    pub domains: Vec<String>,
    /// Its backends, in order of preference.
    pub backends: Vec<String>,
    /// Whether its logins wait until it is resumed.
    pub paused: bool,
    /// Sessions that are open.
    pub sessions: usize,
    /// Locks that are held.
    pub locks_held: usize,
    /// Logins that wait for a lock.
    pub waiting: usize,
    /// How long the one that waits longest has waited; 0 where nobody waits.
    pub longest_wait_seconds: f64,
    /// How long a login may wait at most.
    pub wait_seconds: f64,
}
