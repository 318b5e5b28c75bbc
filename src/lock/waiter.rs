//! A place in the queue of a maildrop.

use super::BackendClose;
use super::claim::Claim;
use super::entry::{SeatState, Seated};
use super::guard::LockGuard;
use super::shared::TurnState;
use super::watch::WatchReader;
use crate::ids::MaildropKey;
use crate::observe::event::{LockChange, LockOutcome};
use crate::time::Instant;
use std::sync::Arc;

/// What happened to a waiter.
pub enum WaitEvent<C: BackendClose> {
    /// It holds the lock.
    Granted(LockGuard<C>),
    /// It moved to the main lane, or to the front of it; or the holder, whose password is the same,
    /// was shown a listing of the maildrop.
    Woken,
    /// Its place went to another.
    Evicted,
    /// The backend refused its password, given by another session, in these words or without any.
    Refused(Option<Arc<[u8]>>),
    /// The queue had lost it, by a fault of popgate that was counted.
    Broken,
}

/// A place in a queue. Dropping it leaves the queue: as a stop does, or a panic.
pub struct WaiterHandle<C: BackendClose> {
    claim: Claim<C>,
    since: Instant,
    ahead: usize,
    state: WatchReader<SeatState>,
    contended: WatchReader<bool>,
    turn: Option<tokio::sync::watch::Receiver<TurnState>>,
    /// What is told when the place is given up; `None` once it is told.
    outcome: Option<LockOutcome>,
}

impl<C: BackendClose> WaiterHandle<C> {
    pub(super) fn new(claim: Claim<C>, since: Instant, seated: Seated) -> Self {
        Self {
            claim,
            since,
            ahead: seated.ahead,
            state: seated.state,
            contended: seated.contended,
            turn: seated.turn,
            // Every other end of a wait says what it is.
            outcome: Some(LockOutcome::Shutdown),
        }
    }

    /// Waits until something happens to this place. Cancel-safe. After anything but
    /// [`WaitEvent::Woken`] the place is gone.
    pub async fn next_event(&mut self) -> WaitEvent<C> {
        // The sender lives in the table as long as the place waits; the last word of one that is
        // gone is read before its end is noticed.
        let Ok(state) = self.state.changed().await else {
            // All was read, and nobody would tell this waiter anything any more.
            return WaitEvent::Broken;
        };
        match state {
            SeatState::Waiting { .. } => {
                self.claim.tell_changed(LockChange::Moved);
                WaitEvent::Woken
            }
            SeatState::Granted { at } => WaitEvent::Granted(self.granted(at)),
            SeatState::Evicted => {
                self.end(LockOutcome::Evicted);
                WaitEvent::Evicted
            }
            SeatState::Refused(line) => {
                self.end(LockOutcome::Refused);
                WaitEvent::Refused(line)
            }
            // The drop withdraws it from wherever it may still be.
            SeatState::Broken => WaitEvent::Broken,
        }
    }

    /// Whether it is at the front of the main lane and no connection is ready for it.
    #[must_use]
    pub fn wants_prewarmed(&self) -> bool {
        self.is_head() && !self.claim.has_prewarmed()
    }

    /// Drops the connection that is ready, if it is for this place.
    pub fn give_up_prewarmed(&self) {
        if self.is_head() && self.claim.has_prewarmed() {
            drop(self.claim.take_prewarmed());
        }
    }

    fn is_head(&self) -> bool {
        self.state.get().is_head()
    }

    /// Waiters that were to be served before it when it came.
    #[must_use]
    pub fn ahead(&self) -> usize {
        self.ahead
    }

    /// What it waits for.
    #[must_use]
    pub fn key(&self) -> &MaildropKey {
        self.claim.key()
    }

    /// Keeps a greeted connection for whoever is next.
    pub fn keep_prewarmed(&self, connection: C) {
        self.claim.keep_prewarmed(connection);
    }

    /// Leaves the queue for `outcome`.
    pub fn leave(mut self, outcome: LockOutcome) {
        self.outcome = Some(outcome);
    }

    pub(super) fn tell_queued(&self) {
        self.claim.tell_queued(self.ahead);
    }

    fn granted(&mut self, freed_at: Instant) -> LockGuard<C> {
        // The guard is there before anybody is told: whatever becomes of the telling, it gives the
        // lock back.
        let guard = LockGuard::new(
            self.claim.clone(),
            Instant::now(),
            self.contended.clone(),
            self.claim.reader(self.turn.clone()),
            Some(freed_at),
        );
        self.end(LockOutcome::Waited);
        guard
    }

    fn end(&mut self, outcome: LockOutcome) {
        self.outcome = None;
        self.claim.tell_outcome(outcome, self.since.elapsed());
    }
}

impl<C: BackendClose> Drop for WaiterHandle<C> {
    fn drop(&mut self) {
        if let Some(outcome) = self.outcome {
            // Before it is told: a sink that panics must not leave the ticket in the queue.
            self.claim.withdraw();
            self.claim.tell_outcome(outcome, self.since.elapsed());
        }
    }
}
