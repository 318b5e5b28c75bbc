//! What popgate shows to the outside is known everywhere: each metric, route, command and setting
//! is listed from the program itself, and looked for in the manual, the dashboard, the rules, the
//! OpenAPI document, the man pages and the completions.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot read the project's own files ends by panicking"
)]

mod commands;
mod metrics;
mod routes;
mod settings;

use std::fs;
use std::path::{Path, PathBuf};

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(project(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A page of the manual.
fn manual(page: &str) -> String {
    read(&format!("deploy/manual/{page}"))
}

/// Whether `word` stands in `text` as a word of its own: `pause` is not in `paused`.
fn has_word(text: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let behind = text[at + word.len()..].chars().next();
        !before.is_some_and(is_part) && !behind.is_some_and(is_part)
    })
}

/// Fails where something is missing, and says all of it.
fn assert_none(missing: &[String]) {
    assert!(missing.is_empty(), "missing:\n  {}", missing.join("\n  "));
}

#[test]
fn a_word_is_found_only_whole() {
    assert!(has_word("`pause` a tenant", "pause"));
    assert!(has_word("pause", "pause"));
    for other in ["paused", "unpause", "pause_all", "a pauses b"] {
        assert!(!has_word(other, "pause"), "{other}");
    }
    assert!(has_word("paused and pause", "pause"));
}
