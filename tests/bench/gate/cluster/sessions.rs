//! A short session at a gate in a cluster, beside one at an equal gate alone: how long it takes, what
//! CPU it costs, and what comes to the engine.

use super::engine::Used;
use super::print_quantiles;
use super::site::Site;
use crate::admin::get;
use crate::client::short_session;
use crate::cpu::compare;
use crate::process::Front;
use crate::{Extent, percentile};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::{Instant, sleep};

pub(crate) async fn measure(extent: &Extent) {
    let site = Site::start().await;
    let alone = site.gate_alone().await;
    let quiet = quiet(&site).await;
    println!("a short session: connect, log in, STAT, QUIT; each at another maildrop");
    for what in ["first", "again"] {
        pairs(&site, &alone, extent.pairs, what, &quiet).await;
    }
    println!("CPU of the gate for a short session");
    compare(extent, ("alone", &alone), ("in a cluster", &site.gates[0])).await;
}

/// What three gates cost the engine in a second in which nobody comes.
struct Quiet {
    used: Used,
    took: Duration,
}

async fn quiet(site: &Site) -> Quiet {
    let began = Instant::now();
    let before = site.engine.used();
    sleep(Duration::from_secs(3)).await;
    let used = site.engine.used() - before;
    let took = began.elapsed();
    let seconds = took.as_secs_f64();
    println!(
        "three gates without sessions: {:.0} octets in and {:.0} out a second, CPU {:.2} %",
        used.received as f64 / seconds,
        used.sent as f64 / seconds,
        used.cpu.as_secs_f64() / seconds * 100.0
    );
    Quiet { used, took }
}

async fn pairs(site: &Site, alone: &Front, count: usize, what: &str, quiet: &Quiet) {
    let clustered = &site.gates[0];
    let mut times = [Vec::new(), Vec::new()];
    let mut ratios = Vec::new();
    let calls = calls(clustered).await;
    let began = Instant::now();
    let before = site.engine.used();
    for pair in 0..count {
        // Who comes first changes: what is warm helps the second.
        let order = if pair % 2 == 0 { [0, 1] } else { [1, 0] };
        for place in order {
            let gate = [alone, clustered][place].plain;
            times[place].push(timed(gate, &format!("p{place}x{pair}")).await);
        }
        ratios.push(times[1][pair].as_secs_f64() / times[0][pair].as_secs_f64());
    }
    let used = site.engine.used() - before;
    let part = began.elapsed().as_secs_f64() / quiet.took.as_secs_f64();
    let calls = self::calls(clustered).await - calls;
    ratios.sort_unstable_by(f64::total_cmp);
    let [mut without, mut with] = times;
    print_quantiles(&format!("without [cluster], {what}"), &mut without);
    print_quantiles(&format!("in a cluster, {what}"), &mut with);
    let each = |used: u64, quiet: u64| (used as f64 - quiet as f64 * part) / count as f64;
    println!(
        "    ratio of a pair, median {:.3}; calls {:.2}; the engine: {:.0} octets in, {:.0} out, \
         CPU {:.1} us",
        percentile(&ratios, 50),
        calls / count as f64,
        each(used.received, quiet.used.received),
        each(used.sent, quiet.used.sent),
        (used.cpu.as_secs_f64() - quiet.used.cpu.as_secs_f64() * part) / count as f64 * 1e6
    );
}

async fn timed(gate: SocketAddr, user: &str) -> Duration {
    let began = Instant::now();
    short_session(gate, user).await;
    began.elapsed()
}

/// Calls of the engine so far, but signs of life.
async fn calls(gate: &Front) -> f64 {
    let page = get(gate.admin, "/metrics").await;
    let page = String::from_utf8_lossy(&page);
    let of_calls = page
        .lines()
        .filter(|line| line.starts_with("popgate_cluster_calls_total{"))
        .filter(|line| !line.contains("call=\"beat\""));
    of_calls
        .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
        .sum()
}
