//! An engine that refuses to write, or is slow.

use crate::across::ask;
use crate::fire::Gate;
use crate::load::Load;
use crate::redis::Redis;
use crate::report::{Outcome, PROMPT, SLOW, overlaps_are};
use crate::site::{Site, has_state, is_healthy, log_in, proven};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// Longer than a gate waits for an answer.
const STALL: Duration = Duration::from_millis(300);

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

async fn refuses(fault: &str, begin: impl FnOnce(&Redis), end: &str) {
    let Some(site) = Site::start("").await else {
        return;
    };
    is_away(
        fault,
        &site,
        || begin(&site.engine),
        || site.engine.order(end),
    )
    .await;
}

/// Each answer comes, and each comes too late: nobody is let in by one, and nobody waits for one.
#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_stalls_at_each_call_is_one_that_is_away() {
    let Some((site, line)) = Site::start_behind_line("").await else {
        return;
    };
    let begin = || line.delay(STALL);
    is_away("each answer 300 ms late", &site, begin, || {
        line.delay(Duration::ZERO)
    })
    .await;
}

/// It stands still again and again, and answers in between: gates go by it all the time, and take
/// turns.
#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_stalls_now_and_then_gives_turns_all_the_same() {
    let Some(site) = Site::start("").await else {
        return;
    };
    let load = Load::start(&site, 9, 3, Instant::now() + Duration::from_secs(10));
    for _ in 0..10 {
        site.engine.freeze();
        sleep(STALL).await;
        site.engine.thaw();
        sleep(Duration::from_millis(700)).await;
    }
    let tally = load.end().await;
    let outcome = Outcome::of("stalls of 300 ms", &site, &tally).await;
    println!("{outcome}");
    assert_eq!(tally.failed, Vec::<String>::new());
    overlaps_are(&site, 0, 0).await;
}

/// No login fails, and what could not be given back is given back afterwards.
async fn is_away(fault: &str, site: &Site, begin: impl FnOnce(), end: impl FnOnce()) {
    proven(site, "ann").await;
    let mut ann = site.log_in(0, "ann").await.unwrap();
    let to = site.gates[1].ports.plain;
    let behind = tokio::spawn(async move { log_in(to, "ann").await });
    site.gates[1]
        .wait_for("popgate_lock_waiters", &[], 1.0, SOON)
        .await;
    let load = Load::apart(site, 6, Instant::now() + Duration::from_secs(10));
    load.is_under_way().await;

    begin();
    let began = Instant::now();
    for gate in &site.gates {
        has_state(gate, "degraded", SOON).await;
    }
    ann.ok("QUIT".to_owned()).await.unwrap();
    sleep(Duration::from_secs(3)).await;
    end();
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
    let outcome = Outcome::of(fault, site, &tally).await;
    println!(
        "{outcome}; longest meanwhile {longest:?}, given back {handed_over:?} after its end, all \
         healthy after {recovered:?}"
    );
    assert_eq!(tally.failed, Vec::<String>::new());
    assert!(longest < PROMPT, "{longest:?}");
    assert!(recovered < SLOW, "{recovered:?}");
    overlaps_are(site, 0, 0).await;
}

/// It is used all the same: one that is never full evicts nothing.
#[tokio::test(flavor = "multi_thread")]
async fn of_an_engine_that_may_evict_keys_a_gate_says_so() {
    let Some(site) = Site::start("").await else {
        return;
    };
    assert_eq!(why(&site.gates[0]), None);
    site.engine.order("CONFIG SET maxmemory 1gb");
    site.engine.order("CONFIG SET maxmemory-policy allkeys-lru");
    let late = site.next().await;
    is_healthy(&late).await;
    says_why(&late, |why| {
        why.is_some_and(|why| why.contains("evicts keys"))
    })
    .await;
    let mut program = log_in(late.ports.plain, "ann").await.unwrap();
    program.ok("QUIT".to_owned()).await.unwrap();
    // Looked at again with each connection.
    site.engine.order("CONFIG SET maxmemory-policy noeviction");
    site.engine.say("CLIENT KILL TYPE normal");
    says_why(&late, |why| why.is_none()).await;
}

/// What is not as it should be, as `popgate cluster status` has it.
fn why(gate: &Gate) -> Option<String> {
    let said = ask(gate, &["cluster", "status"]);
    said["cluster"]["why"].as_str().map(str::to_owned)
}

async fn says_why(gate: &Gate, is_so: impl Fn(Option<&str>) -> bool) {
    let until = Instant::now() + SOON;
    loop {
        let why = why(gate);
        if is_so(why.as_deref()) {
            return;
        }
        assert!(Instant::now() < until, "{why:?}");
        sleep(Duration::from_millis(50)).await;
    }
}
