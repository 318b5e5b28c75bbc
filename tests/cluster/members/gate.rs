//! One gate: the member, and what a node, its locks and its sessions do around it.

use super::clock::GateClock;
use popgate::cluster::member::{
    ClusterState, MaildropStatement, Member, MemberAction, MemberInput, MemberOptions, OnOutage,
};
use popgate::cluster::protocol::{
    BeatAnswer, BeatCall, Epoch, GateId, MaildropId, MaildropReport, Push, SyncAnswer, SyncCall,
    TurnNumber,
};
use popgate::lock::queue::{
    Authority, Effect, Input, Lane, LeaseChange, LockQueue, Request, Statement, Ticket,
};
use popgate::secret::PasswordTag;
use popgate::time::{Duration, Instant};
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::Arc;

pub(super) const LEASE: Duration = Duration::from_secs(15);
/// Where no other place can be had, one is found elsewhere.
const CAPACITY: usize = 16;

/// What reaches a gate, or becomes due in it.
#[derive(Clone, Debug)]
pub(super) enum News {
    Up,
    Down,
    Synced(MaildropId, u64, Result<SyncAnswer, &'static str>),
    Beaten(u64, Result<BeatAnswer, &'static str>),
    Pushed(Push),
    /// The node looks at the maildrops that have changed.
    Dirty,
    Arrives(Login),
    WaitEnds(Ticket),
    /// The backend's greeting is there: the password can be written.
    PassReady(Ticket),
    /// The backend's end.
    Ends(Ticket),
    Leaves,
}

/// Somebody who logs in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Login {
    pub(super) ticket: Ticket,
    pub(super) maildrop: MaildropId,
    pub(super) lane: Lane,
    pub(super) password: u8,
    pub(super) patience: Duration,
}

/// What follows, for the world around.
#[derive(Clone, Debug)]
pub(super) enum Out {
    Sync(SyncCall),
    Beat(BeatCall),
    Resubscribe,
    Dirty,
    /// It waits until then.
    Waits(Ticket, Instant),
    /// It goes to its backend.
    Granted(Ticket),
    /// Its password is written.
    Begins(Ticket, MaildropId, Turn),
    /// Its backend has closed.
    Ended(Ticket),
    /// Somebody waits for what it has.
    Contended(Ticket),
    GaveUp(Ticket),
    Given(MaildropId, Lane),
    Confirmed(MaildropId),
    Lost(MaildropId),
    Overlap(MaildropId),
    Authority(MaildropId, Authority),
    State(ClusterState),
    Renewed {
        had_lapsed: bool,
    },
    Left,
}

/// By what right a maildrop is served here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Local,
    /// Under the lease of this generation, and with this number, if its session began by it.
    Given(u64, Option<TurnNumber>),
    None,
}

/// What a session was shown, and the turn that it has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown {
    pub(super) ticket: Ticket,
    generation: u64,
    pub(super) number: TurnNumber,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Waits,
    Connects,
    /// Its turn was not good when the password was to be written.
    AwaitsTurn,
    Inside,
}

#[derive(Clone, Copy, Debug)]
struct Session {
    login: Login,
    stage: Stage,
    since: Instant,
}

struct Queue {
    queue: LockQueue,
    life: u64,
    turn: Turn,
}

/// What other gates do, as the engine told this one last.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ToldOfOthers {
    /// When the lease ends of the gate that holds it.
    pub(super) held_until: Option<Instant>,
    /// When it was told that somebody waits in a main lane.
    pub(super) waits_at: Option<Instant>,
}

pub(super) struct Gate {
    pub(super) id: GateId,
    pub(super) clock: GateClock,
    pub(super) is_leaving: bool,
    pub(super) told: BTreeMap<MaildropId, ToldOfOthers>,
    /// When the lease ends of the gate that held it, as it may have forgotten.
    pub(super) told_before: BTreeMap<MaildropId, Instant>,
    /// When the engine answered it last.
    pub(super) answered_at: Instant,
    member: Member,
    on_outage: OnOutage,
    queues: BTreeMap<MaildropId, Queue>,
    ended: BTreeMap<MaildropId, Instant>,
    sessions: BTreeMap<Ticket, Session>,
    keys: BTreeSet<MaildropId>,
    dirty: BTreeSet<MaildropId>,
    /// Of which generation, and until when by the clock that never stands still.
    lease: (u64, u64),
    beats: BTreeMap<u64, (Instant, u64)>,
    last_beat: (Instant, u64),
    syncs: BTreeMap<u64, MaildropId>,
    asked: BTreeMap<MaildropId, Instant>,
    pub(super) epoch: Option<Epoch>,
    shown: BTreeMap<MaildropId, Shown>,
}

impl News {
    /// Whether a clock says it, and no socket.
    pub(super) fn is_deadline(&self) -> bool {
        match self {
            Self::Synced(_, _, answer) => answer.is_err(),
            Self::Beaten(_, answer) => answer.is_err(),
            Self::Up | Self::Down | Self::Pushed(_) | Self::Dirty | Self::Arrives(_) => false,
            Self::WaitEnds(_) | Self::PassReady(_) | Self::Ends(_) | Self::Leaves => true,
        }
    }
}

impl Gate {
    pub(super) fn new(id: GateId, clock: GateClock, on_outage: OnOutage, seed: u64) -> Self {
        let options = MemberOptions {
            gate: id,
            lease: LEASE,
            on_outage,
            fingerprint: Arc::from("same"),
            settings: Arc::from(""),
            info: Arc::from(&b""[..]),
            seed,
        };
        Self {
            id,
            is_leaving: false,
            told: BTreeMap::new(),
            told_before: BTreeMap::new(),
            answered_at: clock.now(),
            member: Member::new(options, clock.now()),
            on_outage,
            queues: BTreeMap::new(),
            ended: BTreeMap::new(),
            sessions: BTreeMap::new(),
            keys: BTreeSet::new(),
            dirty: BTreeSet::new(),
            lease: (0, 0),
            beats: BTreeMap::new(),
            last_beat: (clock.now(), 0),
            syncs: BTreeMap::new(),
            asked: BTreeMap::new(),
            epoch: None,
            shown: BTreeMap::new(),
            clock,
        }
    }

    pub(super) fn state(&self) -> ClusterState {
        self.member.state()
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.member.next_deadline()
    }

    pub(super) fn known(&self) -> usize {
        self.member.known()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    pub(super) fn statement(&self, maildrop: MaildropId) -> Statement {
        let queue = self.queues.get(&maildrop);
        queue.map_or_else(Statement::default, |it| it.queue.statement())
    }

    pub(super) fn is_contended(&self, maildrop: MaildropId) -> bool {
        let queue = self.queues.get(&maildrop);
        queue.is_some_and(|it| it.queue.is_contended())
    }

    /// Whether it has a turn under which a password may be written, by its own account.
    pub(super) fn has_good_turn(&self, maildrop: MaildropId) -> bool {
        let is_good = |it: &Queue| matches!(it.turn, Turn::Given(..)) && self.is_good(it.turn);
        self.queues
            .get(&maildrop)
            .is_some_and(|it| it.queue.holder().is_some() && is_good(it))
    }

    fn is_good(&self, turn: Turn) -> bool {
        match turn {
            Turn::Local => true,
            Turn::Given(generation, _) => generation == self.lease.0 && !self.has_lapsed(),
            Turn::None => false,
        }
    }

    pub(super) fn has_lapsed(&self) -> bool {
        self.clock.boot() >= self.lease.1
    }

    pub(super) fn hears(&mut self, news: News, out: &mut Vec<Out>) {
        match news {
            News::Up => self.apply(MemberInput::Connected, out),
            News::Down => self.apply(MemberInput::Disconnected("cut".to_owned()), out),
            News::Synced(maildrop, sequence, answer) => {
                self.synced(maildrop, sequence, answer, out);
            }
            News::Beaten(ping, answer) => self.beaten(ping, answer, out),
            News::Pushed(push) => self.apply(MemberInput::Pushed(push), out),
            News::Dirty => self.state_what_changed(out),
            News::Arrives(login) => self.arrives(login, out),
            News::WaitEnds(ticket) => self.wait_ends(ticket, out),
            News::PassReady(ticket) => self.pass_ready(ticket, out),
            News::Ends(ticket) => self.ends(ticket, out),
            News::Leaves => self.leaves(out),
        }
    }

    pub(super) fn tick(&mut self, out: &mut Vec<Out>) {
        self.apply(MemberInput::Tick, out);
    }

    fn synced(
        &mut self,
        maildrop: MaildropId,
        sequence: u64,
        answer: Result<SyncAnswer, &'static str>,
        out: &mut Vec<Out>,
    ) {
        // Whatever comes first counts, the answer or the deadline.
        if self.syncs.remove(&sequence).is_none() {
            return;
        }
        self.note_answer(answer.is_ok());
        // One that comes when the engine counts as away is not read.
        if let Ok(SyncAnswer::Done(report)) = &answer
            && self.state() != ClusterState::Degraded
        {
            self.learn_of_others(maildrop, report);
        }
        let input = MemberInput::Synced {
            maildrop,
            sequence,
            answer: answer.map_err(str::to_owned),
        };
        self.apply(input, out);
    }

    fn note_answer(&mut self, is_one: bool) {
        if is_one {
            self.answered_at = self.clock.now();
        }
    }

    fn learn_of_others(&mut self, maildrop: MaildropId, report: &MaildropReport) {
        let now = self.clock.now();
        let told = ToldOfOthers {
            held_until: report.holder.map(|holder| now + holder.lease_left),
            waits_at: report.others_in_main.then_some(now),
        };
        // What is not in use is forgotten, sooner or later.
        if self.keys.contains(&maildrop) {
            self.told.insert(maildrop, told);
        } else if let Some(until) = told.held_until {
            self.told_before.insert(maildrop, until);
        }
    }

    fn beaten(&mut self, ping: u64, answer: Result<BeatAnswer, &'static str>, out: &mut Vec<Out>) {
        let Some(sent) = self.beats.remove(&ping) else {
            return;
        };
        self.last_beat = sent;
        self.note_answer(answer.is_ok());
        let input = MemberInput::Beaten {
            ping,
            sent_at: sent.0,
            lapsed: self.has_lapsed(),
            answer: answer.map_err(str::to_owned),
        };
        self.apply(input, out);
    }

    fn state_what_changed(&mut self, out: &mut Vec<Out>) {
        for maildrop in std::mem::take(&mut self.dirty) {
            let queue = self.queues.get(&maildrop);
            let statement = MaildropStatement {
                queue: queue.map_or_else(Statement::default, |it| it.queue.statement()),
                life: queue.map_or(0, |it| it.life),
                home: None,
                ended: self.ended.get(&maildrop).copied(),
                shown_for: Duration::ZERO,
            };
            if statement.queue.is_empty() {
                self.keys.remove(&maildrop);
                let told = self.told.remove(&maildrop);
                if let Some(until) = told.and_then(|told| told.held_until) {
                    self.told_before.insert(maildrop, until);
                }
            } else {
                self.keys.insert(maildrop);
            }
            self.apply(MemberInput::Stated(maildrop, statement), out);
        }
    }

    fn apply(&mut self, input: MemberInput, out: &mut Vec<Out>) {
        let mut actions = Vec::new();
        self.member.apply(input, self.clock.now(), &mut actions);
        for action in actions {
            self.carry_out(action, out);
        }
    }

    fn carry_out(&mut self, action: MemberAction, out: &mut Vec<Out>) {
        match action {
            MemberAction::Sync(call) => {
                self.syncs.insert(call.sequence, call.maildrop);
                self.asked.insert(call.maildrop, self.clock.now());
                out.push(Out::Sync(call));
            }
            MemberAction::Beat(call) => {
                let sent = (self.clock.now(), self.clock.boot());
                self.beats.insert(call.ping, sent);
                out.push(Out::Beat(call));
            }
            MemberAction::Lease { generation, until } => self.renewed(generation, until, out),
            MemberAction::Turn {
                maildrop,
                life,
                number,
                lane,
                generation,
                ..
            } if self.keys.contains(&maildrop) => {
                if self.life_of(maildrop) == Some(life) {
                    self.set_turn(maildrop, Turn::Given(generation, Some(number)), out);
                    out.push(Out::Given(maildrop, lane));
                    self.change(maildrop, Input::Lease(LeaseChange::Granted { lane }), out);
                }
                self.mark_dirty(maildrop, out);
            }
            MemberAction::Confirm {
                maildrop,
                life,
                number,
                generation,
            } if self.life_of(maildrop) == Some(life) => {
                out.push(Out::Confirmed(maildrop));
                self.set_turn(maildrop, Turn::Given(generation, number), out);
            }
            MemberAction::Lose { maildrop, life } if self.life_of(maildrop) == Some(life) => {
                out.push(Out::Lost(maildrop));
                self.set_turn(maildrop, Turn::None, out);
                self.change(maildrop, Input::Lease(LeaseChange::Lost), out);
            }
            MemberAction::Contended {
                maildrop,
                elsewhere,
            } if self.keys.contains(&maildrop) => {
                self.change(maildrop, Input::WaitersElsewhere(elsewhere), out);
            }
            MemberAction::Authority {
                maildrop,
                authority,
            } if self.keys.contains(&maildrop) => {
                out.push(Out::Authority(maildrop, authority));
                let turn = match authority {
                    Authority::Local => Turn::Local,
                    Authority::Leased => Turn::None,
                };
                self.set_turn(maildrop, turn, out);
                self.change(maildrop, Input::Authority(authority), out);
            }
            MemberAction::Overlap { maildrop } => out.push(Out::Overlap(maildrop)),
            MemberAction::EpochBegan(epoch) => self.epoch = Some(epoch),
            MemberAction::State { state, .. } => out.push(Out::State(state)),
            MemberAction::Resubscribe => out.push(Out::Resubscribe),
            MemberAction::Left => out.push(Out::Left),
            // The maildrop is not in use any more, or it is for others.
            _ => {}
        }
    }

    fn renewed(&mut self, generation: u64, until: Instant, out: &mut Vec<Out>) {
        let had_lapsed = self.has_lapsed();
        let (sent_at, sent_at_boot) = self.last_beat;
        let lasts = until.saturating_duration_since(sent_at);
        self.lease = (generation, sent_at_boot + super::millis(lasts));
        out.push(Out::Renewed { had_lapsed });
    }

    fn life_of(&self, maildrop: MaildropId) -> Option<u64> {
        self.queues.get(&maildrop).map(|queue| queue.life)
    }

    fn mark_dirty(&mut self, maildrop: MaildropId, out: &mut Vec<Out>) {
        if self.dirty.is_empty() {
            out.push(Out::Dirty);
        }
        self.dirty.insert(maildrop);
    }

    /// A holder that waits for a good turn hears of it.
    fn set_turn(&mut self, maildrop: MaildropId, turn: Turn, out: &mut Vec<Out>) {
        let Some(queue) = self.queues.get_mut(&maildrop) else {
            return;
        };
        queue.turn = turn;
        let Some(holder) = queue.queue.holder() else {
            return;
        };
        let is_good = self.is_good(turn);
        if let Some(session) = self.sessions.get_mut(&holder)
            && session.stage == Stage::AwaitsTurn
            && is_good
        {
            session.stage = Stage::Connects;
            out.push(Out::Granted(holder));
        }
        self.note_shown(maildrop, holder);
    }

    /// What a session inside is shown it is shown under the turn of now.
    fn note_shown(&mut self, maildrop: MaildropId, ticket: Ticket) {
        let session = self.sessions.get(&ticket);
        let is_inside = session.is_some_and(|it| it.stage == Stage::Inside);
        let turn = self.queues.get(&maildrop).map(|it| it.turn);
        if let Some(Turn::Given(generation, Some(number))) = turn.filter(|_| is_inside) {
            let shown = Shown {
                ticket,
                generation,
                number,
            };
            self.shown.insert(maildrop, shown);
        }
    }

    /// What might be shown again, if the engine says so.
    pub(super) fn shown(&self) -> Vec<(MaildropId, Shown)> {
        let is_well = self.state() == ClusterState::Healthy && !self.has_lapsed();
        let all = self
            .shown
            .iter()
            .map(|(maildrop, shown)| (*maildrop, *shown));
        all.filter(|(_, shown)| is_well && shown.generation == self.lease.0)
            .collect()
    }

    fn change(&mut self, maildrop: MaildropId, input: Input, out: &mut Vec<Out>) {
        let now = self.clock.now();
        let Some(queue) = self.queues.get_mut(&maildrop) else {
            return;
        };
        let before = queue.queue.statement();
        let mut effects = Vec::new();
        queue.queue.apply(input, now, &mut effects);
        let has_changed = queue.queue.statement() != before;
        if queue.queue.is_empty() {
            self.queues.remove(&maildrop);
        }
        for effect in effects {
            self.follow(maildrop, effect, out);
        }
        if has_changed {
            self.mark_dirty(maildrop, out);
        }
    }

    fn follow(&mut self, maildrop: MaildropId, effect: Effect, out: &mut Vec<Out>) {
        let now = self.clock.now();
        match effect {
            Effect::Granted(ticket) => {
                let session = self.sessions.get_mut(&ticket).expect("it waits");
                session.stage = Stage::Connects;
                session.since = now;
                out.push(Out::Granted(ticket));
            }
            Effect::Evicted { ticket, .. } => {
                self.sessions.remove(&ticket);
            }
            Effect::Contended(true) => {
                let holder = self.queues.get(&maildrop).and_then(|it| it.queue.holder());
                out.extend(holder.map(Out::Contended));
            }
            Effect::Contended(false) | Effect::Promoted(_) | Effect::Head(_) => {}
            Effect::Refused(_) | Effect::Broken(_) => panic!("{effect:?}"),
        }
    }

    fn arrives(&mut self, login: Login, out: &mut Vec<Out>) {
        let refuses = self.state() == ClusterState::Degraded && self.on_outage == OnOutage::Refuse;
        if self.is_leaving || refuses {
            return;
        }
        let now = self.clock.now();
        let session = Session {
            login,
            stage: Stage::Waits,
            since: now,
        };
        self.sessions.insert(login.ticket, session);
        let until = now + login.patience;
        out.push(Out::Waits(login.ticket, until));
        let queue = self.queues.entry(login.maildrop).or_insert_with(|| Queue {
            queue: LockQueue::new(Authority::Leased),
            life: login.ticket.0,
            turn: Turn::None,
        });
        let request = Request {
            ticket: login.ticket,
            lane: login.lane,
            password: PasswordTag::from_bytes([login.password; 32]),
            prefix: std::net::IpAddr::from(Ipv4Addr::new(10, 0, 0, login.password)).into(),
            capacity: CAPACITY,
            until,
        };
        let mut effects = Vec::new();
        queue
            .queue
            .apply(Input::Request(request), now, &mut effects);
        for effect in effects {
            self.follow(login.maildrop, effect, out);
        }
        self.mark_dirty(login.maildrop, out);
    }

    fn wait_ends(&mut self, ticket: Ticket, out: &mut Vec<Out>) {
        let Some(session) = self.sessions.get(&ticket) else {
            return;
        };
        let input = match session.stage {
            Stage::Waits => Input::Withdraw(ticket),
            Stage::Connects | Stage::AwaitsTurn => Input::Release(ticket),
            Stage::Inside => return,
        };
        out.push(Out::GaveUp(ticket));
        let maildrop = session.login.maildrop;
        self.sessions.remove(&ticket);
        self.change(maildrop, input, out);
    }

    fn pass_ready(&mut self, ticket: Ticket, out: &mut Vec<Out>) {
        let Some(mut session) = self.sessions.get(&ticket).copied() else {
            return;
        };
        let maildrop = session.login.maildrop;
        let turn = self.queues[&maildrop].turn;
        if session.stage != Stage::Connects {
            return;
        }
        let is_good = self.is_good(turn);
        session.stage = match is_good {
            true => Stage::Inside,
            false => Stage::AwaitsTurn,
        };
        self.sessions.insert(ticket, session);
        if is_good {
            self.note_shown(maildrop, ticket);
            out.push(Out::Begins(ticket, maildrop, turn));
            self.change(maildrop, Input::Begin(ticket), out);
            if session.login.password.is_multiple_of(2) {
                self.change(maildrop, Input::Accepted(ticket), out);
            }
        }
    }

    fn ends(&mut self, ticket: Ticket, out: &mut Vec<Out>) {
        let Some(session) = self.sessions.get(&ticket) else {
            return;
        };
        if session.stage != Stage::Inside {
            return;
        }
        let maildrop = session.login.maildrop;
        self.sessions.remove(&ticket);
        self.ended.insert(maildrop, self.clock.now());
        out.push(Out::Ended(ticket));
        self.change(maildrop, Input::Release(ticket), out);
        if self.is_leaving && self.sessions.is_empty() {
            self.apply(MemberInput::Leave, out);
        }
    }

    /// A stop: nobody is let in any more, and those inside end.
    fn leaves(&mut self, out: &mut Vec<Out>) {
        self.is_leaving = true;
        let all: Vec<_> = self.sessions.keys().copied().collect();
        for ticket in all {
            self.wait_ends(ticket, out);
        }
        if self.sessions.is_empty() {
            self.apply(MemberInput::Leave, out);
        }
    }

    /// The calls that wait for their answers.
    pub(super) fn unanswered(&self) -> impl Iterator<Item = (MaildropId, u64)> {
        self.syncs
            .iter()
            .map(|(sequence, maildrop)| (*maildrop, *sequence))
    }

    pub(super) fn calls_about(&self, maildrop: MaildropId) -> usize {
        self.syncs.values().filter(|it| **it == maildrop).count()
    }

    pub(super) fn asked_at(&self, maildrop: MaildropId) -> Option<Instant> {
        self.asked.get(&maildrop).copied()
    }

    pub(super) fn unanswered_beat(&self) -> Option<u64> {
        self.beats.keys().next_back().copied()
    }

    /// By what right the maildrop is served here.
    pub(super) fn turn_at(&self, maildrop: MaildropId) -> Turn {
        self.queues.get(&maildrop).map_or(Turn::None, |it| it.turn)
    }
}
