//! An engine that a test plays, as far as the test asks it something.

use super::super::protocol::{
    BeatAnswer, BeatCall, BlockPut, ClusterReport, Epoch, GateId, LastTurnAnswer, LastTurnCall,
    StoredBlock, SyncAnswer, SyncCall,
};
use super::{EngineLink, PendingCall};
use crate::time::Duration;
use std::future::{pending, ready};

/// What an engine answers; what a test does not play is never answered, but that a gate leaves.
pub(crate) trait Plays: Send + Sync + 'static {
    fn last_turn(&self, _: LastTurnCall) -> PendingCall<LastTurnAnswer> {
        Box::pin(pending())
    }

    fn beat(&self, _: BeatCall) -> PendingCall<BeatAnswer> {
        Box::pin(pending())
    }

    fn leave(&self) -> PendingCall<()> {
        Box::pin(ready(Ok(())))
    }

    fn put_blocks(&self, _: Vec<BlockPut>) -> PendingCall<Vec<Option<StoredBlock>>> {
        Box::pin(pending())
    }

    fn put_accepted(&self, _: u64) -> PendingCall<()> {
        Box::pin(pending())
    }

    fn remove_accepted(&self, _: u64) -> PendingCall<()> {
        Box::pin(pending())
    }

    fn tell(&self, _: GateId, _: Vec<u8>) -> PendingCall<bool> {
        Box::pin(pending())
    }
}

/// The link to it.
pub(crate) struct PlayedLink<T>(pub(crate) T);

impl<T: Plays> EngineLink for PlayedLink<T> {
    fn resubscribe(&self) {}

    fn sync(&self, _: SyncCall) -> PendingCall<SyncAnswer> {
        Box::pin(pending())
    }

    fn last_turn(&self, call: LastTurnCall) -> PendingCall<LastTurnAnswer> {
        self.0.last_turn(call)
    }

    fn beat(&self, call: BeatCall) -> PendingCall<BeatAnswer> {
        self.0.beat(call)
    }

    fn leave(&self) -> PendingCall<()> {
        self.0.leave()
    }

    fn put_blocks(&self, puts: Vec<BlockPut>) -> PendingCall<Vec<Option<StoredBlock>>> {
        self.0.put_blocks(puts)
    }

    fn accepted(&self, _: u64) -> PendingCall<Option<Duration>> {
        Box::pin(pending())
    }

    fn put_accepted(&self, tag: u64) -> PendingCall<()> {
        self.0.put_accepted(tag)
    }

    fn remove_accepted(&self, tag: u64) -> PendingCall<()> {
        self.0.remove_accepted(tag)
    }

    fn tell(&self, gate: GateId, sealed: Vec<u8>) -> PendingCall<bool> {
        self.0.tell(gate, sealed)
    }
}

/// What it says to a sign of life in its first epoch, where nobody else is there.
pub(crate) fn report() -> ClusterReport {
    ClusterReport {
        epoch: Epoch {
            run_id: "run".into(),
            number: 1,
        },
        epoch_age: Duration::from_secs(60),
        is_heard: true,
        is_continued: true,
        members: Vec::new(),
        blocks_version: 0,
        blocks: Vec::new(),
    }
}
