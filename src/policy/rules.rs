//! The limits that a tenant sets for logins, as the configuration resolves them. `Default` limits
//! nothing; what holds where a file says nothing is declared in `config/schema/limits.rs`.

use crate::limits::LISTING_SHOWN_FOR;
use crate::time::Duration;
use ipnet::IpNet;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

/// One quota of logins: GCRA, one each `every`, and `burst` at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Quota {
    /// From one login to the next, in the long run.
    pub every: Duration,
    /// How many may come at once.
    pub burst: NonZeroU32,
}

impl Default for Quota {
    fn default() -> Self {
        Self {
            every: Duration::ZERO,
            burst: NonZeroU32::MAX,
        }
    }
}

/// What becomes of a login that comes too soon: `polls.enforce`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PollMode {
    /// Nobody counts.
    #[default]
    Off,
    /// It is counted, and let in.
    Shadow,
    /// It is held for a while, then let in.
    Delay,
    /// It is let in on a listing where that is possible, else held.
    Absorb,
    /// It is told so with `[LOGIN-DELAY]`, where its password is proven; else it is held.
    Refuse,
}

/// What becomes of a session that could stand on a listing of its maildrop: `sharing`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SharingMode {
    /// Nobody looks.
    #[default]
    Off,
    /// Listings are compared, and nothing else is done.
    Shadow,
    /// Sessions stand on listings where their backend can be trusted with that.
    On,
}

/// `sharing`, `fresh` and `demote_idle`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SharingRules {
    /// What becomes of a session that could stand on a listing.
    pub mode: SharingMode,
    /// A login whose wait is spent is let in on the listing that it was shown last.
    pub end_of_wait: bool,
    /// An idle holder goes back to its listing where another waits.
    pub demotion: bool,
    /// A login is let in on a fresh listing, and the backend is not asked.
    pub let_in: bool,
    /// How old a listing, and the backend's last word on the password, may be for that.
    pub fresh: Duration,
    /// How long a holder that has fetched nothing may be idle while another waits; `None`: as
    /// `preempt_idle` says.
    pub demote_idle: Option<Duration>,
}

impl Default for SharingRules {
    fn default() -> Self {
        Self {
            mode: SharingMode::Off,
            end_of_wait: true,
            demotion: true,
            let_in: true,
            fresh: Duration::from_secs(60),
            demote_idle: Some(Duration::from_secs(5)),
        }
    }
}

impl SharingRules {
    /// Whether listings are kept and compared.
    #[must_use]
    pub fn measures(&self) -> bool {
        matches!(self.mode, SharingMode::Shadow | SharingMode::On)
    }

    /// Whether sessions may stand on listings.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.mode == SharingMode::On
    }

    /// How old a listing may be on which a login is let in that comes too early.
    #[must_use]
    pub fn age_if_early(&self, polls: &PollRules) -> Duration {
        match polls.mode {
            PollMode::Absorb => self.fresh.max(polls.login_delay()),
            _ => self.fresh,
        }
    }

    /// How long a login may be let in on a listing.
    #[must_use]
    pub fn lets_in_for(&self, polls: &PollRules) -> Duration {
        match self.is_on() {
            true if self.end_of_wait => LISTING_SHOWN_FOR,
            true if self.let_in => self.age_if_early(polls).min(LISTING_SHOWN_FOR),
            _ => Duration::ZERO,
        }
    }
}

/// `polls`: how often a maildrop may be looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PollRules {
    /// What becomes of a login that comes too soon.
    pub mode: PollMode,
    /// The longest that a login is held.
    pub max_delay: Duration,
    /// For the maildrop.
    pub maildrop: Quota,
    /// For the maildrop from one address (IPv6: a /64).
    pub client: Quota,
    /// Networks that are never limited: `allow_burst_from`.
    pub unlimited: Arc<[IpNet]>,
}

impl PollRules {
    /// How a login from `address` is measured: not at all from a network that is never limited.
    #[must_use]
    pub fn mode_for(&self, address: IpAddr) -> PollMode {
        let address = address.to_canonical();
        if self
            .unlimited
            .iter()
            .any(|network| network.contains(&address))
        {
            return PollMode::Off;
        }
        self.mode
    }

    /// From one login to the next in the long run, whoever comes: what LOGIN-DELAY tells
    /// (RFC 2449 section 6.5).
    #[must_use]
    pub fn login_delay(&self) -> Duration {
        self.maildrop.every.max(self.client.every)
    }
}

/// `connections`: how many connections at a time; 0: no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Of one address (IPv6: a /64).
    pub per_address: usize,
    /// Logins to one maildrop that wait or are logged in: the proven ones together, the others by
    /// address, so that strangers cannot take the owner's places. How many of those wait at a time
    /// the queue bounds.
    pub per_maildrop: usize,
    /// Of the tenant's logins, waiting or logged in; proven ones and others apart.
    pub per_tenant: usize,
}

/// `failures`: what wrong passwords bring.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FailureRules {
    /// The answer to the first wrong password is held for so long; it doubles with each other
    /// wrong password of the address.
    pub delay: Duration,
    /// The longest that an answer is held.
    pub max_delay: Duration,
    /// A password that the backend refused so often within ten minutes is refused from memory;
    /// 0: never.
    pub same_password: u32,
    /// Of logins that are refused from memory, one each so long goes to the backend.
    pub retry: Duration,
}

/// Whether faults lead to blocks: `blocks.enforce`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BlockMode {
    /// Nobody counts.
    #[default]
    Off,
    /// Entries are made and shown, and nobody is refused.
    Shadow,
    /// Who is blocked is refused.
    Block,
}

/// `blocks`: which faults lead to a block, and for how long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BlockRules {
    /// Whether blocks have an effect.
    pub mode: BlockMode,
    /// Different wrong passwords of one address for one maildrop within `window`; 0: no limit.
    pub passwords_per_maildrop: u32,
    /// Different wrong logins of one address within `window`; 0: no limit.
    pub passwords_per_address: u32,
    /// Abuses of the protocol by one address within `window`; 0: no limit.
    pub abuses: u32,
    /// Passing faults of one address at one maildrop on one day; the next one blocks the two; 0: no
    /// limit.
    pub passing_per_day: u32,
    /// How long guesses and abuses are remembered.
    pub window: Duration,
    /// How long the first block lasts; for guessing it doubles each time, else it stays so, and is
    /// [`MINOR_BLOCK_MAX`](crate::limits::MINOR_BLOCK_MAX) at most.
    pub duration: Duration,
    /// The longest block.
    pub max_duration: Duration,
}

/// All rules of a tenant, or of one user of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// `polls` and `allow_burst_from`.
    pub polls: PollRules,
    /// `connections`.
    pub connections: ConnectionLimits,
    /// `failures`.
    pub failures: FailureRules,
    /// `blocks`.
    pub blocks: BlockRules,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_a_listing_is_good_follows_from_what_lets_in() {
        let minute = Duration::from_secs(60);
        let rules = |mode, end_of_wait, let_in| SharingRules {
            mode,
            end_of_wait,
            let_in,
            ..SharingRules::default()
        };
        let polls = |mode| PollRules {
            mode,
            maildrop: Quota {
                every: 5 * minute,
                ..Quota::default()
            },
            ..PollRules::default()
        };
        for (rules, mode, expected) in [
            (
                rules(SharingMode::Off, true, true),
                PollMode::Absorb,
                Duration::ZERO,
            ),
            (
                rules(SharingMode::Shadow, true, true),
                PollMode::Absorb,
                Duration::ZERO,
            ),
            (
                rules(SharingMode::On, true, false),
                PollMode::Off,
                LISTING_SHOWN_FOR,
            ),
            (rules(SharingMode::On, false, true), PollMode::Delay, minute),
            (
                rules(SharingMode::On, false, true),
                PollMode::Absorb,
                5 * minute,
            ),
            (
                rules(SharingMode::On, false, false),
                PollMode::Absorb,
                Duration::ZERO,
            ),
        ] {
            assert_eq!(
                rules.lets_in_for(&polls(mode)),
                expected,
                "{rules:?} {mode:?}"
            );
        }
    }
}
