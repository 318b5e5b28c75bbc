//! Calls about maildrops: when they are made, made again, and how many at a time.

use super::*;

#[test]
fn what_was_not_answered_is_said_again_and_a_late_answer_counts_for_nothing() {
    let mut scene = Scene::joined();
    let waits = scene.waits();
    let first = sync_of(&scene.state(1, waits));
    scene.apply(MemberInput::Synced {
        maildrop: ANN,
        sequence: first.sequence,
        answer: Err("timeout".to_owned()),
    });
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
fn so_many_calls_are_made_at_a_time_and_the_others_follow_as_answers_come() {
    let mut scene = Scene::joined();
    let waits = scene.waits();
    let mut made = Vec::new();
    for number in 0..CLUSTER_CALLS_MAX + 10 {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&number.to_be_bytes());
        let statement = MaildropStatement {
            queue: waits,
            life: 1,
            ..MaildropStatement::default()
        };
        made.extend(syncs(
            &scene.apply(MemberInput::Stated(MaildropId(id), statement)),
        ));
    }
    assert_eq!(made.len(), CLUSTER_CALLS_MAX);
    let first = made[0].clone();
    let next = scene.apply(MemberInput::Synced {
        maildrop: first.maildrop,
        sequence: first.sequence,
        answer: Err("timeout".to_owned()),
    });
    assert_eq!(syncs(&next).len(), 1, "one for one");
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
