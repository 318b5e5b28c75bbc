//! A client that has sent QUIT has not vanished, even if it closes at once.

use crate::support::{Gate, Scene, lets_in_at_once, seconds};
use popgate::demo::server::{DemoOptions, DemoServer};
use popgate::observe::event::End;

#[tokio::test(start_paused = true)]
async fn deletions_before_quit_are_committed_though_the_client_closes_at_once() {
    let gate = Gate::classic().await;
    let mut scene = Scene::of(&gate).await;
    scene.holder.send("DELE 1\r\nDELE 2\r\nQUIT\r\n").await;
    scene.holder.close();
    scene.inside.expect("DELE 1\r\nDELE 2\r\nQUIT\r\n").await;
    scene.inside.send("+OK\r\n+OK\r\n").await;
    scene.inside.expect_silence(seconds(10.0)).await;
    scene.spare.expect_silence(seconds(1.0)).await;
    scene.inside.send("+OK deleted\r\n").await;
    scene.spare.expect_silence(seconds(0.9)).await;
    scene.inside.close();
    lets_in_at_once(&mut scene.spare, &mut scene.waiter).await;
    let summary = gate.only_end_of("client 2").await;
    assert_eq!((summary.end(), summary.deleted), (End::Quit, 2));
    assert_eq!(gate.forced(), 0);
}

#[tokio::test(start_paused = true)]
async fn lines_held_back_for_a_backend_without_pipelining_are_not_lost_with_the_client() {
    let gate = Gate::classic().await;
    gate.look("legacy", &["TOP", "UIDL", "USER"]).await;
    let mut ann = gate.asking("ann", "secret").await;
    let mut inside = gate.dialed().await;
    inside.greets().await;
    inside.expect("USER ann\r\n").await;
    inside.send("+OK\r\n").await;
    inside.expect("PASS secret\r\n").await;
    inside.send("+OK in\r\n").await;
    ann.expect("+OK in\r\n").await;
    ann.send("DELE 1\r\nDELE 2\r\nQUIT\r\n").await;
    ann.close();
    for command in ["DELE 1\r\n", "DELE 2\r\n", "QUIT\r\n"] {
        inside.expect(command).await;
        inside.expect_silence(seconds(5.0)).await;
        inside.send("+OK\r\n").await;
    }
    inside.close();
    let summary = gate.only_end_of("client 1").await;
    assert_eq!((summary.end(), summary.deleted), (End::Quit, 2));
}

#[tokio::test(start_paused = true)]
async fn a_real_maildrop_is_short_of_what_was_deleted_before_a_sudden_close() {
    let gate = Gate::classic().await;
    let demo = DemoServer::new(DemoOptions {
        any_user: true,
        ..DemoOptions::default()
    });
    gate.serve_by(&demo);
    let before = demo.message_count("ann");
    let mut ann = gate.asking("ann", "secret").await;
    ann.expect_prefix("+OK").await;
    ann.send("DELE 1\r\nDELE 2\r\nQUIT\r\n").await;
    ann.close();
    let mut next = gate.asking("ann", "secret").await;
    next.expect(format!("+OK Maildrop has {} messages\r\n", before - 2))
        .await;
    next.send("DELE 1\r\n").await;
    next.expect_prefix("+OK").await;
    next.close();
    gate.released(2).await;
    assert_eq!(demo.message_count("ann"), before - 2);
    assert_eq!(demo.log().max_overlap("ann"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_says_everything_at_once_and_closes_is_carried_out() {
    let gate = Gate::classic().await;
    let mut ann = gate.client();
    ann.send("USER ann\r\nPASS secret\r\nDELE 1\r\nQUIT\r\n")
        .await;
    ann.close();
    let mut inside = gate.dialed().await;
    inside.lets_in("ann", "secret").await;
    inside.expect("DELE 1\r\nQUIT\r\n").await;
    inside.send("+OK\r\n+OK bye\r\n").await;
    let summary = gate.only_end_of("client 1").await;
    assert_eq!((summary.end(), summary.deleted), (End::Quit, 1));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_asks_in_and_closes_is_not() {
    let gate = Gate::classic().await;
    let mut ann = gate.client();
    ann.send("USER ann\r\nPASS secret\r\nDELE 1\r\n").await;
    ann.close();
    let summary = gate.only_end_of("client 1").await;
    assert_eq!(summary.end(), End::LeftWaiting);
    assert_eq!(gate.cx.locks.in_use(), 0);
}

#[tokio::test(start_paused = true)]
async fn half_a_quit_line_is_none() {
    let gate = Gate::classic().await;
    let (mut ann, mut inside) = gate.log_in("ann", "secret").await;
    ann.send("DELE 1\r\nQUIT").await;
    inside.expect("DELE 1\r\n").await;
    ann.close();
    inside.send("+OK\r\n").await;
    inside.expect_eof().await;
    inside.close();
    let summary = gate.only_end_of("client 1").await;
    assert_eq!((summary.end(), summary.deleted), (End::Left, 0));
}

#[tokio::test(start_paused = true)]
async fn half_a_quit_line_behind_an_unknown_command_is_none_either() {
    let gate = Gate::classic().await;
    let (mut ann, mut inside) = gate.log_in("ann", "secret").await;
    ann.send("XTND XLST\r\nQUIT").await;
    inside.expect("XTND XLST\r\n").await;
    ann.close();
    inside.expect_eof().await;
}

#[tokio::test(start_paused = true)]
async fn a_waiting_client_that_has_sent_quit_and_closed_is_carried_out() {
    let gate = Gate::classic().await;
    let mut scene = Scene::of(&gate).await;
    let mut hasty = gate.greeted().await;
    hasty
        .send("USER ann\r\nPASS secret\r\nDELE 1\r\nQUIT\r\n")
        .await;
    gate.queued(&hasty).await;
    hasty.close();
    scene.waiter.close();
    scene.holder.expect_silence(seconds(3.0)).await;
    scene.holder.close();
    scene.inside.expect_eof().await;
    scene.inside.close();
    scene
        .spare
        .answers_password("ann", "secret", "+OK in")
        .await;
    scene.spare.expect("DELE 1\r\nQUIT\r\n").await;
    scene.spare.send("+OK\r\n+OK bye\r\n").await;
    scene.spare.close();
    let summary = gate.only_end_of("client 4").await;
    assert_eq!((summary.end(), summary.deleted), (End::Quit, 1));
}

#[tokio::test(start_paused = true)]
async fn a_waiting_client_that_closes_behind_half_a_quit_line_has_left() {
    let gate = Gate::classic().await;
    let scene = Scene::of(&gate).await;
    let mut hasty = gate.greeted().await;
    hasty.send("USER ann\r\nPASS secret\r\nQUIT").await;
    gate.queued(&hasty).await;
    hasty.close();
    assert_eq!(gate.only_end_of("client 4").await.end(), End::LeftWaiting);
    drop(scene);
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_never_answers_quit_is_given_up_at_the_idle_timeout() {
    let gate = Gate::with("[defaults]\ncleartext = \"always\"\nidle_timeout = \"90s\"\n").await;
    let (mut ann, mut inside) = gate.log_in("ann", "secret").await;
    ann.send("QUIT\r\n").await;
    ann.close();
    inside.expect("QUIT\r\n").await;
    inside.expect_silence(seconds(89.0)).await;
    inside.expect_eof().await;
    inside.close();
    let summary = gate.only_end_of("client 1").await;
    assert_eq!(summary.end(), End::QuitUnanswered);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_has_sent_quit_and_reads_nothing_is_given_up_and_its_quit_is_not() {
    let gate = Gate::classic().await;
    let mut ann = gate.visitor().takes(64).greeted().await;
    ann.asks_in("ann", "secret").await;
    let mut inside = gate.dialed().await;
    inside.lets_in("ann", "secret").await;
    ann.expect("+OK ann, come in\r\n").await;
    ann.send("DELE 1\r\nRETR 2\r\nQUIT\r\n").await;
    inside.expect("DELE 1\r\nRETR 2\r\n").await;
    let message = "a line\r\n".repeat(5000);
    inside.send(format!("+OK\r\n+OK\r\n{message}.\r\n")).await;
    // The message has to be read first, and is when the client is given up.
    inside.expect_silence(seconds(90.0)).await;
    inside.expect("QUIT\r\n").await;
    inside.send("+OK bye\r\n").await;
    inside.close();
    gate.released(1).await;
    ann.close();
    let summary = gate.only_end_of("client 1").await;
    assert_eq!((summary.end(), summary.deleted), (End::Quit, 1));
}
