//! `deploy/config/full.toml` and `deploy/manual/reference.md`, as the declarations render them.
//! `UPDATE_REFERENCE=1 cargo test --lib config::schema` writes both anew.

use super::super::value::{Bounded, Shown, Value};
use super::SchemaTable;
use super::limits::{Defaults, WrittenTenant, WrittenUser};
use super::tables::{
    AdminTable, BackendTable, ClusterTable, File, JournalTable, ListenTable, ReportTable,
    ServerTable, TlsHostTable, TlsTable,
};
use std::fmt::Write;
use std::ops::RangeInclusive;
use std::{env, fs};

/// A table as it is declared.
pub(crate) struct Declaration {
    /// The lines of its comment.
    pub(super) words: &'static [&'static str],
    pub(super) keys: Vec<DeclaredKey>,
    /// Inline tables in it, with their keys.
    pub(super) tables: Vec<(&'static str, Declaration)>,
}

/// A key as it is declared.
pub(crate) struct DeclaredKey {
    pub(super) name: &'static str,
    words: &'static [&'static str],
    /// What can be written, if it is a single value.
    expected: Option<&'static str>,
    is_required: bool,
    /// As the file would say it.
    pub(super) default: Option<String>,
    /// The ends.
    pub(super) range: Option<[String; 2]>,
    /// What `full.toml` shows, behind `# ` where it is commented out there; empty of tables.
    example: Option<&'static str>,
}

impl DeclaredKey {
    fn new(name: &'static str, words: &'static [&'static str]) -> Self {
        Self {
            name,
            words,
            expected: None,
            is_required: false,
            default: None,
            range: None,
            example: None,
        }
    }

    pub(super) fn required(
        name: &'static str,
        words: &'static [&'static str],
        example: &'static str,
    ) -> Self {
        Self {
            is_required: true,
            ..Self::new(name, words).example(example)
        }
    }

    pub(super) fn setting<T: Value + Shown>(
        name: &'static str,
        words: &'static [&'static str],
        default: &T,
    ) -> Self {
        Self {
            expected: Some(T::EXPECTED),
            default: Some(default.shown().to_string()),
            ..Self::new(name, words)
        }
    }

    pub(super) fn other(
        name: &'static str,
        words: &'static [&'static str],
        example: &'static str,
    ) -> Self {
        Self::new(name, words).example(example)
    }

    pub(super) fn range<T: Bounded>(self, range: &RangeInclusive<T::Bound>) -> Self {
        let ends = [range.start(), range.end()];
        Self {
            range: Some(ends.map(|end| end.shown().to_string())),
            ..self
        }
    }

    pub(super) fn example(self, example: &'static str) -> Self {
        Self {
            example: Some(example),
            ..self
        }
    }

    /// What `full.toml` shows behind `=`.
    fn shown(&self) -> &str {
        self.example.or(self.default.as_deref()).unwrap_or("")
    }

    /// Whether it is an array of tables, which are told at their own heading.
    fn is_table(&self) -> bool {
        self.shown().is_empty()
    }

    /// Its comment: what it is, and its default. (A bare "Default." could mean the words before.)
    fn comment(&self) -> String {
        let words = joined(self.words);
        match &self.default {
            Some(default) => format!("{words} Default: {default}."),
            None => words,
        }
    }
}

fn joined(lines: &[&str]) -> String {
    lines
        .iter()
        .map(|line| line.trim())
        .collect::<Vec<_>>()
        .join(" ")
}

/// The tables in the order of the file, how each begins, and what `full.toml` has beside it: other
/// tables of its kind, to show what they are for.
fn tables() -> Vec<(&'static str, Declaration, &'static str)> {
    vec![
        ("[server]", ServerTable::declaration(), ""),
        ("[[listen]]", ListenTable::declaration(), LISTENERS),
        ("[tls]", TlsTable::declaration(), ""),
        ("[[tls.host]]", TlsHostTable::declaration(), TLS_HOSTS),
        ("[[backend]]", BackendTable::declaration(), BACKENDS),
        ("[admin]", AdminTable::declaration(), ""),
        ("[journal]", JournalTable::declaration(), ""),
        ("[cluster]", ClusterTable::declaration(), ""),
        ("[report]", ReportTable::declaration(), ""),
        ("[defaults]", Defaults::declaration(), ""),
        ("[[tenant]]", WrittenTenant::declaration(), TENANT_LIMITS),
        ("[[tenant.user]]", WrittenUser::declaration(), TENANTS),
    ]
}

const LISTENERS: &str = r#"
[[listen]]
name = "pop3s"
address = "[::]:995"
tls = "implicit"

[[listen]]
name = "behind-balancer"
address = "10.20.0.7:1110"
proxy_protocol = true
"#;

const TLS_HOSTS: &str = r#"
[[tls.host]]
names = ["*.example.org"]
certificate = "example.org/fullchain.pem"
key = "example.org/privkey.pem"
"#;

const BACKENDS: &str = r#"
[[backend]]
name = "new"
address = "mail-2.example.net:995"
tls = "implicit"
ca = "internal-ca.pem"
server_name = "mail.example.net"
# A slow login: it looks at a directory far away.
login_reserve = "8s"
"#;

const TENANT_LIMITS: &str = r#"# Any limit of [defaults]; inline tables change key by key.
wait = "45s"
polls = { every = "2m" }
"#;

const TENANTS: &str = r#"# A shared maildrop that a dozen clients look at.
queue = 64
preempt_idle = "5s"
polls = { enforce = "off" }
connections = { per_maildrop = 80 }

[[tenant]]
name = "moved"
domains = ["example.net"]
backend = "new"
cleartext = "never"
idle_timeout = "15m"
fold_case = false
# A new limit is tried out first: whom it would have blocked is listed and logged.
blocks = { enforce = "shadow", passwords_per_maildrop = 5 }
"#;

/// The keys of the table that `[defaults]` does not have, or all of that one: limits are told once.
fn own_keys(heading: &str, declaration: Declaration) -> Declaration {
    if !heading.contains("tenant") {
        return declaration;
    }
    let Declaration { words, keys, .. } = declaration;
    let limits = Defaults::declaration();
    let is_own = |key: &DeclaredKey| {
        key.name == "aliases" || !limits.keys.iter().any(|limit| limit.name == key.name)
    };
    Declaration {
        words,
        keys: keys.into_iter().filter(is_own).collect(),
        tables: Vec::new(),
    }
}

fn full_toml() -> String {
    let mut text =
        "# Every key that there is: these comments, and what the comments call the default, are \
        what the\n# manual's reference says. Durations are written as \"250ms\", \"25s\", \"10m\", \
        \"12h\" or \"14d\"; paths\n# are relative to this file.\n"
            .to_owned();
    for (heading, declaration, examples) in tables() {
        let table = own_keys(heading, declaration);
        text += "\n";
        comment(&mut text, &joined(table.words), "");
        writeln!(text, "{heading}").unwrap();
        for key in table.keys.iter().filter(|key| !key.is_table()) {
            comment(&mut text, &key.comment(), "");
            assignment(&mut text, key);
        }
        for (name, inner) in &table.tables {
            inline_table(&mut text, name, inner);
        }
        text += examples;
    }
    text
}

fn assignment(text: &mut String, key: &DeclaredKey) {
    let shown = key.shown();
    match shown.strip_prefix("# ") {
        Some(shown) => writeln!(text, "# {} = {shown}", key.name).unwrap(),
        None => writeln!(text, "{} = {shown}", key.name).unwrap(),
    }
}

/// What it is for, a line or more for each key, and all of it in one line.
fn inline_table(text: &mut String, name: &str, table: &Declaration) {
    comment(text, &joined(table.words), "");
    inner_comments(text, "", table);
    writeln!(text, "{name} = {}", inline(table)).unwrap();
}

fn inner_comments(text: &mut String, prefix: &str, table: &Declaration) {
    for key in &table.keys {
        comment(
            text,
            &format!("{prefix}{}: {}", key.name, key.comment()),
            "  ",
        );
    }
    for (name, inner) in &table.tables {
        comment(text, &format!("{name}: {}", joined(inner.words)), "  ");
        inner_comments(text, &format!("{prefix}{name}."), inner);
    }
}

fn inline(table: &Declaration) -> String {
    let keys = table
        .keys
        .iter()
        .map(|key| format!("{} = {}", key.name, key.shown()));
    let tables = table
        .tables
        .iter()
        .map(|(name, inner)| format!("{name} = {}", inline(inner)));
    format!(
        "{{ {} }}",
        keys.chain(tables).collect::<Vec<_>>().join(", ")
    )
}

/// `words` as a comment of lines that are not too long.
fn comment(text: &mut String, words: &str, indent: &str) {
    let mut line = format!("# {indent}");
    let mut is_empty = true;
    for word in words.split(' ') {
        if !is_empty && line.chars().count() + word.chars().count() >= 100 {
            writeln!(text, "{}", line.trim_end()).unwrap();
            line = format!("# {indent}{indent}");
        }
        write!(line, "{word} ").unwrap();
        is_empty = false;
    }
    writeln!(text, "{}", line.trim_end()).unwrap();
}

fn reference() -> String {
    let mut text = "# Reference of the configuration\n\n\
        Each table and key of the file, with what it can be and its default. \
        [`full.toml`](../config/full.toml) has all of them in one file.\n\n\
        - A duration is written as `\"250ms\"`, `\"25s\"`, `\"10m\"`, `\"12h\"` or `\"14d\"`.\n\
        - Paths are relative to the file.\n\
        - A tenant has the limits of `[defaults]` but for those that it writes, and a user those \
        of its tenant. Inline tables are inherited key by key.\n"
        .to_owned();
    for (heading, declaration, _) in tables() {
        let table = own_keys(heading, declaration);
        section(&mut text, "##", heading, "", &table);
    }
    text
}

/// A table's words and its own keys, then a heading for each of its inline tables: Markdown has no
/// table within a table.
fn section(text: &mut String, level: &str, heading: &str, prefix: &str, table: &Declaration) {
    let words = joined(table.words);
    write!(text, "\n{level} `{heading}`\n\n{words}\n\n{HEADER}\n").unwrap();
    for key in &table.keys {
        row(text, prefix, key);
    }
    for (name, inner) in &table.tables {
        let path = format!("{prefix}{name}");
        section(text, "###", &path, &format!("{path}."), inner);
    }
}

/// How each table of keys begins.
const HEADER: &str = "| key | value | default | |\n|---|---|---|---|";

fn row(text: &mut String, prefix: &str, key: &DeclaredKey) {
    let default = match &key.default {
        Some(default) => format!("`{default}`"),
        None if key.is_required => "required".to_owned(),
        None => "–".to_owned(),
    };
    writeln!(
        text,
        "| `{prefix}{}` | {} | {default} | {} |",
        key.name,
        values(key),
        cell(&joined(key.words))
    )
    .unwrap();
}

/// What can be written, in the words of the messages.
fn values(key: &DeclaredKey) -> String {
    match (&key.range, key.expected, key.example) {
        (Some([least, most]), _, _) => format!("`{least}` to `{most}`"),
        (None, Some(expected), _) => cell(expected),
        (None, None, Some(example)) if !example.is_empty() => {
            let example = example.trim_start_matches("# ");
            format!("such as `{}`", example.replace('|', "\\|"))
        }
        _ => String::new(),
    }
}

/// Text that does not end a cell of a table, or is taken for markup.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
        .replace('*', "\\*")
        .replace('<', "&lt;")
}

/// Compares with the file, or writes it where that is asked for.
fn assert_is_file(path: &str, text: &str) {
    let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
    if env::var_os("UPDATE_REFERENCE").is_some() {
        fs::write(&path, text).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    let line = written.lines().zip(text.lines()).position(|(a, b)| a != b);
    assert!(
        written == text,
        "{path} is not what the declarations say, from line {:?} on: run \
         UPDATE_REFERENCE=1 cargo test --lib config::schema",
        line.map(|line| line + 1)
    );
}

#[test]
fn full_toml_is_what_the_declarations_say() {
    assert_is_file("deploy/config/full.toml", &full_toml());
}

#[test]
fn the_reference_is_what_the_declarations_say() {
    assert_is_file("deploy/manual/reference.md", &reference());
}

/// serde names the tables of a file where it meets one that is none of them.
#[test]
fn each_table_of_the_file_is_rendered() {
    let error = toml::from_str::<File>("none = 1").unwrap_err().to_string();
    let (_, known) = error.split_once("expected one of ").unwrap();
    let known: Vec<_> = known.split('`').skip(1).step_by(2).collect();
    assert!(known.contains(&"server"), "{error}");
    let inner = tables().into_iter().flat_map(|(heading, table, _)| {
        let name = heading.trim_matches(['[', ']']);
        let keys = table.keys.into_iter().filter(DeclaredKey::is_table);
        keys.map(move |key| format!("{name}.{}", key.name))
    });
    let all = known.into_iter().map(str::to_owned).chain(inner);
    let rendered = [full_toml(), reference()];
    for name in all {
        let headings = [format!("[{name}]"), format!("[[{name}]]")];
        for text in &rendered {
            let is_there = |line: &str| headings.iter().any(|it| line.contains(it));
            let mut lines = text.lines().filter(|line| line.starts_with(['[', '#']));
            assert!(lines.any(is_there), "{name}");
        }
    }
}

/// The keys of a declaration with those of its inline tables, as their rows name them.
fn paths(prefix: &str, table: &Declaration) -> Vec<String> {
    let own = table.keys.iter().map(|key| format!("{prefix}{}", key.name));
    let inner = table
        .tables
        .iter()
        .flat_map(|(name, inner)| paths(&format!("{prefix}{name}."), inner));
    own.chain(inner).collect()
}

#[test]
fn each_key_has_one_row_in_the_reference() {
    let text = reference();
    let mut chapters = text.split("\n## ").skip(1);
    for (heading, declaration, _) in tables() {
        let chapter = chapters.next().unwrap();
        assert!(chapter.starts_with(&format!("`{heading}`")), "{chapter}");
        let rows: Vec<_> = chapter
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
            .collect();
        assert_eq!(rows, paths("", &own_keys(heading, declaration)));
    }
}

#[test]
fn each_table_of_the_reference_begins_after_an_empty_line() {
    let text = reference();
    let lines: Vec<_> = text.lines().collect();
    let headers = lines
        .windows(2)
        .filter(|pair| pair[1].starts_with("| key |"));
    for pair in headers {
        assert_eq!(pair[0], "", "{}", pair[1]);
    }
}
