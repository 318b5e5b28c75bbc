//! Several members over the model of the scripts, each with queues and sessions around it. A seed
//! says who logs in when, and what breaks: messages that are lost or late, gates that are frozen,
//! die and leave, lines that are cut, engines that forget, fail over and do not answer.
//!
//! Promised is (`judge`): one session in a maildrop, and one gate with a good turn, as long as
//! gates reach the engine within their leases; after a loss only gates that had no quiet to say
//! what they hold are beside others. While the engine is away each gate goes on by itself, but not
//! before the end of the lease of a holder that it knows. When nothing breaks any more everybody is
//! served at once and in turn, and nothing is left.

mod clock;
mod gate;
mod judge;
mod listings;
mod plan;
mod servers;
mod world;

use crate::conformance::number_of;
use popgate::time::Duration;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use world::World;

/// What takes some seconds.
const SEEDS: u64 = 2_000;
/// Lines of what happened before it broke.
const SHOWN: usize = 150;

/// What must have been met: histories in which nothing happens show nothing.
const MET: [&str; 27] = [
    "beside_forgotten",
    "beside_lapsed",
    "beside_local",
    "by_local",
    "cut",
    "deaf",
    "degraded",
    "dropped",
    "emptied",
    "engine_frozen",
    "engine_slow",
    "epochs",
    "failed_over",
    "frozen_claimed",
    "frozen_given",
    "frozen_inside",
    "frozen_waiting",
    "gave_up",
    "killed",
    "leaves",
    "listings",
    "local",
    "lost",
    "overlaps_told",
    "sessions",
    "storms",
    "two_turns_after_a_loss",
];

type Counts = BTreeMap<&'static str, u64>;
type Lines = Arc<Mutex<Vec<String>>>;

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What was met, or what broke.
fn play(seed: u64, lines: Option<Lines>) -> Result<Counts, String> {
    let judge = catch_unwind(AssertUnwindSafe(|| World::new(seed, lines).play()))
        .map_err(|_| "it panicked".to_owned())?;
    match judge.faults.is_empty() {
        true => Ok(judge.counts),
        false => Err(judge.faults.join("\n  ")),
    }
}

/// The same again; what broke, and what happened before that.
fn describe(seed: u64, shown: usize) -> String {
    let lines = Lines::default();
    let outcome = play(seed, Some(Arc::clone(&lines)));
    let lines = lines.lock().unwrap();
    let end = lines.iter().position(|line| line.contains("BROKEN"));
    let end = end.map_or(lines.len(), |end| end + 1);
    let text = lines[end.saturating_sub(shown)..end].join("\n");
    match outcome {
        Ok(_) => text,
        Err(why) => format!("{text}\n{why}"),
    }
}

#[test]
fn gates_keep_their_promises_whatever_breaks_around_them() {
    let only = number_of("POPGATE_MEMBERS_SEED", 0);
    if only > 0 {
        println!("{}", describe(only, usize::MAX));
        play(only, None).unwrap();
        return;
    }
    let count = number_of("POPGATE_MEMBERS_SEEDS", SEEDS);
    let (next, met) = (AtomicU64::new(1), Mutex::new(Counts::new()));
    let broken = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed > count {
                        return;
                    }
                    match play(seed, None) {
                        Ok(counts) => {
                            let mut met = met.lock().unwrap();
                            for (what, count) in counts {
                                *met.entry(what).or_default() += count;
                            }
                        }
                        Err(_) => broken.lock().unwrap().push(seed),
                    }
                }
            });
        }
    });
    let broken = broken.into_inner().unwrap();
    if let Some(seed) = broken.iter().min() {
        panic!(
            "{}\n{} of {count} seeds broke a promise. POPGATE_MEMBERS_SEED={seed} plays it again",
            describe(*seed, SHOWN),
            broken.len()
        );
    }
    let met = met.into_inner().unwrap();
    let missed: Vec<_> = MET.iter().filter(|it| !met.contains_key(*it)).collect();
    println!("{met:?}");
    assert!(count < SEEDS || missed.is_empty(), "{missed:?}");
}
