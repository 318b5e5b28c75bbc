//! What is written: a table for people, the same as Markdown, all of it as JSON, and charts.

mod chart;
mod json;
mod manual;
mod surroundings;
mod table;

pub(crate) use chart::charts;
pub(crate) use manual::{BEGIN, END, between_marks, write_manual};
pub(crate) use surroundings::Surroundings;

use crate::Outcome;
use crate::figures::Figures;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// The table, and what failed, in Markdown that is for reading as it stands.
pub(crate) fn text(figures: &Figures, surroundings: &Surroundings) -> String {
    let mut text = table::table(figures, &surroundings.kinds);
    for ((part, kind), words) in &figures.notes {
        let _ = writeln!(text, "\n{}, {part}: {words}.", kind.title());
    }
    for (part, kind, words) in &figures.failures {
        let _ = writeln!(
            text,
            "\n{} failed in {}: {words}",
            kind.title(),
            part.word()
        );
    }
    text + "\n" + &surroundings.text()
}

/// Writes `peers.md`, `peers.json` and the charts.
pub(crate) fn write(folder: &Path, figures: &Figures, surroundings: &Surroundings) -> Outcome<()> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join("peers.md"), text(figures, surroundings))?;
    fs::write(
        folder.join("peers.json"),
        json::json(figures, surroundings)?,
    )?;
    for (name, chart) in charts(figures) {
        fs::write(folder.join(format!("peers-{name}.svg")), chart)?;
    }
    Ok(())
}

/// Three digits that matter, and no more behind the point than a reader takes in.
fn number(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 || size >= 100.0 {
        format!("{value:.0}")
    } else if size >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}
