//! The gate's lease, and turns of an earlier one.

use super::*;

#[test]
fn a_lease_that_the_engine_let_go_makes_each_turn_be_confirmed() {
    let mut scene = Scene::joined();
    let waits = scene.waits();
    let call = sync_of(&scene.state(1, waits));
    scene.answer(&call, TurnStanding::Granted(TurnNumber(5), Lane::Main));
    let mut holds = scene.holds();
    holds.holder.as_mut().unwrap().has_begun = false;
    assert_eq!(syncs(&scene.state(1, holds)), []);
    scene.next_beat();
    let gone = ClusterReport {
        is_continued: false,
        ..report("run", 1)
    };
    let said = scene.beaten(gone);
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
    let gone = ClusterReport {
        is_continued: false,
        ..report("run", 1)
    };
    scene.beaten(gone);
    let told = scene.answer(&call, TurnStanding::Granted(TurnNumber(5), Lane::Main));
    let again = sync_of(&told);
    assert_eq!((again.holds, again.seen), (Holds::Nothing, TurnNumber(0)));
    let granted = scene.answer(&again, TurnStanding::Granted(TurnNumber(5), Lane::Main));
    assert!(matches!(
        granted[..],
        [MemberAction::Turn { generation: 2, .. }]
    ));
}
