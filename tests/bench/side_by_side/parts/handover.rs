//! From the end of one session to the next PASS, as the backend sees it, with eight programs at one
//! maildrop; beside a fresh login straight at the backend, by the same kind of session. Where
//! sessions have no pause there is hardly time to hold a connection ready for the next one.

use super::{Part, Site, healthy};
use crate::Outcome;
use crate::figures::{Figure, Target};
use crate::load::script::{self, Step};
use crate::load::tally::microseconds;
use crate::load::{Closed, Load, Plan};
use crate::peers::{Kind, Peer};

const PROGRAMS: usize = 8;
const ROUNDS_MAX: usize = 3;
/// A login at the backend for so many hand-overs.
const LOGIN_FOR: usize = 4;
/// So many times fewer where sessions take a while.
const FEWER: usize = 8;

/// How long sessions are, and the figures of it.
struct Way {
    name: &'static str,
    script: &'static [Step],
    fewer: usize,
    median: &'static Figure,
    high: &'static Figure,
}

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

const WAYS: &[Way] = &[
    Way {
        name: "sessions of 5 ms",
        script: script::LINGERING,
        fewer: FEWER,
        median: &figure(
            "handover_p50",
            "hand-over, median (straight: a fresh login, median)",
            0.5,
        ),
        high: &figure(
            "handover_p99",
            "hand-over, 99th percentile (straight: a fresh login, median)",
            2.0,
        ),
    },
    Way {
        name: "sessions without a pause",
        script: script::SHORT,
        fewer: 1,
        median: &figure(
            "handover_busy_p50",
            "the same, sessions without a pause, median",
            0.5,
        ),
        high: &figure(
            "handover_busy_p99",
            "the same, sessions without a pause, 99th percentile",
            2.0,
        ),
    },
];

pub(super) fn measure(site: &mut Site) {
    if !site.kinds.contains(&Kind::Popgate) {
        return;
    }
    let kinds = site.kinds.clone();
    // The others have none.
    site.kinds.retain(|kind| kind.is_ours());
    let peers = site.start_all(Part::Handover);
    site.kinds = kinds;
    for way in WAYS {
        println!(
            "hand-over, {PROGRAMS} programs at one maildrop, {}",
            way.name
        );
        site.rounds_up_to(
            ROUNDS_MAX,
            Part::Handover,
            &peers,
            |site, peer, round| match peer.kind {
                Kind::Straight => fresh_logins(site, way, peer, round),
                _ => hand_overs(site, way, peer, round),
            },
        );
    }
}

fn fresh_logins(site: &mut Site, way: &Way, peer: &Peer, round: usize) -> Outcome<String> {
    let plan = plan(way, peer, 1, &|_, number| format!("user{number}"));
    let left = site.extent.handovers / way.fewer / LOGIN_FOR;
    let tally = healthy(Load::new()?.run(&plan, &mut Closed { left })?)?;
    let median = microseconds(&tally.login, 50.0);
    site.figures.add(way.median, peer.kind, round, median);
    site.figures.add(way.high, peer.kind, round, median);
    Ok(format!("a fresh login {median:.0} µs"))
}

fn hand_overs(site: &mut Site, way: &Way, peer: &Peer, round: usize) -> Outcome<String> {
    let plan = plan(way, peer, PROGRAMS, &|_, _| "lock0".to_owned());
    let left = site.extent.handovers / way.fewer;
    site.grounds.backend.seen()?;
    healthy(Load::new()?.run(&plan, &mut Closed { left })?)?;
    let mut gaps = site.grounds.backend.seen()?.gaps_ns;
    gaps.sort_unstable();
    let at = |percent: usize| {
        let last = gaps.len().checked_sub(1)?;
        Some(gaps[last * percent / 100] as f64 / 1e3)
    };
    let (median, high) = at(50).zip(at(99)).ok_or("the backend saw no hand-over")?;
    site.figures.add(way.median, peer.kind, round, median);
    site.figures.add(way.high, peer.kind, round, high);
    Ok(format!("p50 {median:.0} µs  p99 {high:.0} µs"))
}

fn plan<'a>(
    way: &Way,
    peer: &Peer,
    programs: usize,
    user: &'a dyn Fn(usize, usize) -> String,
) -> Plan<'a> {
    Plan {
        address: peer.plain,
        tls: &[],
        script: way.script,
        programs,
        user,
    }
}
