//! When a session is at rest, so that others may be let in beside it: not before its client has all
//! that it was told.

use super::{deletes, quit, sees, sharing, shown};
use crate::support::{Gate, Wire, seconds};
use std::sync::atomic::Ordering;

/// A gate at which sessions have deleted messages, and this one is left.
async fn where_sessions_delete(left: &str) -> Gate {
    let gate = sharing("demotion = false, end_of_wait = false").await;
    deletes(&gate, &["a", left]).await;
    gate
}

/// Octets of what this client was told are on their way.
fn on_the_way_to(client: &Wire, octets: usize) {
    client
        .socket
        .unacknowledged
        .store(octets, Ordering::Relaxed);
}

/// This login waits until the others rest, who rest from now on.
async fn is_let_in(mut waits: Wire) {
    waits.expect_silence(seconds(1.9)).await;
    waits.expect_prefix("+OK").await;
}

#[tokio::test(start_paused = true)]
async fn a_holder_does_not_rest_while_what_it_was_told_is_on_its_way() {
    let gate = where_sessions_delete("b").await;
    let holder = shown(&gate, &["b"]).await;
    on_the_way_to(&holder.0, 1);
    let mut waits = gate.asking("ann", "secret").await;
    waits.expect_silence(seconds(10.0)).await;
    on_the_way_to(&holder.0, 0);
    is_let_in(waits).await;
    quit(holder).await;
}

/// A session on the listing, beside a holder.
async fn view_beside(gate: &Gate, message: &str, takes: usize) -> (Wire, (Wire, Wire)) {
    let holder = shown(gate, &[message]).await;
    let visitor = gate.visitor().takes(takes);
    let mut view = visitor.asking("ann", "secret").await;
    view.expect_prefix("+OK").await;
    (view, holder)
}

#[tokio::test(start_paused = true)]
async fn nor_does_one_on_a_listing() {
    let gate = where_sessions_delete("b").await;
    let (mut view, holder) = view_beside(&gate, "b", 64 * 1024).await;
    on_the_way_to(&view, 1);
    sees(&mut view, &["b"]).await;
    let mut waits = gate.asking("ann", "secret").await;
    waits.expect_silence(seconds(10.0)).await;
    on_the_way_to(&view, 0);
    is_let_in(waits).await;
    quit(holder).await;
}

#[tokio::test(start_paused = true)]
async fn nor_one_on_a_listing_that_does_not_read_its_answer() {
    let long = "b".repeat(70);
    let gate = where_sessions_delete(&long).await;
    let (mut view, holder) = view_beside(&gate, &long, 64).await;
    view.send("UIDL\r\n").await;
    let mut waits = gate.asking("ann", "secret").await;
    waits.expect_silence(seconds(10.0)).await;
    view.expect_prefix("+OK").await;
    view.expect(format!("1 {long}\r\n.\r\n")).await;
    is_let_in(waits).await;
    quit(holder).await;
}
