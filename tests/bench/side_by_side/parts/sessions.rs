//! CPU, rate and duration of a short session: connect, log in, STAT, QUIT; plain, and in TLS with
//! full and with resumed handshakes.

use super::{Part, Site, healthy};
use crate::Outcome;
use crate::figures::{Figure, Target};
use crate::load::tally::microseconds;
use crate::load::tls::{Handshake, configs};
use crate::load::{Closed, Load, Plan, Tally, script};
use crate::peers::{Kind, Peer};
use rustix::time::{ClockId, clock_gettime};
use rustls::ClientConfig;
use std::sync::Arc;

/// Sessions at a time.
pub(crate) const PROGRAMS: usize = 32;
/// A peer that takes milliseconds for each session is known from fewer of them.
const FOR_FORKING: usize = 5;
/// Of the handshakes that are to be resumed, the first of each program cannot be.
const RESUMED_LEAST: f64 = 0.9;

/// How sessions come, and the figures of it.
struct Way {
    name: &'static str,
    handshake: Option<Handshake>,
    cpu: &'static Figure,
    rate: &'static Figure,
    median: &'static Figure,
    high: &'static Figure,
}

const fn cpu(key: &'static str, title: &'static str, target: Target) -> Figure {
    Figure {
        key,
        part: Part::Sessions,
        title,
        unit: "µs",
        is_more_better: false,
        target: Some(target),
    }
}

const fn rate(key: &'static str, title: &'static str) -> Figure {
    Figure {
        key,
        part: Part::Sessions,
        title,
        unit: "/s",
        is_more_better: true,
        target: None,
    }
}

const fn duration(key: &'static str, title: &'static str) -> Figure {
    Figure {
        key,
        part: Part::Sessions,
        title,
        unit: "µs",
        is_more_better: false,
        target: None,
    }
}

const WAYS: &[Way] = &[
    Way {
        name: "plain",
        handshake: None,
        cpu: &cpu(
            "session_cpu_plain",
            "CPU of a short session, plain",
            Target::OfHaproxy(0.95),
        ),
        rate: &rate("session_rate_plain", "short sessions, plain"),
        median: &duration("session_p50_plain", "duration of one, plain, median"),
        high: &duration(
            "session_p99_plain",
            "duration of one, plain, 99th percentile",
        ),
    },
    Way {
        name: "TLS, full",
        handshake: Some(Handshake::Full),
        cpu: &cpu(
            "session_cpu_tls_full",
            "CPU of a short session, TLS, full handshake",
            Target::OfBest(0.8),
        ),
        rate: &rate("session_rate_tls_full", "short sessions, TLS, full"),
        median: &duration("session_p50_tls_full", "duration of one, TLS, full, median"),
        high: &duration(
            "session_p99_tls_full",
            "duration of one, TLS, full, 99th percentile",
        ),
    },
    Way {
        name: "TLS, resumed",
        handshake: Some(Handshake::Resumed),
        cpu: &cpu(
            "session_cpu_tls_resumed",
            "CPU of a short session, TLS, resumed handshake",
            Target::OfBest(0.8),
        ),
        rate: &rate("session_rate_tls_resumed", "short sessions, TLS, resumed"),
        median: &duration(
            "session_p50_tls_resumed",
            "duration of one, TLS, resumed, median",
        ),
        high: &duration(
            "session_p99_tls_resumed",
            "duration of one, TLS, resumed, 99th percentile",
        ),
    },
];

pub(super) fn measure(site: &mut Site) {
    let peers = site.start_all(Part::Sessions);
    for way in WAYS {
        site.figures
            .declare([way.cpu, way.rate, way.median, way.high]);
        println!("short sessions, {}", way.name);
        let count = match way.handshake {
            None => site.extent.sessions,
            Some(_) => site.extent.tls_sessions,
        };
        let count_for = |kind: Kind| {
            if kind.forks() {
                count / FOR_FORKING
            } else {
                count
            }
        };
        site.rounds(Part::Sessions, &peers, |site, peer, round| {
            // The backend speaks no TLS.
            if peer.kind == Kind::Straight && way.handshake.is_some() {
                return Ok("(has no TLS)".to_owned());
            }
            let tls = way
                .handshake
                .map(|handshake| configs(handshake, PROGRAMS))
                .transpose()?;
            let tls = tls.unwrap_or_default();
            short_sessions(peer, &tls, PROGRAMS)?;
            let before = Used::so_far(site, peer)?;
            let tally = short_sessions(peer, &tls, count_for(peer.kind))?;
            let used = Used::so_far(site, peer)?.since(before, tally.done);
            if peer.kind == Kind::Straight {
                let (load, backend) = (used.load, used.backend);
                let words = format!("load {load:.0} µs, backend {backend:.0} µs");
                let topic = "CPU of a session:";
                site.figures.note(Part::Sessions, peer.kind, topic, words);
            }
            Ok(note(site, way, peer.kind, round, used.peer, &tally))
        });
    }
    note_headroom(site);
}

/// # Errors
///
/// If one of them does not go well.
fn short_sessions(peer: &Peer, tls: &[Arc<ClientConfig>], count: usize) -> Outcome<Tally> {
    let plan = Plan {
        address: if tls.is_empty() { peer.plain } else { peer.tls },
        tls,
        script: script::SHORT,
        programs: PROGRAMS,
        user: &|_, number| format!("user{number}"),
    };
    healthy(Load::new()?.run(&plan, &mut Closed { left: count })?)
}

/// Load and backend must be so much faster than each proxy that it is the proxy which is measured.
fn note_headroom(site: &mut Site) {
    let row = site.figures.row(WAYS[0].rate.key);
    let headroom = row.and_then(|row| {
        let proxies = Kind::ALL.into_iter().filter(|kind| *kind != Kind::Straight);
        let rates = proxies.filter_map(|kind| Some(row.spread(kind)?.median));
        let best = rates.max_by(f64::total_cmp)?;
        Some(row.spread(Kind::Straight)?.median / best)
    });
    if let Some(headroom) = headroom {
        let (topic, words) = (
            "of the best proxy's sessions a second:",
            format!("{headroom:.1} times"),
        );
        site.figures
            .note(Part::Sessions, Kind::Straight, topic, words);
    }
}

/// CPU, in microseconds.
#[derive(Clone, Copy)]
struct Used {
    peer: f64,
    load: f64,
    backend: f64,
}

impl Used {
    fn so_far(site: &Site, peer: &Peer) -> Outcome<Self> {
        let load = clock_gettime(ClockId::ProcessCPUTime);
        Ok(Self {
            peer: peer.group.cpu()?.as_secs_f64() * 1e6,
            load: load.tv_sec as f64 * 1e6 + load.tv_nsec as f64 / 1e3,
            backend: site.grounds.backend.cpu()?.as_secs_f64() * 1e6,
        })
    }

    /// For each of so many sessions.
    fn since(self, before: Self, sessions: u64) -> Self {
        let each = |now: f64, then: f64| (now - then) / sessions as f64;
        Self {
            peer: each(self.peer, before.peer),
            load: each(self.load, before.load),
            backend: each(self.backend, before.backend),
        }
    }
}

fn note(site: &mut Site, way: &Way, kind: Kind, round: usize, cpu: f64, tally: &Tally) -> String {
    let rate = tally.done as f64 / tally.elapsed.as_secs_f64();
    let [median, high] = [50.0, 99.0].map(|percent| microseconds(&tally.total, percent));
    let resumed = tally.resumed as f64 / tally.done as f64;
    let expected = way.handshake == Some(Handshake::Resumed);
    let mut line = format!("{rate:>7.0}/s  p50 {median:>7.0} µs  p99 {high:>7.0} µs");
    if kind != Kind::Straight {
        line = format!("CPU {cpu:>6.1} µs  {line}");
    }
    if way.handshake.is_some() {
        line += &format!("  {:.0} % resumed", resumed * 100.0);
    }
    if expected && resumed < RESUMED_LEAST {
        let words = format!("{:.0} %", resumed * 100.0);
        site.figures
            .note(Part::Sessions, kind, "handshakes that were resumed:", words);
    }
    if kind != Kind::Straight {
        site.figures.add(way.cpu, kind, round, cpu);
    }
    site.figures.add(way.rate, kind, round, rate);
    site.figures.add(way.median, kind, round, median);
    site.figures.add(way.high, kind, round, high);
    line
}
