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
        let wanted = match self.may_ask() {
            true => wanted(&gate, selection)?,
            false => Some(selection),
        };
        wanted
            .map(|selection| gate.post("/blocks/release", &selection))
            .transpose()
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

/// What of `selection` a person wants to be released, if anything. One entry is no question.
fn wanted(gate: &AdminClient, selection: Selection) -> Result<Option<Selection>, Failure> {
    let trial = Selection {
        dry_run: true,
        ..selection.clone()
    };
    let page: Page<BlockView> = gate.post("/blocks/release", &trial)?;
    if page.total <= 1 {
        return Ok(Some(selection));
    }
    let is_wanted = confirm(&question(&page)).map_err(|error| {
        let why = format!("cannot ask: {error}\nhint: --yes releases without a question");
        Failure::new(ExitStatus::Fault, why)
    })?;
    Ok(is_wanted.then(|| asked_about(&page).unwrap_or(selection)))
}

/// Those that a question was about, by number: others may have been blocked since. None where the
/// answer of the gate does not name them all.
fn asked_about(page: &Page<BlockView>) -> Option<Selection> {
    let ids: Vec<_> = page.items.iter().filter_map(|block| block.id).collect();
    (ids.len() == page.total).then(|| Selection {
        ids: Some(ids),
        ..Selection::default()
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
    let others = match asked_about(page) {
        Some(_) => "",
        None => " and those blocked meanwhile",
    };
    format!("{text}Release {entries}{others}? They may log in again at once. [y/N] ")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_that_cannot_name_all_by_number_says_what_else_it_means() {
        let page = Page {
            items: Vec::new(),
            total: 2,
            offset: 0,
        };
        assert_eq!(asked_about(&page), None);
        let asked = "Release 2 entries and those blocked meanwhile? ";
        assert!(question(&page).starts_with(asked));
    }
}
