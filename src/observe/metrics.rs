//! Events as Prometheus metrics (DESIGN section 6).
//!
//! Labels come from closed enums and from names of the configuration, never from users or
//! addresses, so the number of series is bounded. Only this file knows the `prometheus` crate.

use super::event::{End, Event, EventSink, FaultKind, LockOutcome, LoginRule, PollDecision};
use super::event::{Preemption, RetryResult, SessionSummary, Shed};
use crate::dialect::Class;
use crate::ids::{BackendName, ListenerName, TenantName};
use crate::policy::block::{Count, State};
use crate::pop3::reply::ReplyTo;
use crate::time::Duration;
use prometheus::process_collector::ProcessCollector;
use prometheus::{
    Gauge, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, TextEncoder,
};
use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

/// The content type of [`Metrics::render`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The label of sessions whose tenant is not known yet.
const NO_TENANT: &str = "none";

/// The label of tenants that have no series of their own.
const OTHER_TENANTS: &str = "other";

/// The tenant of logins that no `[[tenant]]` claims.
const DEFAULT_TENANT: &str = "default";

/// The label of faults of unproven logins, and of proven ones.
const PROVEN: [&str; 2] = ["no", "yes"];
/// How a reload ended.
const APPLIED: &str = "applied";
const REFUSED: &str = "refused";

/// From a client's PASS to the lock. Below 5 ms nobody was waited for; 22 s is where the default
/// `wait` less its `login_reserve` ends, and no `wait` is longer than 55 s.
const WAIT_SECONDS: &[f64] = &[
    0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 22.0, 30.0, 45.0, 60.0,
];

/// From an empty maildrop's 50 ms to a large mailbox over a slow line; 600 s is the default
/// `idle_timeout`.
const HOLD_SECONDS: &[f64] = &[
    0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0,
];

/// From a write on an open connection, some 50 µs, to a fresh TCP and TLS connection and the
/// greeting of a slow backend.
const HANDOVER_SECONDS: &[f64] = &[
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
    1.0, 2.0,
];

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
    /// of their own are added up.
    pub fn set_blocks(&self, counts: &[Count]) {
        let blocks = &self.families.blocks;
        blocks.reset();
        let of = |tenant: &TenantName, state: State| {
            blocks.with_label_values(&[&self.of(tenant).label, state.as_str()])
        };
        for &state in State::ALL {
            of(&TenantName::new(DEFAULT_TENANT), state).set(0);
        }
        for count in counts {
            of(&count.tenant, State::Blocked).add(metric(count.blocked));
            of(&count.tenant, State::Released).add(metric(count.released));
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
    fn emit(&self, event: &Event) {
        let families = &self.families;
        match event {
            Event::SessionOpened { .. } => self.sessions_open(None).inc(),
            Event::TenantKnown { from, tenant, .. } => self.tenant_known(from.as_ref(), tenant),
            Event::LockQueued { tenant, .. } => self.of(tenant).lock_waiters.inc(),
            Event::LockOutcome {
                tenant,
                outcome,
                waited,
                ..
            } => self.lock_outcome(tenant, *outcome, *waited),
            Event::LockReleased { tenant, held } => self.lock_released(tenant, *held),
            Event::HandedOver { elapsed } => families.handover.observe(elapsed.as_secs_f64()),
            Event::HandOverForced { backend } => families
                .handover_forced
                .with_label_values(&[backend.as_str()])
                .inc(),
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
            Event::AuthFailed { tenant, .. } => self.of(tenant).auth_failures.inc(),
            Event::PollDecided {
                tenant, decision, ..
            } => self.of(tenant).polls[*decision as usize].inc(),
            Event::LoginRefused { tenant, rule, .. } => {
                self.of(tenant).login_refusals[*rule as usize].inc();
            }
            // The gauge is set before each scrape.
            Event::BlockChanged(_) => {}
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
        let (listener, end) = (summary.listener.as_str(), summary.end.as_str());
        let sessions = &self.families.sessions;
        sessions.with_label_values(&[label, listener, end]).inc();
    }
}

/// The series of one tenant, looked up once. Those by an enum are in the order of its `ALL`,
/// which is the order of its variants.
struct OfTenant {
    label: String,
    sessions_open: IntGauge,
    lock_waiters: IntGauge,
    locks_held: IntGauge,
    lock_outcomes: Vec<IntCounter>,
    preemptions: Vec<IntCounter>,
    auth_failures: IntCounter,
    polls: Vec<IntCounter>,
    login_refusals: Vec<IntCounter>,
    /// Of unproven logins, and of proven ones.
    faults: [Vec<IntCounter>; 2],
    messages_retrieved: IntCounter,
    messages_deleted: IntCounter,
}

impl OfTenant {
    fn new(families: &Families, label: &str) -> Self {
        Self {
            label: label.to_owned(),
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
            auth_failures: families.auth_failures.with_label_values(&[label]),
            polls: children(PollDecision::ALL, |decision| {
                let polls = &families.polls;
                polls.with_label_values(&[label, decision.as_str()])
            }),
            login_refusals: children(LoginRule::ALL, |rule| {
                let refusals = &families.login_refusals;
                refusals.with_label_values(&[label, rule.as_str()])
            }),
            faults: PROVEN.map(|proven| {
                children(FaultKind::ALL, |fault| {
                    let faults = &families.faults;
                    faults.with_label_values(&[label, fault.as_str(), proven])
                })
            }),
            messages_retrieved: families.messages_retrieved.with_label_values(&[label]),
            messages_deleted: families.messages_deleted.with_label_values(&[label]),
        }
    }
}

fn metric(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn children<L: Copy, C>(labels: &[L], child: impl Fn(L) -> C) -> Vec<C> {
    labels.iter().copied().map(child).collect()
}

/// Every family, under the name without its prefix and unit.
struct Families {
    sessions: IntCounterVec,
    sessions_open: IntGaugeVec,
    connections_shed: IntCounterVec,
    panics: IntCounter,
    lock_wait: HistogramVec,
    lock_hold: Histogram,
    handover: Histogram,
    handover_forced: IntCounterVec,
    lock_waiters: IntGaugeVec,
    locks_held: IntGaugeVec,
    longest_wait: Gauge,
    lock_outcomes: IntCounterVec,
    preemptions: IntCounterVec,
    backend_replies: IntCounterVec,
    backend_locked_retries: IntCounterVec,
    backend_up: IntGaugeVec,
    auth_failures: IntCounterVec,
    blocks: IntGaugeVec,
    journal_lost: IntCounter,
    polls: IntCounterVec,
    login_refusals: IntCounterVec,
    faults: IntCounterVec,
    bytes: IntCounterVec,
    messages_retrieved: IntCounterVec,
    messages_deleted: IntCounterVec,
    reloads: IntCounterVec,
    build_info: IntGaugeVec,
}

impl Families {
    #[rustfmt::skip] // A table: one family a line.
    fn new(registry: &Registry) -> Result<Self, MetricsError> {
        let register = Register(registry);
        Ok(Self {
            sessions: register.counters("sessions_total", "Client sessions that ended, and how.", &["tenant", "listener", "end"])?,
            sessions_open: register.gauges("sessions_open", "Client sessions that are open.", &["tenant"])?,
            connections_shed: register.counters("connections_shed_total", "Connections turned away before they became sessions.", &["listener", "reason"])?,
            panics: register.counter("panics_total", "Tasks that ended in a panic.")?,
            lock_wait: register.histograms("lock_wait_seconds", "From asking for a lock to the outcome.", &["outcome"], WAIT_SECONDS)?,
            lock_hold: register.histogram("lock_hold_seconds", "From a lock's grant to its release.", HOLD_SECONDS)?,
            handover: register.histogram("lock_handover_seconds", "From the end of one backend session to the next PASS.", HANDOVER_SECONDS)?,
            handover_forced: register.counters("lock_handover_forced_total", "Locks that went on although the backend had not let go.", &["backend"])?,
            lock_waiters: register.gauges("lock_waiters", "Logins that wait for a lock.", &["tenant"])?,
            locks_held: register.gauges("locks_held", "Locks that are held.", &["tenant"])?,
            longest_wait: register.gauge("lock_longest_wait_seconds", "How long the longest waiter of now has waited.")?,
            lock_outcomes: register.counters("lock_outcomes_total", "How asking for a lock ended.", &["tenant", "outcome"])?,
            preemptions: register.counters("preemptions_total", "Idle holders closed for a waiter.", &["tenant", "reason"])?,
            backend_replies: register.counters("backend_replies_total", "Answers of backends, by meaning.", &["backend", "command", "class"])?,
            backend_locked_retries: register.counters("backend_locked_retries_total", "Logins tried again after the backend said locked.", &["backend", "result"])?,
            backend_up: register.gauges("backend_up", "Whether a backend can be reached.", &["backend"])?,
            auth_failures: register.counters("auth_failures_total", "Logins that failed for their name or password.", &["tenant"])?,
            blocks: register.gauges("blocks", "Entries of the block list.", &["tenant", "state"])?,
            journal_lost: register.counter("journal_lost_total", "Changes of the block list that did not reach the journal.")?,
            polls: register.counters("polls_total", "Logins measured against a polling limit, and what became of them.", &["tenant", "decision"])?,
            login_refusals: register.counters("login_refusals_total", "Logins that a rule refused before the backend was asked.", &["tenant", "rule"])?,
            faults: register.counters("faults_total", "What went wrong at clients' ends; of a proven login it never blocks.", &["tenant", "fault", "proven"])?,
            bytes: register.counters("bytes_total", "Octets relayed after login.", &["direction"])?,
            messages_retrieved: register.counters("messages_retrieved_total", "Messages retrieved whole, of sessions that ended.", &["tenant"])?,
            messages_deleted: register.counters("messages_deleted_total", "Messages deleted by a QUIT that the backend confirmed.", &["tenant"])?,
            reloads: register.counters("reloads_total", "Reloads of the configuration.", &["result"])?,
            build_info: register.gauges("build_info", "Always 1; the labels tell what runs.", &["version"])?,
        })
    }

    /// Makes the series exist that have no name of the configuration.
    fn begin_at_zero(&self) {
        for result in [APPLIED, REFUSED] {
            self.reloads.with_label_values(&[result]);
        }
        let version = env!("CARGO_PKG_VERSION");
        self.build_info.with_label_values(&[version]).set(1);
    }

    fn begin_listener(&self, listener: &str) {
        for end in End::ALL {
            for tenant in [NO_TENANT, DEFAULT_TENANT] {
                let labels = [tenant, listener, end.as_str()];
                self.sessions.with_label_values(&labels);
            }
        }
        for why in Shed::ALL {
            let labels = [listener, why.as_str()];
            self.connections_shed.with_label_values(&labels);
        }
    }

    fn begin_backend(&self, backend: &str) {
        self.backend_up.with_label_values(&[backend]);
        self.handover_forced.with_label_values(&[backend]);
        for result in RetryResult::ALL {
            let labels = [backend, result.as_str()];
            self.backend_locked_retries.with_label_values(&labels);
        }
        for to in ReplyTo::ALL {
            for class in Class::ALL {
                let labels = [backend, to.as_str(), class.as_str()];
                self.backend_replies.with_label_values(&labels);
            }
        }
    }

    fn set_backend_up(&self, backend: &BackendName, up: bool) {
        let gauge = self.backend_up.with_label_values(&[backend.as_str()]);
        gauge.set(i64::from(up));
    }
}

/// Makes families and registers them under the prefix `popgate_`.
struct Register<'a>(&'a Registry);

impl Register<'_> {
    fn counter(&self, name: &str, help: &str) -> Result<IntCounter, MetricsError> {
        self.keep(IntCounter::with_opts(opts(name, help))?)
    }

    fn counters(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
    ) -> Result<IntCounterVec, MetricsError> {
        self.keep(IntCounterVec::new(opts(name, help), labels)?)
    }

    fn gauge(&self, name: &str, help: &str) -> Result<Gauge, MetricsError> {
        self.keep(Gauge::with_opts(opts(name, help))?)
    }

    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntGaugeVec, MetricsError> {
        self.keep(IntGaugeVec::new(opts(name, help), labels)?)
    }

    fn histogram(
        &self,
        name: &str,
        help: &str,
        buckets: &[f64],
    ) -> Result<Histogram, MetricsError> {
        self.keep(Histogram::with_opts(histogram_opts(name, help, buckets))?)
    }

    fn histograms(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
        buckets: &[f64],
    ) -> Result<HistogramVec, MetricsError> {
        let opts = histogram_opts(name, help, buckets);
        self.keep(HistogramVec::new(opts, labels)?)
    }

    fn keep<F: prometheus::core::Collector + Clone + 'static>(
        &self,
        family: F,
    ) -> Result<F, MetricsError> {
        self.0.register(Box::new(family.clone()))?;
        Ok(family)
    }
}

fn opts(name: &str, help: &str) -> Opts {
    Opts::new(name, help).namespace("popgate")
}

fn histogram_opts(name: &str, help: &str, buckets: &[f64]) -> HistogramOpts {
    HistogramOpts::from(opts(name, help)).buckets(buckets.to_vec())
}

#[cfg(test)]
mod tests;
