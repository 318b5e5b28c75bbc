//! `popgate blocks history`: what became of an entry, and by whom.

use crate::admin::blocks::{BlockChangeInfo, BlockHistory};
use crate::cli::ExitStatus;
use crate::cli::client::Failure;
use crate::cli::listing::OutputArgs;
use crate::cli::screen::{Screen, Tone};
use crate::cli::table::{Cell, Column, TextTable};
use crate::cli::target::GateArgs;
use crate::cli::text::may_be_missing;
use crate::cli::units::time;
use clap::Args;

/// Show what became of an entry of the block list, and by whom
#[derive(Args, Debug)]
pub(super) struct BlockHistoryArgs {
    /// Number of the entry, as `popgate blocks` lists it
    #[arg(value_name = "ID")]
    id: u64,
    #[command(flatten)]
    target: GateArgs,
    #[command(flatten)]
    output: OutputArgs,
}

impl BlockHistoryArgs {
    pub(super) fn run(&self) -> ExitStatus {
        self.output.print(self.history(), shown)
    }

    fn history(&self) -> Result<BlockHistory, Failure> {
        let path = format!("/blocks/{}/history", self.id);
        self.target.client()?.get(&path, &[])
    }
}

const COLUMNS: &[Column] = &[
    Column::new("AT", 0),
    Column::new("CHANGE", 0),
    Column::new("BY", 0),
    Column::new("STATE", 1),
    Column::new("REASON", 2),
    Column::new("BLOCKED", 3).right(),
    Column::new("RELEASED", 4).right(),
];

/// The latest change last, where a terminal shows it beside the prompt.
fn shown(history: &BlockHistory, screen: Screen) -> String {
    let rows = history.items.iter().rev().map(row);
    let changes = match history.items.is_empty() {
        true => "No change of this entry is kept.".to_owned(),
        false => TextTable::new(COLUMNS, rows.collect()).render(screen),
    };
    let incomplete = history.incomplete.as_deref();
    let gap = incomplete.map(|why| screen.paint(&may_be_missing("changes", why), Tone::Warning));
    let parts: Vec<_> = [changes].into_iter().chain(gap).collect();
    parts.join("\n")
}

fn row(change: &BlockChangeInfo) -> Vec<Cell> {
    let tone = match change.change.as_str() {
        "blocked" => Tone::Bad,
        _ => Tone::Plain,
    };
    vec![
        time(change.at).into(),
        Cell::toned(&change.change, tone),
        Cell::from(&change.by),
        Cell::from(&change.state),
        Cell::from(&change.reason),
        format!("{}x", change.times_blocked).into(),
        format!("{}x", change.times_released).into(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    #[test]
    fn changes_are_shown_in_the_order_in_which_they_came() {
        let change = |second, change: &str, by: &str| BlockChangeInfo {
            at: Timestamp::from_second(second).unwrap(),
            change: change.to_owned(),
            state: "blocked".to_owned(),
            reason: "guessing".to_owned(),
            times_blocked: 2,
            times_released: 1,
            by: by.to_owned(),
        };
        let items = vec![
            change(70, "pinned", "192.0.2.3"),
            change(0, "blocked", "rule"),
        ];
        let history = BlockHistory {
            items,
            incomplete: None,
        };
        let expected = [
            "AT                       CHANGE   BY         STATE    REASON    BLOCKED  RELEASED",
            "1970-01-01 00:00:00 UTC  blocked  rule       blocked  guessing       2x        1x",
            "1970-01-01 00:01:10 UTC  pinned   192.0.2.3  blocked  guessing       2x        1x",
        ];
        let text = shown(&history, Screen::default());
        assert_eq!(text.lines().collect::<Vec<_>>(), expected);
        let nothing = BlockHistory {
            items: Vec::new(),
            incomplete: Some("disk\x1b full".to_owned()),
        };
        let text = shown(&nothing, Screen::default());
        assert!(text.starts_with("No change"));
        assert!(text.ends_with("changes may be missing: disk\\u{1b} full"));
    }
}
