//! What else there is of a gate goes on as ever: kicks, stops, reloads, quotas, addresses, and
//! servers of which nothing is known.

use super::{BACKEND, let_in, list, pass, promotes, promotion, quit, sees, sharing, shown};
use crate::support::{Gate, Wire, assert_took};
use popgate::gate::Stage;
use popgate::observe::event::{End, Event, PollDecision, RuleEvent, SharingEvent};
use popgate::policy::sharing::{BackendProof, LetInReason, PromotionOutcome};
use popgate::time::{Duration, Instant};
use tokio::time::advance;

async fn viewing(gate: &Gate) -> Wire {
    quit(shown(gate, &["a"]).await).await;
    let mut client = gate.asking("ann", "secret").await;
    client.expect_prefix("+OK").await;
    client
}

#[tokio::test(start_paused = true)]
async fn a_kick_ends_it_and_one_behind_quit_does_not() {
    let gate = sharing("demotion = false").await;
    let mut client = viewing(&gate).await;
    let id = gate.session(&client).await;
    gate.cx.sessions.kick(id, None);
    client.expect_eof().await;

    let mut client = gate.asking("ann", "secret").await;
    client.expect_prefix("+OK").await;
    client.send("DELE 1\r\nQUIT\r\n").await;
    let mut backend = gate.dialed().await;
    let id = gate.session(&client).await;
    gate.cx.sessions.kick(id, None);
    backend.lets_in("ann", "secret").await;
    backend.expect("STAT\r\nLIST\r\nUIDL\r\n").await;
    backend
        .send("+OK 1 9\r\n+OK\r\n1 9\r\n.\r\n+OK\r\n1 a\r\n.\r\n")
        .await;
    backend.expect("DELE 1\r\n").await;
    backend.send("+OK\r\n").await;
    backend.expect("QUIT\r\n").await;
    backend.send("+OK\r\n").await;
    client.expect("+OK\r\n+OK\r\n").await;
    backend.close();
    assert_eq!(promotion(&gate, 0).await, PromotionOutcome::Promoted);
}

#[tokio::test(start_paused = true)]
async fn a_waiter_is_told_an_error_where_a_stop_would_end_its_session_at_once() {
    let gate = sharing("demotion = false, let_in = false").await;
    quit(shown(&gate, &["a"]).await).await;
    let mut holder = shown(&gate, &["a"]).await;
    let mut waiter = gate.asking("ann", "secret").await;
    gate.queued(&waiter).await;
    gate.stage.send_replace(Stage::Draining);
    // It is in the middle of a message, and is not cut.
    holder.0.send("RETR 1\r\n").await;
    holder.1.expect("RETR 1\r\n").await;
    holder.1.send("+OK\r\nhalf\r\n").await;
    waiter.expect_prefix("-ERR [IN-USE]").await;
}

#[tokio::test(start_paused = true)]
async fn what_stands_on_a_listing_does_so_to_its_end_though_a_reload_forbids_it() {
    let gate = sharing("demotion = false").await;
    let mut client = viewing(&gate).await;
    gate.reload(&format!("{BACKEND}[defaults]\ncleartext = \"always\"\n"));
    sees(&mut client, &["a"]).await;
    client.send("RETR 1\r\n").await;
    let mut backend = promotes(&gate, &["a"]).await;
    backend.expect("RETR 1\r\n").await;
    backend.send("+OK\r\nhello\r\n.\r\n").await;
    client.expect("+OK\r\nhello\r\n.\r\n").await;
    quit((client, backend)).await;
    // Nobody else is let in.
    let mut next = gate.asking("ann", "secret").await;
    let mut backend = gate.dialed().await;
    backend.lets_in("ann", "secret").await;
    next.expect_prefix("+OK").await;
    quit((next, backend)).await;
}

/// The decision on the poll after `skip` others.
async fn decision(gate: &Gate, skip: usize) -> PollDecision {
    let is_told = |event: &Event| matches!(event, Event::Rule(RuleEvent::PollDecided { .. }));
    match gate.told_nth(skip, is_told).await {
        Event::Rule(RuleEvent::PollDecided { decision, .. }) => decision,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn polls_that_come_too_early_are_absorbed_and_charged_nothing() {
    let settings = "[defaults]\ncleartext = \"always\"\nsharing = { mode = \"on\", demotion = false }\n\
        fresh = \"20s\"\n\
        polls = { enforce = \"absorb\", every = \"60s\", burst = 1, per_client = { every = \"60s\", burst = 1 } }\n";
    let gate = Gate::strict(&[BACKEND, settings].concat()).await;
    quit(shown(&gate, &["a"]).await).await;
    advance(Duration::from_secs(21)).await;
    quit(shown(&gate, &["a"]).await).await;
    // Two logins within seconds are a program and its scanner.
    advance(Duration::from_secs(10)).await;
    for skip in 0..3 {
        let start = Instant::now();
        let mut client = gate.asking("ann", "secret").await;
        client.expect_prefix("+OK").await;
        assert_took(start, 0.0..=0.5);
        assert_eq!(let_in(&gate, skip).await, LetInReason::Absorbed);
        assert_eq!(decision(&gate, 2 + skip).await, PollDecision::Absorbed);
        client.send("QUIT\r\n").await;
        client.expect_prefix("+OK").await;
    }
    // The password is older than `fresh`: it is held as with "delay".
    advance(Duration::from_secs(21)).await;
    let mut client = gate.asking("ann", "secret").await;
    client.expect_silence(Duration::from_secs(4)).await;
    assert_eq!(decision(&gate, 5).await, PollDecision::Delayed);
    let mut backend = gate.dialed().await;
    backend.lets_in("ann", "secret").await;
    client.expect_prefix("+OK").await;
    let mut both = (client, backend);
    list(&mut both, &["a"]).await;
    quit(both).await;
}

/// A login from this address, at a backend that is told it and answers so.
async fn asks_from(gate: &Gate, from: &str, answer: &str) -> (Wire, Wire) {
    let client = gate.visitor().from(from).asking("ann", "secret").await;
    let mut backend = gate.dialed().await;
    backend.greets().await;
    backend.expect(format!("XOIP {from}\r\n")).await;
    backend.send("+OK\r\n").await;
    backend.answers_password("ann", "secret", answer).await;
    (client, backend)
}

async fn lists_from(gate: &Gate, from: &str) {
    let mut both = asks_from(gate, from, "+OK in").await;
    both.0.expect_prefix("+OK").await;
    list(&mut both, &["a"]).await;
    quit(both).await;
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_is_told_addresses_may_answer_by_them() {
    let backend = BACKEND.replace("shareable", "xoip = true\nshareable");
    let settings = "[defaults]\ncleartext = \"always\"\nsharing = \"on\"\n";
    let gate = Gate::with(&[&backend, settings].concat()).await;
    lists_from(&gate, "192.0.2.7").await;
    lists_from(&gate, "192.0.2.8").await;
    let mut client = gate
        .visitor()
        .from("192.0.2.8")
        .asking("ann", "secret")
        .await;
    client.expect_prefix("+OK").await;
    sees(&mut client, &["a"]).await;
    assert_eq!(gate.dials(), 2);
    // What it refuses at one address ends no session of another.
    let (mut refused, backend) =
        asks_from(&gate, "198.51.100.7", "-ERR [AUTH] not from there").await;
    refused.expect_prefix("-ERR").await;
    backend.close();
    sees(&mut client, &["a"]).await;
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_but_noop_is_idle() {
    let gate = sharing("demotion = false").await;
    let mut client = viewing(&gate).await;
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(590) {
        advance(Duration::from_secs(50)).await;
        client.send("NOOP\r\n").await;
        client.expect("+OK\r\n").await;
    }
    client.expect_eof().await;
    assert_took(start, 599.0..=601.0);
    let is_ended = |event: &Event| matches!(event, Event::SessionEnded(_));
    match gate.told_nth(1, is_ended).await {
        Event::SessionEnded(summary) => assert_eq!(summary.end(), End::TimedOut),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_of_which_nothing_is_known_is_measured_until_it_has_shown_enough() {
    let backend = BACKEND.replace("shareable = true", "shareable = \"ask\"");
    let settings = "[defaults]\ncleartext = \"always\"\nsharing = \"on\"\n";
    let gate = Gate::with(&[&backend, settings].concat()).await;
    quit(shown(&gate, &["a"]).await).await;
    // New mail, and a close without QUIT.
    let (client, mut backend) = shown(&gate, &["a", "b"]).await;
    client.close();
    backend.expect_eof().await;
    backend.close();
    assert_eq!(gate.dials(), 2);
    // It has the same ids, and the lock was free at once.
    quit(shown(&gate, &["a", "b"]).await).await;
    let is_proven = |event: &Event| match event {
        Event::Sharing(SharingEvent::Proven { seen, .. }) => seen.verdict() == BackendProof::Given,
        _ => false,
    };
    gate.told(is_proven).await;
    let mut client = gate.asking("ann", "secret").await;
    client.expect_prefix("+OK").await;
    sees(&mut client, &["a", "b"]).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_behind_which_the_connection_ends_arrives() {
    let gate = sharing("demotion = false").await;
    let mut client = viewing(&gate).await;
    client.send("UIDL 1\r\nRETR 1\r\nNOOP\r\n").await;
    let mut backend = promotes(&gate, &[]).await;
    backend.expect_eof().await;
    backend.close();
    client.expect("+OK 1 a\r\n").await;
    client.expect_eof().await;
    let mut both = shown(&gate, &["b"]).await;
    pass(&mut both, "NOOP", "+OK\r\n").await;
    quit(both).await;
}
