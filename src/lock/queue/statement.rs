//! What a queue says of itself where other gates serve the same maildrop.

use super::{Lane, LockQueue, Waiter};
use crate::time::Instant;
use std::collections::VecDeque;

/// All that a gate has and wants at a maildrop. It is a state: whoever carries it to others may
/// miss steps between.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statement {
    /// The holder here.
    pub holder: Option<HolderStatement>,
    /// The main lane here, if somebody waits in it.
    pub main: Option<LaneStatement>,
    /// The unproven lane here, if somebody waits in it.
    pub unproven: Option<LaneStatement>,
}

/// A holder, for other gates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HolderStatement {
    /// The lane that it was served from.
    pub lane: Lane,
    /// When it was granted the lock.
    pub since: Instant,
    /// Whether its password may have been written: it is in the maildrop until its backend's end.
    pub has_begun: bool,
}

/// A lane, for other gates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneStatement {
    /// When its oldest waiter asked.
    pub since: Instant,
    /// When the oldest waiter is past half of its wait.
    pub half: Instant,
    /// When the last of its waits ends.
    pub until: Instant,
}

impl Statement {
    /// Whether there is nothing to be said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl LockQueue {
    /// All that this gate has and wants at the maildrop.
    #[must_use]
    pub fn statement(&self) -> Statement {
        Statement {
            holder: self.holder.as_ref().map(|holder| HolderStatement {
                lane: holder.holding.lane,
                since: holder.holding.since,
                has_begun: holder.has_begun,
            }),
            main: LaneStatement::of(&self.main),
            unproven: LaneStatement::of(&self.unproven),
        }
    }
}

impl LaneStatement {
    fn of(lane: &VecDeque<Waiter>) -> Option<Self> {
        let oldest = lane.front()?;
        let until = lane.iter().map(|waiter| waiter.request.until).max()?;
        Some(Self {
            since: oldest.since,
            half: oldest.half(),
            until,
        })
    }
}
