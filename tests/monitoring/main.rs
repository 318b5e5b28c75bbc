//! The files for Prometheus and Grafana, against a real Prometheus that scrapes a real popgate with
//! contention: every query of the dashboard and of the rules must return data, and an alert must
//! fire.
//!
//! Prometheus comes from Debian 12. `POPGATE_SERVERS` says what happens where it is missing: `skip`
//! skips the trials that need it, `require` fails; without it they are skipped, and fail where
//! `CI=true`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod backend;
mod contention;
mod dashboard;
#[path = "../fire/engine.rs"]
#[expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "another process does not run by paused time"
)]
mod engine;
#[path = "../fire/mod.rs"]
#[expect(
    dead_code,
    unused_imports,
    reason = "other tests look closer at a gate"
)]
mod fire;
mod prometheus;
mod promql;
mod rules;
mod scraping;

use libtest_mimic::{Arguments, Trial};
use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

/// What every fallible step of a trial returns.
type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

type Scenario = fn() -> Outcome<()>;

const ALONE: &[(&str, Scenario)] = &[
    (
        "the dashboard is laid out as Grafana wants it",
        dashboard::is_well_formed,
    ),
    (
        "each alert has its section of the manual, and a test for each severity",
        rules::are_explained_and_tested,
    ),
    (
        "comparisons are found in queries and nothing else is",
        promql::comparisons_are_found,
    ),
];

const WITH_PROMETHEUS: &[(&str, Scenario)] = &[
    (
        "promtool accepts the configurations, the rules and the alerts",
        rules::promtool_accepts,
    ),
    (
        "each alert fires at its fault, and at nothing that comes near it",
        rules::fire_as_they_should,
    ),
    (
        "behind contention every query has data, and an alert fires",
        scraping::every_query_has_data,
    ),
    (
        "a gate on another host is scraped over TLS, with the token alone",
        scraping::over_tls_with_the_token,
    ),
];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let wish = std::env::var("POPGATE_SERVERS").unwrap_or_default();
    let is_ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
    let obstacle = match wish.as_str() {
        "skip" => Some("POPGATE_SERVERS=skip".to_owned()),
        "require" | "" => prometheus::obstacle(),
        other => {
            eprintln!("POPGATE_SERVERS is skip or require, not {other:?}");
            return ExitCode::FAILURE;
        }
    };
    match &obstacle {
        Some(why) if wish == "require" || is_ci => {
            eprintln!("Prometheus is required, but cannot run here: {why}");
            return ExitCode::FAILURE;
        }
        Some(why) => eprintln!("SKIPPED, all trials with Prometheus: {why}"),
        None => {}
    }
    let mut trials: Vec<Trial> = ALONE.iter().map(trial).collect();
    let with_prometheus = WITH_PROMETHEUS.iter().map(trial);
    trials.extend(with_prometheus.map(|trial| trial.with_ignored_flag(obstacle.is_some())));
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn trial((name, scenario): &(&str, Scenario)) -> Trial {
    let scenario = *scenario;
    Trial::test(*name, move || Ok(scenario()?))
}

fn in_package(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join(path).display().to_string()
}

fn read(path: &str) -> Outcome<String> {
    std::fs::read_to_string(in_package(path)).map_err(|error| format!("{path}: {error}").into())
}
