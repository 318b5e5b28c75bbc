//! A look at a mail server: connect, read the greeting, QUIT.

use super::MxAnswer;
use crate::limits::{SMTP_GREETING_MAX, SMTP_LINE_MAX};
use crate::time::Duration;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

/// What comes of asking the mail server at `address`, within `patience`.
pub(super) async fn ask_smtp(address: SocketAddr, patience: Duration) -> MxAnswer {
    let deadline = Instant::now() + patience;
    let stream = match timeout_at(deadline, TcpStream::connect(address)).await {
        Err(_) => return MxAnswer::NoAnswer,
        Ok(Err(error)) => return not_connected(&error),
        Ok(Ok(stream)) => stream,
    };
    let mut greeting = Greeting::new(stream);
    match timeout_at(deadline, greeting.line()).await {
        Err(_) => MxAnswer::Silent,
        Ok(Err(error)) => broken(&error),
        Ok(Ok(line)) if line.is_empty() => MxAnswer::Closed,
        Ok(Ok(line)) => {
            // The first line says it all. It is only decent to hear the rest and to take leave.
            let _ = timeout_at(deadline, greeting.leave(&line)).await;
            judge(&line)
        }
    }
}

fn not_connected(error: &io::Error) -> MxAnswer {
    match error.kind() {
        ErrorKind::ConnectionRefused => MxAnswer::Refused,
        ErrorKind::TimedOut => MxAnswer::NoAnswer,
        _ => MxAnswer::Unreachable(error.to_string()),
    }
}

fn broken(error: &io::Error) -> MxAnswer {
    match error.kind() {
        ErrorKind::TimedOut => MxAnswer::Silent,
        _ => MxAnswer::Closed,
    }
}

/// By the code of a greeting's first line (RFC 5321 section 4.2). What comes without a line end
/// is cut, and is judged as it is.
fn judge(line: &[u8]) -> MxAnswer {
    let text = String::from_utf8_lossy(line.trim_ascii()).into_owned();
    match line {
        [b'2', b'2', b'0', b' ' | b'-' | b'\r' | b'\n', ..] => MxAnswer::Greeted(text),
        [
            b'4' | b'5',
            b'0'..=b'9',
            b'0'..=b'9',
            b' ' | b'-' | b'\r' | b'\n',
            ..,
        ] => MxAnswer::TurnedAway(text),
        _ => MxAnswer::NotSmtp(text),
    }
}

/// A greeting as it comes: of as many octets as [`SMTP_GREETING_MAX`] says, and no more.
struct Greeting(tokio::io::Take<BufReader<TcpStream>>);

impl Greeting {
    fn new(stream: TcpStream) -> Self {
        Self(BufReader::new(stream).take(SMTP_GREETING_MAX))
    }

    /// The next line, or its first [`SMTP_LINE_MAX`] octets; empty at the end.
    async fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        let most = SMTP_LINE_MAX as u64;
        (&mut self.0)
            .take(most)
            .read_until(b'\n', &mut line)
            .await?;
        Ok(line)
    }

    /// Hears the greeting, of which `line` is the first one, to its end, and says QUIT.
    async fn leave(&mut self, line: &[u8]) -> io::Result<()> {
        let mut line = line.to_vec();
        while line.get(3) == Some(&b'-') {
            line = self.line().await?;
        }
        let stream = self.0.get_mut();
        stream.write_all(b"QUIT\r\n").await?;
        stream.shutdown().await
    }
}
