//! Clocks on the wall that are set: a gate's, and the engine's.

use crate::clocks;
use crate::load::Load;
use crate::report::{Outcome, overlaps_are};
use crate::site::{Place, Site, freeze, log_in, proven, signal};
use rustix::process::Signal;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// For what happens soon.
const SOON: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_whose_clock_is_an_hour_off_takes_part_as_any_other() {
    if !clocks::are_installed() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let [first, second] = ["first", "second"].map(|name| folder.path().join(name));
    std::fs::write(&first, "+3600s").unwrap();
    std::fs::write(&second, "+0s").unwrap();
    let places = [
        Place::with_clock(&first),
        Place::with_clock(&second),
        Place::default(),
    ];
    let Some(site) = Site::start_at(places, "").await else {
        return;
    };
    // The first epoch gives nothing away for two seconds.
    let mut program = site.log_in(0, "ann").await.unwrap();
    program.ok("QUIT".to_owned()).await.unwrap();
    let load = Load::start(&site, 30, 10, Instant::now() + Duration::from_secs(6));
    sleep(Duration::from_secs(3)).await;
    // One is set while it runs.
    std::fs::write(folder.path().join("fresh"), "-3600s").unwrap();
    std::fs::rename(folder.path().join("fresh"), &second).unwrap();
    let tally = load.end().await;
    println!(
        "{}",
        Outcome::of("gates' clocks an hour off", &site, &tally).await
    );
    assert_eq!(tally.failed, Vec::<String>::new());
    overlaps_are(&site, 0, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_whose_clock_is_set_goes_on() {
    if !clocks::are_installed() {
        return;
    }
    let Some(site) = Site::start_before_clock("").await else {
        return;
    };
    let mut program = site.log_in(0, "ann").await.unwrap();
    program.ok("QUIT".to_owned()).await.unwrap();
    let load = Load::start(&site, 30, 10, Instant::now() + Duration::from_secs(12));
    for offset in ["+3600s", "+0s", "-3600s"] {
        sleep(Duration::from_secs(3)).await;
        site.engine.set_clock(offset);
    }
    let tally = load.end().await;
    println!(
        "{}",
        Outcome::of("the engine's clock set", &site, &tally).await
    );
    assert_eq!(tally.failed, Vec::<String>::new());
    overlaps_are(&site, 0, 0).await;
}

/// All leases end at once, and none of that is held against a gate that lives.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_set_forward_takes_nothing_from_a_holder() {
    if !clocks::are_installed() {
        return;
    }
    let Some(site) = Site::start_before_clock("").await else {
        return;
    };
    proven(&site, "ann").await;
    let mut ann = site.log_in(0, "ann").await.unwrap();
    // The holder's gate is heard last.
    freeze(&site.gates[0]);
    let right = site.engine.seconds();
    site.engine.set_clock("+3600s");
    while site.engine.seconds() < right + 3_000 {
        sleep(Duration::from_millis(10)).await;
    }
    let to = site.gates[1].ports.plain;
    let next = tokio::spawn(async move { log_in(to, "ann").await });
    site.gates[1]
        .wait_for("popgate_lock_waiters", &[], 1.0, SOON)
        .await;
    signal(&site.gates[0], Signal::CONT);
    // Longer than a new epoch keeps everybody waiting.
    sleep(Duration::from_secs(4)).await;
    assert!(!next.is_finished(), "the holder said that it holds");
    ann.ok("QUIT".to_owned()).await.unwrap();
    let mut next = timeout(SOON, next).await.unwrap().unwrap().unwrap();
    next.ok("QUIT".to_owned()).await.unwrap();
    overlaps_are(&site, 0, 0).await;
}
