//! Words from elsewhere on a person's terminal: nothing in them moves its cursor.

use serde_json::Value;

/// `text` on one line, what would not show as itself escaped. A login can hold anything.
pub(super) fn escaped(text: &str) -> String {
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

/// A JSON value on one line; characters that its grammar lets through are escaped, too.
pub(super) fn json_line(value: &Value) -> String {
    let mut safe = String::new();
    for character in value.to_string().chars() {
        if character.is_control() || is_invisible(character) {
            safe.push_str(&format!("\\u{:04x}", u32::from(character)));
        } else {
            safe.push(character);
        }
    }
    safe
}

/// Zero width, or changing the direction of what follows.
fn is_invisible(character: char) -> bool {
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

    #[test]
    fn json_stays_the_same_value_without_control_characters() {
        let value = serde_json::json!({ "maildrop": "a\x1b\u{9b}\u{7f}\u{202e}é\n" });
        let line = json_line(&value);
        assert!(!line.chars().any(|c| c.is_control() || is_invisible(c)));
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), value);
    }
}
