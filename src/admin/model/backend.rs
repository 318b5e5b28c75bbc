//! Backends.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Whether a backend can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum BackendStateWord {
    /// It has not been looked at yet.
    Unknown,
    /// It can be reached.
    Up,
    /// It cannot be reached.
    Down,
}

/// A POP3 server behind the gate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BackendInfo {
    /// Its name in the configuration.
    pub name: String,
    /// Its address in the configuration.
    pub address: String,
    /// Whether it can be reached.
    pub state: BackendStateWord,
    /// Why it cannot be reached.
    pub why: Option<String>,
    /// Whether logins to it wait until it is resumed.
    pub paused: bool,
    /// Connections to it that are open.
    pub connections: usize,
    /// How many may be open at a time; none where there is no limit.
    pub connections_max: Option<usize>,
}
