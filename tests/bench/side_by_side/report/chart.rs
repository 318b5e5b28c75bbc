//! Charts as SVG: bars with names and figures, black on a white of their own, so that they can be
//! read on a dark page too.

use super::number;
use crate::figures::{Figures, Row, Spread};
use crate::peers::Kind;
use std::fmt::Write as _;

const WIDTH: f64 = 760.0;
const MARGIN: f64 = 16.0;
/// Left of it stand the names.
const BARS_LEFT: f64 = 130.0;
/// Right of it the longest bar's figure has room.
const BARS_RIGHT: f64 = 590.0;
const BAR: f64 = 16.0;
const BAR_STEP: f64 = 22.0;
const PANEL_HEAD: f64 = 30.0;
const PANEL_GAP: f64 = 14.0;
const TOP: f64 = 44.0;
/// A bar that is so many times the next one is cut, a little above that one.
const CUT_FROM: f64 = 3.0;
const CUT_ABOVE: f64 = 1.2;

const FONT: &str = "system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', 'DejaVu Sans', sans-serif";
const INK: &str = "#15202b";
const MINOR: &str = "#526070";
const PAPER: &str = "#ffffff";
const OURS: &str = "#1f6f8b";
const THEIRS: &str = "#aab6c2";

/// The file's name, what it shows, and the figures in it, those that there are.
const CHARTS: &[(&str, &str, &[&str])] = &[
    (
        "sessions",
        "CPU of a short session",
        &[
            "session_cpu_plain",
            "session_cpu_tls_full",
            "session_cpu_tls_resumed",
        ],
    ),
    (
        "bulk",
        "CPU of a gigabyte of RETR",
        &[
            "bulk_cpu_large_plain",
            "bulk_cpu_small_plain",
            "bulk_cpu_large_tls",
            "bulk_cpu_small_tls",
        ],
    ),
    (
        "memory",
        "Memory of an idle session",
        &["memory_plain", "memory_tls"],
    ),
    (
        "contention",
        "Fifty programs share five maildrops that lock",
        &["contention_errors", "contention_done", "contention_idle"],
    ),
];

/// Name and document of each chart of which something was measured.
pub(crate) fn charts(figures: &Figures) -> Vec<(&'static str, String)> {
    let mut charts = Vec::new();
    for (name, title, keys) in CHARTS {
        let rows = keys.iter().filter_map(|key| figures.row(key));
        let rows: Vec<_> = rows.collect();
        if !rows.is_empty() {
            charts.push((*name, chart(title, &rows)));
        }
    }
    charts
}

fn chart(title: &str, rows: &[&Row]) -> String {
    let panels = rows.iter().map(|row| panel_height(row));
    let height = TOP + panels.sum::<f64>() + MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" width=\"{WIDTH}\" \
         height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"{FONT}\" \
         font-size=\"12\" fill=\"{INK}\">\n<title>{title}</title>\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"{PAPER}\"/>\n\
         <text x=\"{MARGIN}\" y=\"28\" font-size=\"16\" font-weight=\"bold\">{title}</text>\n"
    );
    let mut top = TOP;
    for row in rows {
        panel(&mut svg, row, top);
        top += panel_height(row);
    }
    svg + "</svg>\n"
}

fn bars(row: &Row) -> Vec<(Kind, Spread)> {
    // Straight is no peer: it is in the table.
    let kinds = Kind::ALL.into_iter().filter(|kind| *kind != Kind::Straight);
    kinds
        .filter_map(|kind| Some((kind, row.spread(kind)?)))
        .collect()
}

fn panel_height(row: &Row) -> f64 {
    PANEL_HEAD + BAR_STEP * bars(row).len() as f64 + PANEL_GAP
}

fn panel(svg: &mut String, row: &Row, top: f64) {
    let bars = bars(row);
    let better = if row.figure.is_more_better {
        "more"
    } else {
        "less"
    };
    let _ = writeln!(
        svg,
        "<text x=\"{MARGIN}\" y=\"{:.1}\" fill=\"{MINOR}\">{}, {} ({better} is better)</text>",
        top + 18.0,
        row.figure.title,
        row.figure.unit,
    );
    let scale = (BARS_RIGHT - BARS_LEFT) / longest(&bars);
    for (index, (kind, spread)) in bars.iter().enumerate() {
        let y = top + PANEL_HEAD + BAR_STEP * index as f64;
        bar(svg, *kind, *spread, y, scale);
    }
}

/// What the whole width stands for. A bar that would dwarf all others is cut.
fn longest(bars: &[(Kind, Spread)]) -> f64 {
    let mut highs: Vec<_> = bars.iter().map(|(_, spread)| spread.high).collect();
    highs.sort_unstable_by(|one, other| other.total_cmp(one));
    match *highs.as_slice() {
        [first, second, ..] if first > second * CUT_FROM && second > 0.0 => second * CUT_ABOVE,
        [first, ..] if first > 0.0 => first,
        _ => 1.0,
    }
}

/// The name, a bar up to the median with a line from quartile to quartile, and the figure.
fn bar(svg: &mut String, kind: Kind, spread: Spread, y: f64, scale: f64) {
    let (colour, weight) = if kind == Kind::Popgate {
        (OURS, "bold")
    } else {
        (THEIRS, "normal")
    };
    let full = BARS_RIGHT - BARS_LEFT;
    let is_cut = spread.median * scale > full;
    let [low, median, high] =
        [spread.low, spread.median, spread.high].map(|value| (value.max(0.0) * scale).min(full));
    let text = y + 12.5;
    let _ = writeln!(
        svg,
        "<text x=\"{:.1}\" y=\"{text:.1}\" text-anchor=\"end\" \
         font-weight=\"{weight}\">{}</text>\n\
         <rect x=\"{BARS_LEFT}\" y=\"{y:.1}\" width=\"{median:.1}\" height=\"{BAR}\" \
         fill=\"{colour}\"/>\n{}\n\
         <text x=\"{:.1}\" y=\"{text:.1}\" font-weight=\"{weight}\">{}</text>",
        BARS_LEFT - 8.0,
        kind.title(),
        if is_cut {
            gap(y)
        } else {
            quartiles(y, low, high)
        },
        BARS_LEFT + high.max(median) + 6.0,
        number(spread.median),
    );
}

fn quartiles(y: f64, low: f64, high: f64) -> String {
    let (from, to, middle) = (BARS_LEFT + low, BARS_LEFT + high, y + BAR / 2.0);
    format!("<path d=\"M{from:.1} {middle:.1}H{to:.1}\" stroke=\"{INK}\"/>")
}

/// Where a bar that is cut is interrupted.
fn gap(y: f64) -> String {
    let (left, top, bottom) = (BARS_RIGHT - 40.0, y - 2.0, y + BAR + 2.0);
    format!(
        "<path d=\"M{left:.1} {bottom:.1}L{:.1} {top:.1}\" stroke=\"{PAPER}\" stroke-width=\"6\"/>",
        left + 10.0
    )
}
