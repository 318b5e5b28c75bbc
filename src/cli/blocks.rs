//! `popgate blocks` and `popgate release`: who is blocked, and who is no more.

use super::client::{AdminClient, Failure, GateArgs};
use super::text::{escaped, json_line, table};
use super::{ExitStatus, print};
use crate::admin::blocks::{BlockView, Conditions, Selection};
use crate::admin::model::Page;
use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};

/// List block-list entries, or pin and unpin them
#[derive(Args, Debug)]
pub(super) struct BlocksArgs {
    #[command(flatten)]
    target: GateArgs,
    #[command(flatten)]
    which: Which,
    /// Only entries in this state: `blocked` or `released`
    #[arg(long, value_name = "STATE", conflicts_with = "ids")]
    state: Option<String>,
    /// Freeze entries in their state: blocked for good, or never blocked again
    #[arg(long, conflicts_with = "unpin")]
    pin: bool,
    /// Undo --pin
    #[arg(long)]
    unpin: bool,
    /// Output JSON
    #[arg(long)]
    json: bool,
}

/// Unblock entries of the block list; pinned entries stay
#[derive(Args, Debug)]
pub(super) struct ReleaseArgs {
    #[command(flatten)]
    target: GateArgs,
    #[command(flatten)]
    which: Which,
    /// All entries
    #[arg(long, conflicts_with_all = ["ids", "maildrop", "address", "tenant", "reason"])]
    all: bool,
    /// Output JSON
    #[arg(long)]
    json: bool,
}

/// Entries of the block list
#[derive(Args, Debug)]
struct Which {
    /// Entries by number, as listed by `popgate blocks`
    #[arg(value_name = "ID", conflicts_with_all = ["maildrop", "address", "tenant", "reason"])]
    ids: Vec<u64>,
    /// Only entries of this mailbox
    #[arg(long, value_name = "NAME")]
    maildrop: Option<String>,
    /// Only entries of this address or IPv6 /64
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
        match self.listing() {
            Ok(listing) if self.json => print(listing_json(&listing), ExitStatus::Done),
            Ok(listing) if self.pin => print(changed("pinned", &listing), ExitStatus::Done),
            Ok(listing) if self.unpin => print(changed("unpinned", &listing), ExitStatus::Done),
            Ok(listing) => print(shown(&listing, Timestamp::now()), ExitStatus::Done),
            Err(failure) => failure.tell(),
        }
    }

    fn listing(&self) -> Result<Page<BlockView>, Failure> {
        self.target.is_named()?;
        let selection = self.which.selection(self.state.as_ref());
        let path = match (self.pin, self.unpin) {
            (false, false) => return list(&self.target.client()?, selection),
            (true, _) => "/api/v1/blocks/pin",
            (false, true) => "/api/v1/blocks/unpin",
        };
        let selection = selection.ok_or_else(|| nothing_selected("--pin and --unpin need"))?;
        self.target.client()?.post(path, &selection)
    }
}

impl ReleaseArgs {
    pub(super) fn run(&self) -> ExitStatus {
        match self.released() {
            Ok(listing) if self.json => print(listing_json(&listing), ExitStatus::Done),
            Ok(listing) => print(changed("released", &listing), ExitStatus::Done),
            Err(failure) => failure.tell(),
        }
    }

    fn released(&self) -> Result<Page<BlockView>, Failure> {
        self.target.is_named()?;
        let all = self.all.then_some(Selection::All(true));
        let selection = all
            .or_else(|| self.which.selection(None))
            .ok_or_else(|| nothing_selected("use --all, or"))?;
        self.target
            .client()?
            .post("/api/v1/blocks/release", &selection)
    }
}

impl Which {
    /// What the arguments select; nothing where there are none.
    fn selection(&self, state: Option<&String>) -> Option<Selection> {
        if !self.ids.is_empty() {
            return Some(Selection::Ids(self.ids.clone()));
        }
        let conditions = Conditions {
            maildrop: self.maildrop.clone(),
            address: self.address.clone(),
            tenant: self.tenant.clone(),
            state: state.cloned(),
            reason: self.reason.clone(),
        };
        (conditions != Conditions::default()).then_some(Selection::Filter(conditions))
    }
}

fn nothing_selected(beginning: &str) -> Failure {
    let why = format!(
        "{beginning} the numbers of entries, or one of --maildrop, --address, --tenant, --reason\n\
         hint: `popgate blocks` shows them"
    );
    Failure::new(ExitStatus::Usage, why)
}

fn list(client: &AdminClient, selection: Option<Selection>) -> Result<Page<BlockView>, Failure> {
    let query = match selection {
        None | Some(Selection::All(_)) => Vec::new(),
        Some(Selection::Ids(ids)) => ids.iter().map(|id| ("id", id.to_string())).collect(),
        Some(Selection::Filter(conditions)) => {
            let words = [
                ("maildrop", conditions.maildrop),
                ("address", conditions.address),
                ("tenant", conditions.tenant),
                ("state", conditions.state),
                ("reason", conditions.reason),
            ];
            words
                .into_iter()
                .filter_map(|(key, word)| Some((key, word?)))
                .collect()
        }
    };
    client.get("/api/v1/blocks", &query)
}

/// The gate's answer, as it came.
fn listing_json(listing: &Page<BlockView>) -> String {
    let value: Value = json!(listing);
    json_line(&value)
}

/// The list for a person.
fn shown(listing: &Page<BlockView>, now: Timestamp) -> String {
    if listing.items.is_empty() {
        return "The block list has no such entry.".to_owned();
    }
    let head = [
        "ID", "STATE", "MAILDROP", "ADDRESS", "TENANT", "REASON", "LAST", "ENDS", "BLOCKED",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(listing.items.iter().map(|block| row(block, now)));
    with_rest(table(&rows), listing)
}

fn row(block: &BlockView, now: Timestamp) -> Vec<String> {
    let mut state = escaped(&block.state);
    let marks = [(block.pinned, ", pinned"), (block.shadow, ", shadow")];
    for (is_set, mark) in marks {
        if is_set {
            state.push_str(mark);
        }
    }
    let ends = block.expires.map_or_else(
        || "-".to_owned(),
        |expires| format!("in {}", short(seconds(now, expires))),
    );
    vec![
        block.id.to_string(),
        state,
        block.maildrop.as_deref().map_or("*".to_owned(), escaped),
        escaped(&block.address),
        escaped(&block.tenant),
        escaped(&block.reason),
        format!("{} ago", short(seconds(block.last, now))),
        ends,
        format!("{}x", block.times_blocked),
    ]
}

/// A line for each that changed.
fn changed(what: &str, listing: &Page<BlockView>) -> String {
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
    let whose = match &block.maildrop {
        Some(maildrop) => format!("maildrop {}", escaped(maildrop)),
        None => "all maildrops".to_owned(),
    };
    let address = escaped(&block.address);
    let reason = escaped(&block.reason);
    format!("{what} {}: {address}, {whose} ({reason})", block.id)
}

fn with_rest(text: String, listing: &Page<BlockView>) -> String {
    let more = listing.total.saturating_sub(listing.items.len());
    match more {
        0 => text,
        more => format!("{text}\n… and {more} more"),
    }
}

/// Seconds from `from` to `to`; clocks that differ a little give none.
fn seconds(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.as_second().saturating_sub(from.as_second())).unwrap_or(0)
}

/// A length of time in the largest unit that it has twice.
fn short(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(id: u64, maildrop: Option<&str>) -> BlockView {
        let at = |second| Timestamp::from_second(second).unwrap();
        BlockView {
            id,
            maildrop: maildrop.map(str::to_owned),
            address: "192.0.2.7".into(),
            tenant: "default".into(),
            reason: "guessing".into(),
            class: "permanent".into(),
            state: "blocked".into(),
            pinned: false,
            shadow: false,
            first: at(0),
            last: at(880),
            expires: Some(at(4_600)),
            times_blocked: 2,
            times_released: 0,
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
        let blocks = vec![view(3, None), pinned];
        let expected = "\
ID  STATE            MAILDROP      ADDRESS    TENANT   REASON    LAST    ENDS    BLOCKED
3   blocked          *             192.0.2.7  default  guessing  2m ago  in 60m  2x
12  blocked, pinned  ann\\u{1b}[2J  192.0.2.7  default  guessing  2m ago  -       2x
… and 7 more";
        let now = Timestamp::from_second(1_000).unwrap();
        assert_eq!(shown(&listing(blocks, 9), now), expected);
    }

    #[test]
    fn an_empty_list_and_a_change_of_nothing_are_told() {
        let empty = listing(Vec::new(), 0);
        assert!(shown(&empty, Timestamp::UNIX_EPOCH).contains("no such entry"));
        assert!(changed("released", &empty).starts_with("Nothing was released"));
        let told = changed("released", &listing(vec![view(3, Some("ann"))], 1));
        assert_eq!(told, "released 3: 192.0.2.7, maildrop ann (guessing)");
    }

    #[test]
    fn times_are_short() {
        for (seconds, text) in [
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (7_200, "2h"),
            (172_800, "2d"),
        ] {
            assert_eq!(short(seconds), text);
        }
    }
}
