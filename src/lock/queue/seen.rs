//! A queue as others see it: its holder, and all that wait in their order.

use super::{Lane, LockQueue, Ticket};
use crate::time::{Duration, Instant};

/// The holder of a lock, as others see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holding {
    /// The holder.
    pub ticket: Ticket,
    /// The lane that it was served from, or would have waited in.
    pub lane: Lane,
    /// When it was granted the lock.
    pub since: Instant,
}

/// A place in a lane, as others see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The waiter.
    pub ticket: Ticket,
    /// Its lane.
    pub lane: Lane,
    /// When it asked.
    pub since: Instant,
    /// When its waiting ends.
    pub until: Instant,
}

impl LockQueue {
    /// The holder, and since when.
    #[must_use]
    pub fn holding(&self) -> Option<Holding> {
        self.holder.as_ref().map(|holder| holder.holding)
    }

    /// All that wait, the whole main lane before the unproven one.
    pub fn waiting(&self) -> impl Iterator<Item = Waiting> {
        self.line().map(|waiter| Waiting {
            ticket: waiter.request.ticket,
            lane: waiter.request.lane,
            since: waiter.since,
            until: waiter.request.until,
        })
    }

    /// How many wait before `ticket`, the whole main lane before the unproven one; `None` if it
    /// does not wait.
    #[must_use]
    pub fn ahead_of(&self, ticket: Ticket) -> Option<usize> {
        self.line()
            .position(|waiter| waiter.request.ticket == ticket)
    }

    /// How long the oldest waiter of both lanes has waited; `None` if nobody waits.
    #[must_use]
    pub fn oldest_wait(&self, now: Instant) -> Option<Duration> {
        let since = self.line().map(|waiter| waiter.since).min()?;
        Some(now.duration_since(since))
    }
}
