//! A login's ticket at its maildrop, by which a waiter or a holder speaks to the table.

use super::BackendClose;
use super::queue::{Input, Invariant, Ticket};
use super::shared::{TurnReader, TurnState};
use super::table::Table;
use crate::ids::{BackendName, MaildropKey};
use crate::observe::event::{Event, LockChange, LockEvent, LockOutcome};
use crate::policy::attempt::LoginAttempt;
use crate::time::{Duration, Instant};
use std::sync::Arc;
use tokio::sync::watch;

/// A login's ticket, and the table where it is good.
pub(super) struct Claim<C> {
    table: Arc<Table<C>>,
    attempt: Arc<LoginAttempt>,
    ticket: Ticket,
}

// Not derived, which would ask for `C: Clone`: a connection has no copy.
impl<C> Clone for Claim<C> {
    fn clone(&self) -> Self {
        Self {
            table: Arc::clone(&self.table),
            attempt: Arc::clone(&self.attempt),
            ticket: self.ticket,
        }
    }
}

impl<C: BackendClose> Claim<C> {
    pub(super) fn new(table: Arc<Table<C>>, attempt: Arc<LoginAttempt>, ticket: Ticket) -> Self {
        Self {
            table,
            attempt,
            ticket,
        }
    }

    pub(super) fn key(&self) -> &MaildropKey {
        &self.attempt.key
    }

    /// Gives up the ticket, whether it waits or was granted a moment ago: the queue ignores the
    /// input that does not fit.
    pub(super) fn withdraw(&self) {
        self.apply(Input::Withdraw, None);
        self.apply(Input::Release, None);
    }

    pub(super) fn release(&self) {
        self.apply(Input::Release, None);
    }

    /// The password is written now.
    pub(super) fn begin(&self) {
        self.apply(Input::Begin, None);
    }

    /// The backend connection has ended: nobody is in the maildrop.
    pub(super) fn pause(&self) {
        self.apply(Input::Pause, None);
    }

    /// What the guard reads before that, where other gates serve the maildrop, too.
    pub(super) fn reader(&self, turn: Option<watch::Receiver<TurnState>>) -> Option<TurnReader> {
        let lease = Arc::clone(&self.table.cluster.as_ref()?.lease);
        Some(TurnReader::new(turn?, lease))
    }

    pub(super) fn accepted(&self) {
        self.apply(Input::Accepted, None);
    }

    pub(super) fn refused(&self, line: Option<&[u8]>) {
        self.apply(Input::Refused, line.map(Arc::from).as_ref());
    }

    fn apply(&self, input: fn(Ticket) -> Input, line: Option<&Arc<[u8]>>) {
        self.table.apply(self.key(), input(self.ticket), line);
    }

    pub(super) fn keep_prewarmed(&self, connection: C) {
        self.table
            .keep_prewarmed(self.key(), self.ticket, connection);
    }

    pub(super) fn has_prewarmed(&self) -> bool {
        self.table.has_prewarmed(self.key())
    }

    pub(super) fn take_prewarmed(&self) -> Option<C> {
        self.table.take_prewarmed(self.key())
    }

    pub(super) fn home(&self) -> Option<BackendName> {
        self.table.home(self.key())
    }

    pub(super) fn settle_at(&self, backend: &BackendName) {
        if self.table.settle_at(self.key(), backend) {
            self.tell_changed(LockChange::Settled);
        }
    }

    pub(super) fn since_last_end(&self) -> Option<Duration> {
        self.table.since_last_end(self.key(), Instant::now())
    }

    /// The backend has let go of this login's session.
    pub(super) fn session_ended(&self) {
        self.table.ended(self.key(), Instant::now());
    }

    /// Runs until the connection of a guard has ended; the stop of the gate waits for it.
    pub(super) fn spawn_closer(
        &self,
        close: impl Future<Output = ()> + Send + 'static,
        runtime: &tokio::runtime::Handle,
    ) {
        self.table.closers.spawn_on(close, runtime);
    }

    pub(super) fn tell_queued(&self, ahead: usize) {
        self.table.events.emit(Event::Lock(LockEvent::Queued {
            session: self.attempt.session,
            tenant: self.attempt.tenant().clone(),
            key: self.key().clone(),
            ahead,
        }));
    }

    pub(super) fn tell_outcome(&self, outcome: LockOutcome, waited: Duration) {
        self.table.events.emit(Event::Lock(LockEvent::Outcome {
            session: self.attempt.session,
            tenant: self.attempt.tenant().clone(),
            key: self.key().clone(),
            outcome,
            waited,
        }));
    }

    pub(super) fn tell_released(&self, held: Duration) {
        self.table.events.emit(Event::Lock(LockEvent::Released {
            tenant: self.attempt.tenant().clone(),
            key: self.key().clone(),
            held,
        }));
    }

    pub(super) fn tell_changed(&self, change: LockChange) {
        self.table.events.emit(Event::Lock(LockEvent::Changed {
            key: self.key().clone(),
            change,
        }));
    }

    pub(super) fn tell_forced(&self, backend: &BackendName) {
        self.table
            .events
            .emit(Event::Lock(LockEvent::HandOverForced {
                backend: backend.clone(),
            }));
    }

    pub(super) fn tell_violation(&self, which: Invariant) {
        self.table.tell_violation(which);
    }
}
