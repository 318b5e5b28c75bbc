//! `deploy/man` and `deploy/completions` are made of the definition of the command line:
//! `UPDATE_REFERENCE=1 cargo test --lib cli::reference` writes them anew.

use super::Cli;
use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// What fits in a man page of 80 columns.
const MAN_COLUMNS: usize = 73;

/// By path.
type Files = BTreeMap<PathBuf, Vec<u8>>;

#[test]
fn man_pages_are_those_of_the_commands() {
    let mut pages = Files::new();
    let mut root = Cli::command().disable_help_subcommand(true);
    root.build();
    add_pages(&root, &mut pages);
    assert_there("deploy/man", &pages);
}

#[test]
fn completions_are_those_of_the_commands() {
    let complete = |(file, shell): (&str, Shell)| {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), "popgate", &mut script);
        (PathBuf::from(file), script)
    };
    let scripts = [
        ("popgate.bash", Shell::Bash),
        ("_popgate", Shell::Zsh),
        ("popgate.fish", Shell::Fish),
    ];
    assert_there("deploy/completions", &scripts.map(complete).into());
}

#[test]
fn each_command_has_an_example_and_says_what_each_argument_is() {
    for command in Cli::command().get_subcommands() {
        let name = command.get_name();
        let help = command.get_after_help().map(ToString::to_string);
        let help = help.unwrap_or_default();
        assert!(help.contains("Example"), "{name} has no example");
        let examples: Vec<_> = help.lines().filter(|line| line.starts_with("  ")).collect();
        let is_shown = |line: &&str| line.contains(&format!("popgate {name}"));
        assert!(examples.iter().any(is_shown), "{name}: {examples:?}");
        let is_wide = |line: &&&str| line.len() > MAN_COLUMNS;
        assert_eq!(examples.iter().find(is_wide), None, "{name}");
        for argument in command.get_arguments() {
            assert!(
                argument.get_help().is_some(),
                "{name} {}",
                argument.get_id()
            );
        }
    }
}

#[test]
fn the_manual_has_each_command() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/manual/commands.md");
    let page = fs::read_to_string(page).unwrap();
    for command in Cli::command().get_subcommands() {
        let name = command.get_name();
        let cell = format!("`popgate {name}`");
        let is_there = page
            .lines()
            .any(|line| line.starts_with('|') && line.contains(&cell));
        assert!(is_there, "commands.md has no row for popgate {name}");
    }
}

/// Of a command and of those below it.
fn add_pages(command: &Command, pages: &mut Files) {
    add_page(command, pages);
    for below in command.get_subcommands() {
        add_pages(below, pages);
    }
}

fn add_page(command: &Command, pages: &mut Files) {
    let man = Man::new(command.clone())
        .source(concat!("popgate ", env!("CARGO_PKG_VERSION")))
        .manual("popgate manual");
    let mut page = Vec::new();
    man.render_title(&mut page).unwrap();
    man.render_name_section(&mut page).unwrap();
    man.render_synopsis_section(&mut page).unwrap();
    man.render_description_section(&mut page).unwrap();
    man.render_options_section(&mut page).unwrap();
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page).unwrap();
    }
    notes(command).to_writer(&mut page).unwrap();
    pages.insert(man.get_filename().into(), page);
}

/// What stands below the options: paragraphs to be filled, and examples as they are.
fn notes(command: &Command) -> Roff {
    let mut roff = Roff::new();
    let help = command.get_after_help().map(ToString::to_string);
    roff.control("SH", ["NOTES"]);
    for paragraph in help.unwrap_or_default().split("\n\n") {
        let is_example = paragraph.contains("\n  ");
        roff.control("PP", []);
        if is_example {
            roff.control("nf", []);
        }
        for line in paragraph.lines() {
            roff.text([roman(line)]);
        }
        if is_example {
            roff.control("fi", []);
        }
    }
    roff
}

/// The files of `folder` are these and no others.
fn assert_there(folder: &str, files: &Files) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    if env::var_os("UPDATE_REFERENCE").is_some() {
        // What is of a command that is no more goes with it.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        for (name, content) in files {
            fs::write(folder.join(name), content).unwrap();
        }
    }
    let mut found: Files = Files::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let entry = entry.unwrap();
        found.insert(entry.file_name().into(), fs::read(entry.path()).unwrap());
    }
    let names = |files: &Files| files.keys().cloned().collect::<Vec<_>>();
    let advice = "UPDATE_REFERENCE=1 cargo test --lib cli::reference writes them anew";
    assert_eq!(names(&found), names(files), "{advice}");
    for (name, content) in files {
        assert!(found[name] == *content, "{}: {advice}", name.display());
    }
}
