//! How often things happen, from totals that only grow.

use crate::admin::model::GateStatus;
use crate::limits::TOP_RATE_WINDOW;
use jiff::Timestamp;
use std::collections::VecDeque;

/// The totals of the last seconds.
#[derive(Debug, Default)]
pub(super) struct RateWindow(VecDeque<Totals>);

#[derive(Clone, Copy, Debug)]
struct Totals {
    at: Timestamp,
    logins: u64,
    lock: u64,
    auth: u64,
    rule: u64,
}

/// Events a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rates {
    /// Logins that a backend accepted.
    pub(super) logins: f64,
    /// Logins that did not get the lock.
    pub(super) lock: f64,
    /// Wrong names or passwords.
    pub(super) auth: f64,
    /// Logins that a limit or a block turned away.
    pub(super) rule: f64,
}

impl Rates {
    pub(super) fn refusals(self) -> f64 {
        self.lock + self.auth + self.rule
    }
}

impl RateWindow {
    pub(super) fn note(&mut self, status: &GateStatus) {
        let totals = Totals {
            at: status.now,
            logins: status.logins,
            lock: status.refusals.lock,
            auth: status.refusals.auth,
            rule: status.refusals.rule,
        };
        self.0.push_back(totals);
        // One that is older stays: two readings that are far apart still make a rate.
        let is_old =
            |second: &Totals| seconds(second.at, totals.at) >= TOP_RATE_WINDOW.as_secs_f64();
        while self.0.get(1).is_some_and(is_old) {
            self.0.pop_front();
        }
    }

    /// Another process counts from 0.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }

    /// None before the second reading.
    pub(super) fn rates(&self) -> Option<Rates> {
        let first = self.0.front()?;
        let last = self.0.back()?;
        let time = seconds(first.at, last.at);
        let rate = |of: fn(&Totals) -> u64| {
            let more = of(last).saturating_sub(of(first));
            f64::from(u32::try_from(more).unwrap_or(u32::MAX)) / time
        };
        (time > 0.0).then(|| Rates {
            logins: rate(|it| it.logins),
            lock: rate(|it| it.lock),
            auth: rate(|it| it.auth),
            rule: rate(|it| it.rule),
        })
    }
}

fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64()
}
