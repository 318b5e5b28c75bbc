//! What goes wrong with a gate or with the engine, and what users notice of it.

use crate::load::Load;
use crate::report::Outcome;
use crate::site::{LEASE, Site, freeze, has_state, is_healthy, log_in, signal};
use rustix::process::Signal;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// For what takes some seconds.
const SOON: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_gates_maildrops_are_free_within_its_lease() {
    let Some(mut site) = Site::start("").await else {
        return;
    };
    let _holder = site.log_in(0, "ann").await.unwrap();
    drop(site.gates.remove(0));
    let began = Instant::now();
    let mut next = site.log_in(0, "ann").await.unwrap();
    let waited = began.elapsed();
    println!("free after {waited:?}");
    next.ok("QUIT".to_owned()).await.unwrap();
    assert!(waited < LEASE + Duration::from_secs(2), "{waited:?}");
}

/// Thawed behind its lease, it writes no password before it has a turn again.
#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_was_frozen_while_it_waited_does_not_meet_the_next() {
    let Some(site) = Site::start("").await else {
        return;
    };
    let mut holder = site.log_in(1, "ann").await.unwrap();
    let to = site.gates[0].ports.plain;
    let late = tokio::spawn(async move { log_in(to, "ann").await });
    site.gates[0]
        .wait_for("popgate_lock_waiters", &[], 1.0, SOON)
        .await;
    freeze(&site.gates[0]);
    holder.ok("QUIT".to_owned()).await.unwrap();
    let mut next = timeout(LEASE * 2, site.log_in(2, "ann"))
        .await
        .unwrap()
        .unwrap();
    sleep(Duration::from_secs(5)).await;
    signal(&site.gates[0], Signal::CONT);
    // It may wait, or its wait may be spent; it must not be in while `next` is.
    sleep(Duration::from_secs(1)).await;
    assert_eq!(site.overlaps(), 0);
    next.ok("QUIT".to_owned()).await.unwrap();
    let _ = late.await.unwrap();
    assert_eq!(site.overlaps(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_login_fails_while_the_engine_is_away() {
    let Some(mut site) = Site::start("").await else {
        return;
    };
    let until = Instant::now() + Duration::from_secs(14);
    let load = Load::apart(&site, 6, until);
    load.is_under_way().await;
    site.engine.kill();
    has_state(&site.gates[0], "degraded", Duration::from_secs(5)).await;
    sleep(Duration::from_secs(3)).await;
    site.engine.revive();
    for gate in &site.gates {
        is_healthy(gate).await;
    }
    let tally = load.end().await;
    let fault = "engine killed and started empty";
    println!("{}", Outcome::of(fault, &site, &tally).await);
    assert_eq!(tally.failed, Vec::<String>::new());
    assert!(
        tally.longest() < Duration::from_secs(4),
        "{:?}",
        tally.longest()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_engine_delays_logins_once_and_fails_none() {
    let Some(site) = Site::start("").await else {
        return;
    };
    let until = Instant::now() + Duration::from_secs(12);
    let load = Load::apart(&site, 6, until);
    load.is_under_way().await;
    site.engine.freeze();
    sleep(Duration::from_secs(4)).await;
    site.engine.thaw();
    for gate in &site.gates {
        is_healthy(gate).await;
    }
    let tally = load.end().await;
    println!(
        "{}",
        Outcome::of("engine frozen for 4 s", &site, &tally).await
    );
    assert_eq!(tally.failed, Vec::<String>::new());
    assert!(
        tally.longest() < Duration::from_secs(4),
        "{:?}",
        tally.longest()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn small_accidents_of_the_engine_are_not_noticed() {
    let Some(site) = Site::start("").await else {
        return;
    };
    let until = Instant::now() + Duration::from_secs(8);
    let load = Load::start(&site, 30, 10, until);
    for accident in [
        "SCRIPT FLUSH",
        "CLIENT KILL TYPE normal",
        "CLIENT KILL TYPE pubsub",
    ] {
        sleep(Duration::from_secs(2)).await;
        site.engine.say(accident);
    }
    let tally = load.end().await;
    let fault = "SCRIPT FLUSH, CLIENT KILL";
    println!("{}", Outcome::of(fault, &site, &tally).await);
    assert_eq!(tally.failed, Vec::<String>::new());
    assert_eq!(site.overlaps(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_refuse_a_waiter_and_a_newcomer_hear_at_once_that_the_engine_is_away() {
    let Some(mut site) = Site::start("on_outage = \"refuse\"").await else {
        return;
    };
    let _holder = site.log_in(0, "ann").await.unwrap();
    let to = site.gates[1].ports.plain;
    let waiter = tokio::spawn(async move { log_in(to, "ann").await });
    site.gates[1]
        .wait_for("popgate_lock_waiters", &[], 1.0, SOON)
        .await;
    site.engine.kill();
    let refused = timeout(SOON, waiter).await.unwrap();
    let error = refused.unwrap().err().unwrap().to_string();
    assert!(error.contains("[SYS/TEMP]"), "{error}");
    let error = log_in(to, "bob").await.err().unwrap().to_string();
    assert!(error.contains("[SYS/TEMP]"), "at the greeting: {error}");
}

/// Nobody can say whether another gate is in the mailbox, and nobody says that it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_wait_that_ends_before_the_engine_is_found_is_no_lock() {
    // Less `login_reserve`, a second: the gate looks for its engine for ten.
    let settings = "[[tenant]]\nname = \"t\"\ndomains = [\"example.com\"]\nwait = \"4s\"\n";
    let Some(mut site) = Site::start(settings).await else {
        return;
    };
    site.engine.kill();
    let gate = site.next().await;
    let refused = log_in(gate.ports.plain, "ann@example.com").await;
    let error = refused.err().unwrap().to_string();
    assert!(error.contains("[SYS/TEMP]"), "{error}");
    assert!(error.contains("cannot be locked just now"), "{error}");
    for (outcome, times) in [("engine_away", 1.0), ("timeout", 0.0)] {
        let label = format!("outcome=\"{outcome}\"");
        gate.wait_for("popgate_lock_outcomes_total", &[&label], times, SOON)
            .await;
    }
}
