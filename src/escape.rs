//! Words from elsewhere where a person reads them: nothing in them moves a cursor or turns a line.

/// `text` on one line, what would not show as itself escaped. A login can hold anything.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() || is_invisible(character) {
            safe.extend(character.escape_unicode());
        } else {
            safe.push(character);
        }
    }
    safe
}

/// Zero width, or changing the direction of what follows.
#[must_use]
pub fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_move_a_cursor_or_turn_the_line_is_escaped() {
        assert_eq!(escaped("ann\x1b[2J\n"), "ann\\u{1b}[2J\\u{a}");
        assert_eq!(
            escaped("a\u{9b}b\u{202e}c\u{7f}"),
            "a\\u{9b}b\\u{202e}c\\u{7f}"
        );
        assert_eq!(escaped("Zoë 中"), "Zoë 中");
    }
}
