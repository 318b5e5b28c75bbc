//! Plain text for a ticket: headings, rows of a label and a value, and paragraphs, none wider than
//! [`WIDTH`] but for what must stand exact.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Columns of a report: a ticket system shows so many without breaking lines again.
pub(super) const WIDTH: usize = 100;

/// Between a label and its value.
const GAP: usize = 2;

/// A text that grows.
#[derive(Debug, Default)]
pub(super) struct Layout {
    text: String,
}

/// A label and its values, each of which begins a line.
#[derive(Clone, Debug)]
pub(super) struct ReportRow {
    label: String,
    values: Vec<String>,
    is_exact: bool,
}

impl ReportRow {
    /// Its values, broken where they are wider.
    fn lines(&self, width: usize) -> impl Iterator<Item = String> {
        let width = if self.is_exact { usize::MAX } else { width };
        self.values
            .iter()
            .flat_map(move |value| wrapped(value, width))
    }

    pub(super) fn new(label: String, value: String) -> Self {
        Self {
            label,
            values: vec![value],
            is_exact: false,
        }
    }

    /// One whose value stays on one line, however wide: people copy it.
    pub(super) fn exact(label: String, value: String) -> Self {
        Self {
            is_exact: true,
            ..Self::new(label, value)
        }
    }

    /// Several values, or the one that says that there is none.
    pub(super) fn list(label: String, values: Vec<String>, none: impl FnOnce() -> String) -> Self {
        match values.is_empty() {
            true => Self::new(label, none()),
            false => Self {
                label,
                values,
                is_exact: false,
            },
        }
    }
}

impl Layout {
    /// A line with one below it as long as itself.
    pub(super) fn heading(&mut self, text: &str, underline: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        let mut widest = 0;
        for line in wrapped(text, WIDTH) {
            widest = widest.max(line.width());
            self.line(&line);
        }
        self.line(&underline.repeat(widest));
        self.text.push('\n');
    }

    /// A text of its own.
    pub(super) fn paragraph(&mut self, text: &str) {
        self.indented(0, text);
    }

    /// A text whose lines begin `columns` to the right.
    pub(super) fn indented(&mut self, columns: usize, text: &str) {
        for line in wrapped(text, WIDTH - columns) {
            self.line(&format!("{:columns$}{line}", ""));
        }
    }

    /// Rows whose values begin in one column.
    pub(super) fn rows(&mut self, rows: &[ReportRow]) {
        let widest = rows.iter().map(|row| row.label.width()).max();
        let columns = widest.unwrap_or(0) + GAP;
        for row in rows {
            self.row(row, columns);
        }
    }

    fn row(&mut self, row: &ReportRow, columns: usize) {
        for (number, line) in row.lines(WIDTH - columns).enumerate() {
            let label = if number == 0 { row.label.as_str() } else { "" };
            let gap = columns - label.width();
            self.line(&format!("{label}{:gap$}{line}", ""));
        }
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }
}

/// `text` in lines of at most `columns`, broken at spaces, or in a word that is longer than a line.
fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ').flat_map(|word| pieces(word, columns)) {
        let is_first = line.is_empty();
        if !is_first && line.width() + 1 + word.width() > columns {
            lines.push(std::mem::take(&mut line));
        } else if !is_first {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

/// `word` in parts that fit into a line: mostly itself.
fn pieces(word: &str, columns: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = word;
    while rest.width() > columns {
        let mut width = 0;
        let end = rest.char_indices().find(|&(_, character)| {
            width += character.width().unwrap_or(0);
            width > columns
        });
        let Some((end, _)) = end else { break };
        let (piece, after) = rest.split_at(end);
        pieces.push(piece);
        rest = after;
    }
    pieces.push(rest);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(text: &str) -> String {
        text.to_owned()
    }

    #[test]
    fn values_begin_in_one_column_also_where_they_go_on() {
        let mut layout = Layout::default();
        let long = "word ".repeat(20);
        layout.rows(&[
            ReportRow::new(label("a"), "1".to_owned()),
            ReportRow::new(label("größer"), long.trim_end().to_owned()),
            ReportRow::list(
                label("b"),
                vec!["2".to_owned(), "3".to_owned()],
                String::new,
            ),
            ReportRow::list(label("c"), Vec::new(), || "none".to_owned()),
        ]);
        let expected = format!(
            "a       1\ngröße{}\n        {}\nb       2\n        3\nc       none\n",
            format_args!("r  {}", ["word"; 18].join(" ")),
            ["word"; 2].join(" "),
        );
        assert_eq!(layout.into_text(), expected);
    }

    #[test]
    fn no_line_is_wider_than_the_page_whatever_stands_in_it() {
        for text in ["x".repeat(1_000), "中".repeat(300), "a b ".repeat(300)] {
            let mut layout = Layout::default();
            layout.heading(&text, "=");
            layout.indented(3, &text);
            layout.rows(&[ReportRow::new(label("label"), text.clone())]);
            let shown = layout.into_text();
            assert!(shown.lines().all(|line| line.width() <= WIDTH), "{shown}");
            let kept = shown.chars().filter(|&it| text.starts_with(it)).count();
            let first = text.chars().next().unwrap();
            let each = text.chars().filter(|&it| it == first).count();
            assert!(kept >= 3 * each, "{kept} of {each}");
        }
    }

    #[test]
    fn a_text_that_fits_stays_as_it_is() {
        assert_eq!(wrapped("-ERR  two spaces", 100), ["-ERR  two spaces"]);
        assert_eq!(wrapped("", 100), [""]);
    }
}
