//! One end of a relayed session: the connection of the client or of the backend, and what its peer
//! has not taken yet.

use crate::net::Io;
use crate::net::conn::Conn;
use crate::time::Instant;
use bytes::{Buf, BytesMut};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection that the pump reads from and writes to.
pub(super) struct Endpoint<'conn> {
    conn: &'conn mut Conn,
    /// What the peer has not taken yet.
    backlog: BytesMut,
    /// A TLS layer may still hold bytes.
    unflushed: bool,
    /// Writing failed: what is sent this way is thrown away.
    broken: bool,
    blocked_since: Option<Instant>,
    octets: u64,
    /// Octets that were read from the peer, or written to its socket.
    passed: u64,
}

impl<'conn> Endpoint<'conn> {
    pub(super) fn new(conn: &'conn mut Conn) -> Self {
        Self {
            conn,
            backlog: BytesMut::new(),
            unflushed: false,
            broken: false,
            blocked_since: None,
            octets: 0,
            passed: 0,
        }
    }

    /// The socket, for what only it knows.
    fn io(&self) -> &dyn Io {
        self.conn.io()
    }

    /// Probes the peer hard or normally from now on.
    pub(super) fn probe_hard(&mut self, hard: bool) {
        self.conn.probe_hard(hard);
    }

    /// What was read from the peer before the relay began.
    pub(super) fn take_input(&mut self) -> BytesMut {
        std::mem::take(&mut self.conn.input)
    }

    /// Octets for the peer so far, those of the backlog included.
    pub(super) fn octets(&self) -> u64 {
        self.octets
    }

    /// Octets that were read from the peer, or written to its socket, so far.
    pub(super) fn passed(&self) -> u64 {
        self.passed
    }

    /// Octets that wait for the peer.
    pub(super) fn backlog(&self) -> usize {
        self.backlog.len()
    }

    /// Octets that the peer's kernel has acknowledged.
    pub(super) fn delivered(&self) -> u64 {
        // What rustls still holds is in neither, but then the socket is full, and so not empty.
        let in_flight = self.backlog.len() + self.io().unacknowledged();
        self.octets.saturating_sub(in_flight as u64)
    }

    /// Since when the peer has taken nothing although something waits for it.
    pub(super) fn blocked_since(&self) -> Option<Instant> {
        self.blocked_since
    }

    /// Whether the peer takes nothing any more.
    pub(super) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Whether everything is written and flushed, or never will be.
    pub(super) fn is_clear(&self) -> bool {
        self.backlog.is_empty() && !self.unflushed
    }

    /// Stops sending: what waits for the peer, and what comes, is thrown away.
    pub(super) fn give_up(&mut self) {
        self.broken = true;
        self.unflushed = false;
        self.blocked_since = None;
        self.backlog = BytesMut::new();
    }

    /// Puts `bytes` into the backlog, where no task is there to write them.
    pub(super) fn keep(&mut self, bytes: &[u8]) {
        if !self.broken {
            self.backlog.extend_from_slice(bytes);
            self.octets += bytes.len() as u64;
        }
    }

    /// Returns when the peer has taken everything, or never will.
    pub(super) async fn deliver(&mut self) {
        poll_fn(|task| {
            while !self.is_clear() {
                if !self.poll_flush(task) {
                    return Poll::Pending;
                }
            }
            Poll::Ready(())
        })
        .await;
    }

    pub(super) fn poll_read(
        &mut self,
        task: &mut Context<'_>,
        chunk: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = chunk.filled().len();
        let read = Pin::new(&mut *self.conn).poll_read(task, chunk);
        self.passed += (chunk.filled().len() - before) as u64;
        read
    }

    /// Writes `bytes` behind the backlog; keeps what the peer does not take now.
    pub(super) fn write(&mut self, task: &mut Context<'_>, bytes: &[u8]) {
        let mut rest = bytes;
        // Not past a backlog: octets would overtake each other.
        while !self.broken && !rest.is_empty() && self.backlog.is_empty() {
            match Pin::new(&mut *self.conn).poll_write(task, rest) {
                Poll::Ready(Ok(written)) if written > 0 => {
                    rest = &rest[written..];
                    self.octets += written as u64;
                    self.passed += written as u64;
                    self.unflushed = true;
                }
                // An error, or 0 octets: the stream takes nothing any more.
                Poll::Ready(_) => self.give_up(),
                Poll::Pending => break,
            }
        }
        self.keep(rest);
    }

    /// Writes the backlog on, and says whether anything moved.
    pub(super) fn poll_flush(&mut self, task: &mut Context<'_>) -> bool {
        if self.is_clear() {
            return false;
        }
        let moved = self.poll_backlog(task);
        if self.backlog.is_empty() && self.unflushed {
            match Pin::new(&mut *self.conn).poll_flush(task) {
                Poll::Ready(Ok(())) => self.unflushed = false,
                Poll::Ready(Err(_)) => self.give_up(),
                Poll::Pending => {}
            }
        }
        if self.is_clear() {
            self.blocked_since = None;
            return true;
        }
        if moved {
            self.blocked_since = None;
        }
        self.blocked_since.get_or_insert_with(Instant::now);
        moved
    }

    fn poll_backlog(&mut self, task: &mut Context<'_>) -> bool {
        let mut moved = false;
        while !self.backlog.is_empty() {
            match Pin::new(&mut *self.conn).poll_write(task, &self.backlog) {
                Poll::Ready(Ok(written)) if written > 0 => {
                    self.backlog.advance(written);
                    self.passed += written as u64;
                    self.unflushed = true;
                    moved = true;
                }
                Poll::Ready(_) => self.give_up(),
                Poll::Pending => return moved,
            }
        }
        // An empty `BytesMut` keeps its room, which an idle session must not.
        self.backlog = BytesMut::new();
        moved
    }
}
