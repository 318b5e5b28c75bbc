//! How a session ended, and why: the closed list of causes.
//!
//! From a cause follow the [`End`] that counts it, who is at fault, and the sentence for the
//! operator, each in one `match`: a new cause does not compile until it has all three.

pub use crate::history::{CauseName, Culprit, End};
use crate::policy::block::BlockReason;
use crate::policy::refusal::Refusal;
use crate::policy::sharing::PromotionOutcome;
use crate::pop3::exchange::Violation;
use crate::time::Duration;
use std::fmt;
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

/// A sentence for the operator, without an end.
impl fmt::Display for EndCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::QuitBeforeLogin
            | Self::LeftBeforeLogin
            | Self::LeftWaiting
            | Self::HeldByAnother
            | Self::Quit
            | Self::QuitWithoutMaildrop
            | Self::Left
            | Self::IdleTimeout => self.name().fixed_sentence().unwrap_or_default(),
            Self::LoginTimeout => "the client did not log in in time",
            Self::TooManyLogins => "too many failed logins on one connection",
            Self::TooManyBadCommands => "too many bad commands before login",
            Self::BytesBehindStls => "data behind STLS, before the TLS handshake",
            Self::NoCertificate => "no certificate is configured",
            Self::TlsHandshakeTimeout => "the TLS handshake took too long",
            Self::NoBackend => "no backend can be reached",
            Self::TlsHandshake { error }
            | Self::ClosedAtPass { error, .. }
            | Self::BackendUnreachable { error }
            | Self::LoginUnanswered { error } => error,
            Self::WrongPassword { line }
            | Self::LoginRefused { line }
            | Self::LockedElsewhere { line } => line,
            Self::ClosedAtPassOfAnother { .. } => {
                "the backend closed the connection when another login sent the same password"
            }
            Self::RefusedByRule(refusal) => refused(*refusal),
            Self::QueueFull => "too many clients wait for the maildrop",
            Self::BackendFull => "all connections allowed to the backend were in use",
            Self::EngineAway => {
                "the engine of the cluster did not answer, or did not let this gate in"
            }
            Self::Paused => "an operator had paused the tenant or the backend for the whole wait",
            Self::LoginUnansweredInTime { address } => {
                return write!(f, "{address} did not answer the login in time");
            }
            Self::LostToCapa { error } => {
                return write!(f, "{error}, asked for CAPA after the login");
            }
            Self::QuitFailed => "the backend did not remove all deleted messages",
            Self::ClosedAtQuit => "the backend ended the connection without an answer to QUIT",
            Self::SilentAtQuit => "the backend did not answer QUIT",
            Self::NotPromoted { why } => not_promoted(*why),
            Self::LeftInReply => "the client left in the middle of a reply",
            Self::Stalled => "the client accepted no data for too long",
            Self::Preempted { idle } => {
                let seconds = idle.as_secs();
                return write!(
                    f,
                    "the client was idle for {seconds} s while another one waited"
                );
            }
            Self::BackendClosed => "the backend ended the connection",
            Self::BackendClosedInReply => {
                "the backend ended the connection in the middle of a reply"
            }
            Self::BackendViolation(violation) => return violation.fmt(f),
            Self::Kicked { reason: None } => "an operator ended it",
            Self::Kicked {
                reason: Some(reason),
            } => return write!(f, "an operator ended it: {reason}"),
            Self::Shutdown => "popgate stopped",
            Self::Panicked => "internal error: a task of the session panicked",
            Self::NoConnection => "internal error: a login without a connection",
            Self::LockBroken => "internal error: the state of the maildrop's lock was wrong",
        })
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

fn not_promoted(why: PromotionOutcome) -> &'static str {
    match why {
        PromotionOutcome::Promoted | PromotionOutcome::ClientGone | PromotionOutcome::Ended => {
            "the client of a shared listing had left"
        }
        PromotionOutcome::Deleted => "another session has deleted a message of a shared listing",
        PromotionOutcome::ListingChanged => "the maildrop lacks a message that was shown before",
        PromotionOutcome::WaitSpent => "the maildrop did not come free for a shared listing",
        PromotionOutcome::PasswordRefused => "the backend refuses the password of a shared listing",
        PromotionOutcome::LoginRefused => "the backend refused the login behind a shared listing",
        PromotionOutcome::Unreachable => "the backend gave no answer behind a shared listing",
        PromotionOutcome::Paused => "the tenant or the backend of a shared listing was paused",
        PromotionOutcome::EngineAway => {
            "the engine of the cluster was away behind a shared listing"
        }
    }
}

fn refused(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Blocked(BlockReason::GuessingOne | BlockReason::GuessingMany) => {
            "the client is on the block list"
        }
        Refusal::Blocked(BlockReason::Abuse) => "the address is blocked for protocol errors",
        Refusal::Blocked(BlockReason::Passing) => "the client is blocked for passing faults",
        Refusal::FromMemory => "the backend rejected this password repeatedly",
        Refusal::PerAddress => "too many connections from the address",
        Refusal::PerMaildrop => "too many logins to the maildrop",
        Refusal::PerTenant => "too many logins of the tenant",
        Refusal::LoginDelay(_) => "the client checked for mail too often",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pop3::listing::MessageNumber;
    use crate::pop3::reply::ReplyTo;
    use crate::pop3::verb::Expected;
    use std::collections::HashSet;

    /// The cause after `cause` in this test's walk. A new variant does not compile until it is
    /// here.
    fn next(cause: Option<&EndCause>) -> Option<EndCause> {
        use EndCause::*;
        let Some(cause) = cause else {
            return Some(QuitBeforeLogin);
        };
        // What others said, different for each.
        let error = format!("behind {cause:?}");
        let line = error.clone();
        let address = error.clone();
        let accepted_lately = true;
        Some(match cause {
            QuitBeforeLogin => LeftBeforeLogin,
            LeftBeforeLogin => LoginTimeout,
            LoginTimeout => TooManyLogins,
            TooManyLogins => TooManyBadCommands,
            TooManyBadCommands => BytesBehindStls,
            BytesBehindStls => NoCertificate,
            NoCertificate => TlsHandshake { error },
            TlsHandshake { .. } => TlsHandshakeTimeout,
            TlsHandshakeTimeout => NoBackend,
            NoBackend => WrongPassword { line },
            WrongPassword { .. } => LoginRefused { line },
            LoginRefused { .. } => ClosedAtPass {
                error,
                accepted_lately,
            },
            ClosedAtPass { .. } => ClosedAtPassOfAnother { accepted_lately },
            ClosedAtPassOfAnother { .. } => RefusedByRule(Refusal::FromMemory),
            RefusedByRule(refusal) => next_refusal(*refusal).map_or(QueueFull, RefusedByRule),
            QueueFull => HeldByAnother,
            HeldByAnother => LockedElsewhere { line },
            LockedElsewhere { .. } => BackendFull,
            BackendFull => Paused,
            Paused => EngineAway,
            EngineAway => BackendUnreachable { error },
            BackendUnreachable { .. } => LoginUnanswered { error },
            LoginUnanswered { .. } => LoginUnansweredInTime { address },
            LoginUnansweredInTime { .. } => LostToCapa { error },
            LostToCapa { .. } => LeftWaiting,
            LeftWaiting => Quit,
            Quit => QuitFailed,
            QuitFailed => ClosedAtQuit,
            ClosedAtQuit => SilentAtQuit,
            SilentAtQuit => QuitWithoutMaildrop,
            QuitWithoutMaildrop => NotPromoted {
                why: PromotionOutcome::Deleted,
            },
            NotPromoted { why } => next_outcome(*why).map_or(Left, |why| NotPromoted { why }),
            Left => LeftInReply,
            LeftInReply => IdleTimeout,
            IdleTimeout => Stalled,
            Stalled => Preempted {
                idle: Duration::from_secs(15),
            },
            Preempted { .. } => BackendClosed,
            BackendClosed => BackendClosedInReply,
            BackendClosedInReply => BackendViolation(Violation::NotAReply),
            BackendViolation(Violation::BehindBody(_)) => Kicked { reason: None },
            BackendViolation(_) => BackendViolation(Violation::BehindBody(retr())),
            Kicked { .. } => Shutdown,
            Shutdown => Panicked,
            Panicked => NoConnection,
            NoConnection => LockBroken,
            LockBroken => return None,
        })
    }

    fn retr() -> Expected {
        Expected {
            to: ReplyTo::Retr,
            body: true,
            message: true,
            number: MessageNumber::new(1),
        }
    }

    /// Of those that end a session so.
    fn next_outcome(why: PromotionOutcome) -> Option<PromotionOutcome> {
        Some(match why {
            PromotionOutcome::Deleted => PromotionOutcome::ListingChanged,
            PromotionOutcome::ListingChanged => PromotionOutcome::WaitSpent,
            PromotionOutcome::WaitSpent => PromotionOutcome::PasswordRefused,
            PromotionOutcome::PasswordRefused => PromotionOutcome::LoginRefused,
            PromotionOutcome::LoginRefused => PromotionOutcome::Unreachable,
            PromotionOutcome::Unreachable => PromotionOutcome::Paused,
            PromotionOutcome::Paused => PromotionOutcome::EngineAway,
            PromotionOutcome::EngineAway
            | PromotionOutcome::Promoted
            | PromotionOutcome::ClientGone
            | PromotionOutcome::Ended => return None,
        })
    }

    fn next_refusal(refusal: Refusal) -> Option<Refusal> {
        Some(match refusal {
            Refusal::FromMemory => Refusal::PerAddress,
            Refusal::PerAddress => Refusal::PerMaildrop,
            Refusal::PerMaildrop => Refusal::PerTenant,
            Refusal::PerTenant => Refusal::LoginDelay(Duration::ZERO),
            Refusal::LoginDelay(_) => Refusal::Blocked(BlockReason::GuessingOne),
            Refusal::Blocked(BlockReason::GuessingOne | BlockReason::GuessingMany) => {
                Refusal::Blocked(BlockReason::Abuse)
            }
            Refusal::Blocked(BlockReason::Abuse) => Refusal::Blocked(BlockReason::Passing),
            Refusal::Blocked(BlockReason::Passing) => return None,
        })
    }

    fn all() -> Vec<EndCause> {
        std::iter::successors(next(None), |cause| next(Some(cause))).collect()
    }

    #[test]
    fn every_cause_has_a_sentence_of_its_own() {
        let mut sentences = HashSet::new();
        for cause in all() {
            let sentence = cause.to_string();
            assert!(!sentence.is_empty(), "{cause:?}");
            assert!(sentences.insert(sentence), "{cause:?}: a sentence of two");
        }
    }

    #[test]
    fn every_end_has_a_cause() {
        let ends: HashSet<_> = all().iter().map(EndCause::end).collect();
        for end in End::ALL {
            assert!(ends.contains(end), "{end:?}");
        }
    }

    #[test]
    fn somebody_is_to_blame_for_each_end_but_those_of_every_day() {
        use End::*;
        let everyday = [
            QuitBeforeLogin,
            LeftBeforeLogin,
            LeftWaiting,
            Quit,
            Left,
            TimedOut,
            End::Kicked,
            Shutdown,
        ];
        for cause in all() {
            let is_everyday = everyday.contains(&cause.end());
            assert_eq!(cause.culprit().is_none(), is_everyday, "{cause:?}");
            assert_eq!(cause.detail().is_none(), is_everyday, "{cause:?}");
        }
    }

    #[test]
    fn a_close_instead_of_an_answer_is_the_backends_fault_where_the_password_was_right_lately() {
        for (accepted_lately, culprit) in [(false, Culprit::Client), (true, Culprit::Backend)] {
            let error = String::new();
            let cause = EndCause::ClosedAtPass {
                error,
                accepted_lately,
            };
            assert_eq!(cause.culprit(), Some(culprit));
        }
    }

    #[test]
    fn whoever_kept_a_session_from_its_maildrop_is_to_blame() {
        for (why, culprit) in [
            (PromotionOutcome::Deleted, Culprit::Policy),
            (PromotionOutcome::WaitSpent, Culprit::Policy),
            (PromotionOutcome::PasswordRefused, Culprit::Client),
            (PromotionOutcome::ListingChanged, Culprit::Backend),
            (PromotionOutcome::LoginRefused, Culprit::Backend),
            (PromotionOutcome::Unreachable, Culprit::Backend),
            (PromotionOutcome::Paused, Culprit::Policy),
            (PromotionOutcome::EngineAway, Culprit::Proxy),
        ] {
            let culprit_of = EndCause::NotPromoted { why }.culprit();
            assert_eq!(culprit_of, Some(culprit), "{why:?}");
        }
    }
}
