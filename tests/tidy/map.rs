//! `src/ARCHITECTURE.md` is true where a test can tell: the files that it names exist, and each
//! numbered invariant names tests that exist. And the one invariant that nothing else enforces: no
//! globals.

use super::{Fault, Source, assert_clean, indentation, sources};
use std::collections::HashSet;
use std::fs;
use std::path::Path;

/// What enforces an invariant without being a test of this repository.
const TOOLS: &[&str] = &["await_holding_lock", "await_holding_invalid_type"];

fn map() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(root.join("src/ARCHITECTURE.md")).expect("readable")
}

/// The number and the last column of each row of the table of invariants.
fn invariants(map: &str) -> Vec<(usize, &str)> {
    map.lines()
        .filter_map(|line| {
            let (number, rest) = line.strip_prefix("| I")?.split_once(' ')?;
            let enforced_by = rest.trim_end_matches([' ', '|']).rsplit('|').next()?;
            Some((number.parse().ok()?, enforced_by))
        })
        .collect()
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Paths in backticks, from the root or from `src`, that are not there.
fn dead_paths(map: &str, exists: impl Fn(&str) -> bool) -> Vec<&str> {
    quoted(map)
        .filter(|text| text.contains('/') && !text.contains([' ', ':']))
        .filter(|text| !text.starts_with('/'))
        .filter(|path| !exists(path) && !exists(&format!("src/{path}")))
        .collect()
}

/// The names of all functions, tests among them.
fn functions(sources: &[Source]) -> HashSet<&str> {
    sources
        .iter()
        .flat_map(|source| &source.code)
        .filter_map(|line| line.split("fn ").nth(1)?.split('(').next())
        .collect()
}

/// An item that lives as long as the process.
fn globals(source: &Source) -> Vec<Fault> {
    source
        .production()
        .filter(|(_, line)| {
            let words = line.split_whitespace();
            let mut item = words.skip_while(|word| word.starts_with("pub"));
            item.next() == Some("static") || line.contains("thread_local!")
        })
        .filter(|(_, line)| indentation(line) < 12)
        .map(|(index, _)| source.fault(index, "no globals: hand it down in `gate::Context`"))
        .collect()
}

#[test]
fn no_globals() {
    assert_clean(&sources("src"), globals);
}

#[test]
fn the_map_names_files_that_exist() {
    let map = map();
    // Samples hold paths, too, but no backticks.
    let prose: String = map.split("```").step_by(2).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let dead = dead_paths(&prose, |path| root.join(path).exists());
    assert!(dead.is_empty(), "not there: {dead:?}");
}

#[test]
fn each_invariant_names_tests_that_exist() {
    let map = map();
    let sources = [sources("src"), sources("tests")].concat();
    let functions = functions(&sources);
    let rows = invariants(&map);
    for (index, (number, enforced_by)) in rows.iter().enumerate() {
        assert_eq!(*number, index + 1, "invariants are numbered in order");
        let missing: Vec<_> = quoted(enforced_by)
            .filter(|name| !functions.contains(name) && !TOOLS.contains(name))
            .collect();
        assert!(missing.is_empty(), "I{number}: no test {missing:?}");
        assert!(
            quoted(enforced_by).next().is_some() || enforced_by.contains("compiler"),
            "I{number}: nothing enforces it"
        );
    }
    assert!(rows.len() > 20, "the table was not found");
}

/// The checks themselves, on snippets.
mod checks {
    use super::*;

    #[test]
    fn a_global_is_found_and_a_lifetime_is_none() {
        let found = globals(&Source::new(
            "src/x.rs",
            "pub static N: u8 = 1;\nconst M: &'static str = \"\";\nthread_local! {}\n",
        ));
        let lines: Vec<_> = found.iter().map(|fault| fault.line).collect();
        assert_eq!(lines, [1, 3]);
    }

    #[test]
    fn a_row_and_a_dead_path_are_found() {
        let map = "| I1 | what holds | `a_test`, `b` |\n`src/lib.rs` and `gone/x.rs`";
        assert_eq!(invariants(map), [(1, " `a_test`, `b`")]);
        assert_eq!(dead_paths(map, |path| path == "src/lib.rs"), ["gone/x.rs"]);
    }
}
