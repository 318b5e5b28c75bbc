//! What makes pages hard to read: chains cut in two, tuples that pack what does not belong together,
//! one name for two types, citations of papers that are not here. And what `src/STYLE.md` cites.

use super::{Fault, Source, assert_clean, has_word, indentation, sources};
use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;

/// Methods that give an iterator or make one of another, and of no other type.
const ADAPTERS: &[&str] = &[
    "bytes",
    "chain",
    "chars",
    "drain",
    "enumerate",
    "filter_map",
    "flat_map",
    "into_iter",
    "into_values",
    "iter",
    "iter_mut",
    "keys",
    "lines",
    "rev",
    "split_whitespace",
    "take_while",
    "values",
    "values_mut",
];

/// Names that two types have, and why.
const SHARED_NAMES: &[(&str, &str)] = &[];

/// Papers that stand beside no clone of the repository.
const ELSEWHERE: &[&str] = &["DESIGN", "research/"];

/// No function is longer.
const LET_LINES_MAX: usize = super::FUNCTION_LINES_MAX;

/// A `let` that ships: `let PATTERN = VALUE;`.
struct Let {
    first: usize,
    last: usize,
    pattern: String,
    value: String,
}

fn lets(source: &Source) -> Vec<Let> {
    source
        .production()
        .filter(|(_, line)| line.trim_start().starts_with("let "))
        .filter_map(|(index, _)| let_at(source, index))
        .collect()
}

fn let_at(source: &Source, first: usize) -> Option<Let> {
    let rest = &source.code[first..];
    let text = rest[..rest.len().min(LET_LINES_MAX)].join("\n");
    let statement = &text[..end_of_statement(&text)?];
    let declared = statement.trim_start().strip_prefix("let ")?;
    let (pattern, value) = declared.split_once(" =")?;
    Some(Let {
        first,
        last: first + statement.matches('\n').count(),
        pattern: pattern.trim_start_matches("mut ").to_owned(),
        value: value.trim().to_owned(),
    })
}

/// Where the `;` stands that ends the statement at the beginning of `text`.
fn end_of_statement(text: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth == 0 => return None,
            ')' | ']' | '}' => depth -= 1,
            ';' if depth == 0 => return Some(at),
            _ => {}
        }
    }
    None
}

/// Where the bracket is closed that `text` opens with.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// The method that `value` ends by a call of.
fn last_method(value: &str) -> Option<&str> {
    let opens = value
        .match_indices('(')
        .map(|(at, _)| at)
        .find(|&at| closing(&value[at..]).is_some_and(|end| at + end + 1 == value.len()))?;
    let (_, method) = value[..opens].rsplit_once('.')?;
    Some(method)
}

/// `let x = y.iter();` where the next statement begins with `x.`, and nothing else needs `x`.
fn cut_chains(source: &Source) -> Vec<Fault> {
    lets(source)
        .iter()
        .filter(|it| last_method(&it.value).is_some_and(|method| ADAPTERS.contains(&method)))
        .filter(|it| is_taken_up_at_once(source, it))
        .map(|it| source.fault(it.first, "one chain: rustfmt breaks it where it is long"))
        .collect()
}

fn is_taken_up_at_once(source: &Source, it: &Let) -> bool {
    let own = indentation(&source.code[it.first]);
    let block: Vec<&str> = source.code[it.last + 1..]
        .iter()
        .map(String::as_str)
        .take_while(|line| line.trim().is_empty() || indentation(line) >= own)
        .collect();
    let Some(next) = block.first().map(|line| line.trim_start()) else {
        return false;
    };
    // `let z = x.map(…)`, `for z in x.map(…)`, `if let Some(z) = x.next()` are the same habit.
    let head = ["= ", " in ", "if ", "return "]
        .iter()
        .find_map(|before| Some(&next[next.find(before)? + before.len()..]))
        .filter(|head| begins_with(head, &it.pattern))
        .unwrap_or(next);
    let chained_below = block
        .get(1)
        .is_some_and(|line| line.trim_start().starts_with('.'));
    let is_chained = head
        .strip_prefix(it.pattern.as_str())
        .is_some_and(|rest| rest.starts_with('.') || (rest.is_empty() && chained_below));
    is_chained && uses(&block, &it.pattern) == 1
}

fn begins_with(text: &str, name: &str) -> bool {
    text.strip_prefix(name)
        .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
}

/// How often `name` is used in `block` until it is given to something else.
fn uses(block: &[&str], name: &str) -> usize {
    let mut count = 0;
    for line in block {
        let declared = line.trim_start().strip_prefix("let ");
        let renamed = declared.and_then(|it| it.trim_start_matches("mut ").split_once(" ="));
        match renamed {
            Some((pattern, value)) if pattern == name => {
                return count + usize::from(has_word(value, name));
            }
            _ => {
                count += line
                    .match_indices(name)
                    .filter(|(at, _)| is_word(line, *at, name))
                    .count()
            }
        }
    }
    count
}

/// Whether the `name` at `at` is a whole word, and no field or method.
fn is_word(line: &str, at: usize, name: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    !line[..at].ends_with(|c| part(c) || c == '.') && begins_with(&line[at..], name)
}

/// `let (a, b) = (c, d);`.
fn packed_tuples(source: &Source) -> Vec<Fault> {
    lets(source)
        .iter()
        .filter(|it| it.pattern.starts_with('(') && is_tuple(&it.value))
        .map(|it| source.fault(it.first, "a `let` for each: they are no pair"))
        .collect()
}

fn is_tuple(value: &str) -> bool {
    value.starts_with('(') && closing(value).is_some_and(|end| end + 1 == value.len())
}

/// The types that a line declares: `struct X`, or `X {` in an enum of `str_enum!`.
fn types(source: &Source) -> Vec<(usize, String)> {
    let keywords = ["struct ", "enum ", "trait ", "type ", "union "];
    let mut found = Vec::new();
    let mut in_str_enum = false;
    for (index, line) in source.production() {
        let declared = line.strip_prefix("pub(crate) ").unwrap_or(line);
        let declared = declared.strip_prefix("pub(super) ").unwrap_or(declared);
        let declared = declared.strip_prefix("pub ").unwrap_or(declared);
        let named = keywords
            .iter()
            .find_map(|keyword| declared.strip_prefix(keyword))
            .or_else(|| {
                line.strip_prefix("    ")
                    .filter(|it| in_str_enum && it.ends_with(" {"))
            });
        in_str_enum = (in_str_enum && line != "}") || line == "str_enum! {";
        let name: Option<String> = named.map(|name| {
            name.chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect()
        });
        found.extend(name.map(|name| (index, name)));
    }
    found
}

/// One name, one type: a reader who searches for it finds one.
fn shared_names(sources: &[Source]) -> Vec<Fault> {
    let mut first: HashMap<String, String> = HashMap::new();
    let mut faults = Vec::new();
    for source in sources {
        for (index, name) in types(source) {
            if SHARED_NAMES.iter().any(|(shared, _)| *shared == name) {
                continue;
            }
            let here = format!("{}:{}", source.path, index + 1);
            if let Some(other) = first.insert(name.clone(), here) {
                let advice = format!("`{name}` is another type at {other}: another name");
                faults.push(source.fault(index, advice));
            }
        }
    }
    faults
}

/// A number of a decision means something in ARCHITECTURE.md alone, which lists its own.
fn citations(source: &Source) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (index, line) in source.raw.iter().enumerate() {
        let cited = ELSEWHERE.iter().find(|paper| has_word(line, paper));
        if let Some(paper) = cited {
            let advice = format!("`{paper}` is not in the repository: say the reason itself");
            faults.push(source.fault(index, advice));
        }
        if cites_a_decision(line) {
            faults.push(source.fault(index, "say the reason, not the number of a decision"));
        }
    }
    faults
}

fn cites_a_decision(line: &str) -> bool {
    let lower = line.to_lowercase();
    ["decision ", "decisions "].iter().any(|word| {
        lower
            .split(word)
            .skip(1)
            .any(|after| after.starts_with(|c: char| c.is_ascii_digit()))
    })
}

/// Paths of this repository that `page` cites between backticks and that are not there, and names
/// that stand in none of the files.
fn dead_citations(page: &str, root: &Path, sources: &[Source]) -> Vec<String> {
    let names: HashSet<&str> = sources
        .iter()
        .flat_map(|source| &source.raw)
        .flat_map(|line| line.split(|c: char| !c.is_alphanumeric() && c != '_'))
        .collect();
    cited(page)
        .into_iter()
        .filter(|cited| {
            if cited.contains('/') {
                !root.join(cited).exists()
            } else {
                let name = cited.rsplit("::").next().unwrap_or(cited);
                !names.contains(name)
            }
        })
        .map(str::to_owned)
        .collect()
}

/// Paths and names between backticks; samples are left out.
fn cited(page: &str) -> Vec<&str> {
    let mut cited = Vec::new();
    let mut is_sample = false;
    for line in page.lines() {
        is_sample ^= line.starts_with("```");
        if !is_sample {
            let spans = line.split('`').skip(1).step_by(2);
            cited.extend(spans.filter_map(path_or_name));
        }
    }
    cited
}

/// `tests/run --help` cites a path, `cargo test` nothing.
fn path_or_name(span: &str) -> Option<&str> {
    let first = span.split_whitespace().next()?;
    let is_path = first.contains('/') && !first.starts_with('/');
    let is_name = first == span && !is_no_name(first.rsplit("::").next()?);
    (is_path || is_name).then_some(first)
}

/// Commands and fragments of code are no names.
fn is_no_name(text: &str) -> bool {
    text.is_empty() || !text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// What ships, and what tests it: but these two, which name what they forbid.
fn all_sources() -> Vec<Source> {
    let mut all = sources("src");
    all.extend(sources("tests").into_iter().filter(|source| {
        source.path != "tests/tidy.rs" && !source.path.starts_with("tests/tidy/")
    }));
    all
}

#[test]
fn chains_stand_in_one_piece() {
    assert_clean(&sources("src"), cut_chains);
}

#[test]
fn each_value_has_a_let_of_its_own() {
    assert_clean(&sources("src"), packed_tuples);
}

#[test]
fn each_type_has_a_name_of_its_own() {
    let faults: Vec<String> = shared_names(&sources("src"))
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn nothing_is_cited_that_is_not_here() {
    assert_clean(&all_sources(), citations);
}

#[test]
fn the_pages_for_contributors_cite_what_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources = [sources("src"), sources("tests")].concat();
    for page in ["src/STYLE.md", "tests/README.md"] {
        let text = fs::read_to_string(root.join(page)).expect("readable");
        let dead = dead_citations(&text, root, &sources);
        assert!(dead.is_empty(), "{page} cites what is not there: {dead:?}");
    }
}

/// The checks themselves, on snippets.
mod checks {
    use super::*;

    fn lines(check: fn(&Source) -> Vec<Fault>, content: &str) -> Vec<usize> {
        check(&Source::new("src/x.rs", content))
            .iter()
            .map(|fault| fault.line)
            .collect()
    }

    #[test]
    fn a_chain_cut_in_two_is_found() {
        for cut in [
            "let a = b.iter();\na.max()\n",
            "let mut a = b.iter();\na.any(|c| c)\n",
            "let a = b.iter();\nlet a = a.map(f);\na.len() + a.len()\n",
            "let a = b.c.values();\nlet d: Vec<_> = a.cloned().collect();\n",
            "let a = b\n    .iter()\n    .filter_map(|c| c.d());\na.max()\n",
            "let a = b.iter();\na\n    .map(f)\n    .max()\n",
            "let a = b.into_iter();\nfor c in a.filter(f) {\n}\n",
            "let mut a = b.iter();\nif a.any(f) {\n}\n",
        ] {
            assert_eq!(lines(cut_chains, cut), [1], "{cut}");
        }
    }

    #[test]
    fn an_iterator_that_is_used_twice_or_handed_on_has_a_name() {
        for fine in [
            "let mut a = b.split_whitespace();\nlet c = a.next();\nlet d = a.next();\n",
            "let a = b.iter();\nf(a.map(c), d)\n",
            "let a = b.iter();\nlet c = d();\na.max()\n",
            "let a = b.iter().max();\na.unwrap_or(0)\n",
            "let a = f(b.iter());\na.run()\n",
            "#[cfg(test)]\nmod tests {\n    fn f() {\n        let a = b.iter();\n        a.max()\n    }\n}\n",
        ] {
            assert_eq!(lines(cut_chains, fine), [0; 0], "{fine}");
        }
    }

    #[test]
    fn a_tuple_that_packs_is_found_and_one_that_is_a_value_is_not() {
        assert_eq!(lines(packed_tuples, "let (a, b) = (c(), d);"), [1]);
        assert_eq!(
            lines(packed_tuples, "let (mut a, b) =\n    (c(),\n    d);"),
            [1]
        );
        for fine in [
            "let (a, b) = c();",
            "let (a, b) = (c + d).split();",
            "let pair = (c, d);",
            "let Some((a, b)) = c else {\n    return;\n};",
        ] {
            assert_eq!(lines(packed_tuples, fine), [0; 0], "{fine}");
        }
    }

    #[test]
    fn two_types_of_one_name_are_found() {
        let shared = |one: &str, other: &str| {
            let files = [("src/a.rs", one), ("src/b.rs", other)];
            shared_names(&files.map(|(path, text)| Source::new(path, text))).len()
        };
        assert_eq!(shared("pub struct Entry {", "enum Entry {"), 1);
        assert_eq!(shared("pub(super) type Kind = u8;", "trait Kind {"), 1);
        assert_eq!(
            shared(
                "str_enum! {\n    Kind {\n        A = \"a\",\n    }\n}",
                "struct Kind;"
            ),
            1
        );
        assert_eq!(shared("struct Entry;", "struct Entries;"), 0);
        assert_eq!(shared("struct Entry;", "#[cfg(test)]\nstruct Entry;"), 0);
    }

    #[test]
    fn a_citation_of_another_paper_is_found() {
        for cited in [
            "/// As DESIGN says.",
            "// decision 17",
            "/// (Decisions 3, 4)",
            "// see research/x.md",
        ] {
            assert_eq!(lines(citations, cited), [1], "{cited}");
        }
        let fine =
            "// The decision stands in `judge.rs`.\n/// RFC 1939 section 3.\n// a designed thing";
        assert_eq!(lines(citations, fine), [0; 0]);
    }

    #[test]
    fn a_page_that_cites_what_is_not_there_is_found() {
        let source = [Source::new("src/x.rs", "pub struct Here;")];
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let page = "`src/lib.rs` has `Here`, `x::Here` and `cargo test`.\n```rust\nlet `Gone` = 1;\n```\n\
                    `src/gone.rs` has `Gone`.";
        assert_eq!(dead_citations(page, root, &source), ["src/gone.rs", "Gone"]);
    }
}
