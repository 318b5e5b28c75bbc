//! Prometheus with the files that popgate comes with, before a gate.

use crate::contention::Site;
use crate::dashboard;
use crate::fire::{Gate, Setup, free_address, serve};
use crate::prometheus::{PATIENCE, Prometheus, Rule, Series, promtool_check_metrics};
use crate::promql::{families, filled_in, with_comparisons_as_values};
use crate::{Outcome, in_package, read};
use popgate::demo::server::{DemoOptions, DemoServer};
use popgate::time::{Duration, Instant};
use std::collections::BTreeSet;
use std::fs;

use tokio::runtime::Runtime;
use tokio::time::sleep;

/// What the manual has the operator change, and what differs in a test.
fn configuration(file: &str, changes: &[(&str, String)]) -> Outcome<String> {
    let installed = "/usr/share/popgate/prometheus/";
    let here = in_package("deploy/prometheus/");
    let usual = [(installed, here), ("10s", "1s".to_owned())];
    let mut text = read(&format!("deploy/prometheus/{file}"))?;
    for (from, to) in usual.iter().chain(changes) {
        if !text.contains(from) {
            return Err(format!("{file} has no {from}").into());
        }
        text = text.replace(from, to);
    }
    Ok(text)
}

pub(crate) fn every_query_has_data() -> Outcome<()> {
    Runtime::new()?.block_on(async {
        let site = Site::start().await?;
        let targets = [("127.0.0.1:9110", site.gate.admin.to_string())];
        let prometheus = Prometheus::start(&configuration("scrape.yml", &targets)?).await?;
        // What happened before a series was first scraped is no increase of it.
        site.log_in().await?;
        let begins = "popgate_lock_outcomes_total{tenant=\"shared\"}";
        prometheus
            .until("the tenant is seen", async |it| it.query(begins).await)
            .await?;
        let begun = Instant::now();
        site.suffer().await?;
        let mut wanted = queries_of_rules(&prometheus).await?;
        wanted.extend(queries_of_dashboard()?);
        println!("{} queries of rules and dashboard", wanted.len());
        all_have_data(&prometheus, wanted).await?;
        let scrape = site.gate.metrics().await;
        every_family_is_shown(&scrape)?;
        promtool_check_metrics(&scrape)?;
        let fires = "ALERTS{alertname=\"PopgateLoginsRefusedForLocks\", tenant=\"shared\", alertstate=\"firing\"}";
        prometheus
            .until("the alert fires", async |it| it.query(fires).await)
            .await?;
        let all = prometheus.query("ALERTS{alertstate=\"firing\"}").await?;
        let names: BTreeSet<&str> = all.iter().map(|alert| alert.labels["alertname"].as_str()).collect();
        println!("after {:?} these alerts fire: {names:?}", begun.elapsed());
        Ok(())
    })
}

async fn is_up(prometheus: &Prometheus) -> Outcome<Vec<Series>> {
    let up = async |it: &Prometheus| it.query("up{job=\"popgate\"} == 1").await;
    prometheus.until("the gate is scraped", up).await
}

/// A query that must have data.
struct Wanted {
    /// The rule or the panel that it belongs to.
    whose: String,
    promql: String,
    /// Labels that a series must have, because the legend shows them.
    labels: BTreeSet<String>,
}

/// An alert's comparisons are asked for as values: in the calm case they would leave nothing.
async fn queries_of_rules(prometheus: &Prometheus) -> Outcome<Vec<Wanted>> {
    let rules = prometheus.rules().await?;
    let (alerts, recorded): (Vec<&Rule>, Vec<&Rule>) = rules.iter().partition(|rule| rule.is_alert);
    if alerts.len() < 10 || recorded.len() < 5 {
        return Err(format!("too few rules were loaded: {rules:#?}").into());
    }
    let failed = rules.iter().find(|rule| rule.error.is_some());
    if let Some(rule) = failed {
        return Err(format!("a rule cannot be evaluated: {rule:?}").into());
    }
    let wanted = rules.iter().map(|rule| {
        Ok(Wanted {
            whose: rule.name.clone(),
            promql: with_comparisons_as_values(&rule.query)?,
            labels: BTreeSet::new(),
        })
    });
    wanted.collect()
}

/// The annotation's comparison is asked for as a value, too: popgate does not restart here.
fn queries_of_dashboard() -> Outcome<Vec<Wanted>> {
    let queries = dashboard::queries()?;
    let wanted = queries.into_iter().map(|query| {
        Ok(Wanted {
            whose: query.panel,
            promql: with_comparisons_as_values(&filled_in(&query.expr))?,
            labels: query.legend,
        })
    });
    wanted.collect()
}

/// Asks again and again for what has no data yet; names all that never has.
async fn all_have_data(prometheus: &Prometheus, mut wanted: Vec<Wanted>) -> Outcome<()> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        let mut missing = Vec::new();
        for query in wanted {
            if !has_data(prometheus, &query).await? {
                missing.push(query);
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        wanted = missing;
        sleep(Duration::from_millis(500)).await;
    }
    let without: Vec<String> = wanted
        .iter()
        .map(|query| format!("{}: {}", query.whose, query.promql))
        .collect();
    Err(format!(
        "{} queries have no data:\n{}",
        without.len(),
        without.join("\n")
    )
    .into())
}

async fn has_data(prometheus: &Prometheus, query: &Wanted) -> Outcome<bool> {
    let series = prometheus.query(&query.promql).await?;
    let lacks = |one: &Series| {
        query
            .labels
            .iter()
            .any(|label| !one.labels.contains_key(label))
    };
    if let Some(one) = series.iter().find(|one| lacks(one)) {
        let (whose, labels) = (&query.whose, &query.labels);
        return Err(format!("{whose}: its legend shows {labels:?}, and there is {one:?}").into());
    }
    Ok(series.iter().any(|one| one.value.is_finite()))
}

/// A metric that is nowhere to be seen is of no use to anybody.
fn every_family_is_shown(metrics: &str) -> Outcome<()> {
    let files = [
        "prometheus/rules.yml",
        "prometheus/alerts.yml",
        "grafana/popgate.json",
    ];
    let mut shown = BTreeSet::new();
    for file in files {
        shown.extend(families(&read(&format!("deploy/{file}"))?)?);
    }
    let there = metrics.lines().filter_map(|line| {
        let family = line.strip_prefix("# TYPE popgate_")?;
        family.split(' ').next().map(str::to_owned)
    });
    let unseen: Vec<String> = there.filter(|family| !shown.contains(family)).collect();
    match unseen.is_empty() {
        true => Ok(()),
        false => Err(format!("neither the dashboard nor a rule shows {unseen:?}").into()),
    }
}

pub(crate) fn over_tls_with_the_token() -> Outcome<()> {
    Runtime::new()?.block_on(async {
        let server = DemoServer::new(DemoOptions::default());
        let backend = free_address("127.0.0.1");
        serve(&server, backend).await;
        let gate = Gate::start(Setup {
            config: &format!("[[backend]]\nname = \"main\"\naddress = \"{backend}\"\n"),
            // Not loopback, as the gate sees it.
            admin_host: "0.0.0.0",
            admin: "token_file = \"admin.token\"\ncertificate = \"chain.pem\"\nkey = \"key.pem\"",
            ..Setup::default()
        })
        .await;
        let path = |name: &str| gate.folder.path().join(name).display().to_string();
        let changed = |token: &str| {
            configuration(
                "scrape-tls.yml",
                &[
                    (
                        "mail.example.net:9110",
                        format!("localhost:{}", gate.admin.port()),
                    ),
                    ("/etc/prometheus/popgate-ca.pem", path("chain.pem")),
                    ("/etc/prometheus/popgate.token", path(token)),
                ],
            )
        };
        is_up(&Prometheus::start(&changed("admin.token")?).await?).await?;
        fs::write(path("other.token"), "0123456789abcdef0123456789abcdef")?;
        let stranger = Prometheus::start(&changed("other.token")?).await?;
        let down = async |it: &Prometheus| it.query("up{job=\"popgate\"} == 0").await;
        stranger.until("another token is refused", down).await?;
        Ok(())
    })
}
