//! How much is kept of what others said.

use crate::limits::HISTORY_TEXT_MAX;

/// The beginning of a text.
#[must_use]
pub fn kept_text(text: &str) -> Box<str> {
    text[..text.floor_char_boundary(HISTORY_TEXT_MAX)].into()
}

/// The beginning of a line, without its end. What is no UTF-8 is replaced.
#[must_use]
pub fn kept_line(line: &[u8]) -> Box<str> {
    kept_text(&String::from_utf8_lossy(line.trim_ascii_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_between_characters_and_keeps_no_end() {
        assert_eq!(&*kept_line(b"-ERR no \xff\r\n"), "-ERR no \u{fffd}");
        let long = "ä".repeat(HISTORY_TEXT_MAX);
        assert_eq!(kept_text(&long).len(), HISTORY_TEXT_MAX);
        let odd = format!("x{long}");
        assert_eq!(kept_text(&odd).len(), HISTORY_TEXT_MAX - 1);
    }
}
