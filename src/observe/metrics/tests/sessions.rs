//! Sessions, and what they transfer.

use super::*;
use crate::ids::UserName;
use crate::observe::event::EndCause;

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
