//! A super-server, for servers that serve one connection on their standard input and output.

use crate::Outcome;
use crate::root::Rooted;
use socket2::SockRef;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// More connections at once are closed without a word, as inetd does it.
const PROCESSES: usize = 40;

/// Starts a process for each connection, until it is dropped; the processes die with the root.
pub(crate) struct Inetd {
    listener: TcpListener,
    _root: Rooted,
}

impl Inetd {
    /// Listens, and starts `program` in `root`.
    pub(crate) fn start(address: SocketAddr, root: Rooted, program: &'static str) -> Outcome<Self> {
        let listener = TcpListener::bind(address)?;
        let entry = root.entry();
        let inetd = Self {
            listener: listener.try_clone()?,
            _root: root,
        };
        let running = Arc::new(AtomicUsize::new(0));
        thread::spawn(move || {
            // It ends with an error when the super-server is dropped.
            while let Ok((connection, _)) = listener.accept() {
                let place = Place::take(&running);
                if place.is_free {
                    let mut command = Command::new(&entry[0]);
                    command.args(&entry[1..]).arg(program);
                    thread::spawn(move || serve(connection, command, place));
                }
            }
        });
        Ok(inetd)
    }
}

impl Drop for Inetd {
    fn drop(&mut self) {
        // Wakes the thread in `accept`.
        let _ = SockRef::from(&self.listener).shutdown(Shutdown::Both);
    }
}

fn serve(connection: TcpStream, mut command: Command, _place: Place) -> io::Result<()> {
    let connection = OwnedFd::from(connection);
    let child = command
        .stdin(Stdio::from(connection.try_clone()?))
        .stdout(Stdio::from(connection))
        .stderr(Stdio::null())
        .spawn();
    // The command holds the connection too, which has to end with the process.
    drop(command);
    child?.wait().map(drop)
}

/// One of the [`PROCESSES`], or none, and then not free.
struct Place {
    running: Arc<AtomicUsize>,
    is_free: bool,
}

impl Place {
    fn take(running: &Arc<AtomicUsize>) -> Self {
        Self {
            running: Arc::clone(running),
            is_free: running.fetch_add(1, Ordering::Relaxed) < PROCESSES,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.running.fetch_sub(1, Ordering::Relaxed);
    }
}
