//! Mail programs.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// What the mail programs of Apple and Windows wait for an answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A mail program's connection, a line at a time.
pub(crate) struct Program<S = TcpStream> {
    pub(crate) stream: BufReader<S>,
}

impl Program {
    /// Connects and reads nothing yet.
    pub(crate) async fn unheard(to: SocketAddr) -> io::Result<Self> {
        Self::over(TcpSocket::new_v4()?, to).await
    }

    pub(crate) async fn over(socket: TcpSocket, to: SocketAddr) -> io::Result<Self> {
        let stream = timeout(PATIENCE, socket.connect(to)).await??;
        stream.set_nodelay(true)?;
        Ok(Self::on(stream))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Program<S> {
    pub(crate) fn on(stream: S) -> Self {
        Self {
            stream: BufReader::new(stream),
        }
    }

    /// The next line with its end; empty at the end of the connection.
    pub(crate) async fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        timeout(PATIENCE, self.stream.read_until(b'\n', &mut line)).await??;
        Ok(String::from_utf8_lossy(&line).into_owned())
    }

    pub(crate) async fn send(&mut self, octets: &[u8]) -> io::Result<()> {
        timeout(PATIENCE, self.stream.write_all(octets)).await?
    }

    pub(crate) async fn ask(&mut self, command: &str) -> io::Result<String> {
        self.send(format!("{command}\r\n").as_bytes()).await?;
        self.line().await
    }

    /// Asks, where there is something to ask; any answer but `+OK` is an error.
    pub(crate) async fn ok(&mut self, command: String) -> io::Result<String> {
        let answer = if command.is_empty() {
            self.line().await?
        } else {
            self.ask(&command).await?
        };
        if answer.starts_with("+OK") {
            return Ok(answer);
        }
        Err(io::Error::other(format!("{command:?}: {answer:?}")))
    }

    pub(crate) async fn log_in(&mut self, user: &str) -> io::Result<String> {
        self.ok(format!("USER {user}")).await?;
        self.ok("PASS secret".to_owned()).await
    }

    /// Asks for a multi-line reply; the number of its lines.
    pub(crate) async fn listing(&mut self, command: &str) -> io::Result<usize> {
        self.ok(command.to_owned()).await?;
        let mut lines = 0;
        loop {
            match self.line().await?.as_str() {
                ".\r\n" => return Ok(lines),
                "" => return Err(io::ErrorKind::UnexpectedEof.into()),
                _ => lines += 1,
            }
        }
    }
}
