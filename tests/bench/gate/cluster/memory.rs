//! What the engine keeps of a maildrop that is in use, of one that was a moment ago, and of a
//! password that was accepted within the day.

use super::engine::{Callers, Engine, maildrop};
use crate::Extent;
use futures_util::stream::{self, StreamExt};
use popgate::cluster::protocol::{TurnNumber, TurnStanding};

const AT_A_TIME: usize = 64;

pub(crate) async fn measure(extent: &Extent) {
    let count = extent.maildrops;
    println!("memory of the engine for each of {count} maildrops");
    let engine = Engine::start();
    let callers = Callers::join(&engine, 2).await;
    let [holder, waiter] = &callers.all[..] else {
        unreachable!("two have joined");
    };
    let empty = engine.memory();
    let told = |what: &str| {
        let each = (engine.memory() - empty) as f64 / count as f64;
        println!("  {what:<60} {each:>8.0} octets");
    };
    let turns: Vec<TurnNumber> = stream::iter(0..count)
        .map(|number| holder.acquire(maildrop(number)))
        .buffered(AT_A_TIME)
        .collect()
        .await;
    told("held at one gate");
    for_each(count, |number| async move {
        let standing = waiter.want(maildrop(number)).await;
        assert_eq!(standing, TurnStanding::Queued);
    })
    .await;
    told("held at one gate and waited for at another");
    let turns = &turns;
    for_each(count, |number| async move {
        waiter.release(maildrop(number), TurnNumber(0)).await;
        holder.release(maildrop(number), turns[number]).await;
    })
    .await;
    told("given back within the last minute");
    let with_maildrops = engine.memory();
    for_each(count, |number| async move {
        holder.link.put_accepted(number as u64).await.unwrap();
    })
    .await;
    let each = (engine.memory().saturating_sub(with_maildrops)) as f64 / count as f64;
    println!(
        "  {:<60} {each:>8.0} octets",
        "a password that was accepted within the day"
    );
}

async fn for_each<F: Future<Output = ()>>(count: usize, what: impl Fn(usize) -> F) {
    stream::iter(0..count)
        .for_each_concurrent(AT_A_TIME, what)
        .await;
}
