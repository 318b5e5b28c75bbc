//! A holder that does nothing while another waits.

use crate::support::{Gate, Scene, Wire, assert_took, lets_in_at_once, seconds};
use popgate::observe::event::{Culprit, End, Event, Preemption};
use popgate::time::Instant;
use std::sync::atomic::Ordering;

/// A second more than the limit: it is looked once a second whether the client has everything.
fn soon_after(seconds: f64) -> std::ops::RangeInclusive<f64> {
    seconds..=seconds + 1.0
}

async fn reason(gate: &Gate) -> Preemption {
    let told = gate
        .told(|event| matches!(event, Event::Preempted { .. }))
        .await;
    let Event::Preempted { reason, .. } = told else {
        unreachable!("it was asked for")
    };
    reason
}

fn preemptions(gate: &Gate) -> usize {
    gate.events
        .count(|event| matches!(event, Event::Preempted { .. }))
}

/// A command and its answer.
async fn says(client: &mut Wire, backend: &mut Wire, command: &str, answer: &str) {
    client.send(format!("{command}\r\n")).await;
    backend.expect(format!("{command}\r\n")).await;
    backend.send(format!("{answer}\r\n")).await;
    client.expect(format!("{answer}\r\n")).await;
}

#[tokio::test(start_paused = true)]
async fn an_idle_holder_is_closed_without_quit_for_who_waits() {
    let gate = Gate::classic().await;
    let mut scene = Scene::of(&gate).await;
    says(&mut scene.holder, &mut scene.inside, "STAT", "+OK 1 120").await;
    let idle = Instant::now();
    scene.holder.expect_eof().await;
    assert_took(idle, soon_after(15.0));
    scene.inside.expect_eof().await;
    scene.spare.expect_silence(seconds(1.5)).await;
    scene.inside.close();
    lets_in_at_once(&mut scene.spare, &mut scene.waiter).await;
    assert_eq!(reason(&gate).await, Preemption::Idle);
    drop(scene.holder);
    let summary = gate.only_end_of("client 2").await;
    assert_eq!(summary.end(), End::Preempted);
    assert_eq!(summary.culprit(), Some(Culprit::Policy));
}

#[tokio::test(start_paused = true)]
async fn an_idle_holder_for_whom_nobody_waits_is_left_alone() {
    let gate = Gate::classic().await;
    let (mut holder, mut inside) = gate.log_in("ann", "secret").await;
    holder.expect_silence(seconds(500.0)).await;
    says(&mut holder, &mut inside, "NOOP", "+OK").await;
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_has_been_idle_for_long_goes_as_soon_as_somebody_comes() {
    let gate = Gate::classic().await;
    gate.prove("ann", "secret").await;
    let (mut holder, inside) = gate.log_in("ann", "secret").await;
    holder.expect_silence(seconds(100.0)).await;
    let came = Instant::now();
    let mut waiter = gate.waiter("ann", "secret").await;
    let mut spare = gate.dialed().await;
    spare.greets().await;
    holder.expect_eof().await;
    inside.close();
    lets_in_at_once(&mut spare, &mut waiter).await;
    assert_took(came, 0.0..=0.1);
}

#[tokio::test(start_paused = true)]
async fn an_untested_password_cuts_nobody() {
    let gate = Gate::classic().await;
    let (mut holder, mut inside) = gate.log_in("ann", "secret").await;
    let mut stranger = gate.waiter("ann", "guess").await;
    holder.expect_silence(seconds(21.0)).await;
    stranger.expect_prefix("-ERR [SYS/TEMP]").await;
    assert!(!holder.socket.probed_hard.load(Ordering::Relaxed));
    says(&mut holder, &mut inside, "NOOP", "+OK").await;
    assert_eq!(preemptions(&gate), 0);
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_awaits_a_reply_is_not_idle() {
    let gate = Gate::classic().await;
    let mut scene = Scene::of(&gate).await;
    scene.holder.send("STAT\r\n").await;
    scene.inside.expect("STAT\r\n").await;
    scene.waiter.expect_prefix("-ERR [IN-USE]").await;
    scene.inside.send("+OK 1 120\r\n").await;
    scene.holder.expect("+OK 1 120\r\n").await;
    assert_eq!(preemptions(&gate), 0);
}

#[tokio::test(start_paused = true)]
async fn idleness_counts_from_when_the_client_has_acknowledged_every_byte() {
    let gate = Gate::with("[defaults]\ncleartext = \"always\"\nwait = \"55s\"\n").await;
    let mut scene = Scene::of(&gate).await;
    scene
        .holder
        .socket
        .unacknowledged
        .store(1, Ordering::Relaxed);
    says(&mut scene.holder, &mut scene.inside, "STAT", "+OK 1 120").await;
    scene.holder.expect_silence(seconds(30.0)).await;
    scene
        .holder
        .socket
        .unacknowledged
        .store(0, Ordering::Relaxed);
    let acknowledged = Instant::now();
    scene.holder.expect_eof().await;
    assert_took(acknowledged, soon_after(15.0));
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_fetches_something_now_and_then_stays() {
    let gate = Gate::with("[defaults]\ncleartext = \"always\"\nwait = \"55s\"\n").await;
    let mut scene = Scene::of(&gate).await;
    let message = "+OK\r\nmail\r\n.";
    for command in ["RETR 1", "TOP 2 0", "RETR 1", "RETR 2"] {
        scene.holder.expect_silence(seconds(12.0)).await;
        says(&mut scene.holder, &mut scene.inside, command, message).await;
    }
    let idle = Instant::now();
    scene.waiter.expect_prefix("-ERR [IN-USE]").await;
    assert!(idle.elapsed() < seconds(10.0));
    assert_eq!(preemptions(&gate), 0);
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_only_shows_that_it_is_alive_keeps_nobody_out() {
    for (command, answer, each) in [
        ("NOOP", "+OK", 10.0),
        ("LIST", "+OK\r\n1 120\r\n.", 0.25),
        ("STAT", "+OK 1 120", 3.0),
        ("UIDL 1", "+OK 1 a", 5.0),
        ("RETR 9", "-ERR no such message", 4.0),
        ("DELE 9", "-ERR no such message", 0.25),
        ("RSET", "+OK", 7.0),
    ] {
        let gate = Gate::classic().await;
        let mut scene = Scene::of(&gate).await;
        says(&mut scene.holder, &mut scene.inside, command, answer).await;
        let idle = Instant::now();
        while !scene.holder.ends_within(seconds(each)).await {
            let took = idle.elapsed();
            assert!(took <= seconds(19.0), "{command}: {took:?}");
            says(&mut scene.holder, &mut scene.inside, command, answer).await;
        }
        assert_eq!(reason(&gate).await, Preemption::Idle, "{command}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_holders_client_is_probed_hard_as_long_as_somebody_waits() {
    let gate = Gate::classic().await;
    gate.prove("ann", "secret").await;
    let (mut holder, mut inside) = gate.log_in("ann", "secret").await;
    says(&mut holder, &mut inside, "DELE 1", "+OK").await;
    assert!(!holder.socket.probed_hard.load(Ordering::Relaxed));
    let waiter = gate.waiter("ann", "secret").await;
    holder.expect_silence(seconds(1.0)).await;
    assert!(holder.socket.probed_hard.load(Ordering::Relaxed));
    waiter.close();
    holder.expect_silence(seconds(1.0)).await;
    assert!(!holder.socket.probed_hard.load(Ordering::Relaxed));
}

#[tokio::test(start_paused = true)]
async fn who_logs_in_while_another_waits_already_is_probed_hard_from_the_start() {
    let gate = Gate::classic().await;
    let mut scene = Scene::of(&gate).await;
    let _second = gate.waiter("ann", "secret").await;
    scene.holder.close();
    scene.inside.close();
    lets_in_at_once(&mut scene.spare, &mut scene.waiter).await;
    scene.waiter.expect_silence(seconds(1.0)).await;
    assert!(scene.waiter.socket.probed_hard.load(Ordering::Relaxed));
}

/// Says `command`, is silent for almost five minutes, and then is waited for: it is closed when
/// they are over.
async fn is_left_alone_for_five_minutes(command: &str) -> (Gate, Preemption) {
    let gate = Gate::classic().await;
    gate.prove("ann", "secret").await;
    let (mut holder, mut inside) = gate.log_in("ann", "secret").await;
    says(&mut holder, &mut inside, command, "+OK").await;
    let idle = Instant::now();
    holder.expect_silence(seconds(285.0)).await;
    let _waiter = gate.waiter("ann", "secret").await;
    holder.expect_eof().await;
    assert_took(idle, soon_after(300.0));
    inside.expect_eof().await;
    let reason = reason(&gate).await;
    (gate, reason)
}

#[tokio::test(start_paused = true)]
async fn deletions_that_are_not_committed_give_five_minutes() {
    let (gate, reason) = is_left_alone_for_five_minutes("DELE 1").await;
    assert_eq!(reason, Preemption::IdleWithDeletions);
    assert_eq!(gate.only_end_of("client 2").await.deleted, 0);
}

#[tokio::test(start_paused = true)]
async fn a_command_that_nobody_knows_gives_five_minutes() {
    let (_, reason) = is_left_alone_for_five_minutes("XTND XLST").await;
    assert_eq!(reason, Preemption::IdleOpaque);
}

#[tokio::test(start_paused = true)]
async fn rset_takes_the_five_minutes_back() {
    let gate = Gate::classic().await;
    let mut scene = Scene::of(&gate).await;
    says(&mut scene.holder, &mut scene.inside, "DELE 1", "+OK").await;
    says(&mut scene.holder, &mut scene.inside, "RSET", "+OK").await;
    let idle = Instant::now();
    scene.holder.expect_eof().await;
    assert_took(idle, soon_after(15.0));
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_has_sent_quit_is_never_pre_empted() {
    let gate = Gate::classic().await;
    let mut scene = Scene::of(&gate).await;
    scene.holder.send("QUIT\r\n").await;
    scene.inside.expect("QUIT\r\n").await;
    scene.waiter.expect_prefix("-ERR [IN-USE]").await;
    scene.holder.expect_silence(seconds(60.0)).await;
    for _ in 0..4 {
        let mut another = gate.waiter("ann", "secret").await;
        let mut spare = gate.dialed().await;
        spare.greets().await;
        another.expect_prefix("-ERR [IN-USE]").await;
    }
    scene.inside.send("+OK bye\r\n").await;
    scene.holder.expect("+OK bye\r\n").await;
    assert_eq!(preemptions(&gate), 0);
}

#[tokio::test(start_paused = true)]
async fn where_pre_emption_is_off_the_waiter_waits_in_vain() {
    let gate = Gate::with("[defaults]\ncleartext = \"always\"\npreempt_idle = \"off\"\n").await;
    let mut scene = Scene::of(&gate).await;
    scene.waiter.expect_prefix("-ERR [IN-USE]").await;
    says(&mut scene.holder, &mut scene.inside, "NOOP", "+OK").await;
    assert_eq!(preemptions(&gate), 0);
}

#[tokio::test(start_paused = true)]
async fn a_password_proven_while_its_owner_waits_counts_from_then_on() {
    let gate = Gate::classic().await;
    let mut first = gate.asking("ann", "secret").await;
    let mut inside = gate.dialed().await;
    inside.greets().await;
    inside.expect("USER ann\r\nPASS secret\r\n").await;
    let mut second = gate.waiter("ann", "secret").await;
    inside.send("+OK\r\n+OK in\r\n").await;
    first.expect("+OK in\r\n").await;
    let idle = Instant::now();
    let mut spare = gate.dialed().await;
    spare.greets().await;
    first.expect_eof().await;
    assert_took(idle, soon_after(15.0));
    inside.close();
    lets_in_at_once(&mut spare, &mut second).await;
}
