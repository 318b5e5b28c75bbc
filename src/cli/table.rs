//! Tables that fit where they are shown.

use super::screen::{Screen, Tone};
use super::text::escaped;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Between two columns.
const GAP: usize = 2;

/// One column of a table. The first ones are the most important ones to read; which ones go where
/// there is no room says `rank`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    head: &'static str,
    /// 0: never left out; of the others the greatest goes first.
    rank: u8,
    /// The least width that a long value is cut to; none: it is never cut.
    least: Option<usize>,
    is_number: bool,
}

impl Column {
    pub(super) const fn new(head: &'static str, rank: u8) -> Self {
        Self {
            head,
            rank,
            least: None,
            is_number: false,
        }
    }

    /// Long values may be cut to `least` columns.
    pub(super) const fn cut_to(mut self, least: usize) -> Self {
        self.least = Some(least);
        self
    }

    /// Values stand at the right.
    pub(super) const fn right(mut self) -> Self {
        self.is_number = true;
        self
    }
}

/// One value, safe to show whoever typed it.
#[derive(Clone, Debug, Default)]
pub(super) struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    pub(super) fn toned(text: &str, tone: Tone) -> Self {
        let text = escaped(text);
        Self { text, tone }
    }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::toned(text.as_ref(), Tone::Plain)
    }
}

/// What is not known, or is none.
pub(super) fn or_dash(text: Option<&str>) -> &str {
    text.unwrap_or("-")
}

/// A table: its columns, and as many cells in each row.
pub(super) struct TextTable {
    columns: &'static [Column],
    rows: Vec<Vec<Cell>>,
}

impl TextTable {
    pub(super) fn new(columns: &'static [Column], rows: Vec<Vec<Cell>>) -> Self {
        Self { columns, rows }
    }

    /// Its lines, none wider than the screen. What is left out is named below it.
    pub(super) fn render(&self, screen: Screen) -> String {
        let natural = self.natural_widths();
        let (kept, widths) = match screen.width {
            Some(width) => self.fitted(&natural, width),
            None => ((0..natural.len()).collect(), natural),
        };
        let head = |&column: &usize| Cell::toned(self.columns[column].head, Tone::Head);
        let heads: Vec<Cell> = kept.iter().map(head).collect();
        let mut lines = vec![self.line(&heads.iter().collect::<Vec<_>>(), &kept, &widths, screen)];
        for row in &self.rows {
            let cells: Vec<&Cell> = kept.iter().map(|&column| &row[column]).collect();
            lines.push(self.line(&cells, &kept, &widths, screen));
        }
        lines.extend(self.left_out(&kept, screen));
        lines.join("\n")
    }

    fn natural_widths(&self) -> Vec<usize> {
        let widest = |(index, column): (usize, &Column)| {
            let cells = self.rows.iter().map(|row| row[index].text.width());
            cells.max().unwrap_or(0).max(column.head.width())
        };
        self.columns.iter().enumerate().map(widest).collect()
    }

    /// The columns that are shown in `room`, and how wide each column is.
    fn fitted(&self, natural: &[usize], room: usize) -> (Vec<usize>, Vec<usize>) {
        let mut kept: Vec<usize> = (0..natural.len()).collect();
        let least = |&index: &usize| self.least(index, natural[index]);
        while with_gaps(kept.iter().map(least)) > room {
            let dispensable = kept.iter().filter(|&&index| self.columns[index].rank > 0);
            match dispensable.max_by_key(|&&index| self.columns[index].rank) {
                Some(&last) => kept.retain(|&index| index != last),
                None => break,
            }
        }
        let mut widths = natural.to_vec();
        loop {
            let excess = with_gaps(kept.iter().map(|&i| widths[i])).saturating_sub(room);
            let can_shrink = kept
                .iter()
                .filter(|&&i| widths[i] > self.least(i, natural[i]));
            let widest = can_shrink.max_by_key(|&&i| widths[i]).copied();
            match widest {
                Some(index) if excess > 0 => widths[index] -= 1,
                _ => return (kept, widths),
            }
        }
    }

    fn least(&self, index: usize, natural: usize) -> usize {
        let column = &self.columns[index];
        column
            .least
            .map_or(natural, |least| least.max(column.head.width()).min(natural))
    }

    fn line(&self, cells: &[&Cell], kept: &[usize], widths: &[usize], screen: Screen) -> String {
        let mut line = String::new();
        for (position, (cell, &column)) in cells.iter().zip(kept).enumerate() {
            let width = widths[column];
            let text = cut(&cell.text, width);
            let pad = " ".repeat(width - text.width());
            let is_last = position + 1 == kept.len();
            let painted = screen.paint(&text, cell.tone);
            match (self.columns[column].is_number, is_last) {
                (true, _) => line.extend([&*pad, &*painted]),
                (false, false) => line.extend([&*painted, &*pad]),
                (false, true) => line.push_str(&painted),
            }
            if !is_last {
                line.push_str(&" ".repeat(GAP));
            }
        }
        line.trim_end().to_owned()
    }

    fn left_out(&self, kept: &[usize], screen: Screen) -> Option<String> {
        let heads: Vec<&str> = self
            .columns
            .iter()
            .enumerate()
            .filter(|(index, _)| !kept.contains(index))
            .map(|(_, column)| column.head)
            .collect();
        let note = format!("(too narrow for {})", heads.join(", "));
        let note = cut(&note, screen.width.unwrap_or(usize::MAX));
        (!heads.is_empty()).then(|| screen.paint(&note, Tone::Faint))
    }
}

fn with_gaps(widths: impl ExactSizeIterator<Item = usize>) -> usize {
    let gaps = widths.len().saturating_sub(1) * GAP;
    widths.sum::<usize>() + gaps
}

/// `text` in `width` columns at most, with `…` for what is cut off.
pub(super) fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut room = width.saturating_sub(1);
    let fits = |character: &char| {
        let needed = character.width().unwrap_or(0);
        let does_fit = needed <= room;
        room -= needed.min(room);
        does_fit
    };
    let mut short: String = text.chars().take_while(fits).collect();
    if width > 0 {
        short.push('…');
    }
    short
}

/// Names and values, a line each, the values under one another.
pub(super) fn fields(fields: &[(&str, Cell)], screen: Screen) -> String {
    let widest = fields.iter().map(|(name, _)| name.width()).max();
    let name_width = widest.unwrap_or(0);
    let line = |(name, cell): &(&str, Cell)| {
        let pad = " ".repeat(name_width - name.width() + GAP);
        let room = screen
            .width
            .map(|width| width.saturating_sub(name_width + GAP));
        let value = cut(&cell.text, room.unwrap_or(usize::MAX));
        let name = screen.paint(name, Tone::Head);
        format!("{name}{pad}{}", screen.paint(&value, cell.tone))
    };
    fields.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column] = &[
        Column::new("MAILDROP", 0).cut_to(8),
        Column::new("FOR", 0).right(),
        Column::new("PROGRAM", 2),
        Column::new("TENANT", 1),
    ];

    fn table() -> TextTable {
        let row = |cells: [&str; 4]| cells.map(Cell::from).to_vec();
        TextTable::new(
            COLUMNS,
            vec![
                row(["ann@example.com", "8 s", "Thunderbird", "shop"]),
                row(["中中\x1b", "2 m 05 s", "-", "default"]),
            ],
        )
    }

    fn at(width: Option<usize>) -> String {
        let screen = Screen {
            width,
            ..Screen::default()
        };
        table().render(screen)
    }

    #[test]
    fn a_pipe_gets_whole_values_and_nothing_that_moves_a_cursor() {
        let expected = "\
MAILDROP              FOR  PROGRAM      TENANT
ann@example.com       8 s  Thunderbird  shop
中中\\u{1b}       2 m 05 s  -            default";
        assert_eq!(at(None), expected);
        assert_eq!(at(Some(200)), expected);
    }

    #[test]
    fn long_values_are_cut_before_a_column_goes_and_the_least_important_goes_first() {
        let cut_values = "\
MAILDROP       FOR  PROGRAM      TENANT
ann@exa…       8 s  Thunderbird  shop
中中\\u{…  2 m 05 s  -            default";
        assert_eq!(at(Some(40)), cut_values);
        let narrow = at(Some(39));
        assert!(narrow.starts_with("MAILDROP"), "{narrow}");
        assert!(narrow.ends_with("(too narrow for PROGRAM)"), "{narrow}");
        assert!(
            at(Some(20)).ends_with("\n(too narrow for PRO…"),
            "{}",
            at(Some(20))
        );
    }

    #[test]
    fn no_line_is_wider_than_the_screen_where_what_must_stay_fits() {
        for width in 18..120 {
            let shown = at(Some(width));
            let widest = shown.lines().map(UnicodeWidthStr::width).max();
            assert!(widest <= Some(width), "{width}: {shown}");
        }
    }

    #[test]
    fn colour_adds_to_the_words_and_takes_no_room() {
        let coloured = Screen {
            is_coloured: true,
            ..Screen::default()
        };
        let shown = table().render(coloured);
        assert!(shown.contains("\x1b[1mMAILDROP\x1b[0m"), "{shown:?}");
        assert!(!at(None).contains('\x1b'));
    }

    #[test]
    fn what_is_cut_ends_with_a_mark_and_wide_characters_are_not_halved() {
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcd", 3), "ab…");
        assert_eq!(cut("中中中", 4), "中…");
        assert_eq!(cut("abc", 0), "");
    }

    #[test]
    fn values_stand_under_one_another() {
        let shown = fields(
            &[("sessions", "3".into()), ("locks", "1".into())],
            Screen::default(),
        );
        assert_eq!(shown, "sessions  3\nlocks     1");
    }
}
