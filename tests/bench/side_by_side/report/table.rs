//! The table: a row for each figure, a column for each peer.

use super::number;
use crate::figures::{Figures, Row, Spread, Target};
use crate::peers::Kind;

pub(crate) fn table(figures: &Figures, kinds: &[Kind]) -> String {
    let mut head = vec!["figure".to_owned()];
    head.extend(kinds.iter().map(|kind| kind.title().to_owned()));
    head.push("target".to_owned());
    let mut rows = vec![head];
    rows.extend(figures.measured().map(|row| cells(row, kinds)));
    layout(&rows)
}

fn cells(row: &Row, kinds: &[Kind]) -> Vec<String> {
    let mut cells = vec![format!("{}, {}", row.figure.title, row.figure.unit)];
    let values = kinds
        .iter()
        .map(|kind| row.spread(*kind).map(cell).unwrap_or_default());
    cells.extend(values);
    cells.push(target(row));
    cells
}

/// The median, and the quartiles where they differ from it.
fn cell(spread: Spread) -> String {
    let [low, median, high] = [spread.low, spread.median, spread.high].map(number);
    if low == median && high == median {
        median
    } else {
        format!("{median} ({low}–{high})")
    }
}

/// What is wished, what it came to, and whether that is met.
pub(super) fn target(row: &Row) -> String {
    let Some(target) = row.figure.target else {
        return String::new();
    };
    let wished = match target {
        Target::OfHaproxy(most) => format!("at most {most} of HAProxy's"),
        Target::OfBest(most) => format!("at most {most} of the best peer's"),
        Target::OfStraight(most) => format!("at most {most} of straight"),
        Target::AtMost(most) => format!("at most {most}"),
    };
    match row.verdict() {
        None => wished,
        Some((value, is_met)) => {
            let verdict = if is_met { "met" } else { "missed" };
            format!("{wished}: {}, {verdict}", number(value))
        }
    }
}

/// A Markdown table whose columns stand below each other.
fn layout(rows: &[Vec<String>]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let columns = rows.first().map_or(0, Vec::len);
    let widths: Vec<_> = (0..columns)
        .map(|column| width(column).unwrap_or(0))
        .collect();
    let line = |cells: &[String]| {
        let padded = cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!(" {cell:width$} "));
        format!("|{}|\n", padded.collect::<Vec<_>>().join("|"))
    };
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        text += &line(row);
        if index == 0 {
            let rule: Vec<_> = widths.iter().map(|width| "-".repeat(width + 2)).collect();
            text += &format!("|{}|\n", rule.join("|"));
        }
    }
    text
}
