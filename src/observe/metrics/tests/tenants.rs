//! Series of tenants.

use super::*;
use crate::policy::block::BlockCount;

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
