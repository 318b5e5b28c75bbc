//! Sentinels that make another server the primary, which lacks the last writes.

use crate::clocks;
use crate::fire::Program;
use crate::load::Load;
use crate::network::{Network, in_network};
use crate::redis::Redis;
use crate::report::{Outcome, counted_overlaps, overlaps_are};
use crate::site::{ENGINE, PATIENT, Site, is_healthy, log_in, proven};
use std::time::{Duration, SystemTime};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

const REPLICA: usize = 4;
const SENTINELS: usize = 5;

/// For what takes some seconds, and more on a busy machine.
const SOON: Duration = Duration::from_secs(30);

/// Three gates before a primary with a replica, and three Sentinels.
struct Replicated {
    site: Site,
    replica: Redis,
    _sentinels: Vec<Redis>,
}

impl Replicated {
    async fn start(network: &Network, settings: &str) -> Option<Self> {
        let primary = Redis::start_on(&network.hosts[ENGINE], &[])?;
        let (ip, port) = (primary.address.ip(), primary.address.port());
        let options = ["--replicaof", &ip.to_string(), &port.to_string()];
        let replica = Redis::start_with_clock_on(&network.hosts[REPLICA], &options)?;
        replica.says_at_last("INFO replication", |said| {
            said.contains("master_link_status:up")
        });
        let start = |_| Redis::start_sentinel_on(&network.hosts[SENTINELS], &primary);
        let sentinels: Vec<_> = (0..3).filter_map(start).collect();
        for sentinel in &sentinels {
            sentinel.says_at_last("INFO sentinel", |said| {
                said.contains("slaves=1,sentinels=3")
            });
        }
        let addresses: Vec<_> = sentinels.iter().map(|it| it.address.to_string()).collect();
        let nodes = format!("nodes = {addresses:?}\nmaster = \"mail\"");
        Some(Self {
            site: Site::start_with(network, primary, nodes, settings).await,
            replica,
            _sentinels: sentinels,
        })
    }

    /// When the Sentinels have made the replica the primary.
    async fn is_replaced(&self) {
        let state = "role:master";
        self.replica
            .says_at_last("INFO replication", |said| said.contains(state));
    }
}

#[test]
fn a_failover_that_loses_turns_lets_no_two_sessions_meet() {
    in_network(async |network| {
        if clocks::are_installed() {
            fail_over(network).await;
        }
    });
}

async fn fail_over(network: &Network) {
    // Sentinels that do not agree at once try again after ten seconds: nothing is promised where
    // that takes longer than a lease. Nor must the holder be ended meanwhile for being idle.
    let settings = format!("lease = \"60s\"\n{PATIENT}");
    let Some(mut there) = Replicated::start(network, &settings).await else {
        return;
    };
    let [held, released] = ["ann@example.com", "bob@example.com"];
    for user in [held, released] {
        proven(&there.site, user).await;
    }
    let mut bob = there.site.log_in(1, released).await.unwrap();
    // From here on the replica lags, and its clock, too.
    there.replica.set_clock("-3600s");
    network.lose(ENGINE, REPLICA);
    let mut ann = there.site.log_in(0, held).await.unwrap();
    bob.ok("QUIT".to_owned()).await.unwrap();
    let to = there.site.gates[2].ports.plain;
    let behind = tokio::spawn(async move { log_in(to, held).await });
    there.site.gates[2]
        .wait_for("popgate_lock_waiters", &[], 1.0, SOON)
        .await;
    let load = Load::apart(&there.site, 6, Instant::now() + Duration::from_secs(12));
    load.is_under_way().await;

    let began = Instant::now();
    there.site.engine.kill();
    there.is_replaced().await;
    let replaced = began.elapsed();
    for gate in &there.site.gates {
        gate.wait_for("popgate_cluster_epochs_total", &[], 1.0, SOON)
            .await;
        is_healthy(gate).await;
    }
    let recovered = began.elapsed();
    // It knows nothing of ann's session, and believes that bob's goes on.
    let mut next = timeout(SOON, there.site.log_in(2, released))
        .await
        .unwrap()
        .unwrap();
    next.ok("QUIT".to_owned()).await.unwrap();
    let behind = still_waits(behind).await;
    ann.ok("QUIT".to_owned()).await.unwrap();
    let mut next = timeout(SOON, behind).await.unwrap().unwrap().unwrap();
    next.ok("QUIT".to_owned()).await.unwrap();

    let tally = load.end().await;
    let outcome = Outcome::of("failed over, the last writes lost", &there.site, &tally).await;
    println!("{outcome}; replaced after {replaced:?}, all healthy after {recovered:?}");
    assert_eq!(tally.failed, Vec::<String>::new());
    overlaps_are(&there.site, 0, 0).await;
    assert!(lags(&there.replica), "its clock is an hour late");
}

/// The login that waits behind a holder, if nothing has come of it yet.
async fn still_waits(
    behind: JoinHandle<std::io::Result<Program>>,
) -> JoinHandle<std::io::Result<Program>> {
    if !behind.is_finished() {
        return behind;
    }
    match behind.await.unwrap() {
        Ok(_) => panic!("it was served, though the holder said that it holds"),
        Err(error) => panic!("it was refused: {error}"),
    }
}

fn lags(server: &Redis) -> bool {
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    now.abs_diff(server.seconds()).abs_diff(3_600) < 60
}

/// One gate is on the old primary's side of a partition, and the others are on the Sentinels'.
#[test]
fn a_primary_in_a_minority_serves_its_side_until_the_partition_ends() {
    in_network(async |network| {
        if clocks::are_installed() {
            partition(network).await;
        }
    });
}

async fn partition(network: &Network) {
    let Some(there) = Replicated::start(network, "lease = \"6s\"\n").await else {
        return;
    };
    let site = &there.site;
    for user in ["ann", "bob"] {
        proven(site, user).await;
    }
    let mut ann = site.log_in(0, "ann").await.unwrap();
    let mut bob = site.log_in(1, "bob").await.unwrap();
    let load = Load::apart(site, 6, Instant::now() + Duration::from_secs(16));
    for few in [0, ENGINE] {
        for many in [1, 2, REPLICA, SENTINELS] {
            network.lose(few, many);
            network.lose(many, few);
        }
    }
    let began = Instant::now();
    there.is_replaced().await;
    let mut next_ann = timeout(SOON, site.log_in(1, "ann")).await.unwrap().unwrap();
    let free = began.elapsed();
    for program in [&mut ann, &mut bob] {
        program.ok("NOOP".to_owned()).await.unwrap();
    }
    network.heal();
    let healed = Instant::now();
    // One of the two gates hears that the other one has it, and goes on all the same.
    let counted = timeout(SOON, async {
        while counted_overlaps(site).await == 0 {
            sleep(Duration::from_millis(50)).await;
        }
    });
    counted.await.unwrap();
    let recovered = healed.elapsed();
    for program in [&mut ann, &mut bob, &mut next_ann] {
        program.ok("QUIT".to_owned()).await.unwrap();
    }
    for gate in &site.gates {
        is_healthy(gate).await;
    }
    let tally = load.end().await;
    let outcome = Outcome::of("a primary in a minority", site, &tally).await;
    println!(
        "{outcome}; the other side's after {free:?}, one engine for all {recovered:?} after the end"
    );
    assert_eq!(tally.failed, Vec::<String>::new());
    overlaps_are(site, 1, 1).await;
    let until = Instant::now() + Duration::from_secs(3);
    let tally = Load::start(site, 20, 5, until).end().await;
    assert_eq!(tally.failed, Vec::<String>::new());
    overlaps_are(site, 1, 1).await;
}
