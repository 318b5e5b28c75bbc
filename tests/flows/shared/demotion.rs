//! An idle holder goes back to its listing where another login waits.

use super::{list, pass, promotes, quit, sees, sharing, shown};
use crate::support::{Gate, Wire, assert_took, seconds};
use popgate::observe::event::{Event, SharingEvent};
use popgate::time::{Duration, Instant};
use std::sync::atomic::Ordering;
use tokio::time::advance;

#[tokio::test(start_paused = true)]
async fn a_phone_that_stays_logged_in_keeps_nobody_out() {
    let gate = sharing("let_in = false").await;
    let (mut phone, mut behind_phone) = shown(&gate, &["a"]).await;
    let start = Instant::now();
    let pc = gate.asking("ann", "secret").await;
    behind_phone.expect_eof().await;
    behind_phone.close();
    let pc = gets_in(&gate, pc).await;
    assert_took(start, 5.0..=6.5);
    assert!(!demoted(&gate, 0).await);
    // The phone has noticed nothing.
    sees(&mut phone, &["a"]).await;
    list_and_quit(pc).await;
    quit(fetches(&gate, phone).await).await;
}

/// The login that waits has its turn, and the backend lets it in.
async fn gets_in(gate: &Gate, mut client: Wire) -> (Wire, Wire) {
    let mut backend = gate.dialed().await;
    backend.lets_in("ann", "secret").await;
    client.expect_prefix("+OK").await;
    (client, backend)
}

/// From its listing, for which it is promoted.
async fn fetches(gate: &Gate, mut client: Wire) -> (Wire, Wire) {
    client.send("RETR 1\r\n").await;
    let mut backend = promotes(gate, &["a"]).await;
    backend.expect("RETR 1\r\n").await;
    backend.send("+OK\r\nhello\r\n.\r\n").await;
    client.expect("+OK\r\nhello\r\n.\r\n").await;
    (client, backend)
}

async fn list_and_quit(mut both: (Wire, Wire)) {
    list(&mut both, &["a"]).await;
    quit(both).await;
}

/// Whether the session that went back had fetched messages.
async fn demoted(gate: &Gate, skip: usize) -> bool {
    let is_told = |event: &Event| matches!(event, Event::Sharing(SharingEvent::Demoted { .. }));
    match gate.told_nth(skip, is_told).await {
        Event::Sharing(SharingEvent::Demoted { fetched, .. }) => fetched,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn who_has_fetched_goes_back_later_and_only_once() {
    let gate = sharing("let_in = false").await;
    let mut both = shown(&gate, &["a"]).await;
    pass(&mut both, "RETR 1", "+OK\r\nhello\r\n.\r\n").await;
    let (phone, mut behind_phone) = both;
    let start = Instant::now();
    let pc = gate.asking("ann", "secret").await;
    behind_phone.expect_eof().await;
    behind_phone.close();
    let pc = gets_in(&gate, pc).await;
    assert_took(start, 15.0..=16.5);
    assert!(demoted(&gate, 0).await);
    list_and_quit(pc).await;
    let (mut phone, mut backend) = fetches(&gate, phone).await;
    // Now it is closed, as ever.
    let pc = gate.asking("ann", "secret").await;
    phone.expect_eof().await;
    backend.expect_eof().await;
    backend.close();
    let pc = gets_in(&gate, pc).await;
    list_and_quit(pc).await;
}

#[tokio::test(start_paused = true)]
async fn a_session_with_a_mark_is_not_sent_back() {
    let gate = sharing("let_in = false, end_of_wait = false").await;
    let mut both = shown(&gate, &["a"]).await;
    pass(&mut both, "DELE 1", "+OK\r\n").await;
    let mut pc = gate.asking("ann", "secret").await;
    pc.expect_prefix("-ERR [IN-USE]").await;
    quit(both).await;
}

#[tokio::test(start_paused = true)]
async fn what_a_client_lists_late_was_not_popgates_own_slow_question() {
    let gate = sharing("let_in = false").await;
    let mut both = gate.log_in("ann", "secret").await;
    pass(&mut both, "STAT", "+OK 1 9\r\n").await;
    both.1.expect("LIST\r\nUIDL\r\n").await;
    both.1.send("+OK\r\n1 9\r\n.\r\n-ERR not now\r\n").await;
    pass(&mut both, "NOOP", "+OK\r\n").await;
    advance(Duration::from_secs(60)).await;
    list(&mut both, &["a"]).await;
    quit(both).await;
    // It asks the next session as before.
    let mut both = gate.log_in("ann", "secret").await;
    pass(&mut both, "STAT", "+OK 1 9\r\n").await;
    both.1.expect("LIST\r\nUIDL\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn where_the_client_asks_for_less_popgate_asks_for_the_rest() {
    let gate = sharing("let_in = false").await;
    let mut both = gate.log_in("ann", "secret").await;
    pass(&mut both, "STAT", "+OK 1 9\r\n").await;
    let (mut phone, mut backend) = both;
    backend.expect("LIST\r\nUIDL\r\n").await;
    backend.send("+OK\r\n1 9\r\n.\r\n+OK\r\n1 a\r\n.\r\n").await;
    let pc = gate.asking("ann", "secret").await;
    backend.expect_eof().await;
    backend.close();
    let pc = gets_in(&gate, pc).await;
    sees(&mut phone, &["a"]).await;
    list_and_quit(pc).await;
}

#[tokio::test(start_paused = true)]
async fn who_is_in_a_maildrop_that_cannot_be_shared_is_closed_as_without_sharing() {
    let gate = sharing("let_in = false").await;
    // Ids that are numbers: after a deletion they name other messages.
    let (mut phone, mut behind_phone) = shown(&gate, &["1"]).await;
    let start = Instant::now();
    let _pc = gate.asking("ann", "secret").await;
    phone.expect_eof().await;
    assert_took(start, 15.0..=16.5);
    behind_phone.expect_eof().await;
}

#[tokio::test(start_paused = true)]
async fn who_has_not_got_all_stays_and_is_looked_at_again() {
    let gate = sharing("let_in = false").await;
    let mut both = shown(&gate, &["a"]).await;
    advance(Duration::from_secs(5)).await;
    // It asks once more, which is no work.
    pass(&mut both, "STAT", "+OK 1 9\r\n").await;
    let (phone, mut behind_phone) = both;
    let on_the_way = |octets| {
        let socket = &phone.socket;
        socket.unacknowledged.store(octets, Ordering::Relaxed);
    };
    on_the_way(1);
    let _pc = gate.asking("ann", "secret").await;
    behind_phone.expect_silence(seconds(8.0)).await;
    on_the_way(0);
    behind_phone.expect_eof().await;
    assert!(!demoted(&gate, 0).await);
}
