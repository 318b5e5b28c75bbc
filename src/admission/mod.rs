//! Whether a login may ask for the lock of its maildrop: is it blocked, does its password fail
//! again and again, are there too many connections, does it come too often? One place asks, and the
//! answer is one closed enum.
//!
//! The rules are pure functions of facts and time ([`policy`](crate::policy)). Here is what they
//! need to know of earlier logins: each store is a file, and says what it remembers, how much of
//! it, for how long, and what is lost when it is full.

pub mod auth_cache;
pub mod auth_failure_templates;
pub mod block_list;
pub mod connections;
pub mod listings;
pub mod negative_auth_cache;
pub mod penalties;
pub mod polls;
pub mod proofs;
pub mod twins;
pub mod views;

use self::auth_cache::AuthCache;
use self::auth_failure_templates::AuthFailureTemplates;
use self::block_list::BlockList;
use self::connections::{ConnectionSlot, Connections};
use self::listings::ShownListings;
use self::negative_auth_cache::NegativeAuthCache;
use self::penalties::Penalties;
use self::polls::Polls;
use self::proofs::BackendProofs;
use self::twins::Twins;
use self::views::OpenViews;
use crate::policy::attempt::{LoginAttempt, Standing};
use crate::policy::block::{BlockChange, BlockReason, BlockVerdict};
use crate::policy::poll::{PollVerdict, poll_verdict};
use crate::policy::refusal::Refusal;
use crate::policy::refusal_history::CacheAnswer;
use crate::secret::PasswordTag;
use crate::time::{Instant, Moment};
use std::sync::Arc;

/// What is remembered of logins, and what follows from it for the next one.
pub struct Admission {
    /// What is true at every gate alike.
    pub shared: SharedMemory,
    /// What one gate has seen.
    pub local: LocalMemory,
}

/// What several gates before the same backends may know together: a password is right, and a client
/// is blocked, whichever of them it comes to.
pub struct SharedMemory {
    /// Passwords that a backend accepted.
    pub auth_cache: AuthCache,
    /// Which clients are blocked.
    pub blocks: Arc<BlockList>,
    /// Who tells the other gates what a backend said to a password.
    elsewhere: Option<Arc<dyn TellsElsewhere>>,
}

/// Tells other gates what a backend said to a password, without waiting for them.
pub trait TellsElsewhere: Send + Sync + 'static {
    /// It accepted it, or refused it.
    fn backend_said(&self, tag: PasswordTag, is_accepted: bool);

    /// Whether nobody could say lately that they know nothing of it.
    fn may_know(&self, tag: PasswordTag) -> bool;
}

impl SharedMemory {
    fn accepted(&self, tag: PasswordTag, now: Instant) {
        let is_news = self.auth_cache.accepted(tag, now);
        self.tell_elsewhere(tag, true, is_news);
    }

    fn refused(&self, tag: PasswordTag, now: Instant) {
        let may_know = |it: &Arc<dyn TellsElsewhere>| it.may_know(tag);
        let is_news =
            self.auth_cache.refused(tag, now) || self.elsewhere.as_ref().is_some_and(may_know);
        self.tell_elsewhere(tag, false, is_news);
    }

    fn tell_elsewhere(&self, tag: PasswordTag, is_accepted: bool, is_news: bool) {
        if let Some(elsewhere) = &self.elsewhere
            && is_news
        {
            elsewhere.backend_said(tag, is_accepted);
        }
    }
}

/// What a gate keeps to itself, also beside others: at two gates a client has twice the polls and
/// connections, and half the delays.
#[derive(Default)]
pub struct LocalMemory {
    /// How often each maildrop is looked at.
    pub polls: Polls,
    /// Wrong logins, by which answers are delayed.
    pub penalties: Penalties,
    /// Passwords that a backend refused.
    pub negative_auth_cache: NegativeAuthCache,
    /// How each backend answers a wrong password.
    pub auth_failure_templates: AuthFailureTemplates,
    /// How many connections there are.
    pub connections: Arc<Connections>,
    /// Which sessions have listed the same messages.
    pub twins: Twins,
    /// What logins were shown of their maildrops.
    pub listings: ShownListings,
    /// Sessions that stand on that.
    pub views: Arc<OpenViews>,
    /// Which backends have shown that their sessions may.
    pub proofs: BackendProofs,
}

impl LocalMemory {
    /// A backend refused the password: nobody stands on what it was shown.
    fn stands_no_more(&self, attempt: &LoginAttempt, now: Instant) {
        self.listings.refused(&attempt.key, attempt.tag, now);
        self.views.end(attempt.tag, attempt.prefix());
    }
}

/// The one answer.
pub enum Verdict {
    /// It may ask for the lock.
    Admit {
        /// Its slots among the connections; given back when dropped.
        slots: LoginSlots,
        /// How its poll was measured.
        poll: PollVerdict,
    },
    /// It is refused.
    Refuse(Refusal),
}

/// A login's slots among those of its maildrop and its tenant.
#[derive(Default)]
pub struct LoginSlots {
    _maildrop: Option<ConnectionSlot>,
    _tenant: Option<ConnectionSlot>,
}

impl Admission {
    /// Nothing is remembered yet, but what is on the block list.
    #[must_use]
    pub fn new(blocks: Arc<BlockList>, elsewhere: Option<Arc<dyn TellsElsewhere>>) -> Self {
        Self {
            shared: SharedMemory {
                auth_cache: AuthCache::new(),
                blocks,
                elsewhere,
            },
            local: LocalMemory::default(),
        }
    }

    /// Judges a login. One whose password was accepted lately passes every block, also where the
    /// backend has refused it since: a short failure of its user database must not last as long as
    /// the block of an address that many share. A trusted network passes blocks and limits on
    /// connections. Under a block one login a minute is let through as a trial, if all other rules
    /// let it in.
    #[must_use]
    pub fn check(&self, attempt: &LoginAttempt, now: Moment) -> Verdict {
        self.admit(attempt, now).unwrap_or_else(Verdict::Refuse)
    }

    fn admit(&self, attempt: &LoginAttempt, now: Moment) -> Result<Verdict, Refusal> {
        // Blocks come first: a blocked client takes no slot, and learns of no limit.
        let trial_under = self.blocked(attempt, now)?;
        let slots = self.slots(attempt)?;
        let measured = self.local.polls.measure(attempt, now.instant);
        let poll = poll_verdict(attempt, measured, now.instant)?;
        // Trials come last: only a login that all other rules let in takes one from the others.
        let remembered = self.local.negative_auth_cache.ask(
            attempt.tag,
            attempt.was_accepted_lately(),
            &attempt.rules().failures,
            now.instant,
        );
        if remembered == CacheAnswer::Refuse {
            return Err(Refusal::FromMemory);
        }
        if let Some(reason) = trial_under {
            self.take_trial(attempt, reason, now)?;
        }
        Ok(Verdict::Admit { slots, poll })
    }

    /// What backends said to a password lately.
    #[must_use]
    pub fn standing(&self, tag: PasswordTag, now: Instant) -> Standing {
        self.shared.auth_cache.standing(tag, now)
    }

    /// The backend said `+OK`: the password is proven, the login is charged, and its address is
    /// somebody's.
    #[must_use]
    pub fn accepted(&self, attempt: &LoginAttempt, now: Moment) -> Vec<BlockChange> {
        self.shared.accepted(attempt.tag, now.instant);
        self.local.polls.charge(attempt, now.instant);
        self.local
            .negative_auth_cache
            .accepted(attempt.tag, now.instant);
        match attempt.trusted {
            // Nothing from there is ever blocked, so that there is nothing to lift.
            true => Vec::new(),
            false => self.shared.blocks.accepted(attempt, now.wall),
        }
    }

    /// The backend refused the password as *auth*.
    pub fn refused(&self, attempt: &LoginAttempt, now: Instant) {
        self.shared.refused(attempt.tag, now);
        self.local.negative_auth_cache.refused(attempt.tag, now);
        self.local.stands_no_more(attempt, now);
    }

    /// The backend closed the connection instead of answering the password.
    pub fn refused_without_words(&self, attempt: &LoginAttempt, now: Instant) {
        self.shared.refused(attempt.tag, now);
        let cache = &self.local.negative_auth_cache;
        cache.refused_without_words(attempt.tag, now);
        self.local.stands_no_more(attempt, now);
    }

    /// popgate had no place for it: a proven login does not pay for coming again.
    pub fn not_served(&self, attempt: &LoginAttempt, now: Instant) {
        if attempt.is_proven() {
            self.local.polls.turned_away(attempt, now);
        }
    }

    /// Forgets what does not matter any more.
    pub fn forget_idle(&self, now: Instant) {
        self.local.polls.forget_idle(now);
        self.local.penalties.forget_idle(now);
        self.local.negative_auth_cache.forget_idle(now);
        self.local.listings.forget_idle(now);
    }

    /// How a login that is held is measured again, by the rules that hold now.
    #[must_use]
    pub fn measure(&self, attempt: &LoginAttempt, now: Instant) -> PollVerdict {
        let measured = self.local.polls.measure(attempt, now);
        poll_verdict(attempt, measured, now).unwrap_or(PollVerdict::InTime)
    }

    /// Whether it is blocked; or else the block under which it may be the trial login. A stale
    /// password is none, and leaves it to the others behind its address.
    fn blocked(&self, attempt: &LoginAttempt, now: Moment) -> Result<Option<BlockReason>, Refusal> {
        if attempt.trusted || attempt.was_accepted_lately() {
            return Ok(None);
        }
        let blocks = &self.shared.blocks;
        match blocks.check(attempt, now.wall) {
            BlockVerdict::Clear => Ok(None),
            BlockVerdict::Blocked {
                reason,
                trial_is_due,
            } if trial_is_due && !self.is_stale(attempt, now) => Ok(Some(reason)),
            BlockVerdict::Blocked { reason, .. } => Err(Refusal::Blocked(reason)),
        }
    }

    /// Another login under the same block may have been quicker since it was checked.
    fn take_trial(
        &self,
        attempt: &LoginAttempt,
        reason: BlockReason,
        now: Moment,
    ) -> Result<(), Refusal> {
        let blocks = &self.shared.blocks;
        match blocks.take_trial(attempt, now.wall) {
            true => Ok(()),
            false => Err(Refusal::Blocked(reason)),
        }
    }

    fn is_stale(&self, attempt: &LoginAttempt, now: Moment) -> bool {
        let cache = &self.local.negative_auth_cache;
        cache.was_refused_lately(attempt.tag, now.instant)
    }

    fn slots(&self, attempt: &LoginAttempt) -> Result<LoginSlots, Refusal> {
        if attempt.trusted {
            return Ok(LoginSlots::default());
        }
        let limits = &attempt.rules().connections;
        let connections = &self.local.connections;
        // This connection is among them since it was accepted, by the limit of its listener's
        // tenant. Its login may be of another one.
        if limits.per_address > 0 && connections.of_address(attempt.prefix()) > limits.per_address {
            return Err(Refusal::PerAddress);
        }
        let maildrop = match limits.per_maildrop {
            0 => None,
            limit => {
                let stranger = (!attempt.is_proven()).then(|| attempt.prefix());
                let slot = connections.enter_maildrop(&attempt.key, stranger, limit);
                Some(slot.ok_or(Refusal::PerMaildrop)?)
            }
        };
        let tenant = match limits.per_tenant {
            0 => None,
            limit => {
                let slot =
                    connections.enter_tenant(&attempt.policy.name, attempt.is_proven(), limit);
                Some(slot.ok_or(Refusal::PerTenant)?)
            }
        };
        Ok(LoginSlots {
            _maildrop: maildrop,
            _tenant: tenant,
        })
    }
}

#[cfg(test)]
mod tests;
