//! A gate that is frozen for longer than its lease, and then goes on.

use crate::report::SLOW;
use crate::site::{LEASE, PATIENT, Site, freeze, log_in, proven, signal};
use rustix::process::Signal;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// What has to happen soon.
const SOON: Duration = Duration::from_secs(10);

/// Longer than the lease.
const FROZEN: Duration = Duration::from_secs(20);

/// It holds one maildrop, is called to another one, and waits for a third.
#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_gate_begins_nothing_by_turns_from_before() {
    let Some(site) = Site::start(PATIENT).await else {
        return;
    };
    let [held, claimed, queued] = ["ann", "bob", "carl"].map(|name| format!("{name}@example.com"));
    for user in [&held, &claimed, &queued] {
        proven(&site, user).await;
    }
    let mut ann = site.log_in(0, &held).await.unwrap();
    let mut bob = site.log_in(1, &claimed).await.unwrap();
    let mut carl = site.log_in(1, &queued).await.unwrap();
    let to = site.gates[0].ports.plain;
    let waiting = [&claimed, &queued].map(|user| {
        let user = user.clone();
        tokio::spawn(async move { log_in(to, &user).await })
    });
    site.gates[0]
        .wait_for("popgate_lock_waiters", &[], 2.0, SOON)
        .await;

    freeze(&site.gates[0]);
    let frozen = Instant::now();
    // The turn goes to the gate that is frozen, which does not take it up.
    bob.ok("QUIT".to_owned()).await.unwrap();
    let mut next_bob = site.log_in(2, &claimed).await.unwrap();
    let unclaimed = frozen.elapsed();
    let mut next_ann = site.log_in(2, &held).await.unwrap();
    let free = frozen.elapsed();
    // A call is passed on after two seconds. Where its own question was on its way as it froze, the
    // answer gave it the turn, which is its own until its lease ends.
    assert!(unclaimed < LEASE + SLOW, "{unclaimed:?}");
    assert!(free < LEASE + SLOW, "{free:?}");
    sleep_until(frozen + FROZEN).await;
    signal(&site.gates[0], Signal::CONT);

    // By then it has heard what became of its turns.
    site.gates[0]
        .wait_for("popgate_cluster_overlaps_total", &[], 1.0, SOON)
        .await;
    site.gates[0]
        .wait_for("popgate_lock_waiters", &[], 2.0, SOON)
        .await;
    let most = |user: &str| site.backend.log().max_overlap(user);
    assert_eq!([&*held, &claimed, &queued].map(most), [2, 1, 1]);
    println!(
        "a gate frozen for {FROZEN:?}: its maildrop free after {free:?}, its call passed on after \
         {unclaimed:?}, overlaps {}, of which it counted 1",
        site.overlaps()
    );
    // What it had goes on, and what it waited for it gets.
    for program in [&mut ann, &mut next_ann, &mut next_bob, &mut carl] {
        program.ok("QUIT".to_owned()).await.unwrap();
    }
    for login in waiting {
        let mut program = timeout(SOON, login).await.unwrap().unwrap().unwrap();
        program.ok("QUIT".to_owned()).await.unwrap();
    }
    assert_eq!(site.overlaps(), 1);
}

/// It has its turn, and waits for the backend's greeting before it writes the password.
#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_was_frozen_before_it_wrote_the_password_does_not_write_it() {
    // Without the engine it may not serve by itself, either.
    let settings = format!("lease = \"6s\"\non_outage = \"refuse\"\n{PATIENT}");
    let Some(site) = Site::start(&settings).await else {
        return;
    };
    let user = "ann@example.com";
    proven(&site, user).await;
    site.door.close();
    let to = site.gates[0].ports.plain;
    let late = tokio::spawn(async move { log_in(to, user).await });
    site.gates[0]
        .wait_for("popgate_locks_held", &[], 1.0, SOON)
        .await;
    site.door.keeps_somebody().await;
    freeze(&site.gates[0]);
    site.door.open();
    let began = Instant::now();
    let mut next = site.log_in(1, user).await.unwrap();
    let free = began.elapsed();
    site.door.greet_all();
    // Nobody can tell it that the turn is not its own any more.
    site.engine.freeze();
    signal(&site.gates[0], Signal::CONT);
    sleep(Duration::from_millis(400)).await;
    assert_eq!(site.overlaps(), 0);
    site.engine.thaw();
    let lost = &["result=\"lost\""];
    site.gates[0]
        .wait_for("popgate_cluster_turns_total", lost, 1.0, SOON)
        .await;
    assert_eq!(site.overlaps(), 0);
    println!("a gate frozen before PASS: its maildrop free after {free:?}, overlaps 0");
    next.ok("QUIT".to_owned()).await.unwrap();
    let mut late = timeout(SOON, late).await.unwrap().unwrap().unwrap();
    late.ok("QUIT".to_owned()).await.unwrap();
    assert_eq!(site.overlaps(), 0);
}
