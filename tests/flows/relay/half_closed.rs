//! A client that shuts its sending side, as `nc -N` does: what it said is still answered.

use crate::support::{Gate, Scene, assert_took, seconds};
use popgate::observe::event::End;
use popgate::time::Instant;

#[tokio::test(start_paused = true)]
async fn whole_commands_are_answered_and_the_session_ends_without_quit() {
    let gate = Gate::classic().await;
    let (mut ann, mut inside) = gate.log_in("ann", "secret").await;
    ann.send("STAT\r\nLIST\r\nDELE 1\r\nQUI").await;
    ann.half_close().await;
    inside.expect("STAT\r\nLIST\r\n").await;
    inside.expect_silence(seconds(20.0)).await;
    inside.send("+OK 1 120\r\n+OK\r\n1 120\r\n.\r\n").await;
    inside.expect("DELE 1\r\n").await;
    inside.send("+OK\r\n").await;
    ann.expect("+OK 1 120\r\n+OK\r\n1 120\r\n.\r\n+OK\r\n")
        .await;
    ann.expect_eof().await;
    inside.expect_eof().await;
    inside.close();
    let summary = gate.only_end_of("client 1").await;
    assert_eq!((summary.end(), summary.deleted), (End::Left, 0));
}

#[tokio::test(start_paused = true)]
async fn commands_go_on_one_at_a_time_to_a_backend_without_pipelining() {
    let gate = Gate::classic().await;
    gate.look("legacy", &["USER"]).await;
    let mut ann = gate.greeted().await;
    ann.send("USER ann\r\nPASS secret\r\nSTAT\r\nNOOP\r\n")
        .await;
    ann.half_close().await;
    let mut inside = gate.dialed().await;
    inside.greets().await;
    for (command, reply) in [
        ("USER ann\r\n", "+OK\r\n"),
        ("PASS secret\r\n", "+OK in\r\n"),
        ("STAT\r\n", "+OK 1 9\r\n"),
        ("NOOP\r\n", "+OK\r\n"),
    ] {
        inside.expect(command).await;
        inside.send(reply).await;
    }
    ann.expect("+OK Send PASS\r\n+OK in\r\n+OK 1 9\r\n+OK\r\n")
        .await;
    ann.expect_eof().await;
    inside.expect_eof().await;
}

#[tokio::test(start_paused = true)]
async fn a_login_with_nothing_behind_it_has_left() {
    let gate = Gate::classic().await;
    let mut ann = gate.asking("ann", "secret").await;
    let mut inside = gate.dialed().await;
    ann.half_close().await;
    inside.expect_eof().await;
    inside.close();
    assert_eq!(gate.only_end_of("client 1").await.end(), End::LeftWaiting);
}

#[tokio::test(start_paused = true)]
async fn while_somebody_waits_it_has_five_seconds() {
    let gate = Gate::classic().await;
    let mut scene = Scene::of(&gate).await;
    scene.holder.send("STAT\r\n").await;
    scene.inside.expect("STAT\r\n").await;
    scene.holder.half_close().await;
    let shut = Instant::now();
    scene.inside.expect_eof().await;
    assert_took(shut, 5.0..=6.0);
    scene.holder.expect_eof().await;
}

#[tokio::test(start_paused = true)]
async fn where_nobody_waits_a_silent_backend_has_a_minute() {
    let gate = Gate::classic().await;
    let (mut ann, mut inside) = gate.log_in("ann", "secret").await;
    ann.send("STAT\r\n").await;
    inside.expect("STAT\r\n").await;
    ann.half_close().await;
    let shut = Instant::now();
    inside.expect_eof().await;
    assert_took(shut, 60.0..=61.0);
}

#[tokio::test(start_paused = true)]
async fn behind_an_unknown_command_it_hears_what_comes_until_the_backend_is_silent() {
    let gate = Gate::classic().await;
    let (mut ann, mut inside) = gate.log_in("ann", "secret").await;
    ann.send("XTND XLST\r\n").await;
    ann.half_close().await;
    inside.expect("XTND XLST\r\n").await;
    inside.send("+OK\r\nanything\r\n.\r\n").await;
    ann.expect("+OK\r\nanything\r\n.\r\n").await;
    ann.expect_eof().await;
    inside.expect_eof().await;
}

#[tokio::test(start_paused = true)]
async fn behind_an_unknown_command_it_keeps_nobody_out_whenever_it_comes_and_goes() {
    for (answers_after, leaves_after) in [(0.05, 0.0), (0.05, 30.0), (3.2, 0.5)] {
        let gate = Gate::classic().await;
        let (mut ann, mut inside) = gate.log_in("ann", "secret").await;
        ann.send("XTND XLST\r\n").await;
        inside.expect("XTND XLST\r\n").await;
        tokio::time::sleep(seconds(answers_after)).await;
        inside.send("+OK\r\n").await;
        ann.expect("+OK\r\n").await;
        tokio::time::sleep(seconds(leaves_after)).await;
        let shut = Instant::now();
        ann.half_close().await;
        inside.expect_eof().await;
        assert_took(shut, 0.0..=2.1);
    }
}
