//! Several gates with one lock space.

use super::LockInfo;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How a gate stands with its cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClusterInfo {
    /// `joining`, `healthy`, `suspect`, `degraded`, `reconciling` or `excluded`.
    pub state: String,
    /// Why it is not `healthy`, or else what is wrong with its engine, in a sentence.
    pub why: Option<String>,
    /// The gates that are alive, as the engine said last; this one too.
    pub gates: Vec<GateInfo>,
}

/// A gate of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GateInfo {
    /// `name` in its `[cluster]`.
    pub name: String,
    /// Names this process among all gates: another one with each start.
    pub id: String,
    /// Whether it is the gate that answers.
    pub here: bool,
    /// Whether its settings differ from this gate's where all gates should have the same.
    pub settings_differ: bool,
}

/// Where a gate stands with its cluster, if it is in one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClusterAnswer {
    /// The cluster; none where the gate is alone, without `[cluster]`.
    pub cluster: Option<ClusterInfo>,
}

/// The lock of a maildrop at one of the gates. A maildrop has one holder among all of them, and a
/// queue at each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GateLock {
    /// The name of the gate; none where it is alone.
    pub gate: Option<String>,
    /// Names its process among all gates, as `id` of `GateInfo`; none where it is alone. Numbers
    /// of sessions are of one process.
    pub gate_id: Option<String>,
    /// The lock, as that gate shows it.
    pub lock: LockInfo,
}

/// Locks of all gates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ClusterLocks {
    /// The page.
    pub items: Vec<GateLock>,
    /// How many locks there are on all pages, without those that are left out.
    pub total: usize,
    /// How many come before the page.
    pub offset: usize,
    /// Locks that other gates have and did not send: a gate sends those with the longest waits, and
    /// no more than the pages up to this one need.
    pub left_out: usize,
    /// The names of the gates that did not answer in time.
    pub unanswered: Vec<String>,
    /// Whether there are other gates, by the configuration: without `[cluster]` there are none.
    pub has_cluster: bool,
}
