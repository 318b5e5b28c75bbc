//! What a gate says of itself where all is said anew, and when it begins and ends to take part.

use super::*;
use crate::limits::{CLUSTER_ASK_AGAIN, CLUSTER_BEAT, CLUSTER_JOIN};

#[test]
fn what_a_gate_holds_is_said_before_what_it_waits_for() {
    let mut scene = Scene::joined();
    // The maildrops that are waited for come first by their names.
    for call in scene.many(20) {
        scene.answer(&call, TurnStanding::Queued);
    }
    scene.holding(5);
    scene.next_beat();
    let said = syncs(&scene.beaten(report("run", 2)));
    assert_eq!(
        (said[0].maildrop, said[0].holds),
        (ANN, Holds::Turn(TurnNumber(5)))
    );
}

#[test]
fn a_gate_that_still_says_what_it_holds_tells_so_at_once_and_with_each_beat() {
    let mut scene = Scene::joined();
    scene.holding(5);
    scene.next_beat();
    assert_eq!(beats(&scene.out)[0].restates, None);
    scene.out = scene.beaten(report("run", 2));
    let call = sync_of(&scene.out);
    let epoch = Some(report("run", 2).epoch);
    assert_eq!(beats(&scene.out)[0].restates, epoch);
    scene.beaten(report("run", 2));
    scene.next_beat();
    assert_eq!(beats(&scene.out)[0].restates, epoch);
    scene.answer(&call, TurnStanding::Held(TurnNumber(5)));
    scene.beaten(report("run", 2));
    scene.next_beat();
    assert_eq!(beats(&scene.out)[0].restates, None);
}

#[test]
fn a_gate_that_starts_gives_its_engine_ten_seconds_before_it_serves_alone() {
    let mut scene = Scene::new();
    let waits = scene.waits();
    scene.state(1, waits);
    let told = scene.pass(CLUSTER_JOIN - Duration::from_millis(1));
    assert_eq!((authorities(&told), states(&told)), (vec![], vec![]));
    let told = scene.pass(Duration::from_millis(1));
    assert_eq!(authorities(&told), [Authority::Local]);
    assert_eq!(scene.member.state(), ClusterState::Degraded);
}

#[test]
fn a_call_that_is_refused_is_no_silence_and_one_maildrops_own_trouble() {
    let mut scene = Scene::joined();
    let waits = scene.waits();
    let call = sync_of(&scene.state(1, waits));
    let refused = |call: &SyncCall| MemberInput::SyncRefused {
        maildrop: call.maildrop,
        sequence: call.sequence,
    };
    let told = scene.apply(refused(&call));
    assert_eq!(states(&told), []);
    // Whether it refuses all a beat finds out.
    assert_eq!(beats(&told).len(), 1);
    scene.out = told;
    scene.beaten(report("run", 1));
    let told = scene.pass(CLUSTER_ASK_AGAIN - Duration::from_millis(1));
    assert_eq!(syncs(&told), []);
    let again = sync_of(&scene.pass(Duration::from_millis(1)));
    assert_eq!((again.maildrop, again.main.is_some()), (ANN, true));
    // Another's refusal comes too late.
    assert_eq!(scene.apply(refused(&call)), []);
    scene.answer(&again, TurnStanding::Queued);
    assert_eq!(scene.member.state(), ClusterState::Healthy);
}

#[test]
fn a_session_that_ends_while_its_turn_is_confirmed_leaves_no_turn_behind() {
    let mut scene = Scene::joined();
    scene.holding(5);
    let call = sync_of(&scene.pushed(Push::Contended(ANN)));
    let waits = scene.waits();
    assert_eq!(syncs(&scene.state(1, waits)), [], "a call is under way");
    let call = sync_of(&scene.answer(&call, TurnStanding::Held(TurnNumber(5))));
    assert_eq!(call.holds, Holds::Nothing);
    scene.next_beat();
    scene.beaten(lapsed_report());
    let told = scene.answer(&call, TurnStanding::Queued);
    assert_eq!(
        syncs(&told),
        [],
        "and not again and again by the lease of now"
    );
}

#[test]
fn a_gate_that_has_left_gives_no_sign_of_life() {
    let mut scene = Scene::joined();
    let told = scene.apply(MemberInput::Leave);
    assert!(told.contains(&MemberAction::Left));
    assert_eq!(beats(&scene.pass(10 * CLUSTER_BEAT)), []);
}

#[test]
fn a_reload_changes_what_is_said_of_the_settings() {
    let mut scene = Scene::joined();
    scene.member.have_settings("other".into());
    scene.next_beat();
    assert_eq!(&*beats(&scene.out)[0].settings, "other");
}
