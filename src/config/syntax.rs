//! A text that is no TOML: one mistake in the lines of each table, so that the other tables can be
//! read. Behind an open bracket or quotation mark the parser takes one line after the other for
//! something else, so nothing that it says of later lines counts; at the next header all is clear.

use super::error::Diagnostic;
use std::ops::Range;
use toml::de::{DeTable, Error};

/// What is left of a text, and what is wrong with it.
pub(super) struct Salvaged {
    /// The text, as long as before, with blanks for the lines of tables that cannot be read.
    pub(super) text: String,
    /// Where those tables stand: what is said of them only follows from the mistake.
    pub(super) unreadable: Vec<Range<usize>>,
    /// The first mistake in each of them.
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// Whether the parser's refusal leaves the rest as clear as it was: of two, it keeps one.
pub(super) fn is_duplicate(error: &Error) -> bool {
    error.message().starts_with("duplicate key")
}

/// Takes out of `text` what cannot be read.
pub(super) fn salvage(text: &str) -> Salvaged {
    let mut salvaged = Salvaged {
        text: String::with_capacity(text.len()),
        unreadable: Vec::new(),
        diagnostics: Vec::new(),
    };
    for stretch in stretches(text) {
        let lines = &text[stretch.clone()];
        let Some(diagnostic) = first_fault(lines) else {
            salvaged.text.push_str(lines);
            continue;
        };
        let header = header_length(lines);
        let readable = if diagnostic.start() < header {
            0
        } else {
            header
        };
        salvaged.text.push_str(&lines[..readable]);
        salvaged.text.push_str(&blank(&lines[readable..]));
        salvaged.diagnostics.push(diagnostic.moved(stretch.start));
        salvaged.unreadable.push(stretch);
    }
    salvaged
}

fn first_fault(lines: &str) -> Option<Diagnostic> {
    let (_, errors) = DeTable::parse_recoverable(lines);
    errors
        .into_iter()
        .filter(|error| !is_duplicate(error))
        .map(Diagnostic::from)
        .min_by_key(Diagnostic::start)
}

/// The lines before the first header, and those of each header up to the next one.
fn stretches(text: &str) -> Vec<Range<usize>> {
    let mut starts = vec![0];
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if at > 0 && is_header(line) {
            starts.push(at);
        }
        at += line.len();
    }
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    starts
        .iter()
        .copied()
        .zip(ends)
        .map(|(start, end)| start..end)
        .collect()
}

/// `[defaults]`, `[[tenant]]` and their like, with nothing but a comment behind.
fn is_header(line: &str) -> bool {
    let line = line.split('#').next().unwrap_or_default().trim();
    let one = || line.strip_prefix('[')?.strip_suffix(']');
    let two = || line.strip_prefix("[[")?.strip_suffix("]]");
    let is_name = |name: &str| {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        !name.is_empty() && name.chars().all(fits)
    };
    two().or_else(one).is_some_and(is_name)
}

/// Octets of the first line, if it is a header.
fn header_length(lines: &str) -> usize {
    let first = lines.split_inclusive('\n').next().unwrap_or_default();
    if is_header(first) { first.len() } else { 0 }
}

fn blank(lines: &str) -> String {
    let blank = |octet| if octet == b'\n' { '\n' } else { ' ' };
    lines.bytes().map(blank).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where mistakes begin, and what is left.
    fn salvaged(text: &str) -> (Vec<usize>, String) {
        let salvaged = salvage(text);
        assert_eq!(salvaged.text.len(), text.len());
        let lines = salvaged.text.lines().map(str::trim_end);
        let left: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
        let starts = salvaged.diagnostics.iter().map(Diagnostic::start);
        (starts.collect(), left.join("|"))
    }

    #[test]
    fn each_table_is_read_for_itself() {
        let text = "[a]\nb = \n[c]\nd = 1\n[[e]] # f\ng\nh = [1,\n[i]\nj = \"ü\n";
        let (diagnostics, left) = salvaged(text);
        assert_eq!(
            (diagnostics, left.as_str()),
            (vec![8, 30, 50], "[a]|[c]|d = 1|[[e]] # f|[i]")
        );
    }

    #[test]
    fn a_header_that_is_wrong_takes_its_lines_with_it() {
        let (diagnostics, left) = salvaged("a = 1\n[b\nc = 2\n[d]\ne = 3\n");
        assert_eq!((diagnostics, left.as_str()), (vec![8], "[d]|e = 3"));
        let (diagnostics, left) = salvaged("[a..b]\nc = 1\n[d]\n");
        assert_eq!((diagnostics, left.as_str()), (vec![3], "[d]"));
    }
}
