//! The closed list of what can happen (DESIGN decision 12).
//!
//! Log line and metric are each one `match` over [`Event`]: a new event does not compile until
//! both have an answer. No event carries a password.

use crate::dialect::Class;
use crate::ids::{BackendName, ListenerName, SessionId, TenantName, UserName};
use crate::pop3::reply::ReplyTo;
use crate::time::Duration;
use std::net::SocketAddr;

/// Takes events. It must not block and must not panic.
pub trait EventSink: Send + Sync {
    /// Tells that `event` happened.
    fn emit(&self, event: &Event);
}

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// A client connected; gauge `sessions_open` counts it under tenant `none`.
    SessionOpened {
        session: SessionId,
        listener: ListenerName,
        client: SocketAddr,
    },
    /// A login said whose it is: `sessions_open` moves from one tenant to another.
    TenantKnown {
        session: SessionId,
        from: Option<TenantName>,
        tenant: TenantName,
    },
    /// A login asked for a lock that was not free.
    LockQueued {
        session: SessionId,
        tenant: TenantName,
        ahead: usize,
    },
    /// Waiting, or asking, ended.
    LockOutcome {
        session: SessionId,
        tenant: TenantName,
        outcome: LockOutcome,
        waited: Duration,
    },
    /// The lock is held no more.
    LockReleased { tenant: TenantName, held: Duration },
    /// A waiter's PASS was written to the backend, so long after the lock came free.
    HandedOver { elapsed: Duration },
    /// The lock went on although the backend kept its end open past the bound.
    HandOverForced { backend: BackendName },
    /// A holder was closed for a waiter.
    Preempted {
        session: SessionId,
        tenant: TenantName,
        reason: Preemption,
    },
    /// A backend answered the greeting (`CONNECT`), a login (`PASS`) or a command of a session
    /// with an error, or a login with `+OK`. `line` is its own, without the line end.
    BackendReplied {
        backend: BackendName,
        to: ReplyTo,
        class: Class,
        line: Option<String>,
    },
    /// A login that was refused as locked was tried again, and so it ended.
    LockedRetried {
        backend: BackendName,
        result: RetryResult,
    },
    /// A backend can be reached.
    BackendUp { backend: BackendName },
    /// A backend cannot be reached.
    BackendDown { backend: BackendName, why: String },
    /// A login failed for its name or password.
    AuthFailed {
        session: SessionId,
        tenant: TenantName,
    },
    /// Bytes went through; told now and then and at the end, never for each read.
    Relayed { to_client: u64, to_backend: u64 },
    /// A connection was turned away before it became a session.
    Shed { listener: ListenerName, why: Shed },
    /// A task ended in a panic; its locks go on by themselves.
    Panicked { session: SessionId },
    /// The last event of each session.
    SessionEnded(Box<SessionSummary>),
}

/// Why a connection was turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shed {
    /// No descriptor or memory was left.
    Resources,
    /// The PROXY protocol header was missing, malformed, or from a network that is not trusted.
    ProxyProtocol,
}

/// How asking for a lock ended: the label `outcome` of `lock_outcomes_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LockOutcome {
    /// It was free.
    Immediate,
    /// It came.
    Waited,
    /// The wait was spent.
    Timeout,
    /// The lane was full.
    QueueFull,
    /// Its place went to somebody with fewer places.
    Evicted,
    /// The client left.
    ClientGone,
    /// An operator ended it.
    Kicked,
    /// The gate stopped.
    Shutdown,
}

/// Why a holder was closed: the label `reason` of `preemptions_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Preemption {
    /// It was idle for `preempt_idle`.
    Idle,
    /// It was idle for long with deletions not committed.
    IdleWithDeletions,
    /// It was idle for long and opaque.
    IdleOpaque,
}

/// How a retried login ended: the label `result` of `backend_locked_retries_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RetryResult {
    /// The retry got in.
    Accepted,
    /// The retry was refused as locked again.
    Locked,
    /// The retry was refused otherwise, or failed.
    Failed,
}

/// How a session ended: the label `end` of `sessions_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// QUIT before login.
    QuitBeforeLogin,
    /// QUIT after login, which the backend answered with `+OK`.
    Quit,
    /// QUIT after login, which the backend answered with an error.
    QuitFailed,
    /// QUIT after login, which the backend never answered.
    QuitUnanswered,
    /// The client left before login.
    LeftBeforeLogin,
    /// The client left while it waited.
    LeftWaiting,
    /// The client left after login without QUIT.
    Left,
    /// The client was silent for `idle_timeout`, or did not log in in time.
    TimedOut,
    /// The client took no bytes for too long.
    Stalled,
    /// Closed for a waiter.
    Preempted,
    /// The backend could not be reached.
    BackendUnreachable,
    /// The backend went away, or broke the protocol.
    BackendGone,
    /// The client broke a bound or the protocol.
    ClientViolation,
    /// The TLS handshake failed.
    TlsFailed,
    /// An operator ended it.
    Kicked,
    /// The gate stopped.
    Shutdown,
    /// A fault of popgate.
    Panicked,
}

/// Who is at fault where a session did not end well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The client or its line.
    Client,
    /// The backend.
    Backend,
    /// A rule of popgate.
    Policy,
    /// popgate itself.
    Proxy,
}

/// All that matters of one session: its log line.
#[derive(Clone, Debug)]
pub struct SessionSummary {
    /// Its number.
    pub session: SessionId,
    /// Where it came in.
    pub listener: ListenerName,
    /// Who it came from.
    pub client: SocketAddr,
    /// `TLSv1.3` and the like; `None` in clear.
    pub tls: Option<String>,
    /// Whose it was, once known.
    pub tenant: Option<TenantName>,
    /// The maildrop that it logged in to, or tried to.
    pub maildrop: Option<UserName>,
    /// The backend that it was on.
    pub backend: Option<BackendName>,
    /// From connection to end.
    pub duration: Duration,
    /// All its waiting for locks.
    pub waited: Duration,
    /// How long it held the lock.
    pub held: Duration,
    /// Commands of the client, before and after login.
    pub commands: u64,
    /// Octets to the client after login.
    pub bytes_to_client: u64,
    /// Octets to the backend after login.
    pub bytes_to_backend: u64,
    /// Messages listed by the last STAT, LIST or UIDL; none if it never asked.
    pub listed: Option<u64>,
    /// Messages retrieved whole.
    pub retrieved: u64,
    /// Messages deleted: QUIT was answered with `+OK`.
    pub deleted: u64,
    /// How it ended.
    pub end: End,
    /// Who is at fault, if anybody.
    pub fault: Option<Fault>,
    /// A sentence for the operator, where the end needs one.
    pub detail: Option<String>,
}
