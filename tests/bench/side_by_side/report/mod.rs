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
use std::fs;
use std::path::Path;

const COLUMNS_MAX: usize = 120;

/// The table, and what failed, in Markdown that is for reading as it stands.
pub(crate) fn text(figures: &Figures, surroundings: &Surroundings) -> String {
    let mut paragraphs = vec![table::table(figures, &surroundings.kinds)];
    for ((part, kind, topic), words) in &figures.notes {
        paragraphs.push(wrapped(&format!(
            "{}, {part}: {topic} {words}.",
            kind.title()
        )));
    }
    for (part, kind, words) in &figures.failures {
        let (title, part) = (kind.title(), part.word());
        paragraphs.push(wrapped(&format!("**{title} failed in {part}**: {words}")));
    }
    paragraphs.push(wrapped(&surroundings.text()));
    paragraphs.join("\n")
}

/// As the other pages of the manual are.
fn wrapped(text: &str) -> String {
    let (mut wrapped, mut column) = (String::new(), 0);
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > COLUMNS_MAX {
            wrapped.push('\n');
            column = 0;
        } else if column > 0 {
            wrapped.push(' ');
            column += 1;
        }
        wrapped.push_str(word);
        column += length;
    }
    wrapped + "\n"
}

/// Writes `peers.md`, `peers.json` and the charts.
pub(crate) fn write(folder: &Path, figures: &Figures, surroundings: &Surroundings) -> Outcome<()> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join("peers.md"), text(figures, surroundings))?;
    fs::write(
        folder.join("peers.json"),
        json::json(figures, surroundings)?,
    )?;
    write_charts(folder, figures)
}

fn write_charts(folder: &Path, figures: &Figures) -> Outcome<()> {
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
