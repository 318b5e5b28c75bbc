//! A gate that is killed before it has a session in the maildrop.

use crate::site::{LEASE, PATIENT, Site, freeze, log_in, proven};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

const ANN: &str = "ann@example.com";

/// For what happens soon.
const SOON: Duration = Duration::from_secs(10);

/// Before a call would be passed on, which is two seconds later.
const AT_ONCE: Duration = Duration::from_millis(1_500);

/// A session that waits at a gate, which the engine knows of.
async fn waits(site: &Site, gate: usize, place: usize) -> JoinHandle<std::io::Result<String>> {
    let to = site.gates[gate].ports.plain;
    let waiting = tokio::spawn(async move { log_in(to, ANN).await?.ok("QUIT".to_owned()).await });
    site.engine.has_maildrop(&format!("#it.slots == {place}"));
    waiting
}

/// One that is killed keeps the maildrop for its lease only if it had a session there.
#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_is_killed_when_it_is_called_keeps_the_maildrop_for_no_lease() {
    let Some(mut site) = Site::start(PATIENT).await else {
        return;
    };
    proven(&site, ANN).await;
    let mut holder = site.log_in(1, ANN).await.unwrap();
    let _gone = waits(&site, 0, 1).await;
    let called = site.engine.first_in_line();
    let next = waits(&site, 2, 2).await;
    freeze(&site.gates[0]);
    holder.ok("QUIT".to_owned()).await.unwrap();
    let is_called = format!("it.holder and it.holder.claimed and it.holder.gate == '{called}'");
    site.engine.has_maildrop(&is_called);
    drop(site.gates.remove(0));
    is_let_in(&site, "when it was called", next, LEASE / 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_is_killed_while_it_waits_is_not_called() {
    let Some(mut site) = Site::start(PATIENT).await else {
        return;
    };
    proven(&site, ANN).await;
    let mut holder = site.log_in(1, ANN).await.unwrap();
    let _gone = waits(&site, 0, 1).await;
    let killed = site.engine.first_in_line();
    let next = waits(&site, 2, 2).await;
    drop(site.gates.remove(0));
    site.engine.has_lost(&killed);
    holder.ok("QUIT".to_owned()).await.unwrap();
    is_let_in(&site, "while it waited", next, AT_ONCE).await;
}

async fn is_let_in(
    site: &Site,
    killed: &str,
    next: JoinHandle<std::io::Result<String>>,
    within: Duration,
) {
    let began = Instant::now();
    timeout(SOON, next).await.unwrap().unwrap().unwrap();
    let free = began.elapsed();
    println!("a gate killed {killed}: the next one's session is over after {free:?}");
    assert!(free < within, "{free:?}");
    assert_eq!(site.overlaps(), 0);
}
