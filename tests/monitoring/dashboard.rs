//! The dashboard, as far as it can be judged without Grafana: its shape, and its queries.

use crate::{Outcome, read};
use regex::Regex;
use serde_json::Value;
use std::collections::BTreeSet;

const DASHBOARD: &str = "deploy/grafana/popgate.json";

/// Panels that Grafana draws without a plugin, of those that are used.
const PANELS: [&str; 4] = ["stat", "state-timeline", "table", "timeseries"];

/// Columns of Grafana's grid.
const COLUMNS: u64 = 24;

/// Names that Grafana itself fills in.
const BUILT_IN: [&str; 1] = ["__rate_interval"];

/// A query, and the labels that its legend shows.
#[derive(Debug)]
pub(crate) struct Query {
    /// The title of its panel.
    pub(crate) panel: String,
    pub(crate) expr: String,
    pub(crate) legend: BTreeSet<String>,
}

fn dashboard() -> Outcome<Value> {
    Ok(serde_json::from_str(&read(DASHBOARD)?)?)
}

/// All of its queries, that of the annotation too.
pub(crate) fn queries() -> Outcome<Vec<Query>> {
    let dashboard = dashboard()?;
    let mut queries = Vec::new();
    for panel in list(&dashboard["panels"]) {
        for target in list(&panel["targets"]) {
            queries.push(query(text(&panel["title"]), target)?);
        }
    }
    for annotation in list(&dashboard["annotations"]["list"]) {
        queries.push(query(text(&annotation["name"]), annotation)?);
    }
    Ok(queries)
}

fn query(panel: &str, target: &Value) -> Outcome<Query> {
    let label = Regex::new(r"\{\{(\w+)\}\}")?;
    let legend = label.captures_iter(text(&target["legendFormat"]));
    Ok(Query {
        panel: panel.to_owned(),
        expr: text(&target["expr"]).to_owned(),
        legend: legend.map(|found| found[1].to_owned()).collect(),
    })
}

pub(crate) fn is_well_formed() -> Outcome<()> {
    let dashboard = dashboard()?;
    let panels = list(&dashboard["panels"]);
    let mut faults = Vec::new();
    if dashboard["schemaVersion"].as_u64() < Some(39) || panels.len() < 20 {
        faults.push("the schema is old, or there are few panels".to_owned());
    }
    for panel in panels {
        let title = text(&panel["title"]);
        faults.extend(faults_of_panel(panel).map(|fault| format!("{title:?}: {fault}")));
    }
    faults.extend(twice(
        panels.iter().map(|panel| panel["id"].to_string()),
        "id",
    ));
    faults.extend(twice(
        panels.iter().map(|panel| text(&panel["title"]).to_owned()),
        "title",
    ));
    faults.extend(faults_of_grid(panels));
    faults.extend(unknown_variables(&dashboard)?);
    match faults.is_empty() {
        true => Ok(()),
        false => Err(faults.join("\n").into()),
    }
}

fn faults_of_panel(panel: &Value) -> impl Iterator<Item = String> {
    let mut faults = Vec::new();
    let kind = text(&panel["type"]);
    let targets = list(&panel["targets"]);
    let has_queries = PANELS.contains(&kind);
    if !has_queries && !["row", "text"].contains(&kind) {
        faults.push(format!("no such panel: {kind}"));
    }
    if has_queries == targets.is_empty() {
        faults.push("queries are missing, or too many".to_owned());
    }
    if has_queries && panel["datasource"] != source() {
        faults.push("its datasource is not the variable".to_owned());
    }
    if targets
        .iter()
        .any(|target| text(&target["expr"]).is_empty())
    {
        faults.push("a query is empty".to_owned());
    }
    // More than one series without a legend show as their whole names.
    let is_bare = |target: &Value| text(&target["legendFormat"]).is_empty();
    if kind == "timeseries" && targets.iter().any(is_bare) {
        faults.push("a query has no legend".to_owned());
    }
    let references = targets
        .iter()
        .map(|target| text(&target["refId"]).to_owned());
    faults.extend(twice(references, "refId"));
    faults.into_iter()
}

fn source() -> Value {
    serde_json::json!({ "type": "prometheus", "uid": "${datasource}" })
}

/// Every cell down to the last one belongs to one panel.
fn faults_of_grid(panels: &[Value]) -> Vec<String> {
    let mut cells = BTreeSet::new();
    let mut bottom = 0;
    let mut faults = Vec::new();
    for panel in panels {
        let of = |key: &str| panel["gridPos"][key].as_u64().unwrap_or(0);
        let columns = of("x")..of("x") + of("w");
        let rows = of("y")..of("y") + of("h");
        bottom = bottom.max(rows.end);
        let own = rows.flat_map(|row| columns.clone().map(move |column| (row, column)));
        let taken = own.filter(|cell| !cells.insert(*cell)).count();
        if taken > 0 || columns.end > COLUMNS {
            faults.push(format!("{} overlaps or sticks out", panel["title"]));
        }
    }
    if cells.len() as u64 != bottom * COLUMNS {
        faults.push("there are holes between the panels".to_owned());
    }
    faults
}

/// Variables that are used and not declared, or the reverse.
fn unknown_variables(dashboard: &Value) -> Outcome<Vec<String>> {
    let declared = list(&dashboard["templating"]["list"]);
    let declared: BTreeSet<String> = declared
        .iter()
        .map(|variable| text(&variable["name"]).to_owned())
        .collect();
    let variable = Regex::new(r"\$\{?(\w+)")?;
    // What "all" is called does not stand for anything else.
    let written = read(DASHBOARD)?.replace("$__all", "");
    let used: BTreeSet<String> = variable
        .captures_iter(&written)
        .map(|found| found[1].to_owned())
        .filter(|name| !BUILT_IN.contains(&name.as_str()))
        .collect();
    let differ = declared.symmetric_difference(&used);
    Ok(differ
        .map(|name| format!("${name} is not declared, or not used"))
        .collect())
}

fn twice(values: impl Iterator<Item = String>, what: &str) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let again = values.filter(|value| !seen.insert(value.clone()));
    again
        .map(|value| format!("the {what} {value} is there twice"))
        .collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
