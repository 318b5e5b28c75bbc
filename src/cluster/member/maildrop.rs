//! One maildrop, as a gate stands with the engine over it.

use super::io::MaildropStatement;
use crate::cluster::protocol::{
    Holds, MaildropReport, MainSlot, TurnNumber, TurnStanding, UnprovenSlot,
};
use crate::limits::{CLUSTER_ELSEWHERE, WAIT_MAX};
use crate::lock::queue::{HolderStatement, Lane, LaneStatement};
use crate::time::{Duration, Instant};

/// The generation of no lease.
pub(super) const NO_LEASE: u64 = 0;

/// By what right the holder here holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum TurnRight {
    /// Nobody holds it here.
    #[default]
    None,
    /// By a turn, as of the lease of this generation.
    Turn(TurnNumber, u64),
    /// Without a turn: it began while the engine was away.
    Local,
    /// Another gate has the turn meanwhile, as the engine says; this session goes on beside that
    /// one's.
    Lost {
        /// What it says of itself.
        said: Holds,
        /// Whether it counts as one that overlaps that one's.
        is_counted: bool,
    },
}

/// What the engine believes of this gate, as far as it has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Believed {
    holds: Holds,
    main: bool,
    unproven: bool,
}

/// What is said in one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SaidOfMaildrop {
    pub(super) holds: Holds,
    pub(super) main: Option<MainSlot>,
    pub(super) unproven: Option<UnprovenSlot>,
}

/// A call that is not answered yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct InFlight {
    pub(super) sequence: u64,
    pub(super) sent_at: Instant,
    /// Of the gate's lease when it was sent.
    generation: u64,
    said: SaidOfMaildrop,
}

/// What an answer means for the gate's own queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TurnOutcome {
    /// Nothing new.
    Nothing,
    /// A turn for this lane, good under the lease of this generation.
    Turn(TurnNumber, Lane, u64),
    /// The holder's turn is good under the lease of this generation; with the turn under which its
    /// session began, if it began under one.
    Confirmed(Option<TurnNumber>, u64),
    /// The holder's turn is another gate's; whether its session overlaps that one's.
    Lost { is_overlap: bool },
    /// The session overlaps that of another gate which has the turn, as was told before.
    Overlap,
}

/// One maildrop.
#[derive(Debug)]
pub(super) struct SharedMaildrop {
    pub(super) statement: MaildropStatement,
    pub(super) right: TurnRight,
    /// The queue serves by itself, while the engine is away.
    pub(super) is_local: bool,
    pub(super) in_flight: Option<InFlight>,
    /// When something is to be done, if nothing happens before.
    pub(super) due: Option<Instant>,
    seen: TurnNumber,
    believed: Believed,
    /// Somebody waits in the main lane of another gate, as was told; until when that counts.
    elsewhere_until: Option<Instant>,
    /// When the lease ends of another gate that holds it.
    held_elsewhere_until: Option<Instant>,
    /// It must be told anew in any case.
    pub(super) is_unsaid: bool,
    /// The queue was given a turn, and has not said yet what it made of it.
    awaits_statement: bool,
    /// It waits until it may make a call.
    pub(super) is_queued: bool,
    /// The session here began without the turn that the engine has given it since, or has lost
    /// its own for a while.
    began_without: bool,
    /// How long the engine is to keep its last turn, for all that were here.
    pub(super) keep: Duration,
}

impl SharedMaildrop {
    pub(super) fn new() -> Self {
        Self {
            statement: MaildropStatement::default(),
            right: TurnRight::None,
            is_local: false,
            in_flight: None,
            due: None,
            seen: TurnNumber(0),
            believed: Believed {
                holds: Holds::Nothing,
                main: false,
                unproven: false,
            },
            elsewhere_until: None,
            held_elsewhere_until: None,
            is_unsaid: false,
            awaits_statement: false,
            is_queued: false,
            began_without: false,
            keep: Duration::ZERO,
        }
    }

    /// Whether nothing can be said now: an answer, or a statement of the queue, is awaited.
    pub(super) fn is_busy(&self) -> bool {
        self.in_flight.is_some() || self.awaits_statement || self.is_queued
    }

    /// The queue is given a turn: it says at once what it made of it.
    pub(super) fn give(&mut self) {
        self.awaits_statement = true;
    }

    /// Takes over how the gate's queue is now.
    pub(super) fn state(&mut self, statement: MaildropStatement) {
        let holder_before = self.statement.queue.holder.map(|holder| holder.since);
        let holder = statement.queue.holder.map(|holder| holder.since);
        let has_begun = statement.queue.holder.is_some_and(|it| it.has_begun);
        if statement.life != self.statement.life {
            self.is_local = false;
            self.elsewhere_until = None;
            self.right = TurnRight::None;
        }
        // Of one that is not in use any more nobody knows whose it was.
        self.keep = self.keep.max(statement.shown_for);
        self.statement = statement;
        self.awaits_statement = false;
        if holder != holder_before {
            self.began_without = false;
        }
        if holder.is_none() {
            self.right = TurnRight::None;
        } else if (self.is_local && holder != holder_before)
            // It was granted by a queue that had not heard yet that the engine is back.
            || (has_begun && self.right == TurnRight::None)
        {
            self.right = TurnRight::Local;
        }
    }

    /// The engine is back: the queue needs turns again, and one from before is good when it is
    /// confirmed.
    pub(super) fn share_again(&mut self) {
        self.is_local = false;
        if let TurnRight::Turn(number, _) = self.right {
            self.right = TurnRight::Turn(number, NO_LEASE);
        }
    }

    /// Whether the engine has nothing to hear, and nothing is awaited of it.
    pub(super) fn is_over(&self) -> bool {
        let believes_nothing =
            self.believed.holds == Holds::Nothing && !self.believed.main && !self.believed.unproven;
        self.statement.queue.is_empty()
            && self.in_flight.is_none()
            && !self.is_unsaid
            && believes_nothing
    }

    /// Whether another gate holds it, as far as is known.
    pub(super) fn is_held_elsewhere(&self, now: Instant) -> bool {
        self.held_elsewhere_until.is_some_and(|until| until > now)
    }

    pub(super) fn held_elsewhere_until(&self) -> Option<Instant> {
        self.held_elsewhere_until
    }

    /// What the gate holds and wants here.
    pub(super) fn say(&self, now: Instant) -> SaidOfMaildrop {
        let queue = &self.statement.queue;
        let holder = queue.holder;
        match (holder, self.right) {
            // Nobody behind it is served as long as its session lasts.
            (Some(_), TurnRight::Lost { said: holds, .. }) => SaidOfMaildrop {
                holds,
                main: None,
                unproven: None,
            },
            // It waits for another turn, as the first of its lane.
            (Some(holder), TurnRight::None) => {
                let first = waits_again(holder, now);
                let main = holder.lane == Lane::Main;
                SaidOfMaildrop {
                    holds: Holds::Nothing,
                    main: main
                        .then_some(first)
                        .or(queue.main)
                        .map(|it| main_slot(it, now)),
                    unproven: (!main)
                        .then_some(first)
                        .or(queue.unproven)
                        .map(|it| unproven_slot(it, now)),
                }
            }
            (holder, right) => SaidOfMaildrop {
                holds: match right {
                    TurnRight::Turn(number, _) if holder.is_some() => Holds::Turn(number),
                    TurnRight::Local => Holds::Local,
                    _ => Holds::Nothing,
                },
                main: queue.main.map(|it| main_slot(it, now)),
                unproven: queue.unproven.map(|it| unproven_slot(it, now)),
            },
        }
    }

    /// Whether the engine believes something that must be put right at once.
    pub(super) fn must_say(&self, now: Instant, generation: u64) -> bool {
        let said = self.say(now);
        if self.is_unsaid || self.believed.holds != said.holds {
            return true;
        }
        let appeared = |believed: bool, said: bool| said && !believed;
        let vanished = |believed: bool, said: bool| believed && !said;
        let lanes = [
            (self.believed.main, said.main.is_some()),
            (self.believed.unproven, said.unproven.is_some()),
        ];
        // A place that is left over goes with the release of the turn.
        let holds = said.holds != Holds::Nothing;
        let is_unconfirmed = matches!(self.right, TurnRight::Turn(_, of) if of != generation);
        is_unconfirmed
            || lanes.iter().any(|&(believed, said)| {
                appeared(believed, said) || (!holds && vanished(believed, said))
            })
    }

    /// A call is made with this.
    pub(super) fn sent(
        &mut self,
        said: SaidOfMaildrop,
        sequence: u64,
        generation: u64,
        now: Instant,
    ) {
        self.is_unsaid = false;
        self.in_flight = Some(InFlight {
            sequence,
            sent_at: now,
            generation,
            said,
        });
    }

    pub(super) fn seen(&self) -> TurnNumber {
        self.seen
    }

    /// The answer to the call in flight.
    pub(super) fn answered(
        &mut self,
        call: InFlight,
        report: &MaildropReport,
        generation: u64,
        now: Instant,
    ) -> TurnOutcome {
        self.believed = Believed {
            holds: call.said.holds,
            main: call.said.main.is_some(),
            unproven: call.said.unproven.is_some(),
        };
        self.held_elsewhere_until = report.holder.map(|holder| now + holder.lease_left);
        let holder = self.statement.queue.holder;
        match report.standing {
            TurnStanding::Stale => {
                self.is_unsaid = true;
                TurnOutcome::Nothing
            }
            // The lease has run out meanwhile: it is asked for once more, as if it had not come.
            TurnStanding::Granted(..) if call.generation != generation => {
                self.is_unsaid = true;
                TurnOutcome::Nothing
            }
            TurnStanding::Granted(number, lane) => {
                self.began_without = false;
                self.take(number, generation);
                TurnOutcome::Turn(number, lane, generation)
            }
            TurnStanding::Held(number) => {
                let was_known = self.right == TurnRight::Turn(number, generation);
                // The engine gives one to each.
                self.began_without |= !matches!(self.right, TurnRight::Turn(of, _) if of == number);
                let began_under = Some(number).filter(|_| !self.began_without);
                self.take(number, call.generation);
                if holder.is_none() {
                    // It has ended meanwhile: what the engine believes is to be put right.
                    self.right = TurnRight::None;
                }
                match holder.is_some() && call.generation == generation && !was_known {
                    true => TurnOutcome::Confirmed(began_under, generation),
                    false => TurnOutcome::Nothing,
                }
            }
            TurnStanding::Lost => self.lose(call.said.holds),
            TurnStanding::Queued | TurnStanding::Idle => TurnOutcome::Nothing,
        }
    }

    fn take(&mut self, number: TurnNumber, generation: u64) {
        self.seen = self.seen.max(number);
        self.believed.holds = Holds::Turn(number);
        self.right = TurnRight::Turn(number, generation);
    }

    fn lose(&mut self, held: Holds) -> TurnOutcome {
        let Some(holder) = self.statement.queue.holder else {
            return TurnOutcome::Nothing;
        };
        let before = self.right;
        if !holder.has_begun {
            // It waits for another turn.
            self.right = TurnRight::None;
            return TurnOutcome::Lost { is_overlap: false };
        }
        // Where it began without the engine, the other gate may only not have said yet that its
        // own session had ended by then: it has until this is asked again.
        let is_again = matches!(before, TurnRight::Lost { .. });
        let is_overlap = is_again || held != Holds::Local;
        self.right = TurnRight::Lost {
            said: held,
            is_counted: is_overlap,
        };
        match before {
            TurnRight::Lost {
                is_counted: true, ..
            } => TurnOutcome::Nothing,
            TurnRight::Lost { .. } => TurnOutcome::Overlap,
            _ => TurnOutcome::Lost { is_overlap },
        }
    }

    /// Whether somebody waits in the main lane of another gate; `Some` where that is news.
    pub(super) fn heard_elsewhere(&mut self, somebody: bool, now: Instant) -> Option<bool> {
        let was = self.elsewhere_until.is_some();
        self.elsewhere_until = somebody.then(|| now + CLUSTER_ELSEWHERE);
        (was != somebody).then_some(somebody)
    }

    /// Whether that was told so long ago that it does not count any more.
    pub(super) fn elsewhere_lapses(&mut self, now: Instant) -> bool {
        let lapses = self.elsewhere_until.is_some_and(|until| until <= now);
        if lapses {
            self.elsewhere_until = None;
        }
        lapses
    }

    pub(super) fn elsewhere_until(&self) -> Option<Instant> {
        self.elsewhere_until
    }

    /// Whether it asks for a turn until it has one.
    pub(super) fn waits(&self) -> bool {
        self.statement.queue.main.is_some()
            || self.statement.queue.unproven.is_some()
            || matches!(self.right, TurnRight::Lost { .. } | TurnRight::None)
    }

    /// The queue serves by itself from now on.
    pub(super) fn go_local(&mut self) {
        self.is_local = true;
        if self.right == TurnRight::None && self.statement.queue.holder.is_some() {
            self.right = TurnRight::Local;
        }
    }
}

/// A holder that has not begun, as the first waiter of its lane.
fn waits_again(holder: HolderStatement, now: Instant) -> LaneStatement {
    LaneStatement {
        since: holder.since,
        half: now,
        until: holder.since + WAIT_MAX,
    }
}

fn main_slot(lane: LaneStatement, now: Instant) -> MainSlot {
    MainSlot {
        age: now.saturating_duration_since(lane.since),
        until: left(lane.until, now),
    }
}

fn unproven_slot(lane: LaneStatement, now: Instant) -> UnprovenSlot {
    UnprovenSlot {
        age: now.saturating_duration_since(lane.since),
        half: lane.half.saturating_duration_since(now),
        until: left(lane.until, now),
    }
}

/// At least a moment: a place that is said is there.
fn left(until: Instant, now: Instant) -> Duration {
    until
        .saturating_duration_since(now)
        .max(Duration::from_millis(1))
}
