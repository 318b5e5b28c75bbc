//! The seam to the engine: a connection to Redis or Valkey, or a model of it in tests.

#[cfg(test)]
pub(crate) mod played;

use super::protocol::{
    BeatAnswer, BeatCall, BlockPut, GateId, LastTurnAnswer, LastTurnCall, Push, StoredBlock,
    SyncAnswer, SyncCall,
};
use crate::net::BoxFuture;
use crate::observe::event::CallResult;
use crate::time::Duration;
use std::sync::Arc;

/// The answer to a call, once it is there. It does not borrow from the link.
pub type PendingCall<T> = BoxFuture<'static, Result<T, LinkError>>;

/// Why a call has no answer. It never means that something was denied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// It did not come in time; the call may have been carried out.
    #[error("the engine did not answer in time")]
    Timeout,
    /// There is no connection, or it ended; the call may have been carried out.
    #[error("the connection to the engine ended")]
    Disconnected,
    /// The engine answered with an error, in these words.
    #[error("the engine refused a call: {0}")]
    Refused(String),
}

impl LinkError {
    /// As metrics tell it.
    #[must_use]
    pub fn result(&self) -> CallResult {
        match self {
            Self::Timeout => CallResult::Timeout,
            Self::Disconnected => CallResult::Disconnected,
            Self::Refused(_) => CallResult::Refused,
        }
    }
}

/// One connection to one engine's server. Calls are sent in the order in which they are made, as
/// soon as their futures are first polled; each has a deadline of its own.
pub trait EngineLink: Send + Sync + 'static {
    /// Makes the connection for pushes anew: they do not come though they should.
    fn resubscribe(&self);

    /// States what the gate holds and wants at a maildrop.
    fn sync(&self, call: SyncCall) -> PendingCall<SyncAnswer>;

    /// Asks which turn was the last at a maildrop.
    fn last_turn(&self, call: LastTurnCall) -> PendingCall<LastTurnAnswer>;

    /// A sign of life.
    fn beat(&self, call: BeatCall) -> PendingCall<BeatAnswer>;

    /// The gate is gone from here on.
    fn leave(&self) -> PendingCall<()>;

    /// Puts changes of the block list, see `blocks.lua`. Answered is for each the entry that counts
    /// instead of it, if another one does.
    fn put_blocks(&self, puts: Vec<BlockPut>) -> PendingCall<Vec<Option<StoredBlock>>>;

    /// How much longer a password counts as accepted; `None`: it does not.
    fn accepted(&self, tag: u64) -> PendingCall<Option<Duration>>;

    /// A backend accepted a password.
    fn put_accepted(&self, tag: u64) -> PendingCall<()>;

    /// A backend refused a password.
    fn remove_accepted(&self, tag: u64) -> PendingCall<()>;

    /// Sends a sealed message to another gate; `false`: it does not hear.
    fn tell(&self, gate: GateId, sealed: Vec<u8>) -> PendingCall<bool>;
}

/// What is told of the link while it comes and goes.
pub enum LinkEvent {
    /// There is one.
    Up(Arc<dyn EngineLink>),
    /// The one before has ended, for this reason.
    Down(String),
    /// The engine answers, and does not let the gate in.
    Refused(String),
    /// A push came.
    Pushed(Push),
    /// What is wrong with the engine's settings, though it is used; empty: nothing.
    Doubted(String),
    /// So many pushes came before and were dropped, since nobody had looked at those before them.
    PushesDropped(u64),
}
