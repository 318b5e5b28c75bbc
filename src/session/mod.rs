//! One client's connection from greeting to end: the only place where the other rooms meet.
//!
//! A session is a story in phases, each a type that owns just what is true in it and is consumed
//! by the next:
//!
//! ```text
//! Greeted ─ authorize ─▶ Identified ─ admit ─▶ Admitted ─ log in ─▶ LoggedIn ─ relay ─▶ end
//!    ▲                                   │   (owns the LockGuard)   │
//!    └─────────── refused: the lock is given on ──────────┴──────────────────────────┘
//! ```
//!
//! `relay` takes a `LoggedIn`, and only `login` makes one, out of an `Admitted`: relaying
//! without a lock does not compile.

mod admit;
mod authorization;
mod backend_conn;
mod client;
mod context;
mod faults;
mod greet;
mod learn;
mod login;
mod queue;
mod record;
mod refusal;
mod registry;
mod relay;

pub use backend_conn::BackendConnection;
pub use client::Peer;
pub use context::{Context, Settings, Stage};
pub use registry::{Kick, Phase, SeenLogin, SessionView, Sessions};

use crate::limits;
use crate::lock::LockGuard;
use crate::net::conn::Conn;
use crate::observe::event::EndCause;
use crate::policy::admission::Places;
use crate::policy::attempt::{LoginAttempt, Proof};
use crate::time::Instant;
use client::Client;
use record::Record;
use std::ops::ControlFlow;
use std::sync::Arc;

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

impl Identified {
    /// When all its waiting ends: for its quota, for the lock, and for a retry.
    fn until(&self) -> Instant {
        let policy = &self.attempt.policy;
        let reserve = self.settings.route(policy, None).login_reserve();
        self.attempt.asked + policy.wait.saturating_sub(reserve)
    }

    /// Asks again what is known of its password: another's login may have proven it meanwhile.
    fn look_again(&mut self, cx: &Context, record: &mut Record) {
        let standing = cx.auth_cache.standing(self.attempt.tag, Instant::now());
        if standing != self.attempt.standing {
            Arc::make_mut(&mut self.attempt).standing = standing;
            record.identified(&self.attempt);
        }
    }

    /// Takes over what a reload made of its policy. Where it would wait for another lock now (which
    /// a reload allows only if that is on other backends), it stays with what it waits for.
    fn reloaded(&mut self, record: &mut Record, settings: Arc<Settings>) {
        let identity = self.client.identify(&self.attempt.login, &settings);
        if identity.key != self.attempt.key {
            return;
        }
        self.proof.read_by(identity.policy);
        Arc::make_mut(&mut self.attempt).policy = Arc::clone(identity.policy);
        self.settings = settings;
        record.identified(&self.attempt);
    }
}

/// It holds the lock of its maildrop.
struct Admitted {
    login: Identified,
    lock: LockGuard<BackendConnection>,
    /// Its places among the connections.
    places: Places,
}

/// The backend let it in. The lock owns the backend's connection.
struct LoggedIn {
    client: Client,
    attempt: Arc<LoginAttempt>,
    lock: LockGuard<BackendConnection>,
    /// Its places among the connections.
    places: Places,
    /// The backend's `+OK` to the login, which the client has not seen yet.
    welcome: Vec<u8>,
}

/// What a phase leads to: the next one, or the end.
type Next<T> = ControlFlow<EndCause, T>;

/// A login's way: in, or back to the start with a refusal answered.
enum Login<T> {
    Through(T),
    Refused(Greeted),
}

/// Runs a session to its end. Dropping the future ends it too: what it holds gives itself back.
pub async fn run(cx: Arc<Context>, conn: Conn, peer: Arc<Peer>) {
    let session = cx.sessions.open(&peer, cx.moment());
    let mut record = Record::open(Arc::clone(&cx.events), session, &peer);
    let cause = match Box::pin(serve(&cx, &mut record, conn, Arc::clone(&peer))).await {
        ControlFlow::Continue(never) => match never {},
        ControlFlow::Break(cause) => cause,
    };
    let cause = record.why_it_ended(cause);
    faults::of_end(&cx, &record, &peer, cause.end());
    record.end(cause);
}

/// There is no value of it: a session ends by breaking off.
enum Never {}

async fn serve(cx: &Context, record: &mut Record, conn: Conn, peer: Arc<Peer>) -> Next<Never> {
    let session = record.handle();
    let logged_in = tokio::select! {
        // In this order, so that a waiter leaves its queue as one that was kicked.
        biased;
        next = Box::pin(until_logged_in(cx, record, conn, peer)) => next?,
        () = session.kicked() => return ControlFlow::Break(EndCause::Kicked),
    };
    let end = Box::pin(relay::relay(cx, record, logged_in)).await;
    ControlFlow::Break(end)
}

async fn until_logged_in(
    cx: &Context,
    record: &mut Record,
    conn: Conn,
    peer: Arc<Peer>,
) -> Next<LoggedIn> {
    let mut greeted = Box::pin(greet::greet(cx, record, conn, peer)).await?;
    loop {
        let identified = authorize(cx, record, greeted).await?;
        greeted = match log_in(cx, record, identified).await? {
            Login::Through(logged_in) => return ControlFlow::Continue(logged_in),
            Login::Refused(greeted) => greeted,
        };
    }
}

/// A client that has not logged in has until `login_by`, and no grace when the gate stops.
async fn authorize(cx: &Context, record: &mut Record, greeted: Greeted) -> Next<Identified> {
    record.enter(Phase::Authorization);
    tokio::select! {
        next = Box::pin(authorization::authorize(cx, record, greeted)) => next,
        () = cx.stage_reached(Stage::Draining) => ControlFlow::Break(EndCause::Shutdown),
    }
}

/// Lock and backend login. A client that waits keeps its place while the gate drains.
async fn log_in(
    cx: &Context,
    record: &mut Record,
    identified: Identified,
) -> Next<Login<LoggedIn>> {
    record.enter(Phase::Waiting);
    let login = async {
        let admitted = match Box::pin(admit::admit(cx, record, identified)).await? {
            Login::Through(admitted) => admitted,
            Login::Refused(greeted) => return ControlFlow::Continue(Login::Refused(greeted)),
        };
        Box::pin(login::log_in(cx, record, admitted)).await
    };
    tokio::select! {
        next = login => next,
        () = cx.stage_reached(Stage::Closing) => ControlFlow::Break(EndCause::Shutdown),
    }
}

/// Says the last words to a client that goes, and lets them arrive: closing a socket with unread
/// bytes in it would reset it and could lose them.
async fn farewell(mut conn: Conn, last_words: &[u8]) {
    let goodbye = async {
        conn.write_all(last_words).await?;
        conn.shut().await;
        conn.drain_to_end().await
    };
    let _ = tokio::time::timeout(limits::FAREWELL, goodbye).await;
}
