//! CPU for a gigabyte of RETR, in messages of 1 MB and of 30 kB, plain and in TLS.

use super::{Part, Site, healthy};
use crate::Outcome;
use crate::backend::{LARGE, SMALL};
use crate::figures::{Figure, Target};
use crate::load::script::{IDLE, Step};
use crate::load::tls::{Handshake, configs};
use crate::load::{Closed, Load, Plan};
use crate::peers::{Kind, Peer};
use popgate::time::Duration;

/// Sessions at a time; each fetches many messages.
const PROGRAMS: usize = 32;
/// So many small messages are fetched for one large one. Some peers take 40 ms for each of them, as
/// they send the end of a message only when what came before it was acknowledged.
const SMALL_FOR_LARGE: usize = 5;

struct Way {
    name: &'static str,
    command: &'static str,
    octets: usize,
    is_tls: bool,
    cpu: &'static Figure,
    rate: &'static Figure,
}

const fn cpu(key: &'static str, title: &'static str, target: Target) -> Figure {
    Figure {
        key,
        part: Part::Bulk,
        title,
        unit: "ms",
        is_more_better: false,
        target: Some(target),
    }
}

const fn rate(key: &'static str, title: &'static str) -> Figure {
    Figure {
        key,
        part: Part::Bulk,
        title,
        unit: "MB/s",
        is_more_better: true,
        target: None,
    }
}

const WAYS: &[Way] = &[
    Way {
        name: "1 MB messages, plain",
        command: "RETR 2",
        octets: LARGE,
        is_tls: false,
        cpu: &cpu(
            "bulk_cpu_large_plain",
            "CPU of a GB of 1 MB messages, plain",
            Target::OfHaproxy(0.9),
        ),
        rate: &rate("bulk_rate_large_plain", "1 MB messages, plain"),
    },
    Way {
        name: "30 kB messages, plain",
        command: "RETR 1",
        octets: SMALL,
        is_tls: false,
        cpu: &cpu(
            "bulk_cpu_small_plain",
            "CPU of a GB of 30 kB messages, plain",
            Target::OfBest(1.0),
        ),
        rate: &rate("bulk_rate_small_plain", "30 kB messages, plain"),
    },
    Way {
        name: "1 MB messages, TLS",
        command: "RETR 2",
        octets: LARGE,
        is_tls: true,
        cpu: &cpu(
            "bulk_cpu_large_tls",
            "CPU of a GB of 1 MB messages, TLS",
            Target::OfHaproxy(0.75),
        ),
        rate: &rate("bulk_rate_large_tls", "1 MB messages, TLS"),
    },
    Way {
        name: "30 kB messages, TLS",
        command: "RETR 1",
        octets: SMALL,
        is_tls: true,
        cpu: &cpu(
            "bulk_cpu_small_tls",
            "CPU of a GB of 30 kB messages, TLS",
            Target::OfBest(1.0),
        ),
        rate: &rate("bulk_rate_small_tls", "30 kB messages, TLS"),
    },
];

pub(super) fn measure(site: &mut Site) {
    let peers = site.start_all(Part::Bulk);
    for way in WAYS {
        site.figures.declare([way.cpu, way.rate]);
        println!("CPU of a GB of {}", way.name);
        let small = if way.octets == LARGE {
            1
        } else {
            SMALL_FOR_LARGE
        };
        let messages = (site.extent.messages * small).div_ceil(PROGRAMS);
        let script = script(way.command, messages);
        site.rounds(Part::Bulk, &peers, |site, peer, round| {
            if peer.kind == Kind::Straight && way.is_tls {
                return Ok("(has no TLS)".to_owned());
            }
            let (cpu, elapsed) = fetch(peer, way, script)?;
            let gigabytes = (PROGRAMS * messages * way.octets) as f64 / 1e9;
            let rate = gigabytes * 1e3 / elapsed.as_secs_f64();
            site.figures.add(way.rate, peer.kind, round, rate);
            let mut line = format!("{rate:>6.0} MB/s");
            if peer.kind != Kind::Straight {
                let cpu = cpu.as_secs_f64() * 1e3 / gigabytes;
                site.figures.add(way.cpu, peer.kind, round, cpu);
                line = format!("CPU {cpu:>6.0} ms  {line}");
            }
            Ok(line)
        });
    }
}

/// CPU and time from when all have logged in.
fn fetch(peer: &Peer, way: &Way, script: &'static [Step]) -> Outcome<(Duration, Duration)> {
    let tls = if way.is_tls {
        configs(Handshake::Full, PROGRAMS)?
    } else {
        Vec::new()
    };
    let mut plan = Plan {
        address: if way.is_tls { peer.tls } else { peer.plain },
        tls: &tls,
        script: IDLE,
        programs: PROGRAMS,
        user: &|_, number| format!("user{number}"),
    };
    let mut load = Load::new()?;
    healthy(load.run(&plan, &mut Closed { left: PROGRAMS })?)?;
    plan.script = script;
    let before = peer.group.cpu()?;
    let tally = healthy(load.go_on(&plan)?)?;
    Ok((peer.group.cpu()? - before, tally.elapsed))
}

/// After login. Kept for the whole run, as the few that there are.
fn script(command: &'static str, messages: usize) -> &'static [Step] {
    let mut steps = vec![Step::Greeting];
    steps.extend(std::iter::repeat_n(Step::Fetch(command), messages));
    steps.push(Step::Ask("QUIT"));
    steps.leak()
}
