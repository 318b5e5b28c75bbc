//! What made the worst pages: chains cut in two, tuples that pack what does not belong together,
//! one name for two types, citations of papers that are not here.

use super::{Fault, Source, assert_clean, has_word, indentation, sources};
use std::collections::HashMap;
use std::fs;
use std::path::Path;

/// Methods that give an iterator, or make one of another.
const ADAPTERS: &[&str] = &[
    "bytes",
    "chars",
    "chain",
    "cloned",
    "copied",
    "drain",
    "enumerate",
    "filter",
    "filter_map",
    "flat_map",
    "flatten",
    "into_iter",
    "into_values",
    "iter",
    "iter_mut",
    "keys",
    "lines",
    "map",
    "rev",
    "skip",
    "split_whitespace",
    "take",
    "take_while",
    "values",
    "values_mut",
    "zip",
];

/// Names that two types may have, with the reason.
const SHARED_NAMES: &[(&str, &str)] = &[];

/// Papers that somebody had beside the repository.
const ELSEWHERE: &[&str] = &["DESIGN", "../shared", "shared/research"];

/// A `let` from its first line to the one that ends it.
struct Let<'a> {
    first: usize,
    last: usize,
    pattern: &'a str,
    /// Its value, on one line.
    value: String,
}

/// The `let` that begins on line `index`, as rustfmt lays it out.
fn let_at(source: &Source, index: usize) -> Option<Let<'_>> {
    let line = &source.code[index];
    let declared = line.trim_start().strip_prefix("let ")?;
    let own = indentation(line);
    let ends = |at: &usize| {
        let line = source.code[*at].trim_end();
        line.ends_with(';') && (*at == index || indentation(line) <= own + 4)
    };
    let last = (index..source.code.len()).find(ends)?;
    let (pattern, first) = declared.split_once(" = ").or(declared.strip_suffix(" =").map(|pattern| (pattern, "")))?;
    let rest = source.code[index + 1..=last].iter().map(|line| line.trim());
    let value = std::iter::once(first.trim()).chain(rest).collect::<String>();
    Some(Let {
        first: index,
        last,
        pattern: pattern.trim_start_matches("mut "),
        value: value.trim_end_matches(';').to_owned(),
    })
}

/// All `let`s that ship.
fn lets(source: &Source) -> Vec<Let<'_>> {
    source
        .production()
        .filter_map(|(index, _)| let_at(source, index))
        .collect()
}
