//! `popgate sessions`: the connections of clients.

use super::ExitStatus;
use super::listing::{OutputArgs, PageArgs, list_or_nothing};
use super::screen::Screen;
use super::table::{Cell, Column, TextTable, or_dash};
use super::target::GateArgs;
use super::units::{duration, octets};
use crate::admin::model::{Page, SessionInfo};
use clap::Args;

/// List the open connections of mail programs
#[derive(Args, Debug)]
#[command(after_help = "\
Sort keys: id, open, idle, client, maildrop, tenant, listener, backend, phase, retrieved,
bytes_to_client

Examples:
  popgate sessions --address 192.0.2.7            what one client does
  popgate sessions --phase waiting                who waits
  popgate sessions --phase viewing                who is on a listing
  popgate sessions --sort -bytes_to_client --limit 10")]
pub(super) struct SessionsArgs {
    /// Only those whose login has this in its name, in any case
    #[arg(long, value_name = "TEXT")]
    maildrop: Option<String>,
    /// Only those from this address or network
    #[arg(long, value_name = "ADDRESS")]
    address: Option<String>,
    /// Only those of this tenant
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    /// Only those on this listener
    #[arg(long, value_name = "NAME")]
    listener: Option<String>,
    /// Only those on this backend
    #[arg(long, value_name = "NAME")]
    backend: Option<String>,
    /// Only those in this phase: greeting, authorization, waiting, logging_in, viewing (logged in,
    /// without the mailbox), transaction, update (QUIT is not answered yet) or closing
    #[arg(long, value_name = "PHASE")]
    phase: Option<String>,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    target: GateArgs,
    #[command(flatten)]
    output: OutputArgs,
}

impl SessionsArgs {
    pub(super) fn run(&self) -> ExitStatus {
        let conditions = [
            ("maildrop", self.maildrop.as_ref()),
            ("address", self.address.as_ref()),
            ("tenant", self.tenant.as_ref()),
            ("listener", self.listener.as_ref()),
            ("backend", self.backend.as_ref()),
            ("phase", self.phase.as_ref()),
        ];
        let sessions = self
            .target
            .client()
            .and_then(|gate| self.page.fetch(&gate, "/sessions", &conditions));
        self.output.print(sessions, shown)
    }
}

fn shown(page: &Page<SessionInfo>, screen: Screen) -> String {
    let nothing = "No such session is open.";
    list_or_nothing(page, screen, nothing, |sessions| table(sessions, screen))
}

const COLUMNS: &[Column] = &[
    Column::new("SESSION", 0).right(),
    Column::new("MAILDROP", 0).cut_to(12),
    Column::new("CLIENT", 0).cut_to(15),
    Column::new("PHASE", 0),
    Column::new("OPEN", 1).right(),
    Column::new("PROGRAM", 2).cut_to(8),
    Column::new("IDLE", 3).right(),
    Column::new("LAST", 4),
    Column::new("MESSAGES", 5).right(),
    Column::new("SENT", 6).right(),
    Column::new("TENANT", 7).cut_to(8),
    Column::new("BACKEND", 8).cut_to(8),
    Column::new("LISTENER", 9).cut_to(8),
];

pub(super) fn table(sessions: &[SessionInfo], screen: Screen) -> String {
    TextTable::new(COLUMNS, sessions.iter().map(row).collect()).render(screen)
}

/// How far it has come; of one without its mailbox what it stands on, too.
fn phase(session: &SessionInfo) -> String {
    match session.listing.as_deref() {
        Some(listing) => format!("{}, {}", session.phase, listing.replace('_', " ")),
        None => session.phase.clone(),
    }
}

fn row(session: &SessionInfo) -> Vec<Cell> {
    vec![
        session.id.to_string().into(),
        or_dash(session.maildrop.as_deref()).into(),
        Cell::from(&session.client),
        Cell::from(phase(session)),
        duration(session.open_seconds).into(),
        or_dash(session.program.as_deref()).into(),
        session
            .idle_seconds
            .map_or_else(|| "-".into(), |idle| duration(idle).into()),
        or_dash(session.last_command.as_deref()).into(),
        session.retrieved.to_string().into(),
        octets(session.bytes_to_client).into(),
        or_dash(session.tenant.as_deref()).into(),
        or_dash(session.backend.as_deref()).into(),
        Cell::from(&session.listener),
    ]
}
