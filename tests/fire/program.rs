//! Mail programs.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

/// What the mail programs of Apple and Windows wait for an answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A mail program's connection, a line at a time.
pub(crate) struct Program<S = TcpStream> {
    pub(crate) stream: BufReader<S>,
}

impl Program {
    /// Connects and reads the greeting.
    pub(crate) async fn connect(to: SocketAddr) -> io::Result<Self> {
        let mut program = Self::unheard(to).await?;
        program.ok(String::new()).await?;
        Ok(program)
    }

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

    /// Reads to the end of the connection, a reset too; what came.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        rest(&mut self.stream, PATIENCE * 2).await
    }
}

/// What a stream brings until its end, of which the first 4 KiB are kept.
async fn rest(stream: &mut (impl AsyncRead + Unpin), within: Duration) -> Vec<u8> {
    let mut came = Vec::new();
    let mut chunk = vec![0; 64 * 1024];
    let ended = timeout(within, async {
        while let Ok(octets @ 1..) = stream.read(&mut chunk).await {
            let room = 4_096_usize.saturating_sub(came.len());
            came.extend_from_slice(&chunk[..octets.min(room)]);
        }
    });
    ended.await.expect("the connection does not end");
    came
}

/// A mail program that polls its own maildrop again and again, as it should be served all the
/// time.
pub(crate) struct Regular {
    stop: CancellationToken,
    polls: JoinHandle<io::Result<Polls>>,
}

/// How a regular was served.
#[derive(Debug, Default)]
pub(crate) struct Polls {
    pub(crate) count: u32,
    pub(crate) slowest: Duration,
}

impl Regular {
    pub(crate) fn start(gate: SocketAddr, user: &str) -> Self {
        let stop = CancellationToken::new();
        let (stopped, user) = (stop.clone(), user.to_owned());
        let polls = tokio::spawn(async move {
            let mut polls = Polls::default();
            while !stopped.is_cancelled() {
                let start = Instant::now();
                poll(gate, &user).await?;
                polls.count += 1;
                polls.slowest = polls.slowest.max(start.elapsed());
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Ok(polls)
        });
        Self { stop, polls }
    }

    /// Ends it, and says how it was served; an error of any poll is the test's.
    pub(crate) async fn finish(self) -> Polls {
        self.stop.cancel();
        let polls = self.polls.await.unwrap();
        polls.expect("a regular was not served")
    }
}

async fn poll(gate: SocketAddr, user: &str) -> io::Result<()> {
    let mut program = Program::connect(gate).await?;
    program.log_in(user).await?;
    program.ok("STAT".to_owned()).await?;
    program.listing("UIDL").await?;
    program.listing("RETR 1").await?;
    program.ok("QUIT".to_owned()).await?;
    Ok(())
}
