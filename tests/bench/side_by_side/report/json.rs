//! All samples, for programs.

use super::{Surroundings, table};
use crate::figures::{Figures, Row};
use crate::peers::Kind;
use serde_json::{Map, Value, json};

pub(crate) fn json(figures: &Figures, surroundings: &Surroundings) -> serde_json::Result<String> {
    let versions = surroundings.versions.iter();
    let versions: Map<_, _> = versions
        .map(|(kind, version)| (kind.word().to_owned(), json!(version)))
        .collect();
    let failures = figures.failures.iter().map(
        |(part, kind, words)| json!({"part": part.word(), "peer": kind.word(), "words": words}),
    );
    let value = json!({
        "command": surroundings.command,
        "date": surroundings.date,
        "rounds": surroundings.rounds,
        "machine": {
            "processor": surroundings.processor,
            "cores": surroundings.cores,
            "kernel": surroundings.kernel,
        },
        "versions": versions,
        "figures": figures.measured().map(row).collect::<Vec<_>>(),
        "failures": failures.collect::<Vec<_>>(),
    });
    Ok(serde_json::to_string_pretty(&value)? + "\n")
}

fn row(row: &Row) -> Value {
    let peers: Map<_, _> = row
        .samples
        .keys()
        .map(|kind| (kind.word().to_owned(), peer(row, *kind)))
        .collect();
    let verdict = row.verdict();
    json!({
        "key": row.figure.key,
        "part": row.figure.part.word(),
        "title": row.figure.title,
        "unit": row.figure.unit,
        "more_is_better": row.figure.is_more_better,
        "peers": peers,
        "of_haproxy": row.ratio(Kind::Haproxy),
        "of_best": row.ratio_to_best(),
        "target": table::target(row),
        "value_of_target": verdict.map(|(value, _)| value),
        "is_met": verdict.map(|(_, is_met)| is_met),
    })
}

fn peer(row: &Row, kind: Kind) -> Value {
    let spread = row.spread(kind);
    let samples: Vec<_> = row
        .samples
        .get(&kind)
        .into_iter()
        .flat_map(|it| it.values())
        .collect();
    json!({
        "median": spread.map(|it| it.median),
        "low": spread.map(|it| it.low),
        "high": spread.map(|it| it.high),
        "samples": samples,
    })
}
