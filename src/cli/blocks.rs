//! `popgate blocks`: who is blocked, who may be next, and how that came.

mod history;

use super::ExitStatus;
use super::client::{AdminClient, Failure};
use super::listing::{OutputArgs, PageArgs, conditions, list_or_nothing};
use super::screen::{Screen, Tone};
use super::table::{Cell, Column, TextTable};
use super::target::GateArgs;
use super::text::escaped;
use super::units::between;
use crate::admin::blocks::{BlockView, Conditions, Selection, TransientInfo};
use crate::admin::model::Page;
use clap::{Args, Subcommand};
use history::BlockHistoryArgs;
use jiff::Timestamp;

/// List the entries of the block list, or pin and unpin them
#[derive(Args, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Sort keys: id, maildrop, address, tenant, first, last, expires, times_blocked

Examples:
  popgate blocks --maildrop ann@example.com
  popgate blocks --address 192.0.2.0/24
  popgate blocks --state counting        not blocked yet
  popgate blocks history 7               what became of it, and by whom
  popgate blocks 7 --pin                 blocked until it is unpinned"
)]
pub(super) struct BlocksArgs {
    #[command(subcommand)]
    command: Option<BlocksCommand>,
    #[command(flatten)]
    which: Which,
    /// Only entries in this state: `blocked`, `released`, or `counting`: not blocked, with
    /// transient faults today
    #[arg(long, value_name = "STATE", conflicts_with = "ids")]
    state: Option<String>,
    /// Freeze entries in their state: blocked for good, or never blocked again
    #[arg(long, conflicts_with = "unpin")]
    pin: bool,
    /// Undo --pin
    #[arg(long)]
    unpin: bool,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    target: GateArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Subcommand, Debug)]
enum BlocksCommand {
    History(BlockHistoryArgs),
}

/// Entries of the block list
#[derive(Args, Debug)]
pub(super) struct Which {
    /// Entries by number, as listed by `popgate blocks`
    #[arg(value_name = "ID", conflicts_with_all = ["maildrop", "address", "tenant", "reason"])]
    ids: Vec<u64>,
    /// Only entries of this mailbox; to list them, a part of its name will do
    #[arg(long, value_name = "NAME")]
    maildrop: Option<String>,
    /// Only entries of this address or IPv6 /64; to list them, a network will do
    #[arg(long, value_name = "ADDRESS")]
    address: Option<String>,
    /// Only entries of this tenant
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    /// Only entries with this reason
    #[arg(long, value_name = "REASON")]
    reason: Option<String>,
}

impl BlocksArgs {
    pub(super) fn run(&self) -> ExitStatus {
        if let Some(BlocksCommand::History(history)) = &self.command {
            return history.run();
        }
        let entries = self.entries();
        match (self.pin, self.unpin) {
            (true, _) => self
                .output
                .print(entries, |page, _| changed("pinned", page)),
            (_, true) => self
                .output
                .print(entries, |page, _| changed("unpinned", page)),
            _ => self.output.print(entries, shown),
        }
    }

    fn entries(&self) -> Result<Page<BlockView>, Failure> {
        self.target.is_named()?;
        let selection = self.which.selection(self.state.as_ref());
        let path = match (self.pin, self.unpin) {
            (false, false) => return self.list(&self.target.client()?),
            (true, _) => "/blocks/pin",
            (false, true) => "/blocks/unpin",
        };
        let selection = selection.ok_or_else(|| nothing_selected("--pin and --unpin need"))?;
        self.target.client()?.post(path, &selection)
    }

    fn list(&self, gate: &AdminClient) -> Result<Page<BlockView>, Failure> {
        let which = &self.which;
        let ids = which.ids.iter().map(|id| ("id", id.to_string()));
        let given = conditions(&[
            ("maildrop", which.maildrop.as_ref()),
            ("address", which.address.as_ref()),
            ("tenant", which.tenant.as_ref()),
            ("state", self.state.as_ref()),
            ("reason", which.reason.as_ref()),
            ("sort", self.page.sort.as_ref()),
        ]);
        let query: Vec<_> = ids.chain(given).collect();
        gate.list("/blocks", &query, self.page.limit)
    }
}

impl Which {
    /// What the arguments select; nothing where there are none.
    pub(super) fn selection(&self, state: Option<&String>) -> Option<Selection> {
        if !self.ids.is_empty() {
            return Some(Selection {
                ids: Some(self.ids.clone()),
                ..Selection::default()
            });
        }
        let conditions = Conditions {
            maildrop: self.maildrop.clone(),
            address: self.address.clone(),
            tenant: self.tenant.clone(),
            state: state.cloned(),
            reason: self.reason.clone(),
        };
        (conditions != Conditions::default()).then(|| Selection {
            filter: Some(conditions),
            ..Selection::default()
        })
    }
}

pub(super) fn nothing_selected(beginning: &str) -> Failure {
    let why = format!(
        "{beginning} the numbers of entries, or one of --maildrop, --address, --tenant, --reason\n\
         hint: `popgate blocks` shows them"
    );
    Failure::new(ExitStatus::Usage, why)
}

fn shown(page: &Page<BlockView>, screen: Screen) -> String {
    let nothing = "The block list has no such entry.";
    list_or_nothing(page, screen, nothing, |blocks| {
        table(blocks, Timestamp::now(), screen)
    })
}

const COLUMNS: &[Column] = &[
    Column::new("ID", 0).right(),
    Column::new("STATE", 0),
    Column::new("MAILDROP", 0).cut_to(12),
    Column::new("ADDRESS", 0).cut_to(15),
    Column::new("TENANT", 4).cut_to(8),
    Column::new("REASON", 1),
    Column::new("TODAY", 5).right(),
    Column::new("FIRST", 6).right(),
    Column::new("LAST", 2).right(),
    Column::new("SINCE", 5).right(),
    Column::new("ENDS", 2).right(),
    Column::new("BLOCKED", 3).right(),
    Column::new("RELEASED", 5).right(),
];

/// Entries for a person.
pub(super) fn table(blocks: &[BlockView], now: Timestamp, screen: Screen) -> String {
    let rows = blocks.iter().map(|block| row(block, now));
    TextTable::new(COLUMNS, rows.collect()).render(screen)
}

fn row(block: &BlockView, now: Timestamp) -> Vec<Cell> {
    let ago = |at| format!("{} ago", between(at, now));
    vec![
        or_none(block.id.map(|id| id.to_string())),
        state(block),
        block.maildrop.as_deref().unwrap_or("*").into(),
        Cell::from(&block.address),
        Cell::from(&block.tenant),
        Cell::from(&block.reason),
        or_none(block.transient.map(today)),
        ago(block.first).into(),
        ago(block.last).into(),
        or_none(block.since.map(ago)),
        or_none(block.expires.map(|at| format!("in {}", between(now, at)))),
        format!("{}x", block.times_blocked).into(),
        format!("{}x", block.times_released).into(),
    ]
}

fn or_none(value: Option<String>) -> Cell {
    value.unwrap_or_else(|| "-".to_owned()).into()
}

/// Transient faults of today, of how many that do not block yet.
fn today(transient: TransientInfo) -> String {
    format!("{}/{}", transient.today, transient.limit)
}

fn state(block: &BlockView) -> Cell {
    let mut state = block.state.clone();
    let marks = [(block.pinned, ", pinned"), (block.shadow, ", shadow")];
    for (_, mark) in marks.iter().filter(|(is_set, _)| *is_set) {
        state.push_str(mark);
    }
    let turns_away = block.state == "blocked" && !block.shadow;
    Cell::toned(&state, if turns_away { Tone::Bad } else { Tone::Plain })
}

/// A line for each that changed.
pub(super) fn changed(what: &str, listing: &Page<BlockView>) -> String {
    if listing.items.is_empty() {
        return format!("Nothing was {what}: no entry matches, or those that do stay as they are.");
    }
    let lines: Vec<String> = listing
        .items
        .iter()
        .map(|block| changed_line(what, block))
        .collect();
    with_rest(lines.join("\n"), listing)
}

fn changed_line(what: &str, block: &BlockView) -> String {
    let id = block.id.unwrap_or_default();
    format!("{what} {id}: {}", described(block))
}

/// Whom an entry is about, and why.
pub(super) fn described(block: &BlockView) -> String {
    let whose = match &block.maildrop {
        Some(maildrop) => format!("maildrop {}", escaped(maildrop)),
        None => "all maildrops".to_owned(),
    };
    let address = escaped(&block.address);
    let reason = escaped(&block.reason);
    format!("{address}, {whose} ({reason})")
}

fn with_rest(text: String, listing: &Page<BlockView>) -> String {
    let more = listing.total.saturating_sub(listing.items.len());
    match more {
        0 => text,
        more => format!("{text}\n… and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(id: u64, maildrop: Option<&str>) -> BlockView {
        let at = |second| Timestamp::from_second(second).unwrap();
        BlockView {
            id: Some(id),
            maildrop: maildrop.map(str::to_owned),
            address: "192.0.2.7".into(),
            tenant: "default".into(),
            reason: "guessing".into(),
            fault_class: "permanent".into(),
            state: "blocked".into(),
            pinned: false,
            shadow: false,
            first: at(0),
            last: at(880),
            since: Some(at(400)),
            expires: Some(at(4_600)),
            times_blocked: 2,
            times_released: 0,
            transient: None,
        }
    }

    fn listing(blocks: Vec<BlockView>, total: usize) -> Page<BlockView> {
        Page {
            items: blocks,
            total,
            offset: 0,
        }
    }

    #[test]
    fn a_table_shows_who_and_why_and_how_long() {
        let mut pinned = view(12, Some("ann\x1b[2J"));
        (pinned.pinned, pinned.expires) = (true, None);
        let mut counting = view(0, Some("bob"));
        counting.state = "counting".into();
        counting.reason = "passing_faults".into();
        counting.transient = Some(TransientInfo { today: 3, limit: 5 });
        (counting.id, counting.since, counting.expires) = (None, None, None);
        let expected = [
            "ID  STATE            MAILDROP      ADDRESS    TENANT   REASON          TODAY  \
             \x20       FIRST          LAST          SINCE         ENDS  BLOCKED  RELEASED",
            " 3  blocked          *             192.0.2.7  default  guessing            -  \
             16 m 40 s ago  2 m 00 s ago  10 m 00 s ago  in 1 h 00 m       2x        0x",
            "12  blocked, pinned  ann\\u{1b}[2J  192.0.2.7  default  guessing            -  \
             16 m 40 s ago  2 m 00 s ago  10 m 00 s ago            -       2x        0x",
            " -  counting         bob           192.0.2.7  default  passing_faults    3/5  \
             16 m 40 s ago  2 m 00 s ago              -            -       2x        0x",
        ];
        let now = Timestamp::from_second(1_000).unwrap();
        let shown = table(&[view(3, None), pinned, counting], now, Screen::default());
        assert_eq!(shown.lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn an_empty_list_and_a_change_of_nothing_are_told() {
        let empty = listing(Vec::new(), 0);
        assert!(shown(&empty, Screen::default()).contains("no such entry"));
        assert!(changed("released", &empty).starts_with("Nothing was released"));
        let told = changed("released", &listing(vec![view(3, Some("ann"))], 1));
        assert_eq!(told, "released 3: 192.0.2.7, maildrop ann (guessing)");
    }
}
