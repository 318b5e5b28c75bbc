//! A line that stops after so many octets.

use crate::Outcome;
use socket2::SockRef;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

/// A TCP relay that carries so many octets, both ways together, and then no more. Its
/// connections stay open until their ends close them.
pub(super) struct Fuse {
    listener: TcpListener,
    line: Arc<Line>,
}

struct Line {
    octets_left: AtomicUsize,
    has_blown: AtomicBool,
}

impl Fuse {
    /// Listens on the address of `server`, at a port of its own.
    pub(super) fn start(server: SocketAddr, octets: usize) -> Outcome<Self> {
        let listener = TcpListener::bind((server.ip(), 0))?;
        let line = Arc::new(Line {
            octets_left: AtomicUsize::new(octets),
            has_blown: AtomicBool::new(false),
        });
        let fuse = Self {
            listener: listener.try_clone()?,
            line: Arc::clone(&line),
        };
        thread::spawn(move || {
            // It ends with an error when the fuse is dropped.
            while let Ok((client, _)) = listener.accept() {
                let Ok(server) = TcpStream::connect(server) else {
                    return;
                };
                carry_both_ways(client, server, &line);
            }
        });
        Ok(fuse)
    }

    /// Where it listens.
    pub(super) fn address(&self) -> Outcome<SocketAddr> {
        Ok(self.listener.local_addr()?)
    }

    /// Whether all octets have been carried, and another one would not be.
    pub(super) fn has_blown(&self) -> bool {
        self.line.has_blown.load(Ordering::Relaxed)
    }
}

impl Drop for Fuse {
    fn drop(&mut self) {
        // Wakes the thread in `accept`.
        let _ = SockRef::from(&self.listener).shutdown(Shutdown::Both);
    }
}

fn carry_both_ways(client: TcpStream, server: TcpStream, line: &Arc<Line>) {
    let ends = (client.try_clone(), server.try_clone());
    let (Ok(from_client), Ok(to_server)) = ends else {
        return;
    };
    let (there, back) = (Arc::clone(line), Arc::clone(line));
    thread::spawn(move || there.carry(from_client, &to_server));
    thread::spawn(move || back.carry(server, &client));
}

impl Line {
    fn carry(&self, mut from: TcpStream, mut to: &TcpStream) {
        let mut buffer = [0; 4096];
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            // What is behind the last octet is read and lost, so that each end's close is seen.
            let carried = self.take(read);
            if to.write_all(&buffer[..carried]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    }

    /// How many of these octets may still go.
    fn take(&self, wanted: usize) -> usize {
        let take = |left: usize| Some(left.saturating_sub(wanted));
        let order = Ordering::Relaxed;
        // It never fails: `take` always has a value.
        let left = self
            .octets_left
            .fetch_update(order, order, take)
            .unwrap_or_default();
        if left < wanted {
            self.has_blown.store(true, Ordering::Relaxed);
        }
        left.min(wanted)
    }
}
