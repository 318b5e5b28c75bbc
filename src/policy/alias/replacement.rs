//! What a rule makes of a login: text with groups of its pattern in it.

use regex::bytes::{Captures, Regex};

/// `$1@$2` and the like, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Replacement {
    text: String,
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Group(usize),
}

/// A text that cannot be what a rule makes. It is the operator's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoReplacement {
    /// It names a group that the pattern does not have.
    #[error("there is no group `{name}` in the pattern, which has {groups}")]
    NoGroup {
        /// The name or number.
        name: String,
        /// How many groups there are.
        groups: usize,
    },
    /// A `$` that names nothing.
    #[error("a `$` names nothing")]
    LoneDollar,
    /// Nothing at all: every login that matches would have one lock.
    #[error("it is empty")]
    Empty,
}

impl Replacement {
    /// Takes `text` apart: `$1` and `$name` are as long as letters, digits and `_` go, `${1}` ends
    /// where it says, `$$` is a dollar sign.
    pub(super) fn new(text: &str, pattern: &Regex) -> Result<Self, NoReplacement> {
        if text.trim().is_empty() {
            return Err(NoReplacement::Empty);
        }
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            pieces.push(Piece::Text(before.to_owned()));
            let (piece, length) = group(after, pattern)?;
            pieces.push(piece);
            rest = &after[length..];
        }
        pieces.push(Piece::Text(rest.to_owned()));
        let text = text.to_owned();
        Ok(Self { text, pieces })
    }

    /// As it was written.
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// A group that took no part is nothing.
    pub(super) fn expand(&self, captures: &Captures<'_>) -> Vec<u8> {
        let pieces = self.pieces.iter().map(|piece| match piece {
            Piece::Text(text) => text.as_bytes(),
            Piece::Group(index) => captures.get(*index).map_or(&b""[..], |it| it.as_bytes()),
        });
        pieces.collect::<Vec<_>>().concat()
    }
}

/// What stands behind a `$`, and how long it is.
fn group(after: &str, pattern: &Regex) -> Result<(Piece, usize), NoReplacement> {
    if after.starts_with('$') {
        return Ok((Piece::Text("$".to_owned()), 1));
    }
    let braced = after.strip_prefix('{').and_then(|it| it.split_once('}'));
    let (name, length) = match braced {
        Some((name, _)) => (name, name.len() + 2),
        None => {
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let length = after.find(|c| !is_name(c)).unwrap_or(after.len());
            (&after[..length], length)
        }
    };
    if name.is_empty() {
        return Err(NoReplacement::LoneDollar);
    }
    let index = match name.parse::<usize>() {
        Ok(index) => (index < pattern.captures_len()).then_some(index),
        Err(_) => pattern.capture_names().position(|it| it == Some(name)),
    };
    let index = index.ok_or_else(|| NoReplacement::NoGroup {
        name: name.to_owned(),
        groups: pattern.captures_len() - 1,
    })?;
    Ok((Piece::Group(index), length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(text: &str) -> Result<String, NoReplacement> {
        let pattern = Regex::new("(a+)(?P<rest>b*)(c)?").unwrap();
        let replacement = Replacement::new(text, &pattern)?;
        let captures = pattern.captures(b"aabb").unwrap();
        Ok(String::from_utf8(replacement.expand(&captures)).unwrap())
    }

    #[test]
    fn groups_go_by_number_and_by_name() {
        assert_eq!(made("$1@$2").unwrap(), "aa@bb");
        assert_eq!(made("${1}x$rest$3").unwrap(), "aaxbb");
        assert_eq!(made("$0$$1").unwrap(), "aabb$1");
        assert_eq!(made("plain").unwrap(), "plain");
    }

    #[test]
    fn what_names_nothing_is_refused() {
        let no_group = |name: &str| {
            Err(NoReplacement::NoGroup {
                name: name.to_owned(),
                groups: 3,
            })
        };
        assert_eq!(made("$4"), no_group("4"));
        assert_eq!(made("$1x"), no_group("1x"));
        assert_eq!(made("${user}"), no_group("user"));
        assert_eq!(made("$@"), Err(NoReplacement::LoneDollar));
        assert_eq!(made("a$"), Err(NoReplacement::LoneDollar));
        assert_eq!(made(" "), Err(NoReplacement::Empty));
    }
}
