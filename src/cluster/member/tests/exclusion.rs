//! Gates that may not take part.

use super::*;

#[test]
fn who_may_not_take_part_does_not_serve_alone_when_the_engine_is_away_and_stops_what_it_served() {
    let mut scene = Scene::joined();
    let waits = scene.waits();
    scene.state(1, waits);
    scene.go_away();
    scene.connect();
    let told = scene.beaten_since(scene.now, false, Ok(BeatAnswer::Stranger));
    assert_eq!(authorities(&told), [Authority::Leased]);
    scene.apply(MemberInput::Disconnected("cut".to_owned()));
    let waits = scene.waits();
    let told = scene.state(1, waits);
    assert_eq!(authorities(&told), []);
    assert_eq!(authorities(&scene.pass(Duration::from_secs(60))), []);
    assert_eq!(scene.member.state(), ClusterState::Excluded);
}

#[test]
fn whom_the_engine_has_never_let_in_serves_nothing() {
    let mut scene = Scene::new();
    scene.apply(MemberInput::Refused("WRONGPASS".to_owned()));
    let waits = scene.waits();
    assert_eq!(authorities(&scene.state(1, waits)), []);
    assert_eq!(authorities(&scene.pass(Duration::from_secs(60))), []);
    assert_eq!(scene.member.state(), ClusterState::Excluded);
    scene.connect();
    scene.beaten(report("run", 1));
    assert!(scene.member.health.is_open());
}

#[test]
fn an_excluded_gate_asks_for_nothing_and_says_once_why() {
    let mut scene = Scene::joined();
    let waits = scene.waits();
    scene.next_beat();
    scene.unbeaten();
    scene.out = scene.pass(Duration::from_millis(100));
    let told = scene.beaten_since(scene.now, false, Ok(BeatAnswer::Stranger));
    assert!(matches!(
        states(&told)[..],
        [(
            ClusterState::Excluded,
            "the other gates have another secret_file, fold_case (or other domains with it) or version"
        )]
    ));
    assert_eq!(scene.state(1, waits), []);
    assert_eq!(scene.pushed(Push::Turn(ANN)), []);
    scene.next_beat();
    let told = scene.beaten_since(scene.now, false, Ok(BeatAnswer::Stranger));
    assert_eq!(states(&told), []);
    scene.next_beat();
    assert_eq!(states(&scene.unbeaten()), []);
    scene.out = scene.pass(Duration::from_millis(100));
    let told = scene.beaten_since(scene.now, false, Ok(BeatAnswer::Stranger));
    assert_eq!(states(&told), []);
    assert_eq!(states(&scene.pass(Duration::from_secs(60))), []);
}

#[test]
fn another_reason_for_an_exclusion_is_told() {
    let mut scene = Scene::new();
    for (why, is_news) in [("WRONGPASS", true), ("WRONGPASS", false), ("NOPERM", true)] {
        let told = scene.apply(MemberInput::Refused(why.to_owned()));
        let expected = is_news.then_some((ClusterState::Excluded, why));
        assert_eq!(states(&told), expected.into_iter().collect::<Vec<_>>());
    }
}
