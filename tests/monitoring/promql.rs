//! Queries with what varies filled in.

use crate::Outcome;
use regex::Regex;
use std::collections::BTreeSet;

/// `query` with its comparisons as values: 0 or 1 for each series, where it would else drop those
/// that do not meet them. So it returns data wherever its operands do; what `unless` would leave
/// out, because the value behind it is there, is kept.
pub(crate) fn with_comparisons_as_values(query: &str) -> Outcome<String> {
    // Behind a quote or a brace an operator matches labels. Those of time series stand in blanks.
    let comparison = Regex::new(r" (==|!=|>=|<=|>|<) (bool )?")?;
    let values = comparison.replace_all(query, " $1 bool ");
    Ok(values.replace(" unless ", " or "))
}

/// `query` as Grafana fills it in where all gates and tenants are chosen.
pub(crate) fn filled_in(query: &str) -> String {
    query
        .replace("$__rate_interval", "1m")
        .replace("$instance", ".*")
        .replace("$tenant", ".*")
}

/// The families of popgate that `text` names, without their prefix.
pub(crate) fn families(text: &str) -> Outcome<BTreeSet<String>> {
    let name = Regex::new(r"\bpopgate_([a-z_]+)")?;
    let names = name.captures_iter(text).map(|found| {
        let name = &found[1];
        name.strip_suffix("_bucket").unwrap_or(name).to_owned()
    });
    Ok(names.collect())
}

pub(crate) fn comparisons_are_found() -> Outcome<()> {
    let cases = [
        ("up == 0", "up == bool 0"),
        (
            "a{b=\"c > d\"} > 1 and e < 2",
            "a{b=\"c > bool d\"} > bool 1 and e < bool 2",
        ),
        ("sum(a == bool 0)", "sum(a == bool 0)"),
        (
            "up == 0 unless on (i) p == 1",
            "up == bool 0 or on (i) p == bool 1",
        ),
        ("a{b!=\"c\"} - time() < 9", "a{b!=\"c\"} - time() < bool 9"),
    ];
    for (query, expected) in cases {
        let found = with_comparisons_as_values(query)?;
        if found != expected {
            return Err(format!("{query} became {found}").into());
        }
    }
    let found = families("rate(popgate_lock_wait_seconds_bucket[5m]) / popgate_blocks{a=\"b\"}")?;
    let expected = ["blocks", "lock_wait_seconds"].map(str::to_owned);
    match found == BTreeSet::from(expected) {
        true => Ok(()),
        false => Err(format!("found {found:?}").into()),
    }
}
