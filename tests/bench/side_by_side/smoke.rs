//! What a short run fails on: only what cannot be noise.

use crate::figures::{Figure, Figures, Row, Target};
use crate::parts::Part;
use crate::peers::Kind;

/// So far a figure may be off its target.
const OFF: f64 = 10.0;
/// A hand-over is as long as threads take to wake, which is long where the machine has other work.
/// Its target is half a fresh login: it may take ten of them.
const HAND_OVER_OFF: f64 = 20.0;

/// Each in a line; none: all is well.
pub(crate) fn faults(figures: &Figures) -> Vec<String> {
    let failures = figures.failures.iter();
    let mut faults: Vec<_> = failures
        .map(|(part, kind, words)| format!("{} failed in {}: {words}", kind.title(), part.word()))
        .collect();
    faults.extend(figures.rows.iter().filter_map(fault));
    faults
}

fn fault(row: &Row) -> Option<String> {
    // Of few samples the highest are noise.
    if row.figure.key.contains("_p99") {
        return None;
    }
    let (value, _) = row.verdict()?;
    let most = match row.figure.target? {
        Target::OfHaproxy(most)
        | Target::OfBest(most)
        | Target::OfStraight(most)
        | Target::AtMost(most) => most,
    };
    let ours = row.spread(Kind::Popgate)?.median;
    let off = off(row.figure);
    // Zero is exact: a lock error is no noise.
    (value > most * off).then(|| {
        let (title, unit) = (row.figure.title, row.figure.unit);
        format!("{title}: {ours:.1} {unit}, which is more than {off} times off its target")
    })
}

fn off(figure: &Figure) -> f64 {
    match figure.part {
        Part::Handover => HAND_OVER_OFF,
        _ => OFF,
    }
}
