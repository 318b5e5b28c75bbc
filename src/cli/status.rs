//! `popgate status`: the gate at a glance.

use super::ExitStatus;
use super::cluster::in_a_line;
use super::listing::OutputArgs;
use super::screen::{Screen, Tone};
use super::table::{Cell, fields};
use super::target::GateArgs;
use super::units::{between, count, duration, time};
use crate::admin::model::{ClusterInfo, GateStatus};
use clap::Args;

/// Show the state of the running popgate at a glance
#[derive(Args, Debug)]
#[command(after_help = "\
Example, is anybody waiting right now:
  popgate status")]
pub(super) struct StatusArgs {
    #[command(flatten)]
    target: GateArgs,
    #[command(flatten)]
    output: OutputArgs,
}

impl StatusArgs {
    pub(super) fn run(&self) -> ExitStatus {
        let status = self
            .target
            .client()
            .and_then(|gate| gate.get("/status", &[]));
        self.output.print(status, shown)
    }
}

fn shown(status: &GateStatus, screen: Screen) -> String {
    let locks = &status.locks;
    let refusals = &status.refusals;
    let mut rows = vec![
        ("popgate", gate(status)),
        ("started", started(status)),
        ("sessions", sessions(status)),
        ("locks", Cell::from(format!("{} held", locks.held))),
        ("waiting", waiting(status)),
        (
            "logins",
            Cell::from(format!("{} accepted since the start", status.logins)),
        ),
        (
            "refused",
            Cell::from(format!(
                "{} for a lock, {} for name or password, {} by limits and blocks",
                refusals.lock, refusals.auth, refusals.rule
            )),
        ),
        ("backends", backends(status)),
        (
            "blocks",
            Cell::from(format!(
                "{} blocked, {} released",
                status.blocks.blocked, status.blocks.released
            )),
        ),
        ("paused", paused(status)),
        ("log level", Cell::from(&status.log_level)),
    ];
    if let Some(cluster) = &status.cluster {
        rows.push(("cluster", in_cluster(cluster)));
    }
    fields(&rows, screen)
}

fn gate(status: &GateStatus) -> Cell {
    let text = match &status.not_ready {
        Some(why) => format!("{}, {}: not ready, {why}", status.version, status.stage),
        None => format!("{}, {}", status.version, status.stage),
    };
    Cell::toned(&text, tone(!status.ready, Tone::Bad))
}

fn started(status: &GateStatus) -> Cell {
    let ago = between(status.started, status.now);
    Cell::from(format!("{}, {ago} ago", time(status.started)))
}

fn sessions(status: &GateStatus) -> Cell {
    let sessions = &status.sessions;
    let mut text = format!("{} of at most {}", sessions.open, sessions.max);
    if sessions.viewing > 0 {
        text.push_str(&format!(", {} without their maildrop", sessions.viewing));
    }
    Cell::toned(&text, tone(sessions.open >= sessions.max, Tone::Bad))
}

fn waiting(status: &GateStatus) -> Cell {
    let locks = &status.locks;
    if locks.waiting == 0 {
        return Cell::from("nobody");
    }
    let text = format!(
        "{} for {}, the longest for {}",
        count(locks.waiting as u64, "login", "logins"),
        count(locks.contended as u64, "maildrop", "maildrops"),
        duration(locks.longest_wait_seconds)
    );
    Cell::toned(&text, Tone::Warning)
}

fn backends(status: &GateStatus) -> Cell {
    let backends = &status.backends;
    let text = format!("{} of {} up", backends.up, backends.total);
    Cell::toned(&text, tone(backends.up < backends.total, Tone::Bad))
}

fn paused(status: &GateStatus) -> Cell {
    let tenants = status.paused.tenants.iter();
    let backends = status.paused.backends.iter();
    let all: Vec<String> = tenants
        .map(|name| format!("tenant {name}"))
        .chain(backends.map(|name| format!("backend {name}")))
        .collect();
    match &*all.join(", ") {
        "" => Cell::from("nothing"),
        names => Cell::toned(names, Tone::Warning),
    }
}

fn in_cluster(cluster: &ClusterInfo) -> Cell {
    let is_odd = cluster.state != "healthy";
    Cell::toned(&in_a_line(cluster), tone(is_odd, Tone::Bad))
}

fn tone(is_odd: bool, tone: Tone) -> Tone {
    if is_odd { tone } else { Tone::Plain }
}
