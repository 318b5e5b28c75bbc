//! `popgate locks`: who holds which maildrop, who waits, and who is logged in without it.

mod all;
mod watch;

use super::ExitStatus;
use super::client::{AdminClient, Failure};
use super::listing::{OutputArgs, PageArgs, left_out, with_rest};
use super::screen::{Screen, Tone};
use super::table::{Cell, Column, TextTable, or_dash};
use super::target::GateArgs;
use super::units::{duration, octets};
use crate::admin::model::{HolderInfo, LockInfo, Page, SessionInfo, WaiterInfo};
use clap::Args;
use serde::Serialize;

/// List the locks of maildrops: who holds each, and who waits for it
#[derive(Args, Debug)]
#[command(after_help = "\
Those whose waiters have waited longest come first. A maildrop has a line for its holder and one for
each waiter, in the order in which they will be served. Sessions on a listing stand behind them,
unless --contended, --all or --json is given: they are logged in, and hold no lock.

Sort keys: longest_wait, waiters, held, maildrop, tenant, backend

Examples:
  popgate locks --contended            where somebody waits right now
  popgate locks --maildrop ann@        which of her programs is it?
  popgate locks --contended --watch    live
  popgate locks --all                  at all gates of the cluster")]
pub(super) struct LocksArgs {
    /// Redraw every second until Ctrl-C; needs a terminal
    #[arg(long, conflicts_with = "json")]
    watch: bool,
    /// Those of all gates of the cluster, each with the name of its gate
    #[arg(long, conflicts_with = "watch")]
    all: bool,
    /// Only maildrops that somebody waits for
    #[arg(long)]
    contended: bool,
    /// Only maildrops with this in their name, in any case
    #[arg(long, value_name = "TEXT")]
    maildrop: Option<String>,
    /// Only where a client of this address or network holds or waits
    #[arg(long, value_name = "ADDRESS")]
    address: Option<String>,
    /// Only where a login of this tenant holds or waits
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    /// Only maildrops on this backend
    #[arg(long, value_name = "NAME")]
    backend: Option<String>,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    target: GateArgs,
    #[command(flatten)]
    output: OutputArgs,
}

impl LocksArgs {
    pub(super) fn run(&self) -> ExitStatus {
        if self.watch {
            return watch::run(self).unwrap_or_else(|failure| failure.tell());
        }
        if self.all {
            return all::run(self);
        }
        let seen = self
            .target
            .client()
            .and_then(|gate| self.look(&gate, &self.page));
        self.output.print(seen, |seen, screen| seen.shown(screen))
    }

    /// Locks, and sessions without one.
    fn look(&self, gate: &AdminClient, page: &PageArgs) -> Result<LocksAndViews, Failure> {
        let locks = self.fetch(gate, page)?;
        let views = match self.contended || self.output.json {
            true => None,
            false => Some(self.fetch_views(gate, page.limit)?),
        };
        Ok(LocksAndViews { locks, views })
    }

    fn fetch_views(
        &self,
        gate: &AdminClient,
        limit: Option<usize>,
    ) -> Result<Page<SessionInfo>, Failure> {
        let phase = VIEWING.to_owned();
        let page = PageArgs { sort: None, limit };
        let given = [&[("phase", Some(&phase))], &self.filters()[..]];
        page.fetch(gate, "/sessions", &given.concat())
    }

    fn fetch(&self, gate: &AdminClient, page: &PageArgs) -> Result<Page<LockInfo>, Failure> {
        let contended = self.contended.then(|| true.to_string());
        page.fetch(gate, "/locks", &self.conditions(contended.as_ref()))
    }

    fn conditions<'a>(
        &'a self,
        contended: Option<&'a String>,
    ) -> Vec<(&'static str, Option<&'a String>)> {
        [&[("contended", contended)], &self.filters()[..]].concat()
    }

    fn filters(&self) -> [(&'static str, Option<&String>); 4] {
        [
            ("maildrop", self.maildrop.as_ref()),
            ("address", self.address.as_ref()),
            ("tenant", self.tenant.as_ref()),
            ("backend", self.backend.as_ref()),
        ]
    }
}

/// The phase of sessions that are logged in without their maildrop.
const VIEWING: &str = "viewing";

/// Locks, and sessions that are logged in without one. A program is told of the locks alone.
#[derive(Serialize)]
struct LocksAndViews {
    #[serde(flatten)]
    locks: Page<LockInfo>,
    #[serde(skip)]
    views: Option<Page<SessionInfo>>,
}

impl LocksAndViews {
    fn shown(&self, screen: Screen) -> String {
        let views = self.views.iter().flat_map(|page| &page.items);
        let mut rows = rows(&self.locks.items);
        rows.extend(views.map(view_row));
        if rows.is_empty() {
            return "No such maildrop is locked.".to_owned();
        }
        let more = left_out(&self.locks) + self.views.as_ref().map_or(0, left_out);
        with_rest(TextTable::new(COLUMNS, rows).render(screen), more, screen)
    }
}

const COLUMNS: &[Column] = &[
    Column::new("MAILDROP", 0).cut_to(12),
    Column::new("WHO", 0),
    Column::new("FOR", 0).right(),
    Column::new("SESSION", 1).right(),
    Column::new("CLIENT", 0).cut_to(15),
    Column::new("PROGRAM", 2).cut_to(8),
    Column::new("IDLE", 3).right(),
    Column::new("LAST", 4),
    Column::new("MESSAGES", 6).right(),
    Column::new("SENT", 7).right(),
    Column::new("LANE", 5),
    Column::new("BACKEND", 9).cut_to(8),
    Column::new("TENANT", 8).cut_to(8),
];

/// A line for the holder of each lock, and one for each of its waiters.
pub(super) fn parties(locks: &[LockInfo], screen: Screen) -> String {
    TextTable::new(COLUMNS, rows(locks)).render(screen)
}

fn rows(locks: &[LockInfo]) -> Vec<Vec<Cell>> {
    locks.iter().flat_map(parties_of).collect()
}

fn parties_of(lock: &LockInfo) -> Vec<Vec<Cell>> {
    let holder = lock.holder.iter().map(|holder| holder_row(lock, holder));
    let waiters = lock.waiters.iter().zip(1..);
    let waiters = waiters.map(|(waiter, place)| waiter_row(lock, waiter, place));
    holder.chain(waiters).collect()
}

fn holder_row(lock: &LockInfo, holder: &HolderInfo) -> Vec<Cell> {
    vec![
        Cell::from(&lock.maildrop),
        Cell::toned(doing(&holder.phase), Tone::Head),
        duration(holder.held_seconds).into(),
        holder.session.to_string().into(),
        Cell::from(&holder.client),
        or_dash(holder.program.as_deref()).into(),
        holder
            .idle_seconds
            .map_or_else(|| "-".into(), |idle| duration(idle).into()),
        or_dash(holder.last_command.as_deref()).into(),
        holder.retrieved.to_string().into(),
        octets(holder.bytes_to_client).into(),
        Cell::from(&holder.lane),
        or_dash(lock.backend.as_deref()).into(),
        Cell::from(&holder.tenant),
    ]
}

/// What most of those who hold a lock do.
pub(super) const HOLDS: &str = "holds";

/// What somebody who holds a lock does, in a word.
pub(super) fn doing(phase: &str) -> &str {
    match phase {
        "closing" => "closes",
        "logging_in" => "logs in",
        // It has the lock, and an operator's pause keeps it from the backend.
        "waiting" => "paused",
        _ => HOLDS,
    }
}

fn view_row(session: &SessionInfo) -> Vec<Cell> {
    let idle = session.idle_seconds.map(duration);
    vec![
        or_dash(session.maildrop.as_deref()).into(),
        "on a listing".into(),
        duration(session.open_seconds).into(),
        session.id.to_string().into(),
        Cell::from(&session.client),
        or_dash(session.program.as_deref()).into(),
        or_dash(idle.as_deref()).into(),
        or_dash(session.last_command.as_deref()).into(),
        session.retrieved.to_string().into(),
        octets(session.bytes_to_client).into(),
        "-".into(),
        or_dash(session.backend.as_deref()).into(),
        or_dash(session.tenant.as_deref()).into(),
    ]
}

fn waiter_row(lock: &LockInfo, waiter: &WaiterInfo, place: usize) -> Vec<Cell> {
    vec![
        Cell::from(&lock.maildrop),
        Cell::toned(&format!("waits, {place}."), Tone::Warning),
        duration(waiter.waited_seconds).into(),
        waiter.session.to_string().into(),
        Cell::from(&waiter.client),
        or_dash(waiter.program.as_deref()).into(),
        "-".into(),
        "-".into(),
        "-".into(),
        "-".into(),
        Cell::from(&waiter.lane),
        or_dash(lock.backend.as_deref()).into(),
        Cell::from(&waiter.tenant),
    ]
}
