//! A gate to which everything happens that the dashboard shows: mailboxes that several clients want,
//! clients that poll too often, wrong passwords, a mailbox that somebody opens beside popgate, a
//! backend that is down and one that never lets go.

use crate::Outcome;
use crate::backend::serve_and_never_close;
use crate::engine::{EngineProcess, is_installed};
use crate::fire::{Gate, Program, Setup, free_address, serve};
use popgate::demo::server::{DemoOptions, DemoServer};
use popgate::secret::Secret;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tempfile::NamedTempFile;
use tokio::net::TcpSocket;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// The mailbox of tenant `shared`.
const SHARED: &str = "ann@example.com";

/// The one address that the gate does not trust: its wrong passwords lead to a block.
const STRANGER: Ipv4Addr = Ipv4Addr::new(127, 9, 0, 1);

/// `blocks.passwords_per_maildrop` by default, and one to meet the block.
const GUESSES: usize = 11;

/// Longer than `wait`, less `login_reserve`.
const LONG_SESSION: Duration = Duration::from_secs(4);

/// Clients of the shared mailbox beside the one that holds it: some wait in vain, for the others
/// there is no place in the queue.
const HOUSEHOLD: usize = 6;

pub(crate) struct Site {
    pub(crate) gate: Gate,
    _server: Arc<DemoServer>,
    _engine: EngineProcess,
    /// The backend itself, for those who go around popgate.
    straight: SocketAddr,
}

impl Site {
    pub(crate) async fn start() -> Outcome<Self> {
        let users = [(
            "ann@example.com".to_owned(),
            Secret::new(b"secret".to_vec()),
        )];
        let server = DemoServer::new(DemoOptions {
            users: users.to_vec(),
            any_user: true,
            ..DemoOptions::default()
        });
        let [straight, stubborn, down] = [(); 3].map(|()| free_address("127.0.0.1"));
        serve(&server, straight).await;
        serve_and_never_close(stubborn).await?;
        let engine = start_engine()?;
        let secret = secret_file()?;
        let cluster = format!(
            "[cluster]\nnodes = [\"{}\"]\nsecret_file = {:?}\n",
            engine.address,
            secret.path()
        );
        let setup = Setup {
            config: &(configuration(straight, stubborn, down) + &cluster),
            trusted_networks: &["127.0.0.1/32"],
            admin: "token_file = \"admin.token\"",
            ..Setup::default()
        };
        let gate = Gate::start(setup).await;
        // The engine's first epoch gives nothing away for two seconds.
        let first = logged_in(gate.ports.plain, "first").await?;
        quit(first).await?;
        Ok(Self {
            gate,
            _server: server,
            _engine: engine,
            straight,
        })
    }

    /// A first login, by which the shared mailbox's tenant gets its series.
    pub(crate) async fn log_in(&self) -> Outcome<()> {
        let program = logged_in(self.gate.ports.plain, SHARED).await?;
        Ok(quit(program).await?)
    }

    /// Lets all of it happen once, at the same time.
    pub(crate) async fn suffer(&self) -> Outcome<()> {
        let to = self.gate.ports.plain;
        let mut stories = JoinSet::new();
        stories.spawn(share_a_mailbox(to));
        stories.spawn(poll_too_often(to));
        stories.spawn(guess_passwords(to));
        stories.spawn(go_around(to, self.straight));
        stories.spawn(follow_one_that_stays(to));
        stories.spawn(follow_one_that_idles(to));
        stories.spawn(read_mail(to));
        stories.spawn(find_the_backend_down(to));
        while let Some(story) = stories.join_next().await {
            story??;
        }
        let id = Pid::from_raw(self.gate.id().try_into()?).ok_or("no process")?;
        kill_process(id, Signal::HUP)?;
        self.gate.wait_until_ready().await;
        Ok(())
    }
}

fn start_engine() -> Outcome<EngineProcess> {
    if !is_installed() {
        return Err("redis-server is not installed".into());
    }
    let mut engine = EngineProcess::server(free_address("127.0.0.1"), &[], &[]);
    engine.revive(&[]);
    Ok(engine)
}

/// What the gates of a cluster have in common, of which there is one.
fn secret_file() -> io::Result<NamedTempFile> {
    let mut file = NamedTempFile::new()?;
    writeln!(file, "{}", "5a".repeat(32))?;
    Ok(file)
}

fn configuration(straight: SocketAddr, stubborn: SocketAddr, down: SocketAddr) -> String {
    format!(
        r#"
[journal]
file = "popgate.db"

[[backend]]
name = "main"
address = "{straight}"
login_reserve = "500ms"

[[backend]]
name = "stubborn"
address = "{stubborn}"

[[backend]]
name = "down"
address = "{down}"

[defaults]
backends = ["main"]
cleartext = "always"
failures = {{ delay = "0s" }}
preempt_idle = "1s"
polls = {{ max_delay = "500ms", burst = 2, per_client = {{ burst = 2 }} }}

[[tenant]]
name = "shared"
domains = ["example.com"]
wait = "3s"
queue = 2
preempt_idle = "off"
polls = {{ enforce = "off" }}

[[tenant]]
name = "stubborn"
domains = ["stubborn.example"]
backend = "stubborn"
polls = {{ enforce = "off" }}

[[tenant]]
name = "unlucky"
domains = ["down.example"]
backend = "down"
wait = "4s"
"#
    )
}

async fn connect(to: SocketAddr) -> io::Result<Program> {
    let mut program = Program::unheard(to).await?;
    program.ok(String::new()).await?;
    Ok(program)
}

async fn logged_in(to: SocketAddr, user: &str) -> io::Result<Program> {
    let mut program = connect(to).await?;
    program.log_in(user).await?;
    Ok(program)
}

async fn quit(mut program: Program) -> io::Result<()> {
    program.ok("QUIT".to_owned()).await.map(drop)
}

/// What the login brings, a refusal too.
async fn try_password(mut program: Program, user: &str, password: &str) -> io::Result<String> {
    program.ok(format!("USER {user}")).await?;
    let answer = program.ask(&format!("PASS {password}")).await?;
    quit(program).await?;
    Ok(answer)
}

async fn share_a_mailbox(to: SocketAddr) -> io::Result<()> {
    let holder = logged_in(to, SHARED).await?;
    let mut others = JoinSet::new();
    for _ in 0..HOUSEHOLD {
        others.spawn(async move { try_password(connect(to).await?, SHARED, "secret").await });
    }
    sleep(LONG_SESSION).await;
    quit(holder).await?;
    let mut refused = 0;
    while let Some(answer) = others.join_next().await {
        refused += usize::from(!answer.map_err(io::Error::other)??.starts_with("+OK"));
    }
    // One that waits now gets the mailbox.
    let holder = logged_in(to, SHARED).await?;
    let next = tokio::spawn(logged_in(to, SHARED));
    sleep(Duration::from_millis(300)).await;
    quit(holder).await?;
    quit(next.await.map_err(io::Error::other)??).await?;
    match refused {
        HOUSEHOLD => Ok(()),
        _ => Err(io::Error::other(format!(
            "{refused} of {HOUSEHOLD} refused"
        ))),
    }
}

async fn poll_too_often(to: SocketAddr) -> io::Result<()> {
    for _ in 0..8 {
        quit(logged_in(to, "bob").await?).await?;
    }
    Ok(())
}

async fn guess_passwords(to: SocketAddr) -> io::Result<()> {
    for number in 0..GUESSES {
        let socket = TcpSocket::new_v4()?;
        socket.bind((STRANGER, 0).into())?;
        let mut program = Program::over(socket, to).await?;
        program.ok(String::new()).await?;
        try_password(program, SHARED, &format!("guess{number}")).await?;
    }
    Ok(())
}

/// Somebody is in the mailbox without popgate, for some retries.
async fn go_around(to: SocketAddr, straight: SocketAddr) -> io::Result<()> {
    let beside = logged_in(straight, "carol").await?;
    let through = tokio::spawn(logged_in(to, "carol"));
    sleep(Duration::from_secs(3)).await;
    quit(beside).await?;
    quit(through.await.map_err(io::Error::other)??).await
}

async fn follow_one_that_stays(to: SocketAddr) -> io::Result<()> {
    let first = logged_in(to, "dan@stubborn.example").await?;
    let next = tokio::spawn(logged_in(to, "dan@stubborn.example"));
    quit(first).await?;
    quit(next.await.map_err(io::Error::other)??).await
}

/// The idle session is closed for one that is recently authenticated.
async fn follow_one_that_idles(to: SocketAddr) -> io::Result<()> {
    let idle = logged_in(to, "erin").await?;
    quit(logged_in(to, "erin").await?).await?;
    drop(idle);
    Ok(())
}

async fn read_mail(to: SocketAddr) -> io::Result<()> {
    let mut program = logged_in(to, "fay").await?;
    program.listing("RETR 1").await?;
    program.ask("RETR 99").await?;
    program.ok("DELE 1".to_owned()).await?;
    quit(program).await
}

async fn find_the_backend_down(to: SocketAddr) -> io::Result<()> {
    let mut program = connect(to).await?;
    program.ok("USER gus@down.example".to_owned()).await?;
    // The connection is closed without an answer.
    program.ask("PASS secret").await.map(drop)
}
