//! The README as a list of fenced blocks, and what counts as the same output.

/// A fenced block.
pub(crate) struct Block {
    /// The word behind the fence: `sh`, `text`, `toml`, `ini`.
    pub(crate) kind: String,
    /// The line of its fence, counted from 1.
    pub(crate) line: usize,
    pub(crate) text: String,
}

impl Block {
    /// The commands of a `sh` block: its lines, without comments.
    pub(crate) fn commands(&self) -> impl Iterator<Item = &str> {
        let lines = self.text.lines().map(str::trim);
        lines.filter(|line| !line.is_empty() && !line.starts_with('#'))
    }
}

/// All fenced blocks of `page`, in order.
pub(crate) fn blocks(page: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut is_open = false;
    for (number, line) in (1..).zip(page.lines()) {
        match (line.strip_prefix("```"), is_open) {
            (Some(kind), false) => blocks.push(Block {
                kind: kind.to_owned(),
                line: number,
                text: String::new(),
            }),
            (None, true) => {
                let block = blocks.last_mut().expect("a block is open");
                block.text += line;
                block.text += "\n";
            }
            (Some(_), true) => {}
            (None, false) => continue,
        }
        is_open = line != "```" || !is_open;
    }
    blocks
}

/// The rows of the table whose head begins with `first`, each as its cells.
pub(crate) fn table(page: &str, first: &str) -> Vec<Vec<String>> {
    let head = format!("| {first} |");
    let lines = page.lines().skip_while(|line| !line.starts_with(&head));
    let rows = lines.skip(2).take_while(|line| line.starts_with('|'));
    let cells = |row: &str| row.split('|').map(|cell| cell.trim().to_owned()).collect();
    rows.map(cells).collect()
}

/// What stands between backticks on one line.
pub(crate) fn quoted(page: &str) -> impl Iterator<Item = &str> {
    page.lines()
        .flat_map(|line| line.split('`').skip(1).step_by(2))
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
