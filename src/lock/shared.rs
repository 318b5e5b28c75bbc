//! Locks of a gate that shares its maildrops with others: what they tell the cluster, what it tells
//! them, and how long its word is good.

use super::locks::Locks;
use super::queue::{Authority, Input, Lane, LeaseChange, Statement};
use super::{BackendClose, LockView};
use crate::ids::{BackendName, MaildropKey, SessionTurn};
use crate::time::{BootClock, Duration, Instant};
use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Notify, watch};

/// How long the gate's own lease at the engine is good, for the moment at which a password is
/// written.
#[derive(Debug)]
pub struct GateLease {
    clock: BootClock,
    /// Counts the times that the lease began anew.
    generation: AtomicU64,
    /// By the clock, in nanoseconds.
    valid_until: AtomicU64,
}

impl GateLease {
    /// None yet.
    #[must_use]
    pub fn new(clock: BootClock) -> Self {
        Self {
            clock,
            generation: AtomicU64::new(0),
            valid_until: AtomicU64::new(0),
        }
    }

    /// What its clock says.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.clock.now()
    }

    /// Whether it has run out.
    #[must_use]
    pub fn has_lapsed(&self) -> bool {
        nanoseconds(self.now()) >= self.valid_until.load(Ordering::SeqCst)
    }

    /// It is good until then, by its clock. A turn of another generation is not good any more.
    pub fn renew(&self, generation: u64, until: Duration) {
        // In this order, as `is_valid` reads them the other way round: nobody finds an old
        // generation with the new end.
        self.generation.store(generation, Ordering::SeqCst);
        self.valid_until.store(nanoseconds(until), Ordering::SeqCst);
    }

    /// Whether a turn that was given under the lease of this generation is good now.
    #[must_use]
    pub fn is_valid(&self, generation: u64) -> bool {
        // The end before the generation: one that is renewed in between is of another one then.
        !self.has_lapsed() && self.generation.load(Ordering::SeqCst) == generation
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// By what right a maildrop is served here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TurnState {
    /// This gate's own: the engine is away.
    Local,
    /// By a turn.
    Given {
        /// The lease under which it is good.
        generation: u64,
        /// Under which the session began; `None`: under none.
        number: Option<u64>,
    },
    /// By none.
    None,
}

/// What a guard reads before a password is written.
#[derive(Clone)]
pub(super) struct TurnReader {
    state: watch::Receiver<TurnState>,
    lease: Arc<GateLease>,
}

impl TurnReader {
    pub(super) fn new(state: watch::Receiver<TurnState>, lease: Arc<GateLease>) -> Self {
        Self { state, lease }
    }

    pub(super) fn is_good(&self) -> bool {
        match *self.state.borrow() {
            TurnState::Local => true,
            TurnState::Given { generation, .. } => self.lease.is_valid(generation),
            TurnState::None => false,
        }
    }

    /// The turn of the session, if it has one that is good now.
    pub(super) fn session_turn(&self) -> Option<SessionTurn> {
        let TurnState::Given { generation, number } = *self.state.borrow() else {
            return None;
        };
        let number = number.filter(|_| self.lease.is_valid(generation))?;
        Some(SessionTurn {
            lease: generation,
            number,
        })
    }

    /// Returns when it is good.
    pub(super) async fn good(&mut self) {
        loop {
            self.state.mark_unchanged();
            if self.is_good() {
                return;
            }
            if self.state.changed().await.is_err() {
                // The maildrop is forgotten: its guard is the only one that could still ask.
                std::future::pending::<()>().await;
            }
        }
    }
}

/// The maildrops whose statement may have changed. At most those that are in use, and those that
/// were a moment ago.
#[derive(Debug, Default)]
pub struct DirtyMaildrops {
    keys: Mutex<HashSet<MaildropKey>>,
    changed: Notify,
}

impl DirtyMaildrops {
    pub(super) fn mark(&self, key: &MaildropKey) {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let is_first = keys.is_empty();
        keys.insert(key.clone());
        drop(keys);
        if is_first {
            self.changed.notify_one();
        }
    }

    /// All of them, and none is left.
    #[must_use]
    pub fn take(&self) -> HashSet<MaildropKey> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *keys)
    }

    /// Returns when there is one that was not there at the last [`Self::take`].
    pub async fn changed(&self) {
        self.changed.notified().await;
    }
}

/// A turn at a maildrop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Which.
    pub number: u64,
    /// The lane that must be served.
    pub lane: Lane,
    /// The gate's lease under which it is good.
    pub generation: u64,
    /// The backend that the maildrop is on, as another gate has said.
    pub home: Option<BackendName>,
    /// How long ago the last backend session in it ended, at whichever gate.
    pub ended: Option<Duration>,
}

/// The queues of a gate, for who decides between gates. Each call is short, and none waits.
pub trait SharedQueues: Send + Sync + 'static {
    /// What is held and wanted; empty where the maildrop is not in use. And the number of the queue
    /// that says so: one that was empty is forgotten, and the next one of the maildrop knows
    /// nothing of what was told to it.
    fn statement(&self, key: &MaildropKey) -> (Statement, u64);

    /// One turn may be served by the queue of this number. Another one has asked for none: it is
    /// stated, and nothing else happens.
    fn turn(&self, key: &MaildropKey, life: u64, turn: Turn);

    /// The turn that the queue of this number holds is good under the lease of this generation.
    /// `number`: that under which its session began, if it began under one.
    fn turn_confirmed(&self, key: &MaildropKey, life: u64, number: Option<u64>, generation: u64);

    /// The queue of this number has no turn any more.
    fn turn_lost(&self, key: &MaildropKey, life: u64);

    /// Whether somebody waits in the main lane of another gate.
    fn waiters_elsewhere(&self, key: &MaildropKey, somebody: bool);

    /// Whether the queue serves by itself.
    fn authority(&self, key: &MaildropKey, authority: Authority);

    /// The backend that the maildrop is on.
    fn home(&self, key: &MaildropKey) -> Option<BackendName>;

    /// When the last backend session ended there, where that was a moment ago.
    fn last_end(&self, key: &MaildropKey) -> Option<Instant>;

    /// How long a login that holds it or waits for it may be shown again what it was shown there.
    fn shown_for(&self, key: &MaildropKey) -> Duration;

    /// The lock of one maildrop, if it is in use.
    fn occupants(&self, key: &MaildropKey) -> Option<LockView>;
}

impl<C: BackendClose> SharedQueues for Locks<C> {
    fn statement(&self, key: &MaildropKey) -> (Statement, u64) {
        let entry = self.0.entries.get(key);
        entry.map_or_else(Default::default, |entry| {
            (entry.queue.statement(), entry.life)
        })
    }

    fn turn(&self, key: &MaildropKey, life: u64, turn: Turn) {
        if let Some(ago) = turn.ended
            && let Some(ended) = Instant::now().checked_sub(ago)
        {
            self.0.ended(key, ended);
        }
        let change = LeaseChange::Granted { lane: turn.lane };
        self.0.apply_to(key, life, Input::Lease(change), |entry| {
            entry.learn_home(turn.home.as_ref());
            entry.set_turn(TurnState::Given {
                generation: turn.generation,
                number: Some(turn.number),
            });
        });
        // Also where nothing changed: whoever gave the turn must hear that nobody took it.
        self.0.mark_dirty(key);
    }

    fn turn_confirmed(&self, key: &MaildropKey, life: u64, number: Option<u64>, generation: u64) {
        let state = TurnState::Given { generation, number };
        self.0.set_turn(key, Some(life), state);
    }

    fn turn_lost(&self, key: &MaildropKey, life: u64) {
        let lost = Input::Lease(LeaseChange::Lost);
        self.0
            .apply_to(key, life, lost, |entry| entry.set_turn(TurnState::None));
    }

    fn waiters_elsewhere(&self, key: &MaildropKey, somebody: bool) {
        self.0.apply(key, Input::WaitersElsewhere(somebody), None);
    }

    fn authority(&self, key: &MaildropKey, authority: Authority) {
        let state = match authority {
            Authority::Local => TurnState::Local,
            Authority::Leased => TurnState::None,
        };
        self.0.set_turn(key, None, state);
        self.0.apply(key, Input::Authority(authority), None);
    }

    fn home(&self, key: &MaildropKey) -> Option<BackendName> {
        self.0.home(key)
    }

    fn last_end(&self, key: &MaildropKey) -> Option<Instant> {
        let now = Instant::now();
        now.checked_sub(self.0.since_last_end(key, now)?)
    }

    fn shown_for(&self, key: &MaildropKey) -> Duration {
        let entry = self.0.entries.get(key);
        entry.map_or(Duration::ZERO, |entry| entry.shown_for())
    }

    fn occupants(&self, key: &MaildropKey) -> Option<LockView> {
        self.0.view(key)
    }
}
