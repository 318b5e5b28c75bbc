//! How often a maildrop may be looked at: one quota for the maildrop and one for each client
//! of it.
//!
//! A login is charged when the backend has accepted it, so that strangers cannot spend the owner's
//! quota and only real maildrops are remembered. It is too late to say no then: it is the next
//! login that has to wait until the quota has room for it.

mod history;

pub use history::{EarlyPoll, PerQuota, PollHistory};

use super::attempt::LoginAttempt;
use super::refusal::Refusal;
use super::rules::PollMode;
use crate::str_enum::str_enum;
use crate::time::{Duration, Instant};

/// Whether a login comes too soon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measured {
    /// Polls are not counted, or none from this network.
    Unlimited,
    /// The quotas have room for it.
    InTime,
    /// They have not yet.
    Early {
        /// When they will have.
        earliest: Instant,
    },
}

/// What becomes of an admitted login's poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PollVerdict {
    /// It is not measured.
    Unlimited,
    /// It comes in time.
    InTime,
    /// It would have been held or refused: it comes this long before its time.
    Shadow(Duration),
    /// It is held until then, and then asks for the lock.
    Hold {
        /// When the quota allows it, or `max_delay` is over.
        until: Instant,
        /// How long before its time it came.
        early: Duration,
    },
}

str_enum! {
    /// What became of a login that was measured: the label `decision` of `polls_total`.
    PollDecision {
        /// It came in time.
        Admitted = "admitted",
        /// It was held for a while.
        Delayed = "delayed",
        /// It was told when to come again.
        Refused = "refused",
        /// It would have been held or refused, and was let in.
        Shadow = "shadow",
        /// It was let in on a listing, and its backend has heard nothing of it.
        Absorbed = "absorbed",
    }
}

/// Whether logins from its network count against a quota.
pub fn is_measured(attempt: &LoginAttempt) -> bool {
    attempt.rules().polls.mode_for(attempt.client.ip()) != PollMode::Off
}

/// What becomes of a login that a quota has measured so.
pub fn poll_verdict(
    attempt: &LoginAttempt,
    measured: Measured,
    now: Instant,
) -> Result<PollVerdict, Refusal> {
    let rules = &attempt.rules().polls;
    let earliest = match measured {
        Measured::Unlimited => return Ok(PollVerdict::Unlimited),
        Measured::InTime => return Ok(PollVerdict::InTime),
        Measured::Early { earliest } => earliest,
    };
    let early = earliest.saturating_duration_since(now);
    match rules.mode {
        PollMode::Off => Ok(PollVerdict::Unlimited),
        PollMode::Shadow => Ok(PollVerdict::Shadow(early)),
        // It would tell that the password is right: others are held.
        PollMode::Refuse if attempt.is_proven() => Err(Refusal::LoginDelay(early)),
        PollMode::Delay | PollMode::Absorb | PollMode::Refuse => {
            // Beyond this its client gives up and comes again, which is one poll more.
            let until = earliest.min(attempt.asked + rules.max_delay);
            Ok(PollVerdict::Hold { until, early })
        }
    }
}
