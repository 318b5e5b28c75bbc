//! One end of a connection, in the hand of the script.

use super::PATIENCE;
use super::ends::{GateEnd, Socket, ends};
use popgate::net::Io;
use popgate::net::conn::Conn;
use popgate::net::tls::{Acceptor, Connector, TlsError};
use popgate::pop3::line::take_line;
use popgate::time::{Duration, Instant};
use std::future::Future;
use std::net::SocketAddr;
use std::panic::Location;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// The script's end of a connection: a client's, or a backend's.
pub(crate) struct Wire {
    /// Who speaks here, for failures.
    pub(crate) name: String,
    /// A client's address.
    pub(crate) address: SocketAddr,
    /// What the gate learns from its socket.
    pub(crate) socket: Arc<Socket>,
    conn: Conn,
    heard: Vec<u8>,
}

impl Wire {
    /// Both ends of a connection whose buffers hold `room` octets each way.
    pub(super) fn pair(name: &str, address: SocketAddr, room: usize) -> (Self, GateEnd) {
        let (script, gate) = ends(room);
        let wire = Self::over(name, address, Box::new(script), gate.socket());
        (wire, gate)
    }

    /// Both ends of a TCP connection; of the gate's, [`Wire::socket`] knows nothing.
    pub(super) async fn pair_over_tcp(name: &str, address: SocketAddr) -> (Self, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let bound = listener.local_addr().expect("it is bound");
        let (script, gate) = tokio::join!(TcpStream::connect(bound), listener.accept());
        let script = Box::new(script.expect("it listens"));
        let wire = Self::over(name, address, script, Arc::default());
        (wire, gate.expect("it was called").0)
    }

    fn over(name: &str, address: SocketAddr, script: Box<dyn Io>, socket: Arc<Socket>) -> Self {
        Self {
            name: name.to_owned(),
            address,
            socket,
            conn: Conn::plain(script),
            heard: Vec::new(),
        }
    }

    /// Says these octets.
    #[track_caller]
    pub(crate) fn send(&mut self, octets: impl AsRef<[u8]>) -> impl Future<Output = ()> {
        let at = Location::caller();
        async move {
            let octets = octets.as_ref();
            let sent = timeout(PATIENCE, self.conn.write_all(octets)).await;
            if !matches!(sent, Ok(Ok(()))) {
                panic!("{at}: {} cannot send {}", self.name, shown(octets));
            }
        }
    }

    /// Hears these octets next.
    #[track_caller]
    pub(crate) fn expect(&mut self, octets: impl AsRef<[u8]>) -> impl Future<Output = ()> {
        let at = Location::caller();
        async move {
            let expected = octets.as_ref();
            while self.conn.input.len() < expected.len()
                && expected.starts_with(&self.conn.input)
                && self.more(at, &shown(expected)).await
            {}
            let length = expected.len().min(self.conn.input.len());
            if self.conn.input[..length] != *expected {
                let (name, got) = (&self.name, shown(&self.conn.input));
                panic!(
                    "{at}: {name} expected\n  {}, and got\n  {got}",
                    shown(expected)
                );
            }
            drop(self.conn.input.split_to(length));
        }
    }

    /// Hears a line that starts so; returns it whole, without its end.
    #[track_caller]
    pub(crate) fn expect_prefix(&mut self, prefix: &str) -> impl Future<Output = String> {
        let at = Location::caller();
        async move {
            let line = self
                .line(at, &format!("a line that starts with {prefix:?}"))
                .await;
            assert!(line.starts_with(prefix), "{at}: {} got {line:?}", self.name);
            line
        }
    }

    /// Hears a line; returns it without its end.
    #[track_caller]
    pub(crate) fn read_line(&mut self) -> impl Future<Output = String> {
        let at = Location::caller();
        async move { self.line(at, "a line").await }
    }

    /// Hears the other's end next, and nothing before.
    #[track_caller]
    pub(crate) fn expect_eof(&mut self) -> impl Future<Output = ()> {
        let at = Location::caller();
        async move {
            if !self.conn.input.is_empty() || self.more(at, "the end").await {
                let (name, got) = (&self.name, shown(&self.conn.input));
                panic!("{at}: {name} expected the end, and got\n  {got}");
            }
        }
    }

    /// Hears something, which does not matter; `false` at the other's end.
    #[track_caller]
    pub(crate) fn hears_more(&mut self) -> impl Future<Output = bool> {
        let at = Location::caller();
        async move {
            self.conn.input.clear();
            self.more(at, "anything").await
        }
    }

    /// Hears nothing for so long, not even the other's end.
    #[track_caller]
    pub(crate) fn expect_silence(&mut self, duration: Duration) -> impl Future<Output = ()> {
        let at = Location::caller();
        async move {
            if !self.conn.input.is_empty() || timeout(duration, self.conn.fill()).await.is_ok() {
                let (name, got) = (&self.name, shown(&self.conn.input));
                panic!("{at}: {name} expected silence for {duration:?}, and got\n  {got}");
            }
        }
    }

    /// Hears nothing for so long (`false`), or the other's end (`true`).
    pub(crate) async fn ends_within(&mut self, duration: Duration) -> bool {
        match timeout(duration, self.conn.fill()).await {
            Err(_) => false,
            Ok(Ok(0) | Err(_)) => true,
            Ok(Ok(_)) => panic!("{} got {}", self.name, shown(&self.conn.input)),
        }
    }

    /// Everything that was heard since the connection began, read or not.
    pub(crate) fn heard(&self) -> String {
        String::from_utf8_lossy(&self.heard).into_owned()
    }

    /// Ends the connection both ways.
    pub(crate) fn close(self) {
        drop(self);
    }

    /// Says no more, and goes on listening.
    pub(crate) async fn half_close(&mut self) {
        self.conn.shut().await;
    }

    /// Over TCP: says no more, and waits until the gate's kernel knows it. The gate's runtime has no
    /// turn meanwhile.
    pub(crate) async fn half_closes_unheard(&mut self) {
        self.half_close().await;
        let began = Instant::now();
        while self.conn.io().unacknowledged() > 0 && began.elapsed() < PATIENCE {
            std::thread::yield_now();
        }
    }

    /// A TLS handshake as its client.
    pub(crate) async fn start_tls(mut self) -> Self {
        assert!(self.conn.input.is_empty(), "{} has early bytes", self.name);
        let connector = Connector::new(None, "localhost", false).expect("a good name");
        let secured = timeout(PATIENCE, self.conn.connect_tls(&connector)).await;
        self.conn = secured
            .unwrap_or_else(|_| panic!("{}: no end of the handshake", self.name))
            .unwrap_or_else(|error| panic!("{}: {error}", self.name));
        self
    }

    /// A TLS handshake as its server.
    pub(crate) async fn serve_tls(mut self, acceptor: &Acceptor) -> Result<Self, TlsError> {
        self.conn = self.conn.accept_tls(acceptor).await?;
        Ok(self)
    }

    /// As a client: USER and PASS, the answer to USER included.
    pub(crate) async fn asks_in(&mut self, user: &str, password: &str) {
        self.send(format!("USER {user}\r\n")).await;
        self.expect("+OK Send PASS\r\n").await;
        self.send(format!("PASS {password}\r\n")).await;
    }

    /// As a backend: the greeting.
    pub(crate) async fn greets(&mut self) {
        self.send("+OK legacy ready\r\n").await;
    }

    /// As a backend with PIPELINING: greets, hears USER and PASS, and answers PASS so.
    pub(crate) async fn answers_login(&mut self, user: &str, password: &str, answer: &str) {
        self.greets().await;
        self.answers_password(user, password, answer).await;
    }

    /// As a backend with PIPELINING that has greeted: hears USER and PASS, and answers PASS so.
    pub(crate) async fn answers_password(&mut self, user: &str, password: &str, answer: &str) {
        self.expect(format!("USER {user}\r\nPASS {password}\r\n"))
            .await;
        self.send(format!("+OK and now?\r\n{answer}\r\n")).await;
    }

    /// As a backend: greets, hears AUTH PLAIN with this response, on the same line or when it has
    /// asked, and answers it so.
    pub(crate) async fn answers_plain(&mut self, response: &str, answer: &str) {
        self.greets().await;
        self.expect("AUTH PLAIN").await;
        if response.len() > 242 {
            self.expect("\r\n").await;
            self.send("+ \r\n").await;
            self.expect(format!("{response}\r\n")).await;
        } else {
            self.expect(format!(" {response}\r\n")).await;
        }
        self.send(format!("{answer}\r\n")).await;
    }

    /// As a backend with PIPELINING: greets and hears any USER and PASS; the name and the password,
    /// unless the gate leaves before.
    pub(crate) async fn hears_login(&mut self) -> Option<(String, String)> {
        self.greets().await;
        let here = Location::caller();
        while memchr::memchr_iter(b'\n', &self.conn.input).count() < 2 {
            if !self.more(here, "USER and PASS").await {
                return None;
            }
        }
        let user = self.expect_prefix("USER ").await.split_off(5);
        let password = self.expect_prefix("PASS ").await.split_off(5);
        Some((user, password))
    }

    /// As a backend with PIPELINING that heard a login: answers its PASS so.
    pub(crate) async fn answers(&mut self, answer: &str) {
        self.send(format!("+OK and now?\r\n{answer}\r\n")).await;
        while self.hears_more().await {}
    }

    /// As a backend: greets, hears USER and PASS, and lets them in.
    pub(crate) async fn lets_in(&mut self, user: &str, password: &str) {
        let welcome = format!("+OK {user}, come in");
        self.answers_login(user, password, &welcome).await;
    }

    /// The stream itself, for a server that is no script.
    pub(super) fn into_conn(self) -> Conn {
        self.conn
    }

    async fn line(&mut self, at: &Location<'_>, what: &str) -> String {
        loop {
            let line = take_line(&mut self.conn.input, usize::MAX).expect("no bound");
            if let Some(line) = line {
                return String::from_utf8_lossy(&line).into_owned();
            }
            if !self.more(at, what).await {
                let (name, got) = (&self.name, shown(&self.conn.input));
                panic!("{at}: {name} expected {what}, and got the end behind\n  {got}");
            }
        }
    }

    /// Reads once; `false` at the end.
    async fn more(&mut self, at: &Location<'_>, what: &str) -> bool {
        let before = self.conn.input.len();
        let Ok(read) = timeout(PATIENCE, self.conn.fill()).await else {
            let (name, got) = (&self.name, shown(&self.conn.input));
            panic!("{at}: {name} waited {PATIENCE:?} for\n  {what}, and has\n  {got}");
        };
        self.heard.extend_from_slice(&self.conn.input[before..]);
        read.is_ok_and(|octets| octets > 0)
    }
}

fn shown(octets: &[u8]) -> String {
    format!("\"{}\"", octets.escape_ascii())
}
