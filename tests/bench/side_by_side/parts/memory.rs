//! Memory of an idle session that has logged in, as the slope of the proportional set size between
//! two numbers of them; of popgate also of a waiting one, and of one on a listing. And CPU at rest.

use super::{Part, Site, healthy};
use crate::Outcome;
use crate::figures::{Figure, Target};
use crate::load::script::{IDLE, SHORT, Step, WAITING};
use crate::load::tls::{Handshake, configs};
use crate::load::{Closed, Load, Plan};
use crate::peers::{Gate, Kind, Peer};
use popgate::time::Duration;
use rustls::ClientConfig;
use std::net::SocketAddr;
use std::sync::Arc;

/// Sessions that are being opened at a time.
const PROGRAMS: usize = 16;
/// More rounds show nothing more: memory hardly differs.
const ROUNDS_MAX: usize = 3;
/// So many wait for one maildrop.
const WAITERS: usize = 10;

const fn memory(key: &'static str, title: &'static str, most: f64) -> Figure {
    Figure {
        key,
        part: Part::Memory,
        title,
        unit: "KiB",
        is_more_better: false,
        target: Some(Target::AtMost(most)),
    }
}

const PLAIN: Figure = memory("memory_plain", "memory of an idle session, plain", 3.0);
const TLS: Figure = memory("memory_tls", "memory of an idle session, TLS", 7.0);
const WAITER: Figure = memory("memory_waiter", "memory of a waiting session, plain", 3.0);
const VIEW: Figure = memory(
    "memory_view",
    "memory of a session on a listing, plain",
    3.0,
);

const fn rest(key: &'static str, title: &'static str, target: Option<Target>) -> Figure {
    Figure {
        key,
        part: Part::Memory,
        title,
        unit: "% of a core",
        is_more_better: false,
        target,
    }
}

const REST_PLAIN: Figure = rest(
    "rest_plain",
    "CPU of 9,000 idle sessions (smoke: 400), plain",
    Some(Target::AtMost(1.0)),
);
const REST_TLS: Figure = rest(
    "rest_tls",
    "CPU of 9,000 idle sessions (smoke: 400), TLS",
    None,
);

pub(super) fn measure(site: &mut Site) {
    site.figures
        .declare([&PLAIN, &TLS, &WAITER, &VIEW, &REST_PLAIN, &REST_TLS]);
    println!("memory of idle sessions");
    let rounds = site.extent.rounds.min(ROUNDS_MAX);
    for round in 0..rounds {
        for place in 0..site.kinds.len() {
            let kind = site.kinds[(place + round) % site.kinds.len()];
            if kind == Kind::Straight {
                continue;
            }
            for is_tls in [false, true] {
                let result = idle(site, kind, is_tls, round);
                site.tell(Part::Memory, kind, round, result);
            }
        }
        if site.kinds.contains(&Kind::Popgate) {
            for of_gate in [waiting, on_listings] {
                let result = of_gate(site, round);
                site.tell(Part::Memory, Kind::Popgate, round, result);
            }
        }
    }
}

/// A peer that has just started: what it kept from an earlier load would hide what it needs.
fn idle(site: &mut Site, kind: Kind, is_tls: bool, round: usize) -> Outcome<String> {
    let peer = Peer::start(kind, &site.grounds)?;
    let [first, last, most] = if kind.forks() {
        site.extent.idle_forked
    } else {
        site.extent.idle
    };
    let tls = if is_tls {
        configs(Handshake::Full, PROGRAMS)?
    } else {
        Vec::new()
    };
    let (address, way) = if is_tls {
        (peer.tls, "TLS")
    } else {
        (peer.plain, "plain")
    };
    let mut crowd = Crowd::new(site, address, tls)?;
    let slope = slope(&peer, &mut crowd, IDLE, [first, last], &|number| {
        format!("user{number}")
    })?;
    let (figure, of_rest) = if is_tls {
        (&TLS, &REST_TLS)
    } else {
        (&PLAIN, &REST_PLAIN)
    };
    site.figures.add(figure, kind, round, slope);
    let mut line = format!("{way:<6} {slope:>7.2} KiB");
    if !kind.forks() {
        crowd.grow(most - last, IDLE, &|number| {
            format!("user{}", last + number)
        })?;
        let share = at_rest(&peer, &mut crowd, site.extent.rest)?;
        site.figures.add(of_rest, kind, round, share);
        line += &format!("  {most} at rest: {share:.2} % of a core");
    }
    Ok(line)
}

fn waiting(site: &mut Site, round: usize) -> Outcome<String> {
    let gate = Gate {
        is_patient: true,
        ..Gate::default()
    };
    let peer = Peer::start_gate(&gate, &site.grounds)?;
    let [first, last, _] = site.extent.idle;
    let mut holders = Crowd::new(site, peer.plain, Vec::new())?;
    holders.grow(last / WAITERS, IDLE, &|number| format!("user{number}"))?;
    let mut waiters = Crowd::new(site, peer.plain, Vec::new())?;
    let user = |number: usize| format!("user{}", number / WAITERS);
    let slope = slope(&peer, &mut waiters, WAITING, [first, last], &user)?;
    site.figures.add(&WAITER, Kind::Popgate, round, slope);
    Ok(format!("waiting {slope:>6.2} KiB"))
}

fn on_listings(site: &mut Site, round: usize) -> Outcome<String> {
    let gate = Gate {
        is_sharing: true,
        ..Gate::default()
    };
    let peer = Peer::start_gate(&gate, &site.grounds)?;
    let [first, last, _] = site.extent.idle;
    let user = |number: usize| format!("user{number}");
    let mut polls = Crowd::new(site, peer.plain, Vec::new())?;
    polls.run(last, SHORT, &user)?;
    let mut crowd = Crowd::new(site, peer.plain, Vec::new())?;
    let slope = slope(&peer, &mut crowd, IDLE, [first, last], &user)?;
    site.figures.add(&VIEW, Kind::Popgate, round, slope);
    Ok(format!("view   {slope:>7.2} KiB"))
}

/// KiB a session.
fn slope(
    peer: &Peer,
    crowd: &mut Crowd,
    script: &'static [Step],
    [first, last]: [usize; 2],
    user: &dyn Fn(usize) -> String,
) -> Outcome<f64> {
    crowd.grow(first, script, user)?;
    let before = peer.group.memory();
    crowd.grow(last - first, script, &|number| user(first + number))?;
    let after = peer.group.memory();
    Ok(after.saturating_sub(before) as f64 / 1_024.0 / (last - first) as f64)
}

/// CPU as a share of a core, in percent.
fn at_rest(peer: &Peer, crowd: &mut Crowd, span: Duration) -> Outcome<f64> {
    let before = peer.group.cpu()?;
    healthy(crowd.load.rest(span)?)?;
    let used = peer.group.cpu()? - before;
    Ok(used.as_secs_f64() / span.as_secs_f64() * 100.0)
}

/// Sessions that stay.
struct Crowd {
    load: Load,
    address: SocketAddr,
    tls: Vec<Arc<ClientConfig>>,
    settled: Duration,
}

impl Crowd {
    fn new(site: &Site, address: SocketAddr, tls: Vec<Arc<ClientConfig>>) -> Outcome<Self> {
        Ok(Self {
            settled: site.extent.settled,
            load: Load::new()?,
            address,
            tls,
        })
    }

    /// So many more; each must be there when all are.
    fn grow(
        &mut self,
        count: usize,
        script: &'static [Step],
        user: &dyn Fn(usize) -> String,
    ) -> Outcome<()> {
        let expected = self.load.stayed() + count;
        self.run(count, script, user)?;
        healthy(self.load.rest(self.settled)?)?;
        let there = self.load.stayed();
        if there < expected {
            return Err(format!("{there} of {expected} sessions are there").into());
        }
        Ok(())
    }

    fn run(
        &mut self,
        count: usize,
        script: &'static [Step],
        user: &dyn Fn(usize) -> String,
    ) -> Outcome<()> {
        let begun = self.load.begun();
        let plan = Plan {
            address: self.address,
            tls: &self.tls,
            script,
            programs: PROGRAMS,
            user: &|_, number| user(number - begun),
        };
        healthy(self.load.run(&plan, &mut Closed { left: count })?)?;
        Ok(())
    }
}
