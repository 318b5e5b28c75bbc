//! The other gates of a cluster.

use super::model::{ClusterInfo, LockInfo};
use crate::cluster::messages::LocksWanted;
use crate::gate::Kick;
use crate::ids::SessionId;
use crate::net::BoxFuture;
use crate::observe::event::Operator;
use std::collections::HashSet;

/// What of the other gates can be seen, and done there.
pub trait ClusterAdmin: Send + Sync {
    /// How this gate stands with its cluster; none: it is alone.
    fn cluster(&self) -> Option<ClusterInfo>;

    /// The locks of all other gates, as far as they say them soon.
    fn locks_elsewhere<'a>(&'a self, wanted: &'a LocksWanted) -> BoxFuture<'a, LocksElsewhere>;

    /// Ends a session at the other gate of this name or identity.
    fn kick_elsewhere<'a>(
        &'a self,
        gate: &'a str,
        session: SessionId,
        operator: &'a Operator,
    ) -> BoxFuture<'a, KickElsewhere>;
}

/// What other gates said of their locks.
#[derive(Debug, Default, PartialEq)]
pub struct LocksElsewhere {
    /// Those that answered.
    pub gates: Vec<LocksOfGate>,
    /// The names of those that did not in time.
    pub unanswered: Vec<String>,
}

impl LocksElsewhere {
    /// Puts what was said later, of some maildrops, into the place of what was said of them before.
    pub fn renew(&mut self, later: Self) {
        for said in later.gates {
            let Some(before) = self.gates.iter_mut().find(|it| it.id == said.id) else {
                self.gates.push(said);
                continue;
            };
            let ids: HashSet<&str> = said.locks.iter().map(|it| &*it.id).collect();
            before.locks.retain(|it| !ids.contains(&*it.id));
            before.locks.extend(said.locks);
            before.left_out += said.left_out;
        }
        for silent in later.unanswered {
            if !self.unanswered.contains(&silent) {
                self.unanswered.push(silent);
            }
        }
    }
}

/// What one gate said of its locks.
#[derive(Debug, PartialEq)]
pub struct LocksOfGate {
    /// Its name.
    pub gate: String,
    /// Names its process among all gates.
    pub id: String,
    /// The locks.
    pub locks: Vec<LockInfo>,
    /// How many more it has of those that were wanted.
    pub left_out: usize,
}

/// What became of a kick at another gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KickElsewhere {
    /// That gate says this.
    Answered(Kick),
    /// It did not answer in time: it may have done it.
    Unanswered,
    /// There is none of this name; these are the names of those there are.
    NoSuchGate(Vec<String>),
    /// There are several of this name; these are their identities.
    SeveralGates(Vec<String>),
}
