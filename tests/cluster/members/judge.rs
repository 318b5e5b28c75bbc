//! What is promised, and held against what happens.

use super::Lines;
use super::gate::{Gate, News, Out, Turn};
use super::listings::Listings;
use super::plan::Fault;
use super::world::{Slot, World};
use popgate::cluster::member::{ClusterState, OnOutage};
use popgate::cluster::protocol::{BeatAnswer, Epoch, MaildropId};
use popgate::limits::{CLUSTER_CALL, CLUSTER_ELSEWHERE, CLUSTER_GRACE};
use popgate::lock::queue::{Authority, Lane, Ticket};
use popgate::time::Duration;
use std::collections::BTreeMap;

/// A gate that had so much quiet while a new epoch gave nothing away has said what it holds.
const SAYS_WITHIN: u64 = 800;
/// A gate whose engine does not answer has noticed by then: a beat, its deadline, and a second.
const NOTICES_WITHIN: u64 = 2_600;
/// And one that has just started gives its engine so much more.
const JOINS_WITHIN: u64 = 10_000;

/// Somebody in a maildrop, as its backend sees it.
struct Inside {
    slot: usize,
    ticket: Ticket,
    maildrop: MaildropId,
    /// Since when by a good turn; `None`: it began without one.
    turn_since: Option<u64>,
    began_without: bool,
}

/// What is known of the gates at a place.
#[derive(Default)]
struct Known {
    /// When its line or the gate itself was not as it should be.
    troubles: Vec<(u64, u64)>,
    lapsed_at: u64,
    thawed_at: u64,
    turn_since: BTreeMap<MaildropId, u64>,
    away_since: Option<u64>,
    unserved_since: BTreeMap<MaildropId, u64>,
    /// Since when the engine believes what is not so.
    misbelieved_since: BTreeMap<MaildropId, u64>,
    /// When a session ended.
    ended: BTreeMap<MaildropId, u64>,
    /// Since when its main lane waits, and how many turns each of the others had meanwhile.
    passed: BTreeMap<MaildropId, (u64, BTreeMap<usize, u32>)>,
}

pub(super) struct Judge {
    lines: Option<Lines>,
    pub(super) faults: Vec<String>,
    pub(super) counts: BTreeMap<&'static str, u64>,
    known: Vec<Known>,
    inside: Vec<Inside>,
    epochs: Vec<(Epoch, u64)>,
    /// Since when somebody waits for a maildrop that nobody has.
    idle: BTreeMap<MaildropId, u64>,
    /// Since when nobody waits in a main lane, and since when somebody does, at which gates.
    waits_since: BTreeMap<(MaildropId, usize), u64>,
    /// The first ticket since all is in order.
    in_order_from: Option<Ticket>,
    pub(super) listings: Listings,
}

impl Judge {
    pub(super) fn new(lines: Option<Lines>, gates: usize) -> Self {
        Self {
            lines,
            faults: Vec::new(),
            counts: BTreeMap::new(),
            known: (0..gates).map(|_| Known::default()).collect(),
            inside: Vec::new(),
            epochs: Vec::new(),
            idle: BTreeMap::new(),
            waits_since: BTreeMap::new(),
            in_order_from: None,
            listings: Listings::default(),
        }
    }

    pub(super) fn say(&self, now: u64, what: impl FnOnce() -> String) {
        if let Some(lines) = &self.lines {
            let line = format!("{:>8.3} {}", now as f64 / 1_000.0, what());
            lines.lock().unwrap().push(line);
        }
    }

    pub(super) fn fault(&mut self, now: u64, what: &str) {
        self.say(now, || format!("BROKEN {what}"));
        self.faults
            .push(format!("{:.3} s: {what}", now as f64 / 1_000.0));
    }

    pub(super) fn check(&mut self, now: u64, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.fault(now, &what());
        }
    }

    pub(super) fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    pub(super) fn begin_order(&mut self, first: Ticket) {
        self.in_order_from = Some(first);
        self.idle.clear();
    }

    pub(super) fn is_in_order(&self) -> bool {
        self.in_order_from.is_some()
    }

    pub(super) fn broke(&mut self, fault: &Fault) {
        self.count(match fault {
            Fault::Frozen { .. } => "freezes",
            Fault::Killed { .. } => "killed",
            Fault::Leaves { .. } => "leaves",
            Fault::Cut { .. } => "cut",
            Fault::Dropped { .. } => "dropped",
            Fault::Deaf { .. } => "deaf",
            Fault::Replaced { kept: None, .. } => "emptied",
            Fault::Replaced { .. } => "failed_over",
            Fault::EngineFrozen { .. } => "engine_frozen",
            Fault::EngineSlow { .. } => "engine_slow",
            Fault::Storm { .. } => "storms",
        });
    }

    // Troubles.

    pub(super) fn disturbed(&mut self, slot: usize, now: u64) {
        self.known[slot].troubles.push((now, u64::MAX));
    }

    pub(super) fn disturbed_for(&mut self, slot: usize, now: u64, lasts: u64) {
        self.known[slot].troubles.push((now, now + lasts));
    }

    pub(super) fn heals(&mut self, slot: usize, now: u64) {
        for (_, end) in &mut self.known[slot].troubles {
            if *end == u64::MAX {
                *end = now;
            }
        }
        self.known[slot].away_since = None;
    }

    pub(super) fn thawed(&mut self, slot: usize, now: u64) {
        self.known[slot].thawed_at = now;
    }

    /// The gate at this place is no more, and neither are its sessions.
    pub(super) fn gone(&mut self, now: u64, slot: usize) {
        self.say(now, || format!("gate {slot} is gone"));
        self.inside.retain(|it| it.slot != slot);
        self.known[slot].turn_since.clear();
        self.known[slot].passed.clear();
        self.known[slot].away_since = None;
    }

    pub(super) fn engine_said(&mut self, now: u64, news: Option<&News>) {
        if let Some(News::Beaten(_, Ok(BeatAnswer::Alive(report)))) = news
            && !self.epochs.iter().any(|(epoch, _)| *epoch == report.epoch)
        {
            self.count("epochs");
            self.epochs.push((report.epoch.clone(), now));
        }
    }

    /// Whether the engine forgot since then what this gate has, and it had no quiet to say so yet.
    fn is_forgotten(&self, slot: usize, since: u64, now: u64) -> bool {
        let grace = super::millis(CLUSTER_GRACE);
        let epochs = self.epochs.iter().skip(1).map(|(_, began)| *began);
        epochs
            .filter(|began| began + grace >= since)
            .any(|began| self.longest_quiet(slot, began, now.min(began + grace)) < SAYS_WITHIN)
    }

    fn longest_quiet(&self, slot: usize, from: u64, to: u64) -> u64 {
        let mut troubles = self.known[slot].troubles.clone();
        troubles.sort_unstable();
        let (mut at, mut longest) = (from, 0);
        for (begin, end) in troubles {
            longest = longest.max(begin.min(to).saturating_sub(at));
            at = at.max(end);
        }
        longest.max(to.saturating_sub(at))
    }

    /// Why another gate may be let in beside this one.
    fn excuse(&self, one: &Inside, slots: &[Slot], now: u64) -> Option<&'static str> {
        let Some(since) = one.turn_since else {
            return Some("beside_local");
        };
        let has_lapsed = slots[one.slot].gate.as_ref().is_some_and(Gate::has_lapsed);
        if has_lapsed || self.known[one.slot].lapsed_at >= since {
            Some("beside_lapsed")
        } else if self.is_forgotten(one.slot, since, now) {
            Some("beside_forgotten")
        } else {
            None
        }
    }

    /// Whether a session of another gate began there without a turn.
    fn is_beside_local(&self, slot: usize, maildrop: MaildropId) -> bool {
        let others = self.inside.iter().filter(|it| it.slot != slot);
        others
            .filter(|it| it.maildrop == maildrop)
            .any(|it| it.began_without)
    }

    fn is_quiet(&self, slot: usize, now: u64, lasts: u64) -> bool {
        let from = now.saturating_sub(lasts);
        self.longest_quiet(slot, from, now) == now - from
    }

    pub(super) fn check_nothing_known(&mut self, now: u64, slots: &[Slot]) {
        for (slot, gate) in slots.iter().enumerate() {
            let Some(gate) = &gate.gate else { continue };
            let (known, state) = (gate.known(), gate.state());
            self.check(now, known == 0 && gate.is_empty(), || {
                format!("gate {slot} remembers {known} maildrops that nobody uses")
            });
            self.check(now, state == ClusterState::Healthy, || {
                format!("gate {slot} is {state:?}")
            });
        }
        self.check(now, self.inside.is_empty(), || {
            "somebody is still inside".to_owned()
        });
    }
}

impl World {
    /// What a gate does, as it does it.
    pub(super) fn hear(&mut self, slot: usize, out: &Out) {
        let now = self.now;
        match out {
            Out::Given(maildrop, lane) => self.given(slot, *maildrop, *lane),
            Out::Confirmed(maildrop) => {
                self.judge.known[slot].turn_since.insert(*maildrop, now);
                let own = |it: &&mut Inside| it.slot == slot && it.maildrop == *maildrop;
                for inside in self.judge.inside.iter_mut().filter(own) {
                    inside.turn_since = Some(now);
                }
            }
            Out::Begins(ticket, maildrop, turn) => {
                self.begins(slot, *ticket, *maildrop, *turn);
                self.begins_to_list(slot, *ticket, *maildrop, *turn);
            }
            Out::Beat(call) => self.judge.listings.beats(slot, call.ping, now),
            Out::Ended(ticket) => self.ended(slot, *ticket),
            Out::Lost(maildrop) => self.lost(slot, *maildrop),
            Out::Overlap(maildrop) => {
                self.judge.count("overlaps_told");
                let is_in = |it: &Inside| it.slot == slot && it.maildrop == *maildrop;
                let is_in = self.judge.inside.iter().any(is_in);
                // Or was, when the call that says so was made.
                let ended = self.judge.known[slot].ended.get(maildrop);
                let was_in = ended.is_some_and(|at| now <= at + super::millis(CLUSTER_CALL));
                self.judge
                    .check(now, (is_in || was_in) && !self.is_strict, || {
                        format!("gate {slot} tells of an overlap that is none")
                    });
            }
            Out::Authority(maildrop, Authority::Local) => self.goes_local(slot, *maildrop),
            Out::State(state) => self.stands(slot, *state),
            Out::Resubscribe => {
                let is_strict = self.is_strict;
                self.judge.check(now, !is_strict, || {
                    format!("gate {slot} subscribes anew, and pushes come")
                });
            }
            Out::Sync(call) => {
                let gate = self.slots[slot].gate.as_ref();
                let calls = gate.map_or(0, |it| it.calls_about(call.maildrop));
                let is_fine = calls <= 1 && call.hears;
                self.judge.check(now, is_fine || !self.is_strict, || {
                    format!("gate {slot} has {calls} calls under way: {call:?}")
                });
            }
            Out::Renewed { had_lapsed: true } => self.judge.known[slot].lapsed_at = now,
            Out::GaveUp(ticket) => {
                self.judge.count("gave_up");
                let is_leaving = |it: &Gate| it.is_leaving;
                let leaves = self.slots[slot].gate.as_ref().is_some_and(is_leaving);
                let in_order = self
                    .judge
                    .in_order_from
                    .is_some_and(|first| *ticket >= first);
                self.judge.check(now, leaves || !in_order, || {
                    format!("{ticket:?} waited in vain at gate {slot}")
                });
            }
            _ => {}
        }
    }

    fn ended(&mut self, slot: usize, ticket: Ticket) {
        let has_ended = |it: &mut Inside| it.ticket == ticket;
        for one in self.judge.inside.extract_if(.., has_ended) {
            self.judge.known[slot].ended.insert(one.maildrop, self.now);
        }
    }

    fn given(&mut self, slot: usize, maildrop: MaildropId, lane: Lane) {
        self.judge.count("turns");
        self.judge.known[slot].turn_since.insert(maildrop, self.now);
        if lane == Lane::Main && self.is_strict {
            self.main_turn(slot, maildrop);
        }
    }

    /// Gates take turns.
    fn main_turn(&mut self, slot: usize, maildrop: MaildropId) {
        let known_within = 4 * self.plan.latency + 50;
        self.judge.known[slot].passed.remove(&maildrop);
        for other in (0..self.slots.len()).filter(|it| *it != slot) {
            let Some((since, passed)) = self.judge.known[other].passed.get_mut(&maildrop) else {
                continue;
            };
            if *since + known_within >= self.now {
                continue;
            }
            let turns = passed.entry(slot).or_default();
            *turns += 1;
            let turns = *turns;
            // The one that was under way when it came, and one before its own.
            self.judge.check(self.now, turns <= 2, || {
                format!("gate {slot} has {turns} turns while gate {other} waits")
            });
        }
    }

    /// At most one in a maildrop, as long as each gate that has somebody there reaches the engine.
    fn begins(&mut self, slot: usize, ticket: Ticket, maildrop: MaildropId, turn: Turn) {
        let now = self.now;
        self.judge.count("sessions");
        for place in &mut self.slots {
            if let Some(gate) = &mut place.gate {
                gate.clock.set(now);
            }
        }
        let turn_since = match turn {
            Turn::Local | Turn::None => None,
            Turn::Given(..) => self.judge.known[slot].turn_since.get(&maildrop).copied(),
        };
        let newcomer = Inside {
            slot,
            ticket,
            maildrop,
            turn_since,
            began_without: turn_since.is_none(),
        };
        let mut found = Vec::new();
        for other in self
            .judge
            .inside
            .iter()
            .filter(|it| it.maildrop == maildrop)
        {
            let excuse = match turn_since {
                _ if other.slot == slot => None,
                None => Some("by_local"),
                Some(since) if self.judge.is_forgotten(slot, since, now) => Some("by_forgotten"),
                Some(_) => self.judge.excuse(other, &self.slots, now),
            };
            found.push((other.slot, excuse));
        }
        for (other, excuse) in found {
            match excuse.filter(|_| !self.is_strict) {
                Some(excuse) => self.judge.count(excuse),
                None => self.judge.fault(
                    now,
                    &format!(
                        "gate {slot} is let in beside gate {other} in {}",
                        maildrop.0[0]
                    ),
                ),
            }
        }
        self.judge.inside.push(newcomer);
    }

    /// Turns are lost for a reason.
    fn lost(&mut self, slot: usize, maildrop: MaildropId) {
        self.judge.count("lost");
        let own = |it: &&Inside| it.slot == slot && it.maildrop == maildrop;
        let excuse = match self.judge.inside.iter().find(own) {
            Some(_) if self.judge.is_beside_local(slot, maildrop) => Some("beside_local"),
            Some(inside) => self.judge.excuse(inside, &self.slots, self.now),
            None => Some("it had not begun"),
        };
        self.judge
            .check(self.now, excuse.is_some() && !self.is_strict, || {
                format!("gate {slot} loses a turn in {}", maildrop.0[0])
            });
        let own = |it: &&mut Inside| it.slot == slot && it.maildrop == maildrop;
        for one in self.judge.inside.iter_mut().filter(own) {
            one.turn_since = None;
        }
    }

    /// Not before the end of the lease of the holder that it was told of.
    fn goes_local(&mut self, slot: usize, maildrop: MaildropId) {
        self.judge.count("local");
        let Some(gate) = &self.slots[slot].gate else {
            return;
        };
        let told = gate.told.get(&maildrop).copied().unwrap_or_default();
        let is_held = told
            .held_until
            .is_some_and(|until| until > gate.clock.now());
        self.judge.check(self.now, !is_held && !self.is_strict, || {
            format!(
                "gate {slot} serves {} though another holds it",
                maildrop.0[0]
            )
        });
    }

    /// The engine counts as away when it has not answered, and the gate was there to hear it.
    fn stands(&mut self, slot: usize, state: ClusterState) {
        let is_calm = matches!(state, ClusterState::Healthy | ClusterState::Reconciling);
        self.judge.check(self.now, is_calm || !self.is_strict, || {
            format!("gate {slot} is {state:?}, without a reason")
        });
        if state != ClusterState::Degraded {
            return;
        }
        self.judge.count("degraded");
        let Some(gate) = &self.slots[slot].gate else {
            return;
        };
        let silent = gate.clock.now().saturating_duration_since(gate.answered_at);
        let awake = self.now - self.judge.known[slot].thawed_at;
        let is_due = silent >= Duration::from_millis(740) && awake >= 740;
        self.judge.check(self.now, is_due, || {
            format!("gate {slot} gives the engine up, {silent:?} after it answered, {awake} ms after it thawed")
        });
    }

    /// What must hold at each moment.
    pub(super) fn look_after(&mut self, slot: usize) {
        let now = self.now;
        for number in 1..=self.plan.maildrops {
            let maildrop = MaildropId([number; 16]);
            self.look_at_turns(slot, maildrop);
            let waits = |place: &Slot| {
                place.gate.as_ref().is_some_and(|gate| {
                    let statement = gate.statement(maildrop);
                    statement.main.is_some() || statement.unproven.is_some()
                })
            };
            let has = |place: &Slot| {
                place
                    .gate
                    .as_ref()
                    .is_some_and(|gate| gate.statement(maildrop).holder.is_some())
            };
            if self.slots.iter().any(has) || !self.slots.iter().any(waits) {
                self.judge.idle.remove(&maildrop);
            } else {
                self.judge.idle.entry(maildrop).or_insert(now);
            }
            self.look_at_lane(slot, maildrop);
        }
    }

    /// At most one gate has a turn that is good by its own account.
    fn look_at_turns(&mut self, slot: usize, maildrop: MaildropId) {
        let now = self.now;
        let is_good = |gate: &Option<Gate>| {
            gate.as_ref()
                .is_some_and(|gate| gate.has_good_turn(maildrop))
        };
        if !is_good(&self.slots[slot].gate) {
            return;
        }
        for other in (0..self.slots.len()).filter(|it| *it != slot) {
            if let Some(gate) = &mut self.slots[other].gate {
                gate.clock.set(now);
            }
            if !is_good(&self.slots[other].gate) {
                continue;
            }
            let since = |slot: usize| {
                let of = self.judge.known[slot].turn_since.get(&maildrop);
                of.copied().unwrap_or_default()
            };
            let is_excused = self.judge.is_forgotten(slot, since(slot), now)
                || self.judge.is_forgotten(other, since(other), now);
            if is_excused && !self.is_strict {
                self.judge.count("two_turns_after_a_loss");
            } else {
                let what = format!("gates {slot} and {other} have a turn in {}", maildrop.0[0]);
                self.judge.fault(now, &what);
            }
        }
    }

    /// Since when somebody waits in the gate's main lane.
    fn look_at_lane(&mut self, slot: usize, maildrop: MaildropId) {
        let now = self.now;
        let waits = self.slots[slot]
            .gate
            .as_ref()
            .is_some_and(|gate| gate.statement(maildrop).main.is_some());
        if waits {
            self.judge
                .waits_since
                .entry((maildrop, slot))
                .or_insert(now);
            let passed = &mut self.judge.known[slot].passed;
            passed.entry(maildrop).or_insert((now, BTreeMap::new()));
        } else {
            self.judge.waits_since.remove(&(maildrop, slot));
            self.judge.known[slot].passed.remove(&maildrop);
        }
    }

    /// What must be so within some time.
    pub(super) fn look_at_all(&mut self) {
        for slot in 0..self.slots.len() {
            if let Some(gate) = &mut self.slots[slot].gate {
                gate.clock.set(self.now);
            }
            self.look_whether_away(slot);
            for number in 1..=self.plan.maildrops {
                let maildrop = MaildropId([number; 16]);
                self.look_whether_served(slot, maildrop);
                self.look_whether_contended(slot, maildrop);
                self.look_whether_said(slot, maildrop);
            }
        }
        if self.is_strict {
            let (now, bound) = (self.now, 8 * self.plan.latency + 60);
            let idle = self.judge.idle.values().min().copied();
            let waited = idle.map_or(0, |since| now - since);
            self.judge.check(now, waited <= bound, || {
                format!("nobody is served for {waited} ms")
            });
        }
    }

    fn look_whether_away(&mut self, slot: usize) {
        let now = self.now;
        let place = &self.slots[slot];
        let is_away = place.gate.is_some()
            && place.frozen.is_none()
            && (place.conn.is_none() || !self.is_reachable(slot));
        let since = &mut self.judge.known[slot].away_since;
        *since = is_away.then(|| since.unwrap_or(now));
        let Some(since) = *since else { return };
        let Some(gate) = &place.gate else { return };
        let state = gate.state();
        // An answer may have been under way.
        let silent = gate.clock.now().saturating_duration_since(gate.answered_at);
        let within = match state {
            ClusterState::Joining => NOTICES_WITHIN + JOINS_WITHIN,
            _ => NOTICES_WITHIN,
        };
        let is_new = now < since + within || super::millis(silent) < within;
        self.judge
            .check(now, state == ClusterState::Degraded || is_new, || {
                format!("gate {slot} is {state:?}, and its engine is away")
            });
    }

    /// While the engine is away a gate serves by itself what nobody else has, if that is wanted.
    fn look_whether_served(&mut self, slot: usize, maildrop: MaildropId) {
        let place = &self.slots[slot];
        let Some(gate) = place.gate.as_ref().filter(|_| place.frozen.is_none()) else {
            return;
        };
        let moment = Duration::from_millis(100);
        let told = gate.told.get(&maildrop).copied().unwrap_or_default();
        let forgotten = gate.told_before.get(&maildrop).copied();
        let is_held = [told.held_until, forgotten]
            .into_iter()
            .flatten()
            .any(|until| until + moment > gate.clock.now());
        let is_local = gate.turn_at(maildrop) == Turn::Local;
        let statement = gate.statement(maildrop);
        let waits = statement.main.is_some() || statement.unproven.is_some();
        let must = self.plan.on_outage == OnOutage::Local && !is_held && waits;
        let is_away = gate.state() == ClusterState::Degraded;
        let unserved = &mut self.judge.known[slot].unserved_since;
        let since = match must && is_away && !is_local {
            true => *unserved.entry(maildrop).or_insert(self.now),
            false => {
                unserved.remove(&maildrop);
                self.now
            }
        };
        self.judge.check(self.now, since + 250 > self.now, || {
            format!("gate {slot} does not serve while the engine is away")
        });
        self.judge.check(
            self.now,
            !is_local || self.plan.on_outage == OnOutage::Local,
            || format!("gate {slot} serves without a turn"),
        );
    }

    /// A gate that waits asks again and again, and the engine soon knows what it has and wants.
    fn look_whether_said(&mut self, slot: usize, maildrop: MaildropId) {
        let now = self.now;
        let primary = self.servers.primary();
        let place = &self.slots[slot];
        let Some(gate) = place.gate.as_ref().filter(|_| place.frozen.is_none()) else {
            return;
        };
        let statement = gate.statement(maildrop);
        let asks_within = 1_250 + 4 * self.plan.latency;
        let asked = gate.asked_at(maildrop);
        let asks =
            asked.is_some_and(|at| at + Duration::from_millis(asks_within) >= gate.clock.now());
        let since = self.judge.waits_since.get(&(maildrop, slot));
        let waits = since.is_some_and(|since| since + asks_within < now);
        let is_quiet = self.judge.is_quiet(slot, now, 2_000);
        self.judge.check(now, asks || !waits || !is_quiet, || {
            format!("gate {slot} waits for {} and does not ask", maildrop.0[0])
        });
        let id = gate.id;
        let engine = self.servers.at(primary, now);
        let is_wrong = engine.is_in_use_by(maildrop, id) && statement.is_empty();
        let since = &mut self.judge.known[slot].misbelieved_since;
        if !is_wrong {
            since.remove(&maildrop);
            return;
        }
        let since = *since.entry(maildrop).or_insert(now);
        let is_old = now >= since + 3_000 && self.judge.is_quiet(slot, now, 3_000);
        self.judge.check(now, !is_old, || {
            format!(
                "the engine has not heard that gate {slot} left {}",
                maildrop.0[0]
            )
        });
    }

    /// A holder knows that somebody waits elsewhere, and does not believe it for ever.
    fn look_whether_contended(&mut self, slot: usize, maildrop: MaildropId) {
        let (now, place) = (self.now, &self.slots[slot]);
        let Some(gate) = place.gate.as_ref().filter(|_| place.frozen.is_none()) else {
            return;
        };
        let statement = gate.statement(maildrop);
        if statement.main.is_some() || statement.holder.is_none() {
            return;
        }
        let is_contended = gate.is_contended(maildrop);
        let told = gate.told.get(&maildrop).and_then(|it| it.waits_at);
        let lapses = CLUSTER_ELSEWHERE + Duration::from_millis(50);
        let is_old = told.is_none_or(|at| at + lapses < gate.clock.now());
        self.judge.check(now, !(is_contended && is_old), || {
            format!("gate {slot} believes for ever that somebody waits elsewhere")
        });
        let others = self.judge.waits_since.iter();
        let longest = others
            .filter(|((of, at), _)| *of == maildrop && *at != slot)
            .map(|(_, since)| now - since)
            .max();
        let has_begun = statement.holder.is_some_and(|it| it.has_begun);
        let known_within = 8 * self.plan.latency + 60;
        let must_know = self.is_strict && has_begun && longest >= Some(known_within);
        self.judge.check(now, is_contended || !must_know, || {
            format!("gate {slot} does not know that somebody waits elsewhere")
        });
    }
}
