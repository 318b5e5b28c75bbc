//! What is wrong with a configuration, shown where it stands.

use super::value::is_nowhere;
use serde_json::json;
use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A mistake of a configuration. Its `Display` is the whole message for a person: file, line and
/// column, the line itself with a caret, and what to write instead.
#[derive(Debug)]
pub struct ConfigError {
    path: PathBuf,
    place: Option<SourceLine>,
    message: String,
    hint: Option<String>,
}

/// A stretch of one line of the file.
#[derive(Debug)]
struct SourceLine {
    /// Counted from 1.
    line: usize,
    /// Counted from 1, in characters.
    column: usize,
    /// In characters, at least 1.
    width: usize,
    source: String,
}

/// A refusal before it is known how the file reads around it.
#[derive(Debug)]
pub(super) struct Diagnostic {
    span: Range<usize>,
    message: String,
    hint: Option<String>,
    /// Where the other one of two that clash stands.
    other: Option<Range<usize>>,
}

impl Diagnostic {
    pub(super) fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            span,
            message: message.into(),
            hint: None,
            other: None,
        }
    }

    /// Adds what to write instead.
    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }

    /// Where it begins.
    pub(super) fn start(&self) -> usize {
        self.span.start
    }

    /// Where it comes among others: what the whole file lacks stands nowhere in it, and comes last.
    pub(super) fn order(&self) -> (bool, usize) {
        (self.span == (0..0), self.span.start)
    }

    /// The same further on in the file.
    pub(super) fn moved(self, by: usize) -> Self {
        Self {
            span: self.span.start + by..self.span.end + by,
            ..self
        }
    }

    /// Whether it is about something that was refused before, and only follows from that.
    pub(super) fn follows(&self) -> bool {
        is_nowhere(&self.span) || self.other.as_ref().is_some_and(is_nowhere)
    }

    /// Adds the place of the one that it clashes with.
    pub(super) fn other(self, span: Range<usize>) -> Self {
        Self {
            other: Some(span),
            ..self
        }
    }
}

/// The parser's refusal, in words of this file format rather than of the parser.
impl From<toml::de::Error> for Diagnostic {
    fn from(error: toml::de::Error) -> Self {
        let span = error.span().unwrap_or_default();
        let (message, hint) = reword(error.message());
        Self {
            hint,
            ..Self::new(span, message)
        }
    }
}

fn reword(message: &str) -> (String, Option<String>) {
    if let Some((key, known)) = after(message, "unknown field ") {
        return (format!("unknown key {key}"), suggest_key(key, known));
    }
    if let Some((found, expected)) = after(message, "invalid type: ") {
        return reword_type(found, expected);
    }
    if let Some(key) = message.strip_prefix("missing field ") {
        let hint = format!("write `{} = …` in it", key.trim_matches('`'));
        return (format!("{key} is missing in this table"), Some(hint));
    }
    match message.split_once('\n') {
        Some((message, hint)) => (message.to_owned(), Some(hint.to_owned())),
        None => (message.to_owned(), None),
    }
}

/// Splits serde's "`prefix` X, expected Y".
pub(super) fn after<'a>(message: &'a str, prefix: &str) -> Option<(&'a str, &'a str)> {
    let rest = message.strip_prefix(prefix)?;
    // What was found may hold a comma itself.
    match rest.rfind(", expected ") {
        Some(at) => Some((&rest[..at], &rest[at + 2..])),
        None => Some(rest.split_once(", ").unwrap_or((rest, ""))),
    }
}

fn reword_type(found: &str, expected: &str) -> (String, Option<String>) {
    let expected = expected.strip_prefix("expected ").unwrap_or(expected);
    let hint = match (found, expected) {
        ("map", "a sequence") => "write its name in double brackets, `[[…]]`".to_owned(),
        ("sequence", "a table") => "write its name in single brackets, `[…]`".to_owned(),
        (_, "a sequence") => "write a list, in brackets: [\"…\", \"…\"]".to_owned(),
        _ => format!("write {expected}"),
    };
    let found = match found {
        "map" => "a table",
        "sequence" => "a list",
        other => other.trim_end_matches(" as i128"),
    };
    (format!("wrong type: {found}"), Some(hint))
}

/// serde's list of field names, each between backticks.
pub(super) fn field_names(known: &str) -> Vec<&str> {
    known.split('`').skip(1).step_by(2).collect()
}

fn suggest_key(key: &str, known: &str) -> Option<String> {
    let known = field_names(known);
    did_you_mean(key.trim_matches('`'), known.iter().copied())
        .or_else(|| (!known.is_empty()).then(|| format!("known here: {}", known.join(", "))))
}

/// The nearest of `known`, where it is near enough for a slip of the finger, as a question.
pub(crate) fn did_you_mean<'a>(
    written: &str,
    known: impl Iterator<Item = &'a str>,
) -> Option<String> {
    nearest(written, known).map(|name| format!("did you mean `{name}`?"))
}

/// The nearest of `known`, where it is near enough for a slip of the finger.
pub(super) fn nearest<'a>(written: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let (distance, name) = known
        .map(|name| (strsim::osa_distance(written, name), name))
        .min()?;
    let is_slip = distance <= (written.len() / 3).max(1);
    is_slip.then_some(name)
}

impl ConfigError {
    /// A file that cannot be read at all.
    pub(super) fn unreadable(path: &Path, error: &io::Error) -> Self {
        Self {
            path: path.to_owned(),
            place: None,
            message: format!("cannot be read: {error}"),
            hint: None,
        }
    }

    /// A name that was asked for and that no line of the file has.
    pub(super) fn absent(path: &Path, message: String, hint: String) -> Self {
        Self {
            path: path.to_owned(),
            place: None,
            message,
            hint: Some(hint),
        }
    }

    /// `diagnostic` at its place in `text`.
    pub(super) fn new(diagnostic: Diagnostic, text: &str, path: &Path) -> Self {
        let other = diagnostic.other.map(|span| line_of(text, &span));
        Self {
            path: path.to_owned(),
            place: Some(SourceLine::find(text, &diagnostic.span)),
            message: match other {
                Some(line) => format!("{}, as in line {line}", diagnostic.message),
                None => diagnostic.message,
            },
            hint: diagnostic.hint,
        }
    }

    /// The line, counted from 1; `None` where the file could not be read.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.place.as_ref().map(|place| place.line)
    }

    /// The same for a program.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        json!({
            "file": self.path.display().to_string(),
            "line": self.line(),
            "column": self.place.as_ref().map(|place| place.column),
            "message": self.message,
            "hint": self.hint,
        })
    }
}

/// The line of `text`, counted from 1, in which `span` begins.
pub(super) fn line_of(text: &str, span: &Range<usize>) -> usize {
    SourceLine::find(text, span).line
}

impl SourceLine {
    /// `span` may end anywhere, also in mid-character or behind the text.
    fn find(text: &str, span: &Range<usize>) -> Self {
        let start = text.floor_char_boundary(span.start);
        let before = &text[..start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let source = text[line_start..].lines().next().unwrap_or_default();
        let line_end = line_start + source.len();
        let end = text.floor_char_boundary(span.end.min(line_end));
        let marked = text.get(start..end).unwrap_or_default();
        Self {
            line: before.matches('\n').count() + 1,
            column: text[line_start..start].chars().count() + 1,
            width: marked.chars().count().max(1),
            source: source.to_owned(),
        }
    }

    /// The line and a caret below it. What would move a terminal's cursor is shown as a dot.
    fn fmt_source(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.line.to_string();
        let gutter = " ".repeat(number.len());
        let shown = self
            .source
            .replace(|c: char| c.is_control() && c != '\t', "·");
        let indent: String = self
            .source
            .chars()
            .take(self.column - 1)
            .map(|c| if c == '\t' { c } else { ' ' })
            .collect();
        writeln!(f, "{gutter} |")?;
        writeln!(f, "{number} | {shown}")?;
        write!(f, "{gutter} | {indent}{}", "^".repeat(self.width))
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.path.display())?;
        if let Some(place) = &self.place {
            write!(f, "{}:{}:", place.line, place.column)?;
        }
        write!(f, " {}", printable(&self.message))?;
        if let Some(place) = &self.place {
            writeln!(f)?;
            place.fmt_source(f)?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\nhint: {}", printable(hint))?;
        }
        Ok(())
    }
}

/// Messages repeat words of the file, whose keys may hold anything.
fn printable(text: &str) -> String {
    text.replace(char::is_control, "·")
}

impl std::error::Error for ConfigError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, span: Range<usize>) -> String {
        let diagnostic = Diagnostic::new(span, "no").hint("write yes");
        ConfigError::new(diagnostic, text, Path::new("a.toml")).to_string()
    }

    #[test]
    fn the_caret_stands_below_the_place() {
        let expected = "a.toml:2:3: no\n  |\n2 | ü é = 5\n  |   ^\nhint: write yes";
        assert_eq!(shown("# x\nü é = 5\r\n", 7..9), expected);
    }

    #[test]
    fn a_place_behind_the_text_or_inside_a_letter_is_shown_nearby() {
        assert!(shown("", 0..0).starts_with("a.toml:1:1: no\n  |\n1 | \n  | ^\n"));
        assert!(shown("a\n", 9..12).starts_with("a.toml:2:1: no"));
        assert!(shown("ü", 1..1).starts_with("a.toml:1:1: no"));
        assert!(shown("a = '''\nb'''", 4..12).contains("1 | a = '''\n  |     ^^^\n"));
    }

    #[test]
    fn terminals_are_not_moved_by_what_a_file_holds() {
        assert!(!shown("a\x1b[2J = 5", 0..1).contains('\x1b'));
    }

    #[test]
    fn a_slip_of_the_finger_is_recognised_and_no_more() {
        let known = || ["queue", "wait"].into_iter();
        assert_eq!(
            did_you_mean("qeue", known()).as_deref(),
            Some("did you mean `queue`?")
        );
        assert_eq!(did_you_mean("polls", known()), None);
    }
}
