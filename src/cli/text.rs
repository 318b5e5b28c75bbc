//! Words from elsewhere on a person's terminal: nothing in them moves its cursor.

use crate::escape::is_invisible;
use serde_json::Value;

pub(super) use crate::escape::escaped;

/// Why `what` may lack something.
pub(super) fn may_be_missing(what: &str, why: &str) -> String {
    let why = escaped(why);
    format!("The file of the journal is in trouble, and {what} may be missing: {why}")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_stays_the_same_value_without_control_characters() {
        let value = serde_json::json!({ "maildrop": "a\x1b\u{9b}\u{7f}\u{202e}é\n" });
        let line = json_line(&value);
        assert!(!line.chars().any(|c| c.is_control() || is_invisible(c)));
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), value);
    }
}
