//! The lock of one maildrop: who holds it, who waits, who is next.
//!
//! A pure state machine: [`LockQueue::apply`] takes one [`Input`] and the time, and says what
//! follows as [`Effect`]s. Two lanes wait. The *main* lane is for passwords that the backend
//! accepted lately; it goes first. The *unproven* lane is for all others: it is served when the
//! main lane is empty, and its oldest waiter also after half of its budget, at most one turn in
//! four. Within a lane it is first come, first served. Which waiter loses its place where a lane
//! is full stands in `queue/eviction.rs`.
//!
//! Other gates may serve the same maildrop. What a queue must know for that are inputs of it:
//! whether it may serve (`queue/lease.rs`), and whether somebody waits elsewhere. What they must
//! know of it is its [`Statement`]. One gate alone needs neither.

mod eviction;
mod invariant;
mod lease;
mod seen;
mod statement;
#[cfg(test)]
mod tests;

pub use invariant::Invariant;
pub use lease::{Authority, LeaseChange};
pub use seen::{Holding, WaitProgress, Waiting};
pub use statement::{HolderStatement, LaneStatement, Statement};

use crate::ids::ClientPrefix;
use crate::limits::MAIN_TURNS_BETWEEN;
use crate::secret::PasswordTag;
use crate::time::Instant;
use lease::Right;
use std::collections::VecDeque;

/// One login's request for the lock. The caller never uses one twice in the life of the process: a
/// session that gives the lock back and wants it again has another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// Where a login waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// For passwords that the backend accepted lately.
    Main,
    /// For passwords that it has not been asked about, or not lately.
    Unproven,
}

/// A login that wants the lock.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its name from here on.
    pub ticket: Ticket,
    /// Where it waits if it must.
    pub lane: Lane,
    /// Its password: of all that wait with the same one, one is tried for all.
    pub password: PasswordTag,
    /// The network that counts as one client where places are shared out.
    pub prefix: ClientPrefix,
    /// The tenant's `queue`: waiters for each lane; 0: nobody waits.
    pub capacity: usize,
    /// The end of its waiting. The waiter itself keeps to it, by [`Input::Withdraw`].
    pub until: Instant,
}

/// What happened to the lock. An input that names a ticket in a role which it does not have is
/// out of date, and changes nothing.
#[derive(Clone, Debug)]
pub enum Input {
    /// A login wants the lock.
    Request(Request),
    /// A waiter left.
    Withdraw(Ticket),
    /// The backend accepted the holder's password.
    Accepted(Ticket),
    /// The backend refused the holder's password as wrong.
    Refused(Ticket),
    /// The holder's backend connection has ended. Its session may go on, and ask again.
    Release(Ticket),
    /// The holder's password is written now: it is in the maildrop until its backend's end.
    Begin(Ticket),
    /// The holder's backend connection has ended, and it may try again: nobody is in.
    Pause(Ticket),
    /// The lease was granted or lost. A local queue has none.
    Lease(LeaseChange),
    /// Whether the queue serves by itself from now on.
    Authority(Authority),
    /// Whether somebody waits in the main lane of another gate. It holds until told otherwise.
    WaitersElsewhere(bool),
}

/// What follows, in the order in which it happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It holds the lock now.
    Granted(Ticket),
    /// It waits in the main lane now: its password was accepted.
    Promoted(Ticket),
    /// It is out of the queue: its password is the one that was refused just now.
    Refused(Ticket),
    /// It is out of the queue: its lane is full.
    Evicted {
        /// The one that is out.
        ticket: Ticket,
        /// Whether it never had a place.
        newcomer: bool,
    },
    /// It is now at the front of the main lane: the one that connects to the backend in advance.
    Head(Ticket),
    /// Whether somebody waits in the main lane, here or elsewhere; for the holder, which starts
    /// from `false`.
    Contended(bool),
    /// A fault of popgate was found here, and put right.
    Broken(Invariant),
}

/// The lock of one maildrop and its two lanes. Somebody waits only while somebody holds it, or
/// where a turn is awaited.
#[derive(Debug)]
pub struct LockQueue {
    right: Right,
    holder: Option<Holder>,
    main: VecDeque<Waiter>,
    unproven: VecDeque<Waiter>,
    waiters_elsewhere: bool,
    /// Turns of the main lane since the last one of the unproven lane, up to what matters.
    main_turns: u8,
    /// What the holder was told last.
    told_contended: bool,
    /// The ticket that was told last that it is the head, if it still is.
    told_head: Option<Ticket>,
}

#[derive(Debug)]
struct Holder {
    holding: Holding,
    password: PasswordTag,
    has_begun: bool,
}

#[derive(Debug)]
struct Waiter {
    request: Request,
    since: Instant,
}

impl Default for LockQueue {
    fn default() -> Self {
        Self::new(Authority::Local)
    }
}

impl LockQueue {
    /// A free lock for which nobody waits.
    #[must_use]
    pub fn new(authority: Authority) -> Self {
        Self {
            right: authority.into(),
            waiters_elsewhere: false,
            holder: None,
            main: VecDeque::new(),
            unproven: VecDeque::new(),
            // As if the main lane had had its turns: an unproven login that is due is next.
            main_turns: MAIN_TURNS_BETWEEN,
            told_contended: false,
            told_head: None,
        }
    }

    /// Takes one input and appends what follows to `effects`.
    pub fn apply(&mut self, input: Input, now: Instant, effects: &mut Vec<Effect>) {
        match input {
            Input::Request(request) => self.request(request, now, effects),
            Input::Withdraw(ticket) => self.withdraw(ticket),
            Input::Accepted(ticket) => self.accepted(ticket, effects),
            Input::Refused(ticket) => self.refused(ticket, effects),
            Input::Release(ticket) => self.release(ticket, now, effects),
            Input::Begin(ticket) => self.set_begun(ticket, true),
            Input::Pause(ticket) => self.set_begun(ticket, false),
            Input::Authority(authority) => self.change_authority(authority, now, effects),
            Input::Lease(change) => self.lease_changed(change, now, effects),
            Input::WaitersElsewhere(somebody) => self.waiters_elsewhere = somebody,
        }
        self.settle_lease();
        self.uphold(now, effects);
        // Last: a repair may have granted the lock, and the new holder is told what holds now.
        self.tell_contended(effects);
        self.tell_head(effects);
    }

    /// Nobody holds the lock and nobody waits: it can be forgotten.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.holder.is_none() && self.waiters() == 0
    }

    /// The ticket that holds the lock.
    #[must_use]
    pub fn holder(&self) -> Option<Ticket> {
        self.holder.as_ref().map(|holder| holder.holding.ticket)
    }

    /// How many wait, in both lanes.
    #[must_use]
    pub fn waiters(&self) -> usize {
        self.main.len() + self.unproven.len()
    }

    /// Whether somebody waits in the main lane, here or elsewhere. It is a state and not an event:
    /// a new holder is told it, too.
    #[must_use]
    pub fn is_contended(&self) -> bool {
        !self.main.is_empty() || self.waiters_elsewhere
    }

    /// The ticket at the front of the main lane here.
    #[must_use]
    pub fn head(&self) -> Option<Ticket> {
        self.main.front().map(|waiter| waiter.request.ticket)
    }

    fn line(&self) -> impl Iterator<Item = &Waiter> {
        self.main.iter().chain(&self.unproven)
    }

    fn lane_mut(&mut self, lane: Lane) -> &mut VecDeque<Waiter> {
        match lane {
            Lane::Main => &mut self.main,
            Lane::Unproven => &mut self.unproven,
        }
    }

    fn request(&mut self, request: Request, now: Instant, effects: &mut Vec<Effect>) {
        let is_free = self.is_empty();
        if is_free && self.right == Right::Local {
            return self.grant(&request, now, effects);
        }
        if request.lane == Lane::Main {
            // Another gate's backend has accepted it, and nobody who waits has heard of that.
            self.prove(request.password, effects);
        }
        let ticket = request.ticket;
        let newcomer = Waiter {
            request,
            since: now,
        };
        if is_free {
            // It waits for the lease and for nobody before it: no capacity forbids that.
            self.lane_mut(newcomer.request.lane).push_back(newcomer);
        } else if !self.enter(newcomer, effects) {
            effects.push(Effect::Evicted {
                ticket,
                newcomer: true,
            });
        }
    }

    fn withdraw(&mut self, ticket: Ticket) {
        self.main.retain(|waiter| waiter.request.ticket != ticket);
        self.unproven
            .retain(|waiter| waiter.request.ticket != ticket);
    }

    fn accepted(&mut self, ticket: Ticket, effects: &mut Vec<Effect>) {
        if let Some(password) = self.password_of_holder(ticket) {
            self.prove(password, effects);
        }
    }

    /// All that wait with this password move to the end of the main lane.
    fn prove(&mut self, password: PasswordTag, effects: &mut Vec<Effect>) {
        // One by one: each is a newcomer in the main lane, where it may find no place.
        for mut waiter in take_out(&mut self.unproven, password) {
            let ticket = waiter.request.ticket;
            waiter.request.lane = Lane::Main;
            let effect = if self.enter(waiter, effects) {
                Effect::Promoted(ticket)
            } else {
                Effect::Evicted {
                    ticket,
                    newcomer: false,
                }
            };
            effects.push(effect);
        }
    }

    /// All that wait with the holder's password have their answer. The lock stays held: the
    /// backend connection has yet to end.
    fn refused(&mut self, ticket: Ticket, effects: &mut Vec<Effect>) {
        let Some(password) = self.password_of_holder(ticket) else {
            return;
        };
        for lane in [&mut self.main, &mut self.unproven] {
            effects.extend(
                take_out(lane, password)
                    .into_iter()
                    .map(|waiter| Effect::Refused(waiter.request.ticket)),
            );
        }
    }

    /// The lock goes to the next waiter at once, so that no newcomer can barge in; or the lease
    /// goes back, and whoever grants leases sees to that.
    fn release(&mut self, ticket: Ticket, now: Instant, effects: &mut Vec<Effect>) {
        if self.holder() != Some(ticket) {
            return;
        }
        self.holder = None;
        if self.right == Right::Local {
            self.serve_next(now, effects);
        }
    }

    fn set_begun(&mut self, ticket: Ticket, has_begun: bool) {
        if let Some(holder) = &mut self.holder
            && holder.holding.ticket == ticket
        {
            holder.has_begun = has_begun;
        }
    }

    pub(super) fn serve_next(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        if let Some(next) = self.next(now) {
            self.grant(&next.request, now, effects);
        }
    }

    /// Without the turns in between a crowd of strangers, each past half of its budget, would keep
    /// the owner out.
    fn next(&mut self, now: Instant) -> Option<Waiter> {
        let oldest = self.unproven.front();
        let is_due = self.main_turns >= MAIN_TURNS_BETWEEN
            && oldest.is_some_and(|waiter| waiter.is_past_half(now));
        if self.main.is_empty() || is_due {
            self.unproven.pop_front()
        } else {
            self.main.pop_front()
        }
    }

    fn grant(&mut self, request: &Request, now: Instant, effects: &mut Vec<Effect>) {
        self.main_turns = match request.lane {
            // Counted no further than it matters, so that it cannot overflow.
            Lane::Main => MAIN_TURNS_BETWEEN.min(self.main_turns + 1),
            Lane::Unproven => 0,
        };
        self.holder = Some(Holder {
            holding: Holding {
                ticket: request.ticket,
                lane: request.lane,
                since: now,
            },
            password: request.password,
            has_begun: false,
        });
        // The state was told to the holder before; this one has heard nothing yet.
        self.told_contended = false;
        effects.push(Effect::Granted(request.ticket));
    }

    /// Puts a waiter at the end of its lane, in the place of others where the lane is full.
    /// `false`: it got no place.
    fn enter(&mut self, newcomer: Waiter, effects: &mut Vec<Effect>) -> bool {
        let lane = self.lane_mut(newcomer.request.lane);
        let Some(losers) = eviction::make_room(lane, &newcomer.request) else {
            return false;
        };
        lane.retain(|waiter| !losers.contains(&waiter.request.ticket));
        lane.push_back(newcomer);
        effects.extend(losers.into_iter().map(|ticket| Effect::Evicted {
            ticket,
            newcomer: false,
        }));
        true
    }

    fn password_of_holder(&self, ticket: Ticket) -> Option<PasswordTag> {
        self.holder
            .as_ref()
            .filter(|holder| holder.holding.ticket == ticket)
            .map(|holder| holder.password)
    }

    /// Finds what must never be, in constant time, and puts it right so that nobody waits for ever.
    fn uphold(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        // The fronts alone, which are next to be served: a whole search is not constant time.
        if let Some(holder) = self.holder()
            && [self.main.front(), self.unproven.front()]
                .into_iter()
                .flatten()
                .any(|first| first.request.ticket == holder)
        {
            self.withdraw(holder);
            effects.push(Effect::Broken(Invariant::HolderDoesNotWait));
        }
        // Of a queue with leases it is no fault: its statement says that somebody waits.
        if self.right == Right::Local && self.holder.is_none() && self.waiters() > 0 {
            effects.push(Effect::Broken(Invariant::WaitersAreServed));
            self.serve_next(now, effects);
        }
    }

    fn tell_contended(&mut self, effects: &mut Vec<Effect>) {
        let contended = self.is_contended();
        if contended != self.told_contended && self.holder.is_some() {
            self.told_contended = contended;
            effects.push(Effect::Contended(contended));
        }
    }

    fn tell_head(&mut self, effects: &mut Vec<Effect>) {
        let head = self.head();
        if head != self.told_head {
            self.told_head = head;
            effects.extend(head.map(Effect::Head));
        }
    }
}

impl Waiter {
    fn is_past_half(&self, now: Instant) -> bool {
        now >= self.half()
    }

    /// When half of its wait is over.
    fn half(&self) -> Instant {
        self.since + self.request.until.duration_since(self.since) / 2
    }
}

/// Removes those who wait with `password`, in order of arrival.
fn take_out(lane: &mut VecDeque<Waiter>, password: PasswordTag) -> VecDeque<Waiter> {
    let (out, rest) = std::mem::take(lane)
        .into_iter()
        .partition(|waiter| waiter.request.password == password);
    *lane = rest;
    out
}
