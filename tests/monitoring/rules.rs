//! The rules by themselves: what promtool says of them, and that each alert is tested and explained.

use crate::prometheus::promtool;
use crate::{Outcome, in_package, read};
use std::collections::BTreeSet;

const ALERTS: &str = "deploy/prometheus/alerts.yml";
const RULES: &str = "deploy/prometheus/rules.yml";
const TESTS: &str = "tests/monitoring/alerts.yml";
const MANUAL: &str = "deploy/manual/monitoring.md";

/// An alert of a name may be there once for each severity.
#[derive(Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Alert {
    name: String,
    severity: String,
    runbook: String,
}

/// The alerts of the file, which is written as promtool prints it: a key a line.
fn alerts() -> Outcome<Vec<Alert>> {
    let mut alerts: Vec<Alert> = Vec::new();
    for line in read(ALERTS)?.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("- alert: ") {
            alerts.push(Alert {
                name: name.to_owned(),
                ..Alert::default()
            });
            continue;
        }
        let Some(alert) = alerts.last_mut() else {
            continue;
        };
        if let Some(rest) = line.strip_prefix("labels: { severity: ") {
            rest.trim_end_matches(" }").clone_into(&mut alert.severity);
        } else if let Some(address) = line.strip_prefix("runbook_url: ") {
            address.clone_into(&mut alert.runbook);
        }
    }
    Ok(alerts)
}

pub(crate) fn promtool_accepts() -> Outcome<()> {
    // It finds names that are there twice, too.
    promtool(&[
        "check",
        "rules",
        "--lint=all",
        "--lint-fatal",
        &in_package(RULES),
    ])?;
    promtool(&[
        "check",
        "rules",
        "--lint=all",
        "--lint-fatal",
        &in_package(ALERTS),
    ])?;
    for file in ["scrape.yml", "scrape-tls.yml"] {
        let path = in_package(&format!("deploy/prometheus/{file}"));
        // Without the files that it names, which are where it is installed.
        promtool(&["check", "config", "--syntax-only", &path])?;
    }
    Ok(())
}

pub(crate) fn fire_as_they_should() -> Outcome<()> {
    promtool(&["test", "rules", &in_package(TESTS)])
}

pub(crate) fn are_explained_and_tested() -> Outcome<()> {
    let alerts = alerts()?;
    let tests = read(TESTS)?;
    let manual = read(MANUAL)?;
    let sections: BTreeSet<&str> = manual
        .lines()
        .filter_map(|line| line.strip_prefix("### Popgate").map(|_| &line[4..]))
        .collect();
    let named: BTreeSet<&str> = alerts.iter().map(|alert| alert.name.as_str()).collect();
    let differ: Vec<_> = sections.symmetric_difference(&named).collect();
    if !differ.is_empty() || alerts.len() < 10 {
        return Err(format!("{ALERTS} or {MANUAL} alone has {differ:?}").into());
    }
    for Alert {
        name,
        severity,
        runbook,
    } in &alerts
    {
        let fires = format!("alertname=\"{name}\", severity=\"{severity}\"");
        if !tests.contains(&fires) {
            return Err(format!("no test of {TESTS} makes {name} fire with {severity:?}").into());
        }
        if !runbook.ends_with(&format!("{MANUAL}#{}", name.to_lowercase())) {
            return Err(format!("{name} leads to {runbook:?}").into());
        }
    }
    Ok(())
}
