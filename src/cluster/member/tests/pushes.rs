//! What the engine pushes.

use super::*;

#[test]
fn a_maildrop_of_which_nothing_is_known_is_said_to_be_free() {
    let mut scene = Scene::joined();
    for push in [Push::Turn(ANN), Push::Contended(ANN)] {
        let call = sync_of(&scene.pushed(push));
        assert_eq!((call.holds, call.main), (Holds::Nothing, None));
        scene.answer(&call, TurnStanding::Idle);
        assert_eq!(scene.member.known(), 0);
    }
}

#[test]
fn a_push_is_for_nobody_where_the_engine_is_not_asked() {
    let mut joining = Scene::new();
    joining.connect();
    let mut away = Scene::joined();
    away.go_away();
    for mut scene in [joining, away] {
        scene.pushed(Push::Turn(ANN));
        assert_eq!(scene.member.known(), 0);
    }
}

#[test]
fn a_push_that_comes_before_an_answer_is_asked_about_behind_it() {
    let mut scene = Scene::joined();
    let waits = scene.waits();
    let call = sync_of(&scene.state(1, waits));
    assert_eq!(syncs(&scene.pushed(Push::Turn(ANN))), []);
    sync_of(&scene.answer(&call, TurnStanding::Queued));
}

#[test]
fn who_knows_that_somebody_waits_elsewhere_looks_again_in_its_time() {
    let mut scene = Scene::joined();
    scene.holding(5);
    let held = TurnStanding::Held(TurnNumber(5));
    let call = sync_of(&scene.pushed(Push::Contended(ANN)));
    assert_eq!(scene.answer_with(&call, held, true), [contended(true)]);
    assert_eq!(
        syncs(&scene.pushed(Push::Contended(ANN))),
        [],
        "it is known"
    );
    let call = sync_of(&scene.pass(CLUSTER_LOOK_AGAIN));
    scene.pushed(Push::Contended(ANN));
    let told = scene.answer_with(&call, held, false);
    assert!(told.contains(&contended(false)));
    let call = sync_of(&told);
    assert_eq!(call.sequence, 4, "somebody may have come meanwhile");
    assert_eq!(scene.answer_with(&call, held, false), []);
    assert_eq!(syncs(&scene.pass(Duration::from_secs(60))), []);
}

#[test]
fn that_somebody_waits_elsewhere_lapses_while_an_answer_is_awaited() {
    let mut scene = Scene::joined();
    scene.holding(5);
    let held = TurnStanding::Held(TurnNumber(5));
    let call = sync_of(&scene.pushed(Push::Contended(ANN)));
    scene.answer_with(&call, held, true);
    sync_of(&scene.pass(CLUSTER_LOOK_AGAIN));
    let both = Statement {
        main: scene.waits().main,
        ..scene.holds()
    };
    scene.state(1, both);
    let told = scene.pass(CLUSTER_ELSEWHERE);
    assert!(told.contains(&contended(false)));
    assert_eq!(syncs(&told), [], "one call at a time");
}

#[test]
fn a_new_queue_hears_anew_that_somebody_waits_elsewhere() {
    let mut scene = Scene::joined();
    scene.holding(5);
    let held = TurnStanding::Held(TurnNumber(5));
    let call = sync_of(&scene.pushed(Push::Contended(ANN)));
    scene.answer_with(&call, held, true);
    let waits = scene.waits();
    let call = sync_of(&scene.state(2, waits));
    let told = scene.answer_with(&call, TurnStanding::Queued, true);
    assert!(told.contains(&contended(true)), "{told:?}");
}

#[test]
fn who_waits_in_the_unproven_lane_asks_again_too() {
    let mut scene = Scene::joined();
    let waits = scene.waits_unproven();
    let call = sync_of(&scene.state(1, waits));
    scene.answer(&call, TurnStanding::Queued);
    sync_of(&scene.pass(Duration::from_millis(1_100)));
}

#[test]
fn a_gate_that_hears_no_pings_says_so_and_makes_the_connection_for_pushes_anew() {
    let mut scene = Scene::joined();
    let hears = |scene: &mut Scene| {
        let call = sync_of(&scene.pushed(Push::Turn(ANN)));
        scene.answer(&call, TurnStanding::Idle);
        call.hears
    };
    scene.next_beat();
    scene.pushed(Push::Ping(1));
    scene.pass(CLUSTER_UNHEARD - Duration::from_millis(1));
    assert!(hears(&mut scene), "a ping was heard");
    scene.now += Duration::from_millis(1);
    assert!(!hears(&mut scene));
    let is_made_anew = |told: &[MemberAction]| told.contains(&MemberAction::Resubscribe);
    scene.out = scene.beaten(report("run", 1));
    assert!(is_made_anew(&scene.out));
    assert!(hears(&mut scene), "until it is known whether that helped");
    assert!(!is_made_anew(&scene.beaten(report("run", 1))));
}
