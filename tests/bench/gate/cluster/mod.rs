//! What it costs that several gates share their locks: hand-over, a clean stop, a short session,
//! and what the engine of the cluster carries.
//!
//! The gates are processes; the programs, the backend and what saturates the engine are in this
//! one. Where there is no `redis-server` nothing is measured, which is said aloud, and a failure
//! where CI=true.

mod engine;
mod handover;
#[path = "../../../cluster/link.rs"]
mod link;
mod memory;
#[path = "../../../fire/engine.rs"]
#[expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "another process does not run by paused time"
)]
mod process;
mod sessions;
mod site;
mod stop;
mod syncs;

use crate::{Extent, percentile};
use std::time::Duration;

pub(crate) async fn measure(extent: &Extent) {
    if !process::is_installed() {
        return;
    }
    println!("{}", machine());
    handover::measure(extent).await;
    stop::measure(extent).await;
    sessions::measure(extent).await;
    syncs::measure(extent).await;
    memory::measure(extent).await;
    println!("{}", load());
}

/// One line of p50 and p99.
fn print_quantiles(what: &str, samples: &mut [Duration]) {
    samples.sort_unstable();
    let (p50, p99) = (percentile(samples, 50), percentile(samples, 99));
    let count = samples.len();
    println!("  {what:<44} p50 {p50:>10.1?}   p99 {p99:>10.1?}   of {count}");
}

fn machine() -> String {
    let processors = std::thread::available_parallelism().map_or(0, usize::from);
    let known = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = known
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("unknown", |rest| rest.trim_start_matches([' ', '\t', ':']));
    format!("{processors} processors, {model}; {}", load())
}

fn load() -> String {
    let average = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!("load average {}", average.trim_end())
}
