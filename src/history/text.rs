//! How much is kept of what others said.

use crate::limits::{HISTORY_LINE_MAX, HISTORY_TEXT_MAX};

/// Stands behind a text that was cut.
pub const CUT_MARK: char = '…';

/// The beginning of a text.
#[must_use]
pub fn kept_text(text: &str) -> Box<str> {
    kept(text, HISTORY_TEXT_MAX)
}

/// A line without its end. What is no UTF-8 is replaced, and one that is too long is cut.
#[must_use]
pub fn kept_line(line: &[u8]) -> Box<str> {
    kept(
        &String::from_utf8_lossy(line.trim_ascii_end()),
        HISTORY_LINE_MAX,
    )
}

/// At most `max` octets, with [`CUT_MARK`].
fn kept(text: &str, max: usize) -> Box<str> {
    if text.len() <= max {
        return text.into();
    }
    let end = text.floor_char_boundary(max - CUT_MARK.len_utf8());
    format!("{}{CUT_MARK}", &text[..end]).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters_and_says_so() {
        let long = "ä".repeat(HISTORY_TEXT_MAX);
        let cut = kept_text(&long);
        assert!(cut.ends_with("ä…"), "{cut}");
        assert_eq!(cut.len(), HISTORY_TEXT_MAX - 1);
        assert_eq!(kept_text(&cut), cut);
        let odd = kept_text(&format!("x{long}"));
        assert_eq!(odd.len(), HISTORY_TEXT_MAX);
    }

    #[test]
    fn a_line_as_long_as_pop3_allows_is_whole_and_keeps_no_end() {
        assert_eq!(&*kept_line(b"-ERR no \xff\r\n"), "-ERR no \u{fffd}");
        let longest = format!("-ERR {}\r\n", "x".repeat(512 - 7));
        assert_eq!(&*kept_line(longest.as_bytes()), longest.trim_end());
        let longer = kept_line("x".repeat(HISTORY_LINE_MAX + 1).as_bytes());
        assert!(longer.ends_with("x…") && longer.len() == HISTORY_LINE_MAX);
    }
}
