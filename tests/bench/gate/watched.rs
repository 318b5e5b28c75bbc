//! What it costs a gate to be watched: CPU for a short session with the page's event stream open
//! and one scrape a second, beside an equal gate that nobody watches.

use crate::Extent;
use crate::admin::{get, read_for_ever};
use crate::cpu::round;
use crate::process::{Front, start_server};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

/// What the page reads.
const STREAM: &str = "/api/v1/locks/events?contended=true";

/// CPU time is counted in hundredths of a second: one round of sessions is too short to see a
/// difference of a few percent, so the rounds are added up, and there are more of them.
const ROUNDS_MORE: usize = 4;

pub(crate) async fn measure(extent: &Extent) {
    let backend = start_server().await;
    let alone = Front::popgate(backend).await;
    let watched = Front::popgate(backend).await;
    let mut watchers = JoinSet::new();
    watchers.spawn(read_for_ever(watched.admin, STREAM));
    let admin = watched.admin;
    watchers.spawn(async move { scrape_each_second(admin).await });
    let (mut cpu_alone, mut cpu_watched) = (Duration::ZERO, Duration::ZERO);
    let rounds = extent.rounds * ROUNDS_MORE;
    for _ in 0..rounds {
        cpu_alone += round(&alone, extent.sessions_a_round).await;
        cpu_watched += round(&watched, extent.sessions_a_round).await;
    }
    assert!(watchers.try_join_next().is_none(), "a watcher has ended");
    let each = u32::try_from(rounds).unwrap();
    println!(
        "CPU for a short session with the event stream open and a scrape a second, {rounds} rounds of {}",
        extent.sessions_a_round
    );
    println!("  nobody watches   mean   {:>10.1?}", cpu_alone / each);
    println!("  watched          mean   {:>10.1?}", cpu_watched / each);
    let ratio = cpu_watched.as_secs_f64() / cpu_alone.as_secs_f64();
    println!("  ratio {ratio:.3}");
}

async fn scrape_each_second(admin: std::net::SocketAddr) {
    let mut seconds = interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        seconds.tick().await;
        get(admin, "/metrics").await;
    }
}
