//! The series of one backend.

use super::families::Families;
use super::of_tenant::children;
use crate::dialect::{Class, expected_classes};
use crate::observe::event::RetryResult;
use crate::policy::sharing::BackendProof;
use crate::pop3::reply::ReplyTo;
use prometheus::{Histogram, IntCounter, IntGauge};
use std::sync::OnceLock;

/// The series of one backend, looked up once. Those by an enum are in the order of its `ALL`,
/// which is the order of its variants.
pub(super) struct OfBackend {
    pub(super) name: String,
    /// None of a backend that the configuration does not name any more: what was counted of it
    /// stays, and nothing says how it fares.
    pub(super) now: Option<BackendGauges>,
    pub(super) login: Histogram,
    pub(super) handover_forced: IntCounter,
    pub(super) maildrop_aliases: IntCounter,
    pub(super) locked_retries: Vec<IntCounter>,
    /// By command, then by class; made when such a reply first comes.
    replies: Vec<Vec<OnceLock<IntCounter>>>,
}

/// How a backend of the configuration fares.
pub(super) struct BackendGauges {
    pub(super) up: IntGauge,
    pub(super) paused: IntGauge,
    pub(super) connections: IntGauge,
    /// What its sessions have shown of sharing, in the order of [`BackendProof::ALL`].
    pub(super) proof: Vec<IntGauge>,
}

impl OfBackend {
    /// All that is counted, and what can be told of the present where the configuration names the
    /// backend.
    pub(super) fn new(families: &Families, name: &str, now: Option<BackendGauges>) -> Self {
        let backend = Self {
            name: name.to_owned(),
            now,
            login: families.backend_login.with_label_values(&[name]),
            handover_forced: families.handover_forced.with_label_values(&[name]),
            maildrop_aliases: families.maildrop_aliases.with_label_values(&[name]),
            locked_retries: children(RetryResult::ALL, |result| {
                let retries = &families.backend_locked_retries;
                retries.with_label_values(&[name, result.as_str()])
            }),
            replies: children(&ReplyTo::ALL, |_| {
                children(&Class::ALL, |_| OnceLock::new())
            }),
        };
        for to in ReplyTo::ALL {
            for &class in expected_classes(to) {
                backend.reply(families, to, class);
            }
        }
        backend
    }

    pub(super) fn reply(&self, families: &Families, to: ReplyTo, class: Class) -> &IntCounter {
        self.replies[to as usize][class as usize].get_or_init(|| {
            let labels = [self.name.as_str(), to.as_str(), class.as_str()];
            families.backend_replies.with_label_values(&labels)
        })
    }
}

impl BackendGauges {
    pub(super) fn new(families: &Families, name: &str) -> Self {
        Self {
            up: families.backend_up.with_label_values(&[name]),
            paused: families.backend_paused.with_label_values(&[name]),
            connections: families.backend_connections.with_label_values(&[name]),
            proof: children(BackendProof::ALL, |verdict| {
                let proof = &families.sharing.backend;
                proof.with_label_values(&[name, verdict.as_str()])
            }),
        }
    }

    /// Takes the series of `name` back.
    pub(super) fn remove(families: &Families, name: &str) {
        for family in [
            &families.backend_up,
            &families.backend_paused,
            &families.backend_connections,
        ] {
            // It may never have been there.
            let _ = family.remove_label_values(&[name]);
        }
        for verdict in BackendProof::ALL {
            let labels = [name, verdict.as_str()];
            let _ = families.sharing.backend.remove_label_values(&labels);
        }
    }
}
