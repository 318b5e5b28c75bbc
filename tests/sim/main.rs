//! Whole gates, clients and a mail server in one process, over a simulated network and on a
//! simulated clock, with faults drawn from a seed.

mod client;
mod entropy;
mod maildrop;
mod net;
mod plan;
mod site;
mod trace;
mod witness;
mod world;

use world::{Outcome, play};

fn main() {
    let seed = std::env::var("POPGATE_SIM_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(1);
    let aloud = std::env::var("POPGATE_SIM_QUIET").is_err();
    entropy::seed(seed);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let Outcome {
        faults,
        digest,
        counts,
        lasted,
    } = runtime.block_on(play(seed, aloud));
    println!("seed {seed}: {digest:016x} {counts:?} {lasted:?}");
    for fault in &faults {
        println!("  {fault}");
    }
    std::process::exit(i32::from(!faults.is_empty()));
}
