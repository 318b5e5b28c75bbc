//! The configuration is changed while somebody waits or is logged in.

use crate::support::{Gate, Wire, assert_took, seconds};
use popgate::observe::event::{Event, LockEvent, LockOutcome};
use popgate::time::Instant;

const BUSY: &str = "-ERR [SYS/TEMP] Mailbox is locked or busy, please wait and try again\r\n";

fn with_wait(wait: &str) -> String {
    format!("[defaults]\ncleartext = \"always\"\nwait = \"{wait}\"\n")
}

/// A holder that has something to do: it would be pre-empted else.
async fn busy_holder(gate: &Gate) -> (Wire, Wire) {
    let (mut holder, mut backend) = gate.log_in("ann", "secret").await;
    holder.send("RETR 1\r\n").await;
    backend.expect("RETR 1\r\n").await;
    (holder, backend)
}

#[tokio::test(start_paused = true)]
async fn who_waits_has_the_new_wait_from_its_own_start() {
    for (wait, end) in [("10s", 7.0), ("45s", 42.0), ("6s", 5.0)] {
        let gate = Gate::classic().await;
        let (_holder, _backend) = busy_holder(&gate).await;
        let mut waiter = gate.asking("ann", "guess").await;
        let start = Instant::now();
        waiter.expect_silence(seconds(5.0)).await;
        gate.reload(&with_wait(wait));
        waiter.expect(BUSY).await;
        assert_took(start, end..=end);
    }
}

#[tokio::test(start_paused = true)]
async fn each_reload_counts_and_the_place_in_the_queue_stays() {
    let gate = Gate::classic().await;
    let (holder, backend) = busy_holder(&gate).await;
    let mut first = gate.asking("ann", "secret").await;
    let mut spare = gate.dialed().await;
    spare.greets().await;
    let mut second = gate.asking("ann", "secret").await;
    for wait in ["50s", "40s", "55s"] {
        first.expect_silence(seconds(10.0)).await;
        gate.reload(&with_wait(wait));
    }
    drop((holder, backend));
    spare.answers_password("ann", "secret", "+OK first").await;
    first.expect("+OK first\r\n").await;
    second.expect_silence(seconds(1.0)).await;
}

#[tokio::test(start_paused = true)]
async fn a_reload_between_two_logins_counts_for_the_second() {
    let gate = Gate::classic().await;
    let (_holder, _backend) = busy_holder(&gate).await;
    let mut waiter = gate.greeted().await;
    gate.reload(&with_wait("10s"));
    waiter.asks_in("ann", "guess").await;
    let start = Instant::now();
    waiter.expect(BUSY).await;
    assert_took(start, 7.0..=7.0);
}

#[tokio::test(start_paused = true)]
async fn an_open_session_notices_nothing() {
    let gate = Gate::classic().await;
    let (mut client, mut backend) = gate.log_in("ann", "secret").await;
    gate.reload("[defaults]\ncleartext = \"never\"\nidle_timeout = \"60s\"\n");
    client.expect_silence(seconds(300.0)).await;
    client.send("NOOP\r\n").await;
    backend.expect("NOOP\r\n").await;
    backend.send("+OK\r\n").await;
    client.expect("+OK\r\n").await;
}

fn on(backend: &str) -> String {
    format!(
        r#"
        [[backend]]
        name = "old"
        address = "10.0.0.5:110"
        [[backend]]
        name = "new"
        address = "10.0.0.6:110"
        [defaults]
        backend = "{backend}"
        cleartext = "always"
        wait = "50s"
        "#
    )
}

/// It holds the lock of its maildrop on the old backend, and would hold none on the new one.
#[tokio::test(start_paused = true)]
async fn who_waits_while_its_tenant_moves_to_another_backend_goes_where_it_waits() {
    let gate = Gate::with(&on("old")).await;
    let mut holder = gate.asking("ann", "secret").await;
    let mut backend = gate.dialed_at("old").await;
    backend.lets_in("ann", "secret").await;
    holder.expect("+OK ann, come in\r\n").await;
    let mut waiter = gate.asking("ann", "secret").await;
    let mut spare = gate.dialed_at("old").await;
    spare.greets().await;
    waiter.expect_silence(seconds(1.0)).await;
    gate.reload(&on("new"));

    let mut newcomer = gate.asking("ann", "secret").await;
    let mut elsewhere = gate.dialed_at("new").await;
    elsewhere.lets_in("ann", "secret").await;
    newcomer.expect("+OK ann, come in\r\n").await;

    drop((holder, backend));
    spare.answers_password("ann", "secret", "+OK here").await;
    waiter.expect("+OK here\r\n").await;
    let waited = |event: &Event| {
        let waited = LockOutcome::Waited;
        matches!(event, Event::Lock(LockEvent::Outcome { outcome, .. }) if *outcome == waited)
    };
    assert_eq!(gate.events.count(waited), 1);
}
