//! A login whose wait is spent is let in on what it was shown last.

use super::{BACKEND, let_in, list, pass, quit, sees, sharing, shown, stat};
use crate::support::{Gate, assert_took};
use popgate::policy::sharing::LetInReason;
use popgate::time::{Duration, Instant};
use tokio::time::advance;

const LAST_RESORT: &str = "demotion = false, let_in = false";

/// A gate whose holders are never cut.
async fn patient() -> Gate {
    let gate = sharing(LAST_RESORT).await;
    gate.reload(&format!(
        "{BACKEND}[defaults]\npreempt_idle = \"off\"\ncleartext = \"always\"\nsharing = {{ mode = \"on\", {LAST_RESORT} }}\n"
    ));
    gate
}

#[tokio::test(start_paused = true)]
async fn who_has_waited_in_vain_sees_the_old_mail_instead_of_an_error() {
    let gate = patient().await;
    quit(shown(&gate, &["a", "b"]).await).await;
    let holder = shown(&gate, &["a", "b"]).await;
    let start = Instant::now();
    let mut waiter = gate.asking("ann", "secret").await;
    waiter.expect_prefix("+OK").await;
    assert_took(start, 22.0..=22.5);
    assert_eq!(let_in(&gate, 0).await, LetInReason::WaitSpent);
    sees(&mut waiter, &["a", "b"]).await;
    waiter
        .send("NOOP\r\nRSET\r\nCAPA\r\nLIST 2\r\nUIDL 3\r\n")
        .await;
    waiter.expect("+OK\r\n+OK\r\n").await;
    waiter.expect_prefix("+OK").await;
    while waiter.read_line().await != "." {}
    waiter.expect("+OK 2 9\r\n").await;
    waiter.expect_prefix("-ERR").await;
    waiter.send("QUIT\r\n").await;
    waiter.expect_prefix("+OK").await;
    waiter.expect_eof().await;
    assert_eq!(gate.dials(), 2);
    quit(holder).await;
}

#[tokio::test(start_paused = true)]
async fn nobody_else_sees_it() {
    let gate = patient().await;
    quit(shown(&gate, &["a"]).await).await;
    let holder = shown(&gate, &["a"]).await;
    for (user, password) in [("ann", "other"), ("Ann", "secret")] {
        let mut waiter = gate.asking(user, password).await;
        waiter.expect_prefix("-ERR [SYS/TEMP]").await;
    }
    quit(holder).await;
}

#[tokio::test(start_paused = true)]
async fn after_an_hour_it_is_an_error_as_ever() {
    let gate = patient().await;
    quit(shown(&gate, &["a"]).await).await;
    advance(Duration::from_secs(3601)).await;
    let holder = gate.asking("ann", "other").await;
    let mut backend = gate.dialed().await;
    backend.lets_in("ann", "other").await;
    let mut holder = (holder, backend);
    holder.0.expect_prefix("+OK").await;
    list(&mut holder, &["a"]).await;
    refused(&gate).await;
    quit(holder).await;
}

async fn refused(gate: &Gate) {
    let mut waiter = gate.asking("ann", "secret").await;
    waiter.expect_prefix("-ERR [IN-USE]").await;
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_lacks_mail_without_a_reason_serves_nobody_before_it_was_seen_twice() {
    let gate = patient().await;
    quit(shown(&gate, &["a", "b"]).await).await;
    let mut holder = shown(&gate, &["b"]).await;
    refused(&gate).await;
    quit(holder).await;
    holder = shown(&gate, &["b"]).await;
    let mut waiter = gate.asking("ann", "secret").await;
    waiter.expect_prefix("+OK").await;
    sees(&mut waiter, &["b"]).await;
    quit(holder).await;
}

#[tokio::test(start_paused = true)]
async fn mail_that_a_session_has_deleted_may_be_missing() {
    let gate = patient().await;
    let mut first = shown(&gate, &["a", "b"]).await;
    pass(&mut first, "DELE 1", "+OK\r\n").await;
    quit(first).await;
    let mut holder = gate.log_in("ann", "secret").await;
    list(&mut holder, &["b"]).await;
    let mut waiter = gate.asking("ann", "secret").await;
    waiter.expect_prefix("+OK").await;
    sees(&mut waiter, &["b"]).await;
    quit(holder).await;
}

#[tokio::test(start_paused = true)]
async fn who_has_seen_more_since_is_not_let_in_on_less() {
    let gate = patient().await;
    quit(shown(&gate, &["a"]).await).await;
    let mut both = gate.log_in("ann", "secret").await;
    pass(&mut both, "STAT", &stat(&["a", "b"])).await;
    pass(&mut both, "RETR 2", "+OK\r\nmail\r\n.\r\n").await;
    quit(both).await;
    let holder = gate.asking("Ann", "secret").await;
    let mut backend = gate.dialed().await;
    backend.lets_in("Ann", "secret").await;
    let mut holder = (holder, backend);
    holder.0.expect_prefix("+OK").await;
    list(&mut holder, &["a", "b"]).await;
    refused(&gate).await;
    quit(holder).await;
}

#[tokio::test(start_paused = true)]
async fn a_session_that_has_got_the_maildrop_and_is_told_nothing_yet_keeps_nobody_from_it() {
    let gate = patient().await;
    quit(shown(&gate, &["a"]).await).await;
    let holder = shown(&gate, &["a"]).await;
    let mut first = gate.asking("ann", "secret").await;
    first.expect_prefix("+OK").await;
    quit(holder).await;
    first.send("RETR 1\r\n").await;
    let mut backend = gate.dialed().await;
    backend.lets_in("ann", "secret").await;
    backend.expect("STAT\r\nLIST\r\nUIDL\r\n").await;
    // It takes its time.
    let mut waiter = gate.asking("ann", "secret").await;
    waiter.expect_prefix("+OK").await;
    sees(&mut waiter, &["a"]).await;
}
