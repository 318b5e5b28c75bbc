//! Offences that have not led to a block yet.

use crate::bounded::ExpiringLruMap;
use crate::ids::{ClientPrefix, MaildropKey, TenantName};
use crate::limits::OFFENDERS_MAX;
use crate::policy::block::{
    BlockCause, BlockReason, BlockTarget, CountedPair, Offence, OffenceCounter, Scope,
    TransientCount,
};
use crate::policy::rules::BlockRules;
use jiff::Timestamp;
use std::ops::Range;

/// The offences of each target, counted for each reason until they are enough for a block or too
/// old for it. One gate's own, and in memory only.
///
/// Holds [`OFFENDERS_MAX`] counters of maildrops and as many of addresses. Where they are full, the
/// one that was quiet longest is forgotten: its client starts again from nothing. The two are
/// apart, so that many names from one address do not push out what is known of other addresses.
#[derive(Debug)]
pub(super) struct OffenceCounters {
    of_maildrops: Counters,
    of_addresses: Counters,
    offences: u64,
}

type Counters = ExpiringLruMap<(BlockTarget, BlockReason), Counted, Timestamp>;

#[derive(Debug, Default)]
struct Counted {
    counter: OffenceCounter,
    /// Under whose rules it was counted last.
    tenant: Option<TenantName>,
}

impl Default for OffenceCounters {
    fn default() -> Self {
        Self {
            of_maildrops: ExpiringLruMap::new(OFFENDERS_MAX),
            of_addresses: ExpiringLruMap::new(OFFENDERS_MAX),
            offences: 0,
        }
    }
}

impl OffenceCounters {
    /// Counts an offence, and tells what there is enough of by now.
    pub(super) fn add(
        &mut self,
        maildrop: Option<&MaildropKey>,
        address: ClientPrefix,
        tenant: &TenantName,
        offence: Offence,
        rules: &BlockRules,
        now: Timestamp,
    ) -> Vec<BlockCause> {
        self.offences += 1;
        // Each is one of its own, but for passwords.
        let identity = offence.identity().unwrap_or(self.offences);
        let mut causes = Vec::new();
        for &reason in offence.counts_towards() {
            let threshold = reason.threshold(rules);
            let Some(target) = threshold.target(maildrop, address) else {
                continue;
            };
            let counters = match threshold.scope {
                Scope::Maildrop => &mut self.of_maildrops,
                Scope::Address => &mut self.of_addresses,
            };
            let key = (target.clone(), reason);
            let counted = counters.touch(key, threshold.counts_until(now), now);
            counted.tenant = Some(tenant.clone());
            if let Some(first) = counted.counter.add(identity, &threshold, now) {
                causes.push(BlockCause {
                    target,
                    reason,
                    first,
                });
            }
        }
        causes
    }

    /// The passing faults of today that are counted against `target`.
    pub(super) fn transient(&self, target: &BlockTarget, now: Timestamp) -> Option<TransientCount> {
        let key = (target.clone(), BlockReason::Passing);
        self.of_maildrops.get(&key, now)?.counter.today(now)
    }

    /// How many places there are for [`counted_pairs`](Self::counted_pairs).
    pub(super) fn places(&self) -> usize {
        self.of_maildrops.len()
    }

    /// The pairs in these places of which passing faults of today are counted.
    pub(super) fn counted_pairs(
        &self,
        places: Range<usize>,
        now: Timestamp,
    ) -> impl Iterator<Item = CountedPair> {
        self.of_maildrops
            .iter_in(places, now)
            .filter_map(move |((target, _), counted)| {
                Some(CountedPair {
                    target: target.clone(),
                    tenant: counted.tenant.clone()?,
                    // A counter of guesses counts none of them.
                    count: counted.counter.today(now)?,
                })
            })
    }

    /// Starts again from nothing for `target`.
    pub(super) fn forgive(&mut self, target: &BlockTarget) {
        for &reason in BlockReason::ALL {
            let key = (target.clone(), reason);
            self.of_maildrops.remove(&key);
            self.of_addresses.remove(&key);
        }
    }

    pub(super) fn forget(&mut self, now: Timestamp) {
        self.of_maildrops.remove_expired(now);
        self.of_addresses.remove_expired(now);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.of_maildrops.len() + self.of_addresses.len()
    }
}
