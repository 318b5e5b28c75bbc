//! `popgate release`: blocks end, of one client or of many.

use super::blocks::{Which, changed, described, nothing_selected};
use super::client::{AdminClient, Failure};
use super::listing::OutputArgs;
use super::target::GateArgs;
use super::units::count;
use super::{ExitStatus, print};
use crate::admin::blocks::{BlockView, Selection};
use crate::admin::model::Page;
use crate::limits::CHANGES_NAMED_MAX;
use clap::Args;
use std::io::{self, IsTerminal, Write};

/// Unblock entries of the block list; pinned entries stay
#[derive(Args, Debug)]
#[command(after_help = "\
A released client may log in at once. On a terminal, more than one entry is released only after a
question; a script is not asked.

Examples:
  popgate release 7 8
  popgate release --maildrop ann@example.com
  popgate release --reason passing_faults --yes")]
pub(super) struct ReleaseArgs {
    #[command(flatten)]
    which: Which,
    /// All entries
    #[arg(long, conflicts_with_all = ["ids", "maildrop", "address", "tenant", "reason"])]
    all: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    target: GateArgs,
    #[command(flatten)]
    output: OutputArgs,
}

impl ReleaseArgs {
    pub(super) fn run(&self) -> ExitStatus {
        match self.released() {
            Ok(None) => print("Nothing was released.", ExitStatus::Done),
            Ok(Some(page)) => self
                .output
                .print(Ok(page), |page, _| changed("released", page)),
            Err(failure) => failure.tell(),
        }
    }

    /// Those that were released; none where somebody was asked, and did not want it.
    fn released(&self) -> Result<Option<Page<BlockView>>, Failure> {
        self.target.is_named()?;
        let selection = self.selection()?;
        let gate = self.target.client()?;
        if self.may_ask() && !is_wanted(&gate, &selection)? {
            return Ok(None);
        }
        gate.post("/blocks/release", &selection).map(Some)
    }

    fn selection(&self) -> Result<Selection, Failure> {
        if self.all {
            return Ok(Selection {
                all: true,
                ..Selection::default()
            });
        }
        self.which
            .selection(None)
            .ok_or_else(|| nothing_selected("use --all, or"))
    }

    /// Only a person answers.
    fn may_ask(&self) -> bool {
        !self.yes && io::stdin().is_terminal() && io::stderr().is_terminal()
    }
}

/// Whether a person wants `selection` to be released. One entry is no question.
fn is_wanted(gate: &AdminClient, selection: &Selection) -> Result<bool, Failure> {
    let trial = Selection {
        dry_run: true,
        ..selection.clone()
    };
    let page: Page<BlockView> = gate.post("/blocks/release", &trial)?;
    if page.total <= 1 {
        return Ok(true);
    }
    confirm(&question(&page)).map_err(|error| {
        let why = format!("cannot ask: {error}\nhint: --yes releases without a question");
        Failure::new(ExitStatus::Fault, why)
    })
}

/// How many entries, and the first few of them.
fn question(page: &Page<BlockView>) -> String {
    let mut text = String::new();
    for block in page.items.iter().take(CHANGES_NAMED_MAX) {
        text.push_str(&format!("  {}\n", described(block)));
    }
    match page.total.saturating_sub(CHANGES_NAMED_MAX) {
        0 => {}
        more => text.push_str(&format!("  and {more} more\n")),
    }
    let entries = count(page.total as u64, "entry", "entries");
    format!("{text}Release {entries}? They may log in again at once. [y/N] ")
}

/// Asks on standard error, so that standard output has the answer alone. Anything but yes is no.
fn confirm(question: &str) -> io::Result<bool> {
    let mut terminal = io::stderr().lock();
    terminal.write_all(question.as_bytes())?;
    terminal.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str()))
}
