//! Simulation: whole gates, clients, a mail server and perhaps an engine in one process, over a
//! simulated network and on a simulated clock. A seed says who comes when and does what, how slow lines are, and what
//! breaks. Witnesses hold the gate to its promises while that happens, and at the end.
//!
//! Each seed is played in a process of its own, where nothing is random but what follows from it.
//!
//! - `POPGATE_SIM_SEEDS=n`: so many seeds, instead of what a normal test run plays;
//! - `POPGATE_SIM_FROM=n`: from this one on, instead of the first;
//! - `POPGATE_SIM_SEED=n`: this one alone, and all that happens is printed;
//! - `POPGATE_SIM_SHARING=n`: this one alone, where sessions are shared.

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
mod shared;
mod site;
mod trace;
mod witness;
mod world;

use libtest_mimic::{Arguments, Trial};
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use world::Outcome;

/// What takes some 40 s on two cores that are not optimised for.
const SEEDS: u64 = 2000;

/// Of those where sessions are shared.
const SHARED_SEEDS: u64 = 1000;

/// Seeds that are played twice.
const TWICE: u64 = 20;

/// What a seed is played as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scene {
    /// One gate or several.
    Gates,
    /// One gate, with `sharing` off and on.
    Sharing,
}

impl Scene {
    /// Tells a process to play a seed of it, and to print all that happens.
    pub(crate) fn aloud(self) -> &'static str {
        match self {
            Self::Gates => "POPGATE_SIM_SEED",
            Self::Sharing => "POPGATE_SIM_SHARING",
        }
    }

    /// Tells a process to play a seed of it.
    pub(crate) fn quietly(self) -> &'static str {
        match self {
            Self::Gates => "POPGATE_SIM_PLAY",
            Self::Sharing => "POPGATE_SIM_PLAY_SHARING",
        }
    }
}

fn main() -> ExitCode {
    for scene in [Scene::Gates, Scene::Sharing] {
        for (name, aloud) in [(scene.aloud(), true), (scene.quietly(), false)] {
            if let Some(seed) = setting(name) {
                return solo(scene, seed, aloud);
            }
        }
    }
    let from = setting("POPGATE_SIM_FROM").unwrap_or(1);
    let seeds = |normally| from..from + setting("POPGATE_SIM_SEEDS").unwrap_or(normally);
    let trials = vec![
        Trial::test("a_seed_replays_exactly", move || {
            crowd::twice(Scene::Gates, from..from + TWICE)?;
            crowd::twice(Scene::Sharing, from..from + TWICE)
        }),
        Trial::test("every_promise_holds", {
            let seeds = seeds(SEEDS);
            move || crowd::play(Scene::Gates, seeds).map(|_| ())
        }),
        Trial::test("sharing_loses_nothing", {
            let seeds = seeds(SHARED_SEEDS);
            move || crowd::share(seeds)
        }),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn setting(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(u64::from_str(&value).unwrap_or_else(|_| panic!("{name}={value} is no number")))
}

/// Plays one seed in this process.
fn solo(scene: Scene, seed: u64, aloud: bool) -> ExitCode {
    let outcomes = match scene {
        Scene::Gates => vec![in_a_world(seed, world::play(seed, aloud))],
        Scene::Sharing => [false, true]
            .map(|is_on| in_a_world(seed, shared::play(seed, is_on, aloud)))
            .into(),
    };
    let summaries: Vec<_> = outcomes.iter().map(Outcome::summary).collect();
    println!("{}", summaries.join(" "));
    let mut faults = outcomes.iter().flat_map(|it| &it.faults).peekable();
    let is_broken = faults.peek().is_some();
    faults.for_each(|fault| println!("{fault}"));
    ExitCode::from(u8::from(is_broken))
}

fn in_a_world(seed: u64, play: impl Future<Output = Outcome>) -> Outcome {
    entropy::seed(seed);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without I/O needs nothing");
    runtime.block_on(play)
}

/// A panic elsewhere is told there.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
