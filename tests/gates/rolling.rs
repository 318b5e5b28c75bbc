//! Gates that are stopped and started while the others serve.

use crate::load::Load;
use crate::site::{LEASE, Site, is_healthy, log_in, signal};
use rustix::process::Signal;
use std::time::Duration;
use tokio::time::{Instant, timeout};

#[tokio::test(flavor = "multi_thread")]
async fn a_clean_stop_gives_the_maildrop_to_another_gate_at_once() {
    let Some(mut site) = Site::start("").await else {
        return;
    };
    for gate in [0, 1] {
        let mut first = site.log_in(gate, "ann").await.unwrap();
        first.ok("QUIT".to_owned()).await.unwrap();
    }
    let _holder = site.log_in(0, "ann").await.unwrap();
    let to = site.gates[1].ports.plain;
    let waiting = tokio::spawn(async move { log_in(to, "ann").await.unwrap() });
    site.gates[1]
        .wait_for("popgate_lock_waiters", &[], 1.0, Duration::from_secs(10))
        .await;
    let stopped = site.gates.remove(0);
    signal(&stopped, Signal::TERM);
    // The second one closes at once; two signals at a time would be one.
    while !stopped.log_tail().contains("stopping") {
        tokio::task::yield_now().await;
    }
    signal(&stopped, Signal::TERM);
    let began = Instant::now();
    let mut next = timeout(Duration::from_secs(10), waiting)
        .await
        .unwrap()
        .unwrap();
    println!("handed over after {:?}", began.elapsed());
    // Its lease would have gone on for longer.
    assert!(began.elapsed() < LEASE / 2);
    next.ok("QUIT".to_owned()).await.unwrap();
    assert_eq!(site.overlaps(), 0);
}

/// As behind a balancer: a gate gets no new clients before it stops, and its place is taken by
/// another one.
#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_fails_no_login() {
    let Some(mut site) = Site::start("").await else {
        return;
    };
    for _ in 0..3 {
        let retired = site.gates.remove(0);
        let until = Instant::now() + Duration::from_secs(3);
        let load = Load::start(&site, 20, 10, until);
        signal(&retired, Signal::TERM);
        let fresh = site.next().await;
        is_healthy(&fresh).await;
        site.gates.push(fresh);
        let tally = load.end().await;
        assert_eq!(tally.failed, Vec::<String>::new());
        assert!(tally.done > 50, "{tally:?}");
    }
    assert_eq!(site.overlaps(), 0);
}
