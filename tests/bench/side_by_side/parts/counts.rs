//! What a short session costs popgate in counts, which are no noise: system calls, as strace sees
//! them, and the instructions of its own code, as callgrind does. They stand in `NOTES.md`: what has
//! grown by more than a twentieth since its last line there needs a new one, which says why.

use super::{Part, Site, healthy};
use crate::Outcome;
use crate::figures::Figure;
use crate::load::{Closed, Load, Plan, script};
use crate::peers::{Gate, Kind, Peer};
use std::fs;
use std::path::Path;

const NOTES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bench/NOTES.md");
const GROWTH_MAX: f64 = 1.05;
/// The first sessions pay for what all share.
const WARM: usize = 20;
const COUNTED: usize = 200;

const SYSTEM_CALLS: Figure = Figure {
    key: "session_system_calls",
    part: Part::Counts,
    title: "a short session of popgate",
    unit: "system calls",
    is_more_better: false,
    target: None,
};
const INSTRUCTIONS: Figure = Figure {
    key: "session_instructions",
    part: Part::Counts,
    title: "a short session of popgate",
    unit: "instructions",
    is_more_better: false,
    target: None,
};

pub(super) fn measure(site: &mut Site) {
    println!("counts of a short session of popgate, one after the other");
    count(site, &SYSTEM_CALLS, "/usr/bin/strace", system_calls);
    count(site, &INSTRUCTIONS, "/usr/bin/valgrind", instructions);
}

fn count(
    site: &mut Site,
    figure: &'static Figure,
    tool: &str,
    counted: impl Fn(&Site) -> Outcome<f64>,
) {
    if !Path::new(tool).exists() {
        println!("  {} are not counted: {tool} is not there", figure.unit);
        return;
    }
    let result = counted(site).and_then(|count| {
        site.figures.add(figure, Kind::Popgate, 0, count);
        within_notes(figure.unit, count, &fs::read_to_string(NOTES)?)?;
        Ok(format!("{count:.1} {}", figure.unit))
    });
    site.tell(Part::Counts, Kind::Popgate, 0, result);
}

/// A worker that waits wakes now and then, too, which is little beside this many sessions.
fn system_calls(site: &Site) -> Outcome<f64> {
    let gate = under(&["/usr/bin/strace", "-f", "-o", "calls"]);
    let peer = Peer::start_gate(&gate, &site.grounds)?;
    sessions(&peer, WARM)?;
    let before = calls(&peer)?;
    sessions(&peer, COUNTED)?;
    Ok((calls(&peer)? - before) as f64 / COUNTED as f64)
}

/// A call that another thread interrupts has two lines.
fn calls(peer: &Peer) -> Outcome<usize> {
    let text = peer.file("run0/calls")?;
    let lines = text.lines().filter(|line| !line.contains(" resumed>"));
    Ok(lines.count())
}

/// Of two runs, one longer than the other by the sessions that count.
fn instructions(site: &Site) -> Outcome<f64> {
    let all = |count| {
        let options = ["--tool=callgrind", "--callgrind-out-file=instructions"];
        let gate = under(&["/usr/bin/valgrind", options[0], options[1]]);
        let mut peer = Peer::start_gate(&gate, &site.grounds)?;
        sessions(&peer, count)?;
        peer.group.finish()?;
        summary(&peer.file("run0/instructions")?)
    };
    Ok((all(WARM + COUNTED)? - all(WARM)?) / COUNTED as f64)
}

fn summary(written: &str) -> Outcome<f64> {
    let line = written
        .lines()
        .find_map(|line| line.strip_prefix("summary: "));
    Ok(line.ok_or("callgrind has no summary")?.trim().parse()?)
}

fn under(command: &[&str]) -> Gate {
    Gate {
        under: command.iter().map(|&word| word.to_owned()).collect(),
        ..Gate::default()
    }
}

fn sessions(peer: &Peer, count: usize) -> Outcome<()> {
    let plan = Plan {
        address: peer.plain,
        tls: &[],
        script: script::SHORT,
        programs: 1,
        user: &|_, number| format!("user{number}"),
    };
    healthy(Load::new()?.run(&plan, &mut Closed { left: count })?)?;
    Ok(())
}

/// # Errors
///
/// If `count` has grown since the last row of `notes` that counts `what`.
fn within_notes(what: &str, count: f64, notes: &str) -> Outcome<()> {
    let noted = last_noted(what, notes).ok_or_else(|| format!("{NOTES} has no count of {what}"))?;
    if count <= noted * GROWTH_MAX {
        return Ok(());
    }
    Err(format!(
        "{count:.1} {what} a session, and {noted:.1} at the last count: find out why, or say it in a row of {NOTES}"
    )
    .into())
}

/// From rows as `| instructions | 184,000 | … |`.
pub(crate) fn last_noted(what: &str, notes: &str) -> Option<f64> {
    let mut rows = notes.lines().filter_map(|line| {
        let mut cells = line.trim().strip_prefix('|')?.split('|').map(str::trim);
        let (of, count) = (cells.next()?, cells.next()?);
        (of == what).then(|| count.replace(',', "").parse().ok())?
    });
    rows.next_back()
}
