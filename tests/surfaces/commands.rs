//! Each command and each of its options is in the manual, a man page and the completions.

use crate::{assert_none, has_word, manual, read};
use clap::Command;
use popgate::cli;

const COMPLETIONS: [&str; 3] = ["popgate.bash", "_popgate", "popgate.fish"];

/// Commands that stand below another one come as `pause tenant`.
fn leaves(command: &Command, name: &str) -> Vec<(String, Command)> {
    let subcommands = command
        .get_subcommands()
        .filter(|it| it.get_name() != "help");
    let below: Vec<_> = subcommands
        .flat_map(|it| leaves(it, format!("{name} {}", it.get_name()).trim()))
        .collect();
    if below.is_empty() {
        vec![(name.to_owned(), command.clone())]
    } else {
        below
    }
}

fn commands() -> Vec<(String, Command)> {
    leaves(&cli::command(), "")
}

fn options(command: &Command) -> Vec<String> {
    let arguments = command.get_arguments().filter(|it| !it.is_hide_set());
    arguments
        .filter_map(|it| Some(format!("--{}", it.get_long()?)))
        .filter(|option| option != "--help" && option != "--version")
        .collect()
}

#[test]
fn the_manual_has_each_command() {
    let page = manual("commands.md");
    let missing: Vec<String> = commands()
        .into_iter()
        .map(|(name, _)| format!("popgate {name}"))
        .filter(|command| !has_word(&page, command))
        .collect();
    assert_none(&missing);
}

#[test]
fn each_command_has_a_man_page_with_each_option() {
    let mut missing = Vec::new();
    for (name, command) in commands() {
        let file = format!("deploy/man/popgate-{}.1", name.replace(' ', "-"));
        // In troff a hyphen is written so.
        let page = read(&file).replace("\\-", "-");
        let unknown = options(&command)
            .into_iter()
            .filter(|it| !page.contains(it));
        missing.extend(unknown.map(|option| format!("{file}: {option}")));
    }
    assert_none(&missing);
}

#[test]
fn the_completions_know_each_command_and_each_option() {
    let mut missing = Vec::new();
    for file in COMPLETIONS {
        let script = read(&format!("deploy/completions/{file}"));
        for (name, command) in commands() {
            let words = name.split(' ').map(str::to_owned).chain(options(&command));
            let unknown = words.filter(|word| !script.contains(word.trim_start_matches('-')));
            missing.extend(unknown.map(|word| format!("{file}: {word} of popgate {name}")));
        }
    }
    assert_none(&missing);
}
