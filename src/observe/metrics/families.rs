//! The families of metrics: names, help texts, labels, buckets. What they are called here is the
//! name without its prefix and unit.

use super::{APPLIED, MetricsError, REFUSED};
use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry,
};

/// From a client's PASS to the lock. A session on the same host may be waited for 1 ms; 22 s is
/// where the default `wait` less its `login_reserve` ends, and no `wait` is longer than 55 s.
const WAIT_SECONDS: &[f64] = &[
    0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 22.0, 30.0, 45.0, 60.0,
];

/// From a password that is looked up in memory to one that a directory or a slow hash is asked for;
/// some servers hold a wrong one for seconds, and 60 s is the default `login_timeout`.
const LOGIN_SECONDS: &[f64] = &[
    0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
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
    1.0, 2.0, 5.0,
];

/// From a script on the same host, some 100 µs, to the time after which the engine counts as away.
const CALL_SECONDS: &[f64] = &[
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0,
];

/// Every family, under the name without its prefix and unit.
pub(super) struct Families {
    pub(super) sessions: IntCounterVec,
    pub(super) sessions_open: IntGaugeVec,
    pub(super) sessions_max: IntGauge,
    pub(super) connections_shed: IntCounterVec,
    pub(super) panics: IntCounter,
    pub(super) lock_wait: HistogramVec,
    pub(super) lock_hold: Histogram,
    pub(super) handover: Histogram,
    pub(super) handover_forced: IntCounterVec,
    pub(super) invariant_violations: IntCounterVec,
    pub(super) lock_waiters: IntGaugeVec,
    pub(super) locks_held: IntGaugeVec,
    pub(super) longest_wait: Gauge,
    pub(super) longest_wait_ratio: Gauge,
    pub(super) lock_outcomes: IntCounterVec,
    pub(super) preemptions: IntCounterVec,
    pub(super) backend_replies: IntCounterVec,
    pub(super) backend_locked_retries: IntCounterVec,
    pub(super) backend_login: HistogramVec,
    pub(super) backend_up: IntGaugeVec,
    pub(super) backend_paused: IntGaugeVec,
    pub(super) backend_connections: IntGaugeVec,
    pub(super) maildrop_aliases: IntCounterVec,
    pub(super) logins: IntCounterVec,
    pub(super) auth_failures: IntCounterVec,
    pub(super) tenant_paused: IntGaugeVec,
    pub(super) blocks: IntGaugeVec,
    pub(super) journal_written: IntCounter,
    pub(super) journal_lost: IntCounter,
    pub(super) journal_waiting: IntGaugeVec,
    pub(super) journal_writable: IntGaugeVec,
    pub(super) journal_size: IntGaugeVec,
    pub(super) journal_size_limit: IntGaugeVec,
    pub(super) journal_oldest: GaugeVec,
    pub(super) polls: IntCounterVec,
    pub(super) sharing: SharingFamilies,
    pub(super) login_refusals: IntCounterVec,
    pub(super) faults: IntCounterVec,
    pub(super) bytes: IntCounterVec,
    pub(super) messages_retrieved: IntCounterVec,
    pub(super) messages_deleted: IntCounterVec,
    pub(super) reloads: IntCounterVec,
    pub(super) certificate_expiry: GaugeVec,
    pub(super) cluster_state: IntGaugeVec,
    pub(super) cluster_members: IntGaugeVec,
    pub(super) cluster_calls: IntCounterVec,
    pub(super) cluster_call: HistogramVec,
    pub(super) cluster_turns: IntCounterVec,
    pub(super) cluster_overlaps: IntCounterVec,
    pub(super) cluster_epochs: IntCounterVec,
    pub(super) cluster_pushes_dropped: IntCounterVec,
    pub(super) cluster_block_changes: IntCounterVec,
    pub(super) admin_requests: IntCounterVec,
    pub(super) admin_streams: IntGauge,
    pub(super) build_info: IntGaugeVec,
}

/// Those of sharing.
pub(super) struct SharingFamilies {
    pub(super) shadow: IntCounterVec,
    pub(super) lost: IntCounterVec,
    pub(super) no_room: IntCounterVec,
    pub(super) not_whole: IntCounterVec,
    pub(super) unshareable: IntCounterVec,
    pub(super) views: IntGaugeVec,
    pub(super) let_in: IntCounterVec,
    pub(super) promotions: IntCounterVec,
    pub(super) promotion: Histogram,
    pub(super) demotions: IntCounterVec,
    pub(super) killed: IntCounterVec,
    pub(super) logins_saved: IntCounterVec,
    pub(super) backend: IntGaugeVec,
    pub(super) listings: IntGauge,
    pub(super) listings_size: IntGauge,
    pub(super) listings_limit: IntGauge,
}

impl Families {
    #[rustfmt::skip] // A table: one family a line.
    pub(super) fn new(registry: &Registry) -> Result<Self, MetricsError> {
        let register = Register(registry);
        Ok(Self {
            sessions: register.counters("sessions_total", "Client sessions that ended, and how.", &["tenant", "listener", "end"])?,
            sessions_open: register.gauges("sessions_open", "Client sessions that are open.", &["tenant"])?,
            sessions_max: register.int_gauge("sessions_max", "Client sessions that there is room for at a time.")?,
            connections_shed: register.counters("connections_shed_total", "Connections turned away before they became sessions.", &["listener", "reason"])?,
            panics: register.counter("panics_total", "Tasks that ended in a panic.")?,
            lock_wait: register.histograms("lock_wait_seconds", "From asking for a lock to the outcome.", &["outcome"], WAIT_SECONDS)?,
            lock_hold: register.histogram("lock_hold_seconds", "From a lock's grant to its release.", HOLD_SECONDS)?,
            handover: register.histogram("lock_handover_seconds", "From the end of one backend session to the next PASS.", HANDOVER_SECONDS)?,
            handover_forced: register.counters("lock_handover_forced_total", "Locks that went on although the backend had not let go.", &["backend"])?,
            invariant_violations: register.counters("invariant_violations_total", "Faults of popgate found in the state of its locks, and put right.", &["invariant"])?,
            lock_waiters: register.gauges("lock_waiters", "Logins that wait for a lock.", &["tenant"])?,
            locks_held: register.gauges("locks_held", "Locks that are held.", &["tenant"])?,
            longest_wait: register.gauge("lock_longest_wait_seconds", "How long the longest waiter of now has waited.")?,
            longest_wait_ratio: register.gauge("lock_longest_wait_ratio", "Of the waiter of now that is nearest to the end of its wait: the part that is spent.")?,
            lock_outcomes: register.counters("lock_outcomes_total", "How asking for a lock ended.", &["tenant", "outcome"])?,
            preemptions: register.counters("preemptions_total", "Idle holders closed for a waiter.", &["tenant", "reason"])?,
            backend_replies: register.counters("backend_replies_total", "Answers of backends, by meaning.", &["backend", "command", "class"])?,
            backend_locked_retries: register.counters("backend_locked_retries_total", "Logins tried again after the backend said locked.", &["backend", "result"])?,
            backend_login: register.histograms("backend_login_seconds", "From the password to the answer of a backend.", &["backend"], LOGIN_SECONDS)?,
            backend_up: register.gauges("backend_up", "Whether a backend can be reached.", &["backend"])?,
            backend_paused: register.gauges("backend_paused", "Whether logins at a backend wait until it is resumed.", &["backend"])?,
            backend_connections: register.gauges("backend_connections", "Connections to a backend that are open.", &["backend"])?,
            maildrop_aliases: register.counters("maildrop_aliases_total", "Sessions that had the same unique ids as another one under another name.", &["backend"])?,
            logins: register.counters("logins_total", "Logins that a backend accepted.", &["tenant"])?,
            auth_failures: register.counters("auth_failures_total", "Logins that failed for their name or password.", &["tenant"])?,
            tenant_paused: register.gauges("tenant_paused", "Whether logins of a tenant wait until it is resumed.", &["tenant"])?,
            blocks: register.gauges("blocks", "Entries of the block list.", &["tenant", "state"])?,
            journal_written: register.counter("journal_written_total", "Entries of the history, notices and changes of the block list that were written to the journal.")?,
            journal_lost: register.counter("journal_lost_total", "Entries of the history, notices and changes of the block list that never reached the journal, or are gone with its file.")?,
            journal_waiting: register.gauges("journal_waiting", "Entries of the history, notices and changes of the block list that are not written yet.", &[])?,
            journal_writable: register.gauges("journal_writable", "Whether the last attempt to write to the journal succeeded.", &[])?,
            journal_size: register.gauges("journal_size_bytes", "Size of the journal's file.", &[])?,
            journal_size_limit: register.gauges("journal_size_limit_bytes", "Size to which the journal's file may grow; the oldest entries leave before it is reached.", &[])?,
            journal_oldest: register.float_gauges("journal_oldest_entry_timestamp_seconds", "When the oldest session of the history ended, in Unix time.", &[])?,
            polls: register.counters("polls_total", "Logins measured against a polling limit, and what became of them.", &["tenant", "decision"])?,
            sharing: SharingFamilies::new(&register)?,
            login_refusals: register.counters("login_refusals_total", "Logins that a rule refused before the backend was asked.", &["tenant", "rule"])?,
            faults: register.counters("faults_total", "What went wrong at clients' ends; of a proven login it never blocks.", &["tenant", "fault", "proven"])?,
            bytes: register.counters("bytes_total", "Octets relayed after login.", &["direction"])?,
            messages_retrieved: register.counters("messages_retrieved_total", "Messages retrieved whole, of sessions that ended.", &["tenant"])?,
            messages_deleted: register.counters("messages_deleted_total", "Messages deleted by a QUIT that the backend confirmed.", &["tenant"])?,
            reloads: register.counters("reloads_total", "Reloads of the configuration.", &["result"])?,
            certificate_expiry: register.float_gauges("certificate_expiry_timestamp_seconds", "When a certificate ends, in Unix time.", &["certificate"])?,
            cluster_state: register.gauges("cluster_state", "How this gate stands with the engine of its cluster: 1 for the state of now.", &["state"])?,
            cluster_members: register.gauges("cluster_members", "Gates that are alive in the cluster, this one too.", &[])?,
            cluster_calls: register.counters("cluster_calls_total", "Calls of the cluster's engine, and how they ended.", &["call", "result"])?,
            cluster_call: register.histograms("cluster_call_seconds", "From a call of the cluster's engine to its answer.", &["call"], CALL_SECONDS)?,
            cluster_turns: register.counters("cluster_turns_total", "Turns at maildrops that the engine gave to this gate or took from it.", &["result"])?,
            cluster_overlaps: register.counters("cluster_overlaps_total", "Sessions of this gate that were in a maildrop together with one of another gate.", &[])?,
            cluster_epochs: register.counters("cluster_epochs_total", "Times that the engine's memory was found to have begun anew.", &[])?,
            cluster_pushes_dropped: register.counters("cluster_pushes_dropped_total", "Pushes of the cluster's engine that this gate dropped, since more came than it kept up with.", &[])?,
            cluster_block_changes: register.counters("cluster_block_changes_total", "Changes of the block list that went from gate to gate.", &["direction"])?,
            admin_requests: register.counters("admin_requests_total", "Requests at the admin port.", &["route", "status"])?,
            admin_streams: register.int_gauge("admin_streams", "Event streams at the admin port that are open.")?,
            build_info: register.gauges("build_info", "Always 1; the labels tell what runs.", &["version"])?,
        })
    }

    /// Makes the series exist that have no name of the configuration.
    pub(super) fn begin_at_zero(&self) {
        for result in [APPLIED, REFUSED] {
            self.reloads.with_label_values(&[result]);
        }
        let version = env!("CARGO_PKG_VERSION");
        self.build_info.with_label_values(&[version]).set(1);
    }
}

impl SharingFamilies {
    #[rustfmt::skip] // A table: one family a line.
    fn new(register: &Register<'_>) -> Result<Self, MetricsError> {
        Ok(Self {
            shadow: register.counters("sharing_shadow_total", "Sessions whose listing was compared with the one that the same login was shown before, and how they differ.", &["tenant", "result"])?,
            lost: register.counters("sharing_shadow_lost_total", "Of those, sessions with an accepted RETR, TOP or DELE that could not have gone on from the older listing.", &["tenant"])?,
            no_room: register.counters("sharing_no_room_total", "Sessions whose listing was not kept for want of memory, so that the next one is not compared.", &["tenant"])?,
            not_whole: register.counters("sharing_not_whole_total", "Sessions whose replies to STAT, LIST and UIDL are no whole listing.", &["tenant", "reason"])?,
            unshareable: register.counters("sharing_unshareable_total", "Mailboxes found not to be shareable, once a day for each cause.", &["tenant", "reason"])?,
            views: register.gauges("sharing_views", "Sessions that are logged in and stand on a listing, without their mailbox.", &["tenant"])?,
            let_in: register.counters("sharing_let_in_total", "Logins that popgate let in on a listing, and why.", &["tenant", "reason"])?,
            promotions: register.counters("sharing_promotions_total", "Sessions on a listing that needed their mailbox, and what became of them.", &["tenant", "outcome"])?,
            promotion: register.histogram("sharing_promotion_seconds", "From the command that needs the mailbox to the mailbox, or to the end of the session.", WAIT_SECONDS)?,
            demotions: register.counters("sharing_demotions_total", "Idle sessions that went back to their listing because another login waited, by whether they had fetched messages.", &["tenant", "fetched"])?,
            killed: register.counters("sharing_killed_total", "Listings on which nobody is let in any more, and why.", &["tenant", "reason"])?,
            logins_saved: register.counters("sharing_logins_saved_total", "Sessions that ended without a login at the backend.", &["tenant"])?,
            backend: register.gauges("sharing_backend_proof", "What sessions of a backend have shown of sharing: 1 for the verdict that holds.", &["backend", "verdict"])?,
            listings: register.int_gauge("sharing_listings", "Listings of mailboxes that are kept in memory.")?,
            listings_size: register.int_gauge("sharing_listings_bytes", "Octets of all that is kept of listings.")?,
            listings_limit: register.int_gauge("sharing_listings_limit_bytes", "Octets that it may take: sharing_memory of [server].")?,
        })
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

    fn int_gauge(&self, name: &str, help: &str) -> Result<IntGauge, MetricsError> {
        self.keep(IntGauge::with_opts(opts(name, help))?)
    }

    fn float_gauges(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
    ) -> Result<GaugeVec, MetricsError> {
        self.keep(GaugeVec::new(opts(name, help), labels)?)
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
