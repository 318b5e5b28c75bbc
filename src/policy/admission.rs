//! Whether a login may ask for the lock of its maildrop: is it blocked, does
//! its password fail again and again, are there too many connections, does it come too often? One
//! place asks, and the answer is one closed enum.

use super::attempt::LoginAttempt;
use super::auth_failure_templates::AuthFailureTemplates;
use super::block::{BlockChange, BlockReason, BlockVerdict};
use super::block_list::BlockList;
use super::connections::{Connections, Place};
use super::negative_auth_cache::NegativeAuthCache;
use super::penalties::Penalties;
use super::poll::{Measured, Polls};
use super::refusal_history::CacheAnswer;
use super::rules::PollMode;
use crate::time::{Duration, Instant, Moment};
use std::sync::Arc;

/// What is remembered of logins, for all rules.
pub struct Admission {
    /// How often each maildrop is looked at.
    pub polls: Polls,
    /// How long the answers to an address are held.
    pub penalties: Penalties,
    /// Passwords that the backend refused.
    pub negative_auth_cache: NegativeAuthCache,
    /// How each backend answers a wrong password.
    pub auth_failure_templates: AuthFailureTemplates,
    /// How many connections there are.
    pub connections: Arc<Connections>,
    /// Who is blocked.
    pub blocks: Arc<BlockList>,
}

/// The one answer.
pub enum Verdict {
    /// It may ask for the lock.
    Admit {
        /// Its places among the connections; given back when dropped.
        places: Places,
        /// How its poll was measured.
        poll: PollVerdict,
    },
    /// It is refused.
    Refuse(Refusal),
}

/// What becomes of an admitted login's poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PollVerdict {
    /// It is not measured.
    Unlimited,
    /// It comes in time.
    InTime,
    /// It would have been held or refused: it comes so long before its time.
    Shadow(Duration),
    /// It is held until then, and then asks for the lock.
    Hold {
        /// When the quota allows it, or `max_delay` is over.
        until: Instant,
        /// How long before its time it came.
        early: Duration,
    },
}

/// Why a login is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is on the block list, for these faults; where those were guesses it is answered as a
    /// wrong password is.
    Blocked(BlockReason),
    /// Its password was refused again and again; it is answered as a wrong password is.
    FromMemory,
    /// Its address has too many connections.
    PerAddress,
    /// Its maildrop has too many logins.
    PerMaildrop,
    /// Its tenant has too many logins.
    PerTenant,
    /// Its password is proven, and its quota allows it only after so long.
    LoginDelay(Duration),
}

impl Refusal {
    /// Whether it must not be told from a wrong password.
    #[must_use]
    pub fn looks_like_a_wrong_password(self) -> bool {
        match self {
            Self::Blocked(reason) => reason.protects_passwords(),
            Self::FromMemory => true,
            _ => false,
        }
    }
}

/// A login's places among those of its maildrop and its tenant.
#[derive(Default)]
pub struct Places {
    _maildrop: Option<Place>,
    _tenant: Option<Place>,
}

impl Admission {
    /// Nothing is remembered yet, but who is on the block list.
    #[must_use]
    pub fn new(blocks: Arc<BlockList>) -> Self {
        Self {
            polls: Polls::new(),
            penalties: Penalties::new(),
            negative_auth_cache: NegativeAuthCache::new(),
            auth_failure_templates: AuthFailureTemplates::new(),
            connections: Arc::new(Connections::new()),
            blocks,
        }
    }

    /// Judges a login. One whose password was accepted lately passes every block, also where the
    /// backend has refused it since: a short failure of its user database must not last as long
    /// as the block of an address that many share. A trusted network passes blocks and limits on
    /// connections. Under a block one login a minute is really tried, if all other rules let it in.
    #[must_use]
    pub fn check(&self, attempt: &LoginAttempt, now: Moment) -> Verdict {
        let tried_under = match self.blocked(attempt, now) {
            Ok(reason) => reason,
            Err(refusal) => return Verdict::Refuse(refusal),
        };
        let places = match self.places(attempt) {
            Ok(places) => places,
            Err(refusal) => return Verdict::Refuse(refusal),
        };
        let poll = match self.poll(attempt, now.instant) {
            Ok(poll) => poll,
            Err(refusal) => return Verdict::Refuse(refusal),
        };
        // Real tries are taken last: what they let through is let through by all others.
        let rules = &attempt.rules().failures;
        let accepted_lately = attempt.was_accepted_lately();
        let remembered =
            self.negative_auth_cache
                .ask(attempt.tag, accepted_lately, rules, now.instant);
        if remembered == CacheAnswer::Refuse {
            return Verdict::Refuse(Refusal::FromMemory);
        }
        match tried_under {
            Some(reason) if !self.blocks.take_trial(attempt.block_query(), now.wall) => {
                Verdict::Refuse(Refusal::Blocked(reason))
            }
            _ => Verdict::Admit { places, poll },
        }
    }

    /// The backend said `+OK`: the login is charged, and its address is somebody's.
    #[must_use]
    pub fn accepted(&self, attempt: &LoginAttempt, now: Moment) -> Vec<BlockChange> {
        self.polls.charge(attempt, now.instant);
        self.negative_auth_cache.accepted(attempt.tag, now.instant);
        match attempt.trusted {
            true => Vec::new(),
            false => self.blocks.accepted(attempt.block_query(), now.wall),
        }
    }

    /// popgate had no place for it: a proven login does not pay for coming again.
    pub fn not_served(&self, attempt: &LoginAttempt, now: Instant) {
        if attempt.is_proven() {
            self.polls.turned_away(attempt, now);
        }
    }

    /// Forgets what does not matter any more.
    pub fn forget_idle(&self, now: Instant) {
        self.polls.forget_idle(now);
        self.penalties.forget_idle(now);
        self.negative_auth_cache.forget_idle(now);
    }

    /// How a login that is held is measured again, by the rules that hold now.
    #[must_use]
    pub fn measure(&self, attempt: &LoginAttempt, now: Instant) -> PollVerdict {
        self.poll(attempt, now).unwrap_or(PollVerdict::InTime)
    }

    /// Whether it is blocked; or else the block under which it may be the real try. A stale
    /// password takes none from the others behind its address.
    fn blocked(&self, attempt: &LoginAttempt, now: Moment) -> Result<Option<BlockReason>, Refusal> {
        if attempt.trusted || attempt.was_accepted_lately() {
            return Ok(None);
        }
        let mode = attempt.rules().blocks.mode;
        let is_stale = || {
            self.negative_auth_cache
                .was_refused_lately(attempt.tag, now.instant)
        };
        match self.blocks.check(attempt.block_query(), mode, now.wall) {
            BlockVerdict::Clear => Ok(None),
            BlockVerdict::Blocked {
                reason,
                trial_is_due,
            } if trial_is_due && !is_stale() => Ok(Some(reason)),
            BlockVerdict::Blocked { reason, .. } => Err(Refusal::Blocked(reason)),
        }
    }

    fn places(&self, attempt: &LoginAttempt) -> Result<Places, Refusal> {
        if attempt.trusted {
            return Ok(Places::default());
        }
        let limits = &attempt.rules().connections;
        let connections = &self.connections;
        if limits.per_address > 0 && connections.of_address(attempt.prefix()) > limits.per_address {
            return Err(Refusal::PerAddress);
        }
        let maildrop = match limits.per_maildrop {
            0 => None,
            limit => {
                let stranger = (!attempt.is_proven()).then(|| attempt.prefix());
                let place = connections.enter_maildrop(&attempt.key, stranger, limit);
                Some(place.ok_or(Refusal::PerMaildrop)?)
            }
        };
        let tenant = match limits.per_tenant {
            0 => None,
            limit => {
                let place =
                    connections.enter_tenant(&attempt.policy.name, attempt.is_proven(), limit);
                Some(place.ok_or(Refusal::PerTenant)?)
            }
        };
        Ok(Places {
            _maildrop: maildrop,
            _tenant: tenant,
        })
    }

    fn poll(&self, attempt: &LoginAttempt, now: Instant) -> Result<PollVerdict, Refusal> {
        let rules = &attempt.rules().polls;
        let earliest = match self.polls.measure(attempt, now) {
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
            PollMode::Delay | PollMode::Refuse => {
                let until = earliest.min(attempt.asked + rules.max_delay);
                Ok(PollVerdict::Hold { until, early })
            }
        }
    }
}

#[cfg(test)]
mod tests;
