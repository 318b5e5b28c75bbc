//! One queue for each maildrop in use, in a sharded map.
//!
//! A shard's guard lives around one synchronous call and never across an await: that call applies
//! an input to the queue and passes its effects on to the seats of those who wait.

use super::BackendClose;
use super::ends::RecentEnds;
use super::guard::{Hold, LockGuard};
use super::queue::{Effect, Input, Lane, LockQueue, Request, Ticket};
use super::waiting::{Place, Waiting};
use crate::ids::{BackendName, ClientPrefix, MaildropKey, SessionId, TenantName};
use crate::observe::event::{Event, LockOutcome};
use crate::observe::hub::EventHub;
use crate::secret::PasswordTag;
use crate::time::{Duration, Instant};
use dashmap::{DashMap, Entry as Slot};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

/// A login's wish for a lock.
#[derive(Clone, Debug)]
pub struct Ask {
    /// What is to be locked.
    pub key: MaildropKey,
    /// Who asks, for events.
    pub session: SessionId,
    /// Whose limits hold, for events.
    pub tenant: TenantName,
    /// Whether the backend accepted the password lately.
    pub proven: bool,
    /// The password's tag.
    pub password: PasswordTag,
    /// Who counts as one client.
    pub address: ClientPrefix,
    /// Waiters for one maildrop, in each lane.
    pub capacity: usize,
    /// When its waiting ends.
    pub until: Instant,
}

/// What became of an [`Ask`] at once.
pub enum Asked<C: BackendClose> {
    /// The lock was free.
    Granted(LockGuard<C>),
    /// It has a place in the queue.
    Waiting(Waiting<C>),
    /// The lane is full.
    Full,
}

/// All locks of one gate. `C` is a backend connection.
pub struct Locks<C: BackendClose>(Arc<Shared<C>>);

impl<C: BackendClose> Clone for Locks<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// What guards and places share with the store.
pub(super) struct Shared<C: BackendClose> {
    entries: DashMap<MaildropKey, Entry<C>>,
    ends: Mutex<RecentEnds>,
    tickets: AtomicU64,
    pub(super) events: Arc<EventHub>,
    pub(super) closers: TaskTracker,
}

/// One maildrop in use.
struct Entry<C> {
    queue: LockQueue,
    seats: HashMap<Ticket, watch::Sender<Place>>,
    contended: watch::Sender<bool>,
    /// A backend connection that is open and greeted, for whoever is next.
    spare: Option<C>,
    /// See [`Locks::home`].
    home: Option<BackendName>,
}

impl<C: BackendClose> Locks<C> {
    /// No lock is held. Connections that are being closed are tracked by `closers`.
    #[must_use]
    pub fn new(events: Arc<EventHub>, closers: TaskTracker) -> Self {
        let entries = DashMap::new();
        Self(Arc::new(Shared {
            entries,
            ends: Mutex::default(),
            tickets: AtomicU64::new(1),
            events,
            closers,
        }))
    }

    /// Asks for a lock: holds it, waits for it, or is turned away.
    #[must_use]
    pub fn ask(&self, ask: Ask) -> Asked<C> {
        let now = Instant::now();
        let ticket = Ticket(self.0.tickets.fetch_add(1, Ordering::Relaxed));
        let (mut place, contended, ahead) = self.0.enter(&ask, ticket, now);
        // Seen: what happened on entering is no news to whoever waits.
        let state = place.borrow_and_update().clone();
        match state {
            // The place and the guard are there before anybody is told: whatever becomes of the
            // telling, they give back what they stand for.
            Place::Waiting { .. } => {
                let shared = Arc::clone(&self.0);
                let waiting = Waiting::new(shared, ask, ticket, now, place, contended);
                waiting.tell_queued(ahead);
                Asked::Waiting(waiting)
            }
            Place::Granted { .. } => {
                let hold = Hold::new(Arc::clone(&self.0), &ask, ticket, now);
                self.0.outcome(&ask, LockOutcome::Immediate, Duration::ZERO);
                Asked::Granted(LockGuard::new(hold, contended, None))
            }
            Place::Evicted | Place::Refused(_) => {
                self.0.outcome(&ask, LockOutcome::QueueFull, Duration::ZERO);
                Asked::Full
            }
        }
    }

    /// The longest that anybody waits now.
    #[must_use]
    pub fn longest_wait(&self, now: Instant) -> Duration {
        let waits = self
            .0
            .entries
            .iter()
            .filter_map(|entry| entry.queue.oldest_wait(now));
        waits.max().unwrap_or_default()
    }

    /// Drops a connection to `backend` that waits for whoever comes next, if there is one: another
    /// maildrop's turn has come, and the backend has no place for both.
    pub fn give_up_spare(&self, backend: &BackendName) {
        let leads_there = |spare: &C| spare.backend() == backend;
        let mut entries = self.0.entries.iter_mut();
        if let Some(mut entry) = entries.find(|entry| entry.spare.as_ref().is_some_and(leads_there))
        {
            entry.take_spare();
        }
    }

    /// The backend that a maildrop is on while it has sessions: where the last connection of a
    /// holder leads.
    #[must_use]
    pub fn home(&self, key: &MaildropKey) -> Option<BackendName> {
        self.0.home(key)
    }

    /// Maildrops that are held, waited for, or being closed.
    #[must_use]
    pub fn in_use(&self) -> usize {
        self.0.entries.len()
    }

    /// At most `max` of them.
    #[must_use]
    pub fn some_in_use(&self, max: usize) -> Vec<MaildropKey> {
        self.0
            .entries
            .iter()
            .take(max)
            .map(|entry| entry.key().clone())
            .collect()
    }
}

type Entered = (watch::Receiver<Place>, watch::Receiver<bool>, usize);

impl<C: BackendClose> Shared<C> {
    fn enter(&self, ask: &Ask, ticket: Ticket, now: Instant) -> Entered {
        let mut entry = self
            .entries
            .entry(ask.key.clone())
            .or_insert_with(Entry::new);
        let (seat, place) = watch::channel(Place::Waiting { head: false });
        entry.seats.insert(ticket, seat);
        let request = Request {
            ticket,
            lane: if ask.proven {
                Lane::Main
            } else {
                Lane::Unproven
            },
            password: ask.password,
            address: ask.address,
            capacity: ask.capacity,
            until: ask.until,
        };
        entry.apply(Input::Request(request), now, None);
        let ahead = entry.queue.ahead_of(ticket).unwrap_or(0);
        (place, entry.contended.subscribe(), ahead)
    }

    /// Applies `input` to the queue of `key` and forgets the maildrop if nobody is left.
    /// `line`: the backend's words, if any, for waiters that are refused too.
    pub(super) fn apply(&self, key: &MaildropKey, input: Input, line: Option<&Arc<[u8]>>) {
        let Slot::Occupied(mut slot) = self.entries.entry(key.clone()) else {
            return;
        };
        let entry = slot.get_mut();
        entry.apply(input, Instant::now(), line);
        if entry.queue.is_empty() {
            slot.remove();
        }
    }

    /// Gives up `ticket`, whether it waits or was granted a moment ago: the queue ignores the
    /// input that does not fit.
    pub(super) fn withdraw(&self, key: &MaildropKey, ticket: Ticket) {
        self.apply(key, Input::Withdraw(ticket), None);
        self.apply(key, Input::Release(ticket), None);
    }

    /// Keeps a greeted connection of `ticket` for whoever is next; a second one is dropped, and
    /// one that nobody waits for any more.
    pub(super) fn keep_spare(&self, key: &MaildropKey, ticket: Ticket, connection: C) {
        if let Some(mut entry) = self.entries.get_mut(key)
            && entry.spare.is_none()
            && (entry.queue.is_contended() || entry.queue.holder() == Some(ticket))
        {
            entry.spare = Some(connection);
        }
    }

    pub(super) fn has_spare(&self, key: &MaildropKey) -> bool {
        self.entries
            .get(key)
            .is_some_and(|entry| entry.spare.is_some())
    }

    pub(super) fn take_spare(&self, key: &MaildropKey) -> Option<C> {
        self.entries.get_mut(key)?.take_spare()
    }

    pub(super) fn home(&self, key: &MaildropKey) -> Option<BackendName> {
        self.entries.get(key)?.home.clone()
    }

    pub(super) fn settle_at(&self, key: &MaildropKey, backend: &BackendName) {
        if let Some(mut entry) = self.entries.get_mut(key) {
            entry.home = Some(backend.clone());
        }
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

    pub(super) fn outcome(&self, ask: &Ask, outcome: LockOutcome, waited: Duration) {
        let (session, tenant) = (ask.session, ask.tenant.clone());
        self.events.emit(Event::LockOutcome {
            session,
            tenant,
            outcome,
            waited,
        });
    }

    pub(super) fn queued(&self, ask: &Ask, ahead: usize) {
        let (session, tenant) = (ask.session, ask.tenant.clone());
        self.events.emit(Event::LockQueued {
            session,
            tenant,
            ahead,
        });
    }
}

impl<C> Entry<C> {
    fn new() -> Self {
        let (queue, seats) = (LockQueue::new(), HashMap::new());
        Self {
            queue,
            seats,
            contended: watch::Sender::new(false),
            spare: None,
            home: None,
        }
    }

    fn apply(&mut self, input: Input, now: Instant, line: Option<&Arc<[u8]>>) {
        if let Input::Withdraw(ticket) = input {
            self.seats.remove(&ticket);
        }
        let mut effects = Vec::new();
        self.queue.apply(input, now, &mut effects);
        let granted = effects
            .iter()
            .any(|effect| matches!(effect, Effect::Granted(_)));
        for effect in effects {
            self.carry_out(effect, now, line);
        }
        // Whoever was granted the lock just now takes the spare connection; else it is for
        // somebody who waits in the main lane, or for nobody.
        if !granted && !self.queue.is_contended() {
            self.spare = None;
        }
    }

    /// Takes the spare connection, and asks the head of the queue for another.
    fn take_spare(&mut self) -> Option<C> {
        let spare = self.spare.take()?;
        if let Some(head) = self.queue.head() {
            self.move_to(head, true);
        }
        Some(spare)
    }

    fn carry_out(&mut self, effect: Effect, now: Instant, line: Option<&Arc<[u8]>>) {
        match effect {
            Effect::Granted(ticket) => {
                self.contended.send_replace(false);
                self.settle(ticket, Place::Granted { at: now });
            }
            Effect::Evicted { ticket, .. } => self.settle(ticket, Place::Evicted),
            Effect::Refused(ticket) => {
                self.settle(ticket, Place::Refused(line.map(Arc::clone)));
            }
            Effect::Promoted(ticket) => self.move_to(ticket, false),
            Effect::Head(ticket) => self.move_to(ticket, true),
            Effect::Contended(contended) => {
                self.contended.send_replace(contended);
            }
        }
    }

    /// The last word to a seat.
    fn settle(&mut self, ticket: Ticket, place: Place) {
        if let Some(seat) = self.seats.remove(&ticket) {
            seat.send_replace(place);
        }
    }

    fn move_to(&mut self, ticket: Ticket, head: bool) {
        if let Some(seat) = self.seats.get(&ticket) {
            seat.send_replace(Place::Waiting { head });
        }
    }
}
