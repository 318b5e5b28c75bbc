//! One row of the picture: its name, its bars in lanes below one another, and its marks above
//! them. And what joins the bars of two rows.

use super::blocks::{Block, MarkCluster, blocks, clusters};
use super::links::Link;
use super::xml::{Attribute, Px, XmlWriter};
use super::{INK, MARGIN, MINOR, Picture, cut, links};
use crate::history::EntryId;
use crate::program::Family;
use crate::report::timeline::{BarKind, ClientRow, MarkKind};
use crate::report::words::length;

pub(super) const HOLD: &str = "#0b6870";
/// A tint of it: nobody is kept out.
const VIEW: &str = "#d3e6e7";
pub(super) const WAIT: &str = "#8a5000";
const BAD: &str = "#b3261e";

/// Where the signs of grave marks have their middle, below the top of the row.
const GRAVE_MARKS: f64 = 9.0;
/// Those of habits, which would hide the others: they are told of each session of some programs.
const HABIT_MARKS: f64 = 19.0;

/// The narrowest bar that has a pattern and an outline, in pixels.
const PATTERN_WIDTH_MIN: f64 = 5.0;

/// A lane of a row: where it begins below the top of the row, and how high it is.
#[derive(Clone, Copy)]
pub(super) struct BarLane {
    top: f64,
    pub(super) height: f64,
}

/// Waits and delays have lanes of their own, since one session of a program can wait while another
/// one of it is in the maildrop.
pub(super) fn lane(kind: BarKind) -> BarLane {
    match kind {
        BarKind::Hold | BarKind::Login | BarKind::View => BarLane {
            top: 25.0,
            height: 13.0,
        },
        BarKind::Wait => BarLane {
            top: 40.0,
            height: 7.0,
        },
        BarKind::Delay => BarLane {
            top: 49.0,
            height: 3.0,
        },
    }
}

/// Class, filling and outline of the bars of a kind.
pub(super) fn paint(kind: BarKind) -> (&'static str, &'static str, &'static str) {
    match kind {
        BarKind::Hold => ("timeline-hold", HOLD, HOLD),
        BarKind::View => ("timeline-view", VIEW, HOLD),
        BarKind::Login => ("timeline-login", "url(#timeline-login)", HOLD),
        BarKind::Wait => ("timeline-wait", "url(#timeline-wait)", WAIT),
        BarKind::Delay => ("timeline-delay", MINOR, MINOR),
    }
}

impl Picture<'_> {
    pub(super) fn row(&self, index: usize, xml: &mut XmlWriter) {
        let row = &self.timeline.rows[index];
        let top = Self::row_top(index);
        xml.open("g", &[("class", &"timeline-row")]);
        self.name(row, top, xml);
        for &kind in BarKind::ALL {
            let bars = row.bars.iter().filter(|bar| bar.kind == kind);
            for block in blocks(bars, &self.scale, self.timeline.now) {
                self.block(kind, &block, top, xml);
            }
        }
        for (habits, middle) in [(true, HABIT_MARKS), (false, GRAVE_MARKS)] {
            let marks = row.marks.iter().filter(|it| is_habit(it.kind) == habits);
            for cluster in clusters(marks, &self.scale) {
                self.cluster(&cluster, top + middle, xml);
            }
        }
        xml.close();
    }

    fn name(&self, row: &ClientRow, top: f64, xml: &mut XmlWriter) {
        let program = self.words.family(row.program.family);
        xml.open("g", &[]);
        xml.text("title", &[], format!("{}, {}", self.guess(row), row.client));
        let bold = [
            ("x", &MARGIN as _),
            ("y", &Px(top + 22.0) as _),
            ("font-weight", &"bold" as _),
        ];
        xml.text("text", &bold, cut(&program, 26));
        let lines = [(36.0, row.client.to_string()), (49.0, self.held(row))];
        for (below, line) in lines {
            xml.text(
                "text",
                &[
                    ("class", &"timeline-minor"),
                    ("x", &MARGIN),
                    ("y", &Px(top + below)),
                    ("font-size", &11),
                    ("fill", &MINOR),
                ],
                line,
            );
        }
        xml.close();
    }

    /// `Thunderbird (high)`.
    fn guess(&self, row: &ClientRow) -> String {
        let program = self.words.family(row.program.family);
        if row.program.family == Family::Unknown {
            return program;
        }
        let confidence = row.program.confidence.as_str();
        format!(
            "{program} ({})",
            self.words.say(&format!("confidence-{confidence}"))
        )
    }

    /// How often and for how long it was in the maildrop within this time.
    fn held(&self, row: &ClientRow) -> String {
        let holds = row.bars.iter().filter(|bar| bar.kind == BarKind::Hold);
        let count = holds.clone().count();
        if count == 0 {
            return String::new();
        }
        let whole = holds.map(|bar| bar.length(self.timeline.now)).sum();
        format!("{count} ×, {}", length(whole))
    }

    fn block(&self, kind: BarKind, block: &Block<'_>, top: f64, xml: &mut XmlWriter) {
        let lane = lane(kind);
        let (class, fill, stroke) = paint(kind);
        // A pattern and an outline need room to be seen.
        let is_wide = block.right - block.left > PATTERN_WIDTH_MIN;
        let shown_fill = if is_wide { fill } else { stroke };
        // A page that shows the picture asks for a report of the login that is clicked on; of one
        // that is not over, of the moment.
        let entry = block.entry();
        let clicked: Attribute<'_> = match &entry {
            Some(EntryId(id)) => ("data-entry", id),
            None => ("data-at", &block.until),
        };
        xml.open("g", &[("class", &class), clicked]);
        xml.text("title", &[], self.told(kind, block));
        xml.empty(
            "rect",
            &[
                ("x", &Px(block.left)),
                ("y", &Px(top + lane.top)),
                ("width", &Px(block.right - block.left)),
                ("height", &lane.height),
                ("fill", &shown_fill),
                ("opacity", &opacity(block)),
                ("stroke", &stroke),
                ("stroke-width", &u8::from(is_wide)),
            ],
        );
        if block.goes_on() {
            self.goes_on(block.right, top + lane.top, lane.height, stroke, xml);
        }
        xml.close();
    }

    /// A point at the right end, which is open.
    fn goes_on(&self, x: f64, y: f64, height: f64, fill: &str, xml: &mut XmlWriter) {
        let half = height / 2.0;
        let path = format!(
            "M{} {}l{} {}l-{} {}z",
            Px(x),
            Px(y),
            Px(half),
            Px(half),
            Px(half),
            Px(half)
        );
        xml.empty("path", &[("d", &path), ("fill", &fill)]);
    }

    /// What a block is, with exact times.
    fn told(&self, kind: BarKind, block: &Block<'_>) -> String {
        let what = self.bar_name(kind);
        let from = block
            .from()
            .map(|from| self.exact(from))
            .unwrap_or_default();
        let until = if block.goes_on() {
            "…".to_owned()
        } else {
            self.exact(block.until)
        };
        let span = format!("{from} – {until} ({})", length(block.busy));
        match block.bars.as_slice() {
            [bar] => format!("{what}: {span}, #{}", bar.session()),
            bars => format!("{} × {what}: {span}", bars.len()),
        }
    }

    fn cluster(&self, cluster: &MarkCluster<'_>, y: f64, xml: &mut XmlWriter) {
        let place = format!("translate({} {})", Px(cluster.x), Px(y));
        let entry = cluster.gravest().map(|it| it.id.0.to_string());
        xml.open(
            "g",
            &[
                ("class", &format_args!("timeline-{}", cluster.kind.as_str())),
                ("transform", &place),
                ("data-entry", &entry.unwrap_or_default()),
            ],
        );
        xml.text("title", &[], self.told_mark(cluster));
        sign(cluster.kind, xml);
        xml.close();
    }

    /// The gravest mark of a cluster, and how many more there are.
    fn told_mark(&self, cluster: &MarkCluster<'_>) -> String {
        let Some(mark) = cluster.gravest() else {
            return String::new();
        };
        let what = self.mark_name(mark.kind);
        let when = self.exact(mark.at);
        let why = self.words.mark(mark);
        let told = format!("{what}: {when}, #{}: {why}", mark.entry.session);
        match cluster.marks.len() - 1 {
            0 => told,
            more => format!("{told} (+ {more})"),
        }
    }

    /// For each wait the hold that it was for: a band from one to the other, which ends where the
    /// wait or the hold did.
    pub(super) fn links(&self, xml: &mut XmlWriter) {
        for link in links(self.timeline, &self.scale) {
            self.link(link, xml);
        }
    }

    fn link(&self, link: Link, xml: &mut XmlWriter) {
        let waiting = lane(BarKind::Wait);
        let holding = lane(BarKind::Hold);
        let wait_top = Self::row_top(link.waiting) + waiting.top;
        let hold_top = Self::row_top(link.holding) + holding.top;
        let (top, bottom) = if link.holding < link.waiting {
            (hold_top + holding.height, wait_top)
        } else {
            (wait_top + waiting.height, hold_top)
        };
        xml.open("g", &[("class", &"timeline-link")]);
        xml.empty(
            "rect",
            &[
                ("x", &Px(link.left)),
                ("y", &Px(top)),
                ("width", &Px(link.right - link.left)),
                ("height", &Px(bottom - top)),
                ("fill", &WAIT),
                ("opacity", &0.16),
            ],
        );
        xml.empty(
            "line",
            &[
                ("x1", &Px(link.right)),
                ("y1", &Px(top)),
                ("x2", &Px(link.right)),
                ("y2", &Px(bottom)),
                ("stroke", &WAIT),
            ],
        );
        xml.close();
    }
}

fn is_habit(kind: MarkKind) -> bool {
    matches!(kind, MarkKind::WithoutQuit | MarkKind::Twin)
}

/// Many short bars in one block are the paler the less of its time they cover, and are still seen.
fn opacity(block: &Block<'_>) -> f64 {
    match block.density() {
        0.0..0.05 => 0.4,
        0.05..0.25 => 0.6,
        0.25..0.6 => 0.8,
        _ => 1.0,
    }
}

/// The sign of a kind of mark, around the origin: each one has another shape.
pub(super) fn sign(kind: MarkKind, xml: &mut XmlWriter) {
    match kind {
        MarkKind::Refused => line("M-4 -4L4 4M4 -4L-4 4", BAD, xml),
        MarkKind::Preempted => area("M-4.5 -4h9l-4.5 8z", xml),
        MarkKind::Kicked => area("M-4 -4h8v8h-8z", xml),
        MarkKind::Failed => area("M0 -5l5 5l-5 5l-5 -5z", xml),
        MarkKind::GaveUp => line("M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0 -7 0", BAD, xml),
        MarkKind::WithoutQuit => line("M-3.5 -3.5l6 3.5l-6 3.5", INK, xml),
        MarkKind::Twin => {
            line("M-4.5 0a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0 -5 0", INK, xml);
            line("M-.5 0a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0 -5 0", INK, xml);
        }
    }
}

fn line(path: &str, color: &str, xml: &mut XmlWriter) {
    xml.empty(
        "path",
        &[
            ("d", &path),
            ("fill", &"none"),
            ("stroke", &color),
            ("stroke-width", &1.8),
        ],
    );
}

fn area(path: &str, xml: &mut XmlWriter) {
    xml.empty("path", &[("d", &path), ("fill", &BAD)]);
}
