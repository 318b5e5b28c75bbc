//! What went wrong in public with locks in Redis, rule by rule; `tests/gates/main.rs` has the list.

use crate::redis::{Redis, Watched, alive, is_installed, options};
use crate::rules::{LEASE, LONG, MAILDROP, Site, holding, main_lane, over};
use popgate::cluster::member::{Member, MemberAction, MemberInput, MemberOptions, OnOutage};
use popgate::cluster::protocol::{GateId, SyncCall, TurnStanding};
use popgate::limits::{CLUSTER_AWAY, CLUSTER_BEAT, CLUSTER_LEASE, CLUSTER_LEASE_MARGIN};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

const A: GateId = GateId([0xa; 8]);
const B: GateId = GateId([0xb; 8]);
const C: GateId = GateId([0xc; 8]);

fn waits(until: Duration) -> SyncCall {
    let mut call = main_lane();
    call.main.as_mut().unwrap().until = until;
    call
}

#[test]
fn a_waiter_whose_time_is_over_stops_nobody() {
    let mut site = Site::new();
    let turn = site.granted(A, main_lane());
    site.say(A, holding(turn));
    site.queued(B, waits(Duration::from_secs(1)));
    site.queued(C, waits(LONG));
    site.engine.advance(1_000);
    site.say(A, over(turn));
    assert_eq!(site.called(), [C]);
}

#[test]
fn waiters_of_a_dead_gate_stop_nobody() {
    let mut site = Site::new();
    let turn = site.granted(A, main_lane());
    site.say(A, holding(turn));
    site.queued(B, waits(LONG));
    site.queued(C, waits(LONG));
    site.engine.leave(B);
    site.say(A, over(turn));
    assert_eq!(site.called(), [C]);
}

/// Neither its own nor that of who waits behind it.
#[test]
fn asking_again_does_not_move_the_end_of_a_wait() {
    let mut site = Site::new();
    let turn = site.granted(A, main_lane());
    site.say(A, holding(turn));
    site.queued(C, waits(Duration::from_secs(3)));
    for left in [5_000, 4_000, 3_000] {
        site.queued(B, waits(Duration::from_millis(left)));
        site.engine.advance(1_000);
    }
    // C's wait is over, and B's goes on for two seconds.
    site.say(A, over(turn));
    assert_eq!(site.called(), [B]);
}

#[test]
fn a_waiter_that_was_taken_for_gone_is_in_again_when_it_asks() {
    let mut site = Site::new();
    let turn = site.granted(A, main_lane());
    site.say(A, holding(turn));
    site.queued(B, waits(Duration::from_secs(1)));
    site.engine.advance(1_000);
    site.queued(C, waits(LONG));
    site.queued(B, waits(Duration::from_secs(1)));
    site.say(A, over(turn));
    assert_eq!(site.called(), [C]);
    let turn = site.granted(C, waits(LONG));
    site.say(C, over(turn));
    assert_eq!(site.called(), [B]);
}

#[test]
fn a_release_behind_the_lease_is_no_error_and_releases_nobody_else() {
    let mut site = Site::new();
    let turn = site.granted(A, main_lane());
    site.say(A, holding(turn));
    site.engine.advance(LEASE / 2);
    site.beat(B);
    site.engine.advance(LEASE / 2);
    site.granted(B, main_lane());
    site.beat(A);
    assert_eq!(site.say(A, over(turn)), TurnStanding::Idle);
    assert_eq!(site.engine.holder(MAILDROP), Some(B));
}

/// One late beat, or two that get no answer, cost no lease; nor does the search for another engine.
#[test]
fn the_shortest_lease_outlasts_three_beats_and_a_search() {
    assert!(*CLUSTER_LEASE.start() >= 3 * CLUSTER_BEAT + CLUSTER_AWAY);
}

#[test]
fn a_lease_counts_from_the_sending_of_its_beat() {
    let mut site = Site::new();
    let now = Instant::now();
    let mut member = Member::new(member_options(), now);
    let mut actions = Vec::new();
    member.apply(MemberInput::Connected, now, &mut actions);
    let Some(MemberAction::Beat(call)) = actions.pop() else {
        panic!("a gate that is connected says that it lives");
    };
    let answered = now + Duration::from_millis(240);
    let beaten = MemberInput::Beaten {
        ping: call.ping,
        sent_at: now,
        lapsed: true,
        answer: Ok(site.engine.beat(&call, A)),
    };
    member.apply(beaten, answered, &mut actions);
    let ends = actions.iter().find_map(|action| match action {
        MemberAction::Lease { until, .. } => Some(*until),
        _ => None,
    });
    assert_eq!(
        ends,
        Some(now + member_options().lease - CLUSTER_LEASE_MARGIN)
    );
}

fn member_options() -> MemberOptions {
    MemberOptions {
        gate: A,
        lease: Duration::from_millis(LEASE),
        on_outage: OnOutage::Local,
        fingerprint: Arc::from("same"),
        settings: Arc::from(""),
        info: Arc::from(&b""[..]),
        seed: 1,
    }
}

#[tokio::test]
async fn a_lease_is_set_anew_and_never_added_to() {
    if !is_installed() {
        return;
    }
    let redis = Redis::start();
    let mut watched = Watched::start(options(redis.address));
    let link = watched.up().await;
    for ping in 1..=5 {
        alive(&link, ping).await;
    }
    let said = redis.say("PTTL popgate:gate:0102030405060708");
    let left: u64 = said.trim().trim_start_matches(':').parse().unwrap();
    assert!(left <= LEASE && left > LEASE / 2, "{said}");
}

/// And not one for each lock.
#[tokio::test]
async fn a_gate_has_one_channel() {
    if !is_installed() {
        return;
    }
    let redis = Redis::start();
    let mut watched = Watched::start(options(redis.address));
    alive(&watched.up().await, 1).await;
    assert!(redis.say("PUBSUB CHANNELS popgate:*").starts_with("*1\r\n"));
}
