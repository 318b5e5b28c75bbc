//! A gate that stops while all its maildrops are waited for at another one.

use super::print_quantiles;
use super::site::Site;
use crate::Extent;
use crate::client::Client;
use crate::process::is_ready;
use rustix::process::{Pid, Signal, kill_process};
use std::collections::HashMap;
use std::time::Duration;
use tokio::task::JoinSet;

pub(crate) async fn measure(extent: &Extent) {
    let mut site = Site::start().await;
    let maildrops = extent.maildrops_at_stop;
    println!("clean stop of a gate with {maildrops} sessions, each waited for at another gate");
    let (mut each, mut whole) = (Vec::new(), Vec::new());
    for round in 0..extent.stops {
        let last = stop_one(&mut site, round, maildrops, &mut each).await;
        whole.push(last);
    }
    print_quantiles("EOF to the next PASS in that maildrop", &mut each);
    print_quantiles("the last EOF to the last PASS", &mut whole);
}

/// Returns the time from the last EOF to the last PASS.
async fn stop_one(
    site: &mut Site,
    round: usize,
    maildrops: usize,
    each: &mut Vec<Duration>,
) -> Duration {
    let stopped = site.gates.remove(0);
    let next = site.gates[0].plain;
    let name = |number: usize| format!("s{round}x{number}");
    let mut holders = Vec::new();
    let mut waiting = JoinSet::new();
    for number in 0..maildrops {
        let mut holder = Client::connect(stopped.plain, None).await;
        holder.log_in(&name(number)).await;
        holders.push(holder);
    }
    for number in 0..maildrops {
        let name = name(number).to_uppercase();
        waiting.spawn(async move {
            let mut client = Client::connect(next, None).await;
            client.log_in(&name).await;
            client.ask("QUIT").await;
        });
    }
    until_waiting(&site.gates[0], maildrops).await;
    let process = Pid::from_raw(i32::try_from(stopped.id()).unwrap()).unwrap();
    kill_process(process, Signal::TERM).unwrap();
    // The second one closes at once; two signals at a time would be one.
    while is_ready(stopped.admin).await {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    kill_process(process, Signal::TERM).unwrap();
    waiting.join_all().await;
    drop(holders);
    drop(stopped);
    let fresh = site.gate(round + 3).await;
    site.gates.push(fresh);
    measured(site, &format!("s{round}x"), maildrops, each)
}

async fn until_waiting(gate: &crate::process::Front, count: usize) {
    let wanted = format!("popgate_lock_waiters{{tenant=\"default\"}} {count}");
    for _ in 0..1_000 {
        let page = crate::admin::get(gate.admin, "/metrics").await;
        if String::from_utf8_lossy(&page).contains(&wanted) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not {count} wait");
}

fn measured(site: &Site, prefix: &str, maildrops: usize, each: &mut Vec<Duration>) -> Duration {
    let log = site.log();
    let mut ends = HashMap::new();
    let mut starts = HashMap::new();
    for session in log.sessions() {
        let name = session.user.to_lowercase();
        if !name.starts_with(prefix) {
            continue;
        }
        if session.user == name {
            ends.insert(name, session.end.unwrap());
        } else {
            starts.insert(name, session.start);
        }
    }
    assert_eq!((ends.len(), starts.len()), (maildrops, maildrops));
    each.extend(ends.iter().map(|(name, end)| starts[name] - *end));
    *starts.values().max().unwrap() - *ends.values().max().unwrap()
}
