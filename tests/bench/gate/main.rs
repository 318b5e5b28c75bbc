//! What a gate costs: hand-over, CPU for a short session, memory of an idle one, being watched, the
//! journal, sessions on listings, and others beside it.
//!
//! `cargo bench --bench gate` measures and prints, with `-- journal` that part alone;
//! `cargo test --bench gate` runs each part once with few sessions, to see that it runs. Each figure
//! is beside the one that it is compared with, from the same run: machines differ, ratios less so.

#![allow(
    clippy::unwrap_used,
    reason = "a benchmark that cannot run ends by panicking"
)]

mod admin;
mod client;
mod cluster;
mod cpu;
mod handover;
mod journaled;
mod memory;
mod process;
mod sharing;
mod watched;

use std::time::Duration;

/// How much is measured.
struct Extent {
    handovers: usize,
    rounds: usize,
    sessions_a_round: usize,
    idle_sessions: usize,
    /// Of several gates.
    stops: usize,
    maildrops_at_stop: usize,
    pairs: usize,
    saturated: Duration,
    maildrops: usize,
}

const MEASURE: Extent = Extent {
    handovers: 4_000,
    rounds: 9,
    sessions_a_round: 1_000,
    idle_sessions: 5_000,
    stops: 5,
    maildrops_at_stop: 100,
    pairs: 2_000,
    saturated: Duration::from_secs(10),
    maildrops: 100_000,
};

const SMOKE: Extent = Extent {
    handovers: 40,
    rounds: 1,
    sessions_a_round: 20,
    idle_sessions: 50,
    stops: 1,
    maildrops_at_stop: 5,
    pairs: 10,
    saturated: Duration::from_millis(300),
    maildrops: 500,
};

fn main() {
    // Cargo says `--bench` when it measures; under `cargo test` it does not.
    let (options, parts): (Vec<_>, Vec<_>) = std::env::args()
        .skip(1)
        .partition(|argument| argument.starts_with('-'));
    let measure = options.iter().any(|option| option == "--bench");
    let extent = if measure { MEASURE } else { SMOKE };
    let is_asked = |part: &str| parts.is_empty() || parts.iter().any(|it| it == part);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        if is_asked("handover") {
            handover::measure(&extent).await;
        }
        if is_asked("cpu") {
            cpu::measure(&extent).await;
        }
        if is_asked("memory") {
            memory::measure(&extent).await;
        }
        if is_asked("watched") {
            watched::measure(&extent).await;
        }
        if is_asked("journal") {
            journaled::measure(&extent).await;
        }
        if is_asked("sharing") {
            sharing::measure(&extent).await;
        }
        if is_asked("cluster") {
            cluster::measure(&extent).await;
        }
    });
}

/// The `percent`th percentile of `samples`, which are in order.
fn percentile<T: Copy>(samples: &[T], percent: usize) -> T {
    samples[(samples.len() - 1) * percent / 100]
}
