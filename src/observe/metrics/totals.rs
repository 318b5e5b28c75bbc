//! Sums over all tenants, for who asks for them in place of a scrape.

use super::{Metrics, OfTenant};
use prometheus::IntCounter;
use std::sync::atomic::Ordering;

/// What was counted since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CountedTotals {
    /// Logins that a backend accepted.
    pub logins: u64,
    /// Logins that did not get the lock: the wait was spent, whatever it was for, or there was no
    /// place in the queue.
    pub lock_refusals: u64,
    /// Logins whose name or password the backend refused.
    pub auth_refusals: u64,
    /// Logins that a limit or a block of popgate refused.
    pub rule_refusals: u64,
}

impl Metrics {
    /// Sums over all tenants: some two hundred of them, or fewer.
    #[must_use]
    pub fn totals(&self) -> CountedTotals {
        let mut totals = CountedTotals {
            lock_refusals: self.lock_refusals.load(Ordering::Relaxed),
            ..CountedTotals::default()
        };
        self.for_each_tenant(|tenant| totals.add(tenant));
        totals
    }
}

impl CountedTotals {
    fn add(&mut self, tenant: &OfTenant) {
        self.logins += tenant.logins.get();
        self.auth_refusals += tenant.auth_failures.get();
        self.rule_refusals += tenant
            .login_refusals
            .iter()
            .map(IntCounter::get)
            .sum::<u64>();
    }
}
