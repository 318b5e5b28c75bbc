//! The page of the manual: what stands between its marks is written anew.

use super::{Surroundings, text, write_charts};
use crate::Outcome;
use crate::figures::Figures;
use std::fs;
use std::path::Path;

pub(crate) const BEGIN: &str = "<!-- figures: begin, written by tests/bench/peers --manual -->\n";
pub(crate) const END: &str = "<!-- figures: end -->\n";

/// Rewrites the figures of `performance.md` in `folder`, and the charts in its `images`.
pub(crate) fn write_manual(
    folder: &Path,
    figures: &Figures,
    surroundings: &Surroundings,
) -> Outcome<()> {
    let page = folder.join("performance.md");
    let old = fs::read_to_string(&page)?;
    let new = between_marks(&old, &text(figures, surroundings)).ok_or("the page has no marks")?;
    fs::write(page, new)?;
    write_charts(&folder.join("images"), figures)
}

pub(crate) fn between_marks(page: &str, figures: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{figures}\n{END}{after}"))
}
