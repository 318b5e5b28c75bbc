//! From one session of a maildrop to the next.

mod preconnection;
mod quit;
mod unlocking;

use crate::support::{Gate, Scene, Wire, assert_took, lets_in_at_once, seconds};
use popgate::observe::event::{End, Event, LockEvent, LockOutcome};
use popgate::time::Instant;
use std::sync::atomic::Ordering;

#[tokio::test(start_paused = true)]
async fn the_next_password_is_written_at_the_backends_end_behind_quit_and_not_before() {
    let gate = Gate::classic().await;
    let mut scene = Scene::of(&gate).await;
    scene.holder.send("QUIT\r\n").await;
    scene.inside.expect("QUIT\r\n").await;
    scene.spare.expect_silence(seconds(2.0)).await;
    scene.inside.send("+OK bye\r\n").await;
    scene.holder.expect("+OK bye\r\n").await;
    scene.spare.expect_silence(seconds(0.9)).await;
    let closed = Instant::now();
    scene.inside.close();
    lets_in_the_waiter(&gate, &mut scene.spare, &mut scene.waiter, closed).await;
    assert_eq!(gate.forced(), 0);
}

/// What is left to do for the client that was in the maildrop is nobody else's wait.
#[tokio::test(start_paused = true)]
async fn the_lock_is_free_before_the_session_before_has_taken_its_leave() {
    let gate = Gate::classic().await;
    let mut scene = Scene::of(&gate).await;
    scene.holder.send("QUIT\r\n").await;
    scene.inside.expect("QUIT\r\n").await;
    scene.inside.send("+OK bye\r\n").await;
    // Both before the gate has a turn: then it waits for neither, and its own order counts.
    scene.inside.close();
    scene.holder.close();
    gate.only_end_of("client 2").await;
    gate.released(2).await;
    let events = gate.events.events();
    let last = |which: fn(&Event) -> bool| events.iter().rposition(which);
    let released = last(|event| matches!(event, Event::Lock(LockEvent::Released { .. })));
    let ended = last(|event| matches!(event, Event::SessionEnded(_)));
    assert!(released < ended, "{events:#?}");
    lets_in_at_once(&mut scene.spare, &mut scene.waiter).await;
}

/// At once, and the hand-over is told as short as it was.
async fn lets_in_the_waiter(gate: &Gate, spare: &mut Wire, waiter: &mut Wire, since: Instant) {
    lets_in_at_once(spare, waiter).await;
    assert_took(since, 0.0..=0.0);
    let handed = gate
        .told(|event| matches!(event, Event::Lock(LockEvent::HandedOver { .. })))
        .await;
    let Event::Lock(LockEvent::HandedOver { elapsed }) = handed else {
        unreachable!()
    };
    assert!(elapsed < seconds(0.01), "{elapsed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_stays_behind_quit_is_waited_for_one_second() {
    let gate = Gate::classic().await;
    let mut scene = Scene::of(&gate).await;
    scene.holder.send("QUIT\r\n").await;
    scene.inside.expect("QUIT\r\n").await;
    scene.inside.send("+OK bye\r\n").await;
    let answered = Instant::now();
    lets_in_at_once(&mut scene.spare, &mut scene.waiter).await;
    assert_took(answered, 1.0..=1.0);
    assert_eq!(gate.forced(), 1);
    assert!(scene.inside.socket.reset.load(Ordering::Relaxed));
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_waits_for_its_clients_end_behind_quit_gets_it_soon() {
    let gate = Gate::classic().await;
    let mut scene = Scene::of(&gate).await;
    scene.holder.send("QUIT\r\n").await;
    scene.inside.expect("QUIT\r\n").await;
    scene.inside.send("+OK bye\r\n").await;
    let answered = Instant::now();
    // It may close first, which keeps the connection's last minute at its end.
    scene.inside.expect_silence(seconds(0.04)).await;
    scene.inside.expect_eof().await;
    assert_took(answered, 0.05..=0.05);
    let closed = Instant::now();
    scene.inside.close();
    lets_in_the_waiter(&gate, &mut scene.spare, &mut scene.waiter, closed).await;
    assert_eq!(gate.forced(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_vanishes_in_mid_reply_leaves_no_quit_and_the_lock_waits_for_the_backend() {
    let gate = Gate::classic().await;
    let mut scene = Scene::of(&gate).await;
    scene.holder.send("RETR 1\r\n").await;
    scene.inside.expect("RETR 1\r\n").await;
    scene.inside.send("+OK\r\nhalf of it").await;
    scene.holder.expect("+OK\r\nhalf of it").await;
    scene.holder.close();
    scene.inside.expect_eof().await;
    scene.spare.expect_silence(seconds(1.9)).await;
    scene.inside.send("the other half\r\n.\r\n").await;
    let closed = Instant::now();
    scene.inside.close();
    lets_in_the_waiter(&gate, &mut scene.spare, &mut scene.waiter, closed).await;
    assert_eq!(gate.forced(), 0);
    let summary = gate.only_end_of("client 2").await;
    assert_eq!((summary.end(), summary.retrieved), (End::Left, 0));
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_stays_behind_a_vanished_client_is_waited_for_two_seconds() {
    let gate = Gate::classic().await;
    let mut scene = Scene::of(&gate).await;
    let left = Instant::now();
    scene.holder.close();
    lets_in_at_once(&mut scene.spare, &mut scene.waiter).await;
    assert_took(left, 2.0..=2.0);
    assert_eq!(gate.forced(), 1);
    scene.inside.expect_eof().await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_login_gives_the_lock_on_at_the_backends_end() {
    let gate = Gate::classic().await;
    let mut first = gate.asking("ann", "wrong").await;
    let mut refusing = gate.dialed().await;
    refusing.greets().await;
    refusing.expect("USER ann\r\nPASS wrong\r\n").await;
    let mut second = gate.waiter("ann", "secret").await;
    refusing
        .send("+OK\r\n-ERR [AUTH] no\r\n-ERR and go away\r\n")
        .await;
    first.expect("-ERR [AUTH] no\r\n").await;
    refusing.expect_eof().await;
    second.expect_silence(seconds(1.5)).await;
    assert_eq!(gate.dials(), 1);
    refusing.close();
    gate.dialed().await.lets_in("ann", "secret").await;
    second.expect("+OK ann, come in\r\n").await;
    first.expect_silence(seconds(1.0)).await;
}

#[tokio::test(start_paused = true)]
async fn the_answer_to_quit_frees_the_lock_though_its_client_reads_no_more() {
    let gate = Gate::classic().await;
    gate.prove("ann", "secret").await;
    let mut holder = gate.visitor().takes(64).greeted().await;
    holder.asks_in("ann", "secret").await;
    let mut inside = gate.dialed().await;
    inside.lets_in("ann", "secret").await;
    holder.expect("+OK ann, come in\r\n").await;
    let mut waiter = gate.waiter("ann", "secret").await;
    let mut spare = gate.dialed().await;
    spare.greets().await;
    holder.send("RETR 1\r\nQUIT\r\n").await;
    inside.expect("RETR 1\r\n").await;
    let message = format!("+OK\r\n{}.\r\n", "a line\r\n".repeat(10));
    inside.send(&message).await;
    // It takes all but the last octets, so that QUIT goes on.
    holder.expect(&message[..message.len() - 64]).await;
    inside.expect("QUIT\r\n").await;
    inside.send("+OK bye\r\n").await;
    inside.close();
    lets_in_at_once(&mut spare, &mut waiter).await;
    tokio::time::sleep(seconds(60.0)).await;
    holder.expect(&message[message.len() - 64..]).await;
    holder.expect("+OK bye\r\n").await;
    holder.expect_eof().await;
    assert_eq!(gate.only_end_of("client 2").await.end(), End::Quit);
}

#[tokio::test(start_paused = true)]
async fn over_the_limit_of_connections_a_login_waits_and_then_hears_why() {
    let gate = Gate::with(&limited_to(1)).await;
    let (_ann, _inside) = gate.log_in("ann", "secret").await;
    let asked = Instant::now();
    let mut bob = gate.asking("bob", "hidden").await;
    bob.expect("-ERR [SYS/TEMP] Mailbox is locked or busy, please wait and try again\r\n")
        .await;
    assert_took(asked, 22.0..=22.0);
    assert_eq!(gate.dials(), 1);
    let again = Instant::now();
    bob.asks_in("bob", "hidden").await;
    bob.expect_prefix("-ERR [SYS/TEMP] Mailbox is locked").await;
    assert_took(again, 0.0..=0.0);
}

#[tokio::test(start_paused = true)]
async fn over_the_limit_of_connections_a_login_gets_in_when_another_session_has_ended() {
    let gate = Gate::with(&limited_to(1)).await;
    let (ann, mut inside) = gate.log_in("ann", "secret").await;
    let mut bob = gate.asking("bob", "hidden").await;
    bob.expect_silence(seconds(10.0)).await;
    ann.close();
    inside.expect_eof().await;
    bob.expect_silence(seconds(1.0)).await;
    assert_eq!(gate.dials(), 1);
    inside.close();
    gate.dialed().await.lets_in("bob", "hidden").await;
    bob.expect("+OK bob, come in\r\n").await;
}

fn limited_to(connections: usize) -> String {
    format!(
        "[[backend]]\nname = \"legacy\"\naddress = \"10.0.0.5:110\"\n\
         connections = {connections}\n[defaults]\ncleartext = \"always\"\n"
    )
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_leaves_is_out_at_once_and_nothing_of_it_reaches_the_backend() {
    let gate = Gate::classic().await;
    let mut scene = Scene::of(&gate).await;
    let left = Instant::now();
    scene.waiter.close();
    gate.told(
        |event| matches!(event, Event::Lock(LockEvent::Outcome { outcome, .. }) if *outcome == LockOutcome::ClientGone),
    )
    .await;
    assert_took(left, 0.0..=0.1);
    scene.spare.expect_eof().await;
    assert_eq!(gate.only_end_of("client 3").await.end(), End::LeftWaiting);
    scene.holder.send("NOOP\r\n").await;
    scene.inside.expect("NOOP\r\n").await;
}
