//! The journal, the certificates and the admin port.

use super::*;
use jiff::Timestamp;
use std::path::Path;

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
