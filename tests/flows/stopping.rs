//! A gate that stops: in stages, and nobody's mail is lost.

use crate::support::{Gate, Scene, Wire, lets_in_at_once, seconds};
use popgate::gate::Stage;
use popgate::observe::event::{End, Event, LockEvent, LockOutcome};

/// A command and its answer.
async fn goes_on(client: &mut Wire, backend: &mut Wire) {
    client.send("NOOP\r\n").await;
    backend.expect("NOOP\r\n").await;
    backend.send("+OK\r\n").await;
    client.expect("+OK\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn draining_closes_who_does_not_log_in_within_a_second() {
    let gate = Gate::classic().await;
    let mut silent = gate.greeted().await;
    let mut named = gate.greeted().await;
    named.send("USER ann\r\n").await;
    named.expect("+OK Send PASS\r\n").await;
    let mut shaking = gate.visitor().at("pop3s").connect();
    shaking.expect_silence(seconds(1.0)).await;
    gate.stage.send_replace(Stage::Draining);
    silent.expect_silence(seconds(0.9)).await;
    for (client, name) in [
        (&mut silent, "client 1"),
        (&mut named, "client 2"),
        (&mut shaking, "client 3"),
    ] {
        client.expect_eof().await;
        assert_eq!(gate.only_end_of(name).await.end(), End::Shutdown);
    }
}

#[tokio::test(start_paused = true)]
async fn a_password_that_comes_right_after_draining_began_is_taken() {
    let gate = Gate::classic().await;
    let mut ann = gate.greeted().await;
    ann.send("USER ann\r\n").await;
    ann.expect("+OK Send PASS\r\n").await;
    gate.stage.send_replace(Stage::Draining);
    ann.expect_silence(seconds(0.9)).await;
    ann.send("PASS secret\r\n").await;
    let mut inside = gate.dialed().await;
    inside.greets().await;
    inside.expect("USER ann\r\nPASS secret\r\n").await;
    inside.send("+OK\r\n+OK\r\n").await;
    ann.expect("+OK\r\n").await;
    goes_on(&mut ann, &mut inside).await;
}

#[tokio::test(start_paused = true)]
async fn draining_lets_sessions_go_on_and_waiters_get_in() {
    let gate = Gate::classic().await;
    let mut scene = Scene::of(&gate).await;
    gate.stage.send_replace(Stage::Draining);
    scene.holder.expect_silence(seconds(5.0)).await;
    goes_on(&mut scene.holder, &mut scene.inside).await;
    scene.holder.close();
    scene.inside.close();
    lets_in_at_once(&mut scene.spare, &mut scene.waiter).await;
    goes_on(&mut scene.waiter, &mut scene.spare).await;
}

#[tokio::test(start_paused = true)]
async fn draining_lets_a_login_that_has_begun_end_and_closes_it_where_it_fails() {
    let gate = Gate::classic().await;
    let mut ann = gate.asking("ann", "wrong").await;
    let mut inside = gate.dialed().await;
    inside.greets().await;
    inside.expect("USER ann\r\nPASS wrong\r\n").await;
    gate.stage.send_replace(Stage::Draining);
    ann.expect_silence(seconds(5.0)).await;
    inside.send("+OK\r\n-ERR [AUTH] no\r\n").await;
    ann.expect("-ERR [AUTH] no\r\n").await;
    ann.expect_eof().await;
}

#[tokio::test(start_paused = true)]
async fn closing_ends_sessions_without_quit_and_waiters_too() {
    let gate = Gate::classic().await;
    let mut scene = Scene::of(&gate).await;
    scene.holder.send("DELE 1\r\nRETR 2\r\n").await;
    scene.inside.expect("DELE 1\r\nRETR 2\r\n").await;
    scene.inside.send("+OK\r\n+OK\r\nhalf of").await;
    scene.holder.expect("+OK\r\n+OK\r\nhalf of").await;
    gate.stage.send_replace(Stage::Draining);
    gate.stage.send_replace(Stage::Closing);
    scene.inside.expect_eof().await;
    scene.holder.expect_eof().await;
    scene.waiter.expect_eof().await;
    scene.spare.expect_eof().await;
    let unclosed = gate.cx.locks.snapshot(9).locks;
    assert_eq!(unclosed.len(), 1, "{unclosed:?}");
    assert_eq!(unclosed[0].key.to_string(), "ann");
    scene.inside.close();
    scene.holder.close();
    let summary = gate.only_end_of("client 2").await;
    assert_eq!((summary.end(), summary.deleted), (End::Shutdown, 0));
    assert_eq!(gate.only_end_of("client 3").await.end(), End::Shutdown);
    gate.told(|event| {
        matches!(event, Event::Lock(LockEvent::Outcome { outcome, .. }) if *outcome == LockOutcome::Shutdown)
    })
    .await;
    gate.released(2).await;
    assert_eq!(gate.cx.locks.in_use(), 0);
}

#[tokio::test(start_paused = true)]
async fn closing_waits_for_the_answer_to_quit() {
    let gate = Gate::classic().await;
    let (mut ann, mut inside) = gate.log_in("ann", "secret").await;
    ann.send("DELE 1\r\nQUIT\r\n").await;
    inside.expect("DELE 1\r\nQUIT\r\n").await;
    gate.stage.send_replace(Stage::Closing);
    ann.expect_silence(seconds(30.0)).await;
    inside.send("+OK\r\n+OK bye\r\n").await;
    ann.expect("+OK\r\n+OK bye\r\n").await;
    ann.expect_eof().await;
    inside.close();
    ann.close();
    let summary = gate.only_end_of("client 1").await;
    assert_eq!((summary.end(), summary.deleted), (End::Quit, 1));
}

#[tokio::test(start_paused = true)]
async fn quit_that_comes_while_the_gate_drains_is_waited_for_when_it_closes() {
    let gate = Gate::classic().await;
    let (mut ann, mut inside) = gate.log_in("ann", "secret").await;
    gate.stage.send_replace(Stage::Draining);
    ann.expect_silence(seconds(5.0)).await;
    ann.send("QUIT\r\n").await;
    gate.stage.send_replace(Stage::Closing);
    inside.expect("QUIT\r\n").await;
    ann.expect_silence(seconds(5.0)).await;
    inside.send("+OK bye\r\n").await;
    ann.expect("+OK bye\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn the_last_stage_closes_everything() {
    let gate = Gate::classic().await;
    let mut scene = Scene::of(&gate).await;
    scene.holder.send("QUIT\r\n").await;
    scene.inside.expect("QUIT\r\n").await;
    gate.stage.send_replace(Stage::Closed);
    scene.inside.expect_eof().await;
    scene.holder.expect_eof().await;
    scene.waiter.expect_eof().await;
    scene.inside.close();
    scene.holder.close();
    assert_eq!(gate.only_end_of("client 2").await.end(), End::Shutdown);
    gate.sessions.close();
    gate.sessions.wait().await;
    gate.closers.close();
    gate.closers.wait().await;
    assert_eq!(gate.cx.locks.in_use(), 0);
}
