//! The TRANSACTION and UPDATE states (RFC 1939 sections 5 and 6): bytes flow both ways at once,
//! until QUIT is answered or something else ends the session.

mod idleness;
mod pump;
mod twin;

use super::backend_conn::BackendConnection;
use super::context::{Context, Stage};
use super::record::{Record, SessionEnd};
use super::{LoggedIn, authorization, farewell};
use crate::dialect;
use crate::limits::{
    CLIENT_WRITE_STALL, HALF_CLOSED, HALF_CLOSED_SILENCE, PREEMPT_AGAIN, PREEMPT_BETWEEN,
    PREEMPT_IDLE_LONG, RELAY_TICK,
};
use crate::net::conn::Conn;
use crate::observe::event::{Culprit, End, Event, Preemption};
use crate::policy::poll::Poll;
use crate::policy::tenant::LoginPolicy;
use crate::policy::twins::Session;
use crate::pop3::capability;
use crate::pop3::exchange::{Exchange, Options, Quit, Replied, Violation};
use crate::pop3::reply::Status;
use crate::time::{Duration, Instant};
use idleness::{Idleness, Seen};
use pump::{Pump, Stop};
use std::future::poll_fn;
use tokio::sync::watch;
use twin::Twin;

/// Relays until the end. The lock goes on when the backend has let go, which is not waited for
/// here: the client has its last answer by then.
pub(super) async fn relay(cx: &Context, record: &mut Record, session: LoggedIn) -> SessionEnd {
    let LoggedIn {
        mut client,
        tenant,
        mut lock,
        places,
        asked,
        welcome,
    } = session;
    let contended = lock.contended();
    let key = lock.key().cloned();
    let Some(connection) = lock.connection() else {
        return SessionEnd::fault(
            End::Panicked,
            Culprit::Proxy,
            "a login without a connection",
        );
    };
    let exchange = exchange(cx, &client, &tenant, connection);
    let twin = key
        .zip(record.summary.maildrop.clone())
        .map(|(key, login)| Session {
            id: record.session(),
            backend: connection.backend().options().name.clone(),
            key,
            login,
            tenant: std::sync::Arc::clone(&tenant),
        });
    let mut relay = Relay {
        cx,
        twin: twin.map(|session| Twin::new(cx, session)),
        tenant: &tenant,
        pump: Pump::new(exchange),
        idleness: Idleness::default(),
        contended,
    };
    let early = std::mem::take(&mut client.conn.input);
    let loaded = relay.preload(&welcome, &early, connection);
    // An idle session keeps nothing of what came before it.
    drop((welcome, early));
    let end = match loaded {
        Ok(()) => relay.run(record, &mut client.conn, connection).await,
        Err(end) => end,
    };
    relay.account(record);
    relay.twin = None;
    if matches!(relay.pump.exchange.quit(), Quit::Answered { .. }) {
        lock.quit_answered();
    }
    if record.summary.deleted > 0
        && let Some(maildrop) = lock.key()
    {
        let poll = Poll {
            maildrop,
            client: client.peer.prefix(),
            address: client.peer.address.ip(),
            asked,
            proven: true,
        };
        cx.admission
            .deleted(&tenant.rules.polls, &poll, Instant::now());
    }
    record.lock_given();
    drop((lock, places));
    relay.deliver_rest(&end, &mut client.conn).await;
    farewell(client.conn, b"").await;
    end
}

fn exchange(
    cx: &Context,
    client: &super::client::Client,
    tenant: &LoginPolicy,
    connection: &BackendConnection,
) -> Exchange {
    let backend = connection.backend().capabilities_inside();
    let backend = backend.unwrap_or_default();
    let capa_reply = capability::client_reply(
        &cx.offered_inside(),
        authorization::offer(cx, client, Some(tenant)),
    );
    Exchange::new(Options {
        pipelining: backend.pipelining,
        capa_reply,
    })
}

struct Relay<'a> {
    cx: &'a Context,
    tenant: &'a LoginPolicy,
    twin: Option<Twin<'a>>,
    pump: Pump,
    idleness: Idleness,
    /// Whether somebody waits for this maildrop in the main lane.
    contended: watch::Receiver<bool>,
}

/// What woke the relay.
enum Wake {
    Pump(Stop),
    Contended,
    Tick,
    Stage(Stage),
}

impl Relay<'_> {
    async fn run(
        &mut self,
        record: &Record,
        client: &mut Conn,
        connection: &mut BackendConnection,
    ) -> SessionEnd {
        let mut contended = self.contended.clone();
        if *contended.borrow_and_update() {
            client.io().probe_hard(true);
        }
        let mut tick = Box::pin(tokio::time::sleep(RELAY_TICK));
        loop {
            let replies = Replies {
                cx: self.cx,
                backend: connection.backend().clone(),
            };
            let last_stage = self.last_stage();
            let wake = tokio::select! {
                biased;
                stop = poll_fn(|cx| {
                    let tell = &mut |reply: &Replied| replies.tell(reply);
                    let polled = self.pump.poll(cx, client, connection.conn(), tell);
                    let listed = self.pump.exchange.uidl();
                    self.twin.iter_mut().for_each(|twin| twin.look(listed));
                    polled
                }) => Wake::Pump(stop),
                Ok(()) = contended.changed() => Wake::Contended,
                () = &mut tick => Wake::Tick,
                () = self.cx.stage_reached(last_stage) => Wake::Stage(last_stage),
            };
            match wake {
                Wake::Pump(Stop::Active) => {
                    // Part of a command alone, which looks like rest, may have come.
                    tick.as_mut().reset(Instant::now() + RELAY_TICK);
                    continue;
                }
                Wake::Pump(stop) => return self.stopped(&stop),
                Wake::Contended => client.io().probe_hard(*contended.borrow_and_update()),
                Wake::Tick => {
                    if let Some(end) = self.look(record, client, &replies) {
                        return end;
                    }
                }
                // QUIT may have come since the stage was chosen.
                Wake::Stage(stage) if stage < self.last_stage() => {}
                Wake::Stage(_) => return SessionEnd::well(End::Shutdown),
            }
            tick.as_mut().reset(self.next_look());
        }
    }

    /// Takes in what came before the relay.
    fn preload(
        &mut self,
        welcome: &[u8],
        early: &[u8],
        connection: &mut BackendConnection,
    ) -> Result<(), SessionEnd> {
        let replies = Replies {
            cx: self.cx,
            backend: connection.backend().clone(),
        };
        let welcome = [welcome, b"\r\n"].concat();
        let backend = std::mem::take(&mut connection.conn().input);
        let tell = &mut |reply: &Replied| replies.tell(reply);
        let loaded = self.pump.preload(&welcome, early, &backend, tell);
        loaded.map_err(|violation| self.stopped(&Stop::Violation(violation)))
    }

    /// The stage of a stop that ends this session: one that has sent QUIT is not cut while the
    /// gate closes, only at its very end.
    fn last_stage(&self) -> Stage {
        match self.pump.exchange.quit() {
            Quit::None => Stage::Closing,
            Quit::Sent | Quit::Answered { .. } => Stage::Closed,
        }
    }

    fn stopped(&self, stop: &Stop) -> SessionEnd {
        let quit = self.pump.exchange.quit();
        match (stop, quit) {
            (_, Quit::Answered { ok: true }) => SessionEnd::well(End::Quit),
            (_, Quit::Answered { ok: false }) => {
                let why = "the backend did not remove all deleted messages";
                SessionEnd::fault(End::QuitFailed, Culprit::Backend, why)
            }
            (Stop::Violation(violation), _) => {
                let end = match violation {
                    Violation::BehindBody(_) => End::BodyMisread,
                    _ => End::BackendGone,
                };
                SessionEnd::fault(end, Culprit::Backend, violation.to_string())
            }
            (Stop::ClientGone, _) => SessionEnd::well(End::Left),
            (_, Quit::Sent) => {
                let why = "the backend ended the connection without an answer to QUIT";
                SessionEnd::fault(End::QuitUnanswered, Culprit::Backend, why)
            }
            (_, Quit::None) => {
                let why = "the backend ended the connection";
                SessionEnd::fault(End::BackendGone, Culprit::Backend, why)
            }
        }
    }

    /// The client gets what it has not taken yet. The lock does not wait for that.
    async fn deliver_rest(&mut self, end: &SessionEnd, client: &mut Conn) {
        let may_have_more = matches!(
            end.end,
            End::Quit | End::QuitFailed | End::BackendGone | End::BodyMisread
        );
        if !may_have_more {
            return;
        }
        let taken = poll_fn(|cx| self.pump.to_client.poll_clear(cx, client));
        tokio::select! {
            _ = tokio::time::timeout(CLIENT_WRITE_STALL, taken) => {}
            () = self.cx.stage_reached(Stage::Closed) => {}
        }
    }

    /// What time alone decides.
    fn look(
        &mut self,
        record: &Record,
        client: &Conn,
        replies: &Replies<'_>,
    ) -> Option<SessionEnd> {
        let now = Instant::now();
        if let Some(since) = self.pump.to_client.blocked_since()
            && now.duration_since(since) >= CLIENT_WRITE_STALL
        {
            return self.stalled();
        }
        if now.duration_since(self.pump.last_activity) >= self.tenant.idle_timeout {
            return Some(self.timed_out());
        }
        let passed = self.pump.time_passes(now, &mut |reply| replies.tell(reply));
        if let Err(violation) = passed {
            return Some(self.stopped(&Stop::Violation(violation)));
        }
        if self.is_half_closed_for_too_long(now) {
            return Some(SessionEnd::well(End::Left));
        }
        self.observe(now, client);
        self.preempt(record, now)
    }

    /// A client that has shut its sending side waits for the rest of its answers: not for long
    /// while somebody else wants the maildrop, and not for ever otherwise. In an opaque session,
    /// and behind a lone dot, the backend's silence is the only sign that there is no rest.
    fn is_half_closed_for_too_long(&self, now: Instant) -> bool {
        let Some(since) = self.pump.client_ended else {
            return false;
        };
        let exchange = &self.pump.exchange;
        let silence = if exchange.opaque() || exchange.is_at_rest() {
            RELAY_TICK
        } else {
            HALF_CLOSED_SILENCE
        };
        let contended = *self.contended.borrow() && now.duration_since(since) >= HALF_CLOSED;
        contended || self.pump.silence(now) >= silence
    }

    /// A client that has sent QUIT is not needed any more.
    fn stalled(&mut self) -> Option<SessionEnd> {
        if self.pump.exchange.quit() != Quit::None {
            self.pump.to_client.give_up();
            return None;
        }
        let why = "it took no byte of a reply for too long";
        Some(SessionEnd::fault(End::Stalled, Culprit::Client, why))
    }

    fn timed_out(&self) -> SessionEnd {
        match self.pump.exchange.quit() {
            Quit::None => SessionEnd::well(End::TimedOut),
            Quit::Sent | Quit::Answered { .. } => {
                let why = "the backend did not answer QUIT";
                SessionEnd::fault(End::QuitUnanswered, Culprit::Backend, why)
            }
        }
    }

    fn observe(&mut self, now: Instant, client: &Conn) {
        let (pump, exchange) = (&self.pump, &self.pump.exchange);
        let seen = Seen {
            progress: exchange.progress(),
            progress_is_awaited: exchange.progress_is_awaited(),
            octets: pump.to_client.octets,
            delivered: pump.delivered(client.io().unacknowledged()),
        };
        self.idleness.look(seen, now);
        self.pump.resting = self.pump.is_at_rest();
    }

    fn preempt(&self, record: &Record, now: Instant) -> Option<SessionEnd> {
        let (patience, reason) = self.patience()?;
        let at = self.preempt_at().filter(|_| !self.idleness.waits())?;
        // Between two replies, if there is such a moment.
        let by = if self.pump.is_at_rest() {
            at
        } else {
            at + PREEMPT_BETWEEN
        };
        if now < by {
            return None;
        }
        let (session, tenant) = (record.session(), self.tenant.name.clone());
        self.cx.events.emit(&Event::Preempted {
            session,
            tenant,
            reason,
        });
        let why = format!(
            "it was idle for {} s while another waited",
            patience.as_secs()
        );
        Some(SessionEnd::fault(End::Preempted, Culprit::Policy, why))
    }

    /// How long this session may be idle while another waits; `None`: it is not to be cut.
    fn patience(&self) -> Option<(Duration, Preemption)> {
        let preempt_idle = self.tenant.preempt_idle?;
        let exchange = &self.pump.exchange;
        let long = preempt_idle.max(PREEMPT_IDLE_LONG);
        match exchange.quit() {
            Quit::Sent | Quit::Answered { .. } => None,
            Quit::None if exchange.opaque() => Some((long, Preemption::IdleOpaque)),
            Quit::None if exchange.tally().marked > 0 => {
                Some((long, Preemption::IdleWithDeletions))
            }
            Quit::None => Some((preempt_idle, Preemption::Idle)),
        }
    }

    /// Every tick while something is under way, and more often while that alone keeps a holder from
    /// being pre-empted; at rest when the next thing falls due.
    fn next_look(&self) -> Instant {
        let now = Instant::now();
        let preempt_at = self.preempt_at();
        let next = if self.is_under_way() {
            let is_due = preempt_at.is_some_and(|at| at <= now);
            now + if is_due { PREEMPT_AGAIN } else { RELAY_TICK }
        } else {
            let idle = self.pump.last_activity + self.tenant.idle_timeout;
            preempt_at.map_or(idle, |at| at.min(idle))
        };
        next.max(now)
    }

    fn is_under_way(&self) -> bool {
        let half_closed = self.pump.client_ended.is_some();
        !self.pump.is_at_rest() || self.idleness.since().is_none() || half_closed
    }

    /// When this session has been idle for too long for those who wait.
    fn preempt_at(&self) -> Option<Instant> {
        let (patience, _) = self.patience().filter(|_| *self.contended.borrow())?;
        Some(self.idleness.since()? + patience)
    }

    /// Puts what was done into the record.
    fn account(&self, record: &mut Record) {
        let tally = self.pump.exchange.tally();
        let (to_client, to_backend) = (self.pump.to_client.octets, self.pump.to_backend.octets);
        self.cx.events.emit(&Event::Relayed {
            to_client,
            to_backend,
        });
        let summary = &mut record.summary;
        summary.commands += tally.commands;
        summary.bytes_to_client = to_client;
        summary.bytes_to_backend = to_backend;
        summary.listed = tally.listed;
        summary.retrieved = tally.retrieved;
        summary.deleted = tally.deleted;
    }
}

/// Tells of the backend's replies.
struct Replies<'a> {
    cx: &'a Context,
    backend: std::sync::Arc<crate::backend::connect::Backend>,
}

impl Replies<'_> {
    fn tell(&self, reply: &Replied) {
        let options = self.backend.options();
        let text = String::from_utf8_lossy(&reply.line);
        let class = match reply.status {
            Status::Ok => dialect::Class::Ok,
            _ => dialect::classify(reply.to, &text, &options.phrases),
        };
        let line = (class != dialect::Class::Ok).then(|| text.into_owned());
        let backend = options.name.clone();
        self.cx.events.emit(&Event::BackendReplied {
            backend,
            to: reply.to,
            class,
            line,
        });
    }
}
