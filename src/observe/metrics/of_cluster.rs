//! The series of a gate that shares its maildrops with others.

use super::families::Families;
use super::of_tenant::children;
use crate::observe::event::{
    BlocksDirection, CallResult, ClusterEvent, ClusterState, EngineCall, TurnResult,
};
use crate::time::Duration;
use prometheus::{Histogram, IntCounter, IntGauge};

/// Of families with one series.
const NO_LABELS: &[&str] = &[];

/// The handles, resolved once: each session asks the engine twice.
pub(super) struct OfCluster {
    states: Vec<IntGauge>,
    members: IntGauge,
    /// By call, then by result.
    calls: Vec<Vec<IntCounter>>,
    took: Vec<Histogram>,
    turns: Vec<IntCounter>,
    overlaps: IntCounter,
    epochs: IntCounter,
    pushes_dropped: IntCounter,
    block_changes: Vec<IntCounter>,
}

impl OfCluster {
    pub(super) fn new(families: &Families) -> Self {
        Self {
            states: children(ClusterState::ALL, |state| {
                families.cluster_state.with_label_values(&[state.as_str()])
            }),
            members: families.cluster_members.with_label_values(NO_LABELS),
            calls: children(EngineCall::ALL, |call| {
                children(CallResult::ALL, |result| {
                    let calls = &families.cluster_calls;
                    calls.with_label_values(&[call.as_str(), result.as_str()])
                })
            }),
            took: children(EngineCall::ALL, |call| {
                families.cluster_call.with_label_values(&[call.as_str()])
            }),
            turns: children(TurnResult::ALL, |result| {
                families.cluster_turns.with_label_values(&[result.as_str()])
            }),
            overlaps: families.cluster_overlaps.with_label_values(NO_LABELS),
            epochs: families.cluster_epochs.with_label_values(NO_LABELS),
            pushes_dropped: families.cluster_pushes_dropped.with_label_values(NO_LABELS),
            block_changes: children(BlocksDirection::ALL, |direction| {
                let changes = &families.cluster_block_changes;
                changes.with_label_values(&[direction.as_str()])
            }),
        }
    }

    pub(super) fn count(&self, event: &ClusterEvent) {
        match event {
            ClusterEvent::StateChanged { state, .. } => self.set_state(*state),
            ClusterEvent::Called { call, result, took } => self.called(*call, *result, *took),
            ClusterEvent::Turn(result) => self.turns[*result as usize].inc(),
            ClusterEvent::Overlap { .. } => self.overlaps.inc(),
            ClusterEvent::EpochBegan { .. } => self.epochs.inc(),
            ClusterEvent::PushesDropped { count } => self.pushes_dropped.inc_by(*count),
            ClusterEvent::GateJoined { members, .. } | ClusterEvent::GateLeft { members, .. } => {
                self.members
                    .set(i64::try_from(*members).unwrap_or(i64::MAX));
            }
            // Told once for each gate, or once a minute: a line in the log and no figure.
            ClusterEvent::SettingsDiffer { .. }
            | ClusterEvent::ClocksApart { .. }
            | ClusterEvent::EngineDoubted { .. } => {}
            ClusterEvent::BlocksShared { direction, changes } => {
                self.block_changes[*direction as usize].inc_by(*changes as u64);
            }
        }
    }

    fn set_state(&self, now: ClusterState) {
        for (state, gauge) in ClusterState::ALL.iter().zip(&self.states) {
            gauge.set(i64::from(*state == now));
        }
    }

    fn called(&self, call: EngineCall, result: CallResult, took: Duration) {
        self.calls[call as usize][result as usize].inc();
        // One that was not answered says nothing of how long the engine takes.
        if result == CallResult::Answered {
            self.took[call as usize].observe(took.as_secs_f64());
        }
    }
}
