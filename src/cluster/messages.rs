//! What gates tell each other directly, for people: whose locks they have, and which session is to
//! end. Sealed, since the engine is not popgate's; a message that is lost is missing in an answer,
//! and nothing else.
//!
//! Whoever runs the engine can send a sealed message again. It names the gate that it is for and
//! when it was sent, and is not read by another gate, nor later than [`CLUSTER_MESSAGE_AGE`]. What
//! remains: within these seconds a question can be repeated, which costs the work of an answer that
//! nobody waits for, and a kick, which finds its session gone, since a gate gives no number twice
//! and names itself anew with each start. Messages can also be kept back. Gates whose clocks are
//! further apart than that do not hear each other.

use super::protocol::GateId;
use crate::limits::CLUSTER_MESSAGE_AGE;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::net::SocketAddr;

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
        /// Which.
        #[serde(flatten)]
        wanted: LocksWanted,
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
        /// The address of the operator, at the gate that asks.
        operator: SocketAddr,
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

/// Which locks a gate asks another one for: what is not wanted is not sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LocksWanted {
    /// At most so many, those with the longest waits.
    pub max: usize,
    /// Only those that somebody waits for at the gate that is asked.
    pub contended: bool,
    /// Only those of maildrops with this in their name, in any case.
    pub maildrop: Option<String>,
    /// Only those of these ids.
    pub ids: Option<HashSet<String>>,
}

/// What is sealed.
#[derive(Serialize, Deserialize)]
struct Envelope<M> {
    to: String,
    sent: Timestamp,
    message: M,
}

impl GateMessage {
    /// As octets, to be sealed.
    #[must_use]
    pub fn encode(&self, to: GateId, now: Timestamp) -> Vec<u8> {
        let envelope = Envelope {
            to: to.to_string(),
            sent: now,
            message: self,
        };
        serde_json::to_vec(&envelope).unwrap_or_default()
    }

    /// From octets that were sealed, at the gate `me`; `None` also where it is for another gate, or
    /// of another time.
    #[must_use]
    pub fn decode(octets: &[u8], me: GateId, now: Timestamp) -> Option<Self> {
        let envelope: Envelope<Self> = serde_json::from_slice(octets).ok()?;
        let apart = now.duration_since(envelope.sent).unsigned_abs();
        (envelope.to == me.to_string() && apart <= CLUSTER_MESSAGE_AGE).then_some(envelope.message)
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

    /// The number of the question that it is, or answers.
    #[must_use]
    pub fn question(&self) -> u64 {
        let (Self::AskLocks { question, .. }
        | Self::Locks { question, .. }
        | Self::Kick { question, .. }
        | Self::Kicked { question, .. }) = self;
        *question
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Duration;

    #[test]
    fn a_message_is_for_one_gate_and_for_some_seconds() {
        let message = GateMessage::AskLocks {
            question: 7,
            from: "0102030405060708".to_owned(),
            wanted: LocksWanted {
                max: 3,
                ids: Some(HashSet::from(["legacy/ann".to_owned()])),
                ..LocksWanted::default()
            },
        };
        let me = GateId([1; 8]);
        let sent: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        let octets = message.encode(me, sent);
        let heard = |gate, now| GateMessage::decode(&octets, gate, now);
        assert_eq!(heard(me, sent), Some(message.clone()));
        assert_eq!(heard(GateId([2; 8]), sent), None);
        let late = CLUSTER_MESSAGE_AGE + Duration::from_millis(1);
        for (apart, is_heard) in [(CLUSTER_MESSAGE_AGE, true), (late, false)] {
            assert_eq!(heard(me, sent + apart).is_some(), is_heard, "{apart:?}");
            assert_eq!(heard(me, sent - apart).is_some(), is_heard, "-{apart:?}");
        }
        assert_eq!(GateMessage::decode(b"{}", me, sent), None);
    }
}
