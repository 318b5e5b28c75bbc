//! The synthetic backend: a POP3 server with any user, any password and two messages, in one thread
//! and a process of its own. It also answers nginx, which asks by HTTP where a session belongs, and
//! the benchmark, which asks what the locks have seen.

mod connection;
mod http;
mod mail;
mod maildrops;
mod process;
pub(crate) mod session;

pub(crate) use mail::{LARGE, Mail, SMALL};
pub(crate) use maildrops::{Maildrops, Seen};
pub(crate) use process::Backend;

use crate::poller::{Interest, Poller};
use crate::slots::Slots;
use connection::{Connection, Progress};
use socket2::{Domain, Socket, Type};
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

/// As many connections as a burst of the load has.
const BACKLOG: i32 = 4_096;
/// The listeners' keys; connections count from 0.
const POP3_KEY: u64 = u64::MAX;
const HTTP_KEY: u64 = u64::MAX - 1;
const STDIN_KEY: u64 = u64::MAX - 2;

/// Serves until its standard input ends, as it does with the benchmark, and says first where.
pub(crate) fn serve() -> io::Result<()> {
    let (pop3, http) = (listener()?, listener()?);
    let (pop3_port, http_port) = (pop3.local_addr()?.port(), http.local_addr()?.port());
    println!("{pop3_port} {http_port}");
    io::stdout().flush()?;
    let mut server = Server {
        poller: Poller::new()?,
        connections: Slots::new(),
        mail: Mail::new(),
        maildrops: Maildrops::default(),
        pop3_port,
    };
    server.poller.add(&pop3, POP3_KEY, Interest::Read)?;
    server.poller.add(&http, HTTP_KEY, Interest::Read)?;
    server.poller.add(io::stdin(), STDIN_KEY, Interest::Read)?;
    loop {
        for key in server.poller.wait(None)? {
            match key {
                POP3_KEY => server.accept(&pop3)?,
                HTTP_KEY => http::answer_all(&http, server.pop3_port, &mut server.maildrops)?,
                STDIN_KEY => return Ok(()),
                key => server.proceed(key)?,
            }
        }
    }
}

struct Server {
    poller: Poller,
    connections: Slots<Connection>,
    mail: Mail,
    maildrops: Maildrops,
    pop3_port: u16,
}

impl Server {
    fn accept(&mut self, listener: &TcpListener) -> io::Result<()> {
        while let Some(stream) = accepted(listener)? {
            stream.set_nonblocking(true)?;
            let Ok(connection) = Connection::greet(stream) else {
                continue;
            };
            let key = self.connections.insert(connection);
            if let Some(connection) = self.connections.get_mut(key) {
                self.poller
                    .add(connection.stream(), key as u64, Interest::Read)?;
            }
        }
        Ok(())
    }

    fn proceed(&mut self, key: u64) -> io::Result<()> {
        let place = usize::try_from(key).map_err(io::Error::other)?;
        let Some(connection) = self.connections.get_mut(place) else {
            return Ok(());
        };
        let before = connection.interest();
        match connection.proceed(&self.mail, &mut self.maildrops) {
            Ok(Progress::Open) => {
                let interest = connection.interest();
                if interest != before {
                    self.poller.change(connection.stream(), key, interest)?;
                }
            }
            Ok(Progress::Over) | Err(_) => {
                if let Some(mut connection) = self.connections.remove(place) {
                    connection.end(&mut self.maildrops);
                }
            }
        }
        Ok(())
    }
}

/// On loopback. What it accepts sends without delay.
fn listener() -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_tcp_nodelay(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn accepted(listener: &TcpListener) -> io::Result<Option<TcpStream>> {
    match listener.accept() {
        Ok((stream, _)) => Ok(Some(stream)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        // Who went before it was accepted.
        Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => Ok(None),
        Err(error) => Err(error),
    }
}
