//! A page of the documentation: its fenced blocks, tables, headings and links; and what counts as the
//! same output.

use crate::Outcome;
use std::fs;
use std::path::Path;

/// A page in Markdown.
pub(crate) struct Page {
    /// Its path below the package's root.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// A fenced block.
#[derive(Clone)]
pub(crate) struct Block {
    /// The words behind the fence, such as `sh` or `ini fail2ban`.
    pub(crate) kind: String,
    /// The line of its fence, counted from 1.
    pub(crate) line: usize,
    pub(crate) text: String,
    /// Why it is not run, where a comment above it says so.
    pub(crate) not_run: Option<String>,
}

/// Where a link of a page leads.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Link {
    /// Below the package's root.
    pub(crate) path: String,
    pub(crate) anchor: Option<String>,
}

impl Block {
    /// The commands of a `sh` block: its lines, without comments.
    pub(crate) fn commands(&self) -> impl Iterator<Item = &str> {
        self.text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
    }
}

impl Page {
    /// The README, and each page of the manual that is there.
    pub(crate) fn all() -> Outcome<Vec<Self>> {
        let mut paths = vec!["README.md".to_owned()];
        for entry in fs::read_dir(in_package("deploy/manual"))? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name.ends_with(".md") {
                paths.push(format!("deploy/manual/{name}"));
            }
        }
        paths.sort();
        paths.into_iter().map(Self::read).collect()
    }

    pub(crate) fn named(path: &str) -> Outcome<Self> {
        Self::read(path.to_owned())
    }

    fn read(path: String) -> Outcome<Self> {
        let text = fs::read_to_string(in_package(&path))?;
        Ok(Self { path, text })
    }

    /// All fenced blocks, in order.
    pub(crate) fn blocks(&self) -> Vec<Block> {
        let mut blocks: Vec<Block> = Vec::new();
        let mut is_open = false;
        let mut above = "";
        for (number, line) in (1..).zip(self.text.lines()) {
            match (line.strip_prefix("```"), is_open) {
                (Some(kind), false) => blocks.push(Block {
                    kind: kind.to_owned(),
                    line: number,
                    text: String::new(),
                    not_run: reason_not_to_run(above),
                }),
                (None, true) => {
                    let block = blocks.last_mut().expect("a block is open");
                    block.text += line;
                    block.text += "\n";
                }
                (Some(_), true) => {}
                (None, false) => {
                    above = line;
                    continue;
                }
            }
            is_open = line != "```" || !is_open;
        }
        blocks
    }

    /// The first block of this kind.
    pub(crate) fn block(&self, kind: &str) -> Option<Block> {
        self.blocks().into_iter().find(|block| block.kind == kind)
    }

    /// The lines outside of fenced blocks.
    pub(crate) fn prose(&self) -> impl Iterator<Item = &str> {
        let mut is_open = false;
        self.text.lines().filter(move |line| {
            let is_fence = line.starts_with("```");
            is_open ^= is_fence;
            !is_fence && !is_open
        })
    }

    /// The rows of all tables whose head begins with `first`, each as its cells.
    pub(crate) fn table(&self, first: &str) -> Vec<Vec<String>> {
        let head = format!("| {first} |");
        let mut rows = Vec::new();
        let mut is_in = false;
        for line in self.text.lines() {
            is_in = line.starts_with(&head) || (is_in && line.starts_with('|'));
            if is_in {
                rows.push(line.split('|').map(|cell| cell.trim().to_owned()).collect());
            }
        }
        let is_row = |row: &Vec<String>| row[1] != first && !row[1].starts_with("---");
        rows.into_iter().filter(is_row).collect()
    }

    /// The anchors of the headings, as GitHub makes them.
    pub(crate) fn anchors(&self) -> Vec<String> {
        let headings = self.prose().filter(|line| line.starts_with('#'));
        headings
            .map(|line| {
                line.trim_start_matches('#')
                    .trim()
                    .to_lowercase()
                    .chars()
                    .filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c))
                    .map(|c| if c == ' ' { '-' } else { c })
                    .collect()
            })
            .collect()
    }

    /// Where its links lead, those into the web left out.
    pub(crate) fn links(&self) -> Vec<Link> {
        let targets = self.prose().flat_map(|line| {
            let ends = line.split("](").skip(1);
            ends.filter_map(|rest| rest.split(')').next())
        });
        targets
            .filter(|target| !target.contains("://"))
            .map(|target| self.resolved(target))
            .collect()
    }

    fn resolved(&self, target: &str) -> Link {
        let (file, anchor) = match target.split_once('#') {
            Some((file, anchor)) => (file, Some(anchor.to_owned())),
            None => (target, None),
        };
        if file.is_empty() {
            let path = self.path.clone();
            return Link { path, anchor };
        }
        let mut folders: Vec<&str> = self.path.split('/').collect();
        folders.pop();
        for step in file.split('/') {
            match step {
                ".." => drop(folders.pop()),
                step => folders.push(step),
            }
        }
        let path = folders.join("/");
        Link { path, anchor }
    }

    /// What stands between backticks outside of fenced blocks.
    pub(crate) fn quoted(&self) -> impl Iterator<Item = &str> {
        self.prose().flat_map(quoted)
    }
}

fn reason_not_to_run(line: &str) -> Option<String> {
    let comment = line.strip_prefix("<!-- not run: ")?;
    Some(comment.strip_suffix(" -->")?.to_owned())
}

/// What stands between backticks on one line.
pub(crate) fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

pub(crate) fn in_package(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join(path).display().to_string()
}

/// Whether `sample` shows `actual`: the same lines but for numbers and times. A line `…` in the
/// sample stands for any lines.
pub(crate) fn shows(sample: &str, actual: &str) -> bool {
    let actual: Vec<String> = actual.trim_end().lines().map(masked).collect();
    let sample: Vec<String> = sample.trim_end().lines().map(masked).collect();
    let parts: Vec<&[String]> = sample.split(|line| line == "…").collect();
    let [first, .., last] = parts.as_slice() else {
        return sample == actual;
    };
    let mut rest = actual.as_slice();
    for part in &parts {
        let found = if part.is_empty() {
            Some(0)
        } else {
            rest.windows(part.len()).position(|window| window == *part)
        };
        let Some(at) = found else { return false };
        rest = &rest[at + part.len()..];
    }
    actual.starts_with(first) && actual.ends_with(last)
}

/// `line` with one blank for many, `#` for each number, and `#t` for each number of seconds.
pub(crate) fn masked(line: &str) -> String {
    let mut masked = String::new();
    for word in line.split_whitespace() {
        let is_unit = ["s", "ms", "µs"].contains(&word.trim_end_matches(','));
        if is_unit && masked.ends_with('#') {
            masked += "t";
            masked += if word.ends_with(',') { "," } else { "" };
            continue;
        }
        masked += if masked.is_empty() { "" } else { " " };
        masked += &without_numbers(word);
    }
    masked
}

fn without_numbers(word: &str) -> String {
    let mut out = String::new();
    for c in word.chars() {
        match c {
            '0'..='9' if out.ends_with('#') => {}
            '0'..='9' => out.push('#'),
            '.' if out.ends_with('#') => {}
            c => out.push(c),
        }
    }
    out
}

/// What [`shows`] must tell apart, so that the samples mean something.
pub(crate) fn numbers_and_times_may_differ_and_nothing_else() -> bool {
    shows("a  0.3 ms, b\n", "a 1.51 s, b")
        && shows("3 of 8", "8 of 10")
        && shows("a\n…\nd", "a\nb\nc\nd\n")
        && !shows("a\n…\nd", "b\nd")
        && !shows("lock errors 7", "lock error 7")
        && !shows("a 3 ms", "a 3")
}

/// What the reader of pages must find in one.
pub(crate) fn pages_are_understood() -> bool {
    let page = Page {
        path: "deploy/manual/a.md".to_owned(),
        text: "# A `b`, c\n[x](../c/d.md#e) [y](#a-b-c)\n<!-- not run: needs a moon -->\n```sh\n# no heading\n```\n"
            .to_owned(),
    };
    let link = |path: &str, anchor: &str| Link {
        path: path.to_owned(),
        anchor: Some(anchor.to_owned()),
    };
    let links = [
        link("deploy/c/d.md", "e"),
        link("deploy/manual/a.md", "a-b-c"),
    ];
    page.anchors() == ["a-b-c"]
        && page.links() == links
        && page.blocks()[0].not_run.as_deref() == Some("needs a moon")
}
