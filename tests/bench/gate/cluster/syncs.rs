//! How many statements one primary takes, through the client that gates have.

use super::engine::{Caller, Callers, Engine, maildrop};
use super::print_quantiles;
use crate::Extent;
use crate::process::cpu_of;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Statements of one gate at a time where the engine is saturated.
const AT_A_TIME: usize = 64;

pub(crate) async fn measure(extent: &Extent) {
    println!("statements at one primary: each maildrop is taken and given back, by three gates");
    let engine = Engine::start();
    let callers = Callers::join(&engine, 3).await;
    run(extent, &engine, &callers.all[..1], 1, "one at a time").await;
    run(extent, &engine, &callers.all, AT_A_TIME, "saturated").await;
}

async fn run(extent: &Extent, engine: &Engine, callers: &[Caller], tasks: usize, what: &str) {
    let own = std::process::id();
    let (before, ours) = (engine.used(), cpu_of(own));
    let began = Instant::now();
    let until = began + extent.saturated;
    let each = extent.maildrops / (callers.len() * tasks);
    let mut set = JoinSet::new();
    for (gate, caller) in callers.iter().enumerate() {
        for task in 0..tasks {
            let first = (gate * tasks + task) * each;
            set.spawn(take_and_give(caller.clone(), first..first + each, until));
        }
    }
    let mut samples: Vec<Duration> = set.join_all().await.into_iter().flatten().collect();
    let took = began.elapsed();
    let (used, ours) = (engine.used() - before, cpu_of(own) - ours);
    let count = samples.len() as u32;
    print_quantiles(&format!("{what}: call to answer"), &mut samples);
    let second = |cpu: Duration| cpu.as_secs_f64() / took.as_secs_f64() * 100.0;
    println!(
        "    {:.0} a second, {:.0} acquisitions; the engine: CPU {:.0} % of a processor, {:.1?} \
         each, {} octets in, {} out; the clients: CPU {:.0} %",
        f64::from(count) / took.as_secs_f64(),
        f64::from(count / 2) / took.as_secs_f64(),
        second(used.cpu),
        used.cpu / count,
        used.received / u64::from(count),
        used.sent / u64::from(count),
        second(ours),
    );
}

/// One after the other, again and again. Returns how long each call took.
async fn take_and_give(
    caller: Caller,
    maildrops: std::ops::Range<usize>,
    until: Instant,
) -> Vec<Duration> {
    let mut samples = Vec::new();
    for number in maildrops.cycle() {
        if Instant::now() >= until {
            break;
        }
        let began = Instant::now();
        let turn = caller.acquire(maildrop(number)).await;
        samples.push(began.elapsed());
        let began = Instant::now();
        caller.release(maildrop(number), turn).await;
        samples.push(began.elapsed());
    }
    samples
}
