//! What can happen to the lock of a maildrop, and to a login that asks for it.

use crate::ids::{BackendName, MaildropKey, SessionId, TenantName};
use crate::lock::queue::Invariant;
use crate::str_enum::str_enum;
use crate::time::Duration;

/// What happened to a lock, or to a login that asked for one.
#[derive(Clone, Debug)]
pub enum LockEvent {
    /// A login asked for a lock that was not free. Exactly one [`LockEvent::Outcome`] follows.
    Queued {
        /// Who waits.
        session: SessionId,
        /// The tenant of the login.
        tenant: TenantName,
        /// What it waits for.
        key: MaildropKey,
        /// Waiters before it in its lane.
        ahead: usize,
    },
    /// Waiting ended; or asking did, without a wait ([`LockOutcome::had_place`]).
    Outcome {
        /// Who asked.
        session: SessionId,
        /// The tenant of the login.
        tenant: TenantName,
        /// What it asked for.
        key: MaildropKey,
        /// How it ended.
        outcome: LockOutcome,
        /// From asking to this end.
        waited: Duration,
    },
    /// The lock is held no more.
    Released {
        /// The tenant of the login that held it.
        tenant: TenantName,
        /// What was locked.
        key: MaildropKey,
        /// From the grant to the release, the wait for the backend's end included.
        held: Duration,
    },
    /// It is in the same hands as before, and yet looks different to an operator.
    Changed {
        /// What is locked.
        key: MaildropKey,
        /// What is different.
        change: LockChange,
    },
    /// A waiter's PASS was written to the backend, so long after the lock came free.
    HandedOver {
        /// From the EOF of the backend's connection to the next PASS.
        elapsed: Duration,
    },
    /// The lock went on although the backend kept its end open past the bound.
    HandOverForced {
        /// The backend that did not let go.
        backend: BackendName,
    },
    /// A rule that popgate's own code keeps of a lock was found broken. What was wrong is put
    /// right, and a session that cannot go on ends.
    InvariantBroken {
        /// Which one.
        which: Invariant,
    },
}

impl LockEvent {
    /// The lock that looks different now.
    #[must_use]
    pub fn key(&self) -> Option<&MaildropKey> {
        match self {
            Self::Queued { key, .. }
            | Self::Outcome { key, .. }
            | Self::Released { key, .. }
            | Self::Changed { key, .. } => Some(key),
            Self::HandedOver { .. }
            | Self::HandOverForced { .. }
            | Self::InvariantBroken { .. } => None,
        }
    }
}

str_enum! {
    /// How asking for a lock ended: the label `outcome` of `lock_outcomes_total`.
    LockOutcome {
        /// It was free.
        Immediate = "immediate",
        /// It came.
        Waited = "waited",
        /// The wait was spent.
        Timeout = "timeout",
        /// The same while an operator had paused it.
        Paused = "paused",
        /// The engine of the cluster went away, was not found before the wait was spent, or does
        /// not let the gate take part any more.
        EngineAway = "engine_away",
        /// The lane was full.
        QueueFull = "queue_full",
        /// The backend refused its password, which another login tried for it.
        Refused = "refused",
        /// Its place went to somebody with fewer places.
        Evicted = "evicted",
        /// It was let in on the listing that another session was shown meanwhile.
        LetIn = "let_in",
        /// The client left.
        ClientGone = "client_gone",
        /// An operator ended it.
        Kicked = "kicked",
        /// The gate stopped.
        Shutdown = "shutdown",
    }
}

impl LockOutcome {
    /// Whether a place in the queue ended with it. Those who found the lock free, and newcomers
    /// that found the lane full, never had one.
    #[must_use]
    pub fn had_place(self) -> bool {
        !matches!(self, Self::Immediate | Self::QueueFull)
    }

    /// Whether the lock is held from now on.
    #[must_use]
    pub fn is_granted(self) -> bool {
        matches!(self, Self::Immediate | Self::Waited)
    }
}

str_enum! {
    /// What is different about a lock that is in the same hands.
    LockChange {
        /// The maildrop is on another backend than before, or on one at all.
        Settled = "settled",
        /// A waiter moved in the queue.
        Moved = "moved",
        /// The holder has given it up, and the end of its backend connection is awaited.
        Closing = "closing",
    }
}
