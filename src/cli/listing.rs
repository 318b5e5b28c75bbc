//! What the commands that show a list have in common.

use super::client::{AdminClient, Failure};
use super::screen::{Screen, Tone};
use super::text::json_line;
use super::{ExitStatus, print};
use crate::admin::model::Page;
use clap::Args;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// How an answer is printed
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Output")]
pub(super) struct OutputArgs {
    /// Output JSON, as the API answers it
    #[arg(long)]
    pub(super) json: bool,
}

/// Which part of a list
#[derive(Args, Debug)]
#[command(next_help_heading = "Order")]
pub(super) struct PageArgs {
    /// Sort by this key; with a minus sign in front, the greatest first
    #[arg(long, value_name = "KEY", allow_hyphen_values = true)]
    pub(super) sort: Option<String>,
    /// Show this many at most [default: all]
    #[arg(long, value_name = "N")]
    pub(super) limit: Option<usize>,
}

/// The conditions that were given, as the API takes them.
pub(super) fn conditions(given: &[(&'static str, Option<&String>)]) -> Vec<(&'static str, String)> {
    given
        .iter()
        .filter_map(|&(key, value)| Some((key, value?.clone())))
        .collect()
}

impl PageArgs {
    /// The list at `path` of what meets all `given` conditions.
    pub(super) fn fetch<T: DeserializeOwned>(
        &self,
        client: &AdminClient,
        path: &str,
        given: &[(&'static str, Option<&String>)],
    ) -> Result<Page<T>, Failure> {
        let sort = [("sort", self.sort.as_ref())];
        let query = conditions(&[given, &sort].concat());
        client.list(path, &query, self.limit)
    }
}

impl OutputArgs {
    /// Prints `answer`: as it came, or as `shown` says it.
    pub(super) fn print<T: Serialize>(
        self,
        answer: Result<T, Failure>,
        shown: impl FnOnce(&T, Screen) -> String,
    ) -> ExitStatus {
        match answer {
            Ok(answer) if self.json => print_json(&answer),
            Ok(answer) => print(shown(&answer, Screen::of_stdout()), ExitStatus::Done),
            Err(failure) => failure.tell(),
        }
    }
}

pub(super) fn print_json(answer: &impl Serialize) -> ExitStatus {
    match serde_json::to_value(answer) {
        Ok(value) => print(json_line(&value), ExitStatus::Done),
        Err(error) => Failure::new(ExitStatus::Fault, error.to_string()).tell(),
    }
}

/// `table`, or that there is nothing; with a line for what the page leaves out.
pub(super) fn list_or_nothing<T>(
    page: &Page<T>,
    screen: Screen,
    nothing: &str,
    table: impl FnOnce(&[T]) -> String,
) -> String {
    match page.items.is_empty() {
        true => nothing.to_owned(),
        false => with_rest(table(&page.items), left_out(page), screen),
    }
}

/// How many items the page leaves out.
pub(super) fn left_out<T>(page: &Page<T>) -> usize {
    page.total.saturating_sub(page.items.len())
}

/// `table`, with a line for what is left out.
pub(super) fn with_rest(table: String, left_out: usize, screen: Screen) -> String {
    match left_out {
        0 => table,
        more => {
            let rest = screen.paint(&format!("… and {more} more"), Tone::Faint);
            format!("{table}\n{rest}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_counted_and_an_empty_list_is_told() {
        let page = |items: Vec<u8>, total| Page {
            items,
            total,
            offset: 0,
        };
        let shown = |page: &Page<u8>| {
            list_or_nothing(page, Screen::default(), "nothing", |items| {
                format!("{items:?}")
            })
        };
        assert_eq!(shown(&page(vec![], 0)), "nothing");
        assert_eq!(shown(&page(vec![1], 1)), "[1]");
        assert_eq!(shown(&page(vec![1], 8)), "[1]\n… and 7 more");
    }
}
