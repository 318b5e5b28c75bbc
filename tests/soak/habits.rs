//! What mail programs do, good and bad.

use crate::fire::{Ports, Program};
use fastrand::Rng;
use socket2::SockRef;
use std::io;
use std::net::SocketAddr;
use std::ops::AddAssign;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::TcpSocket;
use tokio::time::{Instant, sleep, timeout_at};

/// What a program does all day.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Manner {
    /// Polls, and says QUIT.
    Polite,
    /// Is killed at any point.
    Killed,
    /// Reads a message a byte a second.
    Slow,
    /// Asks for messages, and reads none.
    Deaf,
}

/// One program: its manner and its luck.
pub(crate) struct Habit {
    manner: Manner,
    rng: Rng,
}

/// How the programs fared.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) done: u64,
    pub(crate) killed: u64,
    pub(crate) left: u64,
    /// Refused with words that speak of a lock or of waiting.
    pub(crate) asked_to_wait: u64,
    /// Other errors: the backend's death, mostly.
    pub(crate) broken: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.done += other.done;
        self.killed += other.killed;
        self.left += other.left;
        self.asked_to_wait += other.asked_to_wait;
        self.broken += other.broken;
    }
}

impl Habit {
    /// A third of all is killed; one in fifty is slow, and one deaf.
    pub(crate) fn of(number: u64, seed: u64) -> Self {
        let manner = match number {
            _ if number.is_multiple_of(3) => Manner::Killed,
            _ if number % 50 == 1 => Manner::Slow,
            _ if number % 50 == 2 => Manner::Deaf,
            _ => Manner::Polite,
        };
        Self {
            manner,
            rng: Rng::with_seed(seed.wrapping_add(number)),
        }
    }

    /// Comes again and again. The slow and the deaf keep to the first few maildrops, so that
    /// the others are not all spent on waiting for them.
    pub(crate) async fn live(mut self, ports: Ports, maildrops: usize, until: Instant) -> Tally {
        let mut tally = Tally::default();
        while Instant::now() < until {
            sleep(Duration::from_millis(self.rng.u64(10..2_000))).await;
            let lasting = matches!(self.manner, Manner::Slow | Manner::Deaf);
            let choice = if lasting { maildrops / 10 } else { maildrops };
            let user = format!("user{}", self.rng.usize(0..choice));
            let came = match self.manner {
                Manner::Polite => self.poll(&ports, &user, usize::MAX).await,
                Manner::Killed => {
                    let point = self.rng.usize(0..9);
                    self.poll(&ports, &user, point).await
                }
                Manner::Slow => dawdle(ports.plain, &user, until).await,
                Manner::Deaf => stay_deaf(ports.plain, &user, until).await,
            };
            tally.note(self.manner, came);
        }
        tally
    }

    /// Does so many steps at most; then it is killed, perhaps in the middle of a command, and
    /// its kernel says so with a FIN or with a reset.
    async fn poll(&mut self, ports: &Ports, user: &str, steps: usize) -> io::Result<()> {
        let reset = steps != usize::MAX && self.rng.bool();
        let mut program = self.connect(ports, reset).await?;
        let number = self.rng.usize(1..=3);
        let script = [
            format!("USER {user}"),
            "PASS secret".to_owned(),
            "STAT".to_owned(),
            "UIDL".to_owned(),
            format!("RETR {number}"),
            "NOOP".to_owned(),
            format!("DELE {number}"),
            "RSET".to_owned(),
            "QUIT".to_owned(),
        ];
        for command in script.iter().take(steps) {
            match command.get(..4) {
                Some("UIDL" | "RETR") => program.listing(command).await.map(drop)?,
                _ => program.ok(command.clone()).await.map(drop)?,
            }
        }
        if let Some(next) = script.get(steps) {
            let octets = self.rng.usize(0..=next.len());
            program.send(&next.as_bytes()[..octets]).await?;
        }
        Ok(())
    }

    /// In clear, after STLS, or over TLS at once.
    async fn connect(&mut self, ports: &Ports, reset: bool) -> io::Result<Program<Stream>> {
        let way = self.rng.usize(0..3);
        let to = [ports.plain, ports.stls, ports.tls][way];
        let mut program = Program::unheard(to).await?;
        if reset {
            SockRef::from(program.stream.get_ref()).set_linger(Some(Duration::ZERO))?;
        }
        if to == ports.stls {
            program.ok(String::new()).await?;
            program.ok("STLS".to_owned()).await?;
        }
        let stream = program.stream.into_inner();
        let mut program: Program<Stream> = if to == ports.plain {
            Program::on(Box::new(stream))
        } else {
            Program::on(Box::new(ports.shake_hands(stream).await?))
        };
        if to != ports.stls {
            program.ok(String::new()).await?;
        }
        Ok(program)
    }
}

/// Plain or TLS.
type Stream = Box<dyn Duplex>;

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Duplex for S {}

impl Tally {
    fn note(&mut self, manner: Manner, came: io::Result<()>) {
        match (manner, came) {
            (Manner::Polite, Ok(())) => self.done += 1,
            (Manner::Killed, Ok(())) => self.killed += 1,
            (Manner::Slow | Manner::Deaf, Ok(())) => self.left += 1,
            (_, Err(error)) => {
                let text = error.to_string();
                if text.contains("lock") || text.contains("wait") {
                    self.asked_to_wait += 1;
                } else {
                    self.broken += 1;
                }
            }
        }
    }
}

/// A connection that has little room for what comes.
async fn narrow(gate: SocketAddr, user: &str) -> io::Result<Program> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(2_048)?;
    let mut program = Program::over(socket, gate).await?;
    program.ok(String::new()).await?;
    program.log_in(user).await?;
    Ok(program)
}

/// Reads a byte a second of more than fits into all buffers on the way.
async fn dawdle(gate: SocketAddr, user: &str, until: Instant) -> io::Result<()> {
    let mut program = narrow(gate, user).await?;
    program.send(&b"RETR 4\r\n".repeat(4)).await?;
    let mut byte = [0];
    while Instant::now() < until {
        sleep(Duration::from_secs(1)).await;
        program.stream.get_mut().read_exact(&mut byte).await?;
    }
    Ok(())
}

/// Reads nothing of that.
async fn stay_deaf(gate: SocketAddr, user: &str, until: Instant) -> io::Result<()> {
    let mut program = narrow(gate, user).await?;
    program.send(&b"RETR 4\r\n".repeat(4)).await?;
    let gone = async {
        // Only an error is heard.
        loop {
            sleep(Duration::from_millis(500)).await;
            program.stream.get_ref().take_error()?.map_or(Ok(()), Err)?;
        }
    };
    timeout_at(until, gone).await.unwrap_or(Ok(()))
}
