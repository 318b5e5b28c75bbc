//! A mail client as the demo plays it: what it sends, and how it reads.

use crate::backend::lines::{LineError, read_body, read_status};
use crate::limits::{DEMO_CLIENT_READ, DEMO_CLIENT_REPLY_MAX, DEMO_CLIENT_TIMEOUT};
use crate::net::Io;
use crate::net::conn::Conn;
use crate::pop3::listing::ListingError;
use crate::pop3::reply::Status;
use crate::secret::Secret;
use crate::time::Duration;
use std::io;
use std::net::{IpAddr, SocketAddr};
use tokio::net::TcpSocket;
use tokio::time::error::Elapsed;
use tokio::time::{sleep, timeout};

/// How often a slow reader reads: often enough that its octets seem to flow.
const SLOW_READS_PER_SECOND: u8 = 4;

/// Why a session did not go as it should.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClientError {
    #[error("{0}")]
    Refused(String),
    #[error("the server {0}")]
    Reply(#[from] LineError),
    #[error(transparent)]
    Listing(#[from] ListingError),
    #[error("no answer came in time")]
    TimedOut(#[from] Elapsed),
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
}

/// Where a client connects from.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ClientOrigin {
    /// Its address; none for the one that the system chooses.
    pub(super) address: Option<IpAddr>,
    /// Octets that its system takes before the client reads them; none for the system's own choice.
    pub(super) receive_buffer: Option<u32>,
}

/// A mail client's connection; each step of it is bounded in time.
pub(super) struct MailClient(Conn);

impl MailClient {
    /// Connects, and reads the greeting.
    pub(super) async fn connect(
        origin: ClientOrigin,
        target: SocketAddr,
    ) -> Result<Self, ClientError> {
        let socket = origin.socket(target)?;
        let stream = bounded(async { Ok(socket.connect(target).await?) }).await?;
        Self::over(Box::new(stream)).await
    }

    /// Reads the greeting of a connection that is there.
    pub(super) async fn over(io: Box<dyn Io>) -> Result<Self, ClientError> {
        let mut client = Self(Conn::plain(io));
        let greeting = bounded(async { Ok(read_status(&mut client.0).await?) }).await?;
        ok_or_error(&greeting)?;
        Ok(client)
    }

    /// Sends a command and reads its multi-line reply: the lines of the body.
    pub(super) async fn multiline(&mut self, command: &str) -> Result<Vec<Vec<u8>>, ClientError> {
        self.expect_ok(command, b"").await?;
        self.body().await
    }

    /// Reads the body of a reply whose status line was read.
    pub(super) async fn body(&mut self) -> Result<Vec<Vec<u8>>, ClientError> {
        bounded(async { Ok(read_body(&mut self.0, DEMO_CLIENT_REPLY_MAX).await?) }).await
    }

    /// Retrieves a message at so many octets a second, as over a mobile network, and drops it.
    pub(super) async fn retrieve_slowly(
        &mut self,
        number: u32,
        octets_per_second: usize,
    ) -> Result<(), ClientError> {
        self.expect_ok(&format!("RETR {number}"), b"").await?;
        let portion = octets_per_second / usize::from(SLOW_READS_PER_SECOND);
        let pause = Duration::from_secs(1) / u32::from(SLOW_READS_PER_SECOND);
        while !self.has_body_end() {
            self.drop_some_body(portion).await?;
            sleep(pause).await;
        }
        self.0.input.clear();
        Ok(())
    }

    /// Reads the body of a reply whose status line was read, and drops it; stops early where it has
    /// more than `at_most` octets. Says how many it had.
    pub(super) async fn drop_body(&mut self, at_most: usize) -> Result<usize, ClientError> {
        let mut octets = self.0.input.len();
        while !self.has_body_end() && octets <= at_most {
            octets += self.drop_some_body(DEMO_CLIENT_READ).await?;
        }
        self.0.input.clear();
        Ok(octets)
    }

    /// Says nothing for so long. Whether the connection was still open then.
    pub(super) async fn stays(&mut self, time: Duration) -> bool {
        timeout(time, self.0.fill()).await.is_err()
    }

    fn has_body_end(&self) -> bool {
        self.0.input.ends_with(b"\r\n.\r\n")
    }

    async fn drop_some_body(&mut self, portion: usize) -> Result<usize, ClientError> {
        // The end of the body may come in two reads.
        let read = self.0.input.len().saturating_sub(4);
        let _ = self.0.input.split_to(read);
        match bounded(async { Ok(self.0.fill_at_most(portion).await?) }).await? {
            0 => Err(LineError::Closed.into()),
            octets => Ok(octets),
        }
    }

    pub(super) async fn expect_ok(
        &mut self,
        verb: &str,
        argument: &[u8],
    ) -> Result<(), ClientError> {
        ok_or_error(&self.ask(verb, argument).await?)
    }

    /// Sends a command and reads the status line.
    pub(super) async fn ask(
        &mut self,
        verb: &str,
        argument: &[u8],
    ) -> Result<Vec<u8>, ClientError> {
        let space: &[u8] = if argument.is_empty() { b"" } else { b" " };
        let command = Secret::new([verb.as_bytes(), space, argument, b"\r\n"].concat());
        bounded(async {
            self.0.write_all(command.expose()).await?;
            Ok(read_status(&mut self.0).await?)
        })
        .await
    }
}

impl ClientOrigin {
    fn socket(self, target: SocketAddr) -> io::Result<TcpSocket> {
        let socket = if target.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        // Nagle's algorithm would show in the milliseconds of a hand-over.
        socket.set_nodelay(true)?;
        if let Some(octets) = self.receive_buffer {
            socket.set_recv_buffer_size(octets)?;
        }
        if let Some(address) = self.address {
            socket.bind(SocketAddr::new(address, 0))?;
        }
        Ok(socket)
    }
}

/// A step of a session, for as long as the common clients wait.
async fn bounded<T>(step: impl Future<Output = Result<T, ClientError>>) -> Result<T, ClientError> {
    timeout(DEMO_CLIENT_TIMEOUT, step).await?
}

fn ok_or_error(answer: &[u8]) -> Result<(), ClientError> {
    match Status::of_line(answer) {
        Status::Ok => Ok(()),
        _ => Err(ClientError::Refused(
            String::from_utf8_lossy(answer).into_owned(),
        )),
    }
}
