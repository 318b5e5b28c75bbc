//! How a session ended, and why: the closed list of causes.
//!
//! From a cause follow the [`End`] that counts it, who is at fault, and the sentence for the
//! operator, each in one `match`: a new cause does not compile until it has all three.

mod sentence;

pub use crate::history::{CauseName, Culprit, End};
use crate::policy::refusal::Refusal;
use crate::policy::sharing::PromotionOutcome;
use crate::pop3::exchange::Violation;
use crate::time::Duration;
use std::sync::Arc;

/// Why a session ended; for one that gave up after a refusal, that refusal.
///
/// What a backend or the system said is in `line` and `error`, with whatever characters it had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndCause {
    /// QUIT before a login.
    QuitBeforeLogin,
    /// The connection ended before a login, or cannot be written to.
    LeftBeforeLogin,
    /// No login came within [`BEFORE_LOGIN`](crate::limits::BEFORE_LOGIN).
    LoginTimeout,
    /// More refused logins than one connection may have.
    TooManyLogins,
    /// More commands that are unknown, malformed or out of place than are answered.
    TooManyBadCommands,
    /// Something stood behind STLS, in clear, where the handshake was due.
    BytesBehindStls,
    /// The handshake was due, and there is no certificate for it.
    NoCertificate,
    /// The handshake failed.
    TlsHandshake {
        /// What is wrong.
        error: String,
    },
    /// The handshake was not done in time.
    TlsHandshakeTimeout,
    /// No backend could be reached when the greeting was due.
    NoBackend,

    /// The backend refused name or password.
    WrongPassword {
        /// The backend's answer.
        line: String,
    },
    /// The backend refused the login for another reason.
    LoginRefused {
        /// The backend's answer.
        line: String,
    },
    /// The backend closed the connection instead of answering the password.
    ClosedAtPass {
        /// What it did.
        error: String,
        /// Whether it accepted the same password lately, so that it is more likely at fault than
        /// the client.
        accepted_lately: bool,
    },
    /// It did so when another login gave it the same password, and this one was not tried.
    ClosedAtPassOfAnother {
        /// As in [`EndCause::ClosedAtPass`].
        accepted_lately: bool,
    },
    /// A rule of popgate refused the login, or the connection in place of the greeting.
    RefusedByRule(Refusal),
    /// The maildrop's queue had no place left in its lane.
    QueueFull,
    /// The wait was spent while another session held the maildrop.
    HeldByAnother,
    /// The backend said until the wait was spent that somebody who does not come through popgate
    /// holds the maildrop.
    LockedElsewhere {
        /// The backend's answer.
        line: String,
    },
    /// The backend had no connection free under its `connections` limit until the wait was spent.
    BackendFull,
    /// The tenant or the backend was paused until the wait was spent.
    Paused,
    /// The engine of the cluster was away, or did not let the gate in: nobody could say whether
    /// another gate holds the maildrop.
    EngineAway,
    /// No connection to the backend was made.
    BackendUnreachable {
        /// What is wrong, with the backend's address.
        error: String,
    },
    /// The backend's connection ended, or what came over it made no sense, where a login was to be
    /// answered.
    LoginUnanswered {
        /// What is wrong.
        error: String,
    },
    /// The backend was silent for `login_timeout`.
    LoginUnansweredInTime {
        /// The backend's address.
        address: String,
    },
    /// The login was accepted, and popgate's own CAPA behind it lost that session.
    LostToCapa {
        /// What the backend did, with its address.
        error: String,
    },

    /// The client left while it waited.
    LeftWaiting,
    /// QUIT, and the backend said `+OK` to it.
    Quit,
    /// QUIT, and the backend said `-ERR` to it.
    QuitFailed,
    /// QUIT, and the backend closed instead of answering it.
    ClosedAtQuit,
    /// QUIT, and the backend was silent until `idle_timeout`.
    SilentAtQuit,
    /// QUIT of a session without the maildrop, which had marked nothing.
    QuitWithoutMaildrop,
    /// A session without the maildrop could not have it when it needed it, or has lost its
    /// password.
    NotPromoted {
        /// Why not.
        why: PromotionOutcome,
    },
    /// The client left after its login, without QUIT.
    Left,
    /// The client left so before it had all that it had asked for: its line broke, or its user
    /// stopped it.
    LeftInReply,
    /// The client was silent for `idle_timeout`.
    IdleTimeout,
    /// The client took no byte for [`CLIENT_WRITE_STALL`](crate::limits::CLIENT_WRITE_STALL).
    Stalled,
    /// Closed for a waiter.
    Preempted {
        /// How long it had been allowed to be idle.
        idle: Duration,
    },
    /// The backend ended the connection, and owed the client nothing.
    BackendClosed,
    /// The backend ended the connection, and owed the client a reply or the rest of one.
    BackendClosedInReply,
    /// The backend sent what cannot be followed.
    BackendViolation(Violation),

    /// An operator ended it.
    Kicked {
        /// Why, in the operator's words, where there are any; they may hold any characters.
        reason: Option<Arc<str>>,
    },
    /// The gate stopped.
    Shutdown,
    /// A task of the session ended in a panic.
    Panicked,
    /// A login was accepted, and its connection is not there. It never happens: a state that
    /// popgate's own code rules out.
    NoConnection,
    /// The state of its lock was wrong. It never happens, as [`EndCause::NoConnection`]; what was
    /// wrong is told by [`LockEvent::InvariantBroken`](super::event::LockEvent::InvariantBroken).
    LockBroken,
}

impl EndCause {
    /// Its name, as the history keeps it.
    #[must_use]
    pub fn name(&self) -> CauseName {
        match self {
            Self::QuitBeforeLogin => CauseName::QuitBeforeLogin,
            Self::LeftBeforeLogin => CauseName::LeftBeforeLogin,
            Self::LoginTimeout => CauseName::LoginTimeout,
            Self::TooManyLogins => CauseName::TooManyLogins,
            Self::TooManyBadCommands => CauseName::TooManyBadCommands,
            Self::BytesBehindStls => CauseName::BytesBehindStls,
            Self::NoCertificate => CauseName::NoCertificate,
            Self::TlsHandshake { .. } => CauseName::TlsHandshake,
            Self::TlsHandshakeTimeout => CauseName::TlsHandshakeTimeout,
            Self::NoBackend => CauseName::NoBackend,
            Self::WrongPassword { .. } => CauseName::WrongPassword,
            Self::LoginRefused { .. } => CauseName::LoginRefused,
            Self::ClosedAtPass { .. } => CauseName::ClosedAtPass,
            Self::ClosedAtPassOfAnother { .. } => CauseName::ClosedAtPassOfAnother,
            Self::RefusedByRule(_) => CauseName::RefusedByRule,
            Self::QueueFull => CauseName::QueueFull,
            Self::HeldByAnother => CauseName::HeldByAnother,
            Self::LockedElsewhere { .. } => CauseName::LockedElsewhere,
            Self::BackendFull => CauseName::BackendFull,
            Self::Paused => CauseName::Paused,
            Self::EngineAway => CauseName::EngineAway,
            Self::BackendUnreachable { .. } => CauseName::BackendUnreachable,
            Self::LoginUnanswered { .. } => CauseName::LoginUnanswered,
            Self::LoginUnansweredInTime { .. } => CauseName::LoginUnansweredInTime,
            Self::LostToCapa { .. } => CauseName::LostToCapa,
            Self::LeftWaiting => CauseName::LeftWaiting,
            Self::Quit => CauseName::Quit,
            Self::QuitFailed => CauseName::QuitFailed,
            Self::ClosedAtQuit => CauseName::ClosedAtQuit,
            Self::SilentAtQuit => CauseName::SilentAtQuit,
            Self::QuitWithoutMaildrop => CauseName::QuitWithoutMaildrop,
            Self::NotPromoted { .. } => CauseName::NotPromoted,
            Self::Left => CauseName::Left,
            Self::LeftInReply => CauseName::LeftInReply,
            Self::IdleTimeout => CauseName::IdleTimeout,
            Self::Stalled => CauseName::Stalled,
            Self::Preempted { .. } => CauseName::Preempted,
            Self::BackendClosed => CauseName::BackendClosed,
            Self::BackendClosedInReply => CauseName::BackendClosedInReply,
            Self::BackendViolation(_) => CauseName::BackendViolation,
            Self::Kicked { .. } => CauseName::Kicked,
            Self::Shutdown => CauseName::Shutdown,
            Self::Panicked => CauseName::Panicked,
            Self::NoConnection => CauseName::NoConnection,
            Self::LockBroken => CauseName::LockBroken,
        }
    }

    /// What it is counted as.
    #[must_use]
    pub fn end(&self) -> End {
        match self {
            Self::QuitBeforeLogin => End::QuitBeforeLogin,
            Self::LeftBeforeLogin => End::LeftBeforeLogin,
            Self::LoginTimeout | Self::IdleTimeout => End::TimedOut,
            Self::TooManyLogins | Self::TooManyBadCommands | Self::BytesBehindStls => {
                End::ClientViolation
            }
            Self::NoCertificate | Self::TlsHandshake { .. } | Self::TlsHandshakeTimeout => {
                End::TlsFailed
            }
            Self::WrongPassword { .. } | Self::LoginRefused { .. } => End::LoginRefused,
            Self::ClosedAtPass { .. } | Self::ClosedAtPassOfAnother { .. } => End::ClosedAtPass,
            Self::RefusedByRule(_) => End::RefusedByRule,
            Self::QueueFull
            | Self::HeldByAnother
            | Self::LockedElsewhere { .. }
            | Self::BackendFull
            | Self::EngineAway => End::WaitSpent,
            Self::Paused => End::RefusedWhilePaused,
            Self::NoBackend
            | Self::BackendUnreachable { .. }
            | Self::LoginUnanswered { .. }
            | Self::LoginUnansweredInTime { .. }
            | Self::LostToCapa { .. } => End::BackendUnreachable,
            Self::LeftWaiting => End::LeftWaiting,
            Self::Quit | Self::QuitWithoutMaildrop => End::Quit,
            Self::NotPromoted { .. } => End::NotPromoted,
            Self::QuitFailed => End::QuitFailed,
            Self::ClosedAtQuit | Self::SilentAtQuit => End::QuitUnanswered,
            Self::Left | Self::LeftInReply => End::Left,
            Self::Stalled => End::Stalled,
            Self::Preempted { .. } => End::Preempted,
            Self::BackendViolation(Violation::BehindBody(_)) => End::BodyMisread,
            Self::BackendClosed | Self::BackendClosedInReply | Self::BackendViolation(_) => {
                End::BackendGone
            }
            Self::Kicked { .. } => End::Kicked,
            Self::Shutdown => End::Shutdown,
            Self::Panicked | Self::NoConnection | Self::LockBroken => End::Panicked,
        }
    }

    /// Who is at fault; none where it ended as sessions do, or as nobody is to blame for.
    #[must_use]
    pub fn culprit(&self) -> Option<Culprit> {
        match self {
            Self::QuitBeforeLogin
            | Self::LeftBeforeLogin
            | Self::LoginTimeout
            | Self::LeftWaiting
            | Self::Quit
            | Self::QuitWithoutMaildrop
            | Self::Left
            | Self::LeftInReply
            | Self::IdleTimeout
            | Self::Kicked { .. }
            | Self::Shutdown => None,
            Self::TooManyLogins
            | Self::TooManyBadCommands
            | Self::BytesBehindStls
            | Self::TlsHandshake { .. }
            | Self::TlsHandshakeTimeout
            | Self::WrongPassword { .. }
            | Self::Stalled => Some(Culprit::Client),
            Self::ClosedAtPass {
                accepted_lately, ..
            }
            | Self::ClosedAtPassOfAnother { accepted_lately } => Some(if *accepted_lately {
                Culprit::Backend
            } else {
                Culprit::Client
            }),
            Self::NoBackend
            | Self::LoginRefused { .. }
            | Self::LockedElsewhere { .. }
            | Self::BackendFull
            | Self::BackendUnreachable { .. }
            | Self::LoginUnanswered { .. }
            | Self::LoginUnansweredInTime { .. }
            | Self::LostToCapa { .. }
            | Self::QuitFailed
            | Self::ClosedAtQuit
            | Self::SilentAtQuit
            | Self::BackendClosed
            | Self::BackendClosedInReply
            | Self::BackendViolation(_) => Some(Culprit::Backend),
            Self::RefusedByRule(_)
            | Self::QueueFull
            | Self::HeldByAnother
            | Self::Paused
            | Self::Preempted { .. } => Some(Culprit::Policy),
            Self::NotPromoted { why } => not_promoted_by(*why),
            Self::NoCertificate
            | Self::EngineAway
            | Self::Panicked
            | Self::NoConnection
            | Self::LockBroken => Some(Culprit::Proxy),
        }
    }

    /// The sentence of an end that somebody is to blame for, or that has a reason. The others say
    /// all by their [`End`].
    #[must_use]
    pub fn detail(&self) -> Option<String> {
        let has_more = self.culprit().is_some() || matches!(self, Self::Kicked { reason: Some(_) });
        has_more.then(|| self.to_string())
    }
}

fn not_promoted_by(why: PromotionOutcome) -> Option<Culprit> {
    match why {
        PromotionOutcome::Promoted | PromotionOutcome::ClientGone | PromotionOutcome::Ended => None,
        // Without sharing it would not have been shown what is gone, or kept waiting.
        PromotionOutcome::Deleted | PromotionOutcome::WaitSpent | PromotionOutcome::Paused => {
            Some(Culprit::Policy)
        }
        PromotionOutcome::EngineAway => Some(Culprit::Proxy),
        // The backend had accepted it.
        PromotionOutcome::PasswordRefused => Some(Culprit::Client),
        PromotionOutcome::ListingChanged
        | PromotionOutcome::LoginRefused
        | PromotionOutcome::Unreachable => Some(Culprit::Backend),
    }
}

#[cfg(test)]
mod tests;
