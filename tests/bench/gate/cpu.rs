//! CPU for a short session in clear, beside HAProxy in TCP mode.

use crate::client::short_session;
use crate::process::{Front, start_server};
use crate::{Extent, percentile};
use std::time::Duration;

/// Sessions at a time, each of another user.
const AT_A_TIME: usize = 8;

/// A difference of a few percent is less than what other work on the machine adds to a round: it
/// takes more pairs to see it.
const ROUNDS_OF_PAIRS: usize = 6;

pub(crate) async fn measure(extent: &Extent) {
    let backend = start_server().await;
    let popgate = Front::popgate(backend).await;
    let Some(haproxy) = Front::haproxy(backend).await else {
        println!(
            "CPU: not measured beside HAProxy, which is not installed (apt-get install haproxy)"
        );
        round(&popgate, extent.sessions_a_round).await;
        return;
    };
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..extent.rounds {
        ours.push(round(&popgate, extent.sessions_a_round).await);
        theirs.push(round(&haproxy, extent.sessions_a_round).await);
    }
    ours.sort_unstable();
    theirs.sort_unstable();
    let rounds = extent.rounds;
    println!(
        "CPU for a short session, in clear, {rounds} rounds of {}",
        extent.sessions_a_round
    );
    println!("  popgate          median {:>10.1?}", percentile(&ours, 50));
    println!(
        "  HAProxy, TCP     median {:>10.1?}",
        percentile(&theirs, 50)
    );
    let ratio = percentile(&ours, 50).as_secs_f64() / percentile(&theirs, 50).as_secs_f64();
    println!("  ratio of the medians {ratio:.2}");
}

/// CPU for a short session of two gates, in turns: prints both, and the ratio within each pair.
pub(crate) async fn compare(extent: &Extent, one: (&str, &Front), other: (&str, &Front)) {
    let rounds = extent.rounds * ROUNDS_OF_PAIRS;
    let sessions = extent.sessions_a_round;
    let mut samples = [Vec::new(), Vec::new()];
    let mut ratios = Vec::new();
    for pair in 0..rounds {
        // Who comes first changes: what is warm helps the second.
        let order = if pair % 2 == 0 { [0, 1] } else { [1, 0] };
        for place in order {
            let front = [one.1, other.1][place];
            samples[place].push(round(front, sessions).await);
        }
        ratios.push(samples[1][pair].as_secs_f64() / samples[0][pair].as_secs_f64());
    }
    println!("  {rounds} pairs of rounds of {sessions}");
    for (name, mut samples) in [one.0, other.0].into_iter().zip(samples) {
        samples.sort_unstable();
        println!("  {name:<15}  median {:>10.1?}", percentile(&samples, 50));
    }
    ratios.sort_unstable_by(f64::total_cmp);
    let [low, middle, high] = [25, 50, 75].map(|percent| percentile(&ratios, percent));
    println!("  ratio of a pair, median {middle:.3}, half of them {low:.3} to {high:.3}");
}

/// CPU time for one of `sessions` sessions.
pub(crate) async fn round(front: &Front, sessions: usize) -> Duration {
    let before = front.cpu();
    let address = front.plain;
    let programs = (0..AT_A_TIME).map(|program| {
        tokio::spawn(async move {
            for session in (program..sessions).step_by(AT_A_TIME) {
                short_session(address, &format!("user{session}")).await;
            }
        })
    });
    for program in programs.collect::<Vec<_>>() {
        program.await.unwrap();
    }
    (front.cpu() - before) / u32::try_from(sessions).unwrap()
}
