//! Both directions of a relay as one poll function: it reads where there is room, asks the
//! [`Exchange`] what the bytes mean, writes, and yields what the session has to know as
//! [`PumpEvent`]s.
//!
//! Bytes are read into the stack and written from there; only what a slow peer does not take is
//! kept. An idle session owns no buffer.

mod listing;
mod reads;

use self::listing::OwnQuestions;
use super::endpoint::Endpoint;
use crate::gate::SessionHandle;
use crate::limits::{RELAY_ROUNDS, RELAY_TICK, TORN_END};
use crate::net::conn::Conn;
use crate::pop3::exchange::{Disposition, Exchange, Output, Quit, Replied, Violation};
use crate::pop3::listing::{MaildropListing, NotWhole};
use crate::pop3::reply::Status;
use crate::pop3::uidl_digest::ListingDigest;
use crate::time::{Duration, Instant};
use std::mem::take;
use std::sync::Arc;
use std::task::{Context, Poll};

/// What the session has to know. From `Kicked` on they are its end.
#[derive(Debug)]
pub(super) enum PumpEvent {
    /// Status lines of the backend are whole.
    Replied(Vec<Replied>),
    /// A UIDL listing other than the last one has passed whole.
    Listed(ListingDigest),
    /// STAT, LIST and UIDL were answered: all of the maildrop, or why not.
    ListedAll(Result<Arc<MaildropListing>, NotWhole>),
    /// The client has sent a DELE or QUIT.
    Updates,
    /// Bytes flow again after a rest.
    Resumed,
    /// Somebody has kicked the session before its client sent QUIT.
    Kicked,
    /// QUIT is answered.
    QuitAnswered,
    /// The backend broke the protocol.
    Violation(Violation),
    /// The client has left without QUIT, and has what it asked for.
    ClientGone,
    /// The backend has ended its connection.
    BackendEnded,
}

/// Both connections of a session, and the state of what flows between them.
pub(super) struct Pump<'client, 'backend> {
    session: Arc<SessionHandle>,
    client: Endpoint<'client>,
    backend: Endpoint<'backend>,
    exchange: Exchange,
    /// The last octets of the backend, while they are too few to tell what they are.
    undecided: Vec<u8>,
    /// Status lines that were not yielded yet.
    replied: Vec<Replied>,
    /// The listing that was yielded last.
    listed: Option<ListingDigest>,
    /// It was yielded that the client has sent a DELE or QUIT.
    told_update: bool,
    own_questions: OwnQuestions,
    violation: Option<Violation>,
    backend_ended: bool,
    /// It did not take all of the last read.
    client_is_slow: bool,
    /// When the backend said something last.
    backend_spoke: Instant,
    /// Since when the client's sending side is shut.
    client_ended: Option<Instant>,
    /// Reading from the client failed.
    client_broke: bool,
    /// When a byte moved last.
    last_activity: Instant,
    /// What the client had got at the last look, where there was more on the way to it.
    delivering: Option<u64>,
    /// The next byte is worth a [`PumpEvent::Resumed`].
    resting: bool,
    resumed: bool,
    /// How many rounds are left before the others in this task have their turn.
    rounds: usize,
}

impl<'client, 'backend> Pump<'client, 'backend> {
    /// A pump that takes in what came before it: `welcome` is the answer to the login, without
    /// its line end, where the client has not seen one.
    pub(super) fn new(
        session: Arc<SessionHandle>,
        client: &'client mut Conn,
        backend: &'backend mut Conn,
        exchange: Exchange,
        welcome: Option<&[u8]>,
    ) -> Self {
        let now = Instant::now();
        let mut pump = Self {
            session,
            client: Endpoint::new(client),
            backend: Endpoint::new(backend),
            exchange,
            undecided: Vec::new(),
            replied: Vec::new(),
            listed: None,
            told_update: false,
            own_questions: OwnQuestions::default(),
            violation: None,
            backend_ended: false,
            client_is_slow: false,
            backend_spoke: now,
            client_ended: None,
            client_broke: false,
            last_activity: now,
            delivering: None,
            resting: false,
            resumed: false,
            rounds: RELAY_ROUNDS,
        };
        if let Some(welcome) = welcome {
            pump.client.keep(&[welcome, b"\r\n"].concat());
        }
        pump.violation = pump.take_in_early_bytes().err();
        pump
    }

    fn take_in_early_bytes(&mut self) -> Result<(), Violation> {
        let early = self.backend.take_input();
        let mut out = Output::default();
        let mut rest = &early[..];
        while !rest.is_empty() {
            // It came before the backend saw a command, so it answers none.
            match self.exchange.backend_bytes(rest, &mut out)? {
                Disposition::Swallow(octets @ 1..) => rest = &rest[octets..],
                _ => break,
            }
        }
        self.keep_output(out);
        let ahead = self.client.take_input();
        let out = self.take_client_bytes(&ahead);
        self.keep_output(out);
        Ok(())
    }

    pub(super) fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    pub(super) fn client(&self) -> &Endpoint<'client> {
        &self.client
    }

    /// Probes the client hard or normally from now on.
    pub(super) fn probe_client_hard(&mut self, hard: bool) {
        self.client.probe_hard(hard);
    }

    /// Probes the backend from now on.
    pub(super) fn probe_backend(&mut self) {
        self.backend.probe_hard(false);
    }

    /// Why the session was kicked, where the operator has said so.
    pub(super) fn kick_reason(&self) -> Option<Arc<str>> {
        self.session.kick_reason()
    }

    /// Octets for the backend so far.
    pub(super) fn octets_to_backend(&self) -> u64 {
        self.backend.octets()
    }

    /// When a byte moved last.
    pub(super) fn last_activity(&self) -> Instant {
        self.last_activity
    }

    /// Since when the client's sending side is shut.
    pub(super) fn client_ended(&self) -> Option<Instant> {
        self.client_ended
    }

    /// How long the backend has said nothing.
    pub(super) fn silence(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.backend_spoke)
    }

    /// Whether nothing is under way: the client has what it asked for, and nobody is kept waiting.
    pub(super) fn is_at_rest(&self) -> bool {
        self.exchange.is_at_rest()
            && self.undecided.is_empty()
            && self.client.is_clear()
            && self.backend.is_clear()
    }

    /// Whether a client that has left cannot have all that it asked for.
    pub(super) fn client_lacks_something(&self) -> bool {
        let is_cut_off = self.client_broke && self.client.delivered() < self.client.octets();
        !self.exchange.is_at_rest() || self.client.is_broken() || is_cut_off
    }

    /// A client on a slow line is not silent while its kernel still gets what was written long ago.
    pub(super) fn watch_delivery(&mut self, now: Instant) {
        let delivered = self.client.delivered();
        if self.delivering.is_some_and(|before| delivered > before) {
            self.session.moved(now);
        }
        self.delivering = (delivered < self.client.octets()).then_some(delivered);
    }

    /// If nothing is under way, the next byte is worth a [`PumpEvent::Resumed`].
    pub(super) fn watch_for_traffic(&mut self) {
        self.resting = self.is_at_rest();
    }

    /// The client is not needed any more, and what it does not take is thrown away.
    pub(super) fn give_up_client(&mut self) {
        self.client.give_up();
    }

    /// Ends the pump; the client may not have taken all yet.
    pub(super) fn into_client(self) -> Endpoint<'client> {
        self.client
    }

    /// The next event; moves bytes until there is one. Cancel-safe.
    pub(super) fn poll_event(&mut self, task: &mut Context<'_>) -> Poll<PumpEvent> {
        loop {
            if let Some(event) = self.take_event() {
                return Poll::Ready(event);
            }
            if self.session.is_kicked() {
                return Poll::Ready(PumpEvent::Kicked);
            }
            let passed = self.client.passed();
            let flushed = self.flush(task);
            if let Some(end) = self.end() {
                return Poll::Ready(end);
            }
            if self.rounds == 0 {
                // There is more. But two peers that are both quicker than popgate would keep the
                // session from its clock, its waiters and a stop.
                self.rounds = RELAY_ROUNDS;
                task.waker().wake_by_ref();
                return Poll::Pending;
            }
            self.rounds -= 1;
            if !self.read(task) && !flushed {
                self.rounds = RELAY_ROUNDS;
                // Registered only here: a round that moves bytes looks for a kick by itself.
                return self.session.poll_kicked(task).map(|()| PumpEvent::Kicked);
            }
            self.last_activity = Instant::now();
            self.own_questions.note(self.exchange.asks_itself());
            // An end is none of the client's words: it tells for how long there were none, and
            // whether a reply was due then.
            if !self.is_cut() {
                // Nor is what a backend says that takes its leave.
                if self.client.passed() > passed {
                    self.session.moved(self.last_activity);
                }
                self.session.awaits_reply(self.exchange.awaiting() > 0);
            }
            self.resumed |= take(&mut self.resting);
            self.session.relayed(
                self.exchange.tally(),
                self.client.octets(),
                self.backend.octets(),
            );
        }
    }

    /// An event that is there already, if there is one.
    fn take_event(&mut self) -> Option<PumpEvent> {
        if !self.replied.is_empty() {
            return Some(PumpEvent::Replied(take(&mut self.replied)));
        }
        let listed = self.exchange.uidl();
        if listed != self.listed {
            self.listed = listed;
            return listed.map(PumpEvent::Listed);
        }
        if !self.told_update && self.updates() {
            self.told_update = true;
            return Some(PumpEvent::Updates);
        }
        if let Some(listing) = self.exchange.take_listing() {
            return Some(PumpEvent::ListedAll(listing.map(Arc::new)));
        }
        take(&mut self.resumed).then_some(PumpEvent::Resumed)
    }

    /// Why nothing is moved any more. What the client has not taken yet does not matter here: it
    /// gets that when the lock has been handed over.
    fn end(&self) -> Option<PumpEvent> {
        // First: whatever else has happened, an answered QUIT is how the session ends.
        if matches!(self.exchange.quit(), Quit::Answered { .. }) {
            return Some(PumpEvent::QuitAnswered);
        }
        if let Some(violation) = self.violation {
            return Some(PumpEvent::Violation(violation));
        }
        if self.client_broke {
            return Some(PumpEvent::ClientGone);
        }
        if self.backend_ended {
            return Some(PumpEvent::BackendEnded);
        }
        (self.client_ended.is_some() && self.client_has_all()).then_some(PumpEvent::ClientGone)
    }

    /// Whether one side is over.
    fn is_cut(&self) -> bool {
        self.client_ended.is_some() || self.client_broke || self.backend_ended
    }

    /// A client that will say nothing more has the answers to all that it said, or takes none.
    /// Where nobody knows what is still due, the backend's silence settles that.
    fn client_has_all(&self) -> bool {
        let nothing_is_due = self.exchange.awaiting() == 0 && !self.exchange.opaque();
        self.client.is_broken() || (nothing_is_due && self.is_at_rest())
    }

    /// Writes on what waits, both ways; says whether anything moved.
    fn flush(&mut self, task: &mut Context<'_>) -> bool {
        // Both are polled, since each leaves its waker: `||` over the calls would skip one.
        let to_backend = self.backend.poll_flush(task);
        let to_client = self.client.poll_flush(task);
        to_backend || to_client
    }

    /// What the backend's silence says; where that is the end, it is yielded.
    pub(super) fn check_silence(&mut self, now: Instant) -> Option<PumpEvent> {
        // As long as the client takes nothing the backend is not read, and not silent.
        if !self.client.is_clear() {
            self.backend_spoke = now;
            return None;
        }
        let silence = self.silence(now);
        if silence >= TORN_END {
            self.violation = self.decide().err();
        }
        if silence >= RELAY_TICK && self.violation.is_none() {
            let mut out = Output::default();
            self.exchange.backend_is_silent(silence, &mut out);
            self.keep_output(out);
        }
        self.violation.map(PumpEvent::Violation)
    }

    /// Nothing follows what was held back: it is taken for what it is by itself.
    fn decide(&mut self) -> Result<(), Violation> {
        let undecided = take(&mut self.undecided);
        let mut rest = &undecided[..];
        while !rest.is_empty() {
            let mut out = Output::default();
            let taken = match self.exchange.backend_pauses(rest, &mut out)? {
                Disposition::Forward(octets) => {
                    self.client.keep(&rest[..octets]);
                    octets
                }
                Disposition::Swallow(octets) => octets,
                Disposition::Hold => rest.len(),
            };
            rest = &rest[taken..];
            self.keep_output(out);
        }
        Ok(())
    }

    /// Says whether there was any.
    fn send_output(&mut self, task: &mut Context<'_>, out: Output) -> bool {
        if out == Output::default() {
            return false;
        }
        self.client.write(task, &out.to_client);
        self.backend.write(task, &out.to_backend);
        self.take_replies(out);
        true
    }

    /// As [`send_output`](Self::send_output), where there is no task to write in: the next poll
    /// writes it.
    fn keep_output(&mut self, out: Output) {
        self.client.keep(&out.to_client);
        self.backend.keep(&out.to_backend);
        self.take_replies(out);
    }

    /// Of the error lines that the client is sent, the session shows the last one.
    fn take_replies(&mut self, out: Output) {
        let mut errors = out.replied.iter().filter(|it| it.status == Status::Err);
        let refused = out.refusal.map(str::as_bytes);
        if let Some(line) = refused.or(errors.next_back().map(|reply| reply.line.as_slice())) {
            self.session.refused(line);
        }
        if self.replied.is_empty() {
            self.replied = out.replied;
        } else {
            self.replied.extend(out.replied);
        }
    }
}

#[cfg(test)]
mod tests;
