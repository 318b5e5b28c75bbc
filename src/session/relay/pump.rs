//! Both directions of a relay as one poll function: it reads where there is room, asks the
//! [`Exchange`] what the bytes mean, and writes.
//!
//! Bytes are read into the stack and written from there; only what a slow peer does not take is
//! kept. An idle session owns no buffer.

use crate::limits::{RELAY_BACKLOG_MAX, RELAY_CHUNK, RELAY_ROUNDS, RELAY_TICK, TORN_END};
use crate::net::conn::Conn;
use crate::pop3::exchange::{Exchange, Output, Quit, Replied, Step, Violation};
use crate::time::{Duration, Instant};
use bytes::{Buf, BytesMut};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Why the pump stands still.
#[derive(Debug)]
pub(super) enum Stop {
    /// Bytes flow again after a rest.
    Active,
    /// QUIT is answered.
    QuitAnswered,
    /// The client has left without QUIT, and has what it asked for.
    ClientGone,
    /// The backend has ended its connection.
    BackendEnded,
    /// The backend broke the protocol.
    Violation(Violation),
}

/// The state of both directions.
pub(super) struct Pump {
    pub(super) exchange: Exchange,
    pub(super) to_client: Lane,
    pub(super) to_backend: Lane,
    out: Output,
    /// The last octets of the backend, as long as they are too few to tell what they are.
    undecided: Vec<u8>,
    backend_ended: bool,
    /// When the backend said something last.
    backend_spoke: Instant,
    /// Since when the client's sending side is shut.
    pub(super) client_ended: Option<Instant>,
    /// When a byte moved last.
    pub(super) last_activity: Instant,
    /// Whether the next byte is worth a [`Stop::Active`].
    pub(super) resting: bool,
}

/// What goes one way.
#[derive(Default)]
pub(super) struct Lane {
    /// What the peer has not taken yet.
    backlog: BytesMut,
    /// A TLS layer may still hold bytes.
    unflushed: bool,
    /// Writing failed: what is sent this way is thrown away.
    broken: bool,
    /// Since when the peer has taken nothing although something waits for it.
    blocked_since: Option<Instant>,
    pub(super) octets: u64,
}

impl Pump {
    pub(super) fn new(exchange: Exchange) -> Self {
        Self {
            exchange,
            to_client: Lane::default(),
            to_backend: Lane::default(),
            out: Output::default(),
            undecided: Vec::new(),
            backend_ended: false,
            backend_spoke: Instant::now(),
            client_ended: None,
            last_activity: Instant::now(),
            resting: false,
        }
    }

    /// Bytes that were read before the pump began.
    pub(super) fn preload(
        &mut self,
        welcome: &[u8],
        client: &[u8],
        backend: &[u8],
        replied: &mut dyn FnMut(&Replied),
    ) -> Result<(), Violation> {
        self.to_client.keep(welcome);
        // It was sent before the backend saw a command: it answers none, and is swallowed.
        let mut early = backend;
        while let Step::Swallow(octets @ 1..) = self.early(early)? {
            early = &early[octets..];
        }
        self.exchange.client_bytes(client, &mut self.out);
        self.keep_output(replied);
        Ok(())
    }

    fn early(&mut self, backend: &[u8]) -> Result<Step, Violation> {
        if backend.is_empty() {
            return Ok(Step::Swallow(0));
        }
        self.exchange.backend_bytes(backend, &mut self.out)
    }

    /// Moves bytes until there is nothing to move, or something to decide.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        client: &mut Conn,
        backend: &mut Conn,
        replied: &mut dyn FnMut(&Replied),
    ) -> Poll<Stop> {
        for _ in 0..RELAY_ROUNDS {
            match self.round(cx, client, backend, replied) {
                Ok(true) => {}
                Ok(false) => return Poll::Pending,
                Err(stop) => return Poll::Ready(stop),
            }
            self.last_activity = Instant::now();
            if std::mem::take(&mut self.resting) {
                return Poll::Ready(Stop::Active);
            }
        }
        // There is more; but first the others in this task have a look at the time.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Reads and writes once each way; says whether anything moved.
    fn round(
        &mut self,
        cx: &mut Context<'_>,
        client: &mut Conn,
        backend: &mut Conn,
        replied: &mut dyn FnMut(&Replied),
    ) -> Result<bool, Stop> {
        let mut moved = self.to_backend.poll_flush(cx, backend);
        moved |= self.to_client.poll_flush(cx, client);
        if let Some(stop) = self.finished() {
            return Err(stop);
        }
        if self.to_client.is_clear() {
            let read = self.poll_backend(cx, client, backend, replied);
            moved |= read.map_err(Stop::Violation)?;
        }
        if self.wants_client_bytes() {
            let read = self.poll_client(cx, client, backend, replied);
            moved |= read.ok_or(Stop::ClientGone)?;
        }
        Ok(moved)
    }

    /// Octets that the client has got, if so many that were written are not acknowledged.
    pub(super) fn delivered(&self, unacknowledged: usize) -> u64 {
        let on_their_way = self.to_client.backlog.len() + unacknowledged;
        self.to_client.octets.saturating_sub(on_their_way as u64)
    }

    /// Whether nothing is under way: the client has what it asked for, and nobody is kept waiting.
    pub(super) fn is_at_rest(&self) -> bool {
        self.exchange.is_at_rest()
            && self.undecided.is_empty()
            && self.to_client.is_clear()
            && self.to_backend.is_clear()
    }

    /// What the backend's silence says.
    pub(super) fn time_passes(
        &mut self,
        now: Instant,
        replied: &mut dyn FnMut(&Replied),
    ) -> Result<(), Violation> {
        // As long as the client takes nothing the backend is not read, and not silent.
        if !self.to_client.is_clear() {
            self.backend_spoke = now;
            return Ok(());
        }
        let silence = self.silence(now);
        if silence >= TORN_END {
            self.decide(replied)?;
        }
        if silence >= RELAY_TICK {
            self.exchange.backend_is_silent(silence, &mut self.out);
            self.keep_output(replied);
        }
        Ok(())
    }

    /// Nothing follows what was held back.
    fn decide(&mut self, replied: &mut dyn FnMut(&Replied)) -> Result<(), Violation> {
        let undecided = std::mem::take(&mut self.undecided);
        let mut rest = &undecided[..];
        while !rest.is_empty() {
            let octets = match self.exchange.backend_pauses(rest, &mut self.out)? {
                Step::Forward(octets) => {
                    self.to_client.keep(&rest[..octets]);
                    octets
                }
                Step::Swallow(octets) => octets,
                Step::Hold => rest.len(),
            };
            rest = &rest[octets..];
            self.keep_output(replied);
        }
        Ok(())
    }

    /// What popgate answers itself is more than what it reads, so a client that takes nothing is
    /// not asked for more.
    fn wants_client_bytes(&self) -> bool {
        self.client_ended.is_none()
            && self.to_backend.is_clear()
            && self.to_client.backlog.len() < RELAY_BACKLOG_MAX
            && self.exchange.wants_client_bytes()
    }

    /// The backend is not needed any more. What the client has not taken yet does not matter
    /// here: it gets that when the lock has gone on.
    fn finished(&self) -> Option<Stop> {
        match self.exchange.quit() {
            Quit::Answered { .. } => Some(Stop::QuitAnswered),
            _ if self.backend_ended => Some(Stop::BackendEnded),
            _ if self.client_ended.is_some() && self.client_has_all() => Some(Stop::ClientGone),
            _ => None,
        }
    }

    /// A client that will say nothing more has the answers to all that it said, or takes none.
    /// Where nobody knows what is still due that is settled by the backend's silence.
    fn client_has_all(&self) -> bool {
        let nothing_is_due = self.exchange.awaiting() == 0 && !self.exchange.opaque();
        self.to_client.broken || (nothing_is_due && self.is_at_rest())
    }

    /// How long the backend has said nothing.
    pub(super) fn silence(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.backend_spoke)
    }

    /// Reads the backend once.
    fn poll_backend(
        &mut self,
        cx: &mut Context<'_>,
        client: &mut Conn,
        backend: &mut Conn,
        replied: &mut dyn FnMut(&Replied),
    ) -> Result<bool, Violation> {
        let mut room = [MaybeUninit::uninit(); RELAY_CHUNK];
        let mut chunk = ReadBuf::uninit(&mut room);
        chunk.put_slice(&self.undecided);
        let read = Pin::new(&mut *backend).poll_read(cx, &mut chunk);
        if read.is_pending() {
            if self.undecided.is_empty() {
                self.exchange.backend_is_read(&mut self.out);
            }
            return Ok(self.write_output(cx, client, backend, replied));
        }
        let ended = chunk.filled().len() == self.undecided.len();
        self.backend_spoke = Instant::now();
        if ended {
            self.decide(replied)?;
            self.backend_ended = true;
            self.exchange.backend_closed();
            return Ok(true);
        }
        self.undecided.clear();
        let mut rest = chunk.filled();
        while !rest.is_empty() {
            let taken = match self.exchange.backend_bytes(rest, &mut self.out)? {
                Step::Forward(octets) => {
                    self.to_client.write(cx, client, &rest[..octets]);
                    octets
                }
                Step::Swallow(octets) => octets,
                Step::Hold => {
                    self.undecided.extend_from_slice(rest);
                    rest.len()
                }
            };
            rest = &rest[taken..];
            self.write_output(cx, client, backend, replied);
        }
        Ok(true)
    }

    /// Reads the client once; says whether anything came. `None`: the connection is broken.
    fn poll_client(
        &mut self,
        cx: &mut Context<'_>,
        client: &mut Conn,
        backend: &mut Conn,
        replied: &mut dyn FnMut(&Replied),
    ) -> Option<bool> {
        let mut room = [MaybeUninit::uninit(); RELAY_CHUNK];
        let mut chunk = ReadBuf::uninit(&mut room);
        match Pin::new(&mut *client).poll_read(cx, &mut chunk) {
            Poll::Pending => return Some(false),
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(_)) => return None,
        }
        if chunk.filled().is_empty() {
            self.client_ended = Some(Instant::now());
            return Some(true);
        }
        self.exchange.client_bytes(chunk.filled(), &mut self.out);
        self.write_output(cx, client, backend, replied);
        Some(true)
    }

    /// Says whether there was any.
    fn write_output(
        &mut self,
        cx: &mut Context<'_>,
        client: &mut Conn,
        backend: &mut Conn,
        replied: &mut dyn FnMut(&Replied),
    ) -> bool {
        if self.out == Output::default() {
            return false;
        }
        self.out.replied.drain(..).for_each(|reply| replied(&reply));
        self.to_client.write(cx, client, &self.out.to_client);
        self.to_backend.write(cx, backend, &self.out.to_backend);
        self.out = Output::default();
        true
    }

    fn keep_output(&mut self, replied: &mut dyn FnMut(&Replied)) {
        self.out.replied.drain(..).for_each(|reply| replied(&reply));
        self.to_client.keep(&self.out.to_client);
        self.to_backend.keep(&self.out.to_backend);
        self.out = Output::default();
    }
}

impl Lane {
    /// Since when the peer has taken nothing although something waits for it.
    pub(super) fn blocked_since(&self) -> Option<Instant> {
        self.blocked_since
    }

    /// Ready when the peer has taken everything, or never will.
    pub(super) fn poll_clear(&mut self, cx: &mut Context<'_>, conn: &mut Conn) -> Poll<()> {
        while !self.is_clear() {
            if !self.poll_flush(cx, conn) {
                return Poll::Pending;
            }
        }
        Poll::Ready(())
    }

    /// Everything is written and flushed, or never will be.
    fn is_clear(&self) -> bool {
        self.backlog.is_empty() && !self.unflushed
    }

    /// Gives the peer up: what waits for it, and what comes, is thrown away.
    pub(super) fn give_up(&mut self) {
        self.broken = true;
        self.unflushed = false;
        self.blocked_since = None;
        self.backlog = BytesMut::new();
    }

    fn keep(&mut self, bytes: &[u8]) {
        if !self.broken {
            self.backlog.extend_from_slice(bytes);
            self.octets += bytes.len() as u64;
        }
    }

    /// Writes `bytes` behind what waits already; keeps what the peer does not take now.
    fn write(&mut self, cx: &mut Context<'_>, conn: &mut Conn, bytes: &[u8]) {
        let mut rest = bytes;
        while !self.broken && !rest.is_empty() && self.backlog.is_empty() {
            match Pin::new(&mut *conn).poll_write(cx, rest) {
                Poll::Ready(Ok(written)) if written > 0 => {
                    rest = &rest[written..];
                    self.octets += written as u64;
                    self.unflushed = true;
                }
                Poll::Ready(_) => self.give_up(),
                Poll::Pending => break,
            }
        }
        self.keep(rest);
    }

    /// Writes on what waits, and says whether anything moved.
    fn poll_flush(&mut self, cx: &mut Context<'_>, conn: &mut Conn) -> bool {
        if self.is_clear() {
            return false;
        }
        let moved = self.poll_backlog(cx, conn);
        if self.backlog.is_empty() && self.unflushed {
            match Pin::new(conn).poll_flush(cx) {
                Poll::Ready(Ok(())) => self.unflushed = false,
                Poll::Ready(Err(_)) => self.give_up(),
                Poll::Pending => {}
            }
        }
        let still = !self.is_clear();
        let since = if moved { None } else { self.blocked_since };
        self.blocked_since = still.then(|| since.unwrap_or_else(Instant::now));
        moved || !still
    }

    fn poll_backlog(&mut self, cx: &mut Context<'_>, conn: &mut Conn) -> bool {
        let mut moved = false;
        while !self.backlog.is_empty() {
            match Pin::new(&mut *conn).poll_write(cx, &self.backlog) {
                Poll::Ready(Ok(written)) if written > 0 => {
                    self.backlog.advance(written);
                    self.unflushed = true;
                    moved = true;
                }
                Poll::Ready(_) => self.give_up(),
                Poll::Pending => return moved,
            }
        }
        self.backlog = BytesMut::new();
        moved
    }
}
