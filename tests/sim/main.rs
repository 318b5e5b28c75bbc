//! Simulation: whole gates, clients, a mail server and perhaps an engine in one process, over a
//! simulated network and on a simulated clock. A seed says who comes when and does what, how slow lines are, and what
//! breaks. Witnesses hold the gate to its promises while that happens, and at the end.
//!
//! Each seed is played in a process of its own, where nothing is random but what follows from it.
//!
//! - `POPGATE_SIM_SEEDS=n`: so many seeds, instead of what a normal test run plays;
//! - `POPGATE_SIM_FROM=n`: from this one on, instead of the first;
//! - `POPGATE_SIM_SEED=n`: this one alone, and all that happens is printed.

#![allow(clippy::unwrap_used, reason = "a simulation fails by panicking")]

mod client;
mod crowd;
mod engine;
mod entropy;
mod maildrop;
#[path = "../cluster/model/mod.rs"]
#[expect(dead_code, reason = "the tests of the scripts need more of it")]
mod model;
mod net;
mod plan;
mod site;
mod trace;
mod witness;
mod world;

use libtest_mimic::{Arguments, Trial};
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What takes some 40 s on two cores that are not optimised for.
const SEEDS: u64 = 2000;

/// Seeds that are played twice.
const TWICE: u64 = 20;

fn main() -> ExitCode {
    if let Some(seed) = setting("POPGATE_SIM_SEED") {
        return solo(seed, true);
    }
    if let Some(seed) = setting(crowd::PLAY) {
        return solo(seed, false);
    }
    let from = setting("POPGATE_SIM_FROM").unwrap_or(1);
    let count = setting("POPGATE_SIM_SEEDS").unwrap_or(SEEDS);
    let trials = vec![
        Trial::test("a_seed_replays_exactly", move || {
            crowd::twice(from..from + TWICE)
        }),
        Trial::test("every_promise_holds", move || {
            crowd::play(from..from + count)
        }),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn setting(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(u64::from_str(&value).unwrap_or_else(|_| panic!("{name}={value} is no number")))
}

/// Plays one seed in this process.
fn solo(seed: u64, aloud: bool) -> ExitCode {
    entropy::seed(seed);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without I/O needs nothing");
    let outcome = runtime.block_on(world::play(seed, aloud));
    println!("{}", outcome.summary());
    for fault in &outcome.faults {
        println!("{fault}");
    }
    ExitCode::from(u8::from(!outcome.faults.is_empty()))
}

/// A panic elsewhere is told there.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
