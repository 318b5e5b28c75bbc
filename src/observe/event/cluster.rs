//! What happens between the gates of a cluster.

pub use crate::cluster::member::ClusterState;
use crate::ids::MaildropKey;
use crate::str_enum::str_enum;
use crate::time::Duration;
use jiff::SignedDuration;

/// Something happened between this gate and the others.
#[derive(Clone, Debug)]
pub enum ClusterEvent {
    /// The gate stands otherwise with the engine.
    StateChanged {
        /// How it stands now.
        state: ClusterState,
        /// Why, for the operator; empty where it is as it should be.
        why: String,
    },
    /// The engine was asked.
    Called {
        /// What.
        call: EngineCall,
        /// How it ended.
        result: CallResult,
        /// From the sending to the answer, or to the end of the time for it.
        took: Duration,
    },
    /// A turn at a maildrop was given or lost.
    Turn(TurnResult),
    /// A session of this gate is in a maildrop that another gate holds, too.
    Overlap {
        /// The maildrop.
        key: MaildropKey,
    },
    /// The engine's memory began anew: a restart, a failover, or a loss of it.
    EpochBegan {
        /// Counts them.
        number: u64,
    },
    /// A gate is there that was not.
    GateJoined {
        /// What it is called.
        gate: String,
        /// How many there are now.
        members: usize,
    },
    /// A gate is gone.
    GateLeft {
        /// What it was called.
        gate: String,
        /// How many there are now.
        members: usize,
    },
    /// A gate has other settings than this one where both should have the same.
    SettingsDiffer {
        /// What it is called.
        gate: String,
    },
    /// Something is wrong with the engine's settings, though it is used; or not any more.
    EngineDoubted {
        /// What; empty: nothing is.
        why: String,
    },
    /// A message of another gate was not read: by this gate's clock it is of another time.
    ClocksApart {
        /// What the other one is called.
        gate: String,
        /// How long ago it was sent by the clock of this gate; below 0: it is still to be sent.
        age: SignedDuration,
    },
    /// Pushes of the engine were dropped: more came than the gate kept up with.
    PushesDropped {
        /// How many.
        count: u64,
    },
    /// Changes of the block list came from other gates, or went to the engine.
    BlocksShared {
        /// Which way.
        direction: BlocksDirection,
        /// How many.
        changes: usize,
    },
}

str_enum! {
    /// What the engine is asked: the label `call` of `cluster_calls_total`.
    EngineCall {
        /// A statement about one maildrop.
        Sync = "sync",
        /// Which turn was the last at a maildrop.
        LastTurn = "last_turn",
        /// A sign of life.
        Beat = "beat",
        /// The end of a gate.
        Leave = "leave",
        /// Changes of the block list.
        Blocks = "blocks",
        /// Whether a password was accepted elsewhere, and that it was accepted or refused here.
        Acceptance = "acceptance",
        /// A message to another gate.
        Message = "message",
    }
}

str_enum! {
    /// How a call ended: the label `result` of `cluster_calls_total`.
    CallResult {
        /// It was answered.
        Answered = "answered",
        /// No answer came in time.
        Timeout = "timeout",
        /// There was no connection, or it ended.
        Disconnected = "disconnected",
        /// The engine answered with an error.
        Refused = "refused",
        /// It was not made: too many waited for the engine already.
        Dropped = "dropped",
    }
}

str_enum! {
    /// What became of a turn: the label `result` of `cluster_turns_total`.
    TurnResult {
        /// It was given to this gate.
        Granted = "granted",
        /// This gate's lease ran out, and another gate has the maildrop now.
        Lost = "lost",
    }
}

str_enum! {
    /// Which way changes of the block list go: the label of `cluster_block_changes_total`.
    BlocksDirection {
        /// From other gates.
        Received = "received",
        /// To the engine, which had not heard of them.
        Sent = "sent",
        /// Nowhere: too many waited for an engine that was away.
        Dropped = "dropped",
    }
}
