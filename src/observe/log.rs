//! Events as log lines: one at the end of each session, and one for what an operator must see.

use super::LogFormat;
use super::event::{
    BlocksDirection, ClusterEvent, ClusterState, Culprit, End, Event, LockEvent, LockOutcome,
    OperatorAction, Preemption, RuleEvent, SessionSummary, SharingEvent,
};
use super::hub::{EventSink, Stamped};
use crate::dialect::Class;
use crate::history::HistoryEntry;
use crate::ids::{BackendName, MaildropKey, SessionId, TenantName, UserName};
use crate::policy::block::BlockChange;
use crate::policy::sharing::LetInReason;
use crate::policy::twins::TwinPair;
use crate::pop3::reply::ReplyTo;
use crate::time::Duration;
use sentence::{printable, sentence};
use std::io::IsTerminal;
use tracing::{debug, error, info, warn};
use tracing_subscriber::filter::FromEnvError;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

mod filter;
mod sentence;

pub use filter::{LogFilter, LogLevelError, parse_level};

/// Sends log lines to standard error: those of `RUST_LOG`, or `info` and above where it is unset,
/// until the returned filter is changed.
///
/// # Errors
///
/// `RUST_LOG` cannot be read; or logging is set up already.
pub fn init(format: LogFormat) -> Result<LogFilter, InitError> {
    let (filtered, filter) = LogFilter::from_env()?;
    // A closed standard error must not end a session by the panic that reports it.
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .log_internal_errors(false)
        .with_target(false);
    let registry = tracing_subscriber::registry().with(filtered);
    match format {
        LogFormat::Human => registry.with(lines).try_init(),
        LogFormat::Json => registry.with(lines.json().flatten_event(true)).try_init(),
    }?;
    Ok(filter)
}

/// Logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The operator's `RUST_LOG` is malformed.
    #[error(
        "the environment variable RUST_LOG cannot be understood: {0}; write for example RUST_LOG=debug"
    )]
    Filter(#[from] FromEnvError),
    /// A fault of popgate: logging is set up once in a process.
    #[error("logging is set up already: {0}")]
    Twice(#[from] TryInitError),
}

/// Writes events to the log.
#[derive(Clone, Copy, Debug)]
pub struct Log {
    format: LogFormat,
}

impl Log {
    /// A log whose session lines are sentences or fields, as `format` says; [`init`] must be
    /// given the same.
    #[must_use]
    pub fn new(format: LogFormat) -> Self {
        Self { format }
    }

    fn session_ended(self, summary: &SessionSummary) {
        match self.format {
            // Its program has part of a message and may keep it: an operator must see that.
            LogFormat::Human if summary.end() == End::BodyMisread => warn!("{}", sentence(summary)),
            LogFormat::Human => info!("{}", sentence(summary)),
            LogFormat::Json => log_fields(summary),
        }
    }
}

impl EventSink for Log {
    /// The time of a line is that of its writing, which the subscriber of the lines adds.
    fn handle(&self, event: &Stamped) {
        self.write(&event.event);
    }
}

impl Log {
    fn write(self, event: &Event) {
        // What happens in every session is for debugging: its last line says all that matters.
        match event {
            Event::SessionOpened {
                session,
                listener,
                client,
            } => debug!(session = session.0, %listener, %client, "session opened"),
            Event::TenantKnown {
                session, tenant, ..
            } => debug!(session = session.0, %tenant, "tenant known"),
            Event::Lock(event) => log_lock(event),
            Event::Cluster(event) => log_cluster(event),
            Event::Preempted {
                session,
                tenant,
                reason,
            } => log_preempted(*session, tenant, *reason),
            Event::BackendReplied {
                backend,
                to,
                class,
                line,
                ..
            } => log_reply(backend, *to, *class, line.as_deref()),
            Event::LockedRetried { backend, result } => {
                debug!(%backend, result = result.as_str(), "login retried after `locked`");
            }
            Event::BackendUp { backend } => info!(%backend, "backend is up"),
            Event::BackendDown { backend, why } => {
                warn!(%backend, why = %printable(why), "backend is down");
            }
            Event::LoginAccepted { session, tenant } => {
                debug!(session = session.0, %tenant, "login accepted");
            }
            Event::Twins { backend, pair } => log_twins(backend, pair),
            Event::Sharing(event) => log_sharing(event),
            Event::AuthFailed { session, tenant } => {
                debug!(session = session.0, %tenant, "wrong name or password");
            }
            Event::Rule(event) => log_rule(event),
            Event::BlockChanged(change) => log_block(change),
            Event::JournalLost { changes, why } => warn!(
                changes,
                why, "entries of the history and changes of the block list were lost"
            ),
            Event::Relayed {
                to_client,
                to_backend,
            } => debug!(to_client, to_backend, "relayed"),
            Event::Shed { listener, why } => {
                debug!(%listener, why = why.as_str(), "connection turned away");
            }
            Event::Panicked { session } => log_panic(*session),
            Event::Reloaded { changes } => log_reload(changes),
            Event::ReloadRefused { why } => {
                error!("reload rejected, the running configuration stays in use: {why}")
            }
            Event::OperatorActed(action) => log_operator(action),
            Event::LeftBehind(what) => warn!("the stop {}", sentence::left_behind(what)),
            Event::Recorded(entry) => log_entry(entry),
            Event::SessionEnded(summary) => self.session_ended(summary),
        }
    }
}

fn log_lock(event: &LockEvent) {
    match event {
        LockEvent::Queued {
            session,
            tenant,
            key,
            ahead,
        } => debug!(session = session.0, %tenant, maildrop = %key, ahead, "waiting for the lock"),
        LockEvent::Outcome {
            session,
            tenant,
            outcome,
            waited,
            ..
        } => log_outcome(*session, tenant, *outcome, *waited),
        LockEvent::Released { tenant, key, held } => {
            debug!(%tenant, maildrop = %key, held_seconds = held.as_secs_f64(), "lock released");
        }
        LockEvent::Changed { key, change } => {
            debug!(maildrop = %key, change = change.as_str(), "lock changed");
        }
        LockEvent::HandedOver { elapsed } => {
            debug!(elapsed_seconds = elapsed.as_secs_f64(), "lock handed over");
        }
        LockEvent::HandOverForced { backend } => {
            warn!(%backend, "lock handed over although the backend had not closed its connection");
        }
        LockEvent::InvariantBroken { which } => error!(
            invariant = which.as_str(),
            "internal error: the state of a lock was wrong and has been repaired; please report it"
        ),
    }
}

fn log_cluster(event: &ClusterEvent) {
    match event {
        ClusterEvent::StateChanged { state, why } => log_cluster_state(*state, why),
        ClusterEvent::Called { call, result, took } => debug!(
            call = call.as_str(),
            result = result.as_str(),
            took_seconds = took.as_secs_f64(),
            "engine called"
        ),
        ClusterEvent::Turn(result) => debug!(result = result.as_str(), "turn at a maildrop"),
        ClusterEvent::Overlap { key } => warn!(
            maildrop = %key,
            "two gates had a session in one mailbox: a lease ran out, or the engine lost its memory"
        ),
        ClusterEvent::EpochBegan { number } => {
            info!(number, "the memory of the cluster's engine began anew");
        }
        ClusterEvent::GateJoined { gate, members } => {
            info!(gate = %printable(gate), members, "a gate joined the cluster");
        }
        ClusterEvent::GateLeft { gate, members } => {
            info!(gate = %printable(gate), members, "a gate left the cluster");
        }
        ClusterEvent::SettingsDiffer { gate } => warn!(
            gate = %printable(gate),
            "this gate and another one have different domains, aliases or backends: until they are \
             the same, a mailbox may have a lock at each"
        ),
        ClusterEvent::EngineDoubted { why } if why.is_empty() => {
            info!("the settings of the cluster's engine are as they should be");
        }
        ClusterEvent::EngineDoubted { why } => {
            warn!(
                "the cluster's engine is not to be relied on: {}",
                printable(why)
            );
        }
        ClusterEvent::ClocksApart { gate, age } => warn!(
            gate = %printable(gate),
            age_seconds = age.as_secs_f64(),
            "a message of another gate is not read: its clock and this one are apart, or it was \
             held back; run an NTP client on each gate"
        ),
        ClusterEvent::PushesDropped { count } => {
            debug!(count, "pushes of the cluster's engine were dropped");
        }
        ClusterEvent::BlocksShared {
            direction: BlocksDirection::Dropped,
            changes,
        } => warn!(
            changes,
            "other gates do not hear of these changes of the block list: too many wait for the \
             cluster's engine"
        ),
        ClusterEvent::BlocksShared { direction, changes } => {
            debug!(direction = direction.as_str(), changes, "block list shared");
        }
    }
}

fn log_cluster_state(state: ClusterState, why: &str) {
    let state_word = state.as_str();
    let said = match why {
        "" => format!("the cluster is {state_word}"),
        why => format!("cluster {state_word}: {why}"),
    };
    match state {
        ClusterState::Joining | ClusterState::Healthy | ClusterState::Reconciling => {
            info!(state = state_word, "{said}");
        }
        ClusterState::Suspect => debug!(state = state_word, "{said}"),
        ClusterState::Degraded | ClusterState::Excluded => {
            warn!(state = state_word, "{said}");
        }
    }
}

fn log_rule(event: &RuleEvent) {
    match event {
        RuleEvent::PollDecided {
            session,
            tenant,
            decision,
            early,
        } => {
            let decision = decision.as_str();
            let early_seconds = early.as_secs_f64();
            debug!(session = session.0, %tenant, decision, early_seconds, "poll measured");
        }
        RuleEvent::LoginRefused {
            session,
            tenant,
            rule,
        } => {
            let rule = rule.as_str();
            debug!(session = session.0, %tenant, rule, "login refused");
        }
        RuleEvent::Faulted {
            session,
            tenant,
            fault,
            proven,
        } => {
            let fault = fault.as_str();
            debug!(session = session.0, %tenant, fault, proven, "fault counted");
        }
    }
}

fn log_preempted(session: SessionId, tenant: &TenantName, reason: Preemption) {
    let reason = reason.as_str();
    info!(session = session.0, %tenant, reason, "preempted: idle while another client waits");
}

fn log_sharing(event: &SharingEvent) {
    match event {
        SharingEvent::Compared {
            tenant,
            result,
            fetched,
        } => debug!(%tenant, result = result.as_str(), fetched, "listing compared"),
        SharingEvent::NoRoom { tenant } => debug!(%tenant, "no room to keep a listing"),
        SharingEvent::NotWhole { tenant, why } => {
            debug!(%tenant, why = why.as_str(), "no whole listing");
        }
        SharingEvent::Unshareable { tenant, key, why } => {
            debug!(%tenant, maildrop = %key, why = why.as_str(), "a mailbox cannot be shared");
        }
        SharingEvent::Proven { backend, seen } => info!(
            %backend,
            verdict = seen.verdict().as_str(),
            ids_outlive_close = seen.ids_outlive_close,
            lock_is_freed = seen.lock_is_freed,
            "sessions have shown more of whether mailboxes of a backend can be shared"
        ),
        SharingEvent::LetIn { tenant, reason } => {
            debug!(%tenant, reason = reason.as_str(), "let in on a listing");
        }
        SharingEvent::Demoted { tenant, fetched } => {
            debug!(%tenant, fetched, "an idle session went back to its listing");
        }
        SharingEvent::ViewEnded {
            tenant,
            saved_a_login,
        } => debug!(%tenant, saved_a_login, "a session without its mailbox is over"),
        SharingEvent::Promoted {
            tenant,
            outcome,
            took,
        } => debug!(%tenant, outcome = outcome.as_str(), ?took, "a session needed its mailbox"),
        SharingEvent::Killed {
            tenant,
            by,
            listings,
        } => debug!(%tenant, by = by.as_str(), listings, "listings are not fresh any more"),
    }
}

/// Once for a pair: its programs come every few minutes.
fn log_twins(backend: &BackendName, pair: &TwinPair) {
    if pair.again {
        return;
    }
    let [first, second] = pair.logins.each_ref().map(UserName::to_string);
    let messages = pair.messages;
    match pair.setting.as_deref().map(printable) {
        Some(setting) => warn!(
            %backend, first, second, messages,
            "two logins seem to open one maildrop under different locks: their unique ids are the same. If \
             they do, add {setting} to [defaults] or the [[tenant]], and restart"
        ),
        None => warn!(
            %backend, first, second, messages,
            "two logins seem to open one maildrop under different locks: their unique ids are the same. If \
             they do, give their tenants the same backends, or aliases that unite them"
        ),
    }
}

fn log_panic(session: SessionId) {
    warn!(
        session = session.0,
        "internal error: a task of this session panicked"
    );
}

fn log_reload(changes: &[String]) {
    if changes.is_empty() {
        info!("reloaded, nothing changed");
    }
    for change in changes {
        info!("reloaded: {change}");
    }
}

fn log_operator(action: &OperatorAction) {
    let reason = action.by.reason.as_deref().map(printable);
    // Not for its urgency: a log that is kept short must still say who changed what.
    warn!(
        by = %action.by.address,
        reason = reason.as_deref(),
        "operator: {}",
        printable(&sentence::operator_change(&action.change))
    );
}

fn log_entry(entry: &HistoryEntry) {
    if let Some(login) = &entry.login {
        let end = entry.end.as_str();
        debug!(session = entry.session.0, maildrop = %login.key, end, "login ended");
    }
}

fn log_outcome(session: SessionId, tenant: &TenantName, outcome: LockOutcome, waited: Duration) {
    let outcome = outcome.as_str();
    let waited_seconds = waited.as_secs_f64();
    debug!(session = session.0, %tenant, outcome, waited_seconds, "lock outcome");
}

fn log_block(change: &BlockChange) {
    let entry = &change.entry;
    let what = change.what.as_str();
    let maildrop = entry.target.key.as_ref().map(MaildropKey::to_string);
    info!(
        block = entry.id.0,
        maildrop = maildrop.as_deref(),
        address = %entry.target.prefix,
        tenant = %entry.tenant,
        reason = entry.reason.as_str(),
        expires = %entry.expires,
        times_blocked = entry.times_blocked,
        "block list: {what}"
    );
}

fn log_reply(backend: &BackendName, to: ReplyTo, class: Class, line: Option<&str>) {
    let command = to.as_str();
    let printed = line.map(printable);
    let line = printed.as_deref();
    // The client does not see these words: it is told popgate's.
    if class == Class::Locked {
        info!(%backend, command, line, "the maildrop is locked by a session that bypasses popgate");
    } else if to == ReplyTo::Xclient && class != Class::Ok {
        // The login goes on: only here the operator learns of it.
        warn!(%backend, line, "the backend rejects the client's address");
    } else {
        debug!(%backend, command, class = class.as_str(), line, "backend replied");
    }
}

/// All of `summary` as fields.
fn log_fields(summary: &SessionSummary) {
    let maildrop = summary.maildrop.as_ref().map(UserName::to_string);
    let detail = summary.detail();
    let detail = detail.as_deref().map(printable);
    info!(
        session = summary.session.0,
        end = summary.end().as_str(),
        fault = summary.culprit().map(Culprit::as_str),
        detail = detail.as_deref(),
        tenant = summary.tenant.as_ref().map(TenantName::as_str),
        maildrop = maildrop.as_deref(),
        listener = summary.listener.as_str(),
        client = %summary.client.ip(),
        client_port = summary.client.port(),
        tls = summary.tls.as_deref(),
        backend = summary.backend.as_ref().map(BackendName::as_str),
        duration_seconds = summary.duration.as_secs_f64(),
        waited_seconds = summary.waited.as_secs_f64(),
        delayed_seconds = summary.delayed.as_secs_f64(),
        held_seconds = summary.held.as_secs_f64(),
        let_in = summary.listing.let_in.map(LetInReason::as_str),
        demotions = summary.listing.demotions,
        promotions = summary.listing.promotions,
        commands = summary.commands,
        bytes_to_client = summary.bytes_to_client,
        bytes_to_backend = summary.bytes_to_backend,
        listed = summary.listed,
        retrieved = summary.retrieved,
        deleted = summary.deleted,
        "session ended"
    );
}
