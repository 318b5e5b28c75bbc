//! A maildrop in use: the next login waits, gets in when the backend has let go, and may leave.

use crate::support::{Gate, Wire, assert_took, seconds};
use popgate::lock::queue::Lane;
use popgate::observe::event::{End, Event, LockEvent, LockOutcome};
use popgate::time::Instant;

/// The holder says QUIT, and the backend ends the session.
async fn quits(client: &mut Wire, mut backend: Wire) {
    client.send("QUIT\r\n").await;
    backend.expect("QUIT\r\n").await;
    backend.send("+OK bye\r\n").await;
    client.expect("+OK bye\r\n").await;
    backend.close();
}

fn left_the_queue(event: &Event) -> bool {
    let gone = LockOutcome::ClientGone;
    matches!(event, Event::Lock(LockEvent::Outcome { outcome, .. }) if *outcome == gone)
}

#[tokio::test(start_paused = true)]
async fn the_second_login_waits_until_the_backend_has_ended_the_first() {
    let gate = Gate::classic().await;
    let (mut phone, mut backend) = gate.log_in("ann", "secret").await;
    let mut pc = gate.asking("ann", "secret").await;
    let mut next = gate.dialed().await;
    next.greets().await;
    pc.expect_silence(seconds(5.0)).await;
    phone.send("QUIT\r\n").await;
    backend.expect("QUIT\r\n").await;
    backend.send("+OK bye\r\n").await;
    phone.expect("+OK bye\r\n").await;
    // The first session has its answer, but the lock is the backend's until its end.
    next.expect_silence(seconds(0.9)).await;
    backend.close();
    next.answers_password("ann", "secret", "+OK come in").await;
    pc.expect("+OK come in\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn what_is_locked_and_who_waits_is_seen() {
    let gate = Gate::classic().await;
    gate.prove("ann", "secret").await;
    let (mut holder, inside) = gate.log_in("ann", "secret").await;
    let since = Instant::now();
    holder.expect_silence(seconds(1.0)).await;
    let stranger = gate.waiter("ann", "guess").await;
    let mut waiter = gate.waiter("ann", "secret").await;
    let seen = gate.cx.locks.snapshot(100);
    assert_eq!((seen.locks.len(), seen.left_out), (1, 0));
    let lock = &seen.locks[0];
    assert_eq!(lock.key.to_string(), "ann");
    assert_eq!(lock.home.as_ref().expect("a home").as_str(), "legacy");
    let seen_holder = lock.holder.as_ref().expect("a holder");
    assert_eq!(seen_holder.claimant.session, gate.session(&holder).await);
    assert_eq!(seen_holder.claimant.client, holder.address);
    assert_eq!(seen_holder.claimant.tenant.as_str(), "default");
    assert_eq!((seen_holder.lane, seen_holder.since), (Lane::Main, since));
    for (wire, lane, seen) in [
        (&waiter, Lane::Main, &lock.waiters[0]),
        (&stranger, Lane::Unproven, &lock.waiters[1]),
    ] {
        assert_eq!(seen.claimant.session, gate.session(wire).await);
        assert_eq!((seen.lane, seen.since), (lane, since + seconds(1.0)));
        // The default `wait` less the default `login_reserve`.
        assert_eq!(seen.until, seen.since + seconds(22.0));
    }
    let mut next = gate.dialed().await;
    next.greets().await;
    quits(&mut holder, inside).await;
    next.answers_password("ann", "secret", "+OK come in").await;
    waiter.expect("+OK come in\r\n").await;
    let after = gate.cx.locks.view(&lock.key).expect("it is in use");
    assert_eq!(
        after.holder.expect("a holder").claimant.client,
        waiter.address
    );
    assert_eq!(after.waiters.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn first_come_is_first_served() {
    let gate = Gate::classic().await;
    let (mut holder, mut backend) = gate.log_in("ann", "secret").await;
    let mut queue = Vec::new();
    for _ in 0..4 {
        let client = gate.asking("ann", "secret").await;
        gate.queued(&client).await;
        queue.push(client);
    }
    for mut client in queue {
        let mut next = gate.dialed().await;
        next.greets().await;
        quits(&mut holder, backend).await;
        next.answers_password("ann", "secret", "+OK your turn")
            .await;
        client.expect("+OK your turn\r\n").await;
        (holder, backend) = (client, next);
    }
    assert_eq!(gate.dials(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_newcomer_does_not_get_in_before_who_waits() {
    let gate = Gate::classic().await;
    let (mut holder, backend) = gate.log_in("ann", "secret").await;
    let mut waiter = gate.asking("ann", "secret").await;
    let mut next = gate.dialed().await;
    next.greets().await;
    quits(&mut holder, backend).await;
    let mut newcomer = gate.asking("ann", "secret").await;
    next.answers_password("ann", "secret", "+OK first").await;
    waiter.expect("+OK first\r\n").await;
    newcomer.expect_silence(seconds(1.0)).await;
}

#[tokio::test(start_paused = true)]
async fn another_maildrop_does_not_wait() {
    let gate = Gate::classic().await;
    let (_ann, _backend) = gate.log_in("ann", "secret").await;
    let start = Instant::now();
    gate.log_in("bob", "secret").await;
    assert_took(start, 0.0..=0.0);
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_leaves_is_out_at_once_and_nothing_of_it_reaches_the_backend() {
    let gate = Gate::classic().await;
    let (mut holder, mut backend) = gate.log_in("ann", "secret").await;
    let mut waiter = gate.asking("ann", "secret").await;
    let mut next = gate.dialed().await;
    next.greets().await;
    waiter.send("STAT\r\nQUI").await;
    let start = Instant::now();
    waiter.close();
    gate.told(left_the_queue).await;
    assert_took(start, 0.0..=0.1);
    assert_eq!(gate.end_of("client 2").await.end(), End::LeftWaiting);
    next.expect_eof().await;
    assert_eq!(next.heard(), "");
    // The holder notices nothing.
    holder.send("NOOP\r\n").await;
    backend.expect("NOOP\r\n").await;
    backend.send("+OK\r\n").await;
    holder.expect("+OK\r\n").await;
    quits(&mut holder, backend).await;
    assert_eq!(gate.dials(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_unproven_waiter_that_leaves_never_reaches_the_backend() {
    let gate = Gate::classic().await;
    let (mut holder, backend) = gate.log_in("ann", "secret").await;
    let stranger = gate.asking("ann", "guess").await;
    gate.queued(&stranger).await;
    stranger.close();
    gate.told(left_the_queue).await;
    quits(&mut holder, backend).await;
    gate.log_in("ann", "secret").await;
    assert_eq!(gate.dials(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_next_waiter_takes_over_the_connection_of_one_that_left() {
    let gate = Gate::classic().await;
    let (mut holder, backend) = gate.log_in("ann", "secret").await;
    let first = gate.asking("ann", "secret").await;
    let mut next = gate.dialed().await;
    next.greets().await;
    let mut second = gate.asking("ann", "secret").await;
    gate.queued(&second).await;
    first.close();
    gate.told(left_the_queue).await;
    quits(&mut holder, backend).await;
    next.answers_password("ann", "secret", "+OK come in").await;
    second.expect("+OK come in\r\n").await;
    assert_eq!(gate.dials(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_has_sent_quit_has_not_left() {
    let gate = Gate::classic().await;
    let (mut holder, backend) = gate.log_in("ann", "secret").await;
    let mut waiter = gate.greeted().await;
    waiter
        .send("USER ann\r\nPASS secret\r\nDELE 1\r\nQUIT\r\n")
        .await;
    let mut next = gate.dialed().await;
    next.greets().await;
    waiter.close();
    next.expect_silence(seconds(5.0)).await;
    quits(&mut holder, backend).await;
    next.answers_password("ann", "secret", "+OK come in").await;
    next.expect("DELE 1\r\nQUIT\r\n").await;
    next.send("+OK deleted\r\n+OK bye\r\n").await;
    next.expect_eof().await;
    next.close();
    let summary = gate.end_of("client 2").await;
    assert_eq!((summary.end(), summary.deleted), (End::Quit, 1));
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_shuts_its_side_without_quit_has_left() {
    let gate = Gate::classic().await;
    let (_holder, _backend) = gate.log_in("ann", "secret").await;
    let mut waiter = gate.asking("ann", "secret").await;
    gate.queued(&waiter).await;
    waiter.send("STAT\r\n").await;
    waiter.half_close().await;
    gate.told(left_the_queue).await;
    waiter.expect_eof().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_waiter_sends_ahead_is_executed_after_its_login() {
    let gate = Gate::classic().await;
    let (mut holder, backend) = gate.log_in("ann", "secret").await;
    let mut waiter = gate.asking("ann", "secret").await;
    let mut next = gate.dialed().await;
    next.greets().await;
    waiter.send("STAT\r\n").await;
    next.expect_silence(seconds(2.0)).await;
    waiter.send("UIDL\r\n").await;
    quits(&mut holder, backend).await;
    next.answers_password("ann", "secret", "+OK come in").await;
    next.expect("STAT\r\nUIDL\r\n").await;
    waiter.expect("+OK come in\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn a_waiter_may_send_more_ahead_than_is_kept_for_it() {
    const COMMANDS: usize = 5_000;
    let gate = Gate::classic().await;
    let (mut holder, backend) = gate.log_in("ann", "secret").await;
    let mut waiter = gate.asking("ann", "secret").await;
    let mut next = gate.dialed().await;
    next.greets().await;
    waiter.send("NOOP\r\n".repeat(COMMANDS)).await;
    waiter.expect_silence(seconds(5.0)).await;
    quits(&mut holder, backend).await;
    next.answers_password("ann", "secret", "+OK come in").await;
    waiter.expect("+OK come in\r\n").await;
    for _ in 0..COMMANDS {
        next.expect("NOOP\r\n").await;
        next.send("+OK\r\n").await;
        waiter.expect("+OK\r\n").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_login_gives_the_lock_on_before_its_client_does_anything() {
    let gate = Gate::classic().await;
    // It does not even take its answer.
    let mut first = gate.visitor().takes(4).asking("ann", "mistyped").await;
    let mut backend = gate.dialed().await;
    let mut second = gate.asking("ann", "secret").await;
    gate.queued(&second).await;
    backend
        .answers_login("ann", "mistyped", "-ERR [AUTH] no")
        .await;
    backend.expect_eof().await;
    backend.close();
    gate.dialed().await.lets_in("ann", "secret").await;
    second.expect("+OK ann, come in\r\n").await;
    first.expect("-ERR [AUTH] no\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_during_its_login_takes_it_along() {
    let gate = Gate::classic().await;
    let client = gate.asking("ann", "secret").await;
    let mut backend = gate.dialed().await;
    backend.greets().await;
    backend.expect("USER ann\r\nPASS secret\r\n").await;
    let mut second = gate.asking("ann", "secret").await;
    gate.queued(&second).await;
    client.close();
    backend.expect_eof().await;
    assert_eq!(gate.end_of("client 1").await.end(), End::LeftWaiting);
    // The backend may still be about to let the first one in.
    second.expect_silence(seconds(1.9)).await;
    assert_eq!(gate.dials(), 1);
    backend.close();
    gate.dialed().await.lets_in("ann", "secret").await;
    second.expect("+OK ann, come in\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn the_time_in_a_queue_does_not_count_against_the_minute_before_login() {
    let gate = Gate::with("[defaults]\ncleartext = \"always\"\nwait = \"55s\"\n").await;
    let (mut holder, backend) = gate.log_in("ann", "secret").await;
    let mut waiter = gate.greeted().await;
    waiter.expect_silence(seconds(15.0)).await;
    waiter.asks_in("ann", "mistyped").await;
    waiter.expect_silence(seconds(50.0)).await;
    quits(&mut holder, backend).await;
    let mut next = gate.dialed().await;
    next.answers_login("ann", "mistyped", "-ERR [AUTH] no")
        .await;
    waiter.expect("-ERR [AUTH] no\r\n").await;
    next.close();
    waiter.expect_silence(seconds(40.0)).await;
    waiter.asks_in("ann", "secret").await;
    gate.dialed().await.lets_in("ann", "secret").await;
    waiter.expect("+OK ann, come in\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_has_left_when_its_turn_comes_sends_nothing_to_the_backend() {
    for _ in 0..20 {
        let gate = Gate::classic().await;
        let (mut holder, backend) = gate.log_in("ann", "secret").await;
        let waiter = gate.asking("ann", "secret").await;
        let mut next = gate.dialed().await;
        next.greets().await;
        quits(&mut holder, backend).await;
        // Before anybody has looked at either.
        waiter.close();
        next.expect_eof().await;
        assert_eq!(next.heard(), "");
        assert_eq!(gate.end_of("client 2").await.end(), End::LeftWaiting);
    }
}

/// As a real gate may learn it: the kernel knows of both ends, and tokio of one. In memory it knows
/// of all.
#[tokio::test]
async fn a_waiter_that_has_left_unheard_when_its_turn_comes_sends_nothing_to_the_backend() {
    for _ in 0..20 {
        let gate = Gate::classic().await;
        let (mut holder, backend) = gate.log_in("ann", "secret").await;
        let mut waiter = gate.visitor().connect_over_tcp().await;
        waiter.expect_prefix("+OK").await;
        waiter.asks_in("ann", "secret").await;
        let mut next = gate.dialed().await;
        next.greets().await;
        quits(&mut holder, backend).await;
        waiter.half_closes_unheard().await;
        next.expect_eof().await;
        assert_eq!(next.heard(), "");
        assert_eq!(gate.end_of("client 2").await.end(), End::LeftWaiting);
    }
}
