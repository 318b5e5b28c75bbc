//! TLS towards a backend.

use crate::support::{Gate, Wire, seconds};
use popgate::backend::health::{State, watch_backend};
use popgate::demo::certificate::self_signed;
use popgate::net::tls::Acceptor;
use popgate::observe::event::End;
use std::sync::Arc;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// A backend with a certificate, which the gate knows.
struct Secured {
    gate: Gate,
    acceptor: Acceptor,
    _files: TempDir,
}

impl Secured {
    /// A gate that speaks TLS so with its backend. Nobody has looked at that yet.
    fn new(tls: &str) -> Self {
        let (certificate, key) = self_signed().expect("a certificate");
        let acceptor = Acceptor::from_pem(&certificate, &key).expect("it fits its key");
        let files = TempDir::new().expect("a folder");
        let ca = files.path().join("ca.pem");
        std::fs::write(&ca, certificate).expect("a file");
        let gate = Gate::unseen(&format!(
            "[[backend]]\nname = \"legacy\"\naddress = \"localhost:995\"\ntls = {tls:?}\n\
             ca = {:?}\n[defaults]\ncleartext = \"always\"\n",
            ca.display().to_string()
        ));
        let _files = files;
        Self {
            gate,
            acceptor,
            _files,
        }
    }

    /// One whose watcher has looked and found PIPELINING.
    async fn seen(tls: &str) -> Self {
        let secured = Self::new(tls);
        let stop = secured.watch();
        let mut wire = secured.greets().await;
        wire.expect("CAPA\r\n").await;
        wire.send("+OK\r\nPIPELINING\r\nUSER\r\n.\r\n").await;
        wire.expect("QUIT\r\n").await;
        wire.close();
        assert!(matches!(secured.state().await, State::Up(_)));
        stop.cancel();
        secured.gate.nobody_asks("legacy");
        secured
    }

    fn watch(&self) -> CancellationToken {
        let backend = self.gate.backend("legacy");
        let (events, stop) = (Arc::clone(&self.gate.cx.events), CancellationToken::new());
        tokio::spawn(watch_backend(backend, events, stop.clone()));
        stop
    }

    async fn state(&self) -> State {
        let backend = self.gate.backend("legacy");
        backend.known().await;
        backend.state()
    }

    /// The next connection to the backend, in TLS, greeted.
    async fn greets(&self) -> Wire {
        let mut wire = self.gate.dialed().await;
        let is_stls = self.is_stls();
        if is_stls {
            wire.greets().await;
            wire.expect("STLS\r\n").await;
            wire.send("+OK go ahead\r\n").await;
        }
        let secured = wire.serve_tls(&self.acceptor).await;
        let mut wire = secured.unwrap_or_else(|error| panic!("{error}"));
        if !is_stls {
            wire.greets().await;
        }
        wire
    }

    fn is_stls(&self) -> bool {
        let backend = self.gate.backend("legacy");
        backend.options().tls == popgate::net::TlsMode::Stls
    }
}

async fn a_session_goes_through(tls: &str) {
    let secured = Secured::seen(tls).await;
    let gate = &secured.gate;
    let mut ann = gate.asking("ann", "secret").await;
    let mut inside = secured.greets().await;
    inside.answers_password("ann", "secret", "+OK in").await;
    ann.expect("+OK in\r\n").await;
    let mut next = gate.waiter("ann", "secret").await;
    let mut spare = secured.greets().await;
    ann.send("STAT\r\nQUIT\r\n").await;
    inside.expect("STAT\r\nQUIT\r\n").await;
    inside.send("+OK 1 120\r\n+OK bye\r\n").await;
    ann.expect("+OK 1 120\r\n+OK bye\r\n").await;
    spare.expect_silence(seconds(0.9)).await;
    inside.close();
    spare.answers_password("ann", "secret", "+OK in").await;
    next.expect("+OK in\r\n").await;
    assert_eq!(gate.forced(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_session_goes_through_behind_implicit_tls() {
    a_session_goes_through("implicit").await;
}

#[tokio::test(start_paused = true)]
async fn a_session_goes_through_behind_stls() {
    a_session_goes_through("stls").await;
}

/// What the watcher finds, and that no login can lead there.
async fn is_found_down(secured: &Secured, why: &str) {
    let State::Down(reason) = secured.state().await else {
        panic!("it must not be used");
    };
    assert!(reason.contains(why), "{reason}");
    let mut ann = secured.gate.client();
    ann.expect_prefix("-ERR [SYS/TEMP]").await;
    ann.expect_eof().await;
    let summary = secured.gate.only_end_of("client 1").await;
    assert_eq!(summary.end(), End::BackendUnreachable);
}

#[tokio::test(start_paused = true)]
async fn a_certificate_that_nobody_knows_is_refused_before_any_word() {
    let secured = Secured::new("implicit");
    let _stop = secured.watch();
    let wire = secured.gate.dialed().await;
    let (certificate, key) = self_signed().expect("a certificate");
    let stranger = Acceptor::from_pem(&certificate, &key).expect("it fits its key");
    assert!(wire.serve_tls(&stranger).await.is_err());
    is_found_down(&secured, "certificate").await;
}

#[tokio::test(start_paused = true)]
async fn a_server_without_a_common_cipher_suite_is_found_down_as_that() {
    for (alert, lacks) in [(40, "no cipher suite"), (70, "no TLS version")] {
        let secured = Secured::new("implicit");
        let _stop = secured.watch();
        let mut wire = secured.gate.dialed().await;
        assert!(wire.hears_more().await);
        wire.send([21, 3, 3, 0, 2, 2, alert]).await;
        is_found_down(&secured, lacks).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_certificate_that_turns_strange_gets_no_password() {
    let secured = Secured::seen("implicit").await;
    let mut ann = secured.gate.asking("ann", "secret").await;
    let (certificate, key) = self_signed().expect("a certificate");
    let stranger = Acceptor::from_pem(&certificate, &key).expect("it fits its key");
    for _ in 0..3 {
        let wire = secured.gate.dialed().await;
        assert!(wire.serve_tls(&stranger).await.is_err());
    }
    let mut inside = secured.greets().await;
    inside.answers_password("ann", "secret", "+OK in").await;
    ann.expect("+OK in\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn where_stls_is_set_there_is_no_going_on_without_it() {
    let secured = Secured::new("stls");
    let _stop = secured.watch();
    let mut wire = secured.gate.dialed().await;
    wire.greets().await;
    wire.expect("STLS\r\n").await;
    wire.send("-ERR what?\r\n").await;
    wire.expect_eof().await;
    is_found_down(&secured, "STLS").await;
}

#[tokio::test(start_paused = true)]
async fn where_stls_is_taken_away_no_password_goes_in_clear() {
    let secured = Secured::seen("stls").await;
    let mut ann = secured.gate.asking("ann", "secret").await;
    let mut wire = secured.gate.dialed().await;
    wire.greets().await;
    wire.expect("STLS\r\n").await;
    wire.send("-ERR what?\r\n").await;
    wire.expect_eof().await;
    let mut inside = secured.greets().await;
    inside.answers_password("ann", "secret", "+OK in").await;
    ann.expect("+OK in\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn stls_is_understood_behind_empty_lines_and_without_a_blank() {
    for answer in [
        "\n+OK\r\n",
        "\r\n\r\n+OK: go ahead\r\n",
        "+OKgo\n",
        "+ok\r\n",
    ] {
        let secured = Secured::seen("stls").await;
        let mut ann = secured.gate.asking("ann", "secret").await;
        let mut wire = secured.gate.dialed().await;
        wire.send("\r\n+OK ready\r\n\r\n").await;
        wire.expect("STLS\r\n").await;
        wire.send(answer).await;
        let inside = wire.serve_tls(&secured.acceptor).await;
        let mut inside = inside.unwrap_or_else(|error| panic!("{answer:?}: {error}"));
        inside.answers_password("ann", "secret", "+OK in").await;
        ann.expect("+OK in\r\n").await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_backend_sends_behind_stls_in_clear_ends_the_connection() {
    let secured = Secured::new("stls");
    let _stop = secured.watch();
    let mut wire = secured.gate.dialed().await;
    wire.greets().await;
    wire.expect("STLS\r\n").await;
    wire.send("+OK go ahead\r\n+OK injected\r\n").await;
    wire.expect_eof().await;
    is_found_down(&secured, "injected").await;
}
