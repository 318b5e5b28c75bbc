//! How the gate stands in its cluster, for sessions, probes and people.

use super::member::{ClusterState, OnOutage};
use super::protocol::{Epoch, GateId};
use std::sync::Arc;

/// How the gate stands in its cluster.
#[derive(Clone, Debug)]
pub struct ClusterStatus {
    /// This gate.
    pub gate: GateId,
    /// How it stands with the engine.
    pub state: ClusterState,
    /// The life of the engine's memory; `None`: it has not been reached yet. A lease of one before
    /// is over by then.
    pub epoch: Option<Epoch>,
    /// Why, for the operator; empty where it is as it should be.
    pub why: String,
    /// What is wrong with the engine's settings, though it is used; empty: nothing.
    pub doubt: String,
    /// The gates that live, as the engine said last.
    pub gates: Vec<GateSeen>,
    /// A digest of this gate's settings that should be the same everywhere.
    pub settings: Arc<str>,
    /// What the gate does while the engine is away.
    pub on_outage: OnOutage,
}

/// A gate of the cluster, as others see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GateSeen {
    /// It.
    pub gate: GateId,
    /// What its operator calls it.
    pub name: String,
    /// A digest of its settings that should be the same everywhere.
    pub settings: Arc<str>,
}

impl ClusterStatus {
    /// Whether new logins are refused: nobody could say whether another gate is in their maildrop.
    #[must_use]
    pub fn refuses_logins(&self) -> bool {
        match self.state {
            ClusterState::Excluded => true,
            ClusterState::Degraded => self.on_outage == OnOutage::Refuse,
            ClusterState::Joining
            | ClusterState::Healthy
            | ClusterState::Suspect
            | ClusterState::Reconciling => false,
        }
    }

    /// Why clients should go to another gate; `None`: they need not.
    #[must_use]
    pub fn unready(&self) -> Option<String> {
        let is_unready = self.state == ClusterState::Joining || self.refuses_logins();
        is_unready.then(|| format!("cluster {}: {}", self.state.as_str(), self.why))
    }
}
