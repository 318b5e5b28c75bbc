//! Events as Prometheus metrics.
//!
//! Labels come from closed enums and from names of the configuration, never from users or
//! addresses, so the number of series is bounded. Only this file and those below it know the
//! `prometheus` crate.

mod families;
mod of_tenant;

use super::event::{Event, LockOutcome, SessionSummary};
use super::hub::{EventSink, Stamped};
use crate::ids::{BackendName, ListenerName, TenantName};
use crate::policy::block::{BlockCount, BlockState};
use crate::time::Duration;
use families::Families;
use of_tenant::{OfTenant, children};
use prometheus::process_collector::ProcessCollector;
use prometheus::{Histogram, IntCounter, IntGauge, Registry, TextEncoder};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

/// The content type of [`Metrics::render`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The label of sessions whose tenant is not known yet.
const NO_TENANT: &str = "none";

/// The label of tenants that have no series of their own.
const OTHER_TENANTS: &str = "other";

/// The tenant of logins that no `[[tenant]]` claims.
const DEFAULT_TENANT: &str = "default";

/// How a reload ended.
const APPLIED: &str = "applied";
const REFUSED: &str = "refused";

/// The metrics could not be set up or written. It is a fault of popgate.
#[derive(Debug, thiserror::Error)]
#[error("metrics: {0}")]
pub struct MetricsError(#[from] prometheus::Error);

/// Counts what happens.
pub struct Metrics {
    registry: Registry,
    families: Families,
    without_tenant: IntGauge,
    lock_waits: Vec<Histogram>,
    bytes_to_client: IntCounter,
    bytes_to_backend: IntCounter,
    /// Made when the tenant first appears. A reload adds some; none goes.
    tenants: RwLock<HashMap<TenantName, OnceLock<Arc<OfTenant>>>>,
    tenant_labels_max: usize,
    others: OnceLock<Arc<OfTenant>>,
    /// Entries of the block list by label and state, as far as they were ever shown.
    blocks_of: Mutex<HashMap<String, [i64; 2]>>,
}

impl Metrics {
    /// Metrics of a gate with these names. The first `tenant_labels_max` of `tenants`, and
    /// `default`, have series of their own.
    ///
    /// # Errors
    ///
    /// A fault of popgate: a family's name or labels are malformed or there twice.
    pub fn new(
        tenants: &[TenantName],
        listeners: &[ListenerName],
        backends: &[BackendName],
        tenant_labels_max: usize,
    ) -> Result<Self, MetricsError> {
        let registry = Registry::new();
        registry.register(Box::new(ProcessCollector::for_self()))?;
        let families = Families::new(&registry)?;
        families.begin_at_zero();
        let default = TenantName::new(DEFAULT_TENANT);
        let metrics = Self {
            without_tenant: families.sessions_open.with_label_values(&[NO_TENANT]),
            lock_waits: children(LockOutcome::ALL, |outcome| {
                families.lock_wait.with_label_values(&[outcome.as_str()])
            }),
            bytes_to_client: families.bytes.with_label_values(&["to_client"]),
            bytes_to_backend: families.bytes.with_label_values(&["to_backend"]),
            tenants: RwLock::new(HashMap::from([(default.clone(), OnceLock::new())])),
            tenant_labels_max,
            others: OnceLock::new(),
            blocks_of: Mutex::new(HashMap::from([(DEFAULT_TENANT.to_owned(), [0; 2])])),
            registry,
            families,
        };
        metrics.of(&default);
        metrics.know(tenants, listeners, backends);
        Ok(metrics)
    }

    /// Makes series for names that are new, as a reload brings them. Tenants that have series keep
    /// them, also where they are gone; new ones have their own while there are fewer than
    /// `tenant_labels_max`.
    pub fn know(
        &self,
        tenants: &[TenantName],
        listeners: &[ListenerName],
        backends: &[BackendName],
    ) {
        let mut own = self.tenants.write().unwrap_or_else(PoisonError::into_inner);
        let others = tenants
            .iter()
            .filter(|name| name.as_str() != DEFAULT_TENANT);
        for name in others {
            // `default` has its own beside them.
            if own.len() > self.tenant_labels_max {
                break;
            }
            own.entry(name.clone()).or_default();
        }
        for listener in listeners {
            self.families.begin_listener(listener.as_str());
        }
        for backend in backends {
            self.families.begin_backend(backend.as_str());
        }
    }

    /// Takes back what says whether a backend can be reached that is no longer looked at. What was
    /// counted stays.
    pub fn forget_backend(&self, backend: &BackendName) {
        // It may never have been looked at.
        let _ = self
            .families
            .backend_up
            .remove_label_values(&[backend.as_str()]);
    }

    /// Says how long the longest waiter of now has waited; zero where nobody waits.
    pub fn set_longest_wait(&self, waited: Duration) {
        self.families.longest_wait.set(waited.as_secs_f64());
    }

    /// Says how many entries of the block list each tenant has; those of tenants without a series
    /// of their own are added up. Of two scrapes at once neither sees a half of it.
    pub fn set_blocks(&self, counts: &[BlockCount]) {
        let mut shown = self
            .blocks_of
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        shown.values_mut().for_each(|counted| *counted = [0; 2]);
        for count in counts {
            // Tenants beyond the cap share a label, so that theirs are added up.
            let label = self.of(&count.tenant).label.clone();
            let counted = shown.entry(label).or_default();
            counted[BlockState::Blocked as usize] += metric(count.blocked);
            counted[BlockState::Released as usize] += metric(count.released);
        }
        for (label, counted) in &*shown {
            for &state in BlockState::ALL {
                let gauge = &self.families.blocks;
                let gauge = gauge.with_label_values(&[label, state.as_str()]);
                gauge.set(counted[state as usize]);
            }
        }
    }

    /// All metrics in the Prometheus text format, see [`CONTENT_TYPE`].
    ///
    /// # Errors
    ///
    /// A fault of popgate: a family cannot be written.
    pub fn render(&self) -> Result<String, MetricsError> {
        Ok(TextEncoder::new().encode_to_string(&self.registry.gather())?)
    }

    fn of(&self, tenant: &TenantName) -> Arc<OfTenant> {
        let tenants = self.tenants.read().unwrap_or_else(PoisonError::into_inner);
        let (own, label) = match tenants.get(tenant) {
            Some(own) => (own, tenant.as_str()),
            None => (&self.others, OTHER_TENANTS),
        };
        Arc::clone(own.get_or_init(|| Arc::new(OfTenant::new(&self.families, label))))
    }

    fn sessions_open(&self, tenant: Option<&TenantName>) -> IntGauge {
        tenant.map_or_else(
            || self.without_tenant.clone(),
            |tenant| self.of(tenant).sessions_open.clone(),
        )
    }
}

impl EventSink for Metrics {
    fn handle(&self, event: &Stamped) {
        self.count(&event.event);
    }
}

impl Metrics {
    /// Counts `event`.
    pub fn count(&self, event: &Event) {
        let families = &self.families;
        match event {
            Event::SessionOpened { .. } => self.sessions_open(None).inc(),
            Event::TenantKnown { from, tenant, .. } => self.tenant_known(from.as_ref(), tenant),
            Event::LockQueued { .. }
            | Event::LockOutcome { .. }
            | Event::LockReleased { .. }
            | Event::LockChanged { .. }
            | Event::HandedOver { .. }
            | Event::HandOverForced { .. }
            | Event::InvariantBroken { .. } => self.count_lock(event),
            Event::Preempted { tenant, reason, .. } => {
                self.of(tenant).preemptions[*reason as usize].inc();
            }
            Event::BackendReplied {
                backend, to, class, ..
            } => families
                .backend_replies
                .with_label_values(&[backend.as_str(), to.as_str(), class.as_str()])
                .inc(),
            Event::LockedRetried { backend, result } => families
                .backend_locked_retries
                .with_label_values(&[backend.as_str(), result.as_str()])
                .inc(),
            Event::BackendUp { backend } => families.set_backend_up(backend, true),
            Event::BackendDown { backend, .. } => families.set_backend_up(backend, false),
            Event::Twins { backend, .. } => families
                .maildrop_aliases
                .with_label_values(&[backend.as_str()])
                .inc(),
            Event::AuthFailed { tenant, .. } => self.of(tenant).auth_failures.inc(),
            Event::PollDecided {
                tenant, decision, ..
            } => self.of(tenant).polls[*decision as usize].inc(),
            Event::LoginRefused { tenant, rule, .. } => {
                self.of(tenant).login_refusals[*rule as usize].inc();
            }
            // A gauge that is set before each scrape; and a process that nobody scrapes any more.
            Event::BlockChanged(_) | Event::LeftBehind(_) | Event::LoginEnded(_) => {}
            Event::JournalLost { changes, .. } => families.journal_lost.inc_by(*changes),
            Event::Faulted {
                tenant,
                fault,
                proven,
                ..
            } => self.of(tenant).faults[usize::from(*proven)][*fault as usize].inc(),
            Event::Relayed {
                to_client,
                to_backend,
            } => {
                self.bytes_to_client.inc_by(*to_client);
                self.bytes_to_backend.inc_by(*to_backend);
            }
            Event::Shed { listener, why } => families
                .connections_shed
                .with_label_values(&[listener.as_str(), why.as_str()])
                .inc(),
            Event::Panicked { .. } => families.panics.inc(),
            Event::Reloaded { .. } => families.reloads.with_label_values(&[APPLIED]).inc(),
            Event::ReloadRefused { .. } => families.reloads.with_label_values(&[REFUSED]).inc(),
            Event::SessionEnded(summary) => self.session_ended(summary),
        }
    }
}

impl Metrics {
    /// What happened to a lock. Other events are not given to it.
    fn count_lock(&self, event: &Event) {
        let families = &self.families;
        match event {
            Event::LockQueued { tenant, .. } => self.of(tenant).lock_waiters.inc(),
            Event::LockOutcome {
                tenant,
                outcome,
                waited,
                ..
            } => self.lock_outcome(tenant, *outcome, *waited),
            Event::LockReleased { tenant, held, .. } => self.lock_released(tenant, *held),
            Event::HandedOver { elapsed } => families.handover.observe(elapsed.as_secs_f64()),
            Event::HandOverForced { backend } => families
                .handover_forced
                .with_label_values(&[backend.as_str()])
                .inc(),
            Event::InvariantBroken { which } => families
                .invariant_violations
                .with_label_values(&[which.as_str()])
                .inc(),
            _ => {}
        }
    }

    fn tenant_known(&self, from: Option<&TenantName>, tenant: &TenantName) {
        self.sessions_open(from).dec();
        self.sessions_open(Some(tenant)).inc();
    }

    fn lock_outcome(&self, tenant: &TenantName, outcome: LockOutcome, waited: Duration) {
        let of_tenant = self.of(tenant);
        if outcome.had_place() {
            of_tenant.lock_waiters.dec();
        }
        if outcome.is_granted() {
            of_tenant.locks_held.inc();
        }
        of_tenant.lock_outcomes[outcome as usize].inc();
        self.lock_waits[outcome as usize].observe(waited.as_secs_f64());
    }

    fn lock_released(&self, tenant: &TenantName, held: Duration) {
        self.of(tenant).locks_held.dec();
        self.families.lock_hold.observe(held.as_secs_f64());
    }

    fn session_ended(&self, summary: &SessionSummary) {
        let tenant = summary.tenant.as_ref();
        self.sessions_open(tenant).dec();
        let of_tenant = tenant.map(|tenant| self.of(tenant));
        if let Some(of_tenant) = &of_tenant {
            of_tenant.messages_retrieved.inc_by(summary.retrieved);
            of_tenant.messages_deleted.inc_by(summary.deleted);
        }
        let label = of_tenant.as_ref().map_or(NO_TENANT, |own| &own.label);
        let listener = summary.listener.as_str();
        let end = summary.end().as_str();
        let sessions = &self.families.sessions;
        sessions.with_label_values(&[label, listener, end]).inc();
    }
}

fn metric(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
