//! What gates tell each other directly, for people: whose locks they have, and which session is to
//! end. Sealed, since the engine is not popgate's; a message that is lost is missing in an answer,
//! and nothing else.

use super::protocol::GateId;
use serde::{Deserialize, Serialize};

/// A message from one gate to another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum GateMessage {
    /// Tell me your locks.
    AskLocks {
        /// Comes back with the answer.
        question: u64,
        /// Who asks.
        from: String,
        /// At most so many.
        max: usize,
    },
    /// A part of them.
    Locks {
        /// The question's.
        question: u64,
        /// Who answers.
        from: String,
        /// Locks as the admin port shows them, in JSON.
        locks: Vec<serde_json::Value>,
        /// Whether this is the last part.
        is_last: bool,
        /// Locks that are in no part.
        left_out: usize,
    },
    /// End this session.
    Kick {
        /// Comes back with the answer.
        question: u64,
        /// Who asks.
        from: String,
        /// The session's number at the gate that is told.
        session: u64,
        /// What the operator said, for the record.
        reason: Option<String>,
    },
    /// What became of it.
    Kicked {
        /// The question's.
        question: u64,
        /// Who answers.
        from: String,
        /// As the admin port says it.
        outcome: String,
    },
}

impl GateMessage {
    /// As octets, to be sealed.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// From octets that were sealed.
    #[must_use]
    pub fn decode(octets: &[u8]) -> Option<Self> {
        serde_json::from_slice(octets).ok()
    }

    /// The gate that sent it.
    #[must_use]
    pub fn sender(&self) -> Option<GateId> {
        let (Self::AskLocks { from, .. }
        | Self::Locks { from, .. }
        | Self::Kick { from, .. }
        | Self::Kicked { from, .. }) = self;
        GateId::parse(from.as_bytes())
    }
}
