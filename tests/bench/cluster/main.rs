//! What it costs that several gates share their locks: hand-over, a clean stop, a short session,
//! and what the engine of the cluster carries.
//!
//! `cargo bench --bench cluster` measures and prints, with `-- handover` that part alone;
//! `cargo test --bench cluster` runs each part once and small, to see that it runs. The gates are
//! processes; the programs, the backend and what saturates the engine are in this one. Where there
//! is no `redis-server` nothing is measured, which is said aloud, and a failure where CI=true.

#![allow(
    clippy::unwrap_used,
    reason = "a benchmark that cannot run ends by panicking"
)]
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "another process does not run by paused time"
)]

#[path = "../gate/admin.rs"]
#[allow(dead_code, reason = "the benchmark of a gate needs more of it")]
mod admin;
#[path = "../gate/client.rs"]
mod client;
#[path = "../gate/cpu.rs"]
#[allow(dead_code, reason = "the benchmark of a gate needs more of it")]
mod cpu;
mod engine;
mod handover;
mod memory;
#[path = "../gate/process.rs"]
#[allow(dead_code, reason = "the benchmark of a gate needs more of it")]
mod process;
#[path = "../../cluster/redis.rs"]
#[allow(dead_code, reason = "the tests of the engine's client need more of it")]
mod redis;
mod sessions;
mod site;
mod stop;
mod syncs;

use std::time::Duration;

/// How much is measured.
struct Extent {
    handovers: usize,
    stops: usize,
    maildrops_at_stop: usize,
    /// Rounds of CPU, and sessions in each.
    rounds: usize,
    sessions_a_round: usize,
    pairs: usize,
    saturated: Duration,
    maildrops: usize,
}

const MEASURE: Extent = Extent {
    handovers: 3_000,
    stops: 5,
    maildrops_at_stop: 100,
    rounds: 3,
    sessions_a_round: 1_000,
    pairs: 2_000,
    saturated: Duration::from_secs(10),
    maildrops: 100_000,
};

const SMOKE: Extent = Extent {
    handovers: 30,
    stops: 1,
    maildrops_at_stop: 5,
    rounds: 1,
    sessions_a_round: 20,
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
    if !redis::is_installed() {
        return;
    }
    let is_asked = |part: &str| parts.is_empty() || parts.iter().any(|it| it == part);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        println!("{}", machine());
        if is_asked("handover") {
            handover::measure(&extent).await;
        }
        if is_asked("stop") {
            stop::measure(&extent).await;
        }
        if is_asked("sessions") {
            sessions::measure(&extent).await;
        }
        if is_asked("syncs") {
            syncs::measure(&extent).await;
        }
        if is_asked("memory") {
            memory::measure(&extent).await;
        }
        println!("{}", load());
    });
}

/// The `percent`th percentile of `samples`, which are in order.
fn percentile<T: Copy>(samples: &[T], percent: usize) -> T {
    samples[(samples.len() - 1) * percent / 100]
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
