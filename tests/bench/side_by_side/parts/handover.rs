//! From the end of one session to the next PASS, as the backend sees it, with eight programs at one
//! maildrop; beside a fresh login straight at the backend.

use super::{Part, Site, healthy};
use crate::Outcome;
use crate::figures::{Figure, Target};
use crate::load::tally::microseconds;
use crate::load::{Closed, Load, Plan, script};
use crate::peers::{Kind, Peer};

const PROGRAMS: usize = 8;
/// A login at the backend for so many hand-overs.
const LOGIN_FOR: usize = 4;

const fn figure(key: &'static str, title: &'static str, most: f64) -> Figure {
    Figure {
        key,
        part: Part::Handover,
        title,
        unit: "µs",
        is_more_better: false,
        target: Some(Target::OfStraight(most)),
    }
}

const MEDIAN: Figure = figure(
    "handover_p50",
    "hand-over, median; straight: a fresh login, median",
    0.5,
);
const HIGH: Figure = figure(
    "handover_p99",
    "hand-over, 99th percentile; straight: a fresh login, median",
    2.0,
);

pub(super) fn measure(site: &mut Site) {
    if !site.kinds.contains(&Kind::Popgate) {
        return;
    }
    println!("hand-over, {PROGRAMS} programs at one maildrop");
    let mut peers = site.start_all(Part::Handover);
    // The others have none.
    peers.retain(|peer| peer.kind.is_ours());
    site.rounds(Part::Handover, &peers, |site, peer, round| {
        match peer.kind {
            Kind::Straight => fresh_logins(site, peer, round),
            _ => hand_overs(site, peer, round),
        }
    });
}

fn fresh_logins(site: &mut Site, peer: &Peer, round: usize) -> Outcome<String> {
    let plan = plan(peer, 1, &|_, number| format!("user{number}"));
    let left = site.extent.handovers / LOGIN_FOR;
    let tally = healthy(Load::new()?.run(&plan, &mut Closed { left })?)?;
    let median = microseconds(&tally.login, 50.0);
    site.figures.add(&MEDIAN, peer.kind, round, median);
    site.figures.add(&HIGH, peer.kind, round, median);
    Ok(format!("a fresh login {median:.0} µs"))
}

fn hand_overs(site: &mut Site, peer: &Peer, round: usize) -> Outcome<String> {
    let plan = plan(peer, PROGRAMS, &|_, _| "lock0".to_owned());
    let left = site.extent.handovers;
    site.grounds.backend.seen()?;
    healthy(Load::new()?.run(&plan, &mut Closed { left })?)?;
    let mut gaps = site.grounds.backend.seen()?.gaps_ns;
    gaps.sort_unstable();
    let at = |percent: usize| {
        let last = gaps.len().checked_sub(1)?;
        Some(gaps[last * percent / 100] as f64 / 1e3)
    };
    let (median, high) = at(50).zip(at(99)).ok_or("the backend saw no hand-over")?;
    site.figures.add(&MEDIAN, peer.kind, round, median);
    site.figures.add(&HIGH, peer.kind, round, high);
    Ok(format!("p50 {median:.0} µs  p99 {high:.0} µs"))
}

fn plan<'a>(peer: &Peer, programs: usize, user: &'a dyn Fn(usize, usize) -> String) -> Plan<'a> {
    Plan {
        address: peer.plain,
        tls: &[],
        script: script::SHORT,
        programs,
        user,
    }
}
