//! A TCP relay before a server that counts who is in the maildrop, as the server sees it.

use crate::{Outcome, lock};
use socket2::SockRef;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

const PORT: u16 = 3110;

/// A relay for sessions of one maildrop. A connection counts as in the maildrop from its first
/// PASS or AUTH, refused or not, until the server has closed it.
pub(crate) struct Relay {
    listener: TcpListener,
    tally: Arc<Mutex<Tally>>,
}

#[derive(Default)]
struct Tally {
    inside: usize,
    most_inside: usize,
    logins: usize,
}

impl Relay {
    /// Listens on `ip` and relays to `server`.
    pub(crate) fn start(ip: Ipv4Addr, server: SocketAddr) -> Outcome<Self> {
        let relay = Self {
            listener: TcpListener::bind((ip, PORT))?,
            tally: Arc::default(),
        };
        let (listener, tally) = (relay.listener.try_clone()?, Arc::clone(&relay.tally));
        thread::spawn(move || {
            // It ends with an error when the relay is dropped.
            while let Ok((client, _)) = listener.accept() {
                // Where the server is gone, the client sees its connection close.
                let _ = relay_connection(client, server, &tally);
            }
        });
        Ok(relay)
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> Outcome<SocketAddr> {
        Ok(self.listener.local_addr()?)
    }

    /// The most sessions that were in the maildrop at one instant.
    pub(crate) fn most_inside(&self) -> usize {
        lock(&self.tally).most_inside
    }

    /// How many connections tried to log in.
    pub(crate) fn logins(&self) -> usize {
        lock(&self.tally).logins
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // Wakes the thread in `accept`; connections end by themselves.
        let _ = SockRef::from(&self.listener).shutdown(Shutdown::Both);
    }
}

fn relay_connection(
    client: TcpStream,
    server: SocketAddr,
    tally: &Arc<Mutex<Tally>>,
) -> io::Result<()> {
    let server = TcpStream::connect(server)?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let visit = Arc::new(Mutex::new(Visit::new(Arc::clone(tally))));
    let (from_client, to_server) = (client.try_clone()?, server.try_clone()?);
    let commands = Arc::clone(&visit);
    thread::spawn(move || relay_commands(from_client, &to_server, &commands));
    thread::spawn(move || relay_replies(server, &client, &visit));
    Ok(())
}

fn relay_commands(client: TcpStream, mut server: &TcpStream, visit: &Mutex<Visit>) {
    let mut client = BufReader::new(client);
    let mut line = Vec::new();
    while matches!(client.read_until(b'\n', &mut line), Ok(1..)) {
        if line.starts_with(b"PASS ") || line.starts_with(b"AUTH ") {
            lock(visit).begin();
        }
        if server.write_all(&line).is_err() {
            return;
        }
        line.clear();
    }
    // The client's FIN goes on; for its RST a FIN does as well, a server sees EOF in both.
    let _ = server.shutdown(Shutdown::Write);
}

fn relay_replies(mut server: TcpStream, mut client: &TcpStream, visit: &Mutex<Visit>) {
    let mut buffer = [0; 16 * 1024];
    let mut client_listens = true;
    while let Ok(length @ 1..) = server.read(&mut buffer) {
        // Also where the client is gone, only the server's own end counts.
        client_listens = client_listens && client.write_all(&buffer[..length]).is_ok();
    }
    // Counted before the client can know of it.
    lock(visit).end();
    let _ = client.shutdown(Shutdown::Both);
}

/// One connection's part in the tally.
struct Visit {
    tally: Arc<Mutex<Tally>>,
    inside: bool,
    over: bool,
}

impl Visit {
    fn new(tally: Arc<Mutex<Tally>>) -> Self {
        Self {
            tally,
            inside: false,
            over: false,
        }
    }

    fn begin(&mut self) {
        if self.inside || self.over {
            return;
        }
        self.inside = true;
        let mut tally = lock(&self.tally);
        tally.logins += 1;
        tally.inside += 1;
        tally.most_inside = tally.most_inside.max(tally.inside);
    }

    fn end(&mut self) {
        self.over = true;
        if std::mem::take(&mut self.inside) {
            lock(&self.tally).inside -= 1;
        }
    }
}
