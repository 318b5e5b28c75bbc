//! Answers of a backend that are not quite what RFC 1939 says and that mail programs understand:
//! so does popgate, wherever it reads one, and its client gets the server's line as it is.

use crate::support::{Gate, Wire, seconds};
use popgate::dialect::Class;
use popgate::observe::event::{End, Event};

/// Lines that mean nothing, as servers send them before a status line.
const NOISE: [&str; 4] = ["\n", "\r\n", "\r\r\n", " \t\r\n\r\n\n"];

/// Lines that let somebody in.
const WELCOMES: [&str; 7] = [
    "+OK",
    "+ok in",
    "+OK, in",
    "+OK: in",
    "+OK[X] in",
    "+OKin",
    "+OKAY",
];

async fn one_by_one() -> Gate {
    let gate = Gate::classic().await;
    gate.look("legacy", &["TOP", "UIDL", "USER"]).await;
    gate
}

async fn a_session_goes_on(client: &mut Wire, backend: &mut Wire) {
    client.send("STAT\r\n").await;
    backend.expect("STAT\r\n").await;
    backend.send("+OK 2 82\r\n").await;
    client.expect("+OK 2 82\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn empty_lines_before_any_answer_of_a_login_mean_nothing() {
    for noise in NOISE {
        let gate = one_by_one().await;
        let mut client = gate.asking("ann", "secret").await;
        let mut backend = gate.dialed().await;
        backend.send(format!("{noise}+OK ready\r\n")).await;
        backend.expect("USER ann\r\n").await;
        backend.send(format!("{noise}+OK and now?\r\n")).await;
        backend.expect("PASS secret\r\n").await;
        backend.send(format!("{noise}+OK come in\r\n")).await;
        client.expect("+OK come in\r\n").await;
        a_session_goes_on(&mut client, &mut backend).await;
        assert_eq!(gate.dials(), 1, "{noise:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn empty_lines_behind_an_answer_are_no_answer_to_the_next_command() {
    for noise in NOISE {
        let gate = one_by_one().await;
        let mut client = gate.asking("ann", "secret").await;
        let mut backend = gate.dialed().await;
        backend.send(format!("+OK ready\r\n{noise}")).await;
        backend.expect("USER ann\r\n").await;
        backend.send(format!("+OK and now?\r\n{noise}")).await;
        backend.expect("PASS secret\r\n").await;
        backend.send("-ERR [AUTH] no\r\n").await;
        client.expect("-ERR [AUTH] no\r\n").await;
        assert_eq!(gate.dials(), 1, "{noise:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn empty_lines_stand_before_each_of_two_answers_in_one_segment() {
    for noise in NOISE {
        let gate = Gate::classic().await;
        let mut client = gate.asking("ann", "secret").await;
        let mut backend = gate.dialed().await;
        backend.send(format!("{noise}+OK ready\r\n{noise}")).await;
        backend.expect("USER ann\r\nPASS secret\r\n").await;
        let answers = format!("{noise}+OK and now?\r\n{noise}+OK come in\r\n");
        backend.send(answers).await;
        client.expect("+OK come in\r\n").await;
        a_session_goes_on(&mut client, &mut backend).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_comes_octet_by_octet() {
    let gate = Gate::classic().await;
    let mut client = gate.asking("ann", "secret").await;
    let mut backend = gate.dialed().await;
    for octet in b"\r\n\n+OK ready\r\n" {
        backend.expect_silence(seconds(0.01)).await;
        backend.send([*octet]).await;
    }
    backend.expect("USER ann\r\nPASS secret\r\n").await;
    for octet in b"\n+OK and now?\r\n\r\n\n+OKin\r\n" {
        client.expect_silence(seconds(0.01)).await;
        backend.send([*octet]).await;
    }
    client.expect("+OKin\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn a_welcome_is_what_mail_programs_take_for_one_and_comes_as_it_is() {
    for welcome in WELCOMES {
        let gate = Gate::classic().await;
        let mut client = gate.asking("ann", "secret").await;
        let mut backend = gate.dialed().await;
        backend.send(format!("{welcome}\r\n")).await;
        backend.expect("USER ann\r\nPASS secret\r\n").await;
        backend.send(format!("{welcome}\r\n{welcome}\r\n")).await;
        client.expect(format!("{welcome}\r\n")).await;
        a_session_goes_on(&mut client, &mut backend).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_understood_by_its_words_and_comes_as_it_is() {
    let refusals = [
        ("-ERR: invalid password", Class::Auth),
        ("-ERROR invalid password", Class::Auth),
        ("-ERR[AUTH] no", Class::Auth),
        ("-err invalid password", Class::Auth),
        ("-ERR, account disabled", Class::Perm),
        ("+ERR: account disabled", Class::Perm),
    ];
    for (refusal, expected) in refusals {
        let gate = Gate::classic().await;
        let mut client = gate.asking("ann", "secret").await;
        let mut backend = gate.dialed().await;
        let answer = format!("\r\n{refusal}");
        backend.answers_login("ann", "secret", &answer).await;
        client.expect(format!("{refusal}\r\n")).await;
        assert_eq!(gate.dials(), 1, "{refusal}: one try");
        let is_so = |event: &Event| matches!(event, Event::BackendReplied { class, .. } if *class == expected);
        gate.told(is_so).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_locked_maildrop_is_known_by_an_irregular_line_and_tried_again() {
    let gate = Gate::classic().await;
    let mut client = gate.asking("ann", "secret").await;
    for refusal in ["-ERR: mailbox is locked", "\n-ERR[IN-USE] by another"] {
        let mut backend = gate.dialed().await;
        backend.answers_login("ann", "secret", refusal).await;
        backend.expect_eof().await;
    }
    gate.dialed().await.lets_in("ann", "secret").await;
    client.expect("+OK ann, come in\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn a_greeting_that_refuses_is_one_behind_empty_lines_too() {
    for greeting in [
        "\n-ERR: not from here\r\n",
        "+OK\r\n\r\n-ERR: not from here\r\n",
    ] {
        let gate = Gate::classic().await;
        let mut client = gate.asking("ann", "secret").await;
        let mut backend = gate.dialed().await;
        backend.send(greeting).await;
        client.expect("-ERR: not from here\r\n").await;
        backend.expect_eof().await;
        assert_eq!(backend.heard(), "", "{greeting:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_answer_to_xclient_may_stand_behind_empty_lines() {
    for noise in NOISE {
        let gate = Gate::classic().await;
        let mut client = gate.asking("ann", "secret").await;
        let mut backend = gate.dialed().await;
        let greeting = format!("{noise}+OK[XCLIENT] ready\r\n{noise}");
        backend.send(greeting).await;
        backend.expect("XCLIENT ADDR=192.0.2.1 PORT=1\r\n").await;
        backend.send(format!("{noise}+OK: noted\r\n{noise}")).await;
        backend
            .answers_password("ann", "secret", "+OK come in")
            .await;
        client.expect("+OK come in\r\n").await;
    }
}

/// A gate whose backend takes AUTH PLAIN alone, and a client that asks ann in.
async fn by_plain() -> (Gate, Wire, Wire) {
    let gate = Gate::classic().await;
    gate.look("legacy", &["TOP", "UIDL", "SASL PLAIN"]).await;
    let client = gate.asking("ann", "secret").await;
    let mut backend = gate.dialed().await;
    backend.greets().await;
    backend.expect("AUTH PLAIN AGFubgBzZWNyZXQ=\r\n").await;
    (gate, client, backend)
}

#[tokio::test(start_paused = true)]
async fn auth_plain_may_be_asked_for_once_more_in_any_challenge() {
    for challenge in ["+ ", "+", "\r\n+ go on", "+go on", "\n+VXNlcjo="] {
        let (_gate, mut client, mut backend) = by_plain().await;
        backend.send(format!("{challenge}\r\n")).await;
        backend.expect("AGFubgBzZWNyZXQ=\r\n").await;
        backend.send("\r\n+OK: come in\r\n").await;
        client.expect("+OK: come in\r\n").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_challenge_is_no_login() {
    let (gate, mut client, mut backend) = by_plain().await;
    backend.send("+ \r\n").await;
    backend.expect("AGFubgBzZWNyZXQ=\r\n").await;
    backend.send("+ and again\r\n").await;
    backend.expect_eof().await;
    gate.cut_off("legacy");
    client.expect_eof().await;
    assert_eq!(gate.end_of("client 1").await.end(), End::BackendUnreachable);
}

#[tokio::test(start_paused = true)]
async fn half_a_line_and_empty_lines_alone_let_nobody_in() {
    for answer in ["+OK", "\r\n+OK", "\r\n\r\n", "\r\n+", "+O"] {
        let gate = Gate::classic().await;
        let mut client = gate.asking("ann", "secret").await;
        let mut backend = gate.dialed().await;
        backend.greets().await;
        backend.expect("USER ann\r\nPASS secret\r\n").await;
        backend.send(format!("+OK\r\n{answer}")).await;
        client.expect_silence(seconds(1.0)).await;
        gate.cut_off("legacy");
        backend.close();
        client.expect_eof().await;
    }
}

#[tokio::test(start_paused = true)]
async fn endless_empty_lines_are_no_answer() {
    let gate = Gate::classic().await;
    let mut client = gate.asking("ann", "secret").await;
    let mut backend = gate.dialed().await;
    backend.greets().await;
    backend.expect("USER ann\r\nPASS secret\r\n").await;
    backend.send("\r\n".repeat(17)).await;
    backend.expect_eof().await;
    client.expect_eof().await;
    assert_eq!(gate.dials(), 1, "it has the password");
}

/// A waiter for whom a connection is open in advance, over which the backend says this and waits;
/// then it is the waiter's turn.
async fn says_while_it_waits(gate: &Gate, said: &str) -> (Wire, Wire) {
    let (holder, inside) = gate.log_in("ann", "secret").await;
    let mut waiter = gate.asking("ann", "secret").await;
    let mut ahead = gate.dialed().await;
    ahead.greets().await;
    waiter.expect_silence(seconds(1.0)).await;
    ahead.send(said).await;
    waiter.expect_silence(seconds(1.0)).await;
    holder.close();
    inside.close();
    (waiter, ahead)
}

#[tokio::test(start_paused = true)]
async fn empty_lines_over_a_connection_that_waits_are_no_farewell() {
    for noise in NOISE {
        let gate = Gate::classic().await;
        let (mut waiter, mut ahead) = says_while_it_waits(&gate, noise).await;
        ahead.answers_password("ann", "secret", "+OK come in").await;
        waiter.expect("+OK come in\r\n").await;
        assert_eq!(gate.dials(), 2, "{noise:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_line_behind_empty_ones_is_a_farewell() {
    let gate = Gate::classic().await;
    let (mut waiter, ahead) = says_while_it_waits(&gate, "\r\n\n-ERR bye\r\n").await;
    gate.dialed().await.lets_in("ann", "secret").await;
    waiter.expect("+OK ann, come in\r\n").await;
    assert_eq!(ahead.heard(), "");
}
