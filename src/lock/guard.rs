//! The lock itself, and the backend connection attached to it.

use super::BackendClose;
use super::claim::Claim;
use super::queue::Invariant;
use super::shared::TurnReader;
use super::watch::WatchReader;
use crate::ids::{BackendName, MaildropKey, SessionTurn};
use crate::observe::event::LockChange;
use crate::time::{Duration, Instant};

/// The right to be in a maildrop.
///
/// It owns the backend connection attached to it. Dropping it, also by panic or cancellation,
/// gives both to a closer, which ends the connection, waits until the backend has let go, and
/// only then hands the lock to the next waiter. Its session may go on without it, and acquire the
/// lock again: behind those that wait.
pub struct LockGuard<C: BackendClose> {
    claim: Claim<C>,
    since: Instant,
    /// Whether the backend let it in.
    let_in: bool,
    connection: Option<C>,
    after_quit: bool,
    contended: WatchReader<bool>,
    /// Where other gates serve the maildrop, too.
    turn: Option<TurnReader>,
    freed_at: Option<Instant>,
}

/// A rule that popgate keeps for its locks was found broken. The session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a fault of popgate: {} does not hold", .0.as_str())]
pub struct LockBroken(pub Invariant);

impl<C: BackendClose> LockGuard<C> {
    pub(super) fn new(
        claim: Claim<C>,
        since: Instant,
        contended: WatchReader<bool>,
        turn: Option<TurnReader>,
        freed_at: Option<Instant>,
    ) -> Self {
        Self {
            claim,
            since,
            let_in: false,
            connection: None,
            after_quit: false,
            contended,
            turn,
            freed_at,
        }
    }

    /// The guard owns `connection` from now on, and its end. The one before must have ended.
    ///
    /// # Errors
    /// It has not, which is a fault of popgate: a maildrop must never have two connections. The
    /// guard keeps the first one; the session must end.
    pub fn attach(&mut self, connection: C) -> Result<&mut C, LockBroken> {
        if self.connection.is_some() {
            self.claim.tell_violation(Invariant::OneConnection);
            return Err(LockBroken(Invariant::OneConnection));
        }
        self.claim.settle_at(connection.backend());
        Ok(self.connection.insert(connection))
    }

    /// The connection attached to it.
    pub fn connection(&mut self) -> Option<&mut C> {
        self.connection.as_mut()
    }

    /// The backend that the maildrop is on; see [`Locks::home`](super::Locks::home).
    #[must_use]
    pub fn home(&self) -> Option<BackendName> {
        self.claim.home()
    }

    /// A greeted connection that was kept for whoever came next.
    #[must_use]
    pub fn take_prewarmed(&self) -> Option<C> {
        self.claim.take_prewarmed()
    }

    /// Ends the connection, and waits until the backend has let go; the lock stays. Cancel-safe: if
    /// this future is dropped, the guard's own end does the rest.
    pub async fn end_connection(&mut self) {
        let Some(connection) = self.connection.as_mut() else {
            return;
        };
        // It stays in the guard meanwhile, where a drop finds it.
        let closed = connection.close(false).await;
        let Some(connection) = self.connection.take() else {
            return;
        };
        if closed {
            self.claim.pause();
        } else {
            self.claim.tell_forced(connection.backend());
        }
    }

    /// The backend accepted the password: those who wait with the same one are proven too.
    pub fn accepted(&mut self) {
        self.let_in = true;
        self.claim.accepted();
    }

    /// The backend refused the password in these words, or without any: so are those who wait
    /// with the same one.
    pub fn refused(&self, line: Option<&[u8]>) {
        self.claim.refused(line);
    }

    /// What allows a password to be written.
    #[must_use]
    pub fn permission(&self) -> Permission<C> {
        let turn = self.turn.clone();
        Permission(turn.map(|turn| (turn, self.claim.clone())))
    }

    /// Returns when a password may be written, as far as is known. Cancel-safe.
    pub async fn turn(&mut self) {
        if let Some(turn) = &mut self.turn {
            turn.good().await;
        }
    }

    /// The turn of the session that is in the maildrop. `None`: no other gate serves that, the
    /// session began while the engine was away, or the turn is not known to be good at this moment.
    #[must_use]
    pub fn session_turn(&self) -> Option<SessionTurn> {
        self.turn.as_ref()?.session_turn()
    }

    /// How long ago the last session of ours in this maildrop ended, where that was a moment ago
    /// ([`UNLOCKS_WITHIN`](crate::limits::UNLOCKS_WITHIN)).
    #[must_use]
    pub fn since_last_end(&self) -> Option<Duration> {
        self.claim.since_last_end()
    }

    /// The backend has answered QUIT: it closes by itself.
    pub fn quit_answered(&mut self) {
        self.after_quit = true;
    }

    /// What is locked.
    #[must_use]
    pub fn key(&self) -> &MaildropKey {
        self.claim.key()
    }

    /// Whether somebody waits in the main lane, and when that changes.
    #[must_use]
    pub fn contended(&self) -> WatchReader<bool> {
        self.contended.clone()
    }

    /// When the lock came free, where it was waited for; told once.
    pub fn take_freed_at(&mut self) -> Option<Instant> {
        self.freed_at.take()
    }
}

/// What allows a holder's password to be written: always, where no other gate serves the maildrop.
pub struct Permission<C: BackendClose>(Option<(TurnReader, Claim<C>)>);

impl<C: BackendClose> Permission<C> {
    /// Whether the password may be written now. It must be asked right before, with no await
    /// between: a gate that was frozen may have lost its turn to another one meanwhile. From here
    /// on the maildrop counts as in use until its backend's end.
    #[must_use]
    pub fn take(&self) -> bool {
        let Some((turn, claim)) = &self.0 else {
            return true;
        };
        let is_good = turn.is_good();
        if is_good {
            claim.begin();
        }
        is_good
    }
}

impl<C: BackendClose> Drop for LockGuard<C> {
    fn drop(&mut self) {
        // Declared before the connection, and so dropped after it, whatever happens here.
        let release = Release {
            claim: self.claim.clone(),
            since: self.since,
            let_in: self.let_in,
        };
        let Some(mut connection) = self.connection.take() else {
            return;
        };
        // Without a runtime the process ends: the connection is dropped, then the lock.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        // A drop cannot wait for the backend: a task does, and the gate's stop waits for that.
        let after_quit = self.after_quit;
        let close = async move {
            if !connection.close(after_quit).await {
                release.claim.tell_forced(connection.backend());
            }
            // In this order: the next holder must not find this socket open.
            drop(connection);
            drop(release);
        };
        self.claim.spawn_closer(close, &runtime);
        // Behind it: a sink that panics must not keep the connection from its closer.
        self.claim.tell_changed(LockChange::Closing);
    }
}

/// Dropping it releases the lock at once.
struct Release<C: BackendClose> {
    claim: Claim<C>,
    since: Instant,
    let_in: bool,
}

impl<C: BackendClose> Drop for Release<C> {
    fn drop(&mut self) {
        if self.let_in {
            // Before the next one has the lock, and perhaps asks.
            self.claim.session_ended();
        }
        self.claim.release();
        self.claim.tell_released(self.since.elapsed());
    }
}
