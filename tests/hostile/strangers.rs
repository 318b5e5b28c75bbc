//! Clients that nobody trusts, from as many addresses as they like.

use crate::fire::{Gate, Program, Setup, free_address, serve};
use popgate::demo::server::{DemoOptions, DemoServer};
use popgate::secret::Secret;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpSocket;

/// Where the owner of a maildrop, or a neighbour, comes from.
pub(crate) const AT_HOME: Ipv4Addr = Ipv4Addr::new(127, 200, 0, 1);

/// The address of a stranger. All of 127.0.0.0/8 is this machine's on Linux.
pub(crate) fn stranger(number: usize) -> Ipv4Addr {
    let first = u32::from(Ipv4Addr::new(127, 10, 0, 1));
    Ipv4Addr::from(first + u32::try_from(number).unwrap())
}

/// A gate that trusts none of its clients, with `rules` in `[defaults]`, before a server that
/// knows ann and bob, and takes `login_delay` for each login.
pub(crate) async fn guarded(rules: &str, login_delay: Duration) -> (Gate, Arc<DemoServer>) {
    let users = ["ann", "bob"].map(|name| (name.to_owned(), Secret::new(b"secret".to_vec())));
    let server = DemoServer::new(DemoOptions {
        users: users.to_vec(),
        login_delay,
        ..DemoOptions::default()
    });
    let address = free_address("127.0.0.1");
    serve(&server, address).await;
    let config = format!(
        "[[backend]]\nname = \"honest\"\naddress = \"{address}\"\n\
         [defaults]\ncleartext = \"always\"\npolls = {{ enforce = \"off\" }}\n{rules}\n"
    );
    let setup = Setup {
        config: &config,
        trusted_networks: &["10.0.0.0/8"],
        ..Setup::default()
    };
    (Gate::start(setup).await, server)
}

/// Connects from `source`, and reads nothing yet.
pub(crate) async fn unheard_from(source: Ipv4Addr, to: SocketAddr) -> io::Result<Program> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((source, 0).into())?;
    Program::over(socket, to).await
}

/// Connects from `source`, and reads the greeting.
pub(crate) async fn connect_from(source: Ipv4Addr, to: SocketAddr) -> io::Result<Program> {
    let mut program = unheard_from(source, to).await?;
    program.ok(String::new()).await?;
    Ok(program)
}

/// Comes from `source`, tries one password, and leaves: the answer.
pub(crate) async fn try_password(
    source: Ipv4Addr,
    to: SocketAddr,
    user: &str,
    password: &str,
) -> io::Result<String> {
    let mut program = connect_from(source, to).await?;
    program.ok(format!("USER {user}")).await?;
    let answer = program.ask(&format!("PASS {password}")).await?;
    program.ok("QUIT".to_owned()).await?;
    Ok(answer)
}

/// What strangers were told, and how often.
#[derive(Default)]
pub(crate) struct Tally(BTreeMap<String, usize>);

impl Tally {
    pub(crate) fn add(&mut self, answer: &str) {
        *self.0.entry(answer.trim_end().to_owned()).or_default() += 1;
    }

    /// How often they were told something that has `words` in it.
    pub(crate) fn of(&self, words: &str) -> usize {
        let with = self.0.iter().filter(|(answer, _)| answer.contains(words));
        with.map(|(_, count)| count).sum()
    }

    pub(crate) fn all(&self) -> usize {
        self.0.values().sum()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = self.0.iter();
        lines.try_for_each(|(answer, count)| write!(f, "\n  {count:>6} x {answer}"))
    }
}
