//! The sentence of each cause.

use super::EndCause;
use crate::policy::block::BlockReason;
use crate::policy::refusal::Refusal;
use crate::policy::sharing::PromotionOutcome;
use std::fmt;

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
