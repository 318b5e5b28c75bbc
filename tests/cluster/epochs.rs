//! What an engine that has lost something, or whose clock was set, still knows of who holds what;
//! and which gates it believes.

use crate::rules::{A, B, C, LEASE, LONG, MAILDROP, Site};
use crate::rules::{beat_call, holding, main_lane, over, unproven_lane};
use popgate::cluster::protocol::{
    BeatAnswer, BeatCall, ClusterReport, GateId, Holds, SyncCall, TurnNumber, TurnStanding,
};
use std::sync::Arc;
use std::time::Duration;

/// A replica takes over with all that its primary knew, and the gates beat there.
fn fails_over(site: &mut Site) {
    let all = site.engine.clone();
    site.engine.failover(&all, "replica");
    site.join();
}

fn held(standing: TurnStanding) -> TurnNumber {
    match standing {
        TurnStanding::Held(turn) => turn,
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_held_it_before_a_failover_holds_it_until_he_has_spoken() {
    let mut site = Site::new();
    let turn = site.granted(A, main_lane());
    held(site.say(A, holding(turn)));
    fails_over(&mut site);
    site.engine.advance(10_000);
    for gate in [A, B] {
        site.beat(gate);
    }
    assert_eq!(
        site.say(B, main_lane()),
        TurnStanding::Queued,
        "grace is over"
    );
    assert_eq!(held(site.say(A, holding(turn))), turn);
    site.say(A, over(turn));
    site.granted(B, main_lane());
}

#[test]
fn who_held_it_before_a_failover_and_says_that_it_is_over_frees_it_at_once() {
    let mut site = Site::new();
    let turn = site.granted(A, main_lane());
    held(site.say(A, holding(turn)));
    fails_over(&mut site);
    site.engine.advance(2_000);
    assert_eq!(site.say(A, over(turn)), TurnStanding::Idle);
    site.granted(B, main_lane());
}

#[test]
fn who_held_it_before_a_failover_and_never_comes_back_keeps_it_for_a_lease() {
    let mut site = Site::new();
    let turn = site.granted(A, main_lane());
    held(site.say(A, holding(turn)));
    let all = site.engine.clone();
    site.engine.failover(&all, "replica");
    site.beat(B);
    for past in (0..LEASE).step_by(1_000) {
        assert_eq!(
            site.say(B, main_lane()),
            TurnStanding::Queued,
            "after {past} ms"
        );
        site.engine.advance(1_000);
        site.beat(B);
    }
    site.granted(B, main_lane());
}

#[test]
fn a_waiter_wakes_the_gate_that_held_it_before_a_failover() {
    let mut site = Site::new();
    let turn = site.granted(A, main_lane());
    held(site.say(A, holding(turn)));
    fails_over(&mut site);
    for gate in [A, B] {
        site.engine.subscribe(gate);
    }
    site.say(B, unproven_lane(LONG));
    let told: Vec<GateId> = site
        .engine
        .take_pushes()
        .into_iter()
        .map(|(to, _)| to)
        .collect();
    assert_eq!(
        told,
        [A],
        "it may have ended the session, and the engine lost that"
    );
}

#[test]
fn a_later_turn_that_the_replica_never_saw_counts_more_than_an_old_holder() {
    let mut site = Site::new();
    let first = site.granted(A, main_lane());
    held(site.say(A, holding(first)));
    let earlier = site.engine.clone();
    site.say(A, over(first));
    let second = site.granted(B, main_lane());
    site.engine.failover(&earlier, "replica");
    site.join();
    assert_eq!(held(site.say(B, holding(second))), second);
    assert_eq!(site.say(A, holding(first)), TurnStanding::Lost);
}

#[test]
fn a_turn_whose_answer_a_failover_lost_is_not_given_again_at_once() {
    let mut site = Site::new();
    site.granted(A, main_lane());
    fails_over(&mut site);
    // Another gate may have had it since, for all that this server knows.
    assert_eq!(site.say(A, main_lane()), TurnStanding::Queued);
    site.engine.advance(2_000);
    site.granted(A, main_lane());
}

#[test]
fn where_all_gates_were_gone_a_new_epoch_begins_though_the_server_is_the_same() {
    let mut site = Site::new();
    let turn = site.granted(A, main_lane());
    held(site.say(A, holding(turn)));
    let number = site.epoch.number;
    site.engine.advance(LEASE);
    site.beat(B);
    assert_eq!(site.epoch.number, number + 1);
    site.engine.advance(2_000);
    assert_eq!(
        site.say(B, main_lane()),
        TurnStanding::Queued,
        "the holder may be there yet"
    );
    site.beat(A);
    assert_eq!(held(site.say(A, holding(turn))), turn);
}

#[test]
fn where_all_gates_have_left_no_new_epoch_begins() {
    let mut site = Site::new();
    let number = site.epoch.number;
    for gate in [A, B, C, crate::rules::D] {
        site.engine.leave(gate);
    }
    site.engine.advance(LEASE);
    site.beat(A);
    assert_eq!(site.epoch.number, number);
    site.granted(A, main_lane());
}

/// A gate with many maildrops needs longer than the two seconds that a new epoch gives nothing away.
#[test]
fn no_turn_is_given_while_a_gate_says_what_it_holds_and_for_no_longer_than_its_lease() {
    let mut site = Site::new();
    site.engine.restart_empty("another");
    site.join();
    let says = |site: &mut Site| {
        let call = BeatCall {
            restates: Some(site.epoch.clone()),
            ..beat_call(site.epoch.number)
        };
        alive(site.engine.beat(&call, A));
    };
    for _ in 0..6 {
        site.engine.advance(1_000);
        says(&mut site);
        site.queued(B, main_lane());
    }
    site.engine.advance(1_400);
    site.queued(B, main_lane());
    site.engine.advance(100);
    let turn = site.granted(B, main_lane());
    site.say(B, over(turn));
    // It says so again and again.
    for _ in 0..7 {
        says(&mut site);
        site.beat(B);
        site.queued(B, main_lane());
        site.engine.advance(1_000);
    }
    site.engine.advance(500);
    site.granted(B, main_lane());
}

#[test]
fn what_a_gate_says_of_another_epoch_keeps_no_turn_back() {
    let mut site = Site::new();
    let call = BeatCall {
        restates: Some(site.epoch.clone()),
        ..beat_call(1)
    };
    site.engine.restart_empty("another");
    site.join();
    site.engine.advance(2_000);
    alive(site.engine.beat(&call, A));
    site.granted(B, main_lane());
}

/// While the lease is changed gate by gate.
#[test]
fn who_held_it_before_a_failover_keeps_it_for_his_own_lease() {
    let minute = Duration::from_secs(60);
    let mut site = Site::new();
    let turn = site.granted(A, main_lane());
    held(site.say(
        A,
        SyncCall {
            lease: minute,
            ..holding(turn)
        },
    ));
    fails_over(&mut site);
    let asks = || SyncCall {
        lease: Duration::from_secs(6),
        ..main_lane()
    };
    for _ in 0..59 {
        site.engine.advance(1_000);
        site.beat(B);
        site.queued(B, asks());
    }
    site.engine.advance(1_000);
    site.granted(B, asks());
}

#[test]
fn a_gate_hears_whether_its_lease_was_good_until_now() {
    let mut site = Site::new();
    let report = |site: &mut Site, gate| match site.engine.beat(&beat_call(9), gate) {
        BeatAnswer::Alive(report) => report,
        BeatAnswer::Stranger => panic!("the same fingerprint"),
    };
    assert!(report(&mut site, A).is_continued);
    // Others go on, so that the epoch does.
    site.engine.advance(LEASE - 1_000);
    site.beat(B);
    site.engine.advance(1_000);
    assert!(
        !report(&mut site, A).is_continued,
        "by whichever clock it ran out"
    );
    assert!(report(&mut site, A).is_continued);
}

#[test]
fn a_clock_that_is_set_back_makes_nobody_wait_for_it_to_catch_up() {
    let mut site = Site::new();
    fails_over(&mut site);
    let hour = 3_600_000_000;
    site.engine.set_clock(site.engine.now() - hour);
    site.beat(A);
    site.beat(B);
    site.engine.advance(2_000);
    let turn = site.granted(A, main_lane());
    held(site.say(A, holding(turn)));
    site.queued(B, main_lane());
    site.say(A, over(turn));
    assert_eq!(site.called(), [B]);
    // The claim that B does not take up was to end within an hour and two seconds.
    site.engine.set_clock(site.engine.now() - hour);
    site.beat(C);
    site.engine.advance(2_000);
    site.granted(C, main_lane());
}

#[test]
fn a_gate_that_died_before_the_clock_was_set_back_is_soon_forgotten() {
    let mut site = Site::new();
    let turn = site.granted(A, main_lane());
    held(site.say(A, holding(turn)));
    site.engine.set_clock(site.engine.now() - 3_600_000_000);
    for _ in 0..61 {
        site.beat(B);
        site.engine.advance(1_000);
    }
    site.granted(B, main_lane());
}

#[test]
fn strangers_past_half_of_their_wait_are_served_though_newer_ones_stand_before_them() {
    let mut site = Site::new();
    let both = |half| SyncCall {
        unproven: unproven_lane(half).unproven,
        ..main_lane()
    };
    site.say(A, unproven_lane(LONG));
    let turn = match site.say(A, unproven_lane(LONG)) {
        TurnStanding::Granted(turn, _) | TurnStanding::Held(turn) => turn,
        other => panic!("{other:?}"),
    };
    held(site.say(A, holding(turn)));
    // The place of A's lane is before B's, and those in it are always fresh.
    let fresh = SyncCall {
        holds: Holds::Turn(turn),
        seen: turn,
        ..both(LONG)
    };
    held(site.say(A, fresh));
    site.queued(B, both(Duration::ZERO));
    let mut seen = [turn; 2];
    let mut lanes = String::new();
    let mut holder = A;
    for _ in 0..12 {
        let index = usize::from(holder == B);
        let half = [LONG, Duration::ZERO][index];
        let call = SyncCall {
            seen: seen[index],
            ..both(half)
        };
        site.say(holder, call);
        let next = site.engine.holder(MAILDROP).expect("both wait");
        let index = usize::from(next == B);
        let call = SyncCall {
            seen: seen[index],
            ..both([LONG, Duration::ZERO][index])
        };
        let TurnStanding::Granted(turn, lane) = site.say(next, call) else {
            panic!("it is its turn");
        };
        seen[index] = turn;
        lanes.push(match (next == B, lane) {
            (true, popgate::lock::queue::Lane::Unproven) => 'u',
            _ => '.',
        });
        holder = next;
    }
    assert!(lanes.matches('u').count() >= 3, "{lanes}");
}

/// A beat of a gate with another secret.
fn stranger(is_established: bool) -> BeatCall {
    BeatCall {
        fingerprint: Arc::from("another"),
        is_established,
        ..beat_call(0)
    }
}

fn established() -> BeatCall {
    BeatCall {
        is_established: true,
        ..beat_call(1)
    }
}

fn alive(answer: BeatAnswer) -> ClusterReport {
    match answer {
        BeatAnswer::Alive(report) => report,
        BeatAnswer::Stranger => panic!("it belongs there"),
    }
}

#[test]
fn a_stranger_that_is_first_at_an_empty_engine_yields_to_gates_that_were_there_before() {
    let mut site = Site::new();
    site.engine.restart_empty("run2");
    alive(site.engine.beat(&stranger(false), C));
    let newcomer = beat_call(1);
    assert_eq!(site.engine.beat(&newcomer, B), BeatAnswer::Stranger);
    let call = established();
    let report = alive(site.engine.beat(&call, A));
    assert_eq!(report.members.len(), 1, "the stranger is out");
    for is_established in [false, true] {
        let call = stranger(is_established);
        assert_eq!(site.engine.beat(&call, C), BeatAnswer::Stranger);
    }
    alive(site.engine.beat(&newcomer, B));
}

#[test]
fn with_no_gate_left_another_secret_takes_over() {
    let mut site = Site::new();
    let call = established();
    alive(site.engine.beat(&call, A));
    site.engine.advance(LEASE);
    alive(site.engine.beat(&stranger(false), C));
    let newcomer = beat_call(1);
    assert_eq!(site.engine.beat(&newcomer, A), BeatAnswer::Stranger);
}
