//! From the end of a session to the next login in its maildrop, both as the backend saw them.

use super::print_quantiles;
use super::site::Site;
use crate::Extent;
use crate::client::short_session;
use popgate::demo::log::RecordedSession;
use std::net::SocketAddr;
use std::time::Duration;

/// Mail programs that come to the one maildrop again and again.
const PROGRAMS: usize = 6;

pub(crate) async fn measure(extent: &Extent) {
    let site = Site::start().await;
    let alone = site.gate_alone().await;
    println!("hand-over, {PROGRAMS} programs at one maildrop: the backend's EOF to the next PASS");
    let [first, second, third] = [0, 1, 2].map(|gate: usize| site.gates[gate].plain);
    // One lock, and three names at the backend: they tell through which gate a session came.
    for (what, gates) in [
        ("one gate, without [cluster]", vec![(alone.plain, "ann")]),
        ("one gate, in a cluster", vec![(first, "ben")]),
        (
            "across three gates",
            vec![(first, "cat"), (second, "Cat"), (third, "CAT")],
        ),
    ] {
        let before = site.engine.used();
        crowd(&gates, extent.handovers / PROGRAMS).await;
        let used = site.engine.used() - before;
        let mut samples = hand_overs(&site, gates[0].1, gates.len() > 1);
        print_quantiles(what, &mut samples);
        if gates[0].0 != alone.plain {
            let count = samples.len() as u64;
            println!(
                "    the engine for each: {} octets in, {} out, CPU {:.1?}",
                used.received / count,
                used.sent / count,
                used.cpu / u32::try_from(count).unwrap()
            );
        }
    }
}

/// Programs that come again as soon as they have left, until each has been in `sessions` times.
async fn crowd(gates: &[(SocketAddr, &'static str)], sessions: usize) {
    let programs = (0..PROGRAMS).map(|number| {
        let (gate, name) = gates[number % gates.len()];
        tokio::spawn(async move {
            for _ in 0..sessions {
                short_session(gate, name).await;
            }
        })
    });
    for program in programs.collect::<Vec<_>>() {
        program.await.unwrap();
    }
}

/// From gate to gate where `across`, else all of them.
fn hand_overs(site: &Site, name: &str, across: bool) -> Vec<Duration> {
    let log = site.log();
    let sessions: Vec<&RecordedSession> = log
        .sessions()
        .filter(|session| session.user.eq_ignore_ascii_case(name))
        .collect();
    let pairs = sessions.windows(2);
    pairs
        .filter(|pair| !across || pair[0].user != pair[1].user)
        // `None`: they overlapped.
        .map(|pair| pair[1].start.checked_duration_since(pair[0].end.unwrap()))
        .map(|waited| waited.expect("one session at a time"))
        .collect()
}
