//! The README and the manual against the program: each command is run, each sample compared with
//! what comes, each configuration read, each link followed, each table and quoted answer looked up.
//!
//! The word behind a fence says what a block is:
//!
//! | fence | what is done with it |
//! |---|---|
//! | `sh` | run; a `text` block right behind it is what it prints |
//! | `sh install` | a step that `tests/install/run` walks as root; in the README, a line of one |
//! | `sh cluster` | run beside the engine of the page's `redis` block, for its success alone |
//! | `redis`, `redis replicated` | what an engine is started with, and each of several |
//! | `sentinel`, `toml sentinels` | three Sentinels, and what a gate has to find them |
//! | `text acl` | the line that makes popgate's user at the engine |
//! | `text gates` | the drawing of several gates |
//! | `toml` | a whole configuration, and that of the page's commands (else the README's) |
//! | `toml fragment` | read together with that configuration |
//! | `yaml` | lines of a file in `deploy/prometheus` |
//! | `ini` | a unit of systemd |
//! | `ini fail2ban` | a filter, tried on popgate's log |
//! | `haproxy` | a health check, played to popgate |
//! | `haproxy site` | a whole configuration, as the Compose file has it |
//! | `text log` | lines of the demo's log |
//! | `text order` | the drawing of the order of checks |
//!
//! A block under `<!-- not run: REASON -->` is left alone; any other kind fails, and so does a
//! command that nothing here knows how to run. Addresses are moved as [`Stage::here`] says; numbers
//! and times in samples may differ.

mod engine;
mod facts;
mod files;
mod gate;
mod page;
mod script;
mod stage;

use libtest_mimic::{Arguments, Trial};
use page::Page;
use script::Script;
use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let pages: Vec<Arc<Page>> = match Page::all() {
        Ok(pages) => pages.into_iter().map(Arc::new).collect(),
        Err(error) => {
            eprintln!("the pages cannot be read: {error}");
            return ExitCode::FAILURE;
        }
    };
    let mut trials = facts_of(&pages);
    trials.extend(blocks_of(&pages));
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Trials of all pages together.
fn facts_of(pages: &[Arc<Page>]) -> Vec<Trial> {
    let of_pages = |name: &str, test: fn(&[Arc<Page>]) -> Outcome<()>| {
        let pages = pages.to_vec();
        Trial::test(name, move || Ok(test(&pages)?))
    };
    let of_one = |name: &str, test: fn() -> Outcome<()>| Trial::test(name, move || Ok(test()?));
    vec![
        of_one("samples can differ, and pages are understood", readers_work),
        of_pages("links and named files are there", facts::links),
        of_pages("the index names each page", facts::index_is_complete),
        of_pages("the README is short, lines are not too wide", facts::sizes),
        of_pages(
            "few samples are not run, and say why",
            facts::few_are_not_run,
        ),
        of_pages("quoted answers are the program's own", facts::answers),
        of_one(
            "explained errors are the program's own",
            facts::errors_are_the_programs,
        ),
        of_one(
            "ends are those of the table",
            facts::ends_are_those_of_the_table,
        ),
        of_one("defaults are those of the table", || {
            facts::defaults_are_those_of_the_table(254)
        }),
    ]
}

/// A trial for each fenced block.
fn blocks_of(pages: &[Arc<Page>]) -> Vec<Trial> {
    let all = pages.iter().flat_map(|page| page.blocks());
    let log_lines: Vec<String> = all
        .filter(|block| block.kind == "text log")
        .map(|block| block.text)
        .collect();
    let mut trials = Vec::new();
    // Each has a stage of its own.
    let mut number = 0;
    for page in pages {
        let mut blocks = page.blocks().into_iter().peekable();
        while let Some(block) = blocks.next() {
            number += 1;
            let name = format!("{} line {}, {}", page.path, block.line, block.kind);
            let page = Arc::clone(page);
            if block.not_run.is_some() {
                // Nothing prints what it shows.
                blocks.next_if(|next| block.kind == "sh" && next.kind == "text");
                continue;
            }
            let is_readme = page.path == "README.md";
            let test: Box<dyn FnOnce() -> Outcome<()> + Send> = match block.kind.as_str() {
                "sh" | "sh cluster" => {
                    let sample = blocks.next_if(|next| next.kind == "text");
                    let sample = sample.map(|sample| sample.text);
                    let script = Script {
                        number,
                        page,
                        block,
                        sample,
                    };
                    let log_lines = log_lines.clone();
                    Box::new(move || script.run(&log_lines))
                }
                "sh install" if is_readme => Box::new(move || facts::steps_of_install(&block)),
                // Walked by `tests/install/run`, as root and in a root of its own; the demo's script
                // looks for the log lines.
                "sh install" if page.path == "deploy/manual/install.md" => continue,
                // What other blocks of the page are run beside.
                "redis" | "redis replicated" | "sentinel" => continue,
                "toml sentinels" => Box::new(move || engine::sentinels(number, &page, &block)),
                "text acl" => Box::new(move || engine::line_is_popgates(&block)),
                "text gates" => Box::new(move || engine::drawing_has_each_part(&block)),
                "haproxy site" => Box::new(move || engine::balancer(number, &block)),
                "text log" => continue,
                "toml" => Box::new(move || files::configuration(&block.text)),
                "toml fragment" => Box::new(move || files::fragment(&page, &block)),
                "yaml" => Box::new(move || files::of_prometheus(&block)),
                "ini" => Box::new(move || files::unit(&block)),
                "ini fail2ban" => Box::new(move || files::fail2ban(number, &page, &block)),
                "haproxy" => Box::new(move || files::health_check(number, &page, &block)),
                "text order" => Box::new(move || facts::drawing_has_each_rule(&block)),
                _ => Box::new(|| Err("no test for this kind".into())),
            };
            trials.push(Trial::test(name, move || Ok(test()?)));
        }
    }
    trials
}

fn readers_work() -> Outcome<()> {
    let work =
        page::numbers_and_times_may_differ_and_nothing_else() && page::pages_are_understood();
    work.then_some(())
        .ok_or("all samples look alike, or pages are misread".into())
}
