//! TLS on both legs.

mod backend;

use crate::support::{Gate, Wire, seconds};
use popgate::observe::event::{Culprit, End};

/// A whole session of this client, which has the greeting.
async fn reads_its_mail(gate: &Gate, mut ann: Wire) {
    ann.asks_in("ann", "secret").await;
    let mut inside = gate.dialed().await;
    inside.lets_in("ann", "secret").await;
    ann.expect("+OK ann, come in\r\n").await;
    ann.send("RETR 1\r\nQUIT\r\n").await;
    inside.expect("RETR 1\r\n").await;
    let message = format!("+OK\r\n{}.\r\n", "a line\r\n".repeat(10_000));
    let mut ann = tokio::join!(
        async {
            ann.expect(&message).await;
            ann
        },
        inside.send(&message)
    )
    .0;
    inside.expect("QUIT\r\n").await;
    inside.send("+OK bye\r\n").await;
    ann.expect("+OK bye\r\n").await;
    ann.expect_eof().await;
    inside.close();
    let summary = gate.only_end_of("client 1").await;
    assert_eq!((summary.end(), summary.retrieved), (End::Quit, 1));
    assert_eq!(summary.tls.as_deref(), Some("TLSv1.3"));
}

#[tokio::test(start_paused = true)]
async fn a_client_reads_its_mail_behind_implicit_tls() {
    let gate = Gate::with("").await;
    let mut ann = gate.visitor().at("pop3s").connect().start_tls().await;
    ann.expect("+OK POP3 server ready\r\n").await;
    reads_its_mail(&gate, ann).await;
}

#[tokio::test(start_paused = true)]
async fn a_client_reads_its_mail_behind_stls() {
    let gate = Gate::with("").await;
    let mut ann = gate.greeted().await;
    ann.send("STLS\r\n").await;
    ann.expect("+OK Begin TLS\r\n").await;
    let ann = ann.start_tls().await;
    reads_its_mail(&gate, ann).await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_vanishes_behind_tls_leaves_no_quit() {
    let gate = Gate::with("").await;
    let mut ann = gate.visitor().at("pop3s").connect().start_tls().await;
    ann.expect("+OK POP3 server ready\r\n").await;
    ann.asks_in("ann", "secret").await;
    let mut inside = gate.dialed().await;
    inside.lets_in("ann", "secret").await;
    ann.expect("+OK ann, come in\r\n").await;
    ann.send("DELE 1\r\n").await;
    inside.expect("DELE 1\r\n").await;
    ann.close();
    inside.send("+OK\r\n").await;
    inside.expect_eof().await;
    inside.close();
    assert_eq!(gate.only_end_of("client 1").await.end(), End::Left);
}

#[tokio::test(start_paused = true)]
async fn deletions_are_committed_for_a_client_that_closes_at_once_behind_tls() {
    let gate = Gate::with("").await;
    let mut ann = gate.visitor().at("pop3s").connect().start_tls().await;
    ann.expect("+OK POP3 server ready\r\n").await;
    ann.send("USER ann\r\nPASS secret\r\nDELE 1\r\nQUIT\r\n")
        .await;
    ann.close();
    let mut inside = gate.dialed().await;
    inside.lets_in("ann", "secret").await;
    inside.expect("DELE 1\r\nQUIT\r\n").await;
    inside.send("+OK\r\n+OK bye\r\n").await;
    inside.close();
    let summary = gate.only_end_of("client 1").await;
    assert_eq!((summary.end(), summary.deleted), (End::Quit, 1));
}

#[tokio::test(start_paused = true)]
async fn what_a_client_sends_behind_stls_in_clear_ends_its_session() {
    let gate = Gate::with("").await;
    let mut ann = gate.greeted().await;
    ann.send("STLS\r\nUSER mallory\r\n").await;
    ann.expect_eof().await;
    let summary = gate.only_end_of("client 1").await;
    assert_eq!(summary.end(), End::ClientViolation);
    assert_eq!(summary.culprit(), Some(Culprit::Client));
}

#[tokio::test(start_paused = true)]
async fn what_a_client_said_before_stls_is_forgotten() {
    let gate = Gate::with("[defaults]\ncleartext = \"always\"\n").await;
    let mut ann = gate.greeted().await;
    ann.send("USER mallory\r\n").await;
    ann.expect("+OK Send PASS\r\n").await;
    ann.send("STLS\r\n").await;
    ann.expect("+OK Begin TLS\r\n").await;
    let mut ann = ann.start_tls().await;
    ann.send("PASS secret\r\n").await;
    ann.expect("-ERR Send USER first\r\n").await;
    assert_eq!(gate.dials(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_shakes_hands_is_closed() {
    let gate = Gate::with("").await;
    let mut ann = gate.visitor().at("pop3s").connect();
    ann.expect_silence(seconds(19.9)).await;
    ann.expect_eof().await;
    let summary = gate.only_end_of("client 1").await;
    assert_eq!(summary.end(), End::TlsFailed);
    assert_eq!(summary.culprit(), Some(Culprit::Client));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_speaks_no_tls_gets_no_word_in_clear() {
    let gate = Gate::with("").await;
    let mut ann = gate.visitor().at("pop3s").connect();
    ann.send("USER ann\r\nPASS secret\r\n").await;
    let summary = gate.only_end_of("client 1").await;
    assert_eq!(summary.end(), End::TlsFailed);
    // An alert of TLS: a record of type 21.
    ann.expect([21, 3]).await;
}

/// A ClientHello of TLS 1.2 that offers ECDHE-RSA with CBC alone, as Windows 7 does.
fn cbc_alone() -> Vec<u8> {
    let extensions = [0, 10, 0, 4, 0, 2, 0, 23, 0, 13, 0, 4, 0, 2, 4, 1];
    let suites = [0, 0, 2, 0xc0, 0x28, 1, 0, 0, 16];
    let head = [22, 3, 1, 0, 63, 1, 0, 0, 59, 3, 3];
    [&head[..], &[7; 32], &suites, &extensions].concat()
}

#[tokio::test(start_paused = true)]
async fn a_client_without_a_common_cipher_suite_ends_as_that() {
    let gate = Gate::with("").await;
    let mut ann = gate.visitor().at("pop3s").connect();
    ann.send(cbc_alone()).await;
    let summary = gate.only_end_of("client 1").await;
    assert_eq!(summary.end(), End::TlsFailed);
    assert_eq!(summary.culprit(), Some(Culprit::Client));
    let detail = summary.detail().expect("why");
    assert!(detail.contains("cipher suite in common"), "{detail}");
    assert!(detail.contains("ECDHE with AES-GCM"), "{detail}");
}
