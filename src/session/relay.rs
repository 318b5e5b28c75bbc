//! The TRANSACTION and UPDATE states (RFC 1939 sections 5 and 6): bytes flow both ways at once,
//! until QUIT is answered or something else ends the session.
//!
//! The [`Pump`] moves the bytes, and [`deadlines`] says what time alone decides.

mod deadlines;
mod endpoint;
mod idleness;
mod pump;
mod twin;

use super::client::Client;
use super::record::Record;
use super::sharing::{Compares, Sharing};
use super::view::Viewing;
use super::{Entered, LoggedIn, authorization};
use crate::admission::listings::UnfinishedListing;
use crate::backend::connect::Backend;
use crate::gate::{BackendConnection, Context, Phase, Stage};
use crate::limits::{CLIENT_WRITE_STALL, RELAY_TICK, SLOW_LISTING};
use crate::lock::{LockGuard, WatchReader};
use crate::observe::event::{End, EndCause, Event};
use crate::policy::attempt::LoginAttempt;
use crate::policy::sharing::{KilledBy, StandsOn};
use crate::pop3::capability;
use crate::pop3::exchange::{Exchange, ExchangeOptions, Quit, Replied};
use crate::pop3::listing::{MaildropListing, NotWhole};
use crate::pop3::reply::Status;
use crate::time::Instant;
use endpoint::Endpoint;
use idleness::Idleness;
use pump::{Pump, PumpEvent};
use std::future::poll_fn;
use std::sync::Arc;
use tokio::task::yield_now;
use twin::Twin;

/// Relays until the end, or until the session goes on without its maildrop. The lock is handed over
/// when the backend has let go, which is not waited for here: the client has its last answer by
/// then.
pub(super) async fn relay(
    cx: &Context,
    record: &mut Record,
    session: Box<LoggedIn>,
) -> Result<Entered, EndCause> {
    let LoggedIn {
        mut client,
        attempt,
        mut lock,
        slots,
        welcome,
        mut sharing,
    } = unboxed(session);
    record.entered_maildrop();
    let contended = lock.contended();
    let connection = lock.connection().ok_or(EndCause::NoConnection)?;
    let backend = Arc::clone(connection.backend());
    let options = exchange_options(cx, &client, &attempt, sharing.as_deref(), &backend);
    let mut pump = Pump::new(
        record.handle(),
        &mut client.conn,
        connection.conn(),
        Exchange::new(options, record.handle().trace()),
        welcome.as_deref(),
    );
    // An idle session keeps nothing of what came before it.
    drop(welcome);
    let mut relay = Relay {
        cx,
        attempt: &attempt,
        record,
        pump: &mut pump,
        twin: Twin::new(cx, &attempt, &backend),
        backend,
        sharing: sharing.as_deref_mut(),
        listing: cx.admission.local.listings.unfinished(attempt.tenant()),
        idleness: Idleness::default(),
        contended,
    };
    let end = relay.run().await;
    drop(relay);
    let quit = pump.exchange().quit();
    let has_fetched = pump.exchange().has_fetched();
    let partial = pump.take_partial();
    let undelivered = pump.into_client();
    settle(cx, record, &attempt, &mut lock, quit);
    let end = match end {
        RelayEnd::Session(cause) => cause,
        RelayEnd::Demoted(stands_on) => {
            drop(undelivered);
            client.conn.input = partial;
            record.demoted();
            hand_over(lock).await;
            let resumable = sharing.and_then(|it| it.into_resumable());
            let login = resumable.ok_or(EndCause::NoConnection)?;
            let login = login.login(client, attempt);
            let viewing = Viewing::demoted(cx, login, slots, stands_on, has_fetched);
            return Ok(Entered::View(Box::new(viewing)));
        }
    };
    // Before the lock goes on: a kick has nothing to end any more.
    record.enter(Phase::Closing);
    record.lock_given();
    drop(slots);
    hand_over(lock).await;
    // Boxed: each idle session would keep room for its last words.
    Box::pin(deliver(cx, undelivered, &end)).await;
    Box::pin(client.farewell(b"")).await;
    Err(end)
}

/// Gives the lock back. Where somebody waits in the main lane, the closer has the next turn, and
/// whoever it hands the lock to: what is left to do for this client is nobody else's wait.
///
/// Not `async`: that would keep room for the lock.
fn hand_over(lock: LockGuard<BackendConnection>) -> impl Future<Output = ()> + Send {
    let is_waited_for = lock.contended().get();
    drop(lock);
    async move {
        if is_waited_for {
            yield_now().await;
        }
    }
}

/// Notes what was done, before the lock goes on.
fn settle(
    cx: &Context,
    record: &Record,
    attempt: &LoginAttempt,
    lock: &mut LockGuard<BackendConnection>,
    quit: Quit,
) {
    if matches!(quit, Quit::Answered { .. }) {
        lock.quit_answered();
    }
    if record.summary.deleted > 0 {
        // fetchmail logs in again to go on: that is no other poll.
        cx.admission.local.polls.deleted(attempt, Instant::now());
    }
}

/// Frees the box now, where one that is taken apart in place is freed at the end.
fn unboxed(session: Box<LoggedIn>) -> LoggedIn {
    *session
}

fn exchange_options(
    cx: &Context,
    client: &Client,
    attempt: &LoginAttempt,
    sharing: Option<&Sharing>,
    backend: &Backend,
) -> ExchangeOptions {
    let compares = Compares { cx, attempt };
    let capabilities = backend.capabilities_inside().unwrap_or_default();
    let offer = authorization::offer(cx, client, Some(&attempt.policy));
    ExchangeOptions {
        pipelining: capabilities.pipelining,
        capa_reply: capability::client_reply(&cx.offered_inside(), offer),
        keeps_listing: sharing.is_some(),
        asks_listing: sharing.is_some_and(|sharing| sharing.asks(&compares, backend)),
        shown: sharing.and_then(Sharing::shown),
    }
}

/// How the relay ends.
enum RelayEnd {
    /// With the session.
    Session(EndCause),
    /// The session goes on without its maildrop, on what its client was shown.
    Demoted(StandsOn),
}

impl From<EndCause> for RelayEnd {
    fn from(cause: EndCause) -> Self {
        Self::Session(cause)
    }
}

/// The client gets what it has not taken yet. The lock does not wait for that.
async fn deliver(cx: &Context, mut client: Endpoint<'_>, cause: &EndCause) {
    let may_have_more = matches!(
        cause.end(),
        End::Quit | End::QuitFailed | End::BackendGone | End::BodyMisread
    );
    if !may_have_more {
        return;
    }
    tokio::select! {
        _ = tokio::time::timeout(CLIENT_WRITE_STALL, client.deliver()) => {}
        () = cx.stage_reached(Stage::Closed) => {}
    }
}

/// A session while it uses its maildrop. Its drop, also by a panic or a cancelled task, puts what
/// was done there into the record.
struct Relay<'relay, 'client, 'lock> {
    cx: &'relay Context,
    attempt: &'relay LoginAttempt,
    record: &'relay mut Record,
    pump: &'relay mut Pump<'client, 'lock>,
    backend: Arc<Backend>,
    twin: Twin<'relay>,
    /// Where its listing is measured or shared.
    sharing: Option<&'relay mut Sharing>,
    /// The room of its listing until that is whole.
    listing: UnfinishedListing<'relay>,
    idleness: Idleness,
    /// Whether somebody waits for this maildrop in the main lane.
    contended: WatchReader<bool>,
}

/// What woke the relay.
enum Wake {
    Pump(PumpEvent),
    Contended,
    Tick,
    Stage(Stage),
}

impl<'relay> Relay<'relay, '_, '_> {
    async fn run(&mut self) -> RelayEnd {
        self.probe_if_contended();
        // Boxed, since a timer is large and each idle session has one.
        let mut tick = Box::pin(tokio::time::sleep(RELAY_TICK));
        loop {
            let last_stage = self.last_stage();
            let wake = tokio::select! {
                // What the peers have said comes first: a QUIT among it forbids to cut the session.
                biased;
                event = poll_fn(|task| self.pump.poll_event(task)) => Wake::Pump(event),
                Ok(_) = self.contended.changed() => Wake::Contended,
                () = &mut tick => Wake::Tick,
                () = self.cx.stage_reached(last_stage) => Wake::Stage(last_stage),
            };
            match wake {
                Wake::Pump(PumpEvent::Replied(replies)) => {
                    self.tell(&replies);
                    continue;
                }
                Wake::Pump(PumpEvent::Listed(listing)) => {
                    self.twin.listed(listing);
                    continue;
                }
                Wake::Pump(PumpEvent::ListedAll(listing)) => {
                    self.listed(listing);
                    continue;
                }
                Wake::Pump(PumpEvent::Updates) => {
                    if let Some(sharing) = &self.sharing {
                        sharing.updates(&self.compares());
                    }
                    continue;
                }
                Wake::Pump(PumpEvent::Resumed) => {
                    // Part of a command alone, which looks like rest, may have come.
                    tick.as_mut().reset(Instant::now() + RELAY_TICK);
                    continue;
                }
                Wake::Pump(end) => return self.end(&end).into(),
                Wake::Contended => {
                    // The next tick follows from it, and may be far off.
                    self.update_idleness(Instant::now());
                    self.probe_if_contended();
                }
                Wake::Tick => {
                    let now = Instant::now();
                    self.pump.probe_backend();
                    if let Some(end) = self.check_deadlines(now) {
                        return end.into();
                    }
                    if let Some(stands_on) = self.demote(now) {
                        return RelayEnd::Demoted(stands_on);
                    }
                    if let Some(end) = self.preempt(now) {
                        return end.into();
                    }
                }
                // QUIT may have come since the stage was chosen.
                Wake::Stage(stage) if stage < self.last_stage() => {}
                Wake::Stage(_) => return EndCause::Shutdown.into(),
            }
            tick.as_mut().reset(self.next_check());
        }
    }

    fn compares(&self) -> Compares<'relay> {
        Compares {
            cx: self.cx,
            attempt: self.attempt,
        }
    }

    /// The maildrop's listing is known, or will not be.
    fn listed(&mut self, listing: Result<Arc<MaildropListing>, NotWhole>) {
        let compares = self.compares();
        self.listing.give_back();
        if self.pump.own_listing_took() >= SLOW_LISTING {
            let listings = compares.listings();
            listings.took_long(compares.place(), Instant::now());
        }
        if let Some(sharing) = &mut self.sharing {
            sharing.listed(&compares, listing, &self.backend);
        }
    }

    /// A client that has vanished must be noticed soon where another waits for its maildrop.
    fn probe_if_contended(&mut self) {
        let contended = self.contended.get_and_update();
        self.pump.probe_client_hard(contended);
    }

    /// The stage of a stop that ends this session: one that has sent QUIT is not cut while the
    /// gate closes, only at its very end.
    fn last_stage(&self) -> Stage {
        match self.pump.exchange().quit() {
            Quit::None => Stage::Closing,
            Quit::Sent | Quit::Answered { .. } => Stage::Closed,
        }
    }

    fn tell(&mut self, replies: &[Replied]) {
        for reply in replies {
            // The exchange keeps only the lines of errors.
            let line = match reply.status {
                Status::Ok => b"+OK",
                _ => reply.line.as_slice(),
            };
            let class = self.cx.backend_replied(&self.backend, reply.to, line);
            self.record.backend_replied(class, line);
        }
    }

    /// How the session ends by an event of the pump's.
    fn end(&self, event: &PumpEvent) -> EndCause {
        match (event, self.pump.exchange().quit()) {
            (PumpEvent::Kicked, _) => EndCause::Kicked {
                reason: self.pump.kick_reason(),
            },
            (_, Quit::Answered { ok: true }) => EndCause::Quit,
            (_, Quit::Answered { ok: false }) => EndCause::QuitFailed,
            (PumpEvent::Violation(violation), _) => EndCause::BackendViolation(*violation),
            (PumpEvent::ClientGone, _) => self.left(),
            (_, Quit::Sent) => EndCause::ClosedAtQuit,
            (_, Quit::None) if self.pump.exchange().is_at_rest() => EndCause::BackendClosed,
            (_, Quit::None) => EndCause::BackendClosedInReply,
        }
    }

    /// How a client has left that said no QUIT.
    fn left(&self) -> EndCause {
        match self.pump.client_lacks_something() {
            true => EndCause::LeftInReply,
            false => EndCause::Left,
        }
    }

    /// Puts what was done into the record.
    fn account(&mut self) {
        let to_client = self.pump.client().octets();
        let to_backend = self.pump.octets_to_backend();
        self.cx.events.emit(Event::Relayed {
            to_client,
            to_backend,
        });
        let tally = self.pump.exchange().tally();
        self.record.relayed(tally, to_client, to_backend);
        let exchange = self.pump.exchange();
        let compares = self.compares();
        // Whoever deleted: another login of the maildrop may be one whose listings are kept.
        if exchange.may_have_deleted() {
            let killed = compares.listings().outdate(&self.attempt.key);
            compares.killed(KilledBy::Deletion, killed);
        }
        if let Some(sharing) = &self.sharing {
            sharing.ended(&compares, exchange);
        }
    }
}

impl Drop for Relay<'_, '_, '_> {
    fn drop(&mut self) {
        self.account();
    }
}
