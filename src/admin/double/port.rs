//! An admin port, and somebody who asks there.

use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The token of each port that has one.
pub(in crate::admin) const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// An admin port and the gate behind it.
pub(in crate::admin) struct AdminPort {
    pub(in crate::admin) address: SocketAddr,
    pub(in crate::admin) gate: Arc<GateDouble>,
    pub(in crate::admin) stop: CancellationToken,
    pub(in crate::admin) server: JoinHandle<()>,
}

impl Drop for AdminPort {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl AdminPort {
    pub(in crate::admin) async fn start() -> Self {
        Self::of(GateDouble::default()).await
    }

    /// On loopback, with the token.
    pub(in crate::admin) async fn of(gate: GateDouble) -> Self {
        Self::start_as(gate, "127.0.0.1:0", Some(token()), AdminPolicy::default()).await
    }

    pub(in crate::admin) async fn start_as(
        gate: GateDouble,
        at: &str,
        token: Option<Token>,
        policy: AdminPolicy,
    ) -> Self {
        let gate = Arc::new(gate);
        let listener = TcpListener::bind(at).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = AdminState::new(Arc::clone(&gate) as _, token, policy);
        let stop = CancellationToken::new();
        let server = tokio::spawn(serve(listener, Arc::new(state), stop.clone()));
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            gate,
            stop,
            server,
        }
    }

    pub(in crate::admin) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends octets as they are; the whole answer.
    pub(in crate::admin) async fn send(&self, octets: &[u8]) -> String {
        let mut stream = self.connect().await;
        // The server may answer and close before it has read all.
        let _ = stream.write_all(octets).await;
        let _ = stream.shutdown().await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// `line` is method and target.
    pub(in crate::admin) async fn ask(&self, line: &str, headers: &str, body: &str) -> Answer {
        let length = body.len();
        let head = format!("{line} HTTP/1.1\r\nContent-Length: {length}\r\n{headers}\r\n");
        // Not shut down on our side: hyper takes that for a caller that went away.
        let mut stream = self.connect().await;
        let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer).await;
        let (head, body) = answer.split_once("\r\n\r\n").expect("no answer");
        Answer {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }

    /// As somebody asks who has no token.
    pub(in crate::admin) async fn ask_openly(&self, line: &str) -> Answer {
        self.ask(line, "Host: localhost\r\n", "").await
    }

    /// As the command line does.
    pub(in crate::admin) async fn get(&self, target: &str) -> (u16, Value) {
        let answer = self.ask(&format!("GET {target}"), &headers(""), "").await;
        (answer.status, answer.json())
    }

    pub(in crate::admin) async fn post(&self, target: &str, body: &str) -> (u16, Value) {
        let headers = headers("Content-Type: application/json\r\n");
        let answer = self.ask(&format!("POST {target}"), &headers, body).await;
        (answer.status, answer.json())
    }
}

/// What came back.
pub(in crate::admin) struct Answer {
    pub(in crate::admin) status: u16,
    pub(in crate::admin) head: String,
    pub(in crate::admin) body: String,
}

impl Answer {
    pub(in crate::admin) fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect(&self.body)
    }
}

pub(in crate::admin) fn token() -> Token {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    fs::write(&file, TOKEN).unwrap();
    Token::read(&file).unwrap().token
}

/// Those of a request that may be made, and `more`.
pub(in crate::admin) fn headers(more: &str) -> String {
    format!("Host: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\n{more}")
}
