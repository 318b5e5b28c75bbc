//! One gate in its cluster: what it wants, holds, was told, and must repair.
//!
//! A pure state machine: inputs and the time go in, actions come out. Each maildrop has at most one
//! call in flight; what changes meanwhile is said with the next one. A statement is whole each
//! time, so that a call that is lost, late or made twice does no harm.

mod beats;
mod calls;
mod health;
mod io;
mod maildrop;
#[cfg(test)]
mod tests;

pub use io::{BlockNews, ClusterState, MaildropStatement, MemberAction, MemberInput, OnOutage};

use super::protocol::{Epoch, GateId, MaildropId, MaildropReport, Push, SyncAnswer};
use crate::limits::CLUSTER_ASK_AGAIN;
use crate::lock::queue::Authority;
use crate::time::{Duration, Instant};
use beats::Beats;
use health::Health;
use maildrop::{NO_LEASE, SharedMaildrop, TurnOutcome};
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

/// Members that are told the same do the same, in the same order. No stranger chooses the names
/// that are hashed: they are keyed hashes themselves.
type SameEachTime = BuildHasherDefault<DefaultHasher>;

/// What a member is made of.
#[derive(Clone, Debug)]
pub struct MemberOptions {
    /// This start of this gate.
    pub gate: GateId,
    /// How long its lease is good.
    pub lease: Duration,
    /// What it does while the engine is away.
    pub on_outage: OnOutage,
    /// Of the secret and all that must be the same at all gates.
    pub fingerprint: Arc<str>,
    /// Of the settings that should be the same.
    pub settings: Arc<str>,
    /// What people may read of the gate, sealed.
    pub info: Arc<[u8]>,
    /// For jitter.
    pub seed: u64,
}

/// One gate in its cluster.
pub struct Member {
    options: MemberOptions,
    random: fastrand::Rng,
    is_connected: bool,
    /// Whether a beat over this connection was answered.
    has_answered: bool,
    epoch: Option<Epoch>,
    /// When the epoch gives turns away.
    grace_until: Option<Instant>,
    /// Counts the times that the gate's lease began anew.
    lease_generation: u64,
    beats: Beats,
    health: Health,
    /// The version of the block list up to which the gate knows it.
    blocks: u64,
    maildrops: HashMap<MaildropId, SharedMaildrop, SameEachTime>,
    /// When something is to be done at which maildrop.
    due: BTreeSet<(Instant, MaildropId)>,
    sequence: u64,
    /// Since when it has taken part.
    member_since: Option<Instant>,
    /// Calls about maildrops that are not answered.
    calling: usize,
    /// Maildrops that have something to say, and wait until fewer calls are made.
    queued: VecDeque<MaildropId>,
    is_leaving: bool,
    has_left: bool,
    /// It may have served by itself, or under another memory of the engine, since its last beat
    /// that was answered.
    was_alone: bool,
}

impl Member {
    /// A gate that has not joined yet.
    #[must_use]
    pub fn new(options: MemberOptions, now: Instant) -> Self {
        Self {
            random: fastrand::Rng::with_seed(options.seed),
            is_connected: false,
            has_answered: false,
            epoch: None,
            grace_until: None,
            lease_generation: NO_LEASE,
            beats: Beats::new(now),
            health: Health::new(now),
            blocks: 0,
            maildrops: HashMap::default(),
            due: BTreeSet::new(),
            sequence: 0,
            member_since: None,
            calling: 0,
            queued: VecDeque::new(),
            is_leaving: false,
            has_left: false,
            was_alone: false,
            options,
        }
    }

    /// Takes one input and appends what follows to `out`.
    pub fn apply(&mut self, input: MemberInput, now: Instant, out: &mut Vec<MemberAction>) {
        match input {
            MemberInput::Connected => self.connected(now),
            MemberInput::Disconnected(why) => self.disconnected(&why, now, out),
            MemberInput::Refused(why) => self.refused(&why, now, out),
            MemberInput::Stated(maildrop, statement) => self.stated(maildrop, statement, now, out),
            MemberInput::Synced {
                maildrop,
                sequence,
                answer,
            } => self.synced(maildrop, sequence, answer, now, out),
            MemberInput::SyncRefused { maildrop, sequence } => {
                self.sync_refused(maildrop, sequence, now, out);
            }
            MemberInput::Beaten {
                ping,
                sent_at,
                lapsed,
                answer,
            } => self.beaten(ping, sent_at, lapsed, answer, now, out),
            MemberInput::Pushed(push) => self.pushed(&push, now, out),
            MemberInput::BlocksUntaken(after) => self.blocks = self.blocks.min(after),
            MemberInput::Tick => {}
            MemberInput::Leave => self.is_leaving = true,
        }
        self.do_what_is_due(now, out);
    }

    /// The settings that gates should have alike have this digest from now on.
    pub fn have_settings(&mut self, digest: Arc<str>) {
        self.options.settings = digest;
    }

    /// When [`MemberInput::Tick`] is due, if nothing comes before.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        let maildrop = self.due.first().map(|(at, _)| *at);
        let beat = self.may_beat().then_some(self.beats.next);
        [maildrop, beat, self.health.away_at()]
            .into_iter()
            .flatten()
            .min()
    }

    /// How the gate stands with the engine.
    #[must_use]
    pub fn state(&self) -> ClusterState {
        self.health.state()
    }

    /// Maildrops that are known: in use, or not given back yet.
    #[must_use]
    pub fn known(&self) -> usize {
        self.maildrops.len()
    }

    fn connected(&mut self, now: Instant) {
        self.is_connected = true;
        self.has_answered = false;
        self.beats.next = now;
        self.beats.heard = Some(now);
    }

    fn disconnected(&mut self, why: &str, now: Instant, out: &mut Vec<MemberAction>) {
        self.is_connected = false;
        self.has_answered = false;
        self.beats.in_flight = None;
        self.health.unanswered(now, why, out);
        // Their answers never come; each may have been carried out.
        let unanswered: Vec<_> = self
            .maildrops
            .iter_mut()
            .filter_map(|(id, maildrop)| maildrop.in_flight.take().map(|_| *id))
            .collect();
        self.calling = 0;
        for id in unanswered {
            self.say_again(id, now);
        }
    }

    /// The engine does not let the gate in. One that has never taken part does not serve beside
    /// those that do; for another one the engine is away.
    fn refused(&mut self, why: &str, now: Instant, out: &mut Vec<MemberAction>) {
        if self.epoch.is_none() {
            self.exclude(why, now, out);
        } else {
            self.health.unanswered(now, why, out);
        }
    }

    fn stated(
        &mut self,
        id: MaildropId,
        statement: MaildropStatement,
        now: Instant,
        out: &mut Vec<MemberAction>,
    ) {
        let maildrop = self.maildrops.entry(id).or_insert_with(SharedMaildrop::new);
        maildrop.state(statement);
        self.attend(id, now, out);
    }

    fn synced(
        &mut self,
        id: MaildropId,
        sequence: u64,
        answer: Result<SyncAnswer, String>,
        now: Instant,
        out: &mut Vec<MemberAction>,
    ) {
        let Some(call) = self.take_call(id, sequence) else {
            return;
        };
        match answer {
            Err(why) => {
                self.health.unanswered(call.sent_at, &why, out);
                self.say_again(id, now);
            }
            Ok(SyncAnswer::OtherEpoch | SyncAnswer::NoLease) => {
                self.health.answered(out);
                self.beats.next = now;
                self.say_again(id, now);
            }
            Ok(SyncAnswer::Done(report)) => {
                self.health.answered(out);
                self.done(id, call, &report, now, out);
            }
        }
        self.call_queued(now, out);
    }

    /// The engine has answered, and refuses. Whether it refuses everything the next beat finds out,
    /// which is due at once; else it is this one maildrop that it cannot take.
    fn sync_refused(
        &mut self,
        id: MaildropId,
        sequence: u64,
        now: Instant,
        out: &mut Vec<MemberAction>,
    ) {
        if self.take_call(id, sequence).is_none() {
            return;
        }
        self.beats.next = now;
        if let Some(maildrop) = self.maildrops.get_mut(&id) {
            maildrop.is_unsaid = true;
        }
        // It must not keep back the turns of all others.
        self.health.reconciled(id, out);
        self.schedule(id, Some(now + CLUSTER_ASK_AGAIN));
        self.call_queued(now, out);
    }

    /// The call in flight, if this is the one that was answered.
    fn take_call(&mut self, id: MaildropId, sequence: u64) -> Option<maildrop::InFlight> {
        let maildrop = self.maildrops.get_mut(&id)?;
        let call = maildrop
            .in_flight
            .take_if(|call| call.sequence == sequence)?;
        self.calling = self.calling.saturating_sub(1);
        Some(call)
    }

    fn done(
        &mut self,
        id: MaildropId,
        call: maildrop::InFlight,
        report: &MaildropReport,
        now: Instant,
        out: &mut Vec<MemberAction>,
    ) {
        let generation = self.lease_generation;
        let Some(maildrop) = self.maildrops.get_mut(&id) else {
            return;
        };
        let outcome = maildrop.answered(call, report, generation, now);
        let is_unused = maildrop.statement.queue.is_empty();
        let life = maildrop.statement.life;
        match outcome {
            TurnOutcome::Turn(number, lane, generation) if !is_unused => {
                maildrop.give();
                out.push(MemberAction::Turn {
                    maildrop: id,
                    life,
                    number,
                    lane,
                    generation,
                    home: report.home.clone(),
                    ended: report.ended,
                });
            }
            TurnOutcome::Confirmed(number, generation) => out.push(MemberAction::Confirm {
                maildrop: id,
                life,
                number,
                generation,
            }),
            TurnOutcome::Lost { is_overlap } => {
                out.push(MemberAction::Lose { maildrop: id, life });
                if is_overlap {
                    out.push(MemberAction::Overlap { maildrop: id });
                }
            }
            TurnOutcome::Overlap => out.push(MemberAction::Overlap { maildrop: id }),
            TurnOutcome::Nothing | TurnOutcome::Turn(..) => {}
        }
        if let Some(elsewhere) = maildrop.heard_elsewhere(report.others_in_main, now) {
            out.push(MemberAction::Contended {
                maildrop: id,
                elsewhere,
            });
        }
        self.health.reconciled(id, out);
        self.attend(id, now, out);
    }

    /// Says what must be said at once, and else looks at the maildrop again when it is due.
    fn attend(&mut self, id: MaildropId, now: Instant, out: &mut Vec<MemberAction>) {
        let generation = self.lease_generation;
        let may_call = self.may_call();
        let goes_local = self.goes_local();
        let Some(maildrop) = self.maildrops.get_mut(&id) else {
            return;
        };
        if maildrop.is_over() {
            self.schedule(id, None);
            self.maildrops.remove(&id);
            return;
        }
        if goes_local && !maildrop.is_local && !maildrop.is_held_elsewhere(now) {
            maildrop.go_local();
            out.push(MemberAction::Authority {
                maildrop: id,
                authority: Authority::Local,
            });
        }
        if may_call && !maildrop.is_busy() && maildrop.must_say(now, generation) {
            return self.sync(id, now, out);
        }
        // Not later than it was due, which may be now: statements that change often must not put
        // the question off.
        let before = maildrop.due;
        let next = self.next_look(id, now);
        self.schedule(id, before.into_iter().chain(next).min());
    }

    fn pushed(&mut self, push: &Push, now: Instant, out: &mut Vec<MemberAction>) {
        match push {
            Push::Ping(_) => self.beats.heard = Some(now),
            Push::Turn(id) => self.ask_now(*id, now, out),
            Push::Contended(id) => {
                let knows = self.maildrops.get(id).is_some_and(|maildrop| {
                    maildrop.elsewhere_until().is_some() && maildrop.due.is_some()
                });
                if !knows {
                    self.ask_now(*id, now, out);
                }
            }
            Push::Message(_) => {}
        }
    }

    /// Asks the engine how it stands there. Of one that is unknown here nothing is held or wanted:
    /// that is said, so that others need not wait for it.
    fn ask_now(&mut self, id: MaildropId, now: Instant, out: &mut Vec<MemberAction>) {
        if !self.may_call() {
            return;
        }
        let maildrop = self.maildrops.entry(id).or_insert_with(SharedMaildrop::new);
        if maildrop.is_busy() {
            maildrop.is_unsaid = true;
        } else {
            self.sync(id, now, out);
        }
    }

    fn do_what_is_due(&mut self, now: Instant, out: &mut Vec<MemberAction>) {
        if self.health.is_due(now) {
            self.go_away(now, out);
        }
        if self.may_beat() && self.beats.next <= now {
            self.beat(now, out);
        }
        while let Some((at, id)) = self.due.first().copied()
            && at <= now
        {
            self.schedule(id, None);
            self.look(id, now, out);
        }
        if self.is_leaving && self.maildrops.is_empty() {
            self.is_leaving = false;
            self.has_left = true;
            out.push(MemberAction::Left);
        }
    }

    /// A maildrop whose time has come.
    fn look(&mut self, id: MaildropId, now: Instant, out: &mut Vec<MemberAction>) {
        let may_call = self.may_call();
        let Some(maildrop) = self.maildrops.get_mut(&id) else {
            return;
        };
        if maildrop.elsewhere_lapses(now) {
            out.push(MemberAction::Contended {
                maildrop: id,
                elsewhere: false,
            });
        }
        if may_call && !maildrop.is_busy() {
            self.sync(id, now, out);
        } else {
            self.attend(id, now, out);
        }
    }

    /// No answer for too long: the engine counts as away.
    fn go_away(&mut self, now: Instant, out: &mut Vec<MemberAction>) {
        self.health.away(out);
        self.was_alone |= self.goes_local();
        self.calling = 0;
        let all: Vec<_> = self.maildrops.keys().copied().collect();
        for id in all {
            if let Some(maildrop) = self.maildrops.get_mut(&id) {
                // It may have been carried out: what the engine believes is not known any more.
                maildrop.is_unsaid |= maildrop.in_flight.take().is_some();
            }
            self.attend(id, now, out);
        }
    }

    fn is_away(&self) -> bool {
        self.health.state() == ClusterState::Degraded
    }

    fn goes_local(&self) -> bool {
        self.is_away() && self.options.on_outage == OnOutage::Local
    }
}
