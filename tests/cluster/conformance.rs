//! The scripts against the model, answer for answer and push for push, in random histories of gates
//! that say anything.

use crate::model::{Engine, TooManyGates};
use crate::redis::{eventually, is_installed};
use crate::rules::{beat_call, main_lane};
use crate::scripted::{Copied, Scripted, is_close};
use fastrand::Rng;
use popgate::cluster::protocol::{
    BeatAnswer, BeatCall, BlockPut, BlockStamp, Epoch, GateId, Holds, LastTurnCall, MaildropId,
    MainSlot, StoredBlock, SyncAnswer, SyncCall, TurnNumber, TurnStanding, UnprovenSlot,
};
use popgate::ids::BackendName;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

const HISTORIES: u64 = 1_000;
const STEPS: usize = 80;
/// Some time in 2027, in microseconds.
const START: u64 = 1_800_000_000_123_456;
/// The longest lease of a gate.
const LEASE_MAX: Duration = Duration::from_secs(20);
/// A gate with that lease that is heard so often goes on living.
const HOP: Duration = Duration::from_secs(16);
/// The most by which the engine's clock is set back, in microseconds: less than a lease lasts, and
/// longer than a gate says what it holds.
const LAG_MAX: u64 = 9_000_000;
const FINGERPRINT: &str = "the same everywhere";

/// What a gate knows of a maildrop, or might.
#[derive(Clone, Copy, Default)]
struct Known {
    sequence: u64,
    token: u64,
}

struct History<'a> {
    server: &'a mut Scripted,
    model: Engine,
    earlier: Option<(Engine, Copied)>,
    /// Everybody waits all the time, and some do not hear: turns go round.
    is_crowded: bool,
    random: Rng,
    gates: Vec<GateId>,
    maildrops: Vec<MaildropId>,
    known: HashMap<(GateId, MaildropId), Known>,
    epoch: Epoch,
    epoch_before: Epoch,
    runs: u64,
}

impl<'a> History<'a> {
    fn begin(server: &'a mut Scripted, seed: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        let model = Engine::new("run0", START + random.u64(0..1_000_000));
        let gates = 2 + random.u8(0..=2);
        let maildrops = 1 + random.u8(0..=1);
        let nothing = Epoch {
            run_id: Arc::from("none"),
            number: 1,
        };
        let mut history = Self {
            server,
            model,
            earlier: None,
            is_crowded: random.u8(0..3) == 0,
            random,
            gates: (1..=gates).map(|it| GateId([it; 8])).collect(),
            maildrops: (1..=maildrops).map(|it| MaildropId([it; 16])).collect(),
            known: HashMap::new(),
            epoch: nothing.clone(),
            epoch_before: nothing,
            runs: 0,
        };
        history.silence();
        history.server.restart_empty(&history.model);
        for gate in history.gates.clone() {
            if history.random.u8(0..4) > 0 {
                history.subscribe(gate);
            }
            history.beat(gate);
            history.compare_pushes();
        }
        history
    }

    fn compare_pushes(&mut self) {
        assert_eq!(self.server.take_pushes(), self.model.take_pushes());
    }

    /// All connections have ended.
    fn silence(&mut self) {
        for gate in 1..=4 {
            self.server.unsubscribe(GateId([gate; 8]));
        }
    }

    fn step(&mut self) {
        let gate = self.gates[self.random.usize(0..self.gates.len())];
        match self.random.u8(0..100) {
            0..52 => self.sync(gate),
            52..58 => self.last_turn(gate),
            58..73 => self.advance(),
            73..83 => self.beat(gate),
            83..86 => self.subscribe(gate),
            86..95 if self.is_crowded => self.sync(gate),
            86..89 => self.unsubscribe(gate),
            89..91 => self.leave(gate),
            91..95 => self.put_blocks(),
            95 => self.restart_empty(),
            96 => self.earlier = Some(self.copied()),
            97..99 => self.fail_over(),
            _ => self.lag(),
        }
        self.compare_pushes();
    }

    fn sync(&mut self, gate: GateId) {
        let maildrop = self.maildrops[self.random.usize(0..self.maildrops.len())];
        let call = self.statement(gate, maildrop);
        let expected = self.model.sync(&call, gate);
        let answer = self.server.sync(&call, gate);
        let Ok(mut expected) = expected else {
            panic!("so few gates are taken");
        };
        let answer = answer.unwrap_or_else(|error| panic!("{call:?}: {error}"));
        let SyncAnswer::Done(report) = &mut expected else {
            assert_eq!(answer, expected, "{gate} {call:?}");
            return;
        };
        if let SyncAnswer::Done(answered) = &answer
            && let (Some(holder), Some(other)) = (&mut report.holder, &answered.holder)
        {
            let is_so = match self.model.living().contains_key(&holder.gate) {
                true => is_close(other.lease_left, holder.lease_left),
                // Of the epoch before, by the test's clock alone.
                false => other.lease_left == holder.lease_left,
            };
            assert!(is_so, "{other:?} {holder:?}");
            holder.lease_left = other.lease_left;
        }
        if let TurnStanding::Held(number) | TurnStanding::Granted(number, _) = report.standing {
            self.known.entry((gate, maildrop)).or_default().token = number.0;
        }
        let is_stored = report.standing != TurnStanding::Stale;
        assert_eq!(answer, expected, "{gate} {call:?}");
        if is_stored {
            let (_, life) = self.model.maildrops().find(|it| it.0 == maildrop).unwrap();
            let left = self.server.life_of(maildrop);
            assert!(
                is_close(left, Duration::from_millis(life)),
                "{left:?}, {life}"
            );
        }
    }

    fn last_turn(&mut self, gate: GateId) {
        let random = &mut self.random;
        let maildrop = self.maildrops[random.usize(0..self.maildrops.len())];
        let call = LastTurnCall {
            maildrop,
            epoch: match random.u8(0..20) {
                0 => self.epoch_before.clone(),
                _ => self.epoch.clone(),
            },
        };
        let life = self.server.life_of(maildrop);
        let expected = self.model.last_turn(&call, gate);
        let answer = self.server.last_turn(&call, gate);
        assert_eq!(answer, expected, "{gate} {call:?}");
        let left = self.server.life_of(maildrop);
        assert!(
            is_close(left, life),
            "it lives as long as before: {left:?}, {life:?}"
        );
    }

    fn statement(&mut self, gate: GateId, maildrop: MaildropId) -> SyncCall {
        let random = &mut self.random;
        let known = self.known.entry((gate, maildrop)).or_default();
        let sequence = match random.u8(0..12) {
            0 => known.sequence,
            1 => known.sequence.saturating_sub(1),
            _ => known.sequence + 1,
        };
        known.sequence = known.sequence.max(sequence);
        let own = known.token;
        let any = self.known.values().map(|it| it.token).max().unwrap_or(0);
        let some_turn = match random.u8(0..6) {
            0 => any,
            1 => any + random.u64(1..9),
            2 => own.saturating_sub(1),
            _ => own,
        };
        let holds = match random.u8(0..10) {
            0 => Holds::Local,
            1..4 if some_turn > 0 => Holds::Turn(TurnNumber(some_turn)),
            _ => Holds::Nothing,
        };
        let seen = match random.u8(0..8) {
            0 => any + random.u64(0..2) * 3_000_000,
            1 => 0,
            2 => own.saturating_sub(1),
            _ => own,
        };
        let call = SyncCall {
            maildrop,
            epoch: match random.u8(0..40) {
                0 => self.epoch_before.clone(),
                _ => self.epoch.clone(),
            },
            sequence,
            holds,
            lease: Duration::from_millis(random.u64(6..20) * 1_000),
            seen: TurnNumber(seen),
            main: random.bool().then(|| main_slot(random)),
            unproven: (random.u8(0..3) == 0).then(|| unproven_slot(random)),
            hears: random.u8(0..4) > 0,
            home: (random.u8(0..8) == 0)
                .then(|| BackendName::new(&format!("b{}", random.u8(0..3)))),
            ended: (random.u8(0..8) == 0).then(|| some_time(random)),
            keep: some_time(random) * u32::from(random.bool()),
        };
        match self.is_crowded {
            true => self.waits_on(call, own),
            false => call,
        }
    }

    /// The session has ended at once, and the next one waits.
    fn waits_on(&mut self, call: SyncCall, own: u64) -> SyncCall {
        SyncCall {
            epoch: self.epoch.clone(),
            holds: Holds::Nothing,
            seen: TurnNumber(own),
            main: Some(MainSlot {
                age: Duration::ZERO,
                until: Duration::from_secs(300),
            }),
            ..call
        }
    }

    fn advance(&mut self) {
        let step = match self.is_crowded {
            true => Duration::from_millis(self.random.u64(100..1_600)),
            false => some_time(&mut self.random),
        };
        // Now and then somebody is heard all the while, and the epoch goes on.
        let hops = match self.random.bool() {
            true => step.as_secs().min(60) / HOP.as_secs(),
            false => 0,
        };
        for _ in 0..hops {
            self.model.advance(u64::try_from(HOP.as_millis()).unwrap());
            self.server.set_clock(&self.model);
            self.beat_for(self.gates[0], FINGERPRINT, LEASE_MAX);
        }
        let step = step.saturating_sub(HOP * u32::try_from(hops).unwrap());
        self.model.advance(u64::try_from(step.as_millis()).unwrap());
        self.server.set_clock(&self.model);
        // Gates that live say so.
        for gate in self.gates.clone() {
            if self.random.u8(0..4) > 0 {
                self.beat(gate);
            }
        }
    }

    fn beat(&mut self, gate: GateId) {
        let fingerprint = match self.random.u8(0..20) {
            0 => "another",
            _ => FINGERPRINT,
        };
        self.beat_as(gate, fingerprint);
    }

    fn beat_as(&mut self, gate: GateId, fingerprint: &str) {
        let lease = Duration::from_secs(self.random.u64(6..LEASE_MAX.as_secs()));
        self.beat_for(gate, fingerprint, lease);
    }

    fn beat_for(&mut self, gate: GateId, fingerprint: &str, lease: Duration) {
        let random = &mut self.random;
        let call = BeatCall {
            known_epoch: self.epoch.number * random.u64(0..2),
            lease,
            fingerprint: Arc::from(fingerprint),
            settings: Arc::from(format!("s{}", random.u8(0..3))),
            info: Arc::from(&[0, random.u8(..), b'\r', b'\n'][..]),
            ping: random.u64(0..1_000_000),
            blocks: random.u64(0..6),
            is_established: random.u8(0..3) == 0,
            restates: match random.u8(0..6) {
                0 => Some(self.epoch_before.clone()),
                1..4 => Some(self.epoch.clone()),
                _ => None,
            },
            was_alone: random.u8(0..12) == 0,
        };
        let expected = self.model.beat(&call, gate);
        assert_eq!(
            self.server.beat(&call, gate, &self.model),
            expected,
            "{call:?}"
        );
        if let BeatAnswer::Alive(report) = expected
            && report.epoch != self.epoch
        {
            self.epoch_before = std::mem::replace(&mut self.epoch, report.epoch);
        }
    }

    fn subscribe(&mut self, gate: GateId) {
        self.model.subscribe(gate);
        self.server.subscribe(gate);
    }

    fn unsubscribe(&mut self, gate: GateId) {
        self.model.unsubscribe(gate);
        self.server.unsubscribe(gate);
    }

    fn leave(&mut self, gate: GateId) {
        self.model.leave(gate);
        self.server.leave(gate);
    }

    fn put_blocks(&mut self) {
        let random = &mut self.random;
        let puts: Vec<_> = (0..random.u8(1..4))
            .map(|_| BlockPut {
                name: Arc::from(format!("n{}", random.u8(0..5))),
                stored: StoredBlock {
                    stamp: BlockStamp {
                        // Some have more digits than others.
                        released: 8 + random.u64(0..4),
                        made: 98 + random.u64(0..4),
                        gate: GateId([random.u8(9..12); 8]),
                    },
                    entry: Arc::from(&[random.u8(..), b'\n', 0][..random.usize(0..=3)]),
                },
                keep: some_time(random),
            })
            .collect();
        let most = 2 + self.random.usize(0..3);
        let counts = self.model.put_blocks(&puts, most);
        assert_eq!(self.server.put_blocks(&puts, most), counts, "{puts:?}");
    }

    fn restart_empty(&mut self) {
        self.runs += 1;
        self.silence();
        self.model.restart_empty(&format!("run{}", self.runs));
        self.server.restart_empty(&self.model);
        self.earlier = None;
    }

    fn copied(&mut self) -> (Engine, Copied) {
        (self.model.clone(), self.server.copy())
    }

    /// To a replica that was behind, or to one that has all; its clock may be behind, too.
    fn fail_over(&mut self) {
        let earlier = self.earlier.take().filter(|_| self.random.bool());
        let (model, copied) = earlier.unwrap_or_else(|| self.copied());
        self.runs += 1;
        self.silence();
        if self.random.bool() {
            self.lag();
        }
        self.model.failover(&model, &format!("run{}", self.runs));
        self.server.failover(&copied, &self.model);
    }

    /// The engine's clock is set back.
    fn lag(&mut self) {
        let back = self.random.u64(0..LAG_MAX);
        self.model.set_clock(self.model.now() - back);
        self.server.set_clock(&self.model);
    }
}

/// Times about which rules change, and others.
fn some_time(random: &mut Rng) -> Duration {
    let about = [
        0, 1, 100, 900, 1_500, 2_000, 5_000, 15_000, 60_000, 7_200_000,
    ];
    // The longest seldom: nothing lives so long.
    let longest = if random.u8(0..20) == 0 {
        about.len()
    } else {
        about.len() - 3
    };
    let middle = about[random.usize(0..longest)];
    Duration::from_millis((middle + random.u64(0..3)).saturating_sub(1))
}

fn main_slot(random: &mut Rng) -> MainSlot {
    MainSlot {
        age: some_time(random),
        until: some_time(random) + Duration::from_secs(random.u64(0..20)),
    }
}

fn unproven_slot(random: &mut Rng) -> UnprovenSlot {
    UnprovenSlot {
        age: some_time(random),
        half: some_time(random) * u32::from(random.bool()),
        until: some_time(random) + Duration::from_secs(random.u64(0..20)),
    }
}

pub(crate) fn number_of(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap())
}

/// Whether a history plays alike on both; the panic says where it does not.
fn play(server: &mut Scripted, seed: u64) {
    let mut history = History::begin(server, seed);
    for _ in 0..STEPS {
        history.step();
    }
}

#[test]
fn the_scripts_do_what_the_model_says() {
    if !is_installed() {
        return;
    }
    let only = number_of("POPGATE_CLUSTER_SEED", 0);
    let seeds = match only {
        0 => 1..=number_of("POPGATE_CLUSTER_HISTORIES", HISTORIES),
        seed => seed..=seed,
    };
    let mut server = Scripted::start();
    for seed in seeds {
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            play(&mut server, seed);
        }));
        assert!(
            outcome.is_ok(),
            "POPGATE_CLUSTER_SEED={seed} plays it again"
        );
    }
}

#[test]
fn no_more_than_64_gates_are_known_at_one_maildrop() {
    if !is_installed() {
        return;
    }
    let mut server = Scripted::start();
    let mut history = History::begin(&mut server, 1);
    for number in 1..=65 {
        let gate = GateId([100 + number; 8]);
        history.beat_as(gate, FINGERPRINT);
        let call = SyncCall {
            main: Some(main_slot(&mut Rng::with_seed(1))),
            sequence: 1,
            ..history.statement(gate, MaildropId([9; 16]))
        };
        let call = SyncCall {
            epoch: history.epoch.clone(),
            ..call
        };
        let answer = history.server.sync(&call, gate);
        match history.model.sync(&call, gate) {
            Ok(_) => assert!(number <= 64 && answer.is_ok(), "{number}: {answer:?}"),
            Err(TooManyGates) => assert!(number == 65 && answer.unwrap_err().contains("too many")),
        }
    }
}

#[test]
fn the_clock_is_the_servers() {
    if !is_installed() {
        return;
    }
    let mut server = Scripted::with_own_clock();
    let began = server.clock();
    let mut model = Engine::new("run0", began);
    server.restart_empty(&model);
    let gate = GateId([1; 8]);
    let BeatAnswer::Alive(report) = model.beat(&beat_call(0), gate) else {
        panic!("it is the first");
    };
    server.beat(&beat_call(0), gate, &model);
    let mut call = SyncCall {
        epoch: report.epoch,
        ..main_lane()
    };
    let mut turn = None;
    eventually("a turn", || {
        call.sequence += 1;
        match server.sync(&call, gate) {
            Ok(SyncAnswer::Done(report)) => {
                turn = match report.standing {
                    TurnStanding::Granted(turn, _) => Some(turn.0),
                    _ => None,
                };
                turn.is_some()
            }
            other => panic!("{other:?}"),
        }
    });
    let grace = began + 2_000_000;
    assert!(
        (grace..=server.clock() + 1).contains(&turn.unwrap()),
        "{turn:?}"
    );
}
