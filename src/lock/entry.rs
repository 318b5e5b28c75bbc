//! One maildrop in use: its queue, and what the queue's effects mean for its sessions.
//!
//! Each waiter has a *seat*, a channel by which it hears what became of its place. The table keeps
//! the entry locked around one call of it, so nothing here waits or tells an event.

use super::prewarmed::Prewarmed;
use super::queue::{
    Authority, Effect, Input, Invariant, Lane, LockQueue, Request, Ticket, WaitProgress,
};
use super::shared::TurnState;
use super::view::{Claimant, HolderView, LockView, WaiterView};
use super::watch::{WatchReader, WatchSender};
use crate::ids::{BackendName, MaildropKey, SessionId, TenantName};
use crate::policy::attempt::LoginAttempt;
use crate::secret::PasswordTag;
use crate::time::{Duration, Instant};
use std::collections::HashMap;
use std::sync::Arc;

/// One maildrop in use.
pub(super) struct Entry<C> {
    pub(super) queue: LockQueue,
    /// Tells it from one before it of the same maildrop: the number of its first ticket.
    pub(super) life: u64,
    pub(super) seats: HashMap<Ticket, Seat>,
    holder: Option<Arc<LoginAttempt>>,
    /// The backend has accepted the holder's password.
    is_in: bool,
    /// Whether somebody waits in the main lane, for the holder.
    contended: WatchSender<bool>,
    /// A backend connection that is open and greeted, for whoever is next. Boxed: few maildrops
    /// have one, and each in use has room for it.
    prewarmed: Option<Box<Prewarmed<C>>>,
    home: Option<BackendName>,
    /// Where other gates serve the maildrop, too.
    turn: Option<tokio::sync::watch::Sender<TurnState>>,
}

/// How a waiter hears of its turn.
pub(super) struct Seat {
    attempt: Arc<LoginAttempt>,
    state: WatchSender<SeatState>,
}

/// What a seat has been told last.
#[derive(Clone, Debug)]
pub(super) enum SeatState {
    /// It waits: whether it is at the front of the main lane.
    Waiting { head: bool },
    /// It holds the lock, which came free at `at`.
    Granted { at: Instant },
    /// Its place went to another.
    Evicted,
    /// The backend refused its password, given by another session, in these words or without any.
    Refused(Option<Arc<[u8]>>),
    /// The queue knows nothing of it, by a fault of popgate.
    Broken,
}

impl SeatState {
    /// Whether it is at the front of the main lane.
    pub(super) fn is_head(&self) -> bool {
        matches!(self, Self::Waiting { head: true })
    }
}

/// What a session needs to hear of its place.
pub(super) struct Seated {
    pub(super) ticket: Ticket,
    pub(super) state: WatchReader<SeatState>,
    pub(super) contended: WatchReader<bool>,
    /// By what right it will hold the lock, where other gates serve the maildrop, too.
    pub(super) turn: Option<tokio::sync::watch::Receiver<TurnState>>,
    /// Waiters before it.
    pub(super) ahead: usize,
}

impl<C> Entry<C> {
    pub(super) fn new(authority: Authority, first: Ticket) -> Self {
        Self {
            queue: LockQueue::new(authority),
            life: first.0,
            seats: HashMap::new(),
            holder: None,
            is_in: false,
            contended: WatchSender::new(false),
            prewarmed: None,
            home: None,
            turn: match authority {
                Authority::Local => None,
                Authority::Leased => Some(tokio::sync::watch::Sender::new(TurnState::None)),
            },
        }
    }

    /// `attempt` wants the lock, and waits for it until `until`. Also the faults of popgate that
    /// were found on the way, mostly none.
    pub(super) fn enter(
        &mut self,
        attempt: &Arc<LoginAttempt>,
        ticket: Ticket,
        now: Instant,
        until: Instant,
    ) -> (Seated, Vec<Invariant>) {
        let sender = WatchSender::new(SeatState::Waiting { head: false });
        let state = sender.reader();
        self.seats.insert(
            ticket,
            Seat {
                attempt: Arc::clone(attempt),
                state: sender,
            },
        );
        let request = Request {
            ticket,
            lane: if attempt.is_proven() {
                Lane::Main
            } else {
                Lane::Unproven
            },
            password: attempt.tag,
            prefix: attempt.prefix(),
            capacity: attempt.policy.queue,
            until,
        };
        let broken = self.apply(Input::Request(request), now, None);
        let seated = Seated {
            ticket,
            state,
            contended: self.contended.reader(),
            turn: self.turn.as_ref().map(|turn| turn.subscribe()),
            // One that has no place finds all the others before it.
            ahead: self.queue.ahead_of(ticket).unwrap_or(self.queue.waiters()),
        };
        (seated, broken)
    }

    /// Applies `input` and tells the seats. `line`: the backend's words, if any, for waiters that
    /// are refused with the holder. Returns faults of popgate, mostly none.
    pub(super) fn apply(
        &mut self,
        input: Input,
        now: Instant,
        line: Option<&Arc<[u8]>>,
    ) -> Vec<Invariant> {
        // The queue has no effect for a waiter that leaves by itself: its seat is removed here.
        if let Input::Withdraw(ticket) = input {
            self.seats.remove(&ticket);
        }
        self.is_in |=
            matches!(input, Input::Accepted(ticket) if Some(ticket) == self.queue.holder());
        let mut broken = Vec::new();
        let mut effects = Vec::new();
        self.queue.apply(input, now, &mut effects);
        self.carry_out_all(&mut effects, now, line, &mut broken);
        self.uphold_seats(now, &mut effects, &mut broken);
        if self.queue.holder().is_none() {
            self.holder = None;
        }
        if self.seats.is_empty() {
            // A map keeps its room, which most maildrops need for a moment alone.
            self.seats.shrink_to_fit();
        }
        // Whoever was granted the lock just now takes the prewarmed connection; else it is for
        // somebody who waits in the main lane, or for nobody.
        let granted = effects
            .iter()
            .any(|effect| matches!(effect, Effect::Granted(_)));
        if !granted && self.queue.head().is_none() {
            self.prewarmed = None;
        }
        broken
    }

    /// Carries out what has not been yet: behind `effects` come those of repairs.
    fn carry_out_all(
        &mut self,
        effects: &mut Vec<Effect>,
        now: Instant,
        line: Option<&Arc<[u8]>>,
        broken: &mut Vec<Invariant>,
    ) {
        // By index, since repairs append to the list that is walked.
        let mut next = 0;
        while let Some(effect) = effects.get(next).copied() {
            next += 1;
            if let Err(fault) = self.carry_out(effect, now, line) {
                broken.push(fault.invariant);
                // Nobody is told of what this ticket has, so nobody would give it back. Whichever
                // input does not fit is ignored.
                if let Some(ticket) = fault.orphan {
                    self.queue.apply(Input::Withdraw(ticket), now, effects);
                    self.queue.apply(Input::Release(ticket), now, effects);
                }
            }
        }
    }

    fn carry_out(
        &mut self,
        effect: Effect,
        now: Instant,
        line: Option<&Arc<[u8]>>,
    ) -> Result<(), Fault> {
        match effect {
            Effect::Granted(ticket) => {
                // It outlives the holder: what the last one was told is not for this one.
                self.contended.send(false);
                self.is_in = false;
                let state = SeatState::Granted { at: now };
                self.holder = Some(self.settle(ticket, state)?);
            }
            Effect::Evicted { ticket, .. } => {
                self.settle(ticket, SeatState::Evicted)?;
            }
            Effect::Refused(ticket) => {
                self.settle(ticket, SeatState::Refused(line.map(Arc::clone)))?;
            }
            Effect::Promoted(ticket) => self.move_to(ticket, false)?,
            Effect::Head(ticket) => self.move_to(ticket, true)?,
            Effect::Contended(contended) => {
                self.contended.send(contended);
            }
            Effect::Broken(invariant) => return Err(Fault::repaired(invariant)),
        }
        Ok(())
    }

    /// The last word to a seat.
    fn settle(&mut self, ticket: Ticket, state: SeatState) -> Result<Arc<LoginAttempt>, Fault> {
        let seat = self
            .seats
            .remove(&ticket)
            .ok_or_else(|| Fault::no_seat(ticket))?;
        seat.state.send(state);
        Ok(seat.attempt)
    }

    fn move_to(&mut self, ticket: Ticket, head: bool) -> Result<(), Fault> {
        let seat = self
            .seats
            .get(&ticket)
            .ok_or_else(|| Fault::no_seat(ticket))?;
        seat.state.send(SeatState::Waiting { head });
        Ok(())
    }

    /// Each waiter has a seat, and nobody else has one. Compared by number, since a difference of
    /// one is how it begins; then each is looked at.
    fn uphold_seats(
        &mut self,
        now: Instant,
        effects: &mut Vec<Effect>,
        broken: &mut Vec<Invariant>,
    ) {
        if self.seats.len() == self.queue.waiters() {
            return;
        }
        broken.push(Invariant::SeatForEachWaiter);
        // Sessions that the queue does not know end: they would wait for ever.
        let queue = &self.queue;
        self.seats.retain(|ticket, seat| {
            let waits = queue.ahead_of(*ticket).is_some();
            if !waits {
                seat.state.send(SeatState::Broken);
            }
            waits
        });
        // Waiters that nobody can tell of their turn would hold the lock for ever.
        let unseated: Vec<Ticket> = self
            .queue
            .waiting()
            .map(|waiting| waiting.ticket)
            .filter(|ticket| !self.seats.contains_key(ticket))
            .collect();
        let mut repairs = Vec::new();
        for ticket in unseated {
            self.queue.apply(Input::Withdraw(ticket), now, &mut repairs);
        }
        self.carry_out_all(&mut repairs, now, None, broken);
        effects.append(&mut repairs);
    }

    /// Keeps a greeted connection of `ticket`, listed by `list`, for whoever is next. A second one
    /// is dropped, and so is one that nobody waits for any more.
    pub(super) fn keep_prewarmed(&mut self, ticket: Ticket, list: impl FnOnce() -> Prewarmed<C>) {
        // The waiter that opened it may have been granted the lock meanwhile, and takes it then.
        let somebody_is_next = self.queue.head().is_some() || self.queue.holder() == Some(ticket);
        if self.prewarmed.is_none() && somebody_is_next {
            self.prewarmed = Some(Box::new(list()));
        }
    }

    pub(super) fn has_prewarmed(&self) -> bool {
        self.prewarmed.is_some()
    }

    /// Takes the prewarmed connection, and asks the head of the queue for another.
    pub(super) fn take_prewarmed(&mut self) -> Option<C> {
        let prewarmed = *self.prewarmed.take()?;
        // It may have been told that before: the head slept while there was one.
        if let Some(head) = self.queue.head()
            && let Some(seat) = self.seats.get(&head)
        {
            seat.state.send(SeatState::Waiting { head: true });
        }
        Some(prewarmed.connection)
    }

    /// The same, if it is the one that the index has under this number.
    pub(super) fn take_prewarmed_number(&mut self, number: u64) -> Option<C> {
        self.prewarmed
            .as_ref()
            .is_some_and(|prewarmed| prewarmed.is(number))
            .then(|| self.take_prewarmed())
            .flatten()
    }

    pub(super) fn home(&self) -> Option<BackendName> {
        self.home.clone()
    }

    /// Whether it was elsewhere before, or nowhere.
    pub(super) fn settle_at(&mut self, backend: &BackendName) -> bool {
        self.home.replace(backend.clone()).as_ref() != Some(backend)
    }

    /// Another gate has said where it is; a session of this gate knows better.
    pub(super) fn learn_home(&mut self, backend: Option<&BackendName>) {
        if self.home.is_none() {
            self.home = backend.cloned();
        }
    }

    pub(super) fn set_turn(&self, state: TurnState) {
        if let Some(turn) = &self.turn {
            turn.send_replace(state);
        }
    }

    pub(super) fn holder(&self) -> Option<SessionId> {
        self.holder.as_ref().map(|attempt| attempt.session)
    }

    /// The tenant of the login at the front of the main lane.
    pub(super) fn next_tenant(&self) -> Option<TenantName> {
        let seat = self.seats.get(&self.queue.head()?)?;
        Some(seat.attempt.tenant().clone())
    }

    /// The holder was shown a listing: who waits with the same password hears of it.
    pub(super) fn tell_listed(&self, password: PasswordTag) {
        let of_password = |seat: &&Seat| seat.attempt.tag == password;
        for seat in self.seats.values().filter(of_password) {
            // Wakes also where nothing changed, which is what this is for.
            seat.state.send_if_modified(|_| true);
        }
    }

    pub(super) fn wake_contended(&self) {
        // Wakes also where nothing changed, which is what this is for.
        self.contended.send_if_modified(|contended| *contended);
    }

    /// Whether somebody waits, in whichever lane.
    pub(super) fn is_contended(&self) -> bool {
        self.queue.waiters() > 0
    }

    /// How long one of those that hold it or wait for it may be let in on what it was shown.
    /// Strangers are shown nothing: what they ask for must take no room at the engine.
    pub(super) fn shown_for(&self) -> Duration {
        let holder = (self.holder.iter()).filter(|it| self.is_in || it.is_proven());
        (self.seats.values().map(|seat| &seat.attempt))
            .filter(|waiting| waiting.is_proven())
            .chain(holder)
            .map(|attempt| &attempt.policy)
            .map(|policy| policy.sharing.lets_in_for(&policy.rules.polls))
            .max()
            .unwrap_or_default()
    }

    pub(super) fn is_unused(&self) -> bool {
        self.queue.is_empty()
    }

    pub(super) fn wait_progress(&self, now: Instant) -> WaitProgress {
        self.queue.wait_progress(now)
    }

    /// A copy of what is seen of it.
    pub(super) fn view(&self, key: &MaildropKey) -> LockView {
        let holder = self.queue.holding().zip(self.holder.as_deref());
        LockView {
            key: key.clone(),
            holder: holder.map(|(holding, attempt)| HolderView {
                claimant: Claimant::from(attempt),
                lane: holding.lane,
                since: holding.since,
            }),
            waiters: self
                .queue
                .waiting()
                .filter_map(|waiting| {
                    let seat = self.seats.get(&waiting.ticket)?;
                    Some(WaiterView {
                        claimant: Claimant::from(&*seat.attempt),
                        lane: waiting.lane,
                        since: waiting.since,
                        until: waiting.until,
                    })
                })
                .collect(),
            home: self.home(),
        }
    }
}

/// An effect that cannot be carried out.
struct Fault {
    invariant: Invariant,
    /// A ticket that the queue must forget.
    orphan: Option<Ticket>,
}

impl Fault {
    fn repaired(invariant: Invariant) -> Self {
        Self {
            invariant,
            orphan: None,
        }
    }

    fn no_seat(ticket: Ticket) -> Self {
        Self {
            invariant: Invariant::SeatForEachWaiter,
            orphan: Some(ticket),
        }
    }
}
