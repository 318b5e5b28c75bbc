//! CPU for a short session in clear, beside HAProxy in TCP mode.

use crate::client::short_session;
use crate::process::{Front, start_server};
use crate::{Extent, percentile};
use std::time::Duration;

/// Sessions at a time, each of another user.
const AT_A_TIME: usize = 8;

/// CPU time is counted in hundredths of a second: one round of sessions is too short to see a
/// difference of a few percent, so the rounds of a pair are added up, and there are more of them.
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

/// CPU for a short session of two gates, in turns: prints both, and their ratio.
pub(crate) async fn compare(extent: &Extent, one: (&str, &Front), other: (&str, &Front)) {
    let rounds = extent.rounds * ROUNDS_OF_PAIRS;
    let (mut cpu_of_one, mut cpu_of_other) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..rounds {
        cpu_of_one += round(one.1, extent.sessions_a_round).await;
        cpu_of_other += round(other.1, extent.sessions_a_round).await;
    }
    let each = u32::try_from(rounds).unwrap();
    println!("  {rounds} rounds of {}", extent.sessions_a_round);
    println!("  {:<15}  mean   {:>10.1?}", one.0, cpu_of_one / each);
    println!("  {:<15}  mean   {:>10.1?}", other.0, cpu_of_other / each);
    let ratio = cpu_of_other.as_secs_f64() / cpu_of_one.as_secs_f64();
    println!("  ratio {ratio:.3}");
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
