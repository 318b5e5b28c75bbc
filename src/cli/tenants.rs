//! `popgate tenants`: whose users wait.

use super::ExitStatus;
use super::listing::{OutputArgs, PageArgs, list_or_nothing};
use super::screen::{Screen, Tone};
use super::table::{Cell, Column, TextTable};
use super::target::GateArgs;
use super::units::duration;
use crate::admin::model::{Page, TenantInfo};
use clap::Args;

/// List the tenants: sessions, locks and waiters of each
#[derive(Args, Debug)]
#[command(after_help = "\
Sort keys: name, sessions, locks_held, waiting, longest_wait

Example, the ten tenants whose users wait longest:
  popgate tenants --sort -longest_wait --limit 10")]
pub(super) struct TenantsArgs {
    /// Only those with this in their name or in one of their domains, in any case
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

impl TenantsArgs {
    pub(super) fn run(&self) -> ExitStatus {
        let paused = self.paused.then(|| true.to_string());
        let conditions = [("name", self.name.as_ref()), ("paused", paused.as_ref())];
        let tenants = self
            .target
            .client()
            .and_then(|gate| self.page.fetch(&gate, "/tenants", &conditions));
        self.output.print(tenants, shown)
    }
}

fn shown(page: &Page<TenantInfo>, screen: Screen) -> String {
    list_or_nothing(page, screen, "There is no such tenant.", |tenants| {
        TextTable::new(COLUMNS, tenants.iter().map(row).collect()).render(screen)
    })
}

const COLUMNS: &[Column] = &[
    Column::new("TENANT", 0).cut_to(12),
    Column::new("STATE", 1),
    Column::new("WAITING", 0).right(),
    Column::new("LONGEST", 0).right(),
    Column::new("ALLOWED", 3).right(),
    Column::new("LOCKS", 1).right(),
    Column::new("SESSIONS", 2).right(),
    Column::new("BACKENDS", 5).cut_to(8),
    Column::new("DOMAINS", 4).cut_to(12),
];

fn row(tenant: &TenantInfo) -> Vec<Cell> {
    let is_contended = tenant.waiting > 0;
    let tone = if is_contended {
        Tone::Warning
    } else {
        Tone::Plain
    };
    vec![
        Cell::from(&tenant.name),
        match tenant.paused {
            true => Cell::toned("paused", Tone::Warning),
            false => "open".into(),
        },
        Cell::toned(&tenant.waiting.to_string(), tone),
        Cell::toned(&longest(tenant), tone),
        duration(tenant.wait_seconds).into(),
        tenant.locks_held.to_string().into(),
        tenant.sessions.to_string().into(),
        tenant.backends.join(", ").into(),
        match &*tenant.domains.join(", ") {
            "" => "-".into(),
            domains => domains.into(),
        },
    ]
}

fn longest(tenant: &TenantInfo) -> String {
    match tenant.waiting {
        0 => "-".to_owned(),
        _ => duration(tenant.longest_wait_seconds),
    }
}
