//! Calls about maildrops: when they are made, made again, and how many at a time.

use super::*;

#[test]
fn what_was_not_answered_is_said_again_and_a_late_answer_counts_for_nothing() {
    let mut scene = Scene::joined();
    let waits = scene.waits();
    let first = sync_of(&scene.state(1, waits));
    scene.unanswered(&first);
    let second = sync_of(&scene.pass(Duration::from_millis(300)));
    assert!(second.sequence > first.sequence);
    let late = scene.answer(&first, TurnStanding::Granted(TurnNumber(5), Lane::Main));
    assert_eq!(late, []);
    let granted = scene.answer(&second, TurnStanding::Granted(TurnNumber(5), Lane::Main));
    assert!(
        matches!(
            granted[..],
            [MemberAction::Turn { .. }, ..]
                | [MemberAction::State { .. }, MemberAction::Turn { .. }]
        ),
        "{granted:?}"
    );
}

#[test]
fn a_release_that_met_no_connection_is_said_when_there_is_one() {
    let mut scene = Scene::joined();
    scene.holding(5);
    let call = sync_of(&scene.state(1, Statement::default()));
    scene.apply(MemberInput::Disconnected("cut".to_owned()));
    assert_eq!(syncs(&scene.pass(Duration::from_millis(500))), []);
    scene.connect();
    scene.beaten(report("run", 1));
    let again = sync_of(&scene.pass(Duration::from_millis(300)));
    assert_eq!(again.holds, Holds::Nothing);
    assert!(again.sequence > call.sequence);
}

#[test]
fn what_changes_while_there_is_no_connection_is_said_soon_when_there_is_one() {
    let waits = Scene::joined().waits();
    for (queue, main) in [(Statement::default(), false), (waits, true)] {
        let mut scene = Scene::joined();
        scene.holding(5);
        scene.apply(MemberInput::Disconnected("cut".to_owned()));
        scene.state(1, queue);
        scene.come_back();
        let call = sync_of(&scene.pass(Duration::from_millis(100)));
        assert_eq!((call.holds, call.main.is_some()), (Holds::Nothing, main));
    }
}

#[test]
fn who_comes_and_goes_while_there_is_no_connection_leaves_nothing_behind() {
    let mut scene = Scene::joined();
    scene.apply(MemberInput::Disconnected("cut".to_owned()));
    let waits = scene.waits();
    for queue in [waits, Statement::default()] {
        scene.state(1, queue);
    }
    assert_eq!(scene.member.known(), 0);
    assert!(scene.member.due.is_empty());
}

#[test]
fn another_server_is_asked_when_it_has_answered_a_beat() {
    let mut scene = Scene::joined();
    scene.waiting();
    scene.apply(MemberInput::Disconnected("cut".to_owned()));
    scene.connect();
    assert_eq!(scene.pushed(Push::Turn(ANN)), []);
    let waits = scene.waits_unproven();
    assert_eq!(syncs(&scene.state(1, waits)), []);
    assert_eq!(syncs(&scene.pass(Duration::from_millis(500))), []);
    let call = sync_of(&scene.beaten(report("other", 2)));
    assert_eq!(call.epoch.number, 2);
}

#[test]
fn so_many_calls_are_made_at_a_time_and_the_others_follow_as_answers_come() {
    let mut scene = Scene::joined();
    let made = scene.many(CLUSTER_CALLS_MAX + 10);
    assert_eq!(made.len(), CLUSTER_CALLS_MAX);
    let next = sync_of(&scene.unanswered(&made[0]));
    let behind = CLUSTER_CALLS_MAX as u64;
    assert_eq!(next.maildrop.0[..8], behind.to_be_bytes(), "in turn");
    scene.apply(MemberInput::Disconnected("cut".to_owned()));
    scene.connect();
    scene.beaten(report("run", 1));
    let again = syncs(&scene.pass(Duration::from_millis(900)));
    assert_eq!(
        again.len(),
        CLUSTER_CALLS_MAX,
        "and from the beginning on a new connection"
    );
}

#[test]
fn statements_that_change_all_the_time_do_not_put_the_question_off() {
    let mut scene = Scene::joined();
    let waits = scene.waits();
    let call = sync_of(&scene.state(1, waits));
    scene.answer(&call, TurnStanding::Queued);
    let mut asked = Vec::new();
    for _ in 0..3 {
        asked.extend(syncs(&scene.pass(Duration::from_millis(400))));
        // Another one waits, too: until later than the first.
        let waits = scene.waits();
        scene.state(1, waits);
    }
    assert_eq!(asked.len(), 1, "{asked:?}");
}

#[test]
fn a_call_that_was_behind_another_one_is_made_again() {
    let mut scene = Scene::joined();
    let waits = scene.waits();
    let call = sync_of(&scene.state(1, waits));
    let again = sync_of(&scene.answer(&call, TurnStanding::Stale));
    assert!(again.sequence > call.sequence);
}

#[test]
fn where_the_epoch_or_the_lease_is_gone_it_beats_at_once_and_says_it_again() {
    for answer in [SyncAnswer::OtherEpoch, SyncAnswer::NoLease] {
        let mut scene = Scene::joined();
        let waits = scene.waits();
        let call = sync_of(&scene.state(1, waits));
        scene.unanswered(&call);
        let call = sync_of(&scene.pass(Duration::from_millis(200)));
        let told = scene.synced(&call, Ok(answer));
        assert_eq!(states(&told), [(ClusterState::Healthy, "")]);
        assert_eq!(beats(&told).len(), 1, "{told:?}");
        sync_of(&scene.pass(Duration::from_millis(200)));
    }
}

#[test]
fn a_wait_that_ended_while_its_call_was_not_answered_is_said_to_be_over() {
    let mut scene = Scene::joined();
    let waits = scene.waits();
    let call = sync_of(&scene.state(1, waits));
    scene.unanswered(&call);
    let call = sync_of(&scene.state(1, Statement::default()));
    assert_eq!(call.main, None);
    scene.answer(&call, TurnStanding::Idle);
    assert_eq!(scene.member.known(), 0);
}

#[test]
fn while_an_answer_is_awaited_nothing_else_is_due() {
    let mut scene = Scene::joined();
    let waits = scene.waits();
    let call = sync_of(&scene.state(1, waits));
    scene.answer(&call, TurnStanding::Queued);
    let both = Statement {
        unproven: waits.main,
        ..waits
    };
    sync_of(&scene.state(1, both));
    scene.state(1, waits);
    assert_eq!(scene.member.maildrops[&ANN].due, None);
}

#[test]
fn a_question_counts_from_the_last_answer() {
    let mut scene = Scene::joined();
    scene.waiting();
    scene.pass(Duration::from_millis(600));
    let both = Statement {
        unproven: scene.waits().main,
        ..scene.waits()
    };
    let call = sync_of(&scene.state(1, both));
    scene.answer(&call, TurnStanding::Queued);
    assert_eq!(syncs(&scene.pass(Duration::from_millis(800))), []);
    sync_of(&scene.pass(Duration::from_millis(300)));
}

#[test]
fn who_waits_asks_when_a_holders_lease_ends() {
    let mut scene = Scene::joined();
    let waits = scene.waits();
    let call = sync_of(&scene.state(1, waits));
    scene.held_elsewhere(&call, Duration::from_millis(300));
    assert_eq!(syncs(&scene.pass(Duration::from_millis(300))), []);
    sync_of(&scene.pass(Duration::from_millis(50)));
}

#[test]
fn who_waits_asks_when_a_new_epoch_begins_to_give_turns_away() {
    let mut scene = Scene::new();
    scene.connect();
    let new = ClusterReport {
        epoch_age: CLUSTER_GRACE - Duration::from_millis(300),
        ..report("run", 1)
    };
    scene.beaten(new);
    scene.waiting();
    assert_eq!(syncs(&scene.pass(Duration::from_millis(300))), []);
    let call = sync_of(&scene.pass(Duration::from_millis(50)));
    scene.answer(&call, TurnStanding::Queued);
    assert_eq!(syncs(&scene.pass(Duration::from_millis(800))), []);
}

#[test]
fn questions_do_not_come_in_step() {
    let mut scene = Scene::joined();
    let waits = scene.waits();
    let mut call = sync_of(&scene.state(1, waits));
    let (mut asked, mut repeated) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..5 {
        scene.answer(&call, TurnStanding::Queued);
        asked.insert(scene.due_in());
        call = sync_of(&scene.pass(Duration::from_millis(1_100)));
        scene.unanswered(&call);
        repeated.insert(scene.due_in());
        call = sync_of(&scene.pass(Duration::from_millis(200)));
    }
    let milliseconds = Duration::from_millis;
    assert!(asked.len() > 1 && repeated.len() > 1);
    assert!(
        asked
            .iter()
            .all(|it| (milliseconds(900)..=milliseconds(1_100)).contains(it))
    );
    assert!(
        repeated
            .iter()
            .all(|it| (milliseconds(100)..=milliseconds(200)).contains(it))
    );
}

#[test]
fn a_question_that_waits_for_others_is_asked_once() {
    let mut scene = Scene::joined();
    scene.waiting();
    let made = scene.many(CLUSTER_CALLS_MAX);
    assert_eq!(syncs(&scene.pushed(Push::Turn(ANN))), []);
    let waits = scene.waits();
    assert_eq!(syncs(&scene.state(1, waits)), []);
    assert_eq!(scene.member.queued, [ANN]);
    let asked = sync_of(&scene.synced(
        &made[0],
        Ok(SyncAnswer::Done(standing_of(TurnStanding::Queued))),
    ));
    assert_eq!(asked.maildrop, ANN);
}

#[test]
fn calls_that_waited_for_others_are_made_on_the_next_connection_too() {
    for is_away in [false, true] {
        let mut scene = Scene::joined();
        scene.many(CLUSTER_CALLS_MAX + 1);
        if is_away {
            scene.go_away();
        } else {
            scene.apply(MemberInput::Disconnected("cut".to_owned()));
        }
        let mut made = syncs(&scene.come_back());
        made.extend(syncs(&scene.pass(Duration::from_millis(200))));
        assert_eq!(made.len(), CLUSTER_CALLS_MAX);
        let mut names: BTreeSet<_> = made.iter().map(|call| call.maildrop).collect();
        for call in made {
            let next = scene.synced(
                &call,
                Ok(SyncAnswer::Done(standing_of(TurnStanding::Queued))),
            );
            names.extend(syncs(&next).iter().map(|call| call.maildrop));
        }
        assert_eq!(names.len(), CLUSTER_CALLS_MAX + 1);
    }
}

#[test]
fn a_silent_engine_that_is_back_is_asked_as_much_as_ever() {
    let mut scene = Scene::joined();
    scene.next_beat();
    scene.many(CLUSTER_CALLS_MAX);
    scene.unbeaten();
    scene.out = scene.pass(CLUSTER_AWAY);
    assert_eq!(scene.member.state(), ClusterState::Degraded);
    let made = syncs(&scene.beaten(report("run", 1)));
    assert_eq!(made.len(), CLUSTER_CALLS_MAX);
}
