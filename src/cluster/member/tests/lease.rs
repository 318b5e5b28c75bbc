//! The gate's lease, and turns of an earlier one.

use super::*;

#[test]
fn a_lease_that_the_engine_let_go_makes_each_turn_be_confirmed() {
    let mut scene = Scene::joined();
    let waits = scene.waits();
    let call = sync_of(&scene.state(1, waits));
    scene.answer(&call, TurnStanding::Granted(TurnNumber(5), Lane::Main));
    let holds = scene.connects();
    assert_eq!(syncs(&scene.state(1, holds)), []);
    scene.next_beat();
    let said = scene.beaten(lapsed_report());
    let leases = said.iter().find_map(|action| match action {
        MemberAction::Lease { generation, .. } => Some(*generation),
        _ => None,
    });
    assert_eq!(leases, Some(2), "its clock knows nothing of it: {said:?}");
    let call = sync_of(&said);
    assert_eq!(call.holds, Holds::Turn(TurnNumber(5)));
    let confirmed = scene.answer(&call, TurnStanding::Held(TurnNumber(5)));
    let confirm = MemberAction::Confirm {
        maildrop: ANN,
        life: 1,
        number: Some(TurnNumber(5)),
        generation: 2,
    };
    assert!(confirmed.contains(&confirm), "{confirmed:?}");
}

#[test]
fn a_turn_that_came_under_a_lease_that_ran_out_meanwhile_is_asked_for_again() {
    let mut scene = Scene::joined();
    let waits = scene.waits();
    let call = sync_of(&scene.state(1, waits));
    scene.next_beat();
    scene.beaten(lapsed_report());
    let told = scene.answer(&call, TurnStanding::Granted(TurnNumber(5), Lane::Main));
    let again = sync_of(&told);
    assert_eq!((again.holds, again.seen), (Holds::Nothing, TurnNumber(0)));
    let granted = scene.answer(&again, TurnStanding::Granted(TurnNumber(5), Lane::Main));
    assert!(matches!(
        granted[..],
        [MemberAction::Turn { generation: 2, .. }]
    ));
}

#[test]
fn a_lease_that_ran_out_by_the_clock_that_never_stands_still_begins_anew() {
    let mut scene = Scene::joined();
    for (lapsed, generation) in [(false, 1), (true, 2), (false, 2)] {
        scene.next_beat();
        let answer = Ok(BeatAnswer::Alive(report("run", 1)));
        let told = scene.beaten_since(scene.now, lapsed, answer);
        assert!(
            matches!(told[0], MemberAction::Lease { generation: it, .. } if it == generation),
            "{told:?}"
        );
    }
}

#[test]
fn a_turn_that_was_said_under_the_lease_before_is_confirmed_under_the_new_one() {
    let mut scene = Scene::joined();
    scene.holding(5);
    let held = TurnStanding::Held(TurnNumber(5));
    let call = sync_of(&scene.pushed(Push::Contended(ANN)));
    scene.next_beat();
    assert_eq!(syncs(&scene.beaten(lapsed_report())), []);
    let told = scene.answer(&call, held);
    let [MemberAction::Sync(again)] = &told[..] else {
        panic!("{told:?}");
    };
    let confirm = MemberAction::Confirm {
        maildrop: ANN,
        life: 1,
        number: Some(TurnNumber(5)),
        generation: 2,
    };
    assert_eq!(scene.answer(again, held), [confirm]);
}
