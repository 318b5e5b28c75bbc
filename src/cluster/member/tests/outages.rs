//! While the engine is away, and when it is back.

use super::*;

#[test]
fn while_the_engine_is_away_each_queue_serves_by_itself_a_new_one_too() {
    let mut scene = Scene::joined();
    let waits = scene.waits();
    scene.state(1, waits);
    scene.apply(MemberInput::Disconnected("cut".to_owned()));
    let away = scene.pass(CLUSTER_AWAY);
    assert_eq!(authorities(&away), [Authority::Local]);
    assert_eq!(scene.member.state(), ClusterState::Degraded);
    // Another queue of the same maildrop, whose end and begin were seen as one change.
    let waits = scene.waits();
    assert_eq!(authorities(&scene.state(2, waits)), [Authority::Local]);
    let holds = scene.holds();
    scene.state(2, holds);
    scene.connect();
    let back = scene.beaten(report("another", 2));
    assert_eq!(authorities(&back), [Authority::Leased]);
    assert_eq!(sync_of(&back).holds, Holds::Local);
    assert_eq!(scene.member.state(), ClusterState::Reconciling);
    scene.answer(&sync_of(&back), TurnStanding::Held(TurnNumber(9)));
    assert_eq!(scene.member.state(), ClusterState::Healthy);
}

#[test]
fn a_turn_from_before_an_outage_is_confirmed_though_the_lease_went_on() {
    let mut scene = Scene::joined();
    let waits = scene.waits();
    let call = sync_of(&scene.state(1, waits));
    scene.answer(&call, TurnStanding::Granted(TurnNumber(5), Lane::Main));
    let mut holds = scene.holds();
    holds.holder.as_mut().unwrap().has_begun = false;
    scene.state(1, holds);
    scene.apply(MemberInput::Disconnected("cut".to_owned()));
    scene.pass(CLUSTER_AWAY);
    scene.connect();
    let back = scene.beaten(report("run", 1));
    assert_eq!(authorities(&back), [Authority::Leased]);
    let confirmed = scene.answer(&sync_of(&back), TurnStanding::Held(TurnNumber(5)));
    assert!(
        confirmed
            .iter()
            .any(|it| matches!(it, MemberAction::Confirm { .. })),
        "{confirmed:?}"
    );
}

#[test]
fn a_session_that_a_queue_let_in_as_the_engine_came_back_is_said() {
    let mut scene = Scene::joined();
    let waits = scene.waits();
    scene.state(1, waits);
    scene.apply(MemberInput::Disconnected("cut".to_owned()));
    scene.pass(CLUSTER_AWAY);
    scene.connect();
    scene.beaten(report("run", 1));
    // The queue has not heard yet.
    let holds = scene.holds();
    scene.state(1, holds);
    let said = scene.pass(Duration::from_secs(2));
    let last = syncs(&said).pop();
    assert!(
        last.is_none_or(|call| call.holds == Holds::Local),
        "{said:?}"
    );
    let statement = &scene.member.maildrops[&ANN];
    assert_eq!(statement.right, TurnRight::Local);
}

#[test]
fn whom_the_engine_shuts_out_later_goes_on_as_in_an_outage() {
    let mut scene = Scene::joined();
    scene.apply(MemberInput::Disconnected("cut".to_owned()));
    scene.apply(MemberInput::Refused("WRONGPASS".to_owned()));
    scene.pass(CLUSTER_AWAY);
    assert_eq!(scene.member.state(), ClusterState::Degraded);
}

#[test]
fn a_gate_that_stood_still_itself_does_not_give_the_engine_up_at_once() {
    for unanswered_before in [false, true] {
        let mut scene = Scene::joined();
        let waits = scene.waits();
        let call = sync_of(&scene.state(1, waits));
        let timeout = MemberInput::Synced {
            maildrop: ANN,
            sequence: call.sequence,
            answer: Err("timeout".to_owned()),
        };
        if unanswered_before {
            scene.apply(timeout.clone());
        }
        // The process is frozen, and thawed.
        scene.now += Duration::from_secs(20);
        let mut thawed = scene.apply(MemberInput::Tick);
        thawed.extend(scene.apply(timeout));
        assert_eq!(authorities(&thawed), [], "answers may be there unread");
        let away = scene.pass(CLUSTER_AWAY);
        assert_eq!(authorities(&away), [Authority::Local], "there were none");
    }
}

#[test]
fn that_somebody_waits_elsewhere_lapses_while_the_engine_is_away() {
    let mut scene = Scene::joined();
    scene.holding(5);
    let call = sync_of(&scene.apply(MemberInput::Pushed(Push::Contended(ANN))));
    let told = scene.answer_with(&call, TurnStanding::Held(TurnNumber(5)), true);
    let contended = |elsewhere| MemberAction::Contended {
        maildrop: ANN,
        elsewhere,
    };
    assert!(told.contains(&contended(true)), "{told:?}");
    scene.apply(MemberInput::Disconnected("cut".to_owned()));
    let away = scene.pass(CLUSTER_AWAY);
    assert_eq!(authorities(&away), [Authority::Local]);
    assert!(!away.contains(&contended(false)), "{away:?}");
    let later = scene.pass(CLUSTER_ELSEWHERE);
    assert!(later.contains(&contended(false)), "{later:?}");
}

#[test]
fn one_beat_that_is_lost_is_made_good_before_the_engine_counts_as_away() {
    let mut scene = Scene::joined();
    scene.next_beat();
    scene.now += Duration::from_millis(250);
    scene.unbeaten();
    assert_eq!(scene.member.state(), ClusterState::Suspect);
    scene.out = scene.pass(Duration::from_millis(300));
    scene.beaten(report("run", 1));
    scene.out = scene.pass(Duration::from_secs(1));
    assert_eq!(scene.member.state(), ClusterState::Healthy);
}
