//! Fifty programs share five maildrops that lock: who gets in, who is told of a lock, how long they
//! wait, and how long the backend is idle while somebody waits.

use super::{Part, Site};
use crate::Outcome;
use crate::figures::{Figure, Target};
use crate::load::tally::microseconds;
use crate::load::{Again, Load, Plan, script};
use crate::peers::Peer;
use popgate::time::{Duration, Instant};

const PROGRAMS: usize = 50;
const MAILDROPS: usize = 5;
const ROUNDS_MAX: usize = 3;
/// So much later a program comes again, whatever its last session came to: sooner than any real
/// one. Ten programs then want about one and a half times what one maildrop has to give.
const PAUSE: Duration = Duration::from_millis(300);

const fn figure(
    key: &'static str,
    title: &'static str,
    unit: &'static str,
    target: Option<Target>,
) -> Figure {
    Figure {
        key,
        part: Part::Contention,
        title,
        unit,
        is_more_better: false,
        target,
    }
}

const DONE: Figure = Figure {
    is_more_better: true,
    ..figure("contention_done", "sessions that went well", "/s", None)
};
const ERRORS: Figure = figure(
    "contention_errors",
    "logins refused as locked",
    "%",
    Some(Target::AtMost(0.0)),
);
const WAIT: Figure = figure("contention_wait_p50", "wait of a login, median", "ms", None);
const WAIT_HIGH: Figure = figure(
    "contention_wait_p99",
    "wait of a login, 99th percentile",
    "ms",
    None,
);
const IDLE: Figure = figure(
    "contention_idle",
    "maildrops idle while somebody waits",
    "%",
    Some(Target::AtMost(5.0)),
);

pub(super) fn measure(site: &mut Site) {
    println!("{PROGRAMS} programs share {MAILDROPS} maildrops that lock");
    let peers = site.start_all(Part::Contention);
    site.rounds_up_to(ROUNDS_MAX, Part::Contention, &peers, contend);
}

fn contend(site: &mut Site, peer: &Peer, round: usize) -> Outcome<String> {
    let plan = Plan {
        address: peer.plain,
        tls: &[],
        script: script::FETCHING,
        programs: PROGRAMS,
        user: &|program, _| format!("lock{}", program % MAILDROPS),
    };
    let mut schedule = Again {
        until: Instant::now() + site.extent.contention,
        pause: PAUSE,
    };
    site.grounds.backend.seen()?;
    let tally = Load::new()?.run(&plan, &mut schedule)?;
    let seen = site.grounds.backend.seen()?;
    if tally.broken > 0 || tally.stalled > 0 {
        return Err(tally.trouble().unwrap_or_default().into());
    }
    let rate = tally.done as f64 / tally.elapsed.as_secs_f64();
    let errors = tally.refused as f64 * 100.0 / (tally.refused + tally.done) as f64;
    let [wait, high] = [50.0, 99.0].map(|percent| microseconds(&tally.pass, percent) / 1e3);
    let idle = seen.idle_us as f64 * 100.0 / seen.span_us as f64;
    let values = [
        (&DONE, rate),
        (&ERRORS, errors),
        (&WAIT, wait),
        (&WAIT_HIGH, high),
    ];
    for (figure, value) in values.into_iter().chain([(&IDLE, idle)]) {
        site.figures.add(figure, peer.kind, round, value);
    }
    let refused = tally.refused;
    Ok(format!(
        "{rate:>5.1}/s  {refused:>4} lock errors ({errors:.0} %)  wait p50 {wait:.0} ms  \
         p99 {high:.0} ms  idle {idle:.2} %"
    ))
}
