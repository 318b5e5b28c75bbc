//! A mail program that is as quick as it can be.

use popgate::backend::lines::read_status;
use popgate::net::Io;
use popgate::net::conn::Conn;
use popgate::net::tls::Connector;
use popgate::pop3::reply::Status;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// No answer takes so long on loopback.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Client(Conn);

impl Client {
    /// Connects and reads the greeting.
    pub(crate) async fn connect(address: SocketAddr, tls: Option<&Connector>) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let mut conn = Conn::plain(Box::new(stream) as Box<dyn Io>);
        if let Some(connector) = tls {
            conn = conn.connect_tls(connector).await.unwrap();
        }
        let mut client = Self(conn);
        client.ok().await;
        client
    }

    pub(crate) async fn log_in(&mut self, user: &str) {
        self.ask(&format!("USER {user}")).await;
        self.ask("PASS secret").await;
    }

    /// A command whose answer is `+OK` and one line.
    pub(crate) async fn ask(&mut self, command: &str) {
        self.0
            .write_all(format!("{command}\r\n").as_bytes())
            .await
            .unwrap();
        self.ok().await;
    }

    async fn ok(&mut self) {
        let answer = timeout(PATIENCE, read_status(&mut self.0))
            .await
            .expect("no answer came")
            .unwrap();
        let shown = String::from_utf8_lossy(&answer);
        assert!(Status::of_line(&answer) == Status::Ok, "{shown}");
    }
}

/// One short session: log in, look, leave.
pub(crate) async fn short_session(address: SocketAddr, user: &str) {
    let mut client = Client::connect(address, None).await;
    client.log_in(user).await;
    client.ask("STAT").await;
    client.ask("QUIT").await;
}
