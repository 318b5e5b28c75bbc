//! The closed list of what can happen.
//!
//! Log line and metric are each one `match` over [`Event`]: a new event does not compile until
//! both have an answer. No event carries a password.

mod cluster;
mod lock;
mod rule;
mod sharing;

use crate::dialect::Class;
use crate::history::{HistoryEntry, ListingUse};
use crate::ids::{BackendName, ListenerName, MaildropKey, SessionId, TenantName, UserName};
use crate::policy::block::BlockChange;
use crate::policy::pause::PauseSubject;
use crate::policy::twins::TwinPair;
use crate::pop3::reply::ReplyTo;
use crate::str_enum::str_enum;
use crate::time::Duration;
use std::net::SocketAddr;
use std::sync::Arc;

pub use super::end::{Culprit, End, EndCause};
pub use cluster::{
    BlocksDirection, CallResult, ClusterEvent, ClusterState, EngineCall, TurnResult,
};
pub use lock::{LockChange, LockEvent, LockOutcome};
pub use rule::{LoginRule, OffenceKind, PollDecision, RuleEvent};
pub use sharing::SharingEvent;

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// A client connected; gauge `sessions_open` counts it under tenant `none`.
    SessionOpened {
        /// Its number.
        session: SessionId,
        /// Where it came in.
        listener: ListenerName,
        /// Who it came from.
        client: SocketAddr,
    },
    /// A login said whose it is: `sessions_open` moves from one tenant to another.
    TenantKnown {
        /// Whose login it was.
        session: SessionId,
        /// The tenant of an earlier login on the same connection.
        from: Option<TenantName>,
        /// The tenant from now on.
        tenant: TenantName,
    },
    /// Something happened to the lock of a maildrop.
    Lock(LockEvent),
    /// Something happened between this gate and the others of its cluster.
    Cluster(ClusterEvent),
    /// A holder was closed for a waiter.
    Preempted {
        /// The holder.
        session: SessionId,
        /// The holder's tenant.
        tenant: TenantName,
        /// The rule that allowed it.
        reason: Preemption,
    },
    /// A backend refused a connection (`CONNECT`), or answered who the client is (`XCLIENT`), a
    /// login (`PASS`) or a command of a session.
    BackendReplied {
        /// Who answered.
        backend: BackendName,
        /// What it answered.
        to: ReplyTo,
        /// What the answer means.
        class: Class,
        /// From the password to this answer, where it answers one.
        took: Option<Duration>,
        /// Of an error the backend's own line, without the line end; it may hold any characters.
        line: Option<String>,
    },
    /// A login that was refused as locked was tried again, and so it ended.
    LockedRetried {
        /// The backend that had refused it.
        backend: BackendName,
        /// How the retry ended.
        result: RetryResult,
    },
    /// A backend can be reached.
    BackendUp {
        /// Which one.
        backend: BackendName,
    },
    /// A backend cannot be reached.
    BackendDown {
        /// Which one.
        backend: BackendName,
        /// What went wrong, for the operator.
        why: String,
    },
    /// Two sessions of now look like one maildrop under two lock keys.
    Twins {
        /// Where they are.
        backend: BackendName,
        /// Who they are, and what would unite them.
        pair: Box<TwinPair>,
    },
    /// Something was found out about sharing a maildrop.
    Sharing(SharingEvent),
    /// A backend accepted a login.
    LoginAccepted {
        /// Whose login it was.
        session: SessionId,
        /// The tenant of the login.
        tenant: TenantName,
    },
    /// A login failed for its name or password.
    AuthFailed {
        /// Whose login it was.
        session: SessionId,
        /// The tenant of the login.
        tenant: TenantName,
    },
    /// A rule of popgate looked at a login or a client.
    Rule(RuleEvent),
    /// Somebody was blocked, released, or the like.
    BlockChanged(Box<BlockChange>),
    /// The journal lost entries of the history, notices or changes of the block list.
    JournalLost {
        /// How many since the last such event.
        changes: u64,
        /// Why, if more than want of room.
        why: Option<String>,
    },
    /// Bytes went through; told now and then and at the end, never for each read. Octets since
    /// the last such event of the session.
    Relayed {
        /// Octets to the client.
        to_client: u64,
        /// Octets to the backend.
        to_backend: u64,
    },
    /// A connection was turned away before it became a session.
    Shed {
        /// Where it came in.
        listener: ListenerName,
        /// Why.
        why: Shed,
    },
    /// A task ended in a panic; its locks go on by themselves.
    Panicked {
        /// Whose task it was.
        session: SessionId,
    },
    /// The configuration file was read again, and is in force.
    Reloaded {
        /// A sentence for each change; none where nothing changed.
        changes: Arc<[String]>,
    },
    /// The configuration file was read again and refused: all is as it was.
    ReloadRefused {
        /// Why, for the operator; of several lines.
        why: String,
    },
    /// An operator changed something at the admin port.
    OperatorActed(Box<OperatorAction>),
    /// A stop waits no longer for what has not ended in its time: it is dropped as it is.
    LeftBehind(Box<LeftBehind>),
    /// A login is over, since it was refused or its session ends; or a session without one is.
    Recorded(Arc<HistoryEntry>),
    /// The last event of each session.
    SessionEnded(Box<SessionSummary>),
}

/// Somebody who changes something at the admin port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// Where the request came from.
    pub address: SocketAddr,
    /// Why, in the operator's own words; they may hold any characters.
    pub reason: Option<Arc<str>>,
}

/// What an operator did.
#[derive(Clone, Debug)]
pub struct OperatorAction {
    /// Who did it.
    pub by: Operator,
    /// What it was.
    pub change: OperatorChange,
}

/// What an operator can change. What is done to the block list and by a reload has events of its
/// own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OperatorChange {
    /// A session ends, without QUIT.
    Kicked(SessionId),
    /// Logins of this one wait.
    Paused(PauseSubject),
    /// Logins of this one go on.
    Resumed(PauseSubject),
    /// The gate drains, for so long at most.
    Draining(Duration),
    /// Other events are logged: those of this level or filter.
    LogLevel(String),
}

/// What a stop leaves behind.
#[derive(Clone, Debug)]
pub enum LeftBehind {
    /// Client connections.
    Sessions {
        /// How many.
        count: usize,
        /// The first of them, at most
        /// [`LEFT_BEHIND_NAMED_MAX`](crate::limits::LEFT_BEHIND_NAMED_MAX).
        oldest: Vec<UnendedSession>,
    },
    /// Backend connections that are being closed.
    Connections {
        /// How many.
        count: usize,
        /// Maildrops of such connections, as many as of sessions.
        maildrops: Vec<MaildropKey>,
    },
    /// What serves all of them: listeners, health checks, the admin port.
    Services {
        /// How many tasks.
        count: usize,
    },
}

/// A session that a stop did not wait for.
#[derive(Clone, Debug)]
pub struct UnendedSession {
    /// Its number.
    pub session: SessionId,
    /// Who it came from.
    pub client: SocketAddr,
    /// How far it had come, in a word.
    pub phase: &'static str,
    /// The maildrop of its last login, as typed.
    pub maildrop: Option<UserName>,
}

str_enum! {
    /// Why a connection was turned away.
    Shed {
        /// No descriptor or memory was left.
        Resources = "resources",
        /// Its address had as many connections as it may have.
        Address = "address",
        /// The PROXY protocol header was missing, malformed, or from a network that is not trusted.
        ProxyProtocol = "proxy_protocol",
    }
}

str_enum! {
    /// Why a holder was closed: the label `reason` of `preemptions_total`.
    Preemption {
        /// It was idle for `preempt_idle`.
        Idle = "idle",
        /// It was idle for long with deletions not committed.
        IdleWithDeletions = "idle_with_deletions",
        /// It was idle for long and opaque.
        IdleOpaque = "idle_opaque",
    }
}

str_enum! {
    /// How a retried login ended: the label `result` of `backend_locked_retries_total`.
    RetryResult {
        /// The retry got in.
        Accepted = "accepted",
        /// The retry was refused as locked again.
        Locked = "locked",
        /// The retry was refused otherwise, or failed.
        Failed = "failed",
    }
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
    /// How long it was held for coming too often, or for wrong passwords.
    pub delayed: Duration,
    /// How long it held the lock.
    pub held: Duration,
    /// What it was without its maildrop.
    pub listing: ListingUse,
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
    /// Why it ended.
    pub cause: EndCause,
}

impl SessionSummary {
    /// How it ended, as it is counted.
    #[must_use]
    pub fn end(&self) -> End {
        self.cause.end()
    }

    /// Who is at fault, if anybody.
    #[must_use]
    pub fn culprit(&self) -> Option<Culprit> {
        self.cause.culprit()
    }

    /// A sentence for the operator, where the end needs one.
    #[must_use]
    pub fn detail(&self) -> Option<String> {
        self.cause.detail()
    }
}
