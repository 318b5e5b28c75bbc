use super::*;
use crate::cluster::protocol::MaildropId;

#[test]
fn gates_that_lost_one_server_do_not_come_back_in_step() {
    let pauses = |seed| {
        let mut random = fastrand::Rng::with_seed(seed);
        (0..20).map(move |_| jittered(CLUSTER_RECONNECT_MAX, &mut random))
    };
    let least = CLUSTER_RECONNECT_MAX / 2;
    assert!(pauses(1).all(|it| (least..=CLUSTER_RECONNECT_MAX).contains(&it)));
    let in_step = pauses(1)
        .zip(pauses(2))
        .filter(|(one, other)| one.abs_diff(*other) < Duration::from_millis(1));
    assert!(in_step.count() < 3);
}

#[test]
fn pushes_without_room_are_counted() {
    let (events, mut heard) = mpsc::channel(2);
    let pushes = PushSender::new(events);
    for ping in [b"p1", b"p2", b"p3", b"p4", b"p5"] {
        pushes.send(ping);
    }
    pushes.send(b"none of popgate's");
    let mut next = || match heard.try_recv() {
        Ok(LinkEvent::Pushed(Push::Ping(number))) => Ok(number),
        Ok(LinkEvent::PushesDropped(count)) => Err(count),
        _ => panic!("nothing"),
    };
    assert_eq!([next(), next()], [Ok(1), Ok(2)]);
    pushes.send(b"p6");
    assert_eq!([next(), next()], [Err(3), Ok(6)]);
    pushes.send(b"p7");
    assert_eq!(next(), Ok(7), "told once");
}

#[test]
fn messages_of_other_gates_leave_room_for_turns() {
    let turns = 10;
    let (events, mut heard) = mpsc::channel(CLUSTER_MESSAGES_MAX + turns);
    let pushes = PushSender::new(events);
    for _ in 0..CLUSTER_MESSAGES_MAX + turns {
        pushes.send(b"osealed");
    }
    let turn = format!("t{}", MaildropId([7; 16]));
    // The first of them finds room for what was dropped, too.
    for _ in 1..turns {
        pushes.send(turn.as_bytes());
    }
    for _ in 0..CLUSTER_MESSAGES_MAX {
        let message = heard.try_recv();
        assert!(matches!(message, Ok(LinkEvent::Pushed(Push::Message(_)))));
    }
    let dropped = heard.try_recv();
    assert!(matches!(dropped, Ok(LinkEvent::PushesDropped(10))));
    for _ in 1..turns {
        let turn = heard.try_recv();
        assert!(matches!(turn, Ok(LinkEvent::Pushed(Push::Turn(_)))));
    }
    assert!(heard.try_recv().is_err(), "no more messages");
}

#[test]
fn a_server_that_will_not_do_is_told_why() {
    let says = |version: &str, mode: &str| {
        format!("# Server\r\nredis_version:{version}\r\nredis_mode:{mode}\r\n")
    };
    for (role, info, why) in [
        ("master", says("6.2.0", "standalone"), None),
        ("master", says("10.0.1", "standalone"), None),
        ("master", says("7.2.4", "standalone"), None),
        // A service that hides it.
        ("master", String::new(), None),
        (
            "master",
            says("6.0.16", "standalone"),
            Some("6.0.16: use Redis 6.2"),
        ),
        ("master", says("5.0", "standalone"), Some("version 5.0")),
        ("master", says("7.0.15", "cluster"), Some("Redis Cluster")),
        (
            "master",
            "server_mode:cluster\r\nredis_version:7.2.4\r\n".to_owned(),
            Some("Redis Cluster"),
        ),
        (
            "slave",
            says("7.0.15", "standalone"),
            Some("it is a replica"),
        ),
        (
            "sentinel",
            says("7.0.15", "sentinel"),
            Some("say in `master`"),
        ),
    ] {
        let said = misfit(Some(role), &info);
        match why {
            None => assert_eq!(said, None, "{role} {info}"),
            Some(why) => assert!(said.as_ref().is_some_and(|it| it.contains(why)), "{said:?}"),
        }
    }
}
