//! A backend whose other side the test holds.

use super::lines::read_line;
use super::{BackendOptions, Shareable};
use crate::ids::BackendName;
use crate::net::conn::Conn;
use crate::net::{BoxFuture, Dial, Io, TlsMode};
use crate::time::Duration;
use std::io;
use std::sync::atomic::{AtomicI32, Ordering};
use tokio::io::{DuplexStream, duplex};
use tokio::sync::mpsc;

pub(super) const ADDRESS: &str = "pop.example.com:110";

/// Dials to whoever holds the receiver of [`Double::new`].
pub(super) struct Double {
    dialed: mpsc::UnboundedSender<DuplexStream>,
    /// The system's error for the next dials; 0: none.
    error: AtomicI32,
}

impl Double {
    pub(super) fn new() -> (Self, mpsc::UnboundedReceiver<DuplexStream>) {
        let (dialed, arrivals) = mpsc::unbounded_channel();
        let error = AtomicI32::new(0);
        (Self { dialed, error }, arrivals)
    }

    /// From now on connections are refused, or no more.
    pub(super) fn set_down(&self, down: bool) {
        self.fails_with(if down { libc::ECONNREFUSED } else { 0 });
    }

    /// From now on connections fail with this error of the system; 0: with none.
    pub(super) fn fails_with(&self, error: i32) {
        self.error.store(error, Ordering::Relaxed);
    }
}

impl Dial for Double {
    fn dial<'a>(&'a self, address: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Io>>> {
        assert_eq!(address, ADDRESS);
        Box::pin(async {
            match self.error.load(Ordering::Relaxed) {
                0 => {}
                error => return Err(io::Error::from_raw_os_error(error)),
            }
            let (near, far) = duplex(64 * 1024);
            let refused = io::ErrorKind::ConnectionRefused;
            self.dialed.send(far).map_err(|_| refused)?;
            Ok(Box::new(near) as Box<dyn Io>)
        })
    }
}

pub(super) fn options() -> BackendOptions {
    BackendOptions {
        name: BackendName::new("legacy"),
        address: ADDRESS.to_owned(),
        tls: TlsMode::Off,
        ca: None,
        server_name: None,
        verify: true,
        connect_timeout: Duration::from_secs(15),
        login_timeout: Duration::from_secs(60),
        login_reserve: Duration::from_secs(3),
        connections: 0,
        preconnect: true,
        proxy_protocol: false,
        xoip: false,
        shareable: Shareable::Ask,
        capabilities: None,
        phrases: crate::dialect::Phrases::default(),
    }
}

/// The backend's side of the next connection.
pub(super) async fn next(arrivals: &mut mpsc::UnboundedReceiver<DuplexStream>) -> Conn {
    Conn::plain(Box::new(arrivals.recv().await.unwrap()))
}

/// Reads a command, which must be `expected`, and answers it.
pub(super) async fn answer(conn: &mut Conn, expected: &str, reply: &[u8]) {
    let command = read_line(conn, 512).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&command), expected);
    conn.write_all(reply).await.unwrap();
}
