//! An engine that refuses to write, or whose clock is set.

use crate::load::Load;
use crate::redis::Redis;
use crate::report::{Outcome, PROMPT, SLOW, overlaps_are};
use crate::site::{Site, has_state, is_healthy, log_in, proven};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// For what happens soon.
const SOON: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_does_not_write_is_one_that_is_away() {
    let order = |command| move |engine: &Redis| engine.order(command);
    tokio::join!(
        refuses(
            "memory full",
            order("CONFIG SET maxmemory 1"),
            "CONFIG SET maxmemory 0"
        ),
        refuses(
            "too few replicas",
            order("CONFIG SET min-replicas-to-write 1"),
            "CONFIG SET min-replicas-to-write 0"
        ),
        // Of nobody, so that it keeps what it knows.
        refuses(
            "read-only",
            order("REPLICAOF 127.0.0.1 1"),
            "REPLICAOF NO ONE"
        ),
        refuses(
            "no disk",
            Redis::lose_disk,
            "CONFIG SET stop-writes-on-bgsave-error no"
        ),
    );
}

/// No login fails, and what could not be given back is given back afterwards.
async fn refuses(fault: &str, begin: impl FnOnce(&Redis), end: &str) {
    let Some(site) = Site::start("").await else {
        return;
    };
    proven(&site, "ann").await;
    let mut ann = site.log_in(0, "ann").await.unwrap();
    let to = site.gates[1].ports.plain;
    let behind = tokio::spawn(async move { log_in(to, "ann").await });
    site.gates[1]
        .wait_for("popgate_lock_waiters", &[], 1.0, SOON)
        .await;
    let load = Load::apart(&site, 6, Instant::now() + Duration::from_secs(10));
    sleep(Duration::from_secs(2)).await;

    begin(&site.engine);
    let began = Instant::now();
    for gate in &site.gates {
        has_state(gate, "degraded", SOON).await;
    }
    ann.ok("QUIT".to_owned()).await.unwrap();
    sleep(Duration::from_secs(3)).await;
    site.engine.order(end);
    let ended = Instant::now();
    let mut next = timeout(SOON, behind).await.unwrap().unwrap().unwrap();
    let handed_over = ended.elapsed();
    for gate in &site.gates {
        is_healthy(gate).await;
    }
    let recovered = ended.elapsed();
    next.ok("QUIT".to_owned()).await.unwrap();

    let tally = load.end().await;
    let longest = tally.longest_in(began..ended, None);
    let outcome = Outcome::of(fault, &site, &tally).await;
    println!(
        "{outcome}; longest meanwhile {longest:?}, given back {handed_over:?} after its end, all \
         healthy after {recovered:?}"
    );
    assert_eq!(tally.failed, Vec::<String>::new());
    assert!(longest < PROMPT, "{longest:?}");
    assert!(recovered < SLOW, "{recovered:?}");
    overlaps_are(&site, 0, 0).await;
}
