//! The command line: one file a command.

mod backends;
mod blocks;
mod check;
mod classify;
mod client;
mod cluster;
mod demo;
mod doctor;
mod drain;
mod engine;
mod explain;
mod history;
mod kick;
mod listing;
mod locks;
mod log;
mod pause;
#[cfg(test)]
mod reference;
mod release;
mod reload;
mod report;
mod screen;
mod serve;
mod sessions;
mod status;
mod table;
mod target;
mod tenants;
mod text;
mod top;
mod units;
mod when;

use clap::{Command, CommandFactory, Parser, Subcommand};
use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

/// POP3 proxy that queues concurrent logins to the same mailbox.
#[derive(Debug, Parser)]
#[command(
    version,
    about,
    after_help = "\
Exit codes: 0 done; 64 wrong configuration or usage; 69 popgate or a backend is not available;
70 internal error. `popgate COMMAND --help` has an example of each command."
)]
struct Cli {
    #[command(subcommand)]
    command: CliCommand,
}

#[derive(Debug, Subcommand)]
enum CliCommand {
    Serve(serve::ServeArgs),
    Check(check::CheckArgs),
    Doctor(doctor::DoctorArgs),
    Demo(demo::DemoArgs),
    Classify(classify::ClassifyArgs),
    Cluster(cluster::ClusterArgs),
    Status(status::StatusArgs),
    Locks(locks::LocksArgs),
    Top(top::TopArgs),
    Sessions(sessions::SessionsArgs),
    Backends(backends::BackendsArgs),
    Tenants(tenants::TenantsArgs),
    Explain(explain::ExplainArgs),
    History(history::HistoryArgs),
    Report(report::ReportArgs),
    Kick(kick::KickArgs),
    Blocks(blocks::BlocksArgs),
    Release(release::ReleaseArgs),
    Pause(pause::PauseArgs),
    Resume(pause::ResumeArgs),
    Drain(drain::DrainArgs),
    Reload(reload::ReloadArgs),
    Log(log::LogArgs),
}

/// How a command ends, as the exit codes of `sysexits.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitStatus {
    /// Done.
    Done = 0,
    /// Bad configuration or usage.
    Usage = 64,
    /// popgate or a backend is not available.
    Unavailable = 69,
    /// An internal error.
    Fault = 70,
}

impl From<ExitStatus> for ExitCode {
    fn from(exit: ExitStatus) -> Self {
        Self::from(exit as u8)
    }
}

/// All commands with their options, as they are parsed.
#[must_use]
pub fn command() -> Command {
    Cli::command()
}

/// Runs the command that the arguments name.
#[must_use]
pub fn main() -> ExitCode {
    let exit = match Cli::try_parse() {
        Ok(cli) => cli.command.run(),
        Err(error) => explain_usage(&error),
    };
    exit.into()
}

impl CliCommand {
    fn run(&self) -> ExitStatus {
        match self {
            Self::Serve(serve) => serve.run(),
            Self::Check(check) => check.run(),
            Self::Doctor(doctor) => doctor.run(),
            Self::Demo(demo) => demo.run(),
            Self::Classify(classify) => classify.run(),
            Self::Cluster(cluster) => cluster.run(),
            Self::Status(status) => status.run(),
            Self::Locks(locks) => locks.run(),
            Self::Top(top) => top.run(),
            Self::Sessions(sessions) => sessions.run(),
            Self::Backends(backends) => backends.run(),
            Self::Tenants(tenants) => tenants.run(),
            Self::Explain(explain) => explain.run(),
            Self::History(history) => history.run(),
            Self::Report(report) => report.run(),
            Self::Kick(kick) => kick.run(),
            Self::Blocks(blocks) => blocks.run(),
            Self::Release(release) => release.run(),
            Self::Pause(pause) => pause.run(),
            Self::Resume(resume) => resume.run(),
            Self::Drain(drain) => drain.run(),
            Self::Reload(reload) => reload.run(),
            Self::Log(log) => log.run(),
        }
    }
}

/// Help and version come as errors too, but are what was asked for.
fn explain_usage(error: &clap::Error) -> ExitStatus {
    let exit = if error.use_stderr() {
        ExitStatus::Usage
    } else {
        ExitStatus::Done
    };
    written(error.print(), exit)
}

/// Prints to standard output; `exit` is how the command ends if that goes well.
fn print(text: impl fmt::Display, exit: ExitStatus) -> ExitStatus {
    let mut out = io::stdout().lock();
    let result = writeln!(out, "{text}").and_then(|()| out.flush());
    written(result, exit)
}

/// Ends as `exit` says, with `error` on standard error.
fn refuse(error: impl fmt::Display, exit: ExitStatus) -> ExitStatus {
    written(writeln!(io::stderr(), "{error}"), exit)
}

/// A reader that has seen enough (`popgate check | head -1`) is no fault.
fn written(result: io::Result<()>, exit: ExitStatus) -> ExitStatus {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => ExitStatus::Fault,
        _ => exit,
    }
}
