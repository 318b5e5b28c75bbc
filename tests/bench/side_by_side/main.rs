//! popgate beside its peers: HAProxy in TCP mode, nginx mail, Dovecot's login proxy and Perdition,
//! all before one synthetic backend, each with the same load in turn.
//!
//! `tests/bench/peers` is the command; `cargo test --bench peers` looks at the pure parts.

#![allow(
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    reason = "figures are for people, and no runtime runs here"
)]

mod backend;
mod checks;
mod figures;
mod load;
mod options;
mod parts;
mod peers;
mod poller;
mod report;
mod slots;
mod smoke;

use options::{BACKEND_ROLE, HELP, Options};
use parts::Site;
use peers::{Grounds, Group, Kind};
use report::Surroundings;
use std::path::Path;
use std::process::ExitCode;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

const USAGE: u8 = 64;
const MANUAL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/manual");

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == BACKEND_ROLE) {
        return told(backend::serve());
    }
    if arguments
        .iter()
        .any(|argument| argument == "--help" || argument == "-h")
    {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    // Cargo says `--bench` when it is to measure.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return checks::run();
    }
    match Options::parse(&arguments) {
        Ok(options) => told(run(&options, &arguments)),
        Err(mistake) => {
            eprint!("{mistake}\n{HELP}");
            ExitCode::from(USAGE)
        }
    }
}

fn told<E: std::fmt::Display>(result: Result<(), E>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options, arguments: &[String]) -> Outcome<()> {
    Group::sweep();
    let mut site = Site {
        extent: options.extent(),
        kinds: present(&options.peers),
        grounds: Grounds::prepare(options.popgate.as_deref())?,
        figures: figures::Figures::default(),
    };
    for part in &options.parts {
        site.measure(*part);
    }
    let surroundings = Surroundings::look(options, arguments, &site);
    println!("\n{}", report::text(&site.figures, &surroundings));
    if let Some(folder) = &options.output {
        report::write(folder, &site.figures, &surroundings)?;
    }
    if options.is_manual {
        report::write_manual(Path::new(MANUAL), &site.figures, &surroundings)?;
    }
    match smoke::faults(&site.figures) {
        faults if options.is_smoke && !faults.is_empty() => Err(faults.join("\n").into()),
        _ => Ok(()),
    }
}

/// Those that are installed; of the others it is said.
fn present(wished: &[Kind]) -> Vec<Kind> {
    let is_present = |kind: &Kind| match kind.obstacle() {
        None => true,
        Some(obstacle) => {
            println!("{} is not measured: {obstacle}", kind.title());
            false
        }
    };
    wished.iter().copied().filter(is_present).collect()
}
