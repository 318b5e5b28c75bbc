//! Which turn was the last at a maildrop, and when nobody knows, on the model.

use crate::rules::{A, B, C, LEASE, MAILDROP, Site, beat_call, holding, main_lane, nothing, over};
use popgate::cluster::protocol::{
    BeatCall, GateId, Holds, LastTurnAnswer, LastTurnCall, SyncCall, TurnNumber, TurnStanding,
};
use std::time::Duration;

const HOUR: u64 = 3_600_000;

impl Site {
    fn last(&self, gate: GateId) -> LastTurnAnswer {
        let call = LastTurnCall {
            maildrop: MAILDROP,
            epoch: self.epoch.clone(),
        };
        self.engine.last_turn(&call, gate)
    }

    /// A session of this gate from its turn to its end.
    fn session(&mut self, gate: GateId) -> TurnNumber {
        let turn = self.granted(gate, main_lane());
        self.say(gate, holding(turn));
        let call = SyncCall {
            keep: Duration::from_millis(HOUR),
            ..over(turn)
        };
        assert_eq!(self.say(gate, call), TurnStanding::Idle);
        turn
    }

    /// It has served by itself, and says so.
    fn was_alone(&mut self, gate: GateId) {
        let call = BeatCall {
            was_alone: true,
            ..beat_call(self.epoch.number)
        };
        self.engine.beat(&call, gate);
        self.engine.take_pushes();
    }

    /// Time passes, and all gates live on.
    fn lives_for(&mut self, millis: u64) {
        for _ in 0..millis / 10_000 {
            self.engine.advance(10_000);
            self.join();
        }
    }
}

fn last(turn: TurnNumber) -> LastTurnAnswer {
    LastTurnAnswer::Last(turn)
}

#[test]
fn a_turn_is_the_last_one_during_its_session_and_behind_it_until_there_is_another() {
    let mut site = Site::new();
    assert_eq!(site.last(A), LastTurnAnswer::Unknown);
    let first = site.granted(A, main_lane());
    assert_eq!([site.last(A), site.last(B)], [last(first); 2]);
    site.say(A, over(first));
    assert_eq!(site.last(A), last(first));
    let second = site.granted(B, main_lane());
    assert_eq!(site.last(A), last(second));
}

#[test]
fn who_waits_has_had_no_session_and_who_was_called_may_have() {
    let mut site = Site::new();
    let turn = site.granted(A, main_lane());
    site.say(A, holding(turn));
    site.queued(B, main_lane());
    assert_eq!(site.last(A), last(turn));
    site.say(A, over(turn));
    assert_ne!(site.last(A), last(turn), "B was called");
}

#[test]
fn the_last_turn_is_kept_for_as_long_as_was_asked_and_for_a_minute_otherwise() {
    let mut site = Site::new();
    let turn = site.session(A);
    site.lives_for(HOUR - 10_000);
    assert_eq!(site.last(A), last(turn));
    site.lives_for(10_000);
    assert_eq!(site.last(A), LastTurnAnswer::Unknown);
    let turn = site.granted(A, main_lane());
    site.say(A, over(turn));
    site.lives_for(50_000);
    assert_eq!(site.last(A), last(turn));
    site.lives_for(10_000);
    assert_eq!(site.last(A), LastTurnAnswer::Unknown);
}

#[test]
fn behind_a_gate_that_served_by_itself_nobody_knows_until_the_next_turn() {
    let mut site = Site::new();
    site.session(A);
    site.was_alone(B);
    assert_eq!(site.last(A), LastTurnAnswer::Unknown);
    let turn = site.session(A);
    assert_eq!(site.last(A), last(turn));
}

#[test]
fn beside_a_session_that_lost_its_turn_nobody_knows() {
    let mut site = Site::new();
    let turn = site.granted(A, main_lane());
    site.say(A, holding(turn));
    let local = SyncCall {
        holds: Holds::Local,
        ..nothing()
    };
    assert_eq!(site.say(B, local), TurnStanding::Lost);
    assert_eq!(site.last(A), LastTurnAnswer::Unknown);
}

#[test]
fn a_session_that_is_heard_of_later_has_a_turn_of_its_own() {
    let mut site = Site::new();
    let before = site.session(A);
    let local = SyncCall {
        holds: Holds::Local,
        ..nothing()
    };
    let TurnStanding::Held(turn) = site.say(B, local) else {
        panic!("nobody else holds it");
    };
    assert!(turn > before);
    assert_eq!(site.last(A), last(turn));
}

#[test]
fn a_turn_that_goes_on_in_a_new_epoch_is_not_known_to_be_the_last() {
    let mut site = Site::new();
    let turn = site.granted(A, main_lane());
    site.say(A, holding(turn));
    let all = site.engine.clone();
    let before = site.epoch.clone();
    site.engine.failover(&all, "replica");
    site.join();
    assert_eq!(site.last(A), LastTurnAnswer::Unknown, "nobody has spoken");
    assert_eq!(site.say(A, holding(turn)), TurnStanding::Held(turn));
    assert_eq!(site.last(A), LastTurnAnswer::Unknown);
    let asks = LastTurnCall {
        maildrop: MAILDROP,
        epoch: before,
    };
    let answer = site.engine.last_turn(&asks, A);
    assert_eq!(answer, LastTurnAnswer::OtherEpoch);
}

#[test]
fn a_gate_without_a_lease_is_told_nothing() {
    let mut site = Site::new();
    site.session(A);
    site.engine.advance(LEASE - 3_000);
    site.beat(C);
    site.engine.advance(3_000);
    assert_eq!(site.last(A), LastTurnAnswer::NoLease);
}

#[test]
fn behind_a_gate_that_had_no_lease_for_a_while_nobody_knows_until_the_next_turn() {
    let mut site = Site::new();
    let turn = site.session(A);
    for _ in 0..2 {
        site.engine.advance(10_000);
        site.beat(A);
        site.beat(C);
    }
    assert_eq!(site.last(A), last(turn));
    // Its own session may have gone on meanwhile.
    site.beat(B);
    assert_eq!(site.last(A), LastTurnAnswer::Unknown);
}
