//! A place in the queue of a maildrop.

use super::BackendClose;
use super::guard::{Hold, LockGuard};
use super::queue::Ticket;
use super::store::{Ask, Shared};
use crate::ids::MaildropKey;
use crate::observe::event::LockOutcome;
use crate::time::Instant;
use std::sync::Arc;
use tokio::sync::watch;

/// What a seat in the queue has been told last.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// It waits: whether it is at the front of the main lane.
    Waiting { head: bool },
    /// It holds the lock, which came free at `at`.
    Granted { at: Instant },
    /// Its place went to another.
    Evicted,
    /// The backend refused its password, given by another session, in these words or without any.
    Refused(Option<Arc<[u8]>>),
}

/// What happened to a waiter.
pub enum Turn<C: BackendClose> {
    /// It holds the lock.
    Granted(LockGuard<C>),
    /// It moved to the main lane, or to the front of it.
    Moved,
    /// Its place went to another.
    Evicted,
    /// The backend refused its password, given by another session, in these words or without any.
    Refused(Option<Arc<[u8]>>),
}

/// A place in a queue. Dropping it leaves the queue: as a stop does, or a panic.
pub struct Waiting<C: BackendClose> {
    shared: Arc<Shared<C>>,
    ask: Ask,
    ticket: Ticket,
    since: Instant,
    place: watch::Receiver<Place>,
    contended: watch::Receiver<bool>,
    /// Told when the place is given up, if nothing else was told before.
    outcome: Option<LockOutcome>,
}

impl<C: BackendClose> Waiting<C> {
    pub(super) fn new(
        shared: Arc<Shared<C>>,
        ask: Ask,
        ticket: Ticket,
        since: Instant,
        place: watch::Receiver<Place>,
        contended: watch::Receiver<bool>,
    ) -> Self {
        let outcome = Some(LockOutcome::Shutdown);
        Self {
            shared,
            ask,
            ticket,
            since,
            place,
            contended,
            outcome,
        }
    }

    /// Waits until something happens to this place. Cancel-safe. After anything but
    /// [`Turn::Moved`] the place is gone.
    pub async fn turn(&mut self) -> Turn<C> {
        // The sender lives in the store as long as the place waits; without it the place is
        // settled, and its last word is still there to read.
        let _ = self.place.changed().await;
        let place = self.place.borrow_and_update().clone();
        match place {
            Place::Waiting { .. } => Turn::Moved,
            Place::Granted { at } => Turn::Granted(self.granted(at)),
            Place::Evicted => {
                self.end(LockOutcome::Evicted);
                Turn::Evicted
            }
            Place::Refused(line) => {
                self.end(LockOutcome::Refused);
                Turn::Refused(line)
            }
        }
    }

    /// Whether it is at the front of the main lane and no connection is ready for it.
    #[must_use]
    pub fn wants_spare(&self) -> bool {
        let is_head = matches!(*self.place.borrow(), Place::Waiting { head: true });
        is_head && !self.shared.has_spare(&self.ask.key)
    }

    /// What it waits for.
    #[must_use]
    pub fn key(&self) -> &MaildropKey {
        &self.ask.key
    }

    /// Keeps a greeted connection for whoever is next.
    pub fn keep_spare(&self, connection: C) {
        self.shared
            .keep_spare(&self.ask.key, self.ticket, connection);
    }

    /// Leaves the queue for `outcome`.
    pub fn leave(mut self, outcome: LockOutcome) {
        self.outcome = Some(outcome);
    }

    pub(super) fn tell_queued(&self, ahead: usize) {
        self.shared.queued(&self.ask, ahead);
    }

    fn granted(&mut self, freed_at: Instant) -> LockGuard<C> {
        let hold = Hold::new(
            Arc::clone(&self.shared),
            &self.ask,
            self.ticket,
            Instant::now(),
        );
        self.end(LockOutcome::Waited);
        LockGuard::new(hold, self.contended.clone(), Some(freed_at))
    }

    fn end(&mut self, outcome: LockOutcome) {
        self.outcome = None;
        self.shared
            .outcome(&self.ask, outcome, self.since.elapsed());
    }
}

impl<C: BackendClose> Drop for Waiting<C> {
    fn drop(&mut self) {
        if let Some(outcome) = self.outcome {
            self.shared.withdraw(&self.ask.key, self.ticket);
            self.shared
                .outcome(&self.ask, outcome, self.since.elapsed());
        }
    }
}
