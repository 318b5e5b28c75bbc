//! The lock itself, and the backend connection that it has met.

use super::BackendClose;
use super::queue::{Input, Ticket};
use super::store::{Ask, Shared};
use crate::ids::{BackendName, MaildropKey, TenantName};
use crate::observe::event::Event;
use crate::time::{Duration, Instant};
use std::sync::Arc;
use tokio::sync::watch;

/// The right to be in a maildrop.
///
/// It owns the backend connection that it has met. Dropping it, also by panic or cancellation,
/// gives both to a closer, which ends the connection, waits until the backend has let go, and
/// only then hands the lock to the next waiter.
pub struct LockGuard<C: BackendClose> {
    connection: Option<C>,
    after_quit: bool,
    contended: watch::Receiver<bool>,
    freed_at: Option<Instant>,
    /// Taken by `drop` alone.
    hold: Option<Hold<C>>,
}

/// A ticket that holds. Dropping it releases the lock at once.
pub(super) struct Hold<C: BackendClose> {
    shared: Arc<Shared<C>>,
    key: MaildropKey,
    tenant: TenantName,
    ticket: Ticket,
    since: Instant,
    /// Whether the backend let it in.
    was_in: bool,
}

impl<C: BackendClose> Hold<C> {
    pub(super) fn new(shared: Arc<Shared<C>>, ask: &Ask, ticket: Ticket, since: Instant) -> Self {
        Self {
            shared,
            key: ask.key.clone(),
            tenant: ask.tenant.clone(),
            ticket,
            since,
            was_in: false,
        }
    }
}

impl<C: BackendClose> Drop for Hold<C> {
    fn drop(&mut self) {
        if self.was_in {
            // Before the next one has the lock, and perhaps asks.
            self.shared.ended(&self.key, Instant::now());
        }
        self.shared
            .apply(&self.key, Input::Release(self.ticket), None);
        let (tenant, held) = (self.tenant.clone(), self.since.elapsed());
        self.shared
            .events
            .emit(Event::LockReleased { tenant, held });
    }
}

impl<C: BackendClose> LockGuard<C> {
    pub(super) fn new(
        hold: Hold<C>,
        contended: watch::Receiver<bool>,
        freed_at: Option<Instant>,
    ) -> Self {
        Self {
            connection: None,
            after_quit: false,
            contended,
            freed_at,
            hold: Some(hold),
        }
    }

    /// The guard owns `connection` from now on, and its end. The one before must have ended.
    pub fn attach(&mut self, connection: C) -> &mut C {
        debug_assert!(
            self.connection.is_none(),
            "the connection before has not ended"
        );
        if let Some(hold) = &self.hold {
            hold.shared.settle_at(&hold.key, connection.backend());
        }
        self.connection.insert(connection)
    }

    /// The connection that it has met.
    pub fn connection(&mut self) -> Option<&mut C> {
        self.connection.as_mut()
    }

    /// The backend that the maildrop is on; see [`Locks::home`](super::Locks::home).
    #[must_use]
    pub fn home(&self) -> Option<BackendName> {
        let hold = self.hold.as_ref()?;
        hold.shared.home(&hold.key)
    }

    /// A greeted connection that waited for whoever came next.
    #[must_use]
    pub fn take_spare(&self) -> Option<C> {
        let hold = self.hold.as_ref()?;
        hold.shared.take_spare(&hold.key)
    }

    /// Ends the connection, and waits until the backend has let go; the lock stays. Cancel-safe:
    /// what is left to do when it is dropped, the guard's own end does.
    pub async fn end_connection(&mut self) {
        let Some(connection) = self.connection.as_mut() else {
            return;
        };
        let closed = connection.close(false).await;
        if let Some(connection) = self.connection.take()
            && !closed
        {
            self.tell_forced(&connection);
        }
    }

    /// The backend accepted the password: those who wait with the same one are proven too.
    pub fn accepted(&mut self) {
        if let Some(hold) = &mut self.hold {
            hold.was_in = true;
            hold.shared
                .apply(&hold.key, Input::Accepted(hold.ticket), None);
        }
    }

    /// The backend refused the password in these words, or without any: so are those who wait
    /// with the same one.
    pub fn refused(&self, line: Option<&[u8]>) {
        if let Some(hold) = &self.hold {
            let line = line.map(Arc::from);
            hold.shared
                .apply(&hold.key, Input::Refused(hold.ticket), line.as_ref());
        }
    }

    /// How long ago the last session of ours in this maildrop ended, where that was a moment ago
    /// ([`UNLOCKS_WITHIN`](crate::limits::UNLOCKS_WITHIN)).
    #[must_use]
    pub fn since_last_end(&self) -> Option<Duration> {
        let hold = self.hold.as_ref()?;
        hold.shared.since_last_end(&hold.key, Instant::now())
    }

    /// The backend has answered QUIT: it closes by itself.
    pub fn quit_answered(&mut self) {
        self.after_quit = true;
    }

    /// What is locked; there is always something until the guard is dropped.
    #[must_use]
    pub fn key(&self) -> Option<&MaildropKey> {
        self.hold.as_ref().map(|hold| &hold.key)
    }

    /// Whether somebody waits in the main lane, and when that changes.
    #[must_use]
    pub fn contended(&self) -> watch::Receiver<bool> {
        self.contended.clone()
    }

    /// When the lock came free, where it was waited for; told once.
    pub fn take_freed_at(&mut self) -> Option<Instant> {
        self.freed_at.take()
    }

    fn tell_forced(&self, connection: &C) {
        if let Some(hold) = &self.hold {
            forced(hold, connection);
        }
    }
}

impl<C: BackendClose> Drop for LockGuard<C> {
    fn drop(&mut self) {
        let (Some(hold), Some(mut connection)) = (self.hold.take(), self.connection.take()) else {
            return;
        };
        let after_quit = self.after_quit;
        let closers = hold.shared.closers.clone();
        // Without a runtime the process ends: the connection is dropped, then the lock.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let close = async move {
            if !connection.close(after_quit).await {
                forced(&hold, &connection);
            }
            drop(connection);
            drop(hold);
        };
        closers.spawn_on(close, &runtime);
    }
}

fn forced<C: BackendClose>(hold: &Hold<C>, connection: &C) {
    let backend = connection.backend().clone();
    hold.shared.events.emit(Event::HandOverForced { backend });
}
