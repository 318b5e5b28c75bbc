//! What a session on a listing costs: CPU and time of a poll that the backend does not hear of, and
//! memory of one at rest.

use crate::client::{Client, short_session};
use crate::cpu::compare;
use crate::process::{Front, start_server};
use crate::{Extent, percentile};
use popgate::pop3::listing::{MaildropListing, ScanReader, UniqueIdReader};
use popgate::time::Instant;
use std::net::SocketAddr;
use std::time::Duration;

/// A listing is fresh for as long as this takes.
const SHARING: &str = "sharing = \"on\"\nfresh = \"1h\"\n";

pub(crate) async fn measure(extent: &Extent) {
    let backend = start_server().await;
    let off = Front::popgate(backend).await;
    let on = Front::sharing(backend, SHARING).await;
    list_all(on.plain, extent.sessions_a_round.max(extent.idle_sessions)).await;
    println!("CPU for a poll: connect, login, STAT, QUIT");
    compare(extent, ("to the backend", &off), ("let in", &on)).await;
    if let Some(haproxy) = Front::haproxy(backend).await {
        compare(extent, ("HAProxy, TCP", &haproxy), ("let in", &on)).await;
    }
    println!("time of such a poll, one after the other");
    let paths = [
        ("straight to the backend", backend),
        ("through popgate to the backend", off.plain),
        ("let in", on.plain),
    ];
    for (what, address) in paths {
        let [middle, high] = times(address, extent.sessions_a_round).await;
        println!("  {what:<32} median {middle:>9.1?}  99th percentile {high:>9.1?}");
    }
    at_rest(&on, extent.idle_sessions).await;
    println!("memory of a listing, with unique ids of 20 octets");
    for messages in [10, 1_000, 10_000] {
        let octets = listing(messages).footprint();
        println!(
            "  {messages:>6} messages {:>9.1} KiB",
            octets as f64 / 1024.0
        );
    }
}

/// Each user has a listing afterwards.
async fn list_all(address: SocketAddr, users: usize) {
    for user in 0..users {
        let mut client = Client::connect(address, None).await;
        client.log_in(&format!("user{user}")).await;
        client.ask("STAT").await;
        // popgate asks for the rest before it passes this on.
        client.ask("QUIT").await;
    }
}

/// The median and the 99th percentile.
async fn times(address: SocketAddr, sessions: usize) -> [Duration; 2] {
    let mut times = Vec::with_capacity(sessions);
    for session in 0..sessions {
        let began = Instant::now();
        short_session(address, &format!("user{session}")).await;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    [50, 99].map(|percent| percentile(&times, percent))
}

async fn at_rest(front: &Front, sessions: usize) {
    println!("memory of each of {sessions} sessions at rest on a listing");
    let mut clients = open(front.plain, 0..sessions / 10).await;
    let before = front.memory();
    clients.extend(open(front.plain, sessions / 10..sessions).await);
    let counted = (sessions - sessions / 10) as u64;
    let each = front.memory().saturating_sub(before) / counted;
    println!("  plain {:>8.2} KiB", each as f64 / 1024.0);
}

async fn open(address: SocketAddr, users: std::ops::Range<usize>) -> Vec<Client> {
    let mut clients = Vec::with_capacity(users.len());
    for user in users {
        let mut client = Client::connect(address, None).await;
        client.log_in(&format!("user{user}")).await;
        clients.push(client);
    }
    clients
}

fn listing(messages: usize) -> MaildropListing {
    let (mut scan, mut ids) = (ScanReader::default(), UniqueIdReader::default());
    for number in 1..=messages {
        scan.read(format!("{number} 4000\r\n").as_bytes());
        ids.read(format!("{number} {number:020}\r\n").as_bytes());
    }
    scan.read(b".\r\n");
    ids.read(b".\r\n");
    MaildropListing::new(None, scan, ids).unwrap()
}
