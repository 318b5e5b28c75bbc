//! Whose turn it is, rule by rule, on the model; `conformance` shows that the scripts do the same.

use crate::model::Engine;
use popgate::cluster::protocol::{
    BeatAnswer, BeatCall, Epoch, GateId, Holds, MaildropId, MainSlot, Push, SyncAnswer, SyncCall,
    TurnNumber, TurnStanding, UnprovenSlot,
};
use popgate::lock::queue::Lane;
use std::sync::Arc;
use std::time::Duration;

pub(crate) const A: GateId = GateId([0xa; 8]);
pub(crate) const B: GateId = GateId([0xb; 8]);
pub(crate) const C: GateId = GateId([0xc; 8]);
pub(crate) const D: GateId = GateId([0xd; 8]);
pub(crate) const MAILDROP: MaildropId = MaildropId([1; 16]);
pub(crate) const LONG: Duration = Duration::from_secs(300);
pub(crate) const LEASE: u64 = 15_000;

pub(crate) fn beat_call(known_epoch: u64) -> BeatCall {
    BeatCall {
        known_epoch,
        lease: Duration::from_millis(LEASE),
        fingerprint: Arc::from("same"),
        settings: Arc::from(""),
        info: Arc::from(&b""[..]),
        ping: 1,
        blocks: 0,
        is_established: false,
        restates: None,
        was_alone: false,
    }
}

/// A statement of nothing; epoch and sequence are still to be put in.
pub(crate) fn nothing() -> SyncCall {
    SyncCall {
        maildrop: MAILDROP,
        epoch: Epoch {
            run_id: Arc::from(""),
            number: 0,
        },
        sequence: 0,
        holds: Holds::Nothing,
        lease: Duration::from_millis(LEASE),
        seen: TurnNumber(0),
        main: None,
        unproven: None,
        hears: true,
        home: None,
        ended: None,
        keep: Duration::ZERO,
    }
}

pub(crate) fn main_lane() -> SyncCall {
    SyncCall {
        main: Some(MainSlot {
            age: Duration::ZERO,
            until: LONG,
        }),
        ..nothing()
    }
}

pub(crate) fn unproven_lane(half: Duration) -> SyncCall {
    SyncCall {
        unproven: Some(UnprovenSlot {
            age: Duration::ZERO,
            half,
            until: LONG,
        }),
        ..nothing()
    }
}

/// It has a session of this turn, and wants no other.
pub(crate) fn holding(turn: TurnNumber) -> SyncCall {
    SyncCall {
        holds: Holds::Turn(turn),
        seen: turn,
        ..nothing()
    }
}

/// The session has ended.
pub(crate) fn over(turn: TurnNumber) -> SyncCall {
    SyncCall {
        seen: turn,
        ..nothing()
    }
}

/// An engine with four gates that hear, old enough to give turns.
pub(crate) struct Site {
    pub(crate) engine: Engine,
    pub(crate) epoch: Epoch,
    sequence: u64,
}

impl Site {
    pub(crate) fn new() -> Self {
        let mut site = Self {
            engine: Engine::new("run", 1_800_000_000_000_000),
            epoch: nothing().epoch,
            sequence: 0,
        };
        site.join();
        site.engine.advance(2_000);
        site
    }

    /// All four listen and beat.
    pub(crate) fn join(&mut self) {
        for gate in [A, B, C, D] {
            self.engine.subscribe(gate);
            self.beat(gate);
        }
    }

    pub(crate) fn beat(&mut self, gate: GateId) {
        let call = beat_call(self.epoch.number);
        match self.engine.beat(&call, gate) {
            BeatAnswer::Alive(report) => self.epoch = report.epoch,
            BeatAnswer::Stranger => panic!("the same fingerprint"),
        }
        self.engine.take_pushes();
    }

    pub(crate) fn say(&mut self, gate: GateId, call: SyncCall) -> TurnStanding {
        self.sequence += 1;
        let call = SyncCall {
            epoch: self.epoch.clone(),
            sequence: self.sequence,
            ..call
        };
        match self.engine.sync(&call, gate) {
            Ok(SyncAnswer::Done(report)) => report.standing,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn granted(&mut self, gate: GateId, call: SyncCall) -> TurnNumber {
        match self.say(gate, call) {
            TurnStanding::Granted(turn, _) => turn,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn queued(&mut self, gate: GateId, call: SyncCall) {
        assert_eq!(self.say(gate, call), TurnStanding::Queued);
        self.engine.take_pushes();
    }

    /// Who was told that it may have a turn.
    pub(crate) fn called(&mut self) -> Vec<GateId> {
        let pushes = self.engine.take_pushes().into_iter();
        pushes
            .filter(|(_, push)| *push == Push::Turn(MAILDROP))
            .map(|(gate, _)| gate)
            .collect()
    }
}

#[test]
fn a_grant_that_was_never_seen_is_given_again() {
    let mut site = Site::new();
    let turn = site.granted(A, main_lane());
    site.queued(B, main_lane());
    site.engine.advance(10_000);
    assert_eq!(site.granted(A, main_lane()), turn);
    assert_eq!(site.say(A, holding(turn)), TurnStanding::Held(turn));
}

#[test]
fn who_gave_up_before_the_grant_is_not_given_it() {
    let mut site = Site::new();
    let turn = site.granted(A, main_lane());
    site.say(A, holding(turn));
    site.queued(B, main_lane());
    assert_eq!(site.say(B, nothing()), TurnStanding::Idle);
    site.say(A, over(turn));
    assert_eq!(
        (site.called(), site.engine.holder(MAILDROP)),
        (vec![], None)
    );
}

#[test]
fn who_gave_up_before_it_heard_of_the_grant_does_not_keep_it() {
    let mut site = Site::new();
    site.granted(A, main_lane());
    site.queued(B, main_lane());
    assert_eq!(site.say(A, nothing()), TurnStanding::Idle);
    assert_eq!(site.called(), [B]);
    assert_eq!(site.say(B, nothing()), TurnStanding::Idle);
    assert_eq!(site.engine.holder(MAILDROP), None);
}

#[test]
fn a_gate_that_does_not_hear_keeps_its_place_and_stops_nobody() {
    let mut site = Site::new();
    let turn = site.granted(A, main_lane());
    site.say(A, holding(turn));
    site.engine.unsubscribe(B);
    site.queued(B, main_lane());
    site.queued(C, main_lane());
    site.queued(D, main_lane());
    site.say(A, over(turn));
    assert_eq!(site.called(), [C]);
    let turn = site.granted(C, main_lane());
    site.say(C, holding(turn));
    // It asks, and hears again: it goes before those who came later.
    site.engine.subscribe(B);
    site.queued(B, main_lane());
    site.say(C, over(turn));
    assert_eq!(site.called(), [B]);
}

#[test]
fn a_gate_that_does_not_hear_is_passed_three_times_at_most() {
    let mut site = Site::new();
    let deaf = SyncCall {
        hears: false,
        ..main_lane()
    };
    let mut turn = site.granted(A, main_lane());
    site.engine.unsubscribe(B);
    site.queued(B, deaf.clone());
    for gate in [C, A, C] {
        site.queued(gate, main_lane());
        let holder = site.engine.holder(MAILDROP).unwrap();
        site.say(holder, over(turn));
        assert_eq!(site.called(), [gate]);
        turn = site.granted(gate, main_lane());
        site.say(gate, holding(turn));
    }
    site.queued(D, main_lane());
    site.queued(B, deaf.clone());
    site.say(C, over(turn));
    assert_eq!(
        (site.called(), site.engine.holder(MAILDROP)),
        (vec![], None)
    );
    site.engine.advance(1_000);
    site.granted(B, deaf);
}

#[test]
fn a_turn_that_nobody_takes_up_goes_on_and_its_gate_keeps_its_place() {
    let mut site = Site::new();
    let turn = site.granted(A, main_lane());
    site.queued(B, main_lane());
    site.queued(C, main_lane());
    site.queued(D, main_lane());
    site.say(A, over(turn));
    assert_eq!(site.called(), [B]);
    site.engine.advance(1_999);
    site.queued(C, main_lane());
    site.engine.advance(1);
    let turn = site.granted(C, main_lane());
    site.say(C, holding(turn));
    site.queued(B, main_lane());
    site.say(C, over(turn));
    assert_eq!(site.called(), [B]);
}

#[test]
fn the_maildrop_of_a_gate_that_died_goes_on_when_its_lease_ends() {
    let mut site = Site::new();
    site.beat(A);
    let turn = site.granted(A, main_lane());
    site.say(A, holding(turn));
    site.engine.advance(LEASE / 2);
    site.beat(B);
    site.engine.advance(LEASE / 2 - 1);
    site.queued(B, main_lane());
    site.engine.advance(1);
    site.granted(B, main_lane());
}

/// The engine was frozen, or its clock was set forward: nobody could say that it lives.
#[test]
fn when_all_leases_ran_out_holders_are_heard_before_anything_is_given() {
    let mut site = Site::new();
    let turn = site.granted(A, main_lane());
    site.say(A, holding(turn));
    site.engine.advance(LEASE);
    site.beat(B);
    site.queued(B, main_lane());
    site.engine.advance(1_999);
    site.beat(A);
    assert_eq!(site.say(A, holding(turn)), TurnStanding::Held(turn));
    site.engine.advance(1);
    site.queued(B, main_lane());
}

#[test]
fn when_the_clock_is_set_back_turns_go_on_after_two_seconds() {
    let mut site = Site::new();
    let turn = site.granted(A, main_lane());
    site.say(A, holding(turn));
    site.engine.set_clock(site.engine.now() - 3_600_000_000);
    site.join();
    assert_eq!(site.say(A, holding(turn)), TurnStanding::Held(turn));
    site.queued(B, main_lane());
    site.engine.advance(2_000);
    site.say(A, over(turn));
    assert_eq!(site.called(), [B]);
}

#[test]
fn a_gate_that_is_alone_waits_for_nobody_to_say_what_it_holds() {
    let mut site = Site::new();
    for gate in [B, C, D] {
        site.engine.leave(gate);
    }
    site.engine.advance(10 * LEASE);
    site.beat(A);
    site.granted(A, main_lane());
}

#[test]
fn a_gate_that_leaves_leaves_nothing_behind() {
    let mut site = Site::new();
    let turn = site.granted(A, main_lane());
    site.say(A, holding(turn));
    site.queued(B, main_lane());
    site.engine.leave(A);
    site.granted(B, main_lane());
}

#[test]
fn a_new_epoch_hears_who_holds_before_it_gives() {
    let mut site = Site::new();
    let turn = site.granted(A, main_lane());
    site.engine.restart_empty("run2");
    site.join();
    site.queued(B, main_lane());
    site.engine.advance(1_999);
    site.queued(B, main_lane());
    assert_eq!(site.say(A, holding(turn)), TurnStanding::Held(turn));
    site.engine.advance(1);
    site.queued(B, main_lane());
    site.say(A, over(turn));
    assert_eq!(site.called(), [B]);
}

#[test]
fn a_new_epoch_gives_after_two_seconds() {
    let mut site = Site::new();
    site.engine.restart_empty("run2");
    site.join();
    site.engine.advance(1_999);
    site.queued(B, main_lane());
    site.engine.advance(1);
    site.granted(B, main_lane());
}

#[test]
fn a_replica_that_lacks_the_last_turn_is_told_of_it() {
    let mut site = Site::new();
    let earlier = site.engine.clone();
    let turn = site.granted(A, main_lane());
    let number = site.epoch.number;
    site.engine.failover(&earlier, "replica");
    site.join();
    assert!(site.epoch.number > number);
    site.queued(B, main_lane());
    assert_eq!(site.say(A, holding(turn)), TurnStanding::Held(turn));
}

#[test]
fn a_session_that_began_without_the_engine_is_made_a_holder_or_told_that_another_is() {
    let mut site = Site::new();
    let local = SyncCall {
        holds: Holds::Local,
        ..nothing()
    };
    let TurnStanding::Held(turn) = site.say(A, local.clone()) else {
        panic!("nobody else holds it");
    };
    assert_eq!(site.say(B, local), TurnStanding::Lost);
    assert_eq!(site.say(B, holding(turn)), TurnStanding::Lost);
    assert_eq!(site.engine.holder(MAILDROP), Some(A));
}

#[test]
fn a_turn_that_is_held_again_is_never_behind_one_that_was_given() {
    let mut site = Site::new();
    let first = site.granted(A, main_lane());
    site.say(A, over(first));
    let second = site.granted(B, main_lane());
    site.say(B, over(second));
    let TurnStanding::Held(third) = site.say(A, holding(first)) else {
        panic!("nobody else holds it");
    };
    assert!(third > second, "{third:?}, {second:?}");
}

#[test]
fn a_stranger_who_came_before_the_owner_does_not_delay_it() {
    let mut site = Site::new();
    let turn = site.granted(A, main_lane());
    site.say(A, holding(turn));
    site.queued(B, unproven_lane(LONG));
    site.queued(C, main_lane());
    site.say(A, over(turn));
    assert_eq!(site.called(), [C]);
}

#[test]
fn a_stranger_past_half_of_its_wait_has_one_turn_in_four() {
    let mut site = Site::new();
    let both = SyncCall {
        unproven: unproven_lane(Duration::ZERO).unproven,
        ..main_lane()
    };
    let mut seen = TurnNumber(0);
    let mut lanes = String::new();
    for _ in 0..12 {
        let call = SyncCall {
            seen,
            ..both.clone()
        };
        let TurnStanding::Granted(turn, lane) = site.say(A, call) else {
            panic!("nobody else waits");
        };
        seen = turn;
        lanes.push(if lane == Lane::Main { 'm' } else { 'u' });
    }
    assert_eq!(lanes, "ummmummmummm");
}

#[test]
fn a_holder_hears_that_the_main_lane_waits_elsewhere_and_only_that() {
    let mut site = Site::new();
    let turn = site.granted(A, main_lane());
    site.say(A, holding(turn));
    site.say(B, unproven_lane(LONG));
    assert_eq!(site.engine.take_pushes(), []);
    site.say(C, main_lane());
    assert_eq!(site.engine.take_pushes(), [(A, Push::Contended(MAILDROP))]);
}

#[test]
fn a_late_statement_changes_nothing() {
    let mut site = Site::new();
    let turn = site.granted(A, main_lane());
    site.sequence -= 1;
    assert_eq!(site.say(A, over(turn)), TurnStanding::Stale);
    assert_eq!(site.engine.holder(MAILDROP), Some(A));
}
