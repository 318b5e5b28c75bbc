//! Locks and waits.

use super::*;
use crate::lock::queue::WaitProgress;

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
fn a_hand_over_falls_between_the_buckets_it_belongs_to() {
    let metrics = metrics();
    let elapsed = Duration::from_micros(80);
    metrics.count(&Event::Lock(LockEvent::HandedOver { elapsed }));
    let bucket = |le: &str| format!(r#"lock_handover_seconds_bucket{{le="{le}"}}"#);
    assert_eq!(value(&metrics, &bucket("0.00005")), Some(0.0));
    assert_eq!(value(&metrics, &bucket("0.0001")), Some(1.0));
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
