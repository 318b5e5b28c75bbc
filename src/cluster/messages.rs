//! What gates tell each other directly, for people: whose locks they have, and which session is to
//! end. Sealed, since the engine is not popgate's; a message that is lost is missing in an answer,
//! and nothing else.
//!
//! Whoever runs the engine can send a sealed message again. It names the gate that it is for and
//! when it was sent, and is not read by another gate, nor later than [`CLUSTER_MESSAGE_AGE`]. What
//! remains: within these seconds a question can be repeated, which costs the work of an answer that
//! nobody waits for, and a kick, which finds its session gone, since a gate gives no number twice
//! and names itself anew with each start. Messages can also be kept back. Gates whose clocks are
//! further apart than that do not hear each other, and say so.

use super::protocol::GateId;
use crate::limits::CLUSTER_MESSAGE_AGE;
use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};
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
    /// Only those that a login of this tenant holds or waits for at the gate that is asked.
    pub tenant: Option<String>,
    /// Only those that a client of this network holds or waits for there, of that tenant.
    pub address: Option<IpNet>,
    /// Only those of maildrops that are on this backend, or may be where that is not known there.
    pub backend: Option<String>,
    /// Only those of these ids.
    pub ids: Option<HashSet<String>>,
}

/// Why a message is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnreadMessage {
    /// It is none, or for another gate.
    NotForUs,
    /// It is of another time.
    Stale {
        /// Who sent it.
        from: GateId,
        /// How long ago by the clock of this gate; below 0: it is still to be sent.
        age: SignedDuration,
    },
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

    /// From octets that were sealed, at the gate `me`.
    ///
    /// # Errors
    /// It is not for this gate, or of another time.
    pub fn decode(octets: &[u8], me: GateId, now: Timestamp) -> Result<Self, UnreadMessage> {
        let read = serde_json::from_slice(octets);
        let Envelope::<Self> { to, sent, message } = read.map_err(|_| UnreadMessage::NotForUs)?;
        let from = message.sender().filter(|_| to == me.to_string());
        let from = from.ok_or(UnreadMessage::NotForUs)?;
        let age = now.duration_since(sent);
        if age.unsigned_abs() > CLUSTER_MESSAGE_AGE {
            return Err(UnreadMessage::Stale { from, age });
        }
        Ok(message)
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
        assert_eq!(heard(me, sent), Ok(message.clone()));
        assert_eq!(heard(GateId([2; 8]), sent), Err(UnreadMessage::NotForUs));
        let most = SignedDuration::try_from(CLUSTER_MESSAGE_AGE).unwrap();
        let late = most + SignedDuration::from_millis(1);
        for age in [most, -most] {
            assert_eq!(heard(me, sent + age), Ok(message.clone()), "{age:?}");
        }
        for age in [late, -late] {
            let from = GateId([1, 2, 3, 4, 5, 6, 7, 8]);
            let stale = UnreadMessage::Stale { from, age };
            assert_eq!(heard(me, sent + age), Err(stale));
            let other = heard(GateId([2; 8]), sent + age);
            assert_eq!(other, Err(UnreadMessage::NotForUs), "whatever its age");
        }
        let nonsense = GateMessage::decode(b"{}", me, sent);
        assert_eq!(nonsense, Err(UnreadMessage::NotForUs));
    }
}
