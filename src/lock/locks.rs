//! All locks of one gate.

use super::BackendClose;
use super::claim::Claim;
use super::entry::SeatState;
use super::guard::LockGuard;
use super::queue::WaitProgress;
use super::shared::{DirtyMaildrops, GateLease};
use super::table::{ClusterSide, Table};
use super::view::{LockView, LocksSnapshot};
use super::waiter::WaiterHandle;
use crate::ids::{BackendName, MaildropKey, SessionId, TenantName};
use crate::observe::event::LockOutcome;
use crate::observe::hub::EventHub;
use crate::policy::attempt::LoginAttempt;
use crate::secret::PasswordTag;
use crate::time::{Duration, Instant};
use std::sync::Arc;
use tokio_util::task::TaskTracker;

/// What became of a request for a lock.
pub enum AcquireResult<C: BackendClose> {
    /// The lock was free.
    Granted(LockGuard<C>),
    /// It has a place in the queue.
    Waiting(WaiterHandle<C>),
    /// The lane is full.
    Full {
        /// Waiters that were there before.
        ahead: usize,
    },
}

/// All locks of one gate. `C` is a backend connection.
pub struct Locks<C: BackendClose>(pub(super) Arc<Table<C>>);

// Not derived, which would ask for `C: Clone`.
impl<C: BackendClose> Clone for Locks<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<C: BackendClose> Locks<C> {
    /// No lock is held. Connections that are being closed are tracked by `closers`.
    #[must_use]
    pub fn new(events: Arc<EventHub>, closers: TaskTracker) -> Self {
        Self(Arc::new(Table::new(events, closers, None)))
    }

    /// As [`Locks::new`], where other gates serve the same maildrops: nobody is served without a
    /// turn. See [`shared`](super::shared).
    #[must_use]
    pub fn shared(
        events: Arc<EventHub>,
        closers: TaskTracker,
        lease: Arc<GateLease>,
        dirty: Arc<DirtyMaildrops>,
    ) -> Self {
        let cluster = ClusterSide { lease, dirty };
        Self(Arc::new(Table::new(events, closers, Some(cluster))))
    }

    /// Requests the lock of the login's maildrop: holds it, waits for it until `until`, or is
    /// turned away.
    ///
    /// The answer is there at the first poll: the locks are this gate's own. It is asked for as one
    /// asks over a network, so that no caller depends on that. What was granted to a future that is
    /// dropped is given back.
    pub async fn acquire(&self, attempt: &Arc<LoginAttempt>, until: Instant) -> AcquireResult<C> {
        let now = Instant::now();
        let mut seated = self.0.enter(attempt, now, until);
        let claim = Claim::new(Arc::clone(&self.0), Arc::clone(attempt), seated.ticket);
        // Seen: what happened on entering is no news to whoever waits.
        let state = seated.state.get_and_update();
        // Handle and guard are there before anybody is told: whatever becomes of the telling, they
        // give back what they stand for.
        match state {
            SeatState::Waiting { .. } => {
                let waiter = WaiterHandle::new(claim, now, seated);
                waiter.tell_queued();
                AcquireResult::Waiting(waiter)
            }
            SeatState::Granted { .. } => {
                let turn = claim.reader(seated.turn);
                let guard = LockGuard::new(claim.clone(), now, seated.contended, turn, None);
                claim.tell_outcome(LockOutcome::Immediate, Duration::ZERO);
                AcquireResult::Granted(guard)
            }
            SeatState::Evicted | SeatState::Refused(_) | SeatState::Broken => {
                claim.tell_outcome(LockOutcome::QueueFull, Duration::ZERO);
                AcquireResult::Full {
                    ahead: seated.ahead,
                }
            }
        }
    }

    /// How far the waits of now have come.
    #[must_use]
    pub fn wait_progress(&self, now: Instant) -> WaitProgress {
        self.0.wait_progress(now)
    }

    /// Drops a prewarmed connection to `backend`, if there is one: another maildrop's turn has
    /// come, and the backend has no place for both.
    pub fn give_up_prewarmed(&self, backend: &BackendName) {
        drop(self.0.take_prewarmed_of(backend));
    }

    /// The backend that a maildrop is on while it has sessions: where the last connection of a
    /// holder leads.
    #[must_use]
    pub fn home(&self, key: &MaildropKey) -> Option<BackendName> {
        self.0.home(key)
    }

    /// The session that holds a maildrop. It may be over: its backend's end is awaited then.
    #[must_use]
    pub fn holder(&self, key: &MaildropKey) -> Option<SessionId> {
        self.0.entries.get(key)?.holder()
    }

    /// The tenant of the login at the front of the main lane.
    #[must_use]
    pub fn next_tenant(&self, key: &MaildropKey) -> Option<TenantName> {
        self.0.next_tenant(key)
    }

    /// The holder was shown a listing of its maildrop: who waits with the same password looks
    /// whether it needs the lock still.
    pub fn tell_listed(&self, key: &MaildropKey, password: PasswordTag) {
        self.0.tell_listed(key, password);
    }

    /// Wakes each holder for whose maildrop somebody waits in the main lane, as if that were new.
    pub fn wake_contended(&self) {
        self.0.wake_contended();
    }

    /// Maildrops that are held, waited for, or being closed.
    #[must_use]
    pub fn in_use(&self) -> usize {
        self.0.entries.len()
    }

    /// Whether somebody waits for a maildrop.
    #[must_use]
    pub fn is_contended(&self, key: &MaildropKey) -> bool {
        let entry = self.0.entries.get(key);
        entry.is_some_and(|entry| entry.is_contended())
    }

    /// All maildrops that somebody waits for.
    #[must_use]
    pub fn contended(&self) -> Vec<MaildropKey> {
        self.0
            .entries
            .iter()
            .filter(|entry| entry.is_contended())
            .map(|entry| entry.key().clone())
            .collect()
    }

    /// The lock of one maildrop, if it is in use.
    #[must_use]
    pub fn view(&self, key: &MaildropKey) -> Option<LockView> {
        self.0.view(key)
    }

    /// The locks in use, at most `max` of them. It is a copy: no lock is held up by its reader.
    #[must_use]
    pub fn snapshot(&self, max: usize) -> LocksSnapshot {
        self.0.snapshot(max)
    }
}
