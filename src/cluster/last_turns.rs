//! Whether a session was the last in its maildrop: what it was shown may be shown again only if no
//! other one has begun since, at whichever gate.

use super::acceptance::EngineWatch;
use super::keys::ClusterKeys;
use super::link::{EngineLink, LinkError};
use super::member::ClusterState;
use super::protocol::{Epoch, LastTurnAnswer, LastTurnCall, TurnNumber};
use super::status::ClusterStatus;
use crate::ids::{MaildropKey, SessionTurn};
use crate::lock::shared::GateLease;
use crate::observe::event::{CallResult, ClusterEvent, EngineCall, Event};
use crate::observe::hub::EventHub;
use crate::time::Instant;
use std::sync::Arc;
use tokio::sync::watch;

/// Asks the engine which session was the last in a maildrop.
#[derive(Clone)]
pub struct LastTurns {
    keys: Arc<ClusterKeys>,
    lease: Arc<GateLease>,
    link: EngineWatch,
    status: watch::Receiver<ClusterStatus>,
    events: Arc<EventHub>,
}

impl LastTurns {
    /// Of the gate that has this lease.
    #[must_use]
    pub fn new(
        keys: &Arc<ClusterKeys>,
        lease: &Arc<GateLease>,
        link: EngineWatch,
        status: watch::Receiver<ClusterStatus>,
        events: &Arc<EventHub>,
    ) -> Self {
        Self {
            keys: Arc::clone(keys),
            lease: Arc::clone(lease),
            link,
            status,
            events: Arc::clone(events),
        }
    }

    /// Whether the engine says now that this turn of the gate's is the last of the maildrop. Where
    /// it says nothing within [`CLUSTER_CALL`](crate::limits::CLUSTER_CALL), or anything is in
    /// doubt, it is not.
    pub async fn is_last(&self, key: &MaildropKey, turn: SessionTurn) -> bool {
        let Some((engine, call)) = self.question(key, turn) else {
            return false;
        };
        let began = Instant::now();
        let answer = engine.last_turn(call).await;
        self.events.emit(Event::Cluster(ClusterEvent::Called {
            call: EngineCall::LastTurn,
            result: answer
                .as_ref()
                .map_or_else(LinkError::result, |_| CallResult::Answered),
            took: began.elapsed(),
        }));
        let last = LastTurnAnswer::Last(TurnNumber(turn.number));
        // The lease may have run out meanwhile.
        answer == Ok(last) && self.lease.is_valid(turn.lease)
    }

    fn question(
        &self,
        key: &MaildropKey,
        turn: SessionTurn,
    ) -> Option<(Arc<dyn EngineLink>, LastTurnCall)> {
        let epoch = self.epoch()?;
        // Behind the epoch: a turn of one before has no lease by then.
        if !self.lease.is_valid(turn.lease) {
            return None;
        }
        let maildrop = self.keys.maildrop_id(key);
        let engine = self.link.borrow().clone()?;
        Some((engine, LastTurnCall { maildrop, epoch }))
    }

    /// While the engine is well.
    fn epoch(&self) -> Option<Epoch> {
        let status = self.status.borrow();
        let is_well = status.state == ClusterState::Healthy;
        status.epoch.clone().filter(|_| is_well)
    }
}

#[cfg(test)]
mod tests;
