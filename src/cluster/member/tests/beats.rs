//! Signs of life, and what comes with their answers.

use super::*;

#[test]
fn a_gate_joins_with_its_first_beat() {
    let mut scene = Scene::new();
    let began = scene.now;
    let waits = scene.waits();
    assert_eq!(scene.state(1, waits), []);
    scene.connect();
    let call = beats(&scene.out).remove(0);
    assert_eq!((call.known_epoch, call.blocks), (0, 0));
    scene.now += Duration::from_millis(200);
    let other = MemberReport {
        gate: GateId([8; 8]),
        info: Arc::from(&b"other"[..]),
        settings: "s".into(),
    };
    let found = ClusterReport {
        members: vec![other.clone()],
        ..report("run", 3)
    };
    let joined = Ok(BeatAnswer::Alive(found.clone()));
    let mut told = scene.beaten_since(began, true, joined);
    assert_eq!(sync_of(&told).epoch, found.epoch);
    assert_eq!(
        beats(&told)[0].known_epoch,
        3,
        "at once: all is still to be said"
    );
    told.retain(|it| !matches!(it, MemberAction::Sync(_) | MemberAction::Beat(_)));
    let expected = [
        MemberAction::Lease {
            generation: 1,
            until: began + Duration::from_secs(15) - CLUSTER_LEASE_MARGIN,
        },
        MemberAction::EpochBegan(found.epoch.clone()),
        MemberAction::State {
            state: ClusterState::Reconciling,
            why: String::new(),
        },
        MemberAction::Blocks(BlockNews {
            epoch: found.epoch,
            after: 0,
            rows: Vec::new(),
            is_all: true,
        }),
        MemberAction::Members(vec![other]),
    ];
    assert_eq!(told, expected);
}

#[test]
fn there_is_one_beat_at_a_time_and_its_answer_counts_on_its_connection_only() {
    let mut scene = Scene::joined();
    scene.next_beat();
    assert_eq!(beats(&scene.pass(Duration::from_secs(5))), []);
    let before = std::mem::take(&mut scene.out);
    scene.apply(MemberInput::Disconnected("cut".to_owned()));
    scene.connect();
    let after = std::mem::replace(&mut scene.out, before);
    assert_eq!(scene.beaten(report("run", 1)), []);
    scene.out = after;
    assert_ne!(scene.beaten(report("run", 1)), []);
}

#[test]
fn a_gate_is_established_when_it_has_taken_part_for_long_without_a_break() {
    let mut scene = Scene::joined();
    let is_established = |scene: &mut Scene, answer: BeatAnswer| {
        scene.next_beat();
        let call = beats(&scene.out).remove(0);
        scene.beaten_since(scene.now, false, Ok(answer));
        call.is_established
    };
    let alive = || BeatAnswer::Alive(report("run", 1));
    for _ in 1..CLUSTER_ESTABLISHED.as_secs() {
        assert!(!is_established(&mut scene, alive()));
    }
    assert!(is_established(&mut scene, alive()));
    assert!(is_established(&mut scene, BeatAnswer::Stranger));
    assert!(!is_established(&mut scene, alive()), "it is not let in");
    assert!(!is_established(&mut scene, alive()), "it begins anew");
}

#[test]
fn silence_counts_from_the_first_call_that_was_not_answered() {
    let mut scene = Scene::joined();
    scene.next_beat();
    let sent_at = scene.now;
    scene.now += Duration::from_millis(250);
    scene.beaten_since(sent_at, false, Err("timeout".to_owned()));
    scene.out = scene.pass(Duration::from_millis(100));
    scene.unbeaten();
    scene.pass(Duration::from_millis(649));
    assert_eq!(scene.member.state(), ClusterState::Suspect);
    scene.pass(Duration::from_millis(1));
    assert_eq!(scene.member.state(), ClusterState::Degraded);
}
