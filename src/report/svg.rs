//! A timeline as a picture: an SVG document that needs nothing else.
//!
//! No part of it is told by its colour alone. Each has a class, by which a page that takes it in
//! can give it other colours; without that it is black on white, in dark surroundings too. Styles
//! are attributes, since a page may forbid others.

mod blocks;
mod legend;
mod links;
mod row;
mod scale;
#[cfg(test)]
mod tests;
mod xml;

use super::timeline::{BarKind, ClientRow, MarkKind, Timeline};
use super::words::{Words, length};
use crate::time::Duration;
use jiff::Timestamp;
use links::links;
use scale::{Scale, Tick};
use xml::{Px, XmlWriter};

/// The width of a picture, in pixels.
const WIDTH: f64 = 900.0;
const MARGIN: f64 = 16.0;
/// Where the axis begins: left of it stand the names of the rows.
const AXIS_LEFT: f64 = 206.0;
/// Where the first row begins: above it stands what it is a picture of.
const ROWS_TOP: f64 = 74.0;
const ROW_HEIGHT: f64 = 56.0;
/// Below the last row: the axis.
const AXIS_HEIGHT: f64 = 44.0;

/// What text is written with.
const FONT: &str = "system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', 'DejaVu Sans', sans-serif";

const INK: &str = "#15202b";
const MINOR: &str = "#526070";
const RULE: &str = "#dde3e9";
const PAPER: &str = "#ffffff";

/// The picture of `timeline`, with its words and times as `words` has them.
#[must_use]
pub fn draw(timeline: &Timeline, words: &Words) -> String {
    let picture = Picture::new(timeline, words);
    let mut xml = XmlWriter::default();
    picture.open(&mut xml);
    picture.head(&mut xml);
    picture.areas(&mut xml);
    picture.axis(&mut xml);
    picture.links(&mut xml);
    for index in 0..timeline.rows.len() {
        picture.row(index, &mut xml);
    }
    picture.now(&mut xml);
    picture.legend(&mut xml);
    xml.finish()
}

/// A picture in the making.
struct Picture<'a> {
    timeline: &'a Timeline,
    words: &'a Words,
    scale: Scale,
}

impl<'a> Picture<'a> {
    fn new(timeline: &'a Timeline, words: &'a Words) -> Self {
        Self {
            timeline,
            words,
            scale: Scale {
                axis: timeline.axis,
                left: AXIS_LEFT,
                right: WIDTH - MARGIN,
            },
        }
    }

    fn row_top(index: usize) -> f64 {
        ROWS_TOP + ROW_HEIGHT * index as f64
    }

    /// Where the last row ends. Without rows there is room for a line that says so.
    fn rows_bottom(&self) -> f64 {
        Self::row_top(self.timeline.rows.len().max(1))
    }

    fn open(&self, xml: &mut XmlWriter) {
        let height = Px(self.rows_bottom() + AXIS_HEIGHT + self.legend_height());
        let view = format!("0 0 {WIDTH} {height}");
        let lang = self.words.language().as_str();
        xml.open(
            "svg",
            &[
                ("xmlns", &"http://www.w3.org/2000/svg"),
                ("class", &"timeline"),
                ("role", &"img"),
                ("lang", &lang),
                ("xml:lang", &lang),
                ("width", &WIDTH),
                ("height", &height),
                ("viewBox", &view),
                ("font-family", &FONT),
                ("font-size", &12),
                ("fill", &INK),
            ],
        );
        xml.text("title", &[], self.title());
        xml.text("desc", &[], self.description());
        self.patterns(xml);
        xml.empty(
            "rect",
            &[
                ("class", &"timeline-paper"),
                ("width", &WIDTH),
                ("height", &height),
                ("fill", &PAPER),
            ],
        );
    }

    fn title(&self) -> String {
        let maildrop = self.timeline.maildrop.to_string();
        (self.words).tell("picture-title", &[("maildrop", maildrop.into())])
    }

    /// What it is about, and what is not in it.
    fn head(&self, xml: &mut XmlWriter) {
        let title = cut(&self.title(), 90);
        let bold = [
            ("x", &MARGIN as _),
            ("y", &26 as _),
            ("font-size", &16 as _),
            ("font-weight", &"bold" as _),
        ];
        xml.text("text", &bold, title);
        let axis = self.timeline.axis;
        let span = format!(
            "{} – {}",
            self.words.time(axis.since()),
            self.words.time(axis.until())
        );
        self.minor(xml, 44.0, &span);
        let missing = self.missing();
        if !missing.is_empty() {
            self.minor(xml, 60.0, &missing);
        }
        if self.timeline.rows.is_empty() {
            self.minor(xml, ROWS_TOP + 30.0, &self.words.say("picture-no-logins"));
        }
    }

    /// What is not in it, in a sentence or two.
    fn missing(&self) -> String {
        let mut told = Vec::new();
        if self.timeline.incomplete.is_some() {
            told.push(self.words.say("picture-incomplete"));
        }
        if self.timeline.left_out > 0 {
            let count = self.timeline.left_out.to_string();
            told.push((self.words).tell("picture-left-out", &[("count", count.into())]));
        }
        told.join(" ")
    }

    fn minor(&self, xml: &mut XmlWriter, y: f64, text: &str) {
        xml.text(
            "text",
            &[
                ("class", &"timeline-minor"),
                ("x", &MARGIN),
                ("y", &y),
                ("fill", &MINOR),
            ],
            text,
        );
    }

    /// The time that nothing is known of: before the history begins, and that to come.
    fn areas(&self, xml: &mut XmlWriter) {
        let axis = self.timeline.axis;
        let kept_since = self.kept_since();
        if axis.since() < kept_since {
            let what = self.words.say("picture-not-kept");
            self.area(xml, (axis.since(), kept_since), &what);
        }
        if axis.until() > self.timeline.now {
            let what = self.words.say("picture-to-come");
            self.area(xml, (self.timeline.now, axis.until()), &what);
        }
    }

    fn kept_since(&self) -> Timestamp {
        self.timeline.kept_since.unwrap_or(self.timeline.now)
    }

    fn area(&self, xml: &mut XmlWriter, (from, until): (Timestamp, Timestamp), what: &str) {
        let left = self.scale.x(from);
        let width = self.scale.x(until) - left;
        xml.open("g", &[("class", &"timeline-unknown")]);
        xml.text("title", &[], what);
        xml.empty(
            "rect",
            &[
                ("x", &Px(left)),
                ("y", &ROWS_TOP),
                ("width", &Px(width)),
                ("height", &Px(self.rows_bottom() - ROWS_TOP)),
                ("fill", &"url(#timeline-unknown)"),
            ],
        );
        xml.close();
    }

    fn axis(&self, xml: &mut XmlWriter) {
        let bottom = self.rows_bottom();
        for index in 0..=self.timeline.rows.len().max(1) {
            self.rule(
                xml,
                (MARGIN, Self::row_top(index)),
                (WIDTH - MARGIN, Self::row_top(index)),
            );
        }
        for tick in self.scale.ticks(self.words.zone()) {
            let x = self.scale.x(tick.at);
            self.rule(xml, (x, ROWS_TOP), (x, bottom + 4.0));
            self.tick(xml, &tick, x);
        }
    }

    fn tick(&self, xml: &mut XmlWriter, tick: &Tick, x: f64) {
        let first_line = self.rows_bottom() + 18.0;
        let second_line = if tick.time.is_some() {
            first_line + 14.0
        } else {
            first_line
        };
        let lines = [(&tick.time, first_line), (&tick.date, second_line)];
        for (text, y) in lines {
            if let Some(text) = text {
                xml.text(
                    "text",
                    &[
                        ("class", &"timeline-minor"),
                        ("x", &Px(x)),
                        ("y", &Px(y)),
                        ("text-anchor", &"middle"),
                        ("font-size", &11),
                        ("fill", &MINOR),
                    ],
                    text,
                );
            }
        }
    }

    fn rule(&self, xml: &mut XmlWriter, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
        xml.empty(
            "line",
            &[
                ("class", &"timeline-rule"),
                ("x1", &Px(x1)),
                ("y1", &Px(y1)),
                ("x2", &Px(x2)),
                ("y2", &Px(y2)),
                ("stroke", &RULE),
            ],
        );
    }

    /// Where now is, if it is in the picture and not at its end.
    fn now(&self, xml: &mut XmlWriter) {
        let now = self.timeline.now;
        let axis = self.timeline.axis;
        if now <= axis.since() || now >= axis.until() {
            return;
        }
        let x = self.scale.x(now);
        xml.open("g", &[("class", &"timeline-now")]);
        xml.text("title", &[], self.words.time(now));
        xml.empty(
            "line",
            &[
                ("x1", &Px(x)),
                ("y1", &Px(ROWS_TOP - 4.0)),
                ("x2", &Px(x)),
                ("y2", &Px(self.rows_bottom())),
                ("stroke", &INK),
                ("stroke-dasharray", &"2 3"),
            ],
        );
        xml.text(
            "text",
            &[
                ("x", &Px(x)),
                ("y", &Px(ROWS_TOP - 8.0)),
                ("text-anchor", &"middle"),
                ("font-size", &11),
            ],
            self.words.say("picture-now"),
        );
        xml.close();
    }

    /// What a bar and a mark of a kind is called.
    fn bar_name(&self, kind: BarKind) -> String {
        self.words.say(match kind {
            BarKind::Hold => "picture-hold",
            BarKind::View => "picture-view",
            BarKind::Login => "picture-login",
            BarKind::Wait => "picture-wait",
            BarKind::Delay => "picture-delay",
        })
    }

    fn mark_name(&self, kind: MarkKind) -> String {
        self.words.say(match kind {
            MarkKind::Refused => "picture-refused",
            MarkKind::Preempted => "picture-preempted",
            MarkKind::Kicked => "picture-kicked",
            MarkKind::Failed => "picture-failed",
            MarkKind::GaveUp => "picture-gave-up",
            MarkKind::WithoutQuit => "picture-without-quit",
            MarkKind::Twin => "picture-twin",
        })
    }

    /// `2026-03-01 10:05:12.250`, in the zone of the picture.
    fn exact(&self, at: Timestamp) -> String {
        let local = self.words.zone().to_datetime(at);
        local.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string()
    }

    /// The picture in words, a sentence for each row.
    fn description(&self) -> String {
        let rows = &self.timeline.rows;
        let sentences: Vec<_> = rows.iter().map(|row| self.row_in_words(row)).collect();
        sentences.join(" ")
    }

    fn row_in_words(&self, row: &ClientRow) -> String {
        let bars = BarKind::ALL.iter().rev().filter_map(|&kind| {
            let times: Vec<Duration> = row
                .bars
                .iter()
                .filter(|bar| bar.kind == kind)
                .map(|bar| bar.length(self.timeline.now))
                .collect();
            let longest = *times.iter().max()?;
            let what = self.bar_name(kind);
            Some(format!("{what}: {} × (≤ {})", times.len(), length(longest)))
        });
        let marks = MarkKind::ALL.iter().rev().filter_map(|&kind| {
            let count = row.marks.iter().filter(|mark| mark.kind == kind).count();
            (count > 0).then(|| format!("{}: {count} ×", self.mark_name(kind)))
        });
        let facts: Vec<String> = bars.chain(marks).collect();
        let program = self.words.family(row.program.family);
        format!("{program}, {}. {}.", row.client, facts.join("; "))
    }
}

/// The beginning of `text`, with a sign where more follows.
fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text.to_owned(),
    }
}
