//! Each metric is explained, and used; and nothing is used that is not there.

use crate::{assert_none, manual, read};
use jiff::Timestamp;
use popgate::ids::{BackendName, ListenerName, TenantName};
use popgate::observe::event::{ClusterEvent, Event};
use popgate::observe::metrics::{JournalFigures, Metrics};
use regex::Regex;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;

const DASHBOARD: &str = "deploy/grafana/popgate.json";
const RULES: [&str; 2] = [
    "deploy/prometheus/rules.yml",
    "deploy/prometheus/alerts.yml",
];

/// Without the prefix.
fn families() -> BTreeSet<String> {
    let metrics = Metrics::new(
        &[TenantName::new("t")],
        &[ListenerName::new("l")],
        &[BackendName::new("b")],
        1,
    )
    .unwrap();
    // What has no series before something happens.
    metrics.admin_request("/", 200);
    metrics.set_certificates(&HashMap::from([(
        Path::new("c.pem"),
        Timestamp::UNIX_EPOCH,
    )]));
    metrics.set_journal(&JournalFigures {
        written: 0,
        waiting: 0,
        is_writable: true,
        size: 0,
        size_max: 0,
        oldest: Some(Timestamp::UNIX_EPOCH),
    });
    metrics.count(&Event::Cluster(ClusterEvent::EpochBegan { number: 1 }));
    let text = metrics.render().unwrap();
    text.lines()
        .filter_map(|line| line.strip_prefix("# TYPE popgate_")?.split(' ').next())
        .map(str::to_owned)
        .collect()
}

/// Names of metrics in `text`, without the prefix and what a histogram appends.
fn used(text: &str, families: &BTreeSet<String>) -> BTreeSet<String> {
    // Behind a colon it is the name of a recording rule.
    let name = Regex::new(r"(^|[^:\w])popgate_(\w+)").unwrap();
    let series = |name: &str| {
        let family = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|suffix| name.strip_suffix(suffix))
            .filter(|family| families.contains(*family));
        family.unwrap_or(name).to_owned()
    };
    name.captures_iter(text)
        .map(|found| series(&found[2]))
        .collect()
}

#[test]
fn the_manual_explains_each_metric() {
    let page = manual("monitoring.md");
    let missing: Vec<String> = families()
        .into_iter()
        .filter(|name| !page.contains(&format!("| `{name}` |")))
        .collect();
    assert_none(&missing);
}

#[test]
fn each_metric_is_in_the_dashboard_or_a_rule_and_no_other_is() {
    let families = families();
    let text: String = [DASHBOARD, RULES[0], RULES[1]].map(read).concat();
    let used = used(&text, &families);
    let unused = families.difference(&used);
    let unknown = used.difference(&families);
    let faults: Vec<String> = unused
        .map(|name| format!("{name}: in no panel and no rule"))
        .chain(unknown.map(|name| format!("{name}: used, and no metric")))
        .collect();
    assert_none(&faults);
}

#[test]
fn the_manual_explains_each_alert() {
    let alert = Regex::new(r"- alert: (\S+)").unwrap();
    let alerts = read(RULES[1]);
    let page = manual("monitoring.md");
    let missing: Vec<String> = alert
        .captures_iter(&alerts)
        .map(|found| format!("### {}\n", &found[1]))
        .filter(|heading| !page.contains(heading))
        .collect();
    assert_none(&missing);
}
