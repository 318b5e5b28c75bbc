//! One client's connection from greeting to end: the only place where the other rooms meet.
//!
//! A session is a story in phases, each a type that owns just what is true in it and is consumed
//! by the next:
//!
//! ```text
//! Greeted ─ authorize ─▶ Identified ─ admit ─▶ Admitted ─ log in ─▶ LoggedIn ─ relay ─▶ end
//!    ▲                       │  │     (owns the LockGuard)  │         │    ▲
//!    └─ refused: the lock is released before the answer ────┘  demoted│    │promoted
//!                               │                                     ▼    │
//!                               └─ let in on a listing ────────────▶ Viewing ─ view ─▶ end
//! ```
//!
//! A phase returns the next one, or an `Exit`: back to `Greeted` after a refusal, a `Viewing`
//! where popgate itself lets it in, or the end.
//!
//! `relay` takes a `LoggedIn`, and only `login` and `promotion` make one, out of an `Admitted`:
//! relaying without a lock does not compile. A `Viewing` has no lock to relay with.

mod admit;
mod authorization;
mod client;
mod faults;
mod greet;
mod learn;
mod let_in;
mod list;
mod login;
mod lookout;
mod paused;
mod promotion;
mod queue;
mod record;
mod refusal;
mod relay;
mod sharing;
mod view;

use crate::admission::LoginSlots;
use crate::gate::{BackendConnection, Context, Peer, Phase, Settings, Stage};
use crate::limits;
use crate::lock::LockGuard;
use crate::net::conn::Conn;
use crate::observe::event::EndCause;
use crate::policy::attempt::{LoginAttempt, Proof};
use client::Client;
use record::Record;
use sharing::Sharing;
use std::sync::Arc;
use view::Viewing;

/// It has our greeting, and may log in.
struct Greeted {
    client: Client,
}

/// It said who it is; no backend was asked yet.
struct Identified {
    client: Client,
    attempt: Arc<LoginAttempt>,
    proof: Proof,
    /// Where its policy and its backends stand. A login whose lock key a reload changes keeps
    /// them to its end.
    settings: Arc<Settings>,
}

/// It holds the lock of its maildrop.
struct Admitted {
    /// Boxed, as on its way here: a phase that waits keeps room for what it was called with.
    login: Box<Identified>,
    lock: LockGuard<BackendConnection>,
    /// Its slots among the connections.
    slots: LoginSlots,
}

/// The backend let it in. The lock owns the backend's connection.
struct LoggedIn {
    client: Client,
    attempt: Arc<LoginAttempt>,
    lock: LockGuard<BackendConnection>,
    /// Its slots among the connections.
    slots: LoginSlots,
    /// The backend's `+OK` to the login, where the client has not seen one yet.
    welcome: Option<Vec<u8>>,
    /// Where its listings are measured or shared.
    sharing: Option<Box<Sharing>>,
}

/// A session that is logged in.
enum Entered {
    /// It holds its maildrop.
    Maildrop(Box<LoggedIn>),
    /// It stands on a listing.
    View(Box<Viewing>),
}

/// Where a session goes instead of to its next phase.
enum Exit {
    /// The login was refused and its client was told: it may log in again.
    Again(Greeted),
    /// It is let in on a listing, and its client hears of that there.
    View(Box<Viewing>),
    /// The session ends.
    End(EndCause),
}

/// The next phase, or where the session goes instead. A function that can only end the session
/// returns `Result<T, EndCause>`, and one that refuses a login `Result<Greeted, EndCause>`.
type Next<T> = Result<T, Exit>;

impl From<EndCause> for Exit {
    fn from(cause: EndCause) -> Self {
        Self::End(cause)
    }
}

impl From<Result<Greeted, EndCause>> for Exit {
    fn from(refused: Result<Greeted, EndCause>) -> Self {
        refused.map_or_else(Self::End, Self::Again)
    }
}

/// Runs a session to its end. Dropping the future ends it too: what it holds gives itself back.
/// `conn` is boxed, since the future keeps room for it to the end, and it moves on at once.
pub async fn run(cx: Arc<Context>, conn: Box<Conn>, peer: Arc<Peer>) {
    let session = cx.sessions.open(&peer, cx.moment());
    let mut record = Record::open(Arc::clone(&cx.events), session, &peer);
    let cause = Box::pin(serve(&cx, &mut record, conn, Arc::clone(&peer))).await;
    let cause = record.why_it_ended(cause);
    faults::of_end(&cx, &record, &peer, cause.end());
    record.end(cause);
}

async fn serve(cx: &Context, record: &mut Record, conn: Box<Conn>, peer: Arc<Peer>) -> EndCause {
    let session = record.handle();
    let entered = tokio::select! {
        // In this order, so that a waiter leaves its queue as one that was kicked.
        biased;
        entered = Box::pin(until_logged_in(cx, record, conn, peer)) => entered,
        kicked = session.kicked() => Err(kicked),
    };
    match entered {
        Ok(entered) => logged_in(cx, record, entered).await,
        Err(cause) => cause,
    }
}

/// The session from its login on, with its maildrop and without it by turns.
async fn logged_in(cx: &Context, record: &mut Record, mut entered: Entered) -> EndCause {
    loop {
        let next = match entered {
            Entered::Maildrop(session) => Box::pin(relay::relay(cx, record, session)).await,
            Entered::View(session) => Box::pin(view::view(cx, record, session)).await,
        };
        entered = match next {
            Ok(next) => next,
            Err(cause) => return cause,
        };
    }
}

async fn until_logged_in(
    cx: &Context,
    record: &mut Record,
    conn: Box<Conn>,
    peer: Arc<Peer>,
) -> Result<Entered, EndCause> {
    // Each phase is boxed: one that is over must not take room for as long as the session lives.
    let mut greeted = Box::pin(greet::greet(cx, record, *conn, peer)).await?;
    loop {
        let identified = identify(cx, record, greeted).await?;
        greeted = match enter_maildrop(cx, record, identified).await {
            // Boxed, since a future keeps room for what was moved out of it.
            Ok(logged_in) => return Ok(Entered::Maildrop(Box::new(logged_in))),
            Err(Exit::View(viewing)) => return Ok(Entered::View(viewing)),
            Err(Exit::Again(greeted)) => {
                record.refusal_answered();
                greeted
            }
            Err(Exit::End(cause)) => return Err(cause),
        };
    }
}

/// A client that has not logged in has until `login_by`, and a moment when the gate stops.
async fn identify(
    cx: &Context,
    record: &mut Record,
    greeted: Greeted,
) -> Result<Box<Identified>, EndCause> {
    record.enter(Phase::Authorization);
    tokio::select! {
        identified = Box::pin(authorization::authorize(cx, record, greeted)) => identified,
        () = last_login(cx) => Err(EndCause::Shutdown),
    }
}

/// Returns when a client that has not logged in is closed, since the gate stops. Its password may
/// be on its way at that moment, and a mail program shows a failed login where it is not answered.
async fn last_login(cx: &Context) {
    if cx.is_stopping() {
        return;
    }
    cx.stage_reached(Stage::Draining).await;
    tokio::select! {
        () = tokio::time::sleep(limits::LAST_LOGIN) => {}
        () = cx.stage_reached(Stage::Closing) => {}
    }
}

/// Rules, lock and backend. A client that waits keeps its place while the gate drains.
async fn enter_maildrop(
    cx: &Context,
    record: &mut Record,
    identified: Box<Identified>,
) -> Next<LoggedIn> {
    record.enter(Phase::Waiting);
    let phases = async {
        let admitted = Box::pin(admit::admit(cx, record, identified)).await?;
        Box::pin(login::log_in(cx, record, admitted)).await
    };
    tokio::select! {
        next = phases => next,
        () = cx.stage_reached(Stage::Closing) => Err(EndCause::Shutdown.into()),
    }
}
