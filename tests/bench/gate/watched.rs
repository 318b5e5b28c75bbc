//! What it costs a gate to be watched: CPU for a short session with the page's event stream open
//! and one scrape a second, beside an equal gate that nobody watches.

use crate::Extent;
use crate::admin::{get, read_for_ever};
use crate::cpu::compare;
use crate::process::{Front, start_server};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

/// What the page reads.
const STREAM: &str = "/api/v1/locks/events?contended=true";

pub(crate) async fn measure(extent: &Extent) {
    let backend = start_server().await;
    let alone = Front::popgate(backend).await;
    let watched = Front::popgate(backend).await;
    let mut watchers = JoinSet::new();
    watchers.spawn(read_for_ever(watched.admin, STREAM));
    let admin = watched.admin;
    watchers.spawn(async move { scrape_each_second(admin).await });
    println!("CPU for a short session with the event stream open and a scrape a second");
    compare(extent, ("nobody watches", &alone), ("watched", &watched)).await;
    assert!(watchers.try_join_next().is_none(), "a watcher has ended");
}

async fn scrape_each_second(admin: std::net::SocketAddr) {
    let mut seconds = interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        seconds.tick().await;
        get(admin, "/metrics").await;
    }
}
