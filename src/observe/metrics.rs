//! Events as Prometheus metrics.
//!
//! Labels come from closed enums and from names of the configuration, never from users or
//! addresses, so the number of series is bounded. Only this file and those below it know the
//! `prometheus` crate.

mod ended;
mod families;
mod gauges;
mod of_backend;
mod of_cluster;
mod of_listener;
mod of_sharing;
mod of_tenant;
mod totals;

pub use gauges::{JournalFigures, ListingFigures};
pub use totals::CountedTotals;

use super::event::{
    ClusterEvent, End, Event, LockEvent, LockOutcome, RuleEvent, SessionSummary, SharingEvent,
};
use super::hub::{EventSink, Stamped};
use crate::dialect::Class;
use crate::ids::{BackendName, ListenerName, TenantName};
use crate::lock::queue::Invariant;
use crate::pop3::reply::ReplyTo;
use crate::time::Duration;
use ended::EndedSessions;
use families::Families;
use gauges::NamedGauges;
use of_backend::{BackendGauges, OfBackend};
use of_cluster::OfCluster;
use of_listener::OfListener;
use of_sharing::OfSharing;
use of_tenant::{OfTenant, children};
use prometheus::process_collector::ProcessCollector;
use prometheus::{Histogram, IntCounter, IntGauge, Registry, TextEncoder};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

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
    ended_without_tenant: EndedSessions,
    lock_waits: Vec<Histogram>,
    invariant_violations: Vec<IntCounter>,
    bytes_to_client: IntCounter,
    bytes_to_backend: IntCounter,
    /// Only a part of them waited in a queue, as `lock_outcomes_total` counts them.
    lock_refusals: AtomicU64,
    /// Made when the tenant first appears. A reload adds some; none goes.
    tenants: RwLock<HashMap<TenantName, OnceLock<Arc<OfTenant>>>>,
    tenant_labels_max: usize,
    others: OnceLock<Arc<OfTenant>>,
    listeners: RwLock<HashMap<ListenerName, Arc<OfListener>>>,
    backends: RwLock<HashMap<BackendName, Arc<OfBackend>>>,
    /// Made with the first event of a cluster: without one there is none of its series.
    cluster: OnceLock<OfCluster>,
    /// What the gauges of which there is one for each name show.
    shown: Mutex<NamedGauges>,
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
            ended_without_tenant: EndedSessions::new(NO_TENANT),
            lock_waits: children(LockOutcome::ALL, |outcome| {
                families.lock_wait.with_label_values(&[outcome.as_str()])
            }),
            invariant_violations: children(Invariant::ALL, |which| {
                let violations = &families.invariant_violations;
                violations.with_label_values(&[which.as_str()])
            }),
            bytes_to_client: families.bytes.with_label_values(&["to_client"]),
            bytes_to_backend: families.bytes.with_label_values(&["to_backend"]),
            lock_refusals: AtomicU64::new(0),
            tenants: RwLock::new(HashMap::from([(default.clone(), OnceLock::new())])),
            tenant_labels_max,
            others: OnceLock::new(),
            listeners: RwLock::default(),
            backends: RwLock::default(),
            cluster: OnceLock::new(),
            shown: Mutex::default(),
            registry,
            families,
        };
        metrics.sharing_of(&metrics.of(&default), |_| {});
        metrics.know(tenants, listeners, backends);
        metrics.set_blocks(&[]);
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
        self.know_tenants(tenants);
        for listener in listeners {
            self.know_listener(listener);
        }
        for backend in backends {
            self.know_backend(backend);
        }
    }

    fn know_tenants(&self, tenants: &[TenantName]) {
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
    }

    fn know_listener(&self, listener: &ListenerName) {
        self.of_listener(listener);
        let families = &self.families;
        let default = self.of(&TenantName::new(DEFAULT_TENANT));
        default.ended.begin(families, listener, End::ALL);
        let without_login = End::ALL.iter().filter(|end| end.needs_no_login());
        let without_tenant = &self.ended_without_tenant;
        without_tenant.begin(families, listener, without_login);
    }

    fn know_backend(&self, name: &BackendName) {
        let mut backends = write(&self.backends);
        let is_known = backends
            .get(name)
            .is_some_and(|backend| backend.now.is_some());
        if !is_known {
            let now = BackendGauges::new(&self.families, name.as_str());
            let backend = OfBackend::new(&self.families, name.as_str(), Some(now));
            backends.insert(name.clone(), Arc::new(backend));
        }
    }

    /// Takes back what says how a backend fares that is no longer looked at. What was counted
    /// stays.
    pub fn forget_backend(&self, backend: &BackendName) {
        // Without gauges: an event that is still on its way brings none of them back.
        let counted = OfBackend::new(&self.families, backend.as_str(), None);
        write(&self.backends).insert(backend.clone(), Arc::new(counted));
        BackendGauges::remove(&self.families, backend.as_str());
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
        let tenants = read(&self.tenants);
        let (own, label) = match tenants.get(tenant) {
            Some(own) => (own, tenant.as_str()),
            None => (&self.others, OTHER_TENANTS),
        };
        Arc::clone(own.get_or_init(|| Arc::new(OfTenant::new(&self.families, label))))
    }

    fn of_listener(&self, listener: &ListenerName) -> Arc<OfListener> {
        if let Some(known) = read(&self.listeners).get(listener) {
            return Arc::clone(known);
        }
        let mut listeners = write(&self.listeners);
        let known = listeners
            .entry(listener.clone())
            .or_insert_with(|| Arc::new(OfListener::new(&self.families, listener.as_str())));
        Arc::clone(known)
    }

    fn of_backend(&self, backend: &BackendName) -> Arc<OfBackend> {
        if let Some(known) = read(&self.backends).get(backend) {
            return Arc::clone(known);
        }
        let mut backends = write(&self.backends);
        let known = backends
            .entry(backend.clone())
            .or_insert_with(|| Arc::new(OfBackend::new(&self.families, backend.as_str(), None)));
        Arc::clone(known)
    }

    fn sessions_open(&self, tenant: Option<&TenantName>) -> IntGauge {
        tenant.map_or_else(
            || self.without_tenant.clone(),
            |tenant| self.of(tenant).sessions_open.clone(),
        )
    }
}

/// A panic elsewhere leaves nothing half done here.
fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
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
            Event::SessionOpened { .. } => self.without_tenant.inc(),
            Event::TenantKnown { from, tenant, .. } => self.tenant_known(from.as_ref(), tenant),
            Event::Lock(event) => self.count_lock(event),
            Event::Cluster(event) => self.count_cluster(event),
            Event::Preempted { tenant, reason, .. } => {
                self.of(tenant).preemptions[*reason as usize].inc();
            }
            Event::BackendReplied {
                backend,
                to,
                class,
                took,
                ..
            } => self.backend_replied(backend, *to, *class, *took),
            Event::LockedRetried { backend, result } => {
                self.of_backend(backend).locked_retries[*result as usize].inc();
            }
            Event::BackendUp { backend } => self.set_backend_up(backend, true),
            Event::BackendDown { backend, .. } => self.set_backend_up(backend, false),
            Event::Twins { backend, .. } => self.of_backend(backend).maildrop_aliases.inc(),
            Event::Sharing(event) => self.count_sharing(event),
            Event::LoginAccepted { tenant, .. } => self.of(tenant).logins.inc(),
            Event::AuthFailed { tenant, .. } => self.of(tenant).auth_failures.inc(),
            Event::Rule(event) => self.count_rule(event),
            // A gauge that is set before each scrape; and a process that nobody scrapes any more.
            Event::BlockChanged(_) | Event::OperatorActed(_) | Event::LeftBehind(_) => {}
            Event::Recorded(entry) => self.login_ended(entry.end),
            Event::JournalLost { changes, .. } => families.journal_lost.inc_by(*changes),
            Event::Relayed {
                to_client,
                to_backend,
            } => {
                self.bytes_to_client.inc_by(*to_client);
                self.bytes_to_backend.inc_by(*to_backend);
            }
            Event::Shed { listener, why } => {
                self.of_listener(listener).shed[*why as usize].inc();
            }
            Event::Panicked { .. } => families.panics.inc(),
            Event::Reloaded { .. } => families.reloads.with_label_values(&[APPLIED]).inc(),
            Event::ReloadRefused { .. } => families.reloads.with_label_values(&[REFUSED]).inc(),
            Event::SessionEnded(summary) => self.session_ended(summary),
        }
    }

    fn count_lock(&self, event: &LockEvent) {
        match event {
            LockEvent::Queued { tenant, .. } => self.of(tenant).lock_waiters.inc(),
            LockEvent::Outcome {
                tenant,
                outcome,
                waited,
                ..
            } => self.lock_outcome(tenant, *outcome, *waited),
            LockEvent::Released { tenant, held, .. } => self.lock_released(tenant, *held),
            // It says nothing that is counted.
            LockEvent::Changed { .. } => {}
            LockEvent::HandedOver { elapsed } => {
                self.families.handover.observe(elapsed.as_secs_f64());
            }
            LockEvent::HandOverForced { backend } => self.of_backend(backend).handover_forced.inc(),
            LockEvent::InvariantBroken { which } => {
                self.invariant_violations[*which as usize].inc();
            }
        }
    }

    fn count_cluster(&self, event: &ClusterEvent) {
        let of_cluster = self.cluster.get_or_init(|| OfCluster::new(&self.families));
        of_cluster.count(event);
    }

    fn count_sharing(&self, event: &SharingEvent) {
        let tenant = match event {
            SharingEvent::Compared { tenant, .. }
            | SharingEvent::NoRoom { tenant }
            | SharingEvent::NotWhole { tenant, .. }
            | SharingEvent::Unshareable { tenant, .. }
            | SharingEvent::LetIn { tenant, .. }
            | SharingEvent::Demoted { tenant, .. }
            | SharingEvent::ViewEnded { tenant, .. }
            | SharingEvent::Killed { tenant, .. } => tenant,
            SharingEvent::Promoted { tenant, took, .. } => {
                self.families.sharing.promotion.observe(took.as_secs_f64());
                tenant
            }
            // A gauge that is set before each scrape.
            SharingEvent::Proven { .. } => return,
        };
        self.sharing_of(&self.of(tenant), |sharing| sharing.count(event));
    }

    fn sharing_of(&self, tenant: &OfTenant, what: impl FnOnce(&OfSharing)) {
        let sharing = || OfSharing::new(&self.families, &tenant.label);
        what(tenant.sharing.get_or_init(sharing));
    }

    fn count_rule(&self, event: &RuleEvent) {
        match event {
            RuleEvent::PollDecided {
                tenant, decision, ..
            } => self.of(tenant).polls[*decision as usize].inc(),
            RuleEvent::LoginRefused { tenant, rule, .. } => {
                self.of(tenant).login_refusals[*rule as usize].inc();
            }
            RuleEvent::Faulted {
                tenant,
                fault,
                proven,
                ..
            } => self.of(tenant).faults[usize::from(*proven)][*fault as usize].inc(),
        }
    }

    fn backend_replied(
        &self,
        backend: &BackendName,
        to: ReplyTo,
        class: Class,
        took: Option<Duration>,
    ) {
        let backend = self.of_backend(backend);
        backend.reply(&self.families, to, class).inc();
        if let Some(took) = took {
            backend.login.observe(took.as_secs_f64());
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

    fn login_ended(&self, end: End) {
        if matches!(end, End::WaitSpent | End::RefusedWhilePaused) {
            self.lock_refusals.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn session_ended(&self, summary: &SessionSummary) {
        let listener = &summary.listener;
        let end = summary.end();
        let Some(tenant) = &summary.tenant else {
            self.without_tenant.dec();
            let ended = &self.ended_without_tenant;
            return ended.count(&self.families, listener, end);
        };
        let of_tenant = self.of(tenant);
        of_tenant.sessions_open.dec();
        of_tenant.messages_retrieved.inc_by(summary.retrieved);
        of_tenant.messages_deleted.inc_by(summary.deleted);
        of_tenant.ended.count(&self.families, listener, end);
    }
}

#[cfg(test)]
mod tests;
