mod backends;
mod locks;
mod process;
mod sessions;
mod tenants;

use super::*;
use crate::dialect::Class;
use crate::history::ListingUse;
use crate::history::tests::entry_of;
use crate::ids::{MaildropKey, SessionId, UserName};
use crate::lock::queue::Invariant;
use crate::observe::event::{
    EndCause, LockEvent, LoginRule, OffenceKind, PollDecision, Preemption, RetryResult, RuleEvent,
    Shed,
};
use crate::policy::pause::PausedNames;
use crate::policy::sharing::{
    BackendProof, LetInReason, PromotionOutcome, ShadowResult, Unshareable,
};
use crate::pop3::reply::ReplyTo;
use crate::time::WallClock;

const SESSION: SessionId = SessionId(1);

fn metrics_of(tenants: &[&str], tenant_labels_max: usize) -> Metrics {
    let tenants: Vec<_> = tenants.iter().map(|name| TenantName::new(name)).collect();
    let listeners = [ListenerName::new("pop3")];
    let backends = [BackendName::new("legacy")];
    Metrics::new(&tenants, &listeners, &backends, tenant_labels_max).unwrap()
}

fn metrics() -> Metrics {
    metrics_of(&["default", "example"], 200)
}

/// The value of the series as the text format names it, without the prefix; none if absent.
fn value(metrics: &Metrics, series: &str) -> Option<f64> {
    let text = metrics.render().unwrap();
    let mut lines = text.lines().filter_map(|line| line.rsplit_once(' '));
    let series = format!("popgate_{series}");
    lines
        .find(|(name, _)| *name == series)
        .map(|(_, value)| value.parse().unwrap())
}

fn opened() -> Event {
    Event::SessionOpened {
        session: SESSION,
        listener: ListenerName::new("pop3"),
        client: "192.0.2.7:1234".parse().unwrap(),
    }
}

fn known(from: Option<&str>, tenant: &str) -> Event {
    Event::TenantKnown {
        session: SESSION,
        from: from.map(TenantName::new),
        tenant: TenantName::new(tenant),
    }
}

fn key() -> MaildropKey {
    MaildropKey::new(&Arc::from([]), &UserName::new(b"ann"))
}

fn queued(tenant: &str) -> Event {
    Event::Lock(LockEvent::Queued {
        session: SESSION,
        tenant: TenantName::new(tenant),
        key: key(),
        ahead: 0,
    })
}

fn outcome(tenant: &str, outcome: LockOutcome) -> Event {
    Event::Lock(LockEvent::Outcome {
        session: SESSION,
        tenant: TenantName::new(tenant),
        key: key(),
        outcome,
        waited: Duration::from_secs(2),
    })
}

fn login_ended(cause: &EndCause) -> Event {
    let now = WallClock::System.now();
    Event::Recorded(Arc::new(entry_of("ann", cause, now)))
}

fn released(tenant: &str) -> Event {
    Event::Lock(LockEvent::Released {
        tenant: TenantName::new(tenant),
        key: key(),
        held: Duration::from_secs(3),
    })
}

fn ended(tenant: Option<&str>) -> Event {
    Event::SessionEnded(Box::new(SessionSummary {
        session: SESSION,
        listener: ListenerName::new("pop3"),
        client: "192.0.2.7:1234".parse().unwrap(),
        tls: None,
        tenant: tenant.map(TenantName::new),
        maildrop: None,
        backend: None,
        duration: Duration::from_secs(6),
        waited: Duration::from_secs(2),
        delayed: Duration::ZERO,
        held: Duration::from_secs(3),
        listing: ListingUse::default(),
        commands: 9,
        bytes_to_client: 100,
        bytes_to_backend: 50,
        listed: Some(4),
        retrieved: 3,
        deleted: 2,
        cause: EndCause::Left,
    }))
}

#[test]
fn every_family_exists_from_the_start_and_all_but_build_info_is_zero() {
    let text = metrics().render().unwrap();
    let own = text.lines().filter(|line| line.starts_with("popgate_"));
    for line in own.filter(|line| !line.starts_with("popgate_build_info")) {
        assert!(line.ends_with(" 0"), "{line}");
    }
    for series in [
        r#"sessions_total{end="quit",listener="pop3",tenant="default"}"#,
        r#"sessions_total{end="tls_failed",listener="pop3",tenant="none"}"#,
        r#"sessions_open{tenant="none"}"#,
        r#"sessions_open{tenant="default"}"#,
        r#"connections_shed_total{listener="pop3",reason="resources"}"#,
        "panics_total",
        r#"lock_wait_seconds_count{outcome="timeout"}"#,
        "lock_hold_seconds_count",
        "lock_handover_seconds_count",
        r#"lock_handover_forced_total{backend="legacy"}"#,
        r#"invariant_violations_total{invariant="waiters_are_served"}"#,
        r#"lock_waiters{tenant="default"}"#,
        r#"locks_held{tenant="default"}"#,
        "lock_longest_wait_seconds",
        r#"lock_outcomes_total{outcome="queue_full",tenant="default"}"#,
        r#"preemptions_total{reason="idle",tenant="default"}"#,
        r#"backend_replies_total{backend="legacy",class="locked",command="PASS"}"#,
        r#"backend_locked_retries_total{backend="legacy",result="accepted"}"#,
        r#"backend_up{backend="legacy"}"#,
        r#"auth_failures_total{tenant="default"}"#,
        r#"bytes_total{direction="to_client"}"#,
        r#"bytes_total{direction="to_backend"}"#,
        r#"messages_retrieved_total{tenant="default"}"#,
        r#"messages_deleted_total{tenant="default"}"#,
        r#"build_info{version="0.1.0"}"#,
        "sessions_max",
        "lock_longest_wait_ratio",
        r#"backend_login_seconds_count{backend="legacy"}"#,
        r#"backend_paused{backend="legacy"}"#,
        r#"backend_connections{backend="legacy"}"#,
        r#"logins_total{tenant="default"}"#,
        r#"tenant_paused{tenant="default"}"#,
        r#"blocks{state="blocked",tenant="default"}"#,
        "admin_streams",
    ] {
        let line = format!("\npopgate_{series} ");
        assert!(text.contains(&line), "{series} is not there");
    }
    assert!(text.contains("\nprocess_resident_memory_bytes "));
}

/// Each event that counts in one series only, and that series.
fn counted_once() -> Vec<(Event, &'static str)> {
    let backend = BackendName::new("legacy");
    let tenant = TenantName::new("example");
    vec![
        (
            Event::Lock(LockEvent::HandOverForced {
                backend: backend.clone(),
            }),
            r#"lock_handover_forced_total{backend="legacy"}"#,
        ),
        (
            Event::Lock(LockEvent::InvariantBroken {
                which: Invariant::OneConnection,
            }),
            r#"invariant_violations_total{invariant="one_connection"}"#,
        ),
        (
            Event::Preempted {
                session: SESSION,
                tenant: tenant.clone(),
                reason: Preemption::IdleOpaque,
            },
            r#"preemptions_total{reason="idle_opaque",tenant="example"}"#,
        ),
        (
            Event::BackendReplied {
                backend: backend.clone(),
                to: ReplyTo::Quit,
                class: Class::DeletesNotRemoved,
                took: None,
                line: None,
            },
            r#"backend_replies_total{backend="legacy",class="deletes_not_removed",command="QUIT"}"#,
        ),
        (
            Event::LockedRetried {
                backend,
                result: RetryResult::Failed,
            },
            r#"backend_locked_retries_total{backend="legacy",result="failed"}"#,
        ),
        (
            Event::AuthFailed {
                session: SESSION,
                tenant,
            },
            r#"auth_failures_total{tenant="example"}"#,
        ),
        (
            Event::Shed {
                listener: ListenerName::new("pop3"),
                why: Shed::ProxyProtocol,
            },
            r#"connections_shed_total{listener="pop3",reason="proxy_protocol"}"#,
        ),
        (Event::Panicked { session: SESSION }, "panics_total"),
    ]
}

/// The same of logins.
fn login_counted_once() -> Vec<(Event, &'static str)> {
    let tenant = TenantName::new("example");
    vec![
        (
            Event::LoginAccepted {
                session: SESSION,
                tenant: tenant.clone(),
            },
            r#"logins_total{tenant="example"}"#,
        ),
        (
            Event::Rule(RuleEvent::LoginRefused {
                session: SESSION,
                tenant: tenant.clone(),
                rule: LoginRule::PerTenant,
            }),
            r#"login_refusals_total{rule="per_tenant",tenant="example"}"#,
        ),
        (
            Event::Rule(RuleEvent::PollDecided {
                session: SESSION,
                tenant: tenant.clone(),
                decision: PollDecision::Shadow,
                early: Duration::ZERO,
            }),
            r#"polls_total{decision="shadow",tenant="example"}"#,
        ),
        (
            Event::Rule(RuleEvent::Faulted {
                session: SESSION,
                tenant: tenant.clone(),
                fault: OffenceKind::LostLine,
                proven: true,
            }),
            r#"faults_total{fault="lost_line",proven="yes",tenant="example"}"#,
        ),
    ]
}

#[test]
fn each_other_event_counts_in_its_own_series() {
    let metrics = metrics();
    let all = || counted_once().into_iter().chain(login_counted_once());
    for (event, _) in all() {
        metrics.count(&event);
    }
    for (_, series) in all() {
        assert_eq!(value(&metrics, series), Some(1.0), "{series}");
    }
}

fn paused(tenants: &[&str], backends: &[&str]) -> PausedNames {
    PausedNames {
        tenants: tenants.iter().map(|name| TenantName::new(name)).collect(),
        backends: backends.iter().map(|name| BackendName::new(name)).collect(),
    }
}

#[test]
fn totals_are_of_all_tenants_and_count_each_refusal_once() {
    let metrics = metrics_of(&["own"], 1);
    assert_eq!(metrics.totals(), CountedTotals::default());
    for tenant in ["own", "one of the others"] {
        for &how in LockOutcome::ALL {
            metrics.count(&outcome(tenant, how));
        }
        for (event, _) in counted_once().iter().chain(&login_counted_once()) {
            metrics.count(event);
        }
    }
    let line = "-ERR in use".to_owned();
    for cause in [
        EndCause::HeldByAnother,
        EndCause::QueueFull,
        EndCause::LockedElsewhere { line: line.clone() },
        EndCause::BackendFull,
        EndCause::Paused,
        EndCause::WrongPassword { line },
        EndCause::LeftWaiting,
        EndCause::Quit,
    ] {
        metrics.count(&login_ended(&cause));
    }
    assert_eq!(
        metrics.totals(),
        CountedTotals {
            // Of tenant `example`, one each time.
            logins: 2,
            auth_refusals: 2,
            rule_refusals: 2,
            // The first five causes.
            lock_refusals: 5,
        }
    );
}

#[test]
fn what_listings_say_of_sharing_is_counted() {
    let metrics = metrics();
    let tenant = TenantName::new("example");
    let sharing = |event| metrics.count(&Event::Sharing(event));
    for (result, fetched) in [
        (ShadowResult::NewOnly, true),
        (ShadowResult::Changed, true),
        (ShadowResult::Missing, false),
    ] {
        let tenant = tenant.clone();
        sharing(SharingEvent::Compared {
            tenant,
            result,
            fetched,
        });
    }
    sharing(SharingEvent::NoRoom {
        tenant: tenant.clone(),
    });
    let why = Unshareable::Changed;
    sharing(SharingEvent::Unshareable {
        tenant,
        key: key(),
        why,
    });
    for (series, expected) in [
        (
            "sharing_shadow_total{result=\"new_only\",tenant=\"example\"}",
            1.0,
        ),
        (
            "sharing_shadow_total{result=\"changed\",tenant=\"example\"}",
            1.0,
        ),
        ("sharing_shadow_lost_total{tenant=\"example\"}", 1.0),
        ("sharing_no_room_total{tenant=\"example\"}", 1.0),
        (
            "sharing_unshareable_total{reason=\"changed\",tenant=\"example\"}",
            1.0,
        ),
        (
            "sharing_unshareable_total{reason=\"resized\",tenant=\"example\"}",
            0.0,
        ),
    ] {
        assert_eq!(value(&metrics, series), Some(expected), "{series}");
    }
}

#[test]
fn sessions_without_their_maildrop_are_counted_while_they_are_open() {
    let metrics = metrics();
    let tenant = || TenantName::new("example");
    let sharing = |event| metrics.count(&Event::Sharing(event));
    sharing(SharingEvent::LetIn {
        tenant: tenant(),
        reason: LetInReason::WaitSpent,
    });
    sharing(SharingEvent::Demoted {
        tenant: tenant(),
        fetched: true,
    });
    sharing(SharingEvent::Promoted {
        tenant: tenant(),
        outcome: PromotionOutcome::ListingChanged,
        took: Duration::from_secs(2),
    });
    let value = |series: &str| value(&metrics, series).unwrap();
    assert_eq!(value("sharing_views{tenant=\"example\"}"), 2.0);
    for saved_a_login in [true, false] {
        sharing(SharingEvent::ViewEnded {
            tenant: tenant(),
            saved_a_login,
        });
    }
    for (series, expected) in [
        ("sharing_views{tenant=\"example\"}", 0.0),
        (
            "sharing_let_in_total{reason=\"wait_spent\",tenant=\"example\"}",
            1.0,
        ),
        (
            "sharing_demotions_total{fetched=\"true\",tenant=\"example\"}",
            1.0,
        ),
        (
            "sharing_promotions_total{outcome=\"listing_changed\",tenant=\"example\"}",
            1.0,
        ),
        ("sharing_promotion_seconds_count", 1.0),
        ("sharing_logins_saved_total{tenant=\"example\"}", 1.0),
    ] {
        assert_eq!(value(series), expected, "{series}");
    }
}

#[test]
fn one_verdict_holds_for_a_backend() {
    let metrics = metrics();
    let backend = BackendName::new("legacy");
    let shown = || {
        BackendProof::ALL.iter().map(|verdict| {
            let verdict = verdict.as_str();
            let series =
                format!("sharing_backend_proof{{backend=\"legacy\",verdict=\"{verdict}\"}}");
            value(&metrics, &series)
        })
    };
    metrics.set_proof(&backend, BackendProof::Given);
    metrics.set_proof(&backend, BackendProof::Refuted);
    assert!(shown().eq([Some(0.0), Some(0.0), Some(1.0)]));
    metrics.forget_backend(&backend);
    metrics.set_proof(&backend, BackendProof::Given);
    assert!(shown().eq([None; 3]));
}
