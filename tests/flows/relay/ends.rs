//! What ends a reply, where a server's line ends or dots are not what RFC 1939 section 3 says.

use crate::support::{Gate, Scene, Wire, assert_took, lets_in_at_once, seconds};
use popgate::observe::event::{Culprit, End, Event, Preemption};
use popgate::time::Instant;

/// A command, and its answer as it stands.
async fn asks(client: &mut Wire, backend: &mut Wire, command: &str, answer: &str) {
    client.send(command).await;
    backend.expect(command).await;
    backend.send(answer).await;
    client.expect(answer).await;
}

#[tokio::test(start_paused = true)]
async fn a_body_in_bare_line_feeds_ends_where_its_client_goes_on() {
    for (command, body) in [
        ("RETR 1\r\n", "+OK\r\nSubject: x\n\nhello\n.\r\n"),
        ("RETR 1\r\n", "+OK\nSubject: x\n\nhello\n.\n"),
        ("TOP 1 0\r\n", "+OK\r\nSubject: x\r\n\r\nhello\r\n.\n"),
        ("LIST\r\n", "+OK\r\n1 41\n2 41\n.\r\n"),
        ("UIDL\r\n", "+OK\r\n.\n"),
    ] {
        for capabilities in [&["TOP", "USER", "PIPELINING"][..], &["TOP", "USER"]] {
            let gate = Gate::classic().await;
            gate.look("legacy", capabilities).await;
            let mut ann = gate.asking("ann", "secret").await;
            let mut inside = gate.dialed().await;
            inside.greets().await;
            inside.expect("USER ann\r\n").await;
            inside.send("+OK\r\n").await;
            inside.expect("PASS secret\r\n").await;
            inside.send("+OK in\r\n").await;
            ann.expect("+OK in\r\n").await;
            asks(&mut ann, &mut inside, command, body).await;
            asks(&mut ann, &mut inside, "DELE 1\r\n", "+OK\r\n").await;
            asks(&mut ann, &mut inside, "QUIT\r\n", "+OK bye\r\n").await;
            ann.expect_eof().await;
            inside.close();
            let summary = gate.only_end_of("client 1").await;
            assert_eq!((summary.end(), summary.deleted), (End::Quit, 1), "{body:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_rests_behind_such_a_body_keeps_nobody_out() {
    let gate = Gate::classic().await;
    let mut scene = Scene::of(&gate).await;
    let message = "+OK\r\nhello\n.\r\n";
    asks(&mut scene.holder, &mut scene.inside, "RETR 1\r\n", message).await;
    let idle = Instant::now();
    scene.holder.expect_eof().await;
    assert_took(idle, 15.0..=16.0);
    scene.inside.close();
    lets_in_at_once(&mut scene.spare, &mut scene.waiter).await;
    let preempted = |event: &Event| {
        let idle = Preemption::Idle;
        matches!(event, Event::Preempted { reason, .. } if *reason == idle)
    };
    gate.told(preempted).await;
}

#[tokio::test(start_paused = true)]
async fn a_listing_without_a_body_is_over_also_where_its_command_came_in_two_pieces() {
    let gate = Gate::classic().await;
    let (mut ann, mut inside) = gate.log_in("ann", "secret").await;
    ann.expect_silence(seconds(5.3)).await;
    ann.send("LIST").await;
    ann.expect_silence(seconds(0.2)).await;
    ann.send("\r\n").await;
    inside.expect("LIST\r\n").await;
    inside.send("+OK 0 messages\r\n").await;
    ann.expect("+OK 0 messages\r\n").await;
    let waited = Instant::now();
    ann.send("QUIT\r\n").await;
    inside.expect("QUIT\r\n").await;
    assert_took(waited, 1.0..=3.0);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_slow_to_begin_is_not_taken_for_empty() {
    let gate = Gate::classic().await;
    let (mut ann, mut inside) = gate.log_in("ann", "secret").await;
    ann.send("RETR 1\r\nRETR 2\r\n").await;
    inside.expect("RETR 1\r\nRETR 2\r\n").await;
    inside.send("+OK\r\none\r\n.\r\n+OK\r\n").await;
    ann.expect("+OK\r\none\r\n.\r\n+OK\r\n").await;
    ann.send("DELE 1\r\n").await;
    inside.expect_silence(seconds(40.0)).await;
    inside.send("two\r\n.\r\n").await;
    ann.expect("two\r\n.\r\n").await;
    inside.expect("DELE 1\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn half_a_message_is_not_deleted_whatever_was_sent_ahead() {
    let half = "+OK\r\nSubject: x\r\n\r\nbefore\r\n.\r\n";
    for ahead in [
        "",
        "DELE 1\r\n",
        "DELE 1\r\nQUIT\r\n",
        "RSET\r\n",
        "QUIT\r\n",
    ] {
        for seconds_later in [0.0, 0.5] {
            let gate = Gate::classic().await;
            let (mut ann, mut inside) = gate.log_in("ann", "secret").await;
            ann.send(format!("RETR 7\r\n{ahead}")).await;
            inside.expect("RETR 7\r\n").await;
            if seconds_later > 0.0 && ahead.starts_with("DELE") {
                inside.send(half).await;
                inside.expect("DELE 1\r\n").await;
                inside.expect_silence(seconds(seconds_later)).await;
                inside.send("after\r\n.\r\n").await;
            } else {
                inside.send(format!("{half}after\r\n.\r\n+OK\r\n")).await;
            }
            ann.expect(half).await;
            ann.expect_eof().await;
            inside.expect_eof().await;
            inside.close();
            ann.close();
            let summary = gate.only_end_of("client 1").await;
            assert_eq!(summary.end(), End::BodyMisread, "{ahead:?}");
            assert_eq!(
                (summary.culprit(), summary.deleted),
                (Some(Culprit::Backend), 0)
            );
            let told = summary.detail().unwrap_or_default();
            assert!(told.contains("message 7 (RETR)"), "{told}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_body_is_not_torn() {
    let gate = Gate::classic().await;
    let (mut ann, mut inside) = gate.log_in("ann", "secret").await;
    ann.send("RETR 1\r\n").await;
    inside.expect("RETR 1\r\n").await;
    for (piece, passes) in [
        ("+OK\r\n", "+OK\r\n"),
        ("hello\r", "hello"),
        ("\n", ""),
        (".", ""),
        ("\r", ""),
        ("\n", "\r\n.\r\n"),
    ] {
        inside.send(piece).await;
        ann.expect(passes).await;
        ann.expect_silence(seconds(0.1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_be_part_of_an_end_goes_on_where_nothing_more_comes() {
    let gate = Gate::classic().await;
    let (mut ann, mut inside) = gate.log_in("ann", "secret").await;
    ann.send("RETR 1\r\n").await;
    inside.expect("RETR 1\r\n").await;
    inside.send("+OK\r\nhello\r\n.").await;
    ann.expect("+OK\r\nhello").await;
    let waited = Instant::now();
    ann.expect("\r\n.").await;
    assert_took(waited, 0.2..=1.0);
    inside.send("\r\n").await;
    ann.expect("\r\n").await;
    asks(&mut ann, &mut inside, "NOOP\r\n", "+OK\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn a_blank_line_before_a_status_line_is_no_reply_and_no_fault() {
    let gate = Gate::classic().await;
    let (mut ann, mut inside) = gate.log_in("ann", "secret").await;
    asks(&mut ann, &mut inside, "STAT\r\n", "\n+OK 2 82\r\n").await;
    asks(&mut ann, &mut inside, "NOOP\r\n", "\r\n \r\n+OK\r\n").await;
    asks(&mut ann, &mut inside, "QUIT\r\n", "\n+OK bye\r\n").await;
    inside.close();
    ann.close();
    let summary = gate.only_end_of("client 1").await;
    assert_eq!((summary.end(), summary.listed), (End::Quit, Some(2)));
}
