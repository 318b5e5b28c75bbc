//! The files of `deploy/container` and `deploy/kubernetes`: against the schemas of what reads them,
//! against each other and the program, and three gates behind HAProxy as the Compose file has them.
//!
//! The schemas and hadolint come with `tests/wheels.txt`, HAProxy and the engine from Debian. Where
//! one is missing its tests are skipped aloud, and fail where CI=true.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "another process does not run by paused time"
)]

mod agreement;
#[path = "../fire/engine.rs"]
mod engine;
#[path = "../fire/mod.rs"]
#[expect(
    dead_code,
    unused_imports,
    reason = "other tests look closer at a gate"
)]
mod fire;
mod image;
mod schema;
mod site;
mod yaml;

use std::path::{Path, PathBuf};

const COMPOSE: &str = "deploy/container/compose.yml";
/// What popgate is told there.
const SETTINGS: &str = "deploy/container/popgate.toml";
const DOCKERFILE: &str = "deploy/container/Dockerfile";
const KUBERNETES: &str = "deploy/kubernetes/popgate.yml";

/// A file of this repository.
fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// Says aloud that something is missing, which is a failure where CI=true.
fn skip(what: &str) {
    let why = format!("SKIPPED: {what}: tests/run packages");
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{why}");
    println!("{why}");
}

/// Where the packages of `tests/wheels.txt` are.
fn wheels() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wheels");
    if folder.join("complete").exists() {
        return Some(folder);
    }
    skip("no packages of tests/wheels.txt");
    None
}
