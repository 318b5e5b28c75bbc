//! What it takes to read a large gate: the time and size of a scrape and of the API's lists, with
//! many sessions held and many tenants, and the delay of a session meanwhile.

use crate::admin::get;
use crate::client::Client;
use crate::process::{Front, start_server};
use crate::{Extent, percentile};
use std::fmt::Write;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::Instant;

/// How often each is read.
const TIMES: usize = 20;

const LISTS: &[&str] = &[
    "/metrics",
    "/api/v1/status",
    "/api/v1/locks?limit=1000",
    "/api/v1/sessions?limit=1000",
    "/api/v1/tenants?limit=1000",
    "/api/v1/sessions?maildrop=no-such-maildrop",
];

pub(crate) async fn measure(extent: &Extent) {
    let tenants = extent.tenants;
    let backend = start_server().await;
    let front = Front::popgate_with(backend, &tenant_tables(tenants)).await;
    let mut held = Vec::with_capacity(extent.held_sessions);
    for n in 0..extent.held_sessions {
        let mut client = Client::connect(front.plain, None).await;
        let domain = n % tenants;
        client
            .log_in(&format!("user{n}@customer-{domain}.example"))
            .await;
        held.push(client);
    }
    println!(
        "reading a gate of {} held sessions and {tenants} tenants, {TIMES} times each",
        held.len()
    );
    for path in LISTS {
        let (times, octets) = read(front.admin, path).await;
        let [median, most] = [50, 100].map(|percent| percentile(&times, percent));
        println!("  {path:<44} median {median:>9.2?} most {most:>9.2?} {octets:>8} octets");
    }
    let client = &mut held[0];
    let alone = delays(client).await;
    let reading = tokio::spawn(read_all_the_time(front.admin));
    let meanwhile = delays(client).await;
    reading.abort();
    println!("delay of NOOP in a session");
    for (when, delays) in [
        ("nobody reads", alone),
        ("all lists are read, over and over", meanwhile),
    ] {
        let [half, most] = [50, 99].map(|percent| percentile(&delays, percent));
        println!("  {when:<35} p50 {half:>9.2?} p99 {most:>9.2?}");
    }
}

fn tenant_tables(tenants: usize) -> String {
    let mut text = String::new();
    for n in 0..tenants {
        write!(
            text,
            "[[tenant]]\nname = \"tenant-{n}\"\ndomains = [\"customer-{n}.example\"]\n"
        )
        .unwrap();
    }
    text
}

/// How long each reading took, in order, and how much came.
async fn read(admin: SocketAddr, path: &str) -> (Vec<Duration>, usize) {
    let mut times = Vec::with_capacity(TIMES);
    let mut octets = 0;
    for _ in 0..TIMES {
        let began = Instant::now();
        octets = get(admin, path).await.len();
        times.push(began.elapsed());
    }
    times.sort_unstable();
    (times, octets)
}

async fn read_all_the_time(admin: SocketAddr) {
    loop {
        for path in LISTS {
            get(admin, path).await;
        }
    }
}

async fn delays(client: &mut Client) -> Vec<Duration> {
    let mut delays = Vec::new();
    for _ in 0..2_000 {
        let began = Instant::now();
        client.ask("NOOP").await;
        delays.push(began.elapsed());
    }
    delays.sort_unstable();
    delays
}
