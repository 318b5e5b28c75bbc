//! The house is kept by a test: layers, sizes, words that must not appear.
//!
//! Each check is a function from one source file to its faults, so that it can be tried on a
//! bad snippet (at the end of this file) as well as on `src`. A fault names file, line and what
//! to do.

#[path = "tidy/map.rs"]
mod map;
#[path = "tidy/style.rs"]
mod style;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// The rooms of `src` and the layer of each. A room may import from the
/// layers below its own.
const LAYERS: &[(&str, u8)] = &[
    ("bounded", 0),
    ("escape", 0),
    ("ids", 0),
    ("limits", 0),
    ("secret", 0),
    ("time", 0),
    ("str_enum", 0),
    ("cluster::keys", 1),
    ("cluster::member", 1),
    ("cluster::options", 1),
    ("cluster::protocol", 1),
    ("dialect", 1),
    ("history", 1),
    ("lock::queue", 1),
    ("policy", 1),
    ("pop3", 1),
    ("program", 1),
    ("access", 2),
    ("admission", 2),
    ("backend", 2),
    ("cluster", 2),
    ("journal", 2),
    ("lock", 2),
    ("net", 2),
    ("observe", 2),
    ("gate", 3),
    ("session", 3),
    ("admin", 4),
    ("demo", 4),
    ("doctor", 4),
    ("report", 4),
    ("app", 5),
    ("cli", 5),
    ("config", 5),
    ("fuzzing", 5),
];

/// Layers whose rooms may import from each other: names, pure code, and the assembly.
const OPEN_LAYERS: &[u8] = &[0, 1, 5];

/// Which room may import from which of its own layer, where the layer is not open.
const SIBLINGS: &[(&str, &str)] = &[
    ("backend", "net"),
    ("backend", "observe"),
    ("cluster", "access"),
    ("cluster", "admission"),
    ("cluster", "lock"),
    ("cluster", "net"),
    ("cluster", "observe"),
    ("journal", "access"),
    // The history hears of what happens as all others do: as a sink.
    ("journal", "observe"),
    ("lock", "net"),
    ("lock", "observe"),
    ("session", "gate"),
];

/// Files that join rooms and belong to none.
const ROOFS: &[&str] = &["src/lib.rs", "src/main.rs"];

/// What layer 1 must not mention: it takes `now` and bytes, and gives decisions.
const IMPURE: &[&str] = &[
    "tokio",
    "rustls",
    "tokio_rustls",
    "hyper",
    "prometheus",
    "tracing",
    "TcpStream",
    "TcpListener",
    "TcpSocket",
    "UdpSocket",
    "Instant::now",
    "SystemTime",
];

/// What remembers from one call to the next, whoever calls. Layer 1 must not mention it either: a
/// rule takes what is known as an argument. A map in a value that its caller owns is fine.
const REMEMBERING: &[&str] = &[
    "Mutex",
    "RwLock",
    "Condvar",
    "OnceLock",
    "LazyLock",
    "OnceCell",
    "LazyCell",
    "RefCell",
    "Cell",
    "UnsafeCell",
    "atomic",
    "AtomicBool",
    "AtomicUsize",
    "AtomicU64",
    "AtomicU32",
    "AtomicI64",
    "thread_local",
    "dashmap",
    "DashMap",
    "governor",
    "RateLimiter",
    "ExpiringLruMap",
];

/// The one file with `unsafe`, and with the attribute that allows it.
const UNSAFE_FILE: &str = "src/net/send_queue.rs";

/// The one file (or folder) that knows the metrics library.
const METRICS: &str = "src/observe/metrics";

const FUNCTION_LINES_MAX: usize = 70;
const FILE_LINES_MAX: usize = 500;
const COLUMNS_MAX: usize = 100;

/// One thing to be put right.
#[derive(Debug, PartialEq)]
struct Fault {
    file: String,
    line: usize,
    advice: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.advice)
    }
}

/// A source file, line by line, in three views of the same shape.
#[derive(Clone)]
struct Source {
    /// From the package's root, with `/`.
    path: String,
    /// As it is.
    raw: Vec<String>,
    /// Without comments; strings are there.
    text: Vec<String>,
    /// Without comments and without what strings hold.
    code: Vec<String>,
    /// Whether the line is in a test module or another item for tests only.
    is_test: Vec<bool>,
}

impl Source {
    fn new(path: &str, content: &str) -> Self {
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let code = lines(&blank(content, false));
        let all_test = path.ends_with("/tests.rs") || path.contains("/tests/");
        Self {
            path: path.to_owned(),
            raw: lines(content),
            text: lines(&blank(content, true)),
            is_test: test_lines(&code).iter().map(|&it| it || all_test).collect(),
            code,
        }
    }

    fn fault(&self, index: usize, advice: impl Into<String>) -> Fault {
        Fault {
            file: self.path.clone(),
            line: index + 1,
            advice: advice.into(),
        }
    }

    /// The lines that ship: number from 0, and code.
    fn production(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.code.iter().map(String::as_str).enumerate();
        lines.filter(|(index, _)| !self.is_test[*index])
    }

    /// A fault for each production line that has one of `words` in its code.
    fn mentions(&self, words: &[&str], advice: &str) -> Vec<Fault> {
        let lines = self.production();
        lines
            .filter_map(|(index, code)| {
                let word = words.iter().find(|word| has_word(code, word))?;
                Some(self.fault(index, format!("`{word}`: {advice}")))
            })
            .collect()
    }

    /// The module that the file is: `lock::queue` for `src/lock/queue.rs`.
    fn module(&self) -> Vec<String> {
        let path = self.path.trim_start_matches("src/").trim_end_matches(".rs");
        let path = path.trim_end_matches("/mod");
        path.split('/').map(str::to_owned).collect()
    }

    fn has_comment(&self, index: usize) -> bool {
        self.raw[index].trim_end() != self.text[index].trim_end()
    }
}

/// `source` with each character of a comment, and unless `keep_strings` of a string, made a
/// space. Lines stay where they are.
fn blank(source: &str, keep_strings: bool) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while !rest.is_empty() {
        let (length, keep) = token(rest, keep_strings);
        let (token, after) = rest.split_at(length);
        let blanked = |c: char| if keep || c == '\n' { c } else { ' ' };
        out.extend(token.chars().map(blanked));
        rest = after;
    }
    out
}

/// How long the first token of `rest` is, and whether it stays.
fn token(rest: &str, keep_strings: bool) -> (usize, bool) {
    let until = |end: &str, from: usize| {
        let found = rest[from..].find(end).map(|at| from + at + end.len());
        found.unwrap_or(rest.len())
    };
    let second = rest.get(1..).unwrap_or_default();
    let hashes = second.bytes().take_while(|&b| b == b'#').count();
    if rest.starts_with("//") {
        (rest.find('\n').unwrap_or(rest.len()), false)
    } else if rest.starts_with("/*") {
        (until("*/", 2), false)
    } else if rest.starts_with('r') && second[hashes..].starts_with('"') {
        let end = format!("\"{}", "#".repeat(hashes));
        (until(&end, 2 + hashes), keep_strings)
    } else if rest.starts_with('"') {
        (string_length(rest), keep_strings)
    } else if let Some(length) = char_length(rest) {
        (length, keep_strings)
    } else {
        let name = |c: char| c.is_alphanumeric() || c == '_';
        let word = rest.find(|c| !name(c)).unwrap_or(rest.len());
        let single = rest.chars().next().map_or(1, char::len_utf8);
        (
            if is_raw_prefix(&rest[..word]) {
                single
            } else {
                word.max(single)
            },
            true,
        )
    }
}

/// Before a quotation mark these letters belong to the string: `br"..."` must not be read as
/// one word.
fn is_raw_prefix(word: &str) -> bool {
    word == "br" || word == "cr"
}

fn string_length(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// A character literal; none where the apostrophe begins a lifetime.
fn char_length(rest: &str) -> Option<usize> {
    let inner = rest.strip_prefix('\'')?;
    let mut chars = inner.char_indices();
    let (_, first) = chars.next()?;
    if first == '\\' {
        chars.next();
        return inner[2..].find('\'').map(|at| at + 4);
    }
    let (at, second) = chars.next()?;
    (second == '\'').then_some(at + 2)
}

/// Which lines belong to an item under `#[cfg(test)]`: from the attribute to the line that ends
/// the item at the attribute's own indentation.
fn test_lines(code: &[String]) -> Vec<bool> {
    let mut is_test = vec![false; code.len()];
    let mut index = 0;
    while index < code.len() {
        let line = code[index].trim();
        if line.starts_with("#[cfg(test)]") || line.starts_with("#![cfg(test)]") {
            let end = if line.starts_with("#!") {
                code.len() - 1
            } else {
                item_end(code, index)
            };
            is_test[index..=end].fill(true);
            index = end;
        }
        index += 1;
    }
    is_test
}

fn item_end(code: &[String], start: usize) -> usize {
    let own = indentation(&code[start]);
    let is_end = |line: &str| {
        let bare = line.trim();
        indentation(line) == own
            && !bare.starts_with("#[")
            && (bare.ends_with(';') || bare.ends_with('}') || bare.ends_with("},"))
    };
    let found = code[start..].iter().position(|line| is_end(line));
    found.map_or(code.len() - 1, |offset| start + offset)
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Whether `code` holds `word` with no letter, digit or underscore beside it.
fn has_word(code: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).any(|(start, _)| {
        let before = code[..start].chars().next_back();
        let after = code[start + word.len()..].chars().next();
        let open = word.ends_with(|c: char| !is_part(c));
        !before.is_some_and(is_part) && (open || !after.is_some_and(is_part))
    })
}

/// The room of a module path and its layer: the longest entry of the table that fits.
fn room(path: &[String]) -> Option<(&'static str, u8)> {
    let path = path.join("::");
    let fits = |name: &str| {
        let tail = path.strip_prefix(name);
        tail.is_some_and(|tail| tail.is_empty() || tail.starts_with("::"))
    };
    let rooms = LAYERS.iter().filter(|(name, _)| fits(name));
    rooms.max_by_key(|(name, _)| name.len()).copied()
}

/// All paths that `code` takes from this crate, each as names from the crate's root on, with the
/// line where it begins.
fn imports(source: &Source) -> Vec<(usize, Vec<String>)> {
    let mut found = Vec::new();
    for (index, line) in source.production() {
        for start in ["crate::", "super::"] {
            for (at, _) in line.match_indices(start) {
                let inner = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
                if line[..at].ends_with(inner) {
                    continue;
                }
                let rest = source.code[index + 1..].join("\n");
                let text = format!("{}\n{rest}", &line[at..]);
                let paths = expand(&text).into_iter();
                found.extend(paths.map(|path| (index, absolute(source, &path))));
            }
        }
    }
    found
}

/// `a::b::{c, d::e}` as three paths.
fn expand(text: &str) -> Vec<Vec<String>> {
    let text = text.trim_start();
    if let Some(group) = text.strip_prefix('{') {
        return group_members(group).into_iter().flat_map(expand).collect();
    }
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if name.is_empty() {
        return vec![Vec::new()];
    }
    let tails = match rest.trim_start().strip_prefix("::") {
        Some(rest) => expand(rest),
        None => vec![Vec::new()],
    };
    let join = |tail: Vec<String>| [vec![name.to_owned()], tail].concat();
    tails.into_iter().map(join).collect()
}

/// The members of a group, up to its closing brace.
fn group_members(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut members) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                members.push(&group[start..at]);
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                members.push(&group[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    members.retain(|member| !member.trim().is_empty());
    members
}

/// A path that begins with `crate` or some `super`, from the root on.
fn absolute(source: &Source, path: &[String]) -> Vec<String> {
    let ups = path.iter().take_while(|name| *name == "super").count();
    if ups == 0 {
        return path[1..].to_vec();
    }
    let module = source.module();
    let kept = &module[..module.len().saturating_sub(ups)];
    [kept, &path[ups..]].concat()
}

fn layers(source: &Source) -> Vec<Fault> {
    if ROOFS.contains(&source.path.as_str()) {
        return Vec::new();
    }
    let Some((own, layer)) = room(&source.module()) else {
        return vec![source.fault(
            0,
            "a room without a layer: name it in LAYERS of tests/tidy.rs",
        )];
    };
    let wrong = |(index, path): (usize, Vec<String>)| {
        let (other, below) = room(&path)?;
        let open = below == layer && OPEN_LAYERS.contains(&layer);
        let fine = other == own || below < layer || open || SIBLINGS.contains(&(own, other));
        let advice = format!(
            "`{own}` (layer {layer}) must not import `{other}` (layer {below}): \
             move what both need down, or hand it in from above"
        );
        (!fine).then(|| source.fault(index, advice))
    };
    let mut faults: Vec<_> = imports(source).into_iter().filter_map(wrong).collect();
    faults.dedup();
    faults
}

fn purity(source: &Source) -> Vec<Fault> {
    match room(&source.module()) {
        Some((_, 1)) => {
            let mut faults = source.mentions(
                IMPURE,
                "layer 1 is pure: take it as a parameter (`crate::time::Instant` for times)",
            );
            faults.extend(source.mentions(
                REMEMBERING,
                "layer 1 remembers nothing: keep it in a store, as those in `admission`",
            ));
            faults
        }
        _ => Vec::new(),
    }
}

fn one_metrics_file(source: &Source) -> Vec<Fault> {
    if source.path.starts_with(METRICS) {
        return Vec::new();
    }
    source.mentions(
        &["prometheus"],
        "count in observe/metrics.rs, from an event",
    )
}

fn one_unsafe_file(source: &Source) -> Vec<Fault> {
    if source.path == UNSAFE_FILE {
        return Vec::new();
    }
    source.mentions(&["unsafe"], "only in net/send_queue.rs; find a safe way")
}

fn function_length(source: &Source) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (index, line) in source.code.iter().enumerate() {
        let lines = function_end(&source.code, index).map_or(0, |end| end - index + 1);
        if is_function(line) && lines > FUNCTION_LINES_MAX {
            let advice =
                format!("a function of {lines} lines, {FUNCTION_LINES_MAX} at most: split it");
            faults.push(source.fault(index, advice));
        }
    }
    faults
}

fn is_function(line: &str) -> bool {
    let qualifiers = ["const", "async", "unsafe", "extern", "default"];
    let mut words = line.split_whitespace();
    words.find(|word| !word.starts_with("pub") && !qualifiers.contains(word)) == Some("fn")
}

/// The last line of the function that begins at `start`, as rustfmt lays it out.
fn function_end(code: &[String], start: usize) -> Option<usize> {
    let first = code[start].trim_end();
    if first.ends_with(';') || first.ends_with('}') {
        return Some(start);
    }
    let own = indentation(first);
    let is_end = |line: &String| {
        let bare = line.trim();
        let at_own = indentation(line) == own && !bare.is_empty();
        at_own && (bare.starts_with('}') || bare.ends_with(';'))
    };
    let found = code[start + 1..].iter().position(is_end)?;
    Some(start + 1 + found)
}

fn file_length(source: &Source) -> Vec<Fault> {
    let lines = source.production().count();
    if lines <= FILE_LINES_MAX {
        return Vec::new();
    }
    let advice =
        format!("{lines} lines without tests, {FILE_LINES_MAX} at most: one subject a file");
    vec![source.fault(0, advice)]
}

fn line_shape(source: &Source) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (index, line) in source.raw.iter().enumerate() {
        if line.contains('\t') {
            faults.push(source.fault(index, "a tab: four spaces, or \\t in a string"));
        }
        let columns = line.chars().count();
        // A message stands whole, so that it is found by searching for it.
        if columns > COLUMNS_MAX && !line.contains('"') {
            let advice = format!("{columns} columns, {COLUMNS_MAX} at most: break the line");
            faults.push(source.fault(index, advice));
        }
    }
    faults
}

fn file_docs(source: &Source) -> Vec<Fault> {
    let documented = source
        .raw
        .first()
        .is_some_and(|line| line.starts_with("//!"));
    let all_test = source.is_test.iter().all(|&it| it);
    if documented || all_test {
        return Vec::new();
    }
    vec![source.fault(0, "begin the file with `//!` and what it is about")]
}

fn reasoned_unwraps(source: &Source) -> Vec<Fault> {
    let unwraps = [".unwrap()", ".expect("];
    let lines = source.production();
    lines
        .filter(|(_, code)| unwraps.iter().any(|call| code.contains(call)))
        .filter(|(index, _)| !has_reason(source, *index))
        .map(|(index, _)| source.fault(index, "say in a comment beside it why it cannot fail"))
        .collect()
}

/// A comment on the line, on the line before, or before the chain of calls that it ends.
fn has_reason(source: &Source, index: usize) -> bool {
    let before = index.checked_sub(1);
    if source.has_comment(index) || before.is_some_and(|index| source.has_comment(index)) {
        return true;
    }
    let goes_on = source.code[index].trim_start().starts_with('.');
    goes_on && before.is_some_and(|index| has_reason(source, index))
}

fn no_leftovers(source: &Source) -> Vec<Fault> {
    let words = [
        "FIXME",
        "TODO",
        "dbg!",
        "todo!",
        "unimplemented!",
        "#[ignore",
    ];
    let lines = source.raw.iter().enumerate();
    lines
        .filter_map(|(index, line)| {
            let word = words.iter().find(|word| has_word(line, word))?;
            Some(source.fault(index, format!("`{word}`: do it, or open an issue")))
        })
        .collect()
}

fn no_allowances(source: &Source) -> Vec<Fault> {
    if source.path == UNSAFE_FILE {
        return Vec::new();
    }
    let lines = source.code.iter().enumerate();
    lines
        .filter(|(_, code)| code.contains("#[allow(") || code.contains("#![allow("))
        .map(|(index, _)| source.fault(index, "do what the lint asks for"))
        .collect()
}

fn no_machine_paths(source: &Source) -> Vec<Fault> {
    let places = ["/tmp/", "/home/", "/root/", "/Users/"];
    let lines = source.raw.iter().enumerate();
    lines
        .filter_map(|(index, line)| {
            let place = places.iter().find(|place| line.contains(*place))?;
            let advice = format!("`{place}` is on one machine only: take the path from outside");
            Some(source.fault(index, advice))
        })
        .collect()
}

fn reasoned_limits(source: &Source) -> Vec<Fault> {
    if source.path != "src/limits.rs" && !source.path.starts_with("src/limits/") {
        return Vec::new();
    }
    let mut faults = Vec::new();
    for (index, code) in source.production() {
        let is_constant = code.starts_with("pub const ") || code.starts_with("const ");
        let above = index.checked_sub(1).map(|index| source.raw[index].as_str());
        if is_constant && !above.is_some_and(|line| line.starts_with("///")) {
            faults.push(source.fault(index, "give the bound its reason in a doc comment"));
        }
    }
    faults
}

/// All Rust files below `folder` of the package.
fn sources(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    collect(&root.join(folder), &mut files);
    files.sort();
    let read = |file: &PathBuf| {
        let path = file.strip_prefix(root).expect("below the root");
        let path = path.to_str().expect("source files have plain names");
        Source::new(
            &path.replace('\\', "/"),
            &fs::read_to_string(file).expect("readable"),
        )
    };
    let mut sources: Vec<_> = files.iter().map(read).collect();
    mark_test_files(&mut sources);
    sources
}

/// A file whose `mod` line stands under `#[cfg(test)]` is for tests, as are those below it.
fn mark_test_files(sources: &mut [Source]) {
    let declared: Vec<_> = sources.iter().flat_map(test_modules).collect();
    for source in sources {
        let module = source.module();
        if declared.iter().any(|declared| module.starts_with(declared)) {
            source.is_test.fill(true);
        }
    }
}

fn test_modules(source: &Source) -> Vec<Vec<String>> {
    let lines = source.code.iter().zip(&source.is_test);
    let declared = lines.filter_map(|(code, &is_test)| {
        let (_, name) = code.trim().strip_suffix(';')?.split_once("mod ")?;
        is_test.then(|| [source.module(), vec![name.to_owned()]].concat())
    });
    declared.collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        // The fuzz package has its own build folder.
        if path.is_dir() && !path.ends_with("target") {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn assert_clean(sources: &[Source], check: fn(&Source) -> Vec<Fault>) {
    assert!(!sources.is_empty());
    let faults = sources.iter().flat_map(check);
    let faults: Vec<_> = faults.map(|fault| fault.to_string()).collect();
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn layers_import_downwards_only() {
    assert_clean(&sources("src"), layers);
}

#[test]
fn layer_1_is_pure() {
    assert_clean(&sources("src"), purity);
}

#[test]
fn the_metrics_library_is_known_in_one_place() {
    assert_clean(&sources("src"), one_metrics_file);
}

#[test]
fn unsafe_stands_in_one_file() {
    assert_clean(&sources("src"), one_unsafe_file);
}

#[test]
fn functions_are_short() {
    assert_clean(&sources("src"), function_length);
}

#[test]
fn files_are_short() {
    assert_clean(&sources("src"), file_length);
}

#[test]
fn lines_fit_and_have_no_tabs() {
    assert_clean(&sources("src"), line_shape);
}

#[test]
fn each_file_says_what_it_is_about() {
    assert_clean(&sources("src"), file_docs);
}

#[test]
fn each_unwrap_has_its_reason() {
    assert_clean(&sources("src"), reasoned_unwraps);
}

#[test]
fn nothing_is_left_over() {
    let mut all = sources("src");
    // This file names what it forbids.
    let tests = sources("tests").into_iter();
    all.extend(tests.filter(|source| source.path != "tests/tidy.rs"));
    assert_clean(&all, no_leftovers);
}

#[test]
fn no_lint_is_silenced() {
    assert_clean(&sources("src"), no_allowances);
}

#[test]
fn no_path_of_one_machine_is_built_in() {
    assert_clean(&sources("src"), no_machine_paths);
}

#[test]
fn each_limit_has_its_reason() {
    assert_clean(&sources("src"), reasoned_limits);
}

/// The checks themselves, on snippets: each must find what it is for, and nothing else.
mod checks {
    use super::*;

    fn lines(check: fn(&Source) -> Vec<Fault>, path: &str, content: &str) -> Vec<usize> {
        let faults = check(&Source::new(path, content));
        faults.iter().map(|fault| fault.line).collect()
    }

    #[test]
    fn an_import_upwards_is_found_in_each_form() {
        for upwards in [
            "use crate::session::Greeted;",
            "use crate::{ids, session};",
            "use crate::{\n    ids::{TenantName, UserName},\n    session::{self, Greeted},\n};",
            "pub(crate) use crate::session;",
            "fn f() { crate::session::greet(); }",
            "fn f(x: &crate::session::X) {}",
            "use super::session::Greeted;",
        ] {
            assert_eq!(lines(layers, "src/net/mod.rs", upwards), [1], "{upwards}");
        }
        assert_eq!(
            lines(layers, "src/net/tcp.rs", "use super::super::session;"),
            [1]
        );
        let message = layers(&Source::new(
            "src/net/mod.rs",
            "\nuse crate::config::Config;",
        ));
        let message = message[0].to_string();
        assert!(
            message.starts_with("src/net/mod.rs:2: `net` (layer 2)"),
            "{message}"
        );
    }

    #[test]
    fn imports_downwards_comments_and_tests_are_fine() {
        for fine in [
            "use crate::ids::TenantName;",
            "use super::tls::Connector;\nuse crate::net::Io;",
            "// crate::session would be wrong\nconst S: &str = \"crate::session\";",
            "#[cfg(test)]\nmod tests {\n    use crate::session::X;\n}",
            "#[cfg(test)]\nuse crate::session::X;",
        ] {
            assert_eq!(lines(layers, "src/net/tcp.rs", fine), [0; 0], "{fine}");
        }
        let all = "use crate::session;";
        assert_eq!(lines(layers, "src/lib.rs", all), [0; 0]);
        assert_eq!(lines(layers, "src/net/tests.rs", all), [0; 0]);
        // After the test module, production goes on.
        let later = "#[cfg(test)]\nmod tests {\n}\n\nuse crate::session;";
        assert_eq!(lines(layers, "src/net/tcp.rs", later), [5]);
    }

    #[test]
    fn siblings_are_as_the_table_says() {
        let net = "use crate::net::Io;";
        assert_eq!(lines(layers, "src/lock/mod.rs", net), [0; 0]);
        assert_eq!(lines(layers, "src/backend/connect.rs", net), [0; 0]);
        assert_eq!(lines(layers, "src/observe/log.rs", net), [1]);
        assert_eq!(
            lines(layers, "src/net/tls.rs", "use crate::observe::X;"),
            [1]
        );
        assert_eq!(
            lines(layers, "src/lock/mod.rs", "use crate::backend::X;"),
            [1]
        );
        assert_eq!(
            lines(layers, "src/dialect/mod.rs", "use crate::pop3::reply;"),
            [0; 0]
        );
        assert_eq!(
            lines(layers, "src/demo/mod.rs", "use crate::admin::X;"),
            [1]
        );
    }

    #[test]
    fn the_queue_is_a_room_of_its_own() {
        assert_eq!(
            lines(layers, "src/lock/mod.rs", "use queue::LockQueue;"),
            [0; 0]
        );
        assert_eq!(
            lines(layers, "src/lock/mod.rs", "use crate::lock::queue::X;"),
            [0; 0]
        );
        assert_eq!(
            lines(layers, "src/lock/queue.rs", "use crate::lock::Guard;"),
            [1]
        );
        assert_eq!(lines(layers, "src/lock/queue.rs", "use super::Guard;"), [1]);
        assert_eq!(
            lines(layers, "src/lock/queue/lane.rs", "use super::Ticket;"),
            [0; 0]
        );
    }

    #[test]
    fn a_room_without_a_layer_is_found() {
        assert_eq!(lines(layers, "src/cellar/mod.rs", "//! Dark."), [1]);
    }

    #[test]
    fn impure_words_are_found_in_layer_1_only() {
        for impure in [
            "use tokio::net::lookup_host;",
            "use std::net::{IpAddr, TcpStream};",
            "let now = Instant::now();",
            "tracing::info!(x);",
            "rustls::ServerConfig::builder();",
            "struct Polls(Mutex<Vec<u64>>);",
            "entries: RwLock<HashMap<Key, Entry>>,",
            "counts: DashMap<Key, usize>,",
            "use std::sync::atomic::{AtomicU64, Ordering};",
            "last: AtomicU64,",
            "static TABLE: LazyLock<Table> = LazyLock::new(table);",
            "gcra: RateLimiter<K, States<K>>,",
            "seen: ExpiringLruMap<Key, Value, Instant>,",
        ] {
            assert_eq!(lines(purity, "src/pop3/sasl.rs", impure), [1], "{impure}");
            assert_eq!(lines(purity, "src/lock/queue.rs", impure), [1], "{impure}");
            assert_eq!(lines(purity, "src/lock/mod.rs", impure), [0; 0], "{impure}");
        }
        let fine = "use crate::time::Instant; // not tokio's name\nlet x = \"tokio\";";
        assert_eq!(lines(purity, "src/pop3/sasl.rs", fine), [0; 0]);
        let owned = "struct Queue {\n    seats: HashMap<Ticket, Seat>,\n}";
        assert_eq!(lines(purity, "src/lock/queue.rs", owned), [0; 0]);
    }

    #[test]
    fn metrics_and_unsafe_have_their_places() {
        let metrics = "use prometheus::IntCounter;";
        assert_eq!(lines(one_metrics_file, "src/admin/http.rs", metrics), [1]);
        assert_eq!(
            lines(one_metrics_file, "src/observe/metrics.rs", metrics),
            [0; 0]
        );
        let danger = "let x = unsafe { f() };";
        assert_eq!(lines(one_unsafe_file, "src/net/tcp.rs", danger), [1]);
        assert_eq!(lines(one_unsafe_file, UNSAFE_FILE, danger), [0; 0]);
        assert_eq!(
            lines(one_unsafe_file, "src/lib.rs", "#![deny(unsafe_code)]"),
            [0; 0]
        );
    }

    #[test]
    fn a_long_function_is_found_and_a_short_one_is_not() {
        let function = |lines: usize| {
            let body = "        work();\n".repeat(lines - 2);
            format!("impl X {{\n    pub(crate) async fn f(\n{body}    }}\n\n    fn g() {{}}\n}}\n")
        };
        assert_eq!(lines(function_length, "src/x.rs", &function(71)), [2]);
        assert_eq!(lines(function_length, "src/x.rs", &function(70)), [0; 0]);
        let declared = format!("    fn f();\n{}", "    const X: u8 = 0;\n".repeat(80));
        assert_eq!(lines(function_length, "src/x.rs", &declared), [0; 0]);
        let braces = format!(
            "fn f() {{\n    let s = \"\n}}\n\";\n{}}}\n",
            "    w();\n".repeat(70)
        );
        assert_eq!(lines(function_length, "src/x.rs", &braces), [1]);
    }

    #[test]
    fn a_long_file_is_found_without_its_tests() {
        let tests = format!(
            "#[cfg(test)]\nmod tests {{\n{}}}\n",
            "    x();\n".repeat(600)
        );
        let long = "x();\n".repeat(501);
        assert_eq!(lines(file_length, "src/x.rs", &long), [1]);
        assert_eq!(lines(file_length, "src/x.rs", &tests), [0; 0]);
        assert_eq!(
            lines(file_length, "src/x.rs", &format!("{tests}{long}")),
            [1]
        );
    }

    #[test]
    fn a_file_declared_for_tests_only_is_one() {
        let mut sources = [
            Source::new(
                "src/net/mod.rs",
                "//! Net.\n#[cfg(test)]\npub(crate) mod double;\n",
            ),
            Source::new("src/net/double.rs", "x.unwrap();"),
            Source::new("src/net/double/deep.rs", "x.unwrap();"),
            Source::new("src/net/tcp.rs", "x.unwrap();"),
        ];
        mark_test_files(&mut sources);
        let faults: Vec<_> = sources.iter().flat_map(reasoned_unwraps).collect();
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert_eq!(faults[0].file, "src/net/tcp.rs");
    }

    #[test]
    fn bad_lines_are_found() {
        let wide = format!("//! {}", "é".repeat(96));
        assert_eq!(lines(line_shape, "src/x.rs", &wide), [0; 0]);
        assert_eq!(lines(line_shape, "src/x.rs", &format!("{wide}é")), [1]);
        assert_eq!(lines(line_shape, "src/x.rs", "a\n\tb"), [2]);
        assert_eq!(lines(file_docs, "src/x.rs", "use x;"), [1]);
        assert_eq!(lines(file_docs, "src/x.rs", "//! X."), [0; 0]);
        assert_eq!(lines(file_docs, "src/x/tests.rs", "use x;"), [0; 0]);
    }

    #[test]
    fn an_unwrap_without_a_reason_is_found() {
        for bare in ["x.unwrap();", "x.expect(\"// no comment\");"] {
            assert_eq!(lines(reasoned_unwraps, "src/x.rs", bare), [1], "{bare}");
        }
        for fine in [
            "x.unwrap(); // never empty",
            "// Never empty.\nx.unwrap();",
            "// Never empty.\nlet x = y\n    .first()\n    .expect(\"never empty\");",
            "x.unwrap_or(0);",
            "#[cfg(test)]\nmod tests {\n    fn f() { x.unwrap(); }\n}",
        ] {
            assert_eq!(lines(reasoned_unwraps, "src/x.rs", fine), [0; 0], "{fine}");
        }
        let far = "// About something else.\n\nlet a = 1;\nx.unwrap();";
        assert_eq!(lines(reasoned_unwraps, "src/x.rs", far), [4]);
    }

    #[test]
    fn leftovers_are_found() {
        for left in [
            "// TODO: more",
            "dbg!(x);",
            "todo!()",
            "#[ignore]",
            "unimplemented!();",
        ] {
            assert_eq!(lines(no_leftovers, "src/x.rs", left), [1], "{left}");
        }
        assert_eq!(
            lines(no_leftovers, "src/x.rs", "let todos = 1; // METODO"),
            [0; 0]
        );
        assert_eq!(lines(no_allowances, "src/x.rs", "#[allow(dead_code)]"), [1]);
        assert_eq!(
            lines(no_allowances, "src/x.rs", "// not #[allow(x)]"),
            [0; 0]
        );
        assert_eq!(lines(no_machine_paths, "src/x.rs", "open(\"/tmp/x\")"), [1]);
    }

    #[test]
    fn a_limit_without_a_reason_is_found() {
        let limits = "/// Why.\npub const A: u8 = 1;\npub const B: u8 = 2;\n";
        assert_eq!(lines(reasoned_limits, "src/limits.rs", limits), [3]);
        assert_eq!(lines(reasoned_limits, "src/x.rs", limits), [0; 0]);
    }

    #[test]
    fn strings_and_comments_are_told_from_code() {
        for (source, code) in [
            ("a \"b\\\"c\" d", "a        d"),
            ("a r#\"b\"c\"# d", "a          d"),
            ("a br\"b\" d", "a b     d"),
            ("a // b", "a     "),
            ("a /* b\nc */ d", "a     \n     d"),
            ("'\"' 'a' '\\'' &'a str", "             &'a str"),
            ("\"// no\" x", "        x"),
            ("for r in x", "for r in x"),
        ] {
            assert_eq!(blank(source, false), code, "{source}");
        }
        assert_eq!(blank("a \"b\" // c", true), "a \"b\"     ");
    }
}
