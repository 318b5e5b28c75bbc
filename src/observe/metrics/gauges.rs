//! Gauges that no event moves: what sets them asks the gate right before each scrape.

use super::{DEFAULT_TENANT, Metrics, OfTenant, read};
use crate::ids::BackendName;
use crate::lock::queue::WaitProgress;
use crate::policy::block::{BlockCount, BlockState};
use crate::policy::pause::PausedNames;
use crate::policy::sharing::BackendProof;
use jiff::Timestamp;
use prometheus::IntGaugeVec;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::{OnceLock, PoisonError};

/// Of families whose one series is not always there.
const NO_LABELS: &[&str] = &[];

/// What is shown of names that come and go. It is locked while they are set: of two scrapes at once
/// neither sees a half of it.
pub(super) struct NamedGauges {
    /// Entries of the block list by tenant and state, as far as they were ever shown.
    blocks: HashMap<String, [i64; 2]>,
    certificates: HashSet<String>,
}

/// How the journal fares.
#[derive(Clone, Copy, Debug)]
pub struct JournalFigures {
    /// Entries, changes of the block list and notices that were written since the start.
    pub written: u64,
    /// Those that are not written yet.
    pub waiting: usize,
    /// Whether the last attempt to write succeeded.
    pub is_writable: bool,
    /// Octets of the file.
    pub size: u64,
    /// Most octets of the file.
    pub size_max: u64,
    /// The end of the oldest entry.
    pub oldest: Option<Timestamp>,
}

/// The listings that are kept.
#[derive(Clone, Copy, Debug)]
pub struct ListingFigures {
    /// How many there are.
    pub kept: usize,
    /// Octets of all that is known of them.
    pub size: usize,
    /// Most octets.
    pub size_max: usize,
}

impl Default for NamedGauges {
    fn default() -> Self {
        Self {
            blocks: HashMap::from([(DEFAULT_TENANT.to_owned(), [0; 2])]),
            certificates: HashSet::new(),
        }
    }
}

impl Metrics {
    /// Says how far the waits of now have come.
    pub fn set_waits(&self, waits: WaitProgress) {
        let longest = waits.longest.as_secs_f64();
        self.families.longest_wait.set(longest);
        self.families.longest_wait_ratio.set(waits.spent);
    }

    /// Says how many sessions there is room for.
    pub fn set_sessions_max(&self, sessions: usize) {
        self.families.sessions_max.set(metric(sessions));
    }

    /// Says how many connections to a backend of the configuration are open.
    pub fn set_backend_connections(&self, backend: &BackendName, connections: usize) {
        if let Some(now) = &self.of_backend(backend).now {
            now.connections.set(metric(connections));
        }
    }

    /// Says what sessions of a backend of the configuration have shown of sharing.
    pub fn set_proof(&self, backend: &BackendName, verdict: BackendProof) {
        if let Some(now) = &self.of_backend(backend).now {
            for (known, gauge) in BackendProof::ALL.iter().zip(&now.proof) {
                gauge.set(i64::from(*known == verdict));
            }
        }
    }

    /// Says how many listings are kept, and how many octets are taken and may be.
    pub fn set_listings(&self, listings: &ListingFigures) {
        let families = &self.families;
        families.sharing.listings.set(metric(listings.kept));
        families.sharing.listings_size.set(metric(listings.size));
        let limit = metric(listings.size_max);
        families.sharing.listings_limit.set(limit);
    }

    pub(super) fn set_backend_up(&self, backend: &BackendName, up: bool) {
        if let Some(now) = &self.of_backend(backend).now {
            now.up.set(i64::from(up));
        }
    }

    /// Says which tenants and backends are paused; all others are not. The tenants without a
    /// series of their own are paused as soon as one of them is.
    pub fn set_paused(&self, names: &PausedNames) {
        let paused: HashSet<String> = names
            .tenants
            .iter()
            .map(|tenant| self.of(tenant).label.clone())
            .collect();
        self.for_each_tenant(|tenant| {
            let is_paused = paused.contains(&tenant.label);
            tenant.paused.set(i64::from(is_paused));
        });
        for (name, backend) in &*read(&self.backends) {
            if let Some(now) = &backend.now {
                now.paused.set(i64::from(names.backends.contains(name)));
            }
        }
    }

    /// Says how many entries of the block list each tenant has; those of tenants without a series
    /// of their own are added up.
    pub fn set_blocks(&self, counts: &[BlockCount]) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown
            .blocks
            .values_mut()
            .for_each(|counted| *counted = [0; 2]);
        for count in counts {
            // Tenants beyond the cap share a label, so that theirs are added up.
            let label = self.of(&count.tenant).label.clone();
            let counted = shown.blocks.entry(label).or_default();
            counted[BlockState::Blocked as usize] += metric(count.blocked);
            counted[BlockState::Released as usize] += metric(count.released);
        }
        for (label, counted) in &shown.blocks {
            for &state in BlockState::ALL {
                let gauge = &self.families.blocks;
                let gauge = gauge.with_label_values(&[label, state.as_str()]);
                gauge.set(counted[state as usize]);
            }
        }
    }

    /// Says when the certificate of each file ends. A file that is not among them is shown no
    /// longer.
    pub fn set_certificates(&self, ends: &HashMap<&Path, Timestamp>) {
        let family = &self.families.certificate_expiry;
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let ends: HashMap<String, Timestamp> = ends
            .iter()
            .map(|(file, end)| (file.display().to_string(), *end))
            .collect();
        for (file, end) in &ends {
            let end = end.as_duration().as_secs_f64();
            family.with_label_values(&[file]).set(end);
        }
        for gone in shown
            .certificates
            .extract_if(|file| !ends.contains_key(file))
        {
            // It is there: it was shown.
            let _ = family.remove_label_values(&[gone]);
        }
        shown.certificates.extend(ends.into_keys());
    }

    /// Says how the journal fares. The gauges exist from the first call on.
    pub fn set_journal(&self, journal: &JournalFigures) {
        let families = &self.families;
        set_only(&families.journal_waiting, metric(journal.waiting));
        set_only(&families.journal_writable, i64::from(journal.is_writable));
        set_only(&families.journal_size, octets(journal.size));
        set_only(&families.journal_size_limit, octets(journal.size_max));
        match journal.oldest {
            Some(oldest) => {
                let oldest = oldest.as_duration().as_secs_f64();
                families
                    .journal_oldest
                    .with_label_values(NO_LABELS)
                    .set(oldest);
            }
            // None was there yet, or all have left.
            None => families.journal_oldest.reset(),
        }
        // While it is held: of two scrapes at once both would add the same.
        let _shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = families.journal_written.get();
        let since = journal.written.saturating_sub(counted);
        families.journal_written.inc_by(since);
    }

    /// Counts a request at the admin port. `route` is the template of its path, never the path
    /// itself, which a client can make up.
    pub fn admin_request(&self, route: &str, status: u16) {
        let requests = &self.families.admin_requests;
        requests
            .with_label_values(&[route, &status.to_string()])
            .inc();
    }

    /// An event stream of the admin port has begun.
    pub fn stream_opened(&self) {
        self.families.admin_streams.inc();
    }

    /// An event stream of the admin port has ended.
    pub fn stream_closed(&self) {
        self.families.admin_streams.dec();
    }

    /// Each tenant that has series, and those that share theirs.
    pub(super) fn for_each_tenant(&self, mut visit: impl FnMut(&OfTenant)) {
        for tenant in read(&self.tenants).values().filter_map(OnceLock::get) {
            visit(tenant);
        }
        if let Some(others) = self.others.get() {
            visit(others);
        }
    }
}

/// Sets the one series of a family without labels, which is not there before.
fn set_only(family: &IntGaugeVec, value: i64) {
    family.with_label_values(NO_LABELS).set(value);
}

fn octets(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn metric(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
