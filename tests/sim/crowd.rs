//! Many seeds: a process for each, as many at a time as there are processors.

use crate::witness::Counts;
use crate::{Scene, lock};
use libtest_mimic::Failed;
use std::io;
use std::ops::Range;
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

/// Where it has not ended by then it never will.
const STUCK_SECONDS: &str = "120";

/// Faults that are shown; the others are counted.
const SHOWN: usize = 5;

/// Plays each seed twice and compares what happened, line by line.
pub(crate) fn twice(scene: Scene, seeds: Range<u64>) -> Result<(), Failed> {
    for seed in seeds {
        let (first, second) = (digest(&run(scene, seed)?), digest(&run(scene, seed)?));
        if first != second {
            return Err(format!("seed {seed} was {first} and then {second}").into());
        }
    }
    Ok(())
}

/// Plays each seed; tells of the first ones that break a promise, and how to see them.
pub(crate) fn play(scene: Scene, seeds: Range<u64>) -> Result<Counts, Failed> {
    let (count, next) = (seeds.end - seeds.start, AtomicU64::new(seeds.start));
    let (broken, met) = (Mutex::new(Vec::new()), Mutex::new(Counts::default()));
    let start = std::time::SystemTime::now();
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let Some(seed) = take(&next, seeds.end) {
                    match run(scene, seed) {
                        Ok(output) => {
                            lock(&met).add(&output.stdout);
                            if !output.status.success() {
                                lock(&broken).push((seed, describe(scene, seed, &output)));
                            }
                        }
                        Err(error) => lock(&broken).push((seed, error.to_string())),
                    }
                }
            });
        }
    });
    let seconds = start.elapsed().unwrap_or(Duration::MAX).as_secs_f64();
    let an_hour = count as f64 / seconds * 3600.0;
    eprintln!(
        "{count} seeds in {seconds:.1} s, {an_hour:.0} an hour: {:?}",
        lock(&met)
    );
    let mut broken = broken.into_inner().unwrap_or_default();
    broken.sort();
    report(count, &broken)?;
    Ok(met.into_inner().unwrap_or_default())
}

fn take(next: &AtomicU64, end: u64) -> Option<u64> {
    let seed = next.fetch_add(1, Ordering::Relaxed);
    (seed < end).then_some(seed)
}

fn run(scene: Scene, seed: u64) -> io::Result<Output> {
    // The process that plays cannot look at real time: another ends it.
    Command::new("timeout")
        .arg(STUCK_SECONDS)
        .arg(std::env::current_exe()?)
        .env(scene.quietly(), seed.to_string())
        .stdin(Stdio::null())
        .output()
}

fn digest(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().next().unwrap_or_default().to_owned()
}

fn describe(scene: Scene, seed: u64, output: &Output) -> String {
    let (said, cried) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    let faults: Vec<_> = said.lines().skip(1).chain(cried.lines()).collect();
    format!(
        "seed {seed} ({}):\n  {}\n  see it: {}={seed} cargo test --test sim",
        output.status,
        faults.join("\n  "),
        scene.aloud()
    )
}

fn report(count: u64, broken: &[(u64, String)]) -> Result<(), Failed> {
    if broken.is_empty() {
        return Ok(());
    }
    let shown: Vec<_> = broken
        .iter()
        .take(SHOWN)
        .map(|(_, text)| text.as_str())
        .collect();
    Err(format!(
        "{} of {count} seeds broke a promise\n{}",
        broken.len(),
        shown.join("\n")
    )
    .into())
}

/// What must happen where sessions are shared, over so many seeds.
const SHARED: &[&str] = &[
    "on_let_in_fresh",
    "on_let_in_absorbed",
    "on_let_in_wait_spent",
    "on_demoted",
    "on_demoted_fetched",
    "on_promotion_promoted",
    "on_promotion_deleted",
    "on_promotion_listing_changed",
    "on_saved_logins",
];

/// What must not come oftener, of so many logins that are let in, because of sharing. Who is not
/// refused may be cut off later: both are one.
const NO_MORE: &[&[&str]] = &[
    &["prompt"],
    &["prompt", "cut"],
    &["duplicate"],
    &["destroyed"],
];

/// Fewer seeds say nothing of how often things happen.
const TELLING: u64 = 500;

/// Plays each seed with sharing and without.
pub(crate) fn share(seeds: Range<u64>) -> Result<(), Failed> {
    let is_telling = seeds.end - seeds.start >= TELLING;
    let met = play(Scene::Sharing, seeds)?;
    if !is_telling {
        return Ok(());
    }
    if let Some(never) = SHARED.iter().find(|what| met.of(what) == 0) {
        return Err(format!("{never} never happened").into());
    }
    for what in NO_MORE {
        let times = |mode: &str| -> u64 {
            let names = what.iter().map(|what| format!("{mode}_{what}"));
            names.map(|name| met.of(&name)).sum()
        };
        let off = (times("off"), met.of("off_in"));
        let on = (times("on"), met.of("on_in"));
        if on.0 * off.1 > off.0 * on.1 {
            let told = format!("{what:?}, of logins: {on:?} with sharing, {off:?} without");
            return Err(told.into());
        }
    }
    Ok(())
}
