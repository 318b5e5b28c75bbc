//! Series of backends, and what they reply.

use super::*;
use crate::dialect::Class;
use crate::pop3::reply::ReplyTo;

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
