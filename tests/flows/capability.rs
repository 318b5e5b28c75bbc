//! CAPA (RFC 2449), cleartext and STLS (RFC 2595).

use crate::support::{Gate, Wire, seconds};
use popgate::observe::event::End;
use popgate::time::Instant;

const NEEDS_TLS: &str = "-ERR Encryption is required here, use STLS or the POP3S port\r\n";

/// The lines of the answer to CAPA.
async fn capa(client: &mut Wire) -> Vec<String> {
    client.send("CAPA\r\n").await;
    client.expect("+OK Capability list follows\r\n").await;
    let mut lines = Vec::new();
    loop {
        match client.read_line().await {
            line if line == "." => return lines,
            line => lines.push(line),
        }
    }
}

/// STLS and the handshake.
async fn stls(mut client: Wire) -> Wire {
    client.send("STLS\r\n").await;
    client.expect("+OK Begin TLS\r\n").await;
    client.start_tls().await
}

fn cleartext(rule: &str) -> String {
    format!("[defaults]\ncleartext = \"{rule}\"\n")
}

#[tokio::test(start_paused = true)]
async fn the_backends_capabilities_come_first_and_ours_last() {
    let gate = Gate::classic().await;
    let all = "SASL PLAIN LOGIN CRAM-MD5,EXPIRE 30,STLS,UTF8,LANG,IMPLEMENTATION old,LOGIN-DELAY 60,\
               PIPELINING,AUTH-RESP-CODE,UIDL,USER,XCLIENT,TOP";
    gate.look("legacy", &all.split(',').collect::<Vec<_>>())
        .await;
    let mut client = gate.greeted().await;
    let ours = "TOP,UIDL,RESP-CODES,AUTH-RESP-CODE,PIPELINING,EXPIRE 30,STLS,USER,SASL PLAIN";
    assert_eq!(capa(&mut client).await.join(","), ours);
}

#[tokio::test(start_paused = true)]
async fn resp_codes_is_ours_and_always_there() {
    let gate = Gate::classic().await;
    gate.look("legacy", &[]).await;
    let mut client = gate.visitor().at("clear").greeted().await;
    assert_eq!(
        capa(&mut client).await,
        ["RESP-CODES", "USER", "SASL PLAIN"]
    );
}

#[tokio::test(start_paused = true)]
async fn without_tls_a_client_that_may_not_send_a_password_is_offered_stls_alone() {
    let gate = Gate::with(&cleartext("never")).await;
    let mut client = gate.greeted().await;
    let before = capa(&mut client).await;
    assert_eq!(before, ["TOP", "UIDL", "RESP-CODES", "PIPELINING", "STLS"]);
    let mut client = stls(client).await;
    let after = [
        "TOP",
        "UIDL",
        "RESP-CODES",
        "PIPELINING",
        "USER",
        "SASL PLAIN",
    ];
    assert_eq!(capa(&mut client).await, after);
}

#[tokio::test(start_paused = true)]
async fn where_tls_is_implicit_stls_is_not_offered() {
    let gate = Gate::with(&cleartext("never")).await;
    let client = gate.visitor().at("pop3s").connect();
    let mut client = client.start_tls().await;
    client.expect("+OK POP3 server ready\r\n").await;
    let offered = [
        "TOP",
        "UIDL",
        "RESP-CODES",
        "PIPELINING",
        "USER",
        "SASL PLAIN",
    ];
    assert_eq!(capa(&mut client).await, offered);
    client.send("STLS\r\n").await;
    client.expect("-ERR STLS is not available\r\n").await;
    client.asks_in("ann", "secret").await;
    gate.dialed().await.lets_in("ann", "secret").await;
    client.expect("+OK ann, come in\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn after_login_capa_says_the_same_in_its_place_among_the_replies() {
    let gate = Gate::classic().await;
    let mut client = gate.greeted().await;
    let before = capa(&mut client).await;
    client.asks_in("ann", "secret").await;
    let mut backend = gate.dialed().await;
    backend.lets_in("ann", "secret").await;
    client.expect("+OK ann, come in\r\n").await;
    client.send("STAT\r\nCAPA\r\nNOOP\r\n").await;
    backend.expect("STAT\r\nNOOP\r\n").await;
    backend.send("+OK 0 0\r\n+OK nothing\r\n").await;
    let list = format!("{}\r\n", before.join("\r\n"));
    client
        .expect(format!(
            "+OK 0 0\r\n+OK Capability list follows\r\n{list}.\r\n+OK nothing\r\n"
        ))
        .await;
}

#[tokio::test(start_paused = true)]
async fn of_several_backends_what_all_have_is_offered_also_while_one_is_down() {
    let gate = Gate::unseen(
        r#"
        [defaults]
        backends = ["first", "second"]
        cleartext = "always"
        [[backend]]
        name = "first"
        address = "10.0.0.5:110"
        [[backend]]
        name = "second"
        address = "10.0.0.6:110"
        "#,
    );
    gate.look("first", &["TOP", "EXPIRE 30", "PIPELINING"])
        .await;
    gate.look("second", &["UIDL", "TOP", "EXPIRE NEVER", "PIPELINING"])
        .await;
    let common = [
        "TOP",
        "RESP-CODES",
        "PIPELINING",
        "STLS",
        "USER",
        "SASL PLAIN",
    ];
    assert_eq!(capa(&mut gate.greeted().await).await, common);
    gate.cut_off("first");
    gate.look("first", &[]).await;
    assert_eq!(capa(&mut gate.greeted().await).await, common);
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_goes_down_takes_nothing_off_the_list() {
    let gate = Gate::classic().await;
    let (mut inside, mut backend) = gate.log_in("ann", "secret").await;
    let mut outside = gate.greeted().await;
    let before = capa(&mut outside).await;
    gate.cut_off("legacy");
    gate.look("legacy", &[]).await;
    assert_eq!(capa(&mut outside).await, before);
    assert_eq!(capa(&mut inside).await, before);
    backend.expect_silence(seconds(1.0)).await;
}

#[tokio::test(start_paused = true)]
async fn the_list_changes_when_the_backends_does() {
    let gate = Gate::classic().await;
    gate.look("legacy", &["TOP"]).await;
    let mut client = gate.greeted().await;
    assert_eq!(capa(&mut client).await[..2], ["TOP", "RESP-CODES"]);
    gate.look("legacy", &["TOP", "UIDL"]).await;
    assert_eq!(capa(&mut client).await[..2], ["TOP", "UIDL"]);
}

#[tokio::test(start_paused = true)]
async fn a_backend_without_capa_has_what_the_configuration_says() {
    let gate = Gate::with(
        r#"
        [defaults]
        cleartext = "always"
        [[backend]]
        name = "legacy"
        address = "10.0.0.5:110"
        capabilities = ["UIDL", "EXPIRE NEVER"]
        "#,
    )
    .await;
    let told = capa(&mut gate.greeted().await).await;
    assert_eq!(told[..3], ["UIDL", "RESP-CODES", "EXPIRE NEVER"]);
}

#[tokio::test(start_paused = true)]
async fn no_password_goes_over_clear_text_where_the_tenant_says_never() {
    let gate = Gate::with(&cleartext("never")).await;
    let mut client = gate.visitor().from("127.0.0.1").greeted().await;
    for command in [
        "USER ann",
        "AUTH PLAIN AGFubgBzZWNyZXQ=",
        "AUTH PLAIN",
        "AUTH LOGIN",
    ] {
        client.send(format!("{command}\r\n")).await;
        client.expect(NEEDS_TLS).await;
    }
    let mut client = stls(client).await;
    client.asks_in("ann", "secret").await;
    gate.dialed().await.lets_in("ann", "secret").await;
    client.expect("+OK ann, come in\r\n").await;
    assert_eq!(gate.dials(), 1);
}

#[tokio::test(start_paused = true)]
async fn trusted_lets_clients_of_trusted_networks_go_without_tls() {
    let gate = Gate::with(&cleartext("trusted")).await;
    let mut stranger = gate.greeted().await;
    stranger.send("USER ann\r\n").await;
    stranger.expect(NEEDS_TLS).await;
    let mut neighbour = gate.visitor().from("127.0.0.7").greeted().await;
    neighbour.send("USER ann\r\n").await;
    neighbour.expect("+OK Send PASS\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn the_tenant_of_the_login_decides_about_clear_text() {
    let gate = Gate::with(
        r#"
        [defaults]
        cleartext = "always"
        [[tenant]]
        name = "strict"
        domains = ["example.com"]
        cleartext = "never"
        "#,
    )
    .await;
    let mut client = gate.greeted().await;
    client.send("USER ann@example.com\r\n").await;
    client.expect(NEEDS_TLS).await;
    client
        .send("AUTH PLAIN AGFubkBleGFtcGxlLmNvbQBzZWNyZXQ=\r\n")
        .await;
    client.expect(NEEDS_TLS).await;
    client.send("USER ann@example.org\r\n").await;
    client.expect("+OK Send PASS\r\n").await;
    assert_eq!(gate.dials(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_was_said_before_stls_is_forgotten() {
    let gate = Gate::classic().await;
    let mut client = gate.greeted().await;
    client.send("USER eve\r\n").await;
    client.expect("+OK Send PASS\r\n").await;
    let mut client = stls(client).await;
    client.send("PASS secret\r\n").await;
    client.expect("-ERR Send USER first\r\n").await;
    client.send("STLS\r\n").await;
    client.expect("-ERR STLS is not available\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn bytes_behind_stls_close_the_connection_and_nothing_of_them_is_executed() {
    let gate = Gate::classic().await;
    let mut client = gate.greeted().await;
    client.send("STLS\r\nUSER eve\r\nPASS injected\r\n").await;
    client.expect_eof().await;
    assert_eq!(gate.end_of("client 1").await.end(), End::ClientViolation);
    assert_eq!(gate.dials(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_handshake_closes_the_connection() {
    let gate = Gate::classic().await;
    let mut client = gate.greeted().await;
    client.send("STLS\r\n").await;
    client.expect("+OK Begin TLS\r\n").await;
    client.send("USER eve\r\nPASS injected\r\n").await;
    assert_eq!(gate.end_of("client 1").await.end(), End::TlsFailed);
    assert_eq!(gate.dials(), 0);
}

/// A gate before one backend that lists this before login; nobody has logged in yet.
async fn unasked(capabilities: &[&str]) -> Gate {
    let gate = Gate::unseen(&cleartext("always"));
    gate.look_alone("legacy", capabilities).await;
    gate
}

/// Ann logs in one command at a time, and the backend is asked for CAPA then.
async fn asked(gate: &Gate) -> (Wire, Wire) {
    let client = gate.asking("ann", "secret").await;
    let mut backend = gate.dialed().await;
    one_by_one(&mut backend).await;
    backend.expect("CAPA\r\n").await;
    (client, backend)
}

/// As a backend without PIPELINING: lets ann in.
async fn one_by_one(backend: &mut Wire) {
    backend.greets().await;
    backend.expect("USER ann\r\n").await;
    backend.send("+OK\r\n").await;
    backend.expect("PASS secret\r\n").await;
    backend.send("+OK ann, come in\r\n").await;
}

const MORE: &str = "+OK\r\nUSER\r\nTOP\r\nUIDL\r\nPIPELINING\r\n.\r\n";

/// As JavaMail's server of issue 50: UIDL and TOP are for those who are in.
#[tokio::test(start_paused = true)]
async fn the_list_of_after_login_is_asked_for_once_and_holds_for_all_that_follow() {
    let gate = unasked(&["USER"]).await;
    let (mut ann, mut backend) = asked(&gate).await;
    ann.expect_silence(seconds(1.0)).await;
    backend.send(MORE).await;
    ann.expect("+OK ann, come in\r\n").await;
    let inside = ["TOP", "UIDL", "RESP-CODES", "PIPELINING"];
    assert_eq!(capa(&mut ann).await[..4], inside);
    // And PIPELINING is true for the session.
    ann.send("STAT\r\nNOOP\r\n").await;
    backend.expect("STAT\r\nNOOP\r\n").await;
    drop((ann, backend));
    gate.released(1).await;

    let mut next = gate.asking("ann", "secret").await;
    assert_eq!(capa(&mut gate.greeted().await).await[0], "RESP-CODES");
    let mut backend = gate.dialed().await;
    one_by_one(&mut backend).await;
    next.expect("+OK ann, come in\r\n").await;
    assert_eq!(capa(&mut next).await[..4], inside);
    backend.expect_silence(seconds(1.0)).await;
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_refuses_capa_after_login_has_the_list_of_before() {
    let gate = unasked(&["USER", "UIDL"]).await;
    let (mut ann, mut backend) = asked(&gate).await;
    backend.send("-ERR not now\r\n").await;
    ann.expect("+OK ann, come in\r\n").await;
    assert_eq!(capa(&mut ann).await[0], "UIDL");
    assert_eq!(gate.dials(), 1);
}

/// It hangs up, gives one line, or nothing: the session would be out of step.
#[tokio::test(start_paused = true)]
async fn who_loses_its_session_by_capa_is_logged_in_anew_and_it_is_not_asked_again() {
    for answer in [None, Some("+OK\r\n"), Some(""), Some("who is there?\r\n")] {
        let gate = unasked(&["USER", "UIDL"]).await;
        let start = Instant::now();
        let (mut ann, mut backend) = asked(&gate).await;
        if let Some(answer) = answer {
            backend.send(answer).await;
            backend.expect_eof().await;
        }
        backend.close();
        let mut backend = gate.dialed().await;
        one_by_one(&mut backend).await;
        ann.expect("+OK ann, come in\r\n").await;
        assert!(start.elapsed() <= seconds(2.1), "{answer:?}");
        ann.send("STAT\r\n").await;
        backend.expect("STAT\r\n").await;
        drop((ann, backend));
        gate.released(1).await;
        let mut next = gate.asking("ann", "secret").await;
        let mut backend = gate.dialed().await;
        one_by_one(&mut backend).await;
        next.expect("+OK ann, come in\r\n").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_while_it_is_asked_leaves_the_question_to_the_next() {
    let gate = unasked(&["USER"]).await;
    let (ann, backend) = asked(&gate).await;
    ann.close();
    gate.released(1).await;
    backend.close();
    let (_next, _backend) = asked(&gate).await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_asked_after_login_where_the_configuration_says_the_list() {
    let gate = Gate::unseen(
        "[defaults]\ncleartext = \"always\"\n[[backend]]\nname = \"legacy\"\n\
         address = \"10.0.0.5:110\"\ncapabilities = [\"UIDL\"]\n",
    );
    gate.look_alone("legacy", &[]).await;
    let mut ann = gate.asking("ann", "secret").await;
    let mut backend = gate.dialed().await;
    one_by_one(&mut backend).await;
    ann.expect("+OK ann, come in\r\n").await;
    assert_eq!(capa(&mut ann).await[0], "UIDL");
    backend.expect_silence(seconds(1.0)).await;
}

#[tokio::test(start_paused = true)]
async fn the_list_changes_with_each_look_and_so_does_the_one_of_after_login() {
    let gate = unasked(&["USER"]).await;
    let (mut ann, mut backend) = asked(&gate).await;
    backend.send(MORE).await;
    ann.expect("+OK ann, come in\r\n").await;
    drop((ann, backend));
    gate.released(1).await;
    gate.look_alone("legacy", &["USER", "TOP"]).await;
    let (mut ann, mut backend) = asked(&gate).await;
    backend.send("+OK\r\nTOP\r\n.\r\n").await;
    ann.expect("+OK ann, come in\r\n").await;
    assert_eq!(capa(&mut ann).await[..2], ["TOP", "RESP-CODES"]);
}
