//! The series of one tenant.

use super::ended::EndedSessions;
use super::families::Families;
use super::of_sharing::OfSharing;
use crate::observe::event::{LockOutcome, LoginRule, OffenceKind, PollDecision, Preemption};
use prometheus::{IntCounter, IntGauge};
use std::sync::OnceLock;

/// The label of faults of unproven logins, and of proven ones.
const PROVEN: [&str; 2] = ["no", "yes"];

/// The series of one tenant, looked up once. Those by an enum are in the order of its `ALL`,
/// which is the order of its variants.
pub(super) struct OfTenant {
    pub(super) label: String,
    pub(super) ended: EndedSessions,
    pub(super) sessions_open: IntGauge,
    pub(super) lock_waiters: IntGauge,
    pub(super) locks_held: IntGauge,
    pub(super) lock_outcomes: Vec<IntCounter>,
    pub(super) preemptions: Vec<IntCounter>,
    pub(super) logins: IntCounter,
    pub(super) auth_failures: IntCounter,
    pub(super) polls: Vec<IntCounter>,
    pub(super) login_refusals: Vec<IntCounter>,
    /// Made with the first event of its listings: most tenants have none.
    pub(super) sharing: OnceLock<OfSharing>,
    /// Of unproven logins, and of proven ones.
    pub(super) faults: [Vec<IntCounter>; 2],
    pub(super) messages_retrieved: IntCounter,
    pub(super) messages_deleted: IntCounter,
    pub(super) paused: IntGauge,
}

impl OfTenant {
    pub(super) fn new(families: &Families, label: &str) -> Self {
        Self {
            label: label.to_owned(),
            ended: EndedSessions::new(label),
            sessions_open: families.sessions_open.with_label_values(&[label]),
            lock_waiters: families.lock_waiters.with_label_values(&[label]),
            locks_held: families.locks_held.with_label_values(&[label]),
            lock_outcomes: children(LockOutcome::ALL, |outcome| {
                let outcomes = &families.lock_outcomes;
                outcomes.with_label_values(&[label, outcome.as_str()])
            }),
            preemptions: children(Preemption::ALL, |reason| {
                let preemptions = &families.preemptions;
                preemptions.with_label_values(&[label, reason.as_str()])
            }),
            logins: families.logins.with_label_values(&[label]),
            auth_failures: families.auth_failures.with_label_values(&[label]),
            polls: children(PollDecision::ALL, |decision| {
                let polls = &families.polls;
                polls.with_label_values(&[label, decision.as_str()])
            }),
            login_refusals: children(LoginRule::ALL, |rule| {
                let refusals = &families.login_refusals;
                refusals.with_label_values(&[label, rule.as_str()])
            }),
            sharing: OnceLock::new(),
            faults: PROVEN.map(|proven| {
                children(OffenceKind::ALL, |fault| {
                    let faults = &families.faults;
                    faults.with_label_values(&[label, fault.as_str(), proven])
                })
            }),
            messages_retrieved: families.messages_retrieved.with_label_values(&[label]),
            messages_deleted: families.messages_deleted.with_label_values(&[label]),
            paused: families.tenant_paused.with_label_values(&[label]),
        }
    }
}

pub(super) fn children<L: Copy, C>(labels: &[L], child: impl Fn(L) -> C) -> Vec<C> {
    labels.iter().copied().map(child).collect()
}
