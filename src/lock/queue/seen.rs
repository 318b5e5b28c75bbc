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

/// How far waits have come: of several waiters the most of each. All is zero where nobody waits.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct WaitProgress {
    /// How long the oldest waiter has waited.
    pub longest: Duration,
    /// Which part of its wait is spent of the waiter that is nearest to the end of it: 0 to 1.
    pub spent: f64,
}

impl WaitProgress {
    fn of(since: Instant, until: Instant, now: Instant) -> Self {
        let waited = now.duration_since(since);
        let budget = until.duration_since(since);
        let spent = if budget.is_zero() {
            1.0
        } else {
            waited.div_duration_f64(budget).min(1.0)
        };
        Self {
            longest: waited,
            spent,
        }
    }

    /// The most of both.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self {
            longest: self.longest.max(other.longest),
            spent: self.spent.max(other.spent),
        }
    }
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

    /// How far the waits of now have come.
    #[must_use]
    pub fn wait_progress(&self, now: Instant) -> WaitProgress {
        self.line()
            .map(|waiter| WaitProgress::of(waiter.since, waiter.request.until, now))
            .fold(WaitProgress::default(), WaitProgress::max)
    }
}
