use super::*;
use crate::dialect::Class;
use crate::history::tests::entry_of;
use crate::ids::{MaildropKey, SessionId, UserName};
use crate::lock::queue::{Invariant, WaitProgress};
use crate::observe::event::{
    EndCause, LockEvent, LoginRule, OffenceKind, PollDecision, Preemption, RetryResult, RuleEvent,
    Shed,
};
use crate::policy::block::BlockCount;
use crate::policy::pause::PausedNames;
use crate::pop3::reply::ReplyTo;
use crate::time::WallClock;
use jiff::Timestamp;
use std::path::Path;

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

#[test]
fn a_session_moves_from_none_to_its_tenant_and_gauges_return_to_zero() {
    let metrics = metrics();
    let open = |tenant: &str| value(&metrics, &format!(r#"sessions_open{{tenant="{tenant}"}}"#));
    let waiters = || value(&metrics, r#"lock_waiters{tenant="example"}"#);
    let held = || value(&metrics, r#"locks_held{tenant="example"}"#);

    metrics.count(&opened());
    assert_eq!(open("none"), Some(1.0));
    metrics.count(&known(None, "default"));
    metrics.count(&known(Some("default"), "example"));
    assert_eq!((open("none"), open("default")), (Some(0.0), Some(0.0)));
    assert_eq!(open("example"), Some(1.0));
    metrics.count(&queued("example"));
    assert_eq!((waiters(), held()), (Some(1.0), Some(0.0)));
    metrics.count(&outcome("example", LockOutcome::Waited));
    assert_eq!((waiters(), held()), (Some(0.0), Some(1.0)));
    metrics.count(&released("example"));
    metrics.count(&ended(Some("example")));
    assert_eq!((waiters(), held()), (Some(0.0), Some(0.0)));
    assert_eq!(open("example"), Some(0.0));
}

#[test]
fn a_session_without_login_ends_under_none() {
    let metrics = metrics();
    metrics.count(&opened());
    metrics.count(&ended(None));
    assert_eq!(
        value(&metrics, r#"sessions_open{tenant="none"}"#),
        Some(0.0)
    );
    let ended = r#"sessions_total{end="left",listener="pop3",tenant="none"}"#;
    assert_eq!(value(&metrics, ended), Some(1.0));
}

#[test]
fn every_outcome_gives_back_the_place_it_had_and_no_other() {
    for &result in LockOutcome::ALL {
        let metrics = metrics();
        let never_queued = matches!(result, LockOutcome::Immediate | LockOutcome::QueueFull);
        if !never_queued {
            metrics.count(&queued("default"));
        }
        metrics.count(&outcome("default", result));
        let waiters = value(&metrics, r#"lock_waiters{tenant="default"}"#);
        assert_eq!(waiters, Some(0.0), "{result:?}");
        let granted = matches!(result, LockOutcome::Immediate | LockOutcome::Waited);
        let held = value(&metrics, r#"locks_held{tenant="default"}"#);
        assert_eq!(held, Some(f64::from(granted)), "{result:?}");
        let name = result.as_str();
        let outcomes = format!(r#"lock_outcomes_total{{outcome="{name}",tenant="default"}}"#);
        assert_eq!(value(&metrics, &outcomes), Some(1.0));
        let waits = format!(r#"lock_wait_seconds_sum{{outcome="{name}"}}"#);
        assert_eq!(value(&metrics, &waits), Some(2.0));
    }
}

#[test]
fn a_session_end_counts_messages_and_a_release_its_hold() {
    let metrics = metrics();
    metrics.count(&released("example"));
    metrics.count(&ended(Some("example")));
    let ended = r#"sessions_total{end="left",listener="pop3",tenant="example"}"#;
    assert_eq!(value(&metrics, ended), Some(1.0));
    let retrieved = r#"messages_retrieved_total{tenant="example"}"#;
    assert_eq!(value(&metrics, retrieved), Some(3.0));
    let deleted = r#"messages_deleted_total{tenant="example"}"#;
    assert_eq!(value(&metrics, deleted), Some(2.0));
    assert_eq!(value(&metrics, "lock_hold_seconds_sum"), Some(3.0));
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

#[test]
fn bytes_are_added_by_direction() {
    let metrics = metrics();
    for _ in 0..2 {
        metrics.count(&Event::Relayed {
            to_client: 48_000,
            to_backend: 120,
        });
    }
    let bytes = |way: &str| value(&metrics, &format!(r#"bytes_total{{direction="{way}"}}"#));
    let both = (bytes("to_client"), bytes("to_backend"));
    assert_eq!(both, (Some(96_000.0), Some(240.0)));
}

#[test]
fn a_hand_over_falls_between_the_buckets_it_belongs_to() {
    let metrics = metrics();
    let elapsed = Duration::from_micros(80);
    metrics.count(&Event::Lock(LockEvent::HandedOver { elapsed }));
    let bucket = |le: &str| format!(r#"lock_handover_seconds_bucket{{le="{le}"}}"#);
    assert_eq!(value(&metrics, &bucket("0.00005")), Some(0.0));
    assert_eq!(value(&metrics, &bucket("0.0001")), Some(1.0));
}

#[test]
fn a_backend_is_up_until_it_is_down() {
    let metrics = metrics();
    let up = || value(&metrics, r#"backend_up{backend="legacy"}"#);
    let backend = BackendName::new("legacy");
    metrics.count(&Event::BackendUp {
        backend: backend.clone(),
    });
    assert_eq!(up(), Some(1.0));
    let why = "refused".to_owned();
    metrics.count(&Event::BackendDown { backend, why });
    assert_eq!(up(), Some(0.0));
}

fn journal(written: u64, oldest: Option<i64>) -> JournalFigures {
    JournalFigures {
        written,
        waiting: 7,
        is_writable: true,
        size: 4096,
        size_max: 1 << 20,
        oldest: oldest.map(|second| Timestamp::from_second(second).unwrap()),
    }
}

#[test]
fn the_journal_has_gauges_where_there_is_one_and_what_was_written_is_counted_once() {
    let metrics = metrics();
    let shown = |name: &str| value(&metrics, &format!("journal_{name}"));
    for name in ["waiting", "writable", "size_bytes", "size_limit_bytes"] {
        assert_eq!(shown(name), None, "{name} of no journal");
    }
    metrics.set_journal(&journal(5, Some(1_772_366_400)));
    metrics.set_journal(&journal(8, Some(1_772_366_400)));
    assert_eq!(shown("written_total"), Some(8.0));
    assert_eq!(
        (shown("waiting"), shown("writable")),
        (Some(7.0), Some(1.0))
    );
    assert_eq!(shown("size_bytes"), Some(4096.0));
    assert_eq!(shown("size_limit_bytes"), Some(1_048_576.0));
    let oldest = "oldest_entry_timestamp_seconds";
    assert_eq!(shown(oldest), Some(1_772_366_400.0));
    metrics.set_journal(&JournalFigures {
        is_writable: false,
        ..journal(8, None)
    });
    assert_eq!((shown("writable"), shown(oldest)), (Some(0.0), None));
}

#[test]
fn tenants_past_the_cap_share_one_label_and_default_keeps_its_own() {
    let names: Vec<String> = (0..300).map(|n| format!("t{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let metrics = metrics_of(&names, 200);
    for name in names.iter().chain(&["default", "unheard-of"]) {
        metrics.count(&known(None, name));
    }
    let open = |tenant: &str| value(&metrics, &format!(r#"sessions_open{{tenant="{tenant}"}}"#));
    assert_eq!(open("t199"), Some(1.0));
    assert_eq!(open("t200"), None);
    assert_eq!(open("other"), Some(101.0));
    assert_eq!(open("default"), Some(1.0));
}

#[test]
fn series_of_other_tenants_appear_with_their_first_event() {
    let metrics = metrics();
    let waiters = r#"lock_waiters{tenant="example"}"#;
    assert_eq!(value(&metrics, waiters), None);
    metrics.count(&known(None, "example"));
    assert_eq!(value(&metrics, waiters), Some(0.0));
}

#[test]
fn no_series_names_a_user_or_an_address() {
    let metrics = metrics();
    metrics.count(&opened());
    let Event::SessionEnded(mut summary) = ended(Some("example")) else {
        unreachable!("made above");
    };
    summary.maildrop = Some(UserName::new(b"ann"));
    metrics.count(&Event::SessionEnded(summary));
    let text = metrics.render().unwrap();
    assert!(!text.contains("ann") && !text.contains("192.0.2.7"));
}

#[test]
fn the_longest_wait_is_what_was_set_last() {
    let metrics = metrics();
    metrics.set_waits(WaitProgress {
        longest: Duration::from_millis(2500),
        spent: 0.125,
    });
    assert_eq!(value(&metrics, "lock_longest_wait_seconds"), Some(2.5));
    assert_eq!(value(&metrics, "lock_longest_wait_ratio"), Some(0.125));
    metrics.set_waits(WaitProgress::default());
    assert_eq!(value(&metrics, "lock_longest_wait_seconds"), Some(0.0));
    assert_eq!(value(&metrics, "lock_longest_wait_ratio"), Some(0.0));
}

fn replied(to: ReplyTo, class: Class, took: Option<Duration>) -> Event {
    Event::BackendReplied {
        backend: BackendName::new("legacy"),
        to,
        class,
        took,
        line: None,
    }
}

#[test]
fn a_reply_that_no_server_is_known_to_give_has_a_series_from_its_first_on() {
    let metrics = metrics();
    let series = r#"backend_replies_total{backend="legacy",class="auth",command="NOOP"}"#;
    assert_eq!(value(&metrics, series), None);
    for times in 1..3 {
        metrics.count(&replied(ReplyTo::Noop, Class::Auth, None));
        assert_eq!(value(&metrics, series), Some(f64::from(times)));
    }
}

#[test]
fn an_end_that_nobody_comes_to_without_a_login_has_a_series_from_its_first_on() {
    let metrics = metrics();
    let series = r#"sessions_total{end="quit",listener="pop3",tenant="none"}"#;
    assert_eq!(value(&metrics, series), None);
    let Event::SessionEnded(mut summary) = ended(None) else {
        unreachable!("made above");
    };
    summary.cause = EndCause::Quit;
    metrics.count(&Event::SessionEnded(summary));
    assert_eq!(value(&metrics, series), Some(1.0));
}

#[test]
fn only_an_answer_to_a_password_has_taken_time() {
    let metrics = metrics();
    let quarter = Some(Duration::from_millis(250));
    metrics.count(&replied(ReplyTo::Pass, Class::Auth, quarter));
    metrics.count(&replied(ReplyTo::Pass, Class::Perm, None));
    metrics.count(&replied(ReplyTo::Retr, Class::Ok, None));
    let seconds = |what: &str| {
        let series = format!(r#"backend_login_seconds_{what}{{backend="legacy"}}"#);
        value(&metrics, &series)
    };
    assert_eq!(seconds("count"), Some(1.0));
    assert_eq!(seconds("sum"), Some(0.25));
}

fn paused(tenants: &[&str], backends: &[&str]) -> PausedNames {
    PausedNames {
        tenants: tenants.iter().map(|name| TenantName::new(name)).collect(),
        backends: backends.iter().map(|name| BackendName::new(name)).collect(),
    }
}

#[test]
fn a_backend_that_is_gone_keeps_what_was_counted_and_says_no_longer_how_it_fares() {
    let metrics = metrics();
    let backend = BackendName::new("legacy");
    let up = Event::BackendUp {
        backend: backend.clone(),
    };
    let replies = r#"backend_replies_total{backend="legacy",class="ok",command="PASS"}"#;
    let gauges = [
        r#"backend_up{backend="legacy"}"#,
        r#"backend_paused{backend="legacy"}"#,
        r#"backend_connections{backend="legacy"}"#,
    ];
    let fares = || gauges.map(|series| value(&metrics, series));
    metrics.count(&up);
    metrics.count(&replied(ReplyTo::Pass, Class::Ok, None));
    metrics.set_paused(&paused(&[], &["legacy"]));
    metrics.set_backend_connections(&backend, 3);
    assert_eq!(fares(), [Some(1.0), Some(1.0), Some(3.0)]);
    metrics.forget_backend(&backend);
    // Of its last look and its last session.
    metrics.count(&up);
    metrics.count(&replied(ReplyTo::Pass, Class::Ok, None));
    metrics.set_paused(&paused(&[], &["legacy"]));
    metrics.set_backend_connections(&backend, 3);
    assert_eq!(fares(), [None; 3]);
    assert_eq!(value(&metrics, replies), Some(2.0));
    // It is back by another reload.
    metrics.know(&[], &[], std::slice::from_ref(&backend));
    assert_eq!(fares(), [Some(0.0); 3]);
    metrics.count(&up);
    metrics.count(&replied(ReplyTo::Pass, Class::Ok, None));
    assert_eq!(fares()[0], Some(1.0));
    assert_eq!(value(&metrics, replies), Some(3.0));
}

#[test]
fn what_is_paused_is_said_and_what_is_resumed_is_not() {
    let metrics = metrics_of(&["a", "b", "c"], 2);
    let is_paused =
        |tenant: &str| value(&metrics, &format!(r#"tenant_paused{{tenant="{tenant}"}}"#));
    let all = || ["default", "a", "other"].map(is_paused);
    // `c` shares its label with all beyond the cap.
    metrics.set_paused(&paused(&["a", "c"], &[]));
    assert_eq!(all(), [Some(0.0), Some(1.0), Some(1.0)]);
    metrics.set_paused(&paused(&["default"], &[]));
    assert_eq!(all(), [Some(1.0), Some(0.0), Some(0.0)]);
}

#[test]
fn a_certificate_is_shown_as_long_as_its_file_is_configured() {
    let metrics = metrics();
    let end = |file: &str| {
        let series = format!(r#"certificate_expiry_timestamp_seconds{{certificate="{file}"}}"#);
        value(&metrics, &series)
    };
    let at = |seconds| Timestamp::from_second(seconds).unwrap();
    let both = [("old.pem", at(1_000)), ("kept.pem", at(2_000))];
    metrics.set_certificates(&both.map(|(file, end)| (Path::new(file), end)).into());
    assert_eq!(end("old.pem"), Some(1_000.0));
    assert_eq!(end("kept.pem"), Some(2_000.0));
    let renewed = HashMap::from([(Path::new("kept.pem"), at(3_000))]);
    metrics.set_certificates(&renewed);
    assert_eq!(end("old.pem"), None);
    assert_eq!(end("kept.pem"), Some(3_000.0));
    metrics.set_certificates(&HashMap::new());
    assert_eq!(end("kept.pem"), None);
}

#[test]
fn requests_and_streams_of_the_admin_port_are_counted() {
    let metrics = metrics();
    metrics.admin_request("/api/v1/sessions/{id}", 404);
    metrics.admin_request("/api/v1/sessions/{id}", 404);
    let requests = r#"admin_requests_total{route="/api/v1/sessions/{id}",status="404"}"#;
    assert_eq!(value(&metrics, requests), Some(2.0));
    metrics.stream_opened();
    metrics.stream_opened();
    metrics.stream_closed();
    assert_eq!(value(&metrics, "admin_streams"), Some(1.0));
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
fn blocks_of_a_tenant_that_has_none_any_more_are_zero() {
    let metrics = metrics();
    let blocked = |tenant: &str| {
        value(
            &metrics,
            &format!(r#"blocks{{state="blocked",tenant="{tenant}"}}"#),
        )
    };
    let count = BlockCount {
        tenant: TenantName::new("example"),
        blocked: 2,
        released: 1,
    };
    metrics.set_blocks(&[count]);
    assert_eq!(blocked("example"), Some(2.0));
    metrics.set_blocks(&[]);
    assert_eq!(blocked("example"), Some(0.0));
    assert_eq!(blocked("default"), Some(0.0));
}
