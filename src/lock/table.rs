//! All maildrops in use, in a sharded map.
//!
//! A shard's guard lives around one synchronous call and never across an await. Events are told
//! when it is gone: a sink may write.

use super::BackendClose;
use super::ends::RecentEnds;
use super::entry::{Entry, Seated};
use super::prewarmed::PrewarmedIndex;
use super::queue::{Authority, Input, Invariant, Statement, Ticket, WaitProgress};
use super::shared::{DirtyMaildrops, GateLease, TurnState};
use super::view::{LockView, LocksSnapshot};
use crate::ids::{BackendName, MaildropKey, TenantName};
use crate::observe::event::{Event, LockEvent};
use crate::observe::hub::EventHub;
use crate::policy::attempt::LoginAttempt;
use crate::secret::PasswordTag;
use crate::time::{Duration, Instant};
use dashmap::{DashMap, Entry as Slot};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio_util::task::TaskTracker;

/// All maildrops in use.
pub(super) struct Table<C> {
    /// Boxed: a map keeps up to twice the room that its entries need.
    pub(super) entries: DashMap<MaildropKey, Box<Entry<C>>>,
    pub(super) prewarmed: Arc<PrewarmedIndex>,
    ends: Mutex<RecentEnds>,
    /// The number of the last ticket.
    tickets: AtomicU64,
    pub(super) events: Arc<EventHub>,
    pub(super) closers: TaskTracker,
    pub(super) cluster: Option<ClusterSide>,
}

/// Where other gates serve the same maildrops.
pub(super) struct ClusterSide {
    pub(super) lease: Arc<GateLease>,
    pub(super) dirty: Arc<DirtyMaildrops>,
}

impl<C: BackendClose> Table<C> {
    pub(super) fn new(
        events: Arc<EventHub>,
        closers: TaskTracker,
        cluster: Option<ClusterSide>,
    ) -> Self {
        Self {
            entries: DashMap::new(),
            prewarmed: Arc::default(),
            ends: Mutex::default(),
            tickets: AtomicU64::new(0),
            events,
            closers,
            cluster,
        }
    }

    fn authority(&self) -> Authority {
        match self.cluster {
            None => Authority::Local,
            Some(_) => Authority::Leased,
        }
    }

    /// `attempt` wants its maildrop's lock from now on.
    pub(super) fn enter(
        &self,
        attempt: &Arc<LoginAttempt>,
        now: Instant,
        until: Instant,
    ) -> Seated {
        // Relaxed: tickets must differ, and no other memory depends on them.
        let ticket = Ticket(self.tickets.fetch_add(1, Ordering::Relaxed) + 1);
        let (seated, broken) = self
            .entries
            .entry(attempt.key.clone())
            .or_insert_with(|| Box::new(Entry::new(self.authority(), ticket)))
            .enter(attempt, ticket, now, until);
        // The shard is unlocked by now: its guard lived in the statement above.
        self.mark_dirty(&attempt.key);
        self.tell_broken(broken);
        seated
    }

    /// Applies `input` to the queue of `key` and forgets the maildrop if nobody is left.
    /// `line`: the backend's words, if any, for waiters that are refused too.
    pub(super) fn apply(&self, key: &MaildropKey, input: Input, line: Option<&Arc<[u8]>>) {
        self.apply_where(key, input, line, |_| true);
    }

    /// The same for the queue of this number alone, which `prepare` sees before.
    pub(super) fn apply_to(
        &self,
        key: &MaildropKey,
        life: u64,
        input: Input,
        prepare: impl FnOnce(&mut Entry<C>),
    ) {
        self.apply_where(key, input, None, |entry| {
            let is_meant = entry.life == life;
            if is_meant {
                prepare(entry);
            }
            is_meant
        });
    }

    fn apply_where(
        &self,
        key: &MaildropKey,
        input: Input,
        line: Option<&Arc<[u8]>>,
        is_meant: impl FnOnce(&mut Entry<C>) -> bool,
    ) {
        // By `entry`: between a look and a removal of its own a login could enter.
        let Slot::Occupied(mut slot) = self.entries.entry(key.clone()) else {
            return;
        };
        if !is_meant(slot.get_mut()) {
            return;
        }
        let before = self.statement_of(slot.get());
        let broken = slot.get_mut().apply(input, Instant::now(), line);
        let has_changed = self.statement_of(slot.get()) != before;
        if slot.get().is_unused() {
            slot.remove();
        } else {
            drop(slot);
        }
        if has_changed {
            self.mark_dirty(key);
        }
        self.tell_broken(broken);
    }

    /// What other gates hear; nothing, where there is none.
    fn statement_of(&self, entry: &Entry<C>) -> Option<(Statement, Duration)> {
        let said = || (entry.queue.statement(), entry.shown_for());
        self.cluster.as_ref().map(|_| said())
    }

    /// Other gates must hear of it, where there are any.
    pub(super) fn mark_dirty(&self, key: &MaildropKey) {
        if let Some(cluster) = &self.cluster {
            cluster.dirty.mark(key);
        }
    }

    /// `life`: of the queue of this number alone.
    pub(super) fn set_turn(&self, key: &MaildropKey, life: Option<u64>, state: TurnState) {
        if let Some(entry) = self.entries.get(key)
            && life.is_none_or(|life| life == entry.life)
        {
            entry.set_turn(state);
        }
    }

    fn tell_broken(&self, broken: Vec<Invariant>) {
        for invariant in broken {
            self.tell_violation(invariant);
        }
    }

    pub(super) fn tell_violation(&self, which: Invariant) {
        self.events
            .emit(Event::Lock(LockEvent::InvariantBroken { which }));
    }

    /// Keeps a greeted connection of `ticket` for whoever is next at `key`.
    pub(super) fn keep_prewarmed(&self, key: &MaildropKey, ticket: Ticket, connection: C) {
        if let Some(mut entry) = self.entries.get_mut(key) {
            entry.keep_prewarmed(ticket, || {
                let backend = connection.backend().clone();
                self.prewarmed.list(backend, key, connection)
            });
        }
    }

    pub(super) fn has_prewarmed(&self, key: &MaildropKey) -> bool {
        self.entries
            .get(key)
            .is_some_and(|entry| entry.has_prewarmed())
    }

    pub(super) fn take_prewarmed(&self, key: &MaildropKey) -> Option<C> {
        self.entries.get_mut(key)?.take_prewarmed()
    }

    /// The oldest connection to `backend` that is kept for whoever is next at some maildrop.
    pub(super) fn take_prewarmed_of(&self, backend: &BackendName) -> Option<C> {
        let mut last = 0;
        // The index is not locked when the maildrop is: meanwhile another may have taken the
        // connection. The next one is tried then.
        while let Some((number, key)) = self.prewarmed.next(backend, last) {
            let taken = self
                .entries
                .get_mut(&key)
                .and_then(|mut entry| entry.take_prewarmed_number(number));
            if taken.is_some() {
                return taken;
            }
            last = number;
        }
        None
    }

    pub(super) fn home(&self, key: &MaildropKey) -> Option<BackendName> {
        self.entries.get(key)?.home()
    }

    pub(super) fn next_tenant(&self, key: &MaildropKey) -> Option<TenantName> {
        self.entries.get(key)?.next_tenant()
    }

    pub(super) fn tell_listed(&self, key: &MaildropKey, password: PasswordTag) {
        if let Some(entry) = self.entries.get(key) {
            entry.tell_listed(password);
        }
    }

    pub(super) fn wake_contended(&self) {
        for entry in &self.entries {
            entry.wake_contended();
        }
    }

    /// Whether it was elsewhere before, or nowhere.
    pub(super) fn settle_at(&self, key: &MaildropKey, backend: &BackendName) -> bool {
        let entry = self.entries.get_mut(key);
        entry.is_some_and(|mut entry| entry.settle_at(backend))
    }

    /// The backend has let go of a session in `key`.
    pub(super) fn ended(&self, key: &MaildropKey, now: Instant) {
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        ends.ended(key, now);
    }

    pub(super) fn since_last_end(&self, key: &MaildropKey, now: Instant) -> Option<Duration> {
        let ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        ends.since(key, now)
    }

    pub(super) fn wait_progress(&self, now: Instant) -> WaitProgress {
        self.entries
            .iter()
            .map(|entry| entry.wait_progress(now))
            .fold(WaitProgress::default(), WaitProgress::max)
    }

    pub(super) fn view(&self, key: &MaildropKey) -> Option<LockView> {
        let entry = self.entries.get(key)?;
        Some(entry.view(key))
    }

    /// At most `max` maildrops. A shard is locked while it is copied, and not for longer.
    pub(super) fn snapshot(&self, max: usize) -> LocksSnapshot {
        let mut snapshot = LocksSnapshot {
            locks: Vec::new(),
            left_out: 0,
        };
        for entry in &self.entries {
            if snapshot.locks.len() < max {
                snapshot.locks.push(entry.view(entry.key()));
            } else {
                snapshot.left_out += 1;
            }
        }
        snapshot
    }
}
