//! Gates that are stopped and started while the others serve.

use crate::load::Load;
use crate::report::{Outcome, overlaps_are};
use crate::site::{LEASE, PATIENT, Site, has_ended, is_healthy, log_in, proven, signal};
use rustix::process::Signal;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

const ANN: &str = "ann@example.com";

/// For what happens soon.
const SOON: Duration = Duration::from_secs(10);

/// By then a gate that is started takes part. It does after a second: the rest is for a machine that
/// is busy with other tests, where a process alone may take some seconds to start.
const STARTED: Duration = Duration::from_secs(20);

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
    let until = Instant::now() + SOON;
    while !stopped.log_tail().contains("stopping") {
        assert!(Instant::now() < until, "{}", stopped.log_tail());
        sleep(Duration::from_millis(20)).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_fails_no_login() {
    let Some(mut site) = Site::start(PATIENT).await else {
        return;
    };
    for _ in 0..3 {
        restart_the_first(&mut site).await;
    }
}

/// Until all gates are restarted they name maildrops in different ways.
#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_that_adds_an_alias_and_a_domain_ejects_nobody() {
    let Some(mut site) = Site::start(PATIENT).await else {
        return;
    };
    site.defaults =
        "aliases = [\"at-signs\", { match = 'postmaster', to = \"root\" }]\n".to_owned();
    site.settings
        .push_str("[[tenant]]\nname = \"new\"\ndomains = [\"new.example\"]\n");
    for _ in 0..3 {
        restart_the_first(&mut site).await;
        let mut fresh = site.log_in(2, "ann@new.example").await.unwrap();
        fresh.ok("QUIT".to_owned()).await.unwrap();
    }
}

/// The first gate is told to stop under load, while somebody is in a maildrop there and others wait
/// for it, there and at another gate; and another one is started in its place. Programs that are
/// closed before they gave a password, or that gave it too late, go to another gate.
async fn restart_the_first(site: &mut Site) {
    proven(site, ANN).await;
    let mut holder = site.log_in(0, ANN).await.unwrap();
    let mut elsewhere = site.log_in(1, "bob@example.com").await.unwrap();
    let waiting = [0, 1].map(|gate| tokio::spawn(visit(site.gates[gate].ports.plain)));
    for gate in [0, 1] {
        site.gates[gate]
            .wait_for("popgate_lock_waiters", &[], 1.0, SOON)
            .await;
    }
    let load = Load::trying_others(site, 20, 10);
    load.is_under_way().await;

    let stopped = site.gates.remove(0);
    load.is_told_of_stop(stopped.ports.plain);
    signal(&stopped, Signal::TERM);
    let began = Instant::now();
    let fresh = site.next().await;
    is_healthy(&fresh).await;
    let takes_part = began.elapsed();
    site.gates.push(fresh);
    load.find(site);
    for program in [&mut holder, &mut elsewhere] {
        program.ok("NOOP".to_owned()).await.unwrap();
        program.ok("QUIT".to_owned()).await.unwrap();
    }
    for login in waiting {
        timeout(SOON, login).await.unwrap().unwrap().unwrap();
    }
    has_ended(&stopped).await;

    let tally = load.end_now().await;
    println!(
        "a gate replaced: the new one takes part after {takes_part:?}; {}, {} times another gate",
        Outcome::of("meanwhile", site, &tally).await,
        tally.turned_away
    );
    assert_eq!(tally.failed, Vec::<String>::new());
    assert!(
        tally.turned_away > 0,
        "nobody came to the gate that stopped"
    );
    assert!(takes_part < STARTED, "{takes_part:?}");
    overlaps_are(site, 0, 0).await;
}

/// A whole session.
async fn visit(gate: SocketAddr) -> std::io::Result<String> {
    log_in(gate, ANN).await?.ok("QUIT".to_owned()).await
}
