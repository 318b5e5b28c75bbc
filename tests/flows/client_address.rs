//! The backend learns who its client is: XCLIENT where its greeting offers it, XOIP where set.

use crate::support::{Gate, Wire, seconds};
use popgate::dialect::Class;
use popgate::observe::event::{End, Event};
use popgate::pop3::reply::ReplyTo;

const UPDATED: &str = "+OK Updated\r\n";

/// As Dovecot greets whom it trusts, and hears who comes from this port of 192.0.2.1.
async fn is_told(backend: &mut Wire, port: u16) {
    backend.send("+OK [XCLIENT] Dovecot ready.\r\n").await;
    hears(backend, "192.0.2.1", port).await;
}

async fn hears(backend: &mut Wire, address: &str, port: u16) {
    let words = format!("XCLIENT ADDR={address} PORT={port}\r\n");
    backend.expect(words).await;
    // The login waits for the answer.
    backend.expect_silence(seconds(1.0)).await;
}

async fn lets_in(backend: &mut Wire, client: &mut Wire) {
    backend
        .answers_password("ann", "secret", "+OK ann, come in")
        .await;
    client.expect("+OK ann, come in\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_offers_xclient_is_told_once_and_before_the_name() {
    let gate = Gate::classic().await;
    let mut client = gate.asking("ann", "secret").await;
    let mut backend = gate.dialed().await;
    is_told(&mut backend, 1).await;
    backend.send(UPDATED).await;
    lets_in(&mut backend, &mut client).await;
    client.send("STAT\r\n").await;
    backend.expect("STAT\r\n").await;
    assert_eq!(gate.events.count(replied(Class::Ok)), 1);
}

fn replied(class: Class) -> impl Fn(&Event) -> bool {
    move |event| matches!(event, Event::BackendReplied { to: ReplyTo::Xclient, class: its, .. } if *its == class)
}

#[tokio::test(start_paused = true)]
async fn an_ipv6_address_is_told_without_ornament() {
    let gate = Gate::classic().await;
    let client = gate.visitor().from("2001:db8::7");
    let mut client = client.asking("ann", "secret").await;
    let mut backend = gate.dialed().await;
    backend.send("+OK [XCLIENT] Dovecot ready.\r\n").await;
    hears(&mut backend, "2001:db8::7", 1).await;
    backend.send(UPDATED).await;
    lets_in(&mut backend, &mut client).await;
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_offers_nothing_is_told_nothing() {
    let gate = Gate::classic().await;
    let mut client = gate.asking("ann", "secret").await;
    let mut backend = gate.dialed().await;
    backend.send("+OK XCLIENT is not spoken here\r\n").await;
    lets_in(&mut backend, &mut client).await;
}

#[tokio::test(start_paused = true)]
async fn where_it_does_not_take_the_address_the_login_goes_on_and_it_is_told() {
    let gate = Gate::classic().await;
    let mut client = gate.asking("ann", "secret").await;
    let mut backend = gate.dialed().await;
    is_told(&mut backend, 1).await;
    backend.send("-ERR Invalid parameters\r\n").await;
    lets_in(&mut backend, &mut client).await;
    let told = gate.told(replied(Class::Perm)).await;
    let Event::BackendReplied { line, .. } = told else {
        unreachable!()
    };
    assert_eq!(line.as_deref(), Some("-ERR Invalid parameters"));
}

#[tokio::test(start_paused = true)]
async fn xoip_is_said_where_it_is_set() {
    let gate = Gate::telling_by_xoip().await;
    let mut client = gate.asking("ann", "secret").await;
    let mut backend = gate.dialed().await;
    backend.greets().await;
    backend.expect("XOIP 192.0.2.1\r\n").await;
    backend.expect_silence(seconds(1.0)).await;
    backend.send("+OK\r\n").await;
    lets_in(&mut backend, &mut client).await;
}

#[tokio::test(start_paused = true)]
async fn a_second_answer_to_it_is_never_taken_for_one_to_the_login() {
    let gate = Gate::classic().await;
    let mut client = gate.asking("ann", "secret").await;
    let mut backend = gate.dialed().await;
    is_told(&mut backend, 1).await;
    backend.send("+OK Updated\r\n+OK and another\r\n").await;
    // No word of the login goes there.
    backend.expect_eof().await;
    backend.close();
    let mut fresh = gate.dialed().await;
    is_told(&mut fresh, 1).await;
    fresh.send(UPDATED).await;
    lets_in(&mut fresh, &mut client).await;
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_never_answers_it_costs_the_login_and_no_more() {
    let gate = Gate::classic().await;
    let mut client = gate.asking("ann", "secret").await;
    let mut backend = gate.dialed().await;
    is_told(&mut backend, 1).await;
    // Its `login_timeout`.
    backend.expect_silence(seconds(58.0)).await;
    client.expect_eof().await;
    backend.expect_eof().await;
    assert_eq!(gate.end_of("client 1").await.end(), End::BackendUnreachable);
}

/// Ann's holder, and a waiter of hers for whom a connection is open that knows it (`client 3`).
async fn introduced_ahead(gate: &Gate) -> (Wire, Wire, Wire, Wire) {
    gate.prove("ann", "secret").await;
    let (holder, inside) = gate.log_in("ann", "secret").await;
    let waiter = gate.waiter("ann", "secret").await;
    let mut ahead = gate.dialed().await;
    is_told(&mut ahead, 3).await;
    ahead.send(UPDATED).await;
    (holder, inside, waiter, ahead)
}

#[tokio::test(start_paused = true)]
async fn a_connection_opened_ahead_knows_its_client_before_the_turn_comes() {
    let gate = Gate::classic().await;
    let (holder, inside, mut waiter, mut ahead) = introduced_ahead(&gate).await;
    ahead.expect_silence(seconds(3.0)).await;
    holder.close();
    inside.close();
    lets_in(&mut ahead, &mut waiter).await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_taken_over_is_told_anew_for_whom_it_is() {
    let gate = Gate::classic().await;
    let (holder, inside, first, mut ahead) = introduced_ahead(&gate).await;
    let second = gate.visitor().from("192.0.2.9");
    let mut second = second.asking("ann", "secret").await;
    gate.queued(&second).await;
    first.close();
    gate.end_of("client 3").await;
    ahead.expect_silence(seconds(1.0)).await;
    holder.close();
    inside.close();
    hears(&mut ahead, "192.0.2.9", 4).await;
    ahead.send(UPDATED).await;
    lets_in(&mut ahead, &mut second).await;
    assert_eq!(gate.dials(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_look_tells_no_address() {
    let gate = Gate::telling_by_xoip().await;
    // The look of the support fails at any other command than CAPA, and ends.
    gate.look("legacy", &["TOP"]).await;
    assert!(gate.backend("legacy").is_up());
    assert_eq!(gate.events.count(replied(Class::Ok)), 0);
}
