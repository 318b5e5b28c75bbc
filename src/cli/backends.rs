//! `popgate backends`: the servers behind the gate.

use super::ExitStatus;
use super::listing::{OutputArgs, PageArgs, list_or_nothing};
use super::screen::{Screen, Tone};
use super::table::{Cell, Column, TextTable, or_dash};
use super::target::GateArgs;
use crate::admin::model::{BackendInfo, BackendStateWord, Page};
use clap::Args;

/// List the backends: which are up, and how many connections each has
#[derive(Args, Debug)]
#[command(after_help = "\
Sort keys: name, state, connections

Example:
  popgate backends")]
pub(super) struct BackendsArgs {
    /// Only those with this in their name, in any case
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Only those that are paused
    #[arg(long)]
    paused: bool,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    target: GateArgs,
    #[command(flatten)]
    output: OutputArgs,
}

impl BackendsArgs {
    pub(super) fn run(&self) -> ExitStatus {
        let paused = self.paused.then(|| true.to_string());
        let conditions = [("name", self.name.as_ref()), ("paused", paused.as_ref())];
        let backends = self
            .target
            .client()
            .and_then(|gate| self.page.fetch(&gate, "/backends", &conditions));
        self.output.print(backends, shown)
    }
}

fn shown(page: &Page<BackendInfo>, screen: Screen) -> String {
    let nothing = "There is no such backend.";
    list_or_nothing(page, screen, nothing, |backends| table(backends, screen))
}

/// A line for each, below their heads.
pub(super) fn table(backends: &[BackendInfo], screen: Screen) -> String {
    TextTable::new(COLUMNS, backends.iter().map(row).collect()).render(screen)
}

const COLUMNS: &[Column] = &[
    Column::new("BACKEND", 0).cut_to(12),
    Column::new("STATE", 0),
    Column::new("CONNECTIONS", 1).right(),
    Column::new("MAX", 3).right(),
    Column::new("ADDRESS", 2).cut_to(16),
    Column::new("WHY", 1).cut_to(20),
];

fn row(backend: &BackendInfo) -> Vec<Cell> {
    let max = backend.connections_max;
    vec![
        Cell::from(&backend.name),
        state(backend),
        backend.connections.to_string().into(),
        max.map_or_else(|| "-".into(), |max| max.to_string().into()),
        Cell::from(&backend.address),
        or_dash(backend.why.as_deref()).into(),
    ]
}

fn state(backend: &BackendInfo) -> Cell {
    let (word, tone) = match backend.state {
        BackendStateWord::Up => ("up", Tone::Plain),
        BackendStateWord::Down => ("down", Tone::Bad),
        BackendStateWord::Unknown => ("unknown", Tone::Warning),
    };
    match (backend.paused, tone) {
        (false, tone) => Cell::toned(word, tone),
        (true, Tone::Bad) => Cell::toned(&format!("{word}, paused"), Tone::Bad),
        (true, _) => Cell::toned(&format!("{word}, paused"), Tone::Warning),
    }
}
