//! Sessions, and the turns that they take, give back and lose.

use super::*;

#[test]
fn a_session_takes_two_calls_and_leaves_nothing_behind() {
    let mut scene = Scene::joined();
    let waits = scene.waits();
    let call = sync_of(&scene.state(1, waits));
    assert!(call.main.is_some() && call.holds == Holds::Nothing);
    let granted = scene.answer(&call, TurnStanding::Granted(TurnNumber(5), Lane::Main));
    assert!(
        matches!(
            granted[..],
            [MemberAction::Turn {
                lane: Lane::Main,
                ..
            }]
        ),
        "nothing is said before the queue has said what it made of it: {granted:?}"
    );
    let holds = scene.holds();
    assert_eq!(syncs(&scene.state(1, holds)), []);
    let call = sync_of(&scene.state(1, Statement::default()));
    assert_eq!((call.holds, call.seen), (Holds::Nothing, TurnNumber(5)));
    scene.answer(&call, TurnStanding::Idle);
    assert_eq!(scene.member.known(), 0);
}

#[test]
fn a_turn_that_the_queue_does_not_take_is_given_back() {
    let mut scene = Scene::joined();
    let waits = scene.waits();
    let call = sync_of(&scene.state(1, waits));
    scene.answer(&call, TurnStanding::Granted(TurnNumber(5), Lane::Main));
    let call = sync_of(&scene.state(1, waits));
    assert_eq!((call.holds, call.seen), (Holds::Nothing, TurnNumber(5)));
}

#[test]
fn a_turn_that_another_gate_has_by_now_is_lost_once_and_nobody_behind_it_is_served() {
    let mut scene = Scene::joined();
    scene.holding(5);
    let both = Statement {
        main: scene.waits().main,
        ..scene.holds()
    };
    assert_eq!(syncs(&scene.state(1, both)), [], "its place is known");
    let call = sync_of(&scene.pass(Duration::from_millis(1_200)));
    assert_eq!(call.holds, Holds::Turn(TurnNumber(5)));
    let lost = scene.answer(&call, TurnStanding::Lost);
    assert!(lost.contains(&MemberAction::Lose {
        maildrop: ANN,
        life: 1
    }));
    assert!(lost.contains(&MemberAction::Overlap { maildrop: ANN }));
    for call in syncs(&scene.pass(Duration::from_secs(5))) {
        assert_eq!((call.holds, call.main), (Holds::Turn(TurnNumber(5)), None));
        let again = scene.answer(&call, TurnStanding::Lost);
        assert!(!again.contains(&MemberAction::Overlap { maildrop: ANN }));
    }
}

#[test]
fn a_session_beside_another_gates_asks_until_it_has_the_turn() {
    let mut scene = Scene::joined();
    scene.holding(5);
    scene.next_beat();
    let gone = ClusterReport {
        is_continued: false,
        ..report("run", 1)
    };
    let call = sync_of(&scene.beaten(gone));
    scene.answer(&call, TurnStanding::Lost);
    let call = sync_of(&scene.pass(Duration::from_millis(1_200)));
    assert_eq!(call.holds, Holds::Turn(TurnNumber(5)));
    scene.answer(&call, TurnStanding::Held(TurnNumber(9)));
    assert_eq!(syncs(&scene.pass(Duration::from_secs(60))), []);
}
