//! What the pages say of the program: links, quoted answers, tables of metrics, ends, defaults and
//! errors.

use crate::Outcome;
use crate::gate::write_configuration;
use crate::page::{Block, Page, in_package, quoted};
use crate::stage::Stage;
use popgate::observe::event::{End, LoginRule, Shed};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::fs;
use std::path::Path;

/// Blocks that are not run: each says why, and they are few.
const NOT_RUN_MAX: usize = 2;

const README_LINES_MAX: usize = 160;
const COLUMNS_MAX: usize = 120;

/// Rendered from the declarations of the settings, a paragraph a line.
const RENDERED: &str = "deploy/manual/reference.md";

/// Links lead to files and headings that are there; so do paths between backticks.
pub(crate) fn links(pages: &[impl AsRef<Page>]) -> Outcome<()> {
    for page in pages.iter().map(AsRef::as_ref) {
        for link in page.links() {
            let broken = |what: &str| format!("{}: {}: {what}", page.path, link.path);
            fs::metadata(in_package(&link.path)).map_err(|error| broken(&error.to_string()))?;
            if let Some(anchor) = &link.anchor
                && !Page::named(&link.path)?.anchors().contains(anchor)
            {
                return Err(broken(&format!("no heading for #{anchor}")).into());
            }
        }
        paths_are_there(page.quoted())?;
    }
    let map = fs::read_to_string(in_package("src/ARCHITECTURE.md"))?;
    paths_are_there(map.lines().flat_map(quoted))
}

fn paths_are_there<'a>(mut quoted: impl Iterator<Item = &'a str>) -> Outcome<()> {
    let is_path = |text: &str| {
        ["src/", "tests/", "deploy/"]
            .iter()
            .any(|start| text.starts_with(start))
    };
    let is_there = |text: &str| fs::metadata(in_package(text.split(' ').next().unwrap_or(text)));
    let missing = quoted.find(|text| is_path(text) && is_there(text).is_err());
    missing.map_or(Ok(()), |path| Err(format!("no {path}").into()))
}

/// Every page is linked or named in the manual's index.
pub(crate) fn index_is_complete(pages: &[impl AsRef<Page>]) -> Outcome<()> {
    let index = Page::named("deploy/manual/README.md")?;
    let linked: BTreeSet<String> = index.links().into_iter().map(|link| link.path).collect();
    let named: BTreeSet<String> = index
        .quoted()
        .map(|name| format!("deploy/manual/{name}"))
        .collect();
    let mut pages = pages.iter().map(|page| &page.as_ref().path);
    let is_there = |path: &String| linked.contains(path) || named.contains(path);
    match pages.find(|path| !is_there(path) && **path != index.path) {
        Some(path) => Err(format!("the index does not name {path}").into()),
        None => Ok(()),
    }
}

/// The README is short, and prose fits on a screen.
pub(crate) fn sizes(pages: &[impl AsRef<Page>]) -> Outcome<()> {
    for page in pages.iter().map(AsRef::as_ref) {
        let is_readme = page.path == "README.md";
        let lines = page.text.lines().count();
        if is_readme && lines > README_LINES_MAX {
            return Err(format!("the README has {lines} lines").into());
        }
        if page.path == RENDERED {
            continue;
        }
        // A row of a table is one line, however long.
        let is_long = |line: &&str| {
            line.chars().count() > COLUMNS_MAX && (is_readme || !line.starts_with('|'))
        };
        if let Some(line) = page.prose().find(is_long) {
            return Err(format!("{}: too wide: {line}", page.path).into());
        }
    }
    Ok(())
}

pub(crate) fn few_are_not_run(pages: &[impl AsRef<Page>]) -> Outcome<()> {
    let blocks = pages.iter().flat_map(|page| page.as_ref().blocks());
    let reasons: Vec<String> = blocks.filter_map(|block| block.not_run).collect();
    if let Some(short) = reasons.iter().find(|reason| reason.len() < 10) {
        return Err(format!("`{short}` is no reason").into());
    }
    let are_few = reasons.len() <= NOT_RUN_MAX;
    are_few
        .then_some(())
        .ok_or_else(|| format!("not run: {reasons:#?}").into())
}

/// The README's install commands are steps of install.md, in that order.
pub(crate) fn steps_of_install(block: &Block) -> Outcome<()> {
    let install = Page::named("deploy/manual/install.md")?;
    let steps = install.blocks();
    let steps = steps.iter().filter(|block| block.kind == "sh install");
    let mut steps = steps.flat_map(Block::commands);
    let mut commands = block.commands();
    match commands.find(|command| !steps.any(|step| step == *command)) {
        Some(command) => Err(format!("no step of install.md: {command}").into()),
        None => Ok(()),
    }
}

/// An `-ERR` line between backticks is one that popgate says, or a server that we know.
pub(crate) fn answers(pages: &[impl AsRef<Page>]) -> Outcome<()> {
    let said = source()? + &fs::read_to_string(in_package("tests/dialect/replies.tsv"))?;
    for page in pages.iter().map(AsRef::as_ref) {
        let mut quoted = page.quoted().filter(|text| text.starts_with("-ERR "));
        if let Some(answer) = quoted.find(|answer| !said.contains(*answer)) {
            let path = &page.path;
            return Err(format!("{path}: neither popgate nor a server says `{answer}`").into());
        }
    }
    Ok(())
}

/// The errors and messages that troubleshooting explains stand in the program's text; `…` there
/// stands for what differs.
pub(crate) fn errors_are_the_programs() -> Outcome<()> {
    let page = Page::named("deploy/manual/troubleshooting.md")?;
    let source = source()?;
    let rows = [page.table("error"), page.table("message")].concat();
    let explained: Vec<&str> = rows.iter().flat_map(|row| quoted(&row[1])).collect();
    if explained.len() < 20 {
        return Err(format!("it explains {explained:?} alone").into());
    }
    let is_said = |text: &&str| text.split('…').all(|part| source.contains(part));
    match explained.into_iter().find(|text| !is_said(text)) {
        Some(text) => Err(format!("popgate never says `{text}`").into()),
        None => Ok(()),
    }
}

/// All of `src` but its tests, each string on one line.
fn source() -> Outcome<String> {
    let mut text = String::new();
    gather(Path::new(&in_package("src")), &mut text)?;
    let continued = regex::Regex::new("\\\\\n\\s*")?;
    Ok(continued.replace_all(&text, "").replace("\\\"", "\""))
}

fn gather(folder: &Path, text: &mut String) -> Outcome<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            gather(&path, text)?;
        } else if path.extension().is_some_and(|it| it == "rs") && !path.ends_with("tests.rs") {
            let source = fs::read_to_string(path)?;
            *text += source
                .split("#[cfg(test)]\nmod tests {")
                .next()
                .unwrap_or_default();
        }
    }
    Ok(())
}

/// What is there where the certificate, and the journal, is a file, and in a cluster: the demo has
/// none of them.
const NOT_IN_THE_DEMO: [(&str, &str); 15] = [
    ("certificate_expiry_timestamp_seconds", "certificate"),
    ("cluster_block_changes_total", "direction"),
    ("cluster_call_seconds", "call"),
    ("cluster_calls_total", "call, result"),
    ("cluster_epochs_total", ""),
    ("cluster_members", ""),
    ("cluster_overlaps_total", ""),
    ("cluster_pushes_dropped_total", ""),
    ("cluster_state", "state"),
    ("cluster_turns_total", "result"),
    ("journal_oldest_entry_timestamp_seconds", ""),
    ("journal_size_bytes", ""),
    ("journal_size_limit_bytes", ""),
    ("journal_waiting", ""),
    ("journal_writable", ""),
];

/// Every family, with its labels, stands in the table, and no other does.
pub(crate) fn metrics_are_those_of_the_table(metrics: &str) -> Outcome<()> {
    let monitoring = Page::named("deploy/manual/monitoring.md")?;
    let told: BTreeSet<_> = monitoring
        .table("metric")
        .iter()
        .map(|row| (row[1].trim_matches('`').to_owned(), words(&row[2])))
        .collect();
    let prefix = "# TYPE popgate_";
    let families = metrics
        .lines()
        .filter_map(|line| line.strip_prefix(prefix)?.split(' ').next());
    let there: BTreeSet<_> = families
        .map(|name| (name.to_owned(), labels(metrics, name)))
        .chain(NOT_IN_THE_DEMO.map(|(name, label)| (name.to_owned(), words(label))))
        .collect();
    same(&told, &there, "the table or /metrics alone has")
}

fn words(cell: &str) -> BTreeSet<String> {
    let words = cell.split(", ").filter(|word| !word.is_empty());
    words.map(str::to_owned).collect()
}

/// The label names of a family's first series.
fn labels(metrics: &str, family: &str) -> BTreeSet<String> {
    let start = format!("popgate_{family}");
    let series = metrics
        .lines()
        .find(|line| line.starts_with(&start))
        .unwrap_or_default();
    let inside = series.split(['{', '}']).nth(1).unwrap_or_default();
    inside
        .split("\",")
        .filter_map(|pair| Some(pair.split_once('=')?.0))
        .filter(|name| *name != "le")
        .map(str::to_owned)
        .collect()
}

/// Every end of a session stands in the table, and no other does.
pub(crate) fn ends_are_those_of_the_table() -> Outcome<()> {
    let monitoring = Page::named("deploy/manual/monitoring.md")?;
    let told: BTreeSet<_> = monitoring
        .table("end")
        .iter()
        .map(|row| row[1].trim_matches('`').to_owned())
        .collect();
    let there: BTreeSet<_> = End::ALL.iter().map(|end| end.as_str().to_owned()).collect();
    same(&told, &there, "the table or the program alone has")
}

/// The table of defaults has each limit of `check --explain`, with the value that it shows.
pub(crate) fn defaults_are_those_of_the_table(number: u8) -> Outcome<()> {
    let page = Page::named("deploy/manual/limits-and-blocks.md")?;
    let told: BTreeMap<_, _> = page
        .table("setting")
        .iter()
        .map(|row| (row[1].trim_matches('`').to_owned(), row[2].clone()))
        .collect();
    let stage = Stage::new(number)?;
    write_configuration(&stage, &page)?;
    let explained = stage.run(
        "popgate check --config popgate.toml --explain ann@a.example",
        "",
    )?;
    let there: BTreeMap<_, _> = explained
        .lines()
        .skip_while(|line| !line.starts_with("  cleartext "))
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?.to_owned(), words.next()?.to_owned()))
        })
        .collect();
    let told: BTreeSet<_> = told.into_iter().collect();
    same(
        &told,
        &there.into_iter().collect(),
        "the table or the program alone has",
    )
}

/// The drawing of the order of checks has each rule that can refuse, once.
pub(crate) fn drawing_has_each_rule(block: &Block) -> Outcome<()> {
    let words = |what: &str| -> BTreeSet<String> {
        let marks = block.text.lines().filter_map(|line| line.split_once(what));
        marks.map(|(_, word)| word.trim().to_owned()).collect()
    };
    let rules = LoginRule::ALL.iter().map(|rule| rule.as_str().to_owned());
    let reasons = Shed::ALL.iter().map(|why| why.as_str().to_owned());
    same(
        &words("refused:"),
        &rules.collect(),
        "the drawing or the rules alone have",
    )?;
    same(
        &words("turned away:"),
        &reasons.collect(),
        "the drawing or the reasons alone have",
    )
}

fn same<T: Ord + Debug>(told: &BTreeSet<T>, there: &BTreeSet<T>, what: &str) -> Outcome<()> {
    let differ: Vec<_> = told.symmetric_difference(there).collect();
    differ
        .is_empty()
        .then_some(())
        .ok_or_else(|| format!("{what} {differ:#?}").into())
}
