//! What a relay reads from its peers, and what becomes of it.

use super::Pump;
use crate::limits::{RELAY_BACKLOG_MAX, RELAY_BULK_CHUNK, RELAY_CHUNK};
use crate::pop3::exchange::{Disposition, Output, Quit, Violation};
use crate::time::Instant;
use std::mem::MaybeUninit;
use std::task::{Context, Poll};
use tokio::io::ReadBuf;

impl Pump<'_, '_> {
    /// Reads once from each peer, and writes what follows; says whether anything moved.
    pub(super) fn read(&mut self, task: &mut Context<'_>) -> bool {
        // A client that takes nothing holds up its backend: else all of a message would wait here.
        let from_backend = self.client.is_clear() && self.read_backend(task);
        let from_client = self.wants_client_bytes() && self.read_client(task);
        from_backend || from_client
    }

    /// A mail, for a client that has taken all so far: what it does not take waits here.
    fn reads_in_bulk(&self) -> bool {
        self.exchange.awaits_body() && !self.client_is_slow
    }

    /// What popgate answers itself is more than what it reads, so a client that takes nothing is
    /// not asked for more.
    fn wants_client_bytes(&self) -> bool {
        self.violation.is_none()
            && self.client_ended.is_none()
            && self.backend.is_clear()
            && self.client.backlog() < RELAY_BACKLOG_MAX
            && self.exchange.wants_client_bytes()
    }

    /// Reads the backend once; says whether anything moved.
    fn read_backend(&mut self, task: &mut Context<'_>) -> bool {
        if self.reads_in_bulk() {
            return self.read_backend_in_bulk(task);
        }
        // Uninitialised: a poll that finds nothing need not clear 16 KiB.
        self.read_backend_into(&mut [MaybeUninit::uninit(); RELAY_CHUNK], task)
    }

    /// A function of its own: each call of one with so much on the stack touches all of it.
    #[inline(never)]
    fn read_backend_in_bulk(&mut self, task: &mut Context<'_>) -> bool {
        self.read_backend_into(&mut [MaybeUninit::uninit(); RELAY_BULK_CHUNK], task)
    }

    fn read_backend_into(&mut self, room: &mut [MaybeUninit<u8>], task: &mut Context<'_>) -> bool {
        let mut chunk = ReadBuf::uninit(room);
        // What was held back goes first: the exchange sees it and what follows in one piece.
        chunk.put_slice(&self.undecided);
        if self.backend.poll_read(task, &mut chunk).is_pending() {
            return self.backend_has_no_more(task);
        }
        self.backend_spoke = Instant::now();
        // An error is an end too: the backend reset the connection.
        let taken = if chunk.filled().len() == self.undecided.len() {
            self.backend_closed()
        } else {
            self.undecided.clear();
            self.take_backend_bytes(task, chunk.filled())
        };
        self.violation = taken.err();
        self.client_is_slow = self.client.backlog() > 0;
        let more_chunks = (chunk.filled().len() / RELAY_CHUNK).saturating_sub(1);
        self.rounds = self.rounds.saturating_sub(more_chunks);
        true
    }

    /// All that the backend has sent so far is taken in.
    fn backend_has_no_more(&mut self, task: &mut Context<'_>) -> bool {
        let mut out = Output::default();
        if self.undecided.is_empty() {
            self.exchange.backend_is_read(&mut out);
        }
        self.send_output(task, out)
    }

    fn backend_closed(&mut self) -> Result<(), Violation> {
        // Nothing follows what was held back, and it came before the end.
        self.decide()?;
        self.backend_ended = true;
        self.exchange.backend_closed();
        Ok(())
    }

    fn take_backend_bytes(
        &mut self,
        task: &mut Context<'_>,
        bytes: &[u8],
    ) -> Result<(), Violation> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let mut out = Output::default();
            let taken = match self.exchange.backend_bytes(rest, &mut out)? {
                Disposition::Forward(octets) => {
                    self.client.write(task, &rest[..octets]);
                    octets
                }
                Disposition::Swallow(octets) => octets,
                Disposition::Hold => {
                    self.undecided.extend_from_slice(rest);
                    rest.len()
                }
            };
            rest = &rest[taken..];
            self.send_output(task, out);
        }
        Ok(())
    }

    /// Reads the client once; says whether anything came.
    fn read_client(&mut self, task: &mut Context<'_>) -> bool {
        let mut room = [MaybeUninit::uninit(); RELAY_CHUNK];
        let mut chunk = ReadBuf::uninit(&mut room);
        match self.client.poll_read(task, &mut chunk) {
            Poll::Pending => return false,
            Poll::Ready(Err(_)) => self.client_broke = true,
            Poll::Ready(Ok(())) if chunk.filled().is_empty() => {
                self.client_ended = Some(Instant::now());
            }
            Poll::Ready(Ok(())) => {
                let out = self.take_client_bytes(chunk.filled());
                self.send_output(task, out);
            }
        }
        true
    }

    pub(super) fn take_client_bytes(&mut self, bytes: &[u8]) -> Output {
        let mut out = Output::default();
        self.exchange.client_bytes(bytes, &mut out);
        if let Some(keyword) = self.exchange.last_command() {
            self.session.commanded(keyword);
            self.session.traced(self.exchange.trace());
        }
        // Whoever kicked the session before has been told that its QUIT will not come.
        if self.exchange.quit() != Quit::None && !self.session.quit_sent() {
            return Output::default();
        }
        out
    }
}
