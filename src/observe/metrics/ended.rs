//! How sessions of one tenant ended, by listener.

use super::families::Families;
use super::{read, write};
use crate::ids::ListenerName;
use crate::observe::event::End;
use prometheus::IntCounter;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock, RwLock};

/// The series of `sessions_total` of one tenant.
pub(super) struct EndedSessions {
    label: String,
    by_listener: RwLock<HashMap<ListenerName, Arc<Ends>>>,
}

/// In the order of [`End::ALL`]; made when a session first ends so.
struct Ends(Vec<OnceLock<IntCounter>>);

impl EndedSessions {
    pub(super) fn new(label: &str) -> Self {
        Self {
            label: label.to_owned(),
            by_listener: RwLock::default(),
        }
    }

    /// Makes the series of `ends` exist.
    pub(super) fn begin<'a>(
        &self,
        families: &Families,
        listener: &ListenerName,
        ends: impl IntoIterator<Item = &'a End>,
    ) {
        for &end in ends {
            self.add(families, listener, end, 0);
        }
    }

    pub(super) fn count(&self, families: &Families, listener: &ListenerName, end: End) {
        self.add(families, listener, end, 1);
    }

    fn add(&self, families: &Families, listener: &ListenerName, end: End, sessions: u64) {
        let ends = self.of(listener);
        let counter = ends.0[end as usize].get_or_init(|| {
            let labels = [&self.label, listener.as_str(), end.as_str()];
            families.sessions.with_label_values(&labels)
        });
        counter.inc_by(sessions);
    }

    fn of(&self, listener: &ListenerName) -> Arc<Ends> {
        if let Some(ends) = read(&self.by_listener).get(listener) {
            return Arc::clone(ends);
        }
        let mut known = write(&self.by_listener);
        Arc::clone(known.entry(listener.clone()).or_default())
    }
}

impl Default for Ends {
    fn default() -> Self {
        Self(End::ALL.iter().map(|_| OnceLock::new()).collect())
    }
}
