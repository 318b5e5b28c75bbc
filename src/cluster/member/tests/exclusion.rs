//! Gates that may not take part.

use super::*;

#[test]
fn who_may_not_take_part_does_not_serve_alone_when_the_engine_is_away_and_stops_what_it_served() {
    let mut scene = Scene::joined();
    let waits = scene.waits();
    scene.state(1, waits);
    scene.apply(MemberInput::Disconnected("cut".to_owned()));
    scene.pass(CLUSTER_AWAY);
    scene.connect();
    let ping = scene.out.drain(..).find_map(|action| match action {
        MemberAction::Beat(call) => Some(call.ping),
        _ => None,
    });
    let now = scene.now;
    let told = scene.apply(MemberInput::Beaten {
        ping: ping.expect("it beats"),
        sent_at: now,
        lapsed: false,
        answer: Ok(BeatAnswer::Stranger),
    });
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
    let now = Instant::now();
    let options = Scene::joined().member.options;
    let mut scene = Scene {
        member: Member::new(options, now),
        now,
        out: Vec::new(),
    };
    scene.apply(MemberInput::Refused("WRONGPASS".to_owned()));
    let waits = scene.waits();
    assert_eq!(authorities(&scene.state(1, waits)), []);
    assert_eq!(authorities(&scene.pass(Duration::from_secs(60))), []);
    assert_eq!(scene.member.state(), ClusterState::Excluded);
    scene.connect();
    scene.beaten(report("run", 1));
    assert!(scene.member.health.is_open());
}
