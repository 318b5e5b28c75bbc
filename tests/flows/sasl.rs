//! AUTH (RFC 5034): PLAIN, which is offered, and LOGIN, which is accepted.

mod wide;

use crate::support::{Gate, Wire, seconds};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

fn base64(text: &str) -> String {
    STANDARD.encode(text)
}

/// The backend lets ann in, who came by PLAIN and goes on so.
async fn ann_gets_in_by_plain(gate: &Gate, client: &mut Wire, response: &str) {
    let mut backend = gate.dialed().await;
    backend.answers_plain(response, "+OK come in").await;
    client.expect("+OK come in\r\n").await;
}

/// The backend lets ann in, whom popgate logs in by USER and PASS.
async fn ann_gets_in(gate: &Gate, client: &mut Wire) {
    gate.dialed().await.lets_in("ann", "secret").await;
    client.expect("+OK ann, come in\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn plain_with_an_initial_response() {
    let gate = Gate::classic().await;
    let mut client = gate.greeted().await;
    let response = base64("\0ann\0secret");
    client.send(format!("AUTH PLAIN {response}\r\n")).await;
    ann_gets_in_by_plain(&gate, &mut client, &response).await;
}

#[tokio::test(start_paused = true)]
async fn plain_without_an_initial_response() {
    let gate = Gate::classic().await;
    let mut client = gate.greeted().await;
    client.send("auth plain\r\n").await;
    client.expect("+ \r\n").await;
    let response = base64("ann\0ann\0secret");
    client.send(format!("{response}\r\n")).await;
    ann_gets_in_by_plain(&gate, &mut client, &response).await;
}

#[tokio::test(start_paused = true)]
async fn login_asks_for_name_and_password() {
    let gate = Gate::classic().await;
    let mut client = gate.greeted().await;
    client.send("AUTH LOGIN\r\n").await;
    client
        .expect(format!("+ {}\r\n", base64("Username:")))
        .await;
    client.send(format!("{}\r\n", base64("ann"))).await;
    client
        .expect(format!("+ {}\r\n", base64("Password:")))
        .await;
    client.send(format!("{}\r\n", base64("secret"))).await;
    ann_gets_in(&gate, &mut client).await;
}

#[tokio::test(start_paused = true)]
async fn login_takes_the_name_as_initial_response() {
    let gate = Gate::classic().await;
    let mut client = gate.greeted().await;
    client
        .send(format!("AUTH LOGIN {}\r\n", base64("ann")))
        .await;
    client
        .expect(format!("+ {}\r\n", base64("Password:")))
        .await;
    client.send(format!("{}\r\n", base64("secret"))).await;
    ann_gets_in(&gate, &mut client).await;
}

#[tokio::test(start_paused = true)]
async fn a_star_cancels_and_the_client_may_go_on() {
    let gate = Gate::classic().await;
    let mut client = gate.greeted().await;
    client.send("AUTH PLAIN\r\n").await;
    client.expect("+ \r\n").await;
    client.send("*\r\n").await;
    client.expect("-ERR Cancelled\r\n").await;
    client.send("AUTH LOGIN\r\n").await;
    client
        .expect(format!("+ {}\r\n", base64("Username:")))
        .await;
    client.send(format!("{}\r\n", base64("ann"))).await;
    client
        .expect(format!("+ {}\r\n", base64("Password:")))
        .await;
    client.send("*\r\n").await;
    client.expect("-ERR Cancelled\r\n").await;
    client.asks_in("ann", "secret").await;
    ann_gets_in(&gate, &mut client).await;
}

#[tokio::test(start_paused = true)]
async fn an_equals_sign_is_an_empty_response_which_no_mechanism_takes() {
    let gate = Gate::classic().await;
    let mut client = gate.greeted().await;
    for command in ["AUTH PLAIN =", "AUTH LOGIN ="] {
        client.send(format!("{command}\r\n")).await;
        client.expect("-ERR Malformed response\r\n").await;
    }
    assert_eq!(gate.dials(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_response_is_refused() {
    let gate = Gate::classic().await;
    let mut client = gate.greeted().await;
    for response in [
        base64("\0ann\0se\0cret"),
        base64("ann"),
        base64("\0ann\0"),
        "no*base64".to_owned(),
    ] {
        client.send(format!("AUTH PLAIN {response}\r\n")).await;
        client.expect("-ERR Malformed response\r\n").await;
    }
    assert_eq!(gate.dials(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_response_may_be_longer_than_a_command_but_not_endless() {
    let gate = Gate::classic().await;
    let mut client = gate.greeted().await;
    let token = "t".repeat(6_000);
    let response = base64(&format!("\0ann\0{token}"));
    client.send(format!("AUTH PLAIN {response}\r\n")).await;
    let mut backend = gate.dialed().await;
    backend.answers_plain(&response, "-ERR [AUTH] no").await;
    client.expect("-ERR [AUTH] no\r\n").await;
    client.send("AUTH PLAIN\r\n").await;
    client.expect("+ \r\n").await;
    client.send(format!("{}\r\n", "A".repeat(16_400))).await;
    client.expect("-ERR Malformed response\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn other_mechanisms_are_refused_and_not_listed() {
    let gate = Gate::classic().await;
    let mut client = gate.greeted().await;
    client.send("AUTH CRAM-MD5\r\n").await;
    client
        .expect("-ERR Mechanism not offered, use PLAIN\r\n")
        .await;
    client.send("AUTH\r\n").await;
    client.expect_prefix("+OK").await;
    client.expect("PLAIN\r\n.\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn an_authorization_identity_goes_to_the_backend_by_plain() {
    let gate = Gate::classic().await;
    let mut client = gate.greeted().await;
    let response = base64("shared\0ann\0secret");
    client.send(format!("AUTH PLAIN {response}\r\n")).await;
    let mut backend = gate.dialed().await;
    backend.greets().await;
    backend.expect(format!("AUTH PLAIN {response}\r\n")).await;
    backend.send("+OK come in\r\n").await;
    client.expect("+OK come in\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_takes_no_initial_response_gets_it_when_it_asks() {
    let gate = Gate::classic().await;
    let mut client = gate.greeted().await;
    let response = base64("shared\0ann\0secret");
    client.send(format!("AUTH PLAIN {response}\r\n")).await;
    let mut backend = gate.dialed().await;
    backend.greets().await;
    backend.expect(format!("AUTH PLAIN {response}\r\n")).await;
    backend.send("+ \r\n").await;
    backend.expect(format!("{response}\r\n")).await;
    backend.send("-ERR [AUTH] no\r\n").await;
    client.expect("-ERR [AUTH] no\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn where_the_backend_has_plain_alone_a_login_by_user_and_pass_goes_so() {
    let gate = Gate::classic().await;
    gate.look("legacy", &["SASL PLAIN LOGIN"]).await;
    let mut client = gate.asking("ann", "secret").await;
    let mut backend = gate.dialed().await;
    backend.greets().await;
    let response = base64("\0ann\0secret");
    backend.expect(format!("AUTH PLAIN {response}\r\n")).await;
    backend.expect_silence(seconds(1.0)).await;
    backend.send("+OK come in\r\n").await;
    client.expect("+OK come in\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_asks_for_the_response_again_has_let_nobody_in() {
    let gate = Gate::classic().await;
    let mut client = gate.greeted().await;
    let response = base64("shared\0ann\0wrong");
    client.send(format!("AUTH PLAIN {response}\r\n")).await;
    let mut backend = gate.dialed().await;
    backend.greets().await;
    backend.expect(format!("AUTH PLAIN {response}\r\n")).await;
    backend.send("+ \r\n").await;
    backend.expect(format!("{response}\r\n")).await;
    backend.send("-ERR [AUTH] no\r\n").await;
    client.expect("-ERR [AUTH] no\r\n").await;
}
