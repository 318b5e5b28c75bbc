//! Gates that keep to the protocol, on the model: what is promised to their clients holds in random
//! histories, while calls and answers are lost, gates die and the engine forgets.

use crate::model::Engine;
use crate::rules::{MAILDROP, beat_call, nothing};
use fastrand::Rng;
use popgate::cluster::protocol::{
    BeatAnswer, Epoch, GateId, Holds, MainSlot, Push, SyncAnswer, SyncCall, TurnNumber,
    TurnStanding, UnprovenSlot,
};
use popgate::lock::queue::Lane;
use std::collections::VecDeque;
use std::time::Duration;

const HISTORIES: u64 = 300;
/// Of 100 ms each.
const STEPS: usize = 600;
const STEP: u64 = 100;
/// From a grant in the engine to its gate's knowing of it.
const CLAIM: u64 = 2_500;
/// The longest time in which a turn may be lost with a gate or an epoch.
const MISHAP: u64 = 20_000;

/// Somebody who waits: for a turn in this lane, until then.
#[derive(Clone, Copy)]
struct Waiter {
    since: u64,
    until: u64,
}

struct Gate {
    id: GateId,
    is_alive: bool,
    epoch: Option<Epoch>,
    sequence: u64,
    seen: TurnNumber,
    /// The turn that it holds, and when that session ends.
    session: Option<(TurnNumber, u64)>,
    main: VecDeque<Waiter>,
    unproven: VecDeque<Waiter>,
    ask_at: u64,
    beat_at: u64,
    /// After how many calls the engine gave it a turn last.
    given: usize,
    /// After how many calls the engine heard that it begins to wait in its main lane.
    main_since: Option<usize>,
    /// When its stranger is past half of its wait, as the engine knows it.
    half_at: Option<u64>,
    last_main_turn: Option<usize>,
}

impl Gate {
    fn new(number: u8) -> Self {
        Self {
            id: GateId([number; 8]),
            is_alive: true,
            epoch: None,
            sequence: 0,
            seen: TurnNumber(0),
            session: None,
            main: VecDeque::new(),
            unproven: VecDeque::new(),
            ask_at: 0,
            beat_at: 0,
            given: 0,
            main_since: None,
            half_at: None,
            last_main_turn: None,
        }
    }

    fn statement(&mut self, now: u64) -> Option<SyncCall> {
        self.sequence += 1;
        let left = |until: u64| Duration::from_millis(until.saturating_sub(now) + 1_000);
        Some(SyncCall {
            epoch: self.epoch.clone()?,
            sequence: self.sequence,
            holds: match self.session {
                None => Holds::Nothing,
                Some((turn, _)) => Holds::Turn(turn),
            },
            seen: self.seen,
            main: self.main.front().map(|first| MainSlot {
                age: Duration::from_millis(now - first.since),
                until: left(self.main.iter().map(|it| it.until).max().unwrap_or(0)),
            }),
            unproven: self.unproven.front().map(|first| UnprovenSlot {
                age: Duration::from_millis(now - first.since),
                half: Duration::from_millis(first.half_at().saturating_sub(now)),
                until: left(self.unproven.iter().map(|it| it.until).max().unwrap_or(0)),
            }),
            ..nothing()
        })
    }
}

impl Waiter {
    fn half_at(self) -> u64 {
        self.since + (self.until - self.since) / 2
    }
}

struct Crowd {
    engine: Engine,
    random: Rng,
    now: u64,
    gates: Vec<Gate>,
    /// Of a hundred calls and answers.
    lost: u8,
    runs: u64,
    turns: usize,
    calls: usize,
    main_turns: usize,
    /// Whether at some moment since the last turn of a stranger nobody waited in a main lane.
    was_free_of_main: bool,
    main_turns_past_half: usize,
    unserved_since: u64,
    mishap_at: u64,
}

impl Crowd {
    fn new(seed: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        let gates: Vec<_> = (1..=random.u8(2..=4)).map(Gate::new).collect();
        let mut engine = Engine::new("run0", 1_800_000_000_000_000);
        for gate in &gates {
            engine.subscribe(gate.id);
        }
        Self {
            engine,
            lost: random.u8(0..10),
            random,
            now: 0,
            gates,
            runs: 0,
            turns: 0,
            calls: 0,
            main_turns: 3,
            was_free_of_main: true,
            main_turns_past_half: 0,
            unserved_since: 0,
            mishap_at: 0,
        }
    }

    fn is_lost(&mut self) -> bool {
        self.random.u8(0..100) < self.lost
    }

    fn step(&mut self) {
        self.now += STEP;
        self.engine.advance(STEP);
        for index in 0..self.gates.len() {
            if self.gates[index].is_alive {
                self.live(index);
            }
        }
        self.deliver();
        self.check();
    }

    /// What a gate does by itself.
    fn live(&mut self, index: usize) {
        let now = self.now;
        let arrives = self.random.u8(..);
        let patience = self.random.u64(3_000..60_000);
        let gate = &mut self.gates[index];
        let waiter = Waiter {
            since: now,
            until: now + patience,
        };
        match arrives {
            0..8 => gate.main.push_back(waiter),
            8..12 => gate.unproven.push_back(waiter),
            12 => drop(gate.main.pop_back()),
            13 => drop(gate.unproven.pop_back()),
            _ => {}
        }
        let waiting = gate.main.len() + gate.unproven.len();
        gate.main.retain(|waiter| waiter.until > now);
        gate.unproven.retain(|waiter| waiter.until > now);
        let is_over = gate.session.is_some_and(|(_, ends)| ends <= now);
        if is_over {
            gate.session = None;
        }
        if is_over || arrives < 14 || waiting > gate.main.len() + gate.unproven.len() {
            gate.ask_at = now;
        }
        if gate.beat_at <= now {
            self.beat(index);
        }
        if self.gates[index].ask_at <= now {
            self.ask(index);
        }
    }

    fn beat(&mut self, index: usize) {
        let known = self.gates[index].epoch.as_ref().map_or(0, |it| it.number);
        let call = beat_call(known);
        self.gates[index].beat_at = self.now + 1_000;
        if self.is_lost() {
            self.gates[index].beat_at = self.now + STEP;
            return;
        }
        let BeatAnswer::Alive(report) = self.engine.beat(&call, self.gates[index].id) else {
            panic!("all have the same fingerprint");
        };
        let gate = &mut self.gates[index];
        if gate.epoch.as_ref() != Some(&report.epoch) {
            gate.epoch = Some(report.epoch);
            gate.ask_at = self.now;
        }
    }

    fn ask(&mut self, index: usize) {
        let now = self.now;
        let again = now + self.random.u64(900..1_100);
        let soon = now + STEP;
        let Some(call) = self.gates[index].statement(now) else {
            return;
        };
        self.gates[index].ask_at = soon;
        if self.is_lost() {
            return;
        }
        let before = self.engine.holder(MAILDROP);
        let answer = self.engine.sync(&call, self.gates[index].id).unwrap();
        self.calls += 1;
        let holder = self.engine.holder(MAILDROP);
        if let Some(gate) = holder.filter(|_| holder != before) {
            self.gates[usize::from(gate.0[0]) - 1].given = self.calls;
        }
        if let SyncAnswer::Done(_) = answer {
            self.heard(index, &call);
        }
        if self.is_lost() {
            return;
        }
        let gate = &mut self.gates[index];
        let waits = call.main.is_some() || call.unproven.is_some();
        gate.ask_at = if waits { again } else { u64::MAX };
        match answer {
            SyncAnswer::OtherEpoch | SyncAnswer::NoLease => {
                gate.beat_at = now;
                gate.ask_at = soon;
            }
            SyncAnswer::Done(report) => self.stands(index, report.standing),
        }
    }

    /// What the engine knows now of those who wait.
    fn heard(&mut self, index: usize, call: &SyncCall) {
        let now = self.now;
        let gate = &mut self.gates[index];
        match call.main {
            None => gate.main_since = None,
            Some(_) => gate.main_since = gate.main_since.or(Some(self.calls)),
        }
        gate.half_at = call
            .unproven
            .map(|slot| now + u64::try_from(slot.half.as_millis()).unwrap());
        self.was_free_of_main |= self.gates.iter().all(|gate| gate.main_since.is_none());
    }

    fn stands(&mut self, index: usize, standing: TurnStanding) {
        match standing {
            TurnStanding::Granted(turn, lane) => self.begins(index, turn, lane),
            TurnStanding::Held(turn) => {
                let gate = &mut self.gates[index];
                gate.seen = gate.seen.max(turn);
                let (_, ends) = gate.session.expect("it said that it has one");
                gate.session = Some((turn, ends));
            }
            TurnStanding::Lost => panic!("somebody was let in beside gate {index}"),
            TurnStanding::Stale => panic!("calls come in order here"),
            TurnStanding::Queued | TurnStanding::Idle => {
                let gate = &self.gates[index];
                assert!(gate.session.is_none(), "the engine knows who holds");
            }
        }
    }

    fn begins(&mut self, index: usize, turn: TurnNumber, lane: Lane) {
        self.turns += 1;
        match lane {
            Lane::Main => self.main_turn(index),
            Lane::Unproven => self.turn_of_stranger(),
        }
        let ends = self.now + self.random.u64(200..2_000);
        let gate = &mut self.gates[index];
        assert!(turn > gate.seen, "turns grow");
        gate.seen = turn;
        gate.session = Some((turn, ends));
        let queue = match lane {
            Lane::Main => &mut gate.main,
            Lane::Unproven => &mut gate.unproven,
        };
        queue.pop_front().expect("it said that somebody waits");
        gate.ask_at = self.now;
        let inside = self
            .gates
            .iter()
            .filter(|gate| gate.is_alive && gate.session.is_some());
        assert_eq!(inside.count(), 1, "one gate holds");
        self.unserved_since = self.now;
    }

    fn main_turn(&mut self, index: usize) {
        self.main_turns += 1;
        for (other, gate) in self.gates.iter().enumerate() {
            let is_passed = gate.is_alive
                && other != index
                && gate.main_since.is_some_and(|since| {
                    self.gates[index]
                        .last_main_turn
                        .is_some_and(|last| last > since)
                });
            assert!(!is_passed, "gate {index} has two turns while {other} waits");
        }
        let now = self.now;
        let is_stranger_due = |gate: &Gate| gate.half_at.is_some_and(|at| at + CLAIM < now);
        if self
            .gates
            .iter()
            .any(|gate| gate.is_alive && is_stranger_due(gate))
        {
            self.main_turns_past_half += 1;
        } else {
            self.main_turns_past_half = 0;
        }
        assert!(
            self.main_turns_past_half <= 3,
            "strangers have one turn in four"
        );
        let gate = &mut self.gates[index];
        gate.last_main_turn = Some(gate.given);
        gate.main_since = gate.main_since.map(|_| gate.given);
    }

    fn turn_of_stranger(&mut self) {
        assert!(
            self.was_free_of_main || self.main_turns >= 3,
            "strangers have one turn in four, and no more"
        );
        self.main_turns = 0;
        self.main_turns_past_half = 0;
        self.was_free_of_main = self.gates.iter().all(|gate| gate.main_since.is_none());
    }

    fn deliver(&mut self) {
        loop {
            let pushes = self.engine.take_pushes();
            if pushes.is_empty() {
                return;
            }
            for (id, push) in pushes {
                let index = usize::from(id.0[0]) - 1;
                let is_turn = push == Push::Turn(MAILDROP);
                if is_turn && self.gates[index].is_alive && !self.is_lost() {
                    self.ask(index);
                }
            }
        }
    }

    fn check(&mut self) {
        let living = || self.gates.iter().filter(|gate| gate.is_alive);
        let is_served = living().any(|gate| gate.session.is_some())
            || living().all(|gate| gate.main.is_empty() && gate.unproven.is_empty());
        if is_served {
            self.unserved_since = self.now;
        }
        let since = self.unserved_since.max(self.mishap_at + MISHAP);
        assert!(self.now < since + 5_000, "somebody is served");
    }

    /// A gate dies, or the engine forgets all; what was promised by turns begins anew.
    fn mishap(&mut self) {
        self.mishap_at = self.now;
        if self.random.bool() && self.gates.iter().filter(|gate| gate.is_alive).count() > 1 {
            let index = self.random.usize(0..self.gates.len());
            self.gates[index].is_alive = false;
            self.engine.unsubscribe(self.gates[index].id);
        } else {
            self.runs += 1;
            self.engine.restart_empty(&format!("run{}", self.runs));
        }
        for gate in &mut self.gates {
            if gate.is_alive {
                self.engine.subscribe(gate.id);
            }
            gate.beat_at = self.now;
            gate.last_main_turn = None;
            gate.main_since = None;
            gate.half_at = None;
        }
        self.was_free_of_main = true;
        self.main_turns_past_half = 0;
    }

    /// Everybody goes, and nothing is left.
    fn ends(&mut self) {
        for gate in &mut self.gates {
            gate.main.clear();
            gate.unproven.clear();
            gate.session = gate.session.map(|(turn, _)| (turn, self.now));
        }
        self.lost = 0;
        for _ in 0..MISHAP / STEP {
            self.now += STEP;
            self.engine.advance(STEP);
            for index in 0..self.gates.len() {
                let gate = &mut self.gates[index];
                gate.session = None;
                if gate.is_alive {
                    self.beat(index);
                    self.ask(index);
                }
            }
            self.engine.take_pushes();
        }
        assert_eq!(
            self.engine.holder(MAILDROP),
            None,
            "nobody holds it unawares"
        );
    }
}

#[test]
fn gates_that_keep_to_the_protocol_are_served_one_at_a_time_and_in_turn() {
    let mut turns = 0;
    for seed in 1..=HISTORIES {
        let outcome = std::panic::catch_unwind(|| {
            let mut crowd = Crowd::new(seed);
            for _ in 0..STEPS {
                if crowd.random.u16(0..400) == 0 {
                    crowd.mishap();
                }
                crowd.step();
            }
            crowd.ends();
            crowd.turns
        });
        turns += outcome.unwrap_or_else(|_| panic!("seed {seed}"));
    }
    assert!(turns > 3_000, "they are busy: {turns}");
}
