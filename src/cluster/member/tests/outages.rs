//! While the engine is away, and when it is back.

use super::*;

#[test]
fn while_the_engine_is_away_each_queue_serves_by_itself_a_new_one_too() {
    let mut scene = Scene::joined();
    let waits = scene.waits();
    scene.state(1, waits);
    let away = scene.go_away();
    assert_eq!(authorities(&away), [Authority::Local]);
    assert_eq!(scene.member.state(), ClusterState::Degraded);
    // Another queue of the same maildrop, whose end and begin were seen as one change.
    let waits = scene.waits();
    assert_eq!(authorities(&scene.state(2, waits)), [Authority::Local]);
    let holds = scene.holds();
    assert_eq!(authorities(&scene.state(2, holds)), []);
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
    let holds = scene.connects();
    scene.state(1, holds);
    scene.go_away();
    let back = scene.come_back();
    assert_eq!(authorities(&back), [Authority::Leased]);
    let confirmed = scene.answer(&sync_of(&back), TurnStanding::Held(TurnNumber(5)));
    assert!(
        confirmed.iter().any(|it| matches!(
            it,
            MemberAction::Confirm {
                number: Some(TurnNumber(5)),
                ..
            }
        )),
        "{confirmed:?}"
    );
}

#[test]
fn a_session_that_a_queue_let_in_as_the_engine_came_back_is_said() {
    let mut scene = Scene::joined();
    let waits = scene.waits();
    scene.state(1, waits);
    scene.go_away();
    let call = sync_of(&scene.come_back());
    // The queue has not heard yet.
    let holds = scene.holds();
    scene.state(1, holds);
    let said = sync_of(&scene.answer(&call, TurnStanding::Queued));
    assert_eq!((said.holds, said.main), (Holds::Local, None));
}

/// The engine was away, and could not hear that.
#[test]
fn a_session_begun_without_the_engine_overlaps_none_that_had_ended_by_then() {
    let mut scene = Scene::joined();
    scene.go_away();
    let holds = scene.holds();
    scene.state(1, holds);
    let call = sync_of(&scene.come_back());
    let mut told = scene.answer(&call, TurnStanding::Lost);
    let again = sync_of(&scene.pass(Duration::from_millis(1_200)));
    assert_eq!(again.holds, Holds::Local);
    told.extend(scene.answer(&again, TurnStanding::Held(TurnNumber(9))));
    assert!(
        !told.contains(&MemberAction::Overlap { maildrop: ANN }),
        "{told:?}"
    );
}

#[test]
fn whom_the_engine_shuts_out_later_goes_on_as_in_an_outage() {
    let mut scene = Scene::joined();
    scene.apply(MemberInput::Disconnected("cut".to_owned()));
    scene.apply(MemberInput::Refused("WRONGPASS".to_owned()));
    let told = scene.pass(CLUSTER_AWAY);
    assert_eq!(states(&told), [(ClusterState::Degraded, "WRONGPASS")]);
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
    let call = sync_of(&scene.pushed(Push::Contended(ANN)));
    let told = scene.answer_with(&call, TurnStanding::Held(TurnNumber(5)), true);
    assert!(told.contains(&contended(true)), "{told:?}");
    let away = scene.go_away();
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

#[test]
fn a_gate_that_refuses_logins_in_an_outage_serves_nothing_and_looks_at_nothing() {
    let mut scene = Scene::joined();
    scene.member.options.on_outage = OnOutage::Refuse;
    scene.waiting();
    assert_eq!(authorities(&scene.go_away()), []);
    scene.pass(Duration::from_secs(2));
    assert_eq!(scene.member.next_deadline(), None);
}

#[test]
fn who_knows_of_a_holder_elsewhere_serves_when_that_ones_lease_is_over() {
    let mut scene = Scene::joined();
    let waits = scene.waits();
    let call = sync_of(&scene.state(1, waits));
    scene.held_elsewhere(&call, Duration::from_secs(5));
    assert_eq!(authorities(&scene.go_away()), []);
    assert_eq!(authorities(&scene.pass(Duration::from_millis(3_999))), []);
    let told = scene.pass(Duration::from_millis(1));
    assert_eq!(authorities(&told), [Authority::Local]);
    assert_eq!(scene.member.next_deadline(), None);
}

#[test]
fn an_engine_that_does_not_answer_any_more_is_not_asked_and_its_late_answers_count_for_nothing() {
    let mut scene = Scene::joined();
    scene.next_beat();
    let waits = scene.waits();
    let call = sync_of(&scene.state(1, waits));
    scene.unbeaten();
    assert_eq!(authorities(&scene.pass(CLUSTER_AWAY)), [Authority::Local]);
    let late = scene.answer(&call, TurnStanding::Granted(TurnNumber(5), Lane::Main));
    assert_eq!(late, []);
    let holds = scene.holds();
    assert_eq!(syncs(&scene.state(1, holds)), []);
    assert_eq!(syncs(&scene.pushed(Push::Turn(MaildropId([2; 16])))), []);
}

#[test]
fn what_was_under_way_when_the_engine_went_away_is_said_to_be_over() {
    let mut scene = Scene::joined();
    scene.next_beat();
    let waits = scene.waits();
    sync_of(&scene.state(1, waits));
    scene.state(1, Statement::default());
    scene.unbeaten();
    scene.out = scene.pass(CLUSTER_AWAY);
    let call = sync_of(&scene.beaten(report("run", 1)));
    assert_eq!((call.holds, call.main), (Holds::Nothing, None));
}

#[test]
fn a_gate_that_stood_still_gives_an_engine_one_more_chance_each_time() {
    let mut scene = Scene::joined();
    for _ in 0..2 {
        scene.next_beat();
        scene.unbeaten();
        scene.now += Duration::from_secs(20);
        scene.out = scene.apply(MemberInput::Tick);
        assert_eq!(scene.member.state(), ClusterState::Suspect);
        scene.beaten(report("run", 1));
        assert_eq!(scene.member.state(), ClusterState::Healthy);
    }
    scene.next_beat();
    scene.unbeaten();
    for state in [ClusterState::Suspect, ClusterState::Degraded] {
        scene.now += Duration::from_secs(20);
        scene.apply(MemberInput::Tick);
        assert_eq!(scene.member.state(), state);
    }
}

#[test]
fn an_engine_that_is_back_has_heard_of_all_before_the_gate_is_healthy() {
    let mut scene = Scene::joined();
    scene.many(3);
    scene.go_away();
    let calls = syncs(&scene.come_back());
    let queued = || Ok(SyncAnswer::Done(standing_of(TurnStanding::Queued)));
    scene.synced(&calls[0], queued());
    assert_eq!(scene.member.state(), ClusterState::Reconciling);
    scene.unanswered(&calls[1]);
    assert_eq!(scene.member.state(), ClusterState::Suspect);
    scene.synced(&calls[2], queued());
    assert_eq!(scene.member.state(), ClusterState::Reconciling);
    let again = sync_of(&scene.pass(Duration::from_millis(200)));
    scene.synced(&again, queued());
    assert_eq!(scene.member.state(), ClusterState::Healthy);
}

#[test]
fn a_new_epoch_hears_all_anew_that_of_a_call_to_the_one_before_too() {
    let mut scene = Scene::joined();
    scene.next_beat();
    scene.out = scene.beaten(report("run", 2));
    assert_eq!(states(&scene.out), [], "there is nothing to say");
    scene.beaten(report("run", 2));
    scene.holding(5);
    scene.next_beat();
    let told = scene.beaten(report("run", 3));
    assert_eq!(authorities(&told), [], "it goes on with its turn");
    let call = sync_of(&told);
    assert_eq!(call.holds, Holds::Turn(TurnNumber(5)));
    scene.out = told;
    assert_eq!(syncs(&scene.beaten(report("run", 4))), []);
    let told = scene.answer(&call, TurnStanding::Held(TurnNumber(5)));
    assert_eq!(sync_of(&told).epoch.number, 4);
}

#[test]
fn a_holder_of_an_outage_holds_without_a_turn_but_for_one_that_had_it_before() {
    type Change = fn(&Scene) -> Statement;
    let turn = Holds::Turn(TurnNumber(5));
    let cases: [(u64, Change, Holds); 4] = [
        (
            1,
            |scene| Statement {
                main: scene.waits().main,
                ..scene.of_ann()
            },
            turn,
        ),
        (1, Scene::connects, Holds::Local),
        (2, Scene::connects, Holds::Local),
        (2, Scene::of_ann, Holds::Local),
    ];
    for (life, change, holds) in cases {
        let mut scene = Scene::joined();
        scene.holding(5);
        scene.go_away();
        let queue = change(&scene);
        scene.state(life, queue);
        assert_eq!(sync_of(&scene.come_back()).holds, holds);
    }
}

#[test]
fn a_session_that_a_queue_let_in_as_the_engine_came_back_waits_while_it_has_not_begun() {
    let mut scene = Scene::joined();
    scene.holding(5);
    let waits = scene.waits();
    let call = sync_of(&scene.state(1, waits));
    scene.answer(&call, TurnStanding::Queued);
    scene.go_away();
    let call = sync_of(&scene.come_back());
    let connects = scene.connects();
    scene.state(1, connects);
    let told = scene.answer(&call, TurnStanding::Queued);
    assert_eq!(syncs(&told), [], "its place is known");
    let call = sync_of(&scene.pass(Duration::from_millis(1_100)));
    assert_eq!(call.holds, Holds::Nothing);
    scene.answer(&call, TurnStanding::Queued);
    // The engine is away again before it has its turn.
    scene.go_away();
    assert_eq!(sync_of(&scene.come_back()).holds, Holds::Local);
}

/// The number under which its session began, as each confirmation says it.
fn confirmed(told: &[MemberAction]) -> Vec<Option<TurnNumber>> {
    let told = told.iter().filter_map(|action| match action {
        MemberAction::Confirm { number, .. } => Some(*number),
        _ => None,
    });
    told.collect()
}

#[test]
fn a_session_that_began_while_the_engine_was_away_has_no_turn_for_as_long_as_it_lasts() {
    let mut scene = Scene::joined();
    scene.go_away();
    let holds = scene.holds();
    scene.state(1, holds);
    let held = TurnStanding::Held(TurnNumber(9));
    scene.out = scene.come_back();
    let call = sync_of(&scene.out);
    assert_eq!(confirmed(&scene.answer(&call, held)), [None]);
    let call = sync_of(&scene.beaten(lapsed_report()));
    assert_eq!(call.holds, Holds::Turn(TurnNumber(9)));
    assert_eq!(confirmed(&scene.answer(&call, held)), [None]);
}

#[test]
fn a_session_that_the_engine_gives_another_turn_has_none() {
    let mut scene = Scene::joined();
    scene.holding(5);
    scene.go_away();
    let call = sync_of(&scene.come_back());
    assert_eq!(call.holds, Holds::Turn(TurnNumber(5)));
    let told = scene.answer(&call, TurnStanding::Held(TurnNumber(9)));
    assert_eq!(confirmed(&told), [None], "another one was there meanwhile");
}

#[test]
fn a_gate_says_that_it_may_have_served_by_itself_until_the_engine_has_heard_it() {
    let mut scene = Scene::new();
    scene.connect();
    let said = |scene: &Scene| beats(&scene.out).pop().expect("it beats").was_alone;
    assert!(!said(&scene));
    scene.beaten(report("run", 1));
    scene.go_away();
    scene.connect();
    assert!(said(&scene));
    scene.unbeaten();
    scene.next_beat();
    assert!(said(&scene), "the engine has not answered");
    scene.beaten(report("run", 1));
    scene.next_beat();
    assert!(said(&scene), "it served until that answer came");
    scene.beaten(report("run", 1));
    scene.next_beat();
    assert!(!said(&scene));
}

#[test]
fn an_answer_from_before_it_served_by_itself_does_not_count_as_heard() {
    let mut scene = Scene::joined();
    scene.next_beat();
    let waits = scene.waits();
    let call = sync_of(&scene.state(1, waits));
    scene.unanswered(&call);
    scene.pass(CLUSTER_AWAY);
    assert_eq!(scene.member.state(), ClusterState::Degraded);
    let back = scene.beaten(report("run", 1));
    assert_eq!(scene.member.state(), ClusterState::Reconciling);
    assert!(beats(&back)[0].was_alone);
}

#[test]
fn a_gate_that_comes_to_another_memory_of_the_engine_says_so_too() {
    let mut scene = Scene::joined();
    scene.next_beat();
    assert!(!beats(&scene.out)[0].was_alone);
    scene.out = scene.beaten(report("another", 2));
    let again = beats(&scene.out);
    assert!(again[0].was_alone, "turns were given that it does not know");
    scene.beaten(report("another", 2));
    scene.next_beat();
    assert!(!beats(&scene.out)[0].was_alone);
}
