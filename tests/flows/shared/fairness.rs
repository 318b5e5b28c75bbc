//! Who has no right password gains nothing: neither a listing nor another's maildrop.

use super::{list, promotes, quit, sees, sharing, shown};
use crate::support::{Gate, Wire};
use popgate::observe::event::{Event, SharingEvent};
use popgate::time::Duration;
use tokio::time::advance;

/// A login that the backend refuses, and that ends then.
async fn guesses(gate: &Gate, password: &str) {
    let mut stranger = gate.asking("ann", password).await;
    let mut backend = gate.dialed().await;
    backend
        .answers_login("ann", password, "-ERR [AUTH] no")
        .await;
    stranger.expect_prefix("-ERR").await;
    stranger.close();
    backend.close();
}

#[tokio::test(start_paused = true)]
async fn a_guess_kills_no_listing_and_ends_no_session_on_it() {
    let gate = sharing("demotion = false").await;
    quit(shown(&gate, &["a"]).await).await;
    let mut viewing = gate.asking("ann", "secret").await;
    viewing.expect_prefix("+OK").await;
    guesses(&gate, "wrong").await;
    sees(&mut viewing, &["a"]).await;
    let mut next = gate.asking("ann", "secret").await;
    next.expect_prefix("+OK").await;
    sees(&mut next, &["a"]).await;
    assert_eq!(gate.dials(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_stranger_that_waits_sends_nobody_back_to_a_listing() {
    let gate = sharing("let_in = false, end_of_wait = false").await;
    let holder = shown(&gate, &["a"]).await;
    let mut stranger = gate.asking("ann", "wrong").await;
    stranger.expect_prefix("-ERR [SYS/TEMP]").await;
    let is_demoted = |event: &Event| matches!(event, Event::Sharing(SharingEvent::Demoted { .. }));
    assert_eq!(gate.events.count(is_demoted), 0);
    quit(holder).await;
}

#[tokio::test(start_paused = true)]
async fn who_wants_a_message_waits_behind_those_that_came_before() {
    let gate = sharing("demotion = false").await;
    quit(shown(&gate, &["a"]).await).await;
    let mut viewing = gate.asking("ann", "secret").await;
    viewing.expect_prefix("+OK").await;
    // The listing is too old for the two that come now.
    advance(Duration::from_secs(61)).await;
    let holder = shown(&gate, &["a"]).await;
    advance(Duration::from_secs(61)).await;
    let mut first = gate.asking("ann", "secret").await;
    gate.queued(&first).await;
    viewing.send("RETR 1\r\n").await;
    quit(holder).await;
    let mut backend = gate.dialed().await;
    backend.lets_in("ann", "secret").await;
    first.expect_prefix("+OK").await;
    viewing.expect_silence(Duration::from_secs(1)).await;
    let mut both = (first, backend);
    list(&mut both, &["a"]).await;
    quit(both).await;
    let backend = promotes(&gate, &["a"]).await;
    fetches(viewing, backend).await;
}

/// The message that it asked for comes from the backend.
async fn fetches(mut client: Wire, mut backend: Wire) {
    backend.expect("RETR 1\r\n").await;
    backend.send("+OK\r\nhello\r\n.\r\n").await;
    client.expect("+OK\r\nhello\r\n.\r\n").await;
    quit((client, backend)).await;
}

#[tokio::test(start_paused = true)]
async fn in_tls_it_is_the_same() {
    let gate = sharing("demotion = false").await;
    quit(shown(&gate, &["a"]).await).await;
    let mut implicit = gate.visitor().at("pop3s").connect().start_tls().await;
    implicit.expect_prefix("+OK").await;
    let mut stls = gate.greeted().await;
    stls.send("STLS\r\n").await;
    stls.expect_prefix("+OK").await;
    for mut client in [implicit, stls.start_tls().await] {
        client.asks_in("ann", "secret").await;
        client.expect_prefix("+OK").await;
        sees(&mut client, &["a"]).await;
        client.send("RETR 1\r\n").await;
        let backend = promotes(&gate, &["a"]).await;
        fetches(client, backend).await;
    }
}
