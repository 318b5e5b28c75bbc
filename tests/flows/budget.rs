//! How long a login waits, and what it hears then.

use crate::support::{Gate, Wire, assert_took, seconds};
use popgate::observe::event::{End, Event, LockEvent, LockOutcome};
use popgate::time::Instant;

const IN_USE: &str = "-ERR [IN-USE] Mailbox is locked by another of your mail programs, \
                      please wait and try again\r\n";
const BUSY: &str = "-ERR [SYS/TEMP] Mailbox is locked or busy, please wait and try again\r\n";

const ONE_CONNECTION: &str = r#"
[defaults]
cleartext = "always"
[[backend]]
name = "legacy"
address = "10.0.0.5:110"
connections = 1
"#;

fn timeout(event: &Event) -> bool {
    let timeout = LockOutcome::Timeout;
    matches!(event, Event::Lock(LockEvent::Outcome { outcome, .. }) if *outcome == timeout)
}

/// A holder that has something to do: it would be pre-empted else.
async fn busy_holder(gate: &Gate) -> (Wire, Wire) {
    let (mut holder, mut backend) = gate.log_in("ann", "secret").await;
    holder.send("RETR 1\r\n").await;
    backend.expect("RETR 1\r\n").await;
    (holder, backend)
}

#[tokio::test(start_paused = true)]
async fn the_proven_hear_after_22_seconds_that_the_mailbox_is_in_use() {
    let gate = Gate::classic().await;
    let (_holder, _backend) = busy_holder(&gate).await;
    let mut waiter = gate.greeted().await;
    // It counts from PASS.
    waiter.expect_silence(seconds(10.0)).await;
    waiter.asks_in("ann", "secret").await;
    let start = Instant::now();
    let mut spare = gate.dialed().await;
    spare.greets().await;
    waiter.expect(IN_USE).await;
    assert_took(start, 22.0..=22.0);
    gate.told(timeout).await;
    spare.expect_eof().await;
    assert_eq!(spare.heard(), "");
}

#[tokio::test(start_paused = true)]
async fn the_unproven_hear_only_that_it_is_locked_or_busy() {
    let gate = Gate::classic().await;
    let (_holder, _backend) = busy_holder(&gate).await;
    let mut waiter = gate.asking("ann", "guess").await;
    let start = Instant::now();
    waiter.expect(BUSY).await;
    assert_took(start, 22.0..=22.0);
    assert_eq!(gate.dials(), 1);
}

#[tokio::test(start_paused = true)]
async fn wait_and_login_reserve_are_settings() {
    let gate = Gate::with(
        r#"
        [defaults]
        cleartext = "always"
        wait = "45s"
        [[backend]]
        name = "legacy"
        address = "10.0.0.5:110"
        login_reserve = "10s"
        "#,
    )
    .await;
    let (_holder, _backend) = busy_holder(&gate).await;
    let start = Instant::now();
    let mut waiter = gate.asking("ann", "guess").await;
    waiter.expect(BUSY).await;
    assert_took(start, 35.0..=35.0);
}

#[tokio::test(start_paused = true)]
async fn after_a_spent_wait_every_attempt_on_that_connection_fails_at_once() {
    let gate = Gate::classic().await;
    let (holder, mut backend) = busy_holder(&gate).await;
    let mut waiter = gate.asking("ann", "guess").await;
    waiter.expect(BUSY).await;
    // Also when the maildrop is free by now: the program has given up on this try.
    holder.close();
    backend.expect_eof().await;
    backend.close();
    gate.told(|event| matches!(event, Event::Lock(LockEvent::Released { .. })))
        .await;
    let start = Instant::now();
    for login in ["USER ann\r\nPASS guess\r\n", "USER bob\r\nPASS other\r\n"] {
        waiter.send(login).await;
        waiter.expect(format!("+OK Send PASS\r\n{BUSY}")).await;
    }
    waiter.send("AUTH PLAIN AGFubgBndWVzcw==\r\n").await;
    waiter.expect(BUSY).await;
    waiter.send("AUTH LOGIN YW5u\r\n").await;
    waiter.expect("+ UGFzc3dvcmQ6\r\n").await;
    waiter.send("Z3Vlc3M=\r\n").await;
    waiter.expect(BUSY).await;
    assert_took(start, 0.0..=0.0);
    assert_eq!(gate.dials(), 1);
    // The connection is open, and a new one starts afresh.
    waiter.send("QUIT\r\n").await;
    waiter.expect("+OK Goodbye\r\n").await;
    gate.log_in("ann", "secret").await;
}

#[tokio::test(start_paused = true)]
async fn a_login_that_has_begun_is_not_cut_by_the_budget() {
    let gate = Gate::classic().await;
    let start = Instant::now();
    let mut client = gate.asking("ann", "secret").await;
    let mut backend = gate.dialed().await;
    backend.greets().await;
    backend.expect("USER ann\r\nPASS secret\r\n").await;
    client.expect_silence(seconds(59.0)).await;
    backend.send("+OK\r\n+OK that took a while\r\n").await;
    client.expect("+OK that took a while\r\n").await;
    assert_took(start, 59.0..=59.0);
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_does_not_answer_a_login_is_given_up_after_login_timeout() {
    let gate = Gate::classic().await;
    let start = Instant::now();
    let mut client = gate.asking("ann", "secret").await;
    let mut backend = gate.dialed().await;
    backend.greets().await;
    client.expect_eof().await;
    assert_took(start, 60.0..=60.0);
    backend.expect("USER ann\r\nPASS secret\r\n").await;
    backend.expect_eof().await;
    let summary = gate.end_of("client 1").await;
    assert_eq!(summary.end(), End::BackendUnreachable);
}

#[tokio::test(start_paused = true)]
async fn no_retry_starts_when_the_budget_is_spent() {
    let gate = Gate::classic().await;
    let mut client = gate.asking("ann", "secret").await;
    let mut backend = gate.dialed().await;
    backend.greets().await;
    backend.expect("USER ann\r\nPASS secret\r\n").await;
    client.expect_silence(seconds(21.9)).await;
    backend.send("+OK\r\n-ERR [IN-USE] locked\r\n").await;
    let start = Instant::now();
    client.expect(BUSY).await;
    assert_took(start, 0.0..=0.0);
    assert_eq!(gate.dials(), 1);
}

#[tokio::test(start_paused = true)]
async fn no_retry_starts_late_because_the_backend_does_not_let_go() {
    let gate = Gate::classic().await;
    let start = Instant::now();
    let mut client = gate.asking("ann", "secret").await;
    let mut backend = gate.dialed().await;
    backend.greets().await;
    backend.expect("USER ann\r\nPASS secret\r\n").await;
    client.expect_silence(seconds(20.5)).await;
    backend.send("+OK\r\n-ERR [IN-USE] locked\r\n").await;
    // The retry is due before 22 s, but the backend keeps its end open until 22.5 s.
    client.expect(BUSY).await;
    assert_took(start, 22.0..=22.5);
    assert_eq!(gate.dials(), 1);
}

#[tokio::test(start_paused = true)]
async fn logins_over_the_backends_connections_wait_like_for_a_lock() {
    let gate = Gate::with(ONE_CONNECTION).await;
    let (bob, mut backend) = gate.log_in("bob", "secret").await;
    let mut ann = gate.asking("ann", "secret").await;
    ann.expect_silence(seconds(10.0)).await;
    assert_eq!(gate.dials(), 1);
    bob.close();
    backend.expect_eof().await;
    backend.close();
    gate.dialed().await.lets_in("ann", "secret").await;
    ann.expect("+OK ann, come in\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn logins_over_the_backends_connections_hear_after_22_seconds_that_it_is_busy() {
    let gate = Gate::with(ONE_CONNECTION).await;
    let (_bob, _backend) = gate.log_in("bob", "secret").await;
    let start = Instant::now();
    let mut ann = gate.asking("ann", "secret").await;
    ann.expect(BUSY).await;
    assert_took(start, 22.0..=22.0);
    assert_eq!(gate.dials(), 1);
}

#[tokio::test(start_paused = true)]
async fn under_a_limit_the_waiters_of_a_maildrop_keep_no_connection_from_others() {
    let gate = Gate::with(ONE_CONNECTION).await;
    let (holder, mut backend) = gate.log_in("ann", "secret").await;
    let mut waiter = gate.asking("ann", "secret").await;
    waiter.expect_silence(seconds(5.0)).await;
    assert_eq!(gate.dials(), 1);
    holder.close();
    backend.expect_eof().await;
    backend.close();
    gate.dialed().await.lets_in("ann", "secret").await;
    waiter.expect("+OK ann, come in\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_takes_connections_and_says_nothing_is_given_up_when_the_wait_ends() {
    let gate = Gate::classic().await;
    let mut client = gate.greeted().await;
    let start = Instant::now();
    client.asks_in("ann", "secret").await;
    let _silent = gate.dialed().await;
    client.expect_eof().await;
    assert_took(start, 25.0..=25.0);
}
