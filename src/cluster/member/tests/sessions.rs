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
    let call = sync_of(&scene.beaten(lapsed_report()));
    scene.answer(&call, TurnStanding::Lost);
    let call = sync_of(&scene.pass(Duration::from_millis(1_200)));
    assert_eq!(call.holds, Holds::Turn(TurnNumber(5)));
    scene.answer(&call, TurnStanding::Held(TurnNumber(9)));
    assert_eq!(syncs(&scene.pass(Duration::from_secs(60))), []);
}

#[test]
fn a_call_says_all_that_is_held_and_wanted_and_a_turn_tells_what_is_known() {
    let mut scene = Scene::joined();
    let began = scene.now;
    let after = |seconds| began + Duration::from_secs(seconds);
    scene.now = after(2);
    let statement = MaildropStatement {
        queue: Statement {
            holder: None,
            main: Some(LaneStatement {
                since: began,
                half: after(1),
                until: after(1),
            }),
            unproven: Some(LaneStatement {
                since: after(1),
                half: after(5),
                until: after(9),
            }),
        },
        life: 3,
        home: Some(BackendName::new("a")),
        ended: Some(after(1)),
        shown_for: Duration::from_secs(60),
    };
    let call = sync_of(&scene.apply(MemberInput::Stated(ANN, statement)));
    let said = SyncCall {
        maildrop: ANN,
        epoch: report("run", 1).epoch,
        sequence: 1,
        holds: Holds::Nothing,
        lease: Duration::from_secs(15),
        seen: TurnNumber(0),
        main: Some(MainSlot {
            age: Duration::from_secs(2),
            until: Duration::from_millis(1),
        }),
        unproven: Some(UnprovenSlot {
            age: Duration::from_secs(1),
            half: Duration::from_secs(3),
            until: Duration::from_secs(7),
        }),
        hears: true,
        home: Some(BackendName::new("a")),
        ended: Some(Duration::from_secs(1)),
        keep: Duration::from_secs(60),
    };
    assert_eq!(call, said);
    let granted = MaildropReport {
        home: Some(BackendName::new("b")),
        ended: Some(Duration::from_secs(4)),
        ..standing_of(TurnStanding::Granted(TurnNumber(5), Lane::Unproven))
    };
    let turn = MemberAction::Turn {
        maildrop: ANN,
        life: 3,
        number: TurnNumber(5),
        lane: Lane::Unproven,
        generation: 1,
        home: Some(BackendName::new("b")),
        ended: Some(Duration::from_secs(4)),
    };
    assert_eq!(scene.synced(&call, Ok(SyncAnswer::Done(granted))), [turn]);
}

#[test]
fn who_gives_up_says_so() {
    let mut scene = Scene::joined();
    for waits in [scene.waits(), scene.waits_unproven()] {
        let call = sync_of(&scene.state(1, waits));
        scene.answer(&call, TurnStanding::Queued);
        let call = sync_of(&scene.state(1, Statement::default()));
        assert_eq!((call.main, call.unproven), (None, None));
        scene.answer(&call, TurnStanding::Idle);
        assert_eq!(scene.member.known(), 0);
    }
}

#[test]
fn a_turn_that_comes_when_nobody_wants_it_any_more_is_given_back() {
    let mut scene = Scene::joined();
    let waits = scene.waits();
    let call = sync_of(&scene.state(1, waits));
    assert_eq!(syncs(&scene.state(1, Statement::default())), []);
    let told = scene.answer(&call, TurnStanding::Granted(TurnNumber(5), Lane::Main));
    let [MemberAction::Sync(back)] = &told[..] else {
        panic!("{told:?}");
    };
    assert_eq!((back.holds, back.seen), (Holds::Nothing, TurnNumber(5)));
}

#[test]
fn a_turn_whose_session_has_ended_meanwhile_is_given_back_whatever_became_of_it() {
    for standing in [TurnStanding::Held(TurnNumber(5)), TurnStanding::Lost] {
        let mut scene = Scene::joined();
        scene.holding(5);
        let call = sync_of(&scene.pushed(Push::Contended(ANN)));
        assert_eq!(call.holds, Holds::Turn(TurnNumber(5)));
        scene.state(1, Statement::default());
        let told = scene.answer(&call, standing);
        let [MemberAction::Sync(back)] = &told[..] else {
            panic!("{told:?}");
        };
        assert_eq!(back.holds, Holds::Nothing);
    }
}

#[test]
fn a_turn_that_is_known_to_be_good_is_not_confirmed_again() {
    let mut scene = Scene::joined();
    scene.holding(5);
    let call = sync_of(&scene.pushed(Push::Contended(ANN)));
    assert_eq!(scene.answer(&call, TurnStanding::Held(TurnNumber(5))), []);
}

#[test]
fn who_lost_a_turn_before_the_session_began_waits_again_at_the_head_of_its_lane() {
    for lane in [Lane::Main, Lane::Unproven] {
        let mut scene = Scene::joined();
        let waits = scene.waits();
        let call = sync_of(&scene.state(1, waits));
        scene.answer(&call, TurnStanding::Granted(TurnNumber(5), lane));
        let mut queue = scene.connects();
        queue.holder.as_mut().unwrap().lane = lane;
        queue.main = scene.waits().main;
        queue.unproven = scene.waits().main;
        let call = sync_of(&scene.state(1, queue));
        let moment = Duration::from_millis(500);
        scene.now += moment;
        let lost = scene.answer(&call, TurnStanding::Lost);
        let lose = MemberAction::Lose {
            maildrop: ANN,
            life: 1,
        };
        assert!(matches!(&lost[..], [it, MemberAction::Sync(_)] if *it == lose));
        let again = sync_of(&lost);
        let (main, unproven) = (again.main.unwrap(), again.unproven.unwrap());
        let [first, behind] = match lane {
            Lane::Main => [main.until, unproven.until],
            Lane::Unproven => [unproven.until, main.until],
        };
        assert_eq!(again.holds, Holds::Nothing);
        assert_eq!(first, WAIT_MAX - moment);
        assert_eq!(behind, Duration::from_secs(20) - moment);
        assert_eq!([main.age, unproven.age], [moment, moment]);
        assert_eq!(unproven.half, Duration::ZERO);
    }
}

#[test]
fn who_waits_for_another_turn_asks_until_it_is_there_and_who_has_one_does_not_ask() {
    let mut scene = Scene::joined();
    let waits = scene.waits();
    let call = sync_of(&scene.state(1, waits));
    scene.answer(&call, TurnStanding::Granted(TurnNumber(5), Lane::Main));
    let connects = scene.connects();
    assert_eq!(syncs(&scene.state(1, connects)), []);
    assert_eq!(syncs(&scene.pass(Duration::from_secs(60))), []);
    let call = sync_of(&scene.pushed(Push::Contended(ANN)));
    let again = sync_of(&scene.answer(&call, TurnStanding::Lost));
    scene.answer(&again, TurnStanding::Queued);
    let again = sync_of(&scene.pass(Duration::from_millis(1_100)));
    let told = scene.answer(&again, TurnStanding::Granted(TurnNumber(9), Lane::Main));
    assert!(matches!(told[..], [MemberAction::Turn { .. }]), "{told:?}");
}

#[test]
fn a_session_that_begins_as_its_turn_is_lost_is_beside_another_gates() {
    let mut scene = Scene::joined();
    let waits = scene.waits();
    let call = sync_of(&scene.state(1, waits));
    scene.answer(&call, TurnStanding::Granted(TurnNumber(5), Lane::Main));
    let connects = scene.connects();
    scene.state(1, connects);
    let call = sync_of(&scene.pushed(Push::Contended(ANN)));
    let waits = sync_of(&scene.answer(&call, TurnStanding::Lost));
    // The queue has not heard yet.
    let holds = scene.holds();
    scene.state(1, holds);
    let call = sync_of(&scene.answer(&waits, TurnStanding::Queued));
    assert_eq!((call.holds, call.main), (Holds::Local, None));
    let told = scene.answer(&call, TurnStanding::Lost);
    assert!(!told.contains(&MemberAction::Overlap { maildrop: ANN }));
    let behind = Statement {
        main: scene.waits().main,
        unproven: scene.waits().main,
        ..scene.of_ann()
    };
    assert_eq!(syncs(&scene.state(1, behind)), [], "they are not served");
    let call = sync_of(&scene.pass(Duration::from_millis(1_100)));
    assert_eq!(call.holds, Holds::Local, "until it ends or has the turn");
    assert_eq!((call.main, call.unproven), (None, None));
    let told = scene.answer(&call, TurnStanding::Lost);
    assert_eq!(
        told,
        [MemberAction::Overlap { maildrop: ANN }],
        "told again"
    );
    let call = sync_of(&scene.pass(Duration::from_millis(1_100)));
    assert_eq!(scene.answer(&call, TurnStanding::Lost), [], "counted once");
}

#[test]
fn who_waits_behind_a_holder_is_said_again_and_again() {
    let mut scene = Scene::joined();
    scene.holding(5);
    for waits in [scene.waits(), scene.waits_unproven()] {
        let behind = Statement {
            holder: scene.of_ann().holder,
            ..waits
        };
        for call in syncs(&scene.state(1, behind)) {
            scene.answer(&call, TurnStanding::Held(TurnNumber(5)));
        }
        for _ in 0..2 {
            let call = sync_of(&scene.pass(Duration::from_millis(1_100)));
            let said = (call.main.is_some(), call.unproven.is_some());
            assert_eq!(said, (waits.main.is_some(), waits.unproven.is_some()));
            scene.answer(&call, TurnStanding::Held(TurnNumber(5)));
        }
    }
}

#[test]
fn a_holder_says_now_and_then_that_it_is_there() {
    let mut scene = Scene::joined();
    scene.holding(5);
    let call = sync_of(&scene.pass(CLUSTER_REPEAT));
    scene.answer(&call, TurnStanding::Held(TurnNumber(5)));
    sync_of(&scene.pass(CLUSTER_REPEAT));
}

#[test]
fn a_gate_that_stops_has_left_once_all_is_given_back() {
    let mut scene = Scene::joined();
    let left = |told: &[MemberAction]| told.contains(&MemberAction::Left);
    assert!(!left(&scene.apply(MemberInput::Tick)));
    scene.holding(5);
    assert!(!left(&scene.apply(MemberInput::Leave)));
    let call = sync_of(&scene.state(1, Statement::default()));
    assert!(left(&scene.answer(&call, TurnStanding::Idle)));
    assert!(!left(&scene.apply(MemberInput::Tick)), "it is said once");
}

#[test]
fn the_last_turn_is_kept_as_long_as_any_that_was_here_needs_also_when_all_have_left() {
    let mut scene = Scene::joined();
    let [minute, hour] = [60, 3_600].map(Duration::from_secs);
    let says = |scene: &mut Scene, queue, shown_for| {
        let statement = MaildropStatement {
            queue,
            life: 1,
            shown_for,
            ..MaildropStatement::default()
        };
        scene.apply(MemberInput::Stated(ANN, statement))
    };
    let (waits, holds) = (scene.waits(), scene.holds());
    let call = sync_of(&says(&mut scene, waits, minute));
    assert_eq!(call.keep, minute);
    scene.answer(&call, TurnStanding::Granted(TurnNumber(5), Lane::Main));
    says(&mut scene, holds, hour);
    says(&mut scene, holds, minute);
    let call = sync_of(&says(&mut scene, Statement::default(), Duration::ZERO));
    assert_eq!(call.keep, hour, "whose it was is not known any more");
}
