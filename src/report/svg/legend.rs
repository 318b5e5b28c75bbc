//! What the signs of a picture mean, and the patterns that they are filled with.

use super::row::{HOLD, WAIT, lane, paint, sign};
use super::xml::{Px, XmlWriter};
use super::{AXIS_HEIGHT, MARGIN, PAPER, Picture, RULE, WIDTH};
use crate::report::timeline::{BarKind, MarkKind};

const LINE_HEIGHT: f64 = 20.0;
/// The widest character of its font, on average, in pixels.
const CHARACTER: f64 = 6.2;
/// The sign in front of a word, and the room behind it.
const SIGN: f64 = 30.0;
const ROOM: f64 = 22.0;

/// What there is a sign for.
#[derive(Clone, Copy)]
enum Sign {
    /// Time that nothing is recorded of.
    NotKept,
    Bar(BarKind),
    Mark(MarkKind),
}

/// A sign and its word, where it stands: relative to the beginning of the legend.
struct LegendItem {
    sign: Sign,
    word: String,
    x: f64,
    y: f64,
}

impl Picture<'_> {
    pub(super) fn legend_height(&self) -> f64 {
        let last = self.legend_items().last().map_or(0.0, |item| item.y);
        last + LINE_HEIGHT
    }

    /// Of the signs that are in the picture.
    pub(super) fn legend(&self, xml: &mut XmlWriter) {
        let top = self.rows_bottom() + AXIS_HEIGHT;
        xml.open("g", &[("class", &"timeline-legend"), ("font-size", &11)]);
        for item in self.legend_items() {
            let y = top + item.y;
            match item.sign {
                Sign::NotKept => legend_area((item.x, y), xml),
                Sign::Bar(kind) => legend_bar(kind, (item.x, y), xml),
                Sign::Mark(kind) => {
                    let place = format!("translate({} {})", Px(item.x + SIGN / 2.0 - 4.0), Px(y));
                    let class = format_args!("timeline-{}", kind.as_str()).to_string();
                    xml.open("g", &[("class", &class), ("transform", &place)]);
                    sign(kind, xml);
                    xml.close();
                }
            }
            let place = [("x", &Px(item.x + SIGN) as _), ("y", &Px(y + 4.0) as _)];
            xml.text("text", &place, item.word);
        }
        xml.close();
    }

    fn legend_items(&self) -> Vec<LegendItem> {
        let mut x = MARGIN;
        let mut y = 0.0;
        let mut items = Vec::new();
        for (sign, word) in self.signs() {
            let width = SIGN + CHARACTER * word.chars().count() as f64;
            if x + width > WIDTH - MARGIN && x > MARGIN {
                x = MARGIN;
                y += LINE_HEIGHT;
            }
            items.push(LegendItem { sign, word, x, y });
            x += width + ROOM;
        }
        items
    }

    fn signs(&self) -> Vec<(Sign, String)> {
        let rows = &self.timeline.rows;
        let has_bar = |kind| {
            rows.iter()
                .flat_map(|row| &row.bars)
                .any(|it| it.kind == kind)
        };
        let has_mark = |kind| {
            rows.iter()
                .flat_map(|row| &row.marks)
                .any(|it| it.kind == kind)
        };
        let bars = BarKind::ALL.iter().rev().filter(|kind| has_bar(**kind));
        let marks = MarkKind::ALL.iter().rev().filter(|kind| has_mark(**kind));
        let not_kept = (self.kept_since() > self.timeline.axis.since())
            .then(|| (Sign::NotKept, self.words.say("picture-not-kept")));
        bars.map(|&kind| (Sign::Bar(kind), self.bar_name(kind)))
            .chain(marks.map(|&kind| (Sign::Mark(kind), self.mark_name(kind))))
            .chain(not_kept)
            .collect()
    }

    pub(super) fn patterns(&self, xml: &mut XmlWriter) {
        xml.open("defs", &[]);
        pattern("timeline-wait", "M-1 5L5 -1M1 7L7 1", WAIT, xml);
        pattern("timeline-login", "M1.5 0V6M4.5 0V6", HOLD, xml);
        // Dots: it must not look like something that happened.
        pattern("timeline-unknown", "M2 3h1.5", "#c4ccd4", xml);
        xml.close();
    }
}

/// Lines or dots on paper.
fn pattern(id: &str, path: &str, color: &str, xml: &mut XmlWriter) {
    xml.open(
        "pattern",
        &[
            ("id", &id),
            ("width", &6),
            ("height", &6),
            ("patternUnits", &"userSpaceOnUse"),
        ],
    );
    let paper = [
        ("class", &"timeline-paper" as _),
        ("width", &6 as _),
        ("height", &6 as _),
        ("fill", &PAPER as _),
    ];
    xml.empty("rect", &paper);
    xml.empty(
        "path",
        &[("d", &path), ("stroke", &color), ("stroke-width", &1.5)],
    );
    xml.close();
}

fn legend_area((x, y): (f64, f64), xml: &mut XmlWriter) {
    xml.open("g", &[("class", &"timeline-unknown")]);
    xml.empty(
        "rect",
        &[
            ("x", &Px(x)),
            ("y", &Px(y - 7.0)),
            ("width", &(SIGN - 8.0)),
            ("height", &14),
            ("fill", &"url(#timeline-unknown)"),
            ("stroke", &RULE),
        ],
    );
    xml.close();
}

fn legend_bar(kind: BarKind, (x, y): (f64, f64), xml: &mut XmlWriter) {
    let (class, fill, stroke) = paint(kind);
    let height = lane(kind).height;
    xml.open("g", &[("class", &class)]);
    xml.empty(
        "rect",
        &[
            ("x", &Px(x)),
            ("y", &Px(y - height / 2.0)),
            ("width", &(SIGN - 8.0)),
            ("height", &height),
            ("fill", &fill),
            ("stroke", &stroke),
        ],
    );
    xml.close();
}
