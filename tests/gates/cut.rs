//! A gate that does not reach the engine, in one direction or in both, for longer than its lease.

use crate::load::Load;
use crate::network::{Network, in_network};
use crate::report::{Outcome, PROMPT, SLOW, overlaps_are};
use crate::site::{ENGINE, Site, has_state, is_healthy, log_in, proven};
use std::thread;
use std::time::Duration;
use tokio::time::Instant;

const LEASE: Duration = Duration::from_secs(6);

/// The one that is cut off.
const GATE: usize = 0;

#[test]
fn a_gate_that_is_cut_off_goes_on_and_comes_back() {
    let directions = [
        ("a gate cut off", &[(GATE, ENGINE), (ENGINE, GATE)][..]),
        ("a gate's packets lost", &[(GATE, ENGINE)]),
        ("the engine's packets lost", &[(ENGINE, GATE)]),
    ];
    thread::scope(|scope| {
        for (fault, lost) in directions {
            scope.spawn(move || in_network(async |network| cut_off(network, fault, lost).await));
        }
    });
}

async fn cut_off(network: &Network, fault: &str, lost: &[(usize, usize)]) {
    let Some(site) = Site::start_in(network, "lease = \"6s\"\n").await else {
        return;
    };
    for user in ["ann", "bob"] {
        proven(&site, user).await;
    }
    // One session that the others cannot know the end of, and one whose end it cannot know.
    let mut ann = site.log_in(GATE, "ann").await.unwrap();
    let mut bob = site.log_in(1, "bob").await.unwrap();
    let to = site.gates[GATE].ports.plain;
    let behind = tokio::spawn(async move { log_in(to, "bob").await });
    site.gates[GATE]
        .wait_for("popgate_lock_waiters", &[], 1.0, Duration::from_secs(10))
        .await;
    let load = Load::apart(&site, 6, Instant::now() + Duration::from_secs(12));

    for (from, to) in lost {
        network.lose(*from, *to);
    }
    let began = Instant::now();
    let mut next_ann = site.log_in(1, "ann").await.unwrap();
    let free_after = began.elapsed();
    let mut next_bob = behind.await.unwrap().unwrap();
    let local_after = began.elapsed();
    has_state(&site.gates[GATE], "degraded", SLOW).await;

    network.heal();
    let healed = Instant::now();
    is_healthy(&site.gates[GATE]).await;
    let recovered = healed.elapsed();
    // Neither is cut, and both are counted.
    site.gates[GATE]
        .wait_for("popgate_cluster_overlaps_total", &[], 2.0, LEASE)
        .await;
    for program in [&mut ann, &mut bob, &mut next_ann, &mut next_bob] {
        program.ok("QUIT".to_owned()).await.unwrap();
    }
    let tally = load.end().await;
    let outcome = Outcome::of(fault, &site, &tally).await;
    let cut = began..healed;
    let longest = tally.longest_in(cut, Some(to));
    println!(
        "{outcome}; longest at the gate meanwhile {longest:?}; its maildrop free after \
         {free_after:?}, others' served after {local_after:?}; healthy after {recovered:?}"
    );
    assert_eq!(tally.failed, Vec::<String>::new());
    assert!(longest < PROMPT, "{longest:?}");
    assert!(free_after < LEASE + SLOW, "{free_after:?}");
    assert!(local_after < LEASE + SLOW, "{local_after:?}");
    assert!(recovered < SLOW, "{recovered:?}");
    overlaps_are(&site, 2, 2).await;

    let until = Instant::now() + Duration::from_secs(3);
    let tally = Load::start(&site, 20, 5, until).end().await;
    assert_eq!(tally.failed, Vec::<String>::new());
    overlaps_are(&site, 2, 2).await;
}
