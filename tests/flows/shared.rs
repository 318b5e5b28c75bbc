//! `sharing = "on"`: sessions that stand on a listing of their maildrop, and hold no lock.

mod demotion;
mod end_of_wait;
mod fairness;
mod let_in;
mod others;
mod promotion;
mod rest;

use crate::support::{Gate, Wire};
use popgate::observe::event::{Event, SharingEvent};
use popgate::policy::sharing::{LetInReason, PromotionOutcome};

/// It connects when it has the lock.
const BACKEND: &str = r#"[[backend]]
name = "legacy"
address = "10.0.0.5:110"
preconnect = false
shareable = true
"#;

/// A gate that shares in these ways.
async fn sharing(ways: &str) -> Gate {
    Gate::with(&settings(ways)).await
}

fn settings(ways: &str) -> String {
    let defaults = "[defaults]\ncleartext = \"always\"\n";
    let ways = format!("sharing = {{ mode = \"on\", {ways} }}\n");
    [BACKEND, defaults, &ways].concat()
}

/// A login that the backend lets in, and what it was shown of these messages.
async fn shown(gate: &Gate, ids: &[&str]) -> (Wire, Wire) {
    let mut both = gate.log_in("ann", "secret").await;
    list(&mut both, ids).await;
    both
}

/// Its client asks STAT, LIST and UIDL.
async fn list(both: &mut (Wire, Wire), ids: &[&str]) {
    pass(both, "STAT", &stat(ids)).await;
    pass(both, "LIST", &sizes(ids)).await;
    pass(both, "UIDL", &names(ids)).await;
}

/// Its client asks them, and popgate answers.
async fn sees(client: &mut Wire, ids: &[&str]) {
    client.send("STAT\r\nLIST\r\nUIDL\r\n").await;
    client.expect(stat(ids)).await;
    for (body, of) in [(sizes(ids), "LIST"), (names(ids), "UIDL")] {
        let answer = client.expect_prefix("+OK").await;
        let (_, lines) = body
            .split_once("\r\n")
            .unwrap_or_else(|| panic!("{of} {answer}"));
        client.expect(lines).await;
    }
}

fn stat(ids: &[&str]) -> String {
    format!("+OK {} {}\r\n", ids.len(), 9 * ids.len())
}

fn sizes(ids: &[&str]) -> String {
    let sizes: String = (1..=ids.len()).map(|n| format!("{n} 9\r\n")).collect();
    format!("+OK\r\n{sizes}.\r\n")
}

fn names(ids: &[&str]) -> String {
    let names = ids.iter().zip(1..);
    let names: String = names.map(|(id, n)| format!("{n} {id}\r\n")).collect();
    format!("+OK\r\n{names}.\r\n")
}

async fn pass((client, backend): &mut (Wire, Wire), command: &str, answer: &str) {
    client.send(format!("{command}\r\n")).await;
    backend.expect(format!("{command}\r\n")).await;
    backend.send(answer).await;
    client.expect(answer).await;
}

async fn quit(mut both: (Wire, Wire)) {
    pass(&mut both, "QUIT", "+OK\r\n").await;
    let (mut client, backend) = both;
    backend.close();
    client.expect_eof().await;
}

/// A session that lists these messages, and deletes the first one.
async fn deletes(gate: &Gate, ids: &[&str]) {
    let mut both = shown(gate, ids).await;
    pass(&mut both, "DELE 1", "+OK\r\n").await;
    quit(both).await;
}

/// The backend lets popgate in again, and lists these messages to it.
async fn promotes(gate: &Gate, ids: &[&str]) -> Wire {
    let mut backend = gate.dialed().await;
    promotes_at(&mut backend, ids).await;
    backend
}

/// The same on this connection.
async fn promotes_at(backend: &mut Wire, ids: &[&str]) {
    backend.lets_in("ann", "secret").await;
    backend.expect("STAT\r\nLIST\r\nUIDL\r\n").await;
    backend
        .send([stat(ids), sizes(ids), names(ids)].concat())
        .await;
}

/// Why popgate has let in the login that comes behind so many others.
pub(crate) async fn let_in(gate: &Gate, skip: usize) -> LetInReason {
    let is_let_in = |event: &Event| matches!(event, Event::Sharing(SharingEvent::LetIn { .. }));
    match gate.told_nth(skip, is_let_in).await {
        Event::Sharing(SharingEvent::LetIn { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

async fn promotion(gate: &Gate, skip: usize) -> PromotionOutcome {
    let is_told = |event: &Event| matches!(event, Event::Sharing(SharingEvent::Promoted { .. }));
    match gate.told_nth(skip, is_told).await {
        Event::Sharing(SharingEvent::Promoted { outcome, .. }) => outcome,
        other => panic!("{other:?}"),
    }
}
