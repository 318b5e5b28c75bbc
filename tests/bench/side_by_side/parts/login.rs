//! What a proxy adds to the time of a login, from connect to the answer to PASS, with one client
//! that comes fifty times a second; a login that begins late counts from when it was to begin.

use super::{Part, Site, healthy};
use crate::figures::{Figure, Target};
use crate::load::tally::microseconds;
use crate::load::{Fixed, Load, Plan, script};
use crate::peers::Kind;
use popgate::time::Duration;

const PERIOD: Duration = Duration::from_millis(20);

const fn figure(key: &'static str, title: &'static str, target: Option<Target>) -> Figure {
    Figure {
        key,
        part: Part::Login,
        title,
        unit: "µs",
        is_more_better: false,
        target,
    }
}

const MEDIAN: Figure = figure("login_p50", "a login, median", None);
const HIGH: Figure = figure("login_p99", "a login, 99th percentile", None);
const ADDED: Figure = figure(
    "login_added_p50",
    "added to a login, median",
    Some(Target::AtMost(300.0)),
);
const ADDED_HIGH: Figure = figure(
    "login_added_p99",
    "added to a login, 99th percentile (to straight's median)",
    None,
);

pub(super) fn measure(site: &mut Site) {
    println!(
        "one login at a time, {} a second",
        1_000 / PERIOD.as_millis()
    );
    site.figures.declare([&ADDED, &ADDED_HIGH, &MEDIAN, &HIGH]);
    let peers = site.start_all(Part::Login);
    site.rounds(Part::Login, &peers, |site, peer, round| {
        let plan = Plan {
            address: peer.plain,
            tls: &[],
            script: script::SHORT,
            programs: 1,
            user: &|_, number| format!("user{number}"),
        };
        let mut schedule = Fixed {
            period: PERIOD,
            left: site.extent.logins,
            planned: None,
        };
        let tally = healthy(Load::new()?.run(&plan, &mut schedule)?)?;
        let [median, high] = [50.0, 99.0].map(|percent| microseconds(&tally.login, percent));
        site.figures.add(&MEDIAN, peer.kind, round, median);
        site.figures.add(&HIGH, peer.kind, round, high);
        Ok(format!("p50 {median:.0} µs  p99 {high:.0} µs"))
    });
    add_differences(site, &MEDIAN, &ADDED);
    add_differences(site, &HIGH, &ADDED_HIGH);
}

/// To straight's median, in the same round.
fn add_differences(site: &mut Site, from: &'static Figure, to: &'static Figure) {
    let samples_of = |figure: &Figure| {
        let row = site.figures.row(figure.key);
        row.map(|row| row.samples.clone()).unwrap_or_default()
    };
    let samples = samples_of(from);
    let Some(straight) = samples_of(&MEDIAN).remove(&Kind::Straight) else {
        return;
    };
    for (kind, values) in &samples {
        for (round, value) in values {
            if let (true, Some(straight)) = (*kind != Kind::Straight, straight.get(round)) {
                site.figures.add(to, *kind, *round, value - straight);
            }
        }
    }
}
