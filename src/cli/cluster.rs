//! `popgate cluster`: the secret of several gates, the engine between them, and who they are.

use super::listing::OutputArgs;
use super::screen::{Screen, Tone};
use super::serve::{no_core_dump, runtime};
use super::table::{Cell, Column, TextTable};
use super::target::GateArgs;
use super::text::escaped;
use super::{ExitStatus, engine, print, refuse};
use crate::admin::model::{ClusterAnswer, ClusterInfo};
use crate::cluster::secret_file;
use crate::config::Config;
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};

/// Make the secret of several gates, examine the engine between them, and list them
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  popgate cluster secret /etc/popgate/cluster.secret
  popgate cluster check --config popgate.toml
  popgate cluster status")]
pub(super) struct ClusterArgs {
    #[command(subcommand)]
    command: ClusterCommand,
}

#[derive(Debug, Subcommand)]
enum ClusterCommand {
    Secret(SecretArgs),
    Check(CheckEngineArgs),
    Status(ClusterStatusArgs),
}

/// Make a secret for all gates of a cluster
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  popgate cluster secret /etc/popgate/cluster.secret

Copy the file to each gate and name it as secret_file of [cluster]. popgate must be able to read it:
where it runs as the user popgate, `chgrp popgate FILE && chmod 0640 FILE`.")]
struct SecretArgs {
    /// The file to make, with mode 0600; one that is there stays. Without it the secret is printed
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

/// Examine the Redis or Valkey that [cluster] names
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  popgate cluster check --config popgate.toml

It connects as popgate does, tries each command on keys below the prefix, and removes them.
`popgate check --engine` and `popgate doctor` say the same.

Exit codes: 0 it will do, possibly with warnings; 64 it will not, or the configuration is wrong;
69 it cannot be reached, or loads its data")]
struct CheckEngineArgs {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

/// List the gates of the cluster, as the running popgate sees them
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  popgate cluster status")]
struct ClusterStatusArgs {
    #[command(flatten)]
    target: GateArgs,
    #[command(flatten)]
    output: OutputArgs,
}

impl ClusterArgs {
    pub(super) fn run(&self) -> ExitStatus {
        if let Err(error) = no_core_dump() {
            return refuse(error, ExitStatus::Fault);
        }
        match &self.command {
            ClusterCommand::Secret(secret) => make_secret(secret.file.as_deref()),
            ClusterCommand::Check(check) => check_engine(&check.config),
            ClusterCommand::Status(status) => {
                let client = status.target.client();
                let answer = client.and_then(|gate| gate.get("/cluster", &[]));
                status.output.print(answer, shown)
            }
        }
    }
}

/// What is said of a gate without `[cluster]`.
pub(super) const ALONE: &str = "this gate is alone: it has no [cluster]";

/// A cluster, in a line.
pub(super) fn in_a_line(cluster: &ClusterInfo) -> String {
    let names = cluster.gates.iter().map(|gate| escaped(&gate.name));
    let names = names.collect::<Vec<_>>().join(", ");
    let state = state(cluster);
    match &*names {
        "" => state,
        names => format!("{state}; gates: {names}"),
    }
}

fn state(cluster: &ClusterInfo) -> String {
    match &cluster.why {
        Some(why) => format!("{}, {}", cluster.state, escaped(why)),
        None => cluster.state.clone(),
    }
}

const COLUMNS: &[Column] = &[
    Column::new("GATE", 0).cut_to(12),
    Column::new("ID", 1),
    Column::new("HERE", 2),
    Column::new("SETTINGS", 0),
];

fn shown(answer: &ClusterAnswer, screen: Screen) -> String {
    let Some(cluster) = &answer.cluster else {
        return ALONE.to_owned();
    };
    let rows = cluster.gates.iter().map(|gate| {
        let settings = match gate.settings_differ {
            true => Cell::toned("differ", Tone::Warning),
            false => Cell::from("as here"),
        };
        let here = if gate.here { "yes" } else { "-" };
        vec![
            Cell::from(&gate.name),
            Cell::from(&gate.id),
            here.into(),
            settings,
        ]
    });
    let table = TextTable::new(COLUMNS, rows.collect()).render(screen);
    format!("{}\n{table}", state(cluster))
}

fn make_secret(file: Option<&Path>) -> ExitStatus {
    let made = match file {
        Some(file) => secret_file::make(file)
            .map(|()| format!("made {}: copy it to all gates", file.display())),
        None => secret_file::random().map(|secret| secret.text().trim_end().to_owned()),
    };
    match made {
        Ok(said) => print(&said, ExitStatus::Done),
        Err(error) => refuse(error, ExitStatus::Usage),
    }
}

fn check_engine(path: &Path) -> ExitStatus {
    let config = match Config::load(path) {
        Ok(config) => config,
        Err(errors) => return refuse(errors, ExitStatus::Usage),
    };
    let Some(options) = &config.cluster else {
        let why = format!("{} has no [cluster]: this gate is alone", path.display());
        return refuse(why, ExitStatus::Usage);
    };
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => return refuse(error, ExitStatus::Fault),
    };
    match runtime.block_on(engine::examine(options)) {
        Ok(report) => print(&report, engine::exit_for(&report)),
        Err(error) => refuse(error, ExitStatus::Usage),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::model::GateInfo;

    const PLAIN: Screen = Screen {
        width: None,
        height: None,
        is_coloured: false,
    };

    #[test]
    fn a_cluster_is_told_with_why_and_which_gates_differ() {
        let gate = |name: &str, here, settings_differ| GateInfo {
            name: name.to_owned(),
            id: "0102030405060708".to_owned(),
            here,
            settings_differ,
        };
        let cluster = ClusterInfo {
            state: "degraded".to_owned(),
            why: Some("the engine is away\u{1b}".to_owned()),
            gates: vec![gate("pop1", true, false), gate("pop\u{1b}2", false, true)],
        };
        assert_eq!(
            in_a_line(&cluster),
            "degraded, the engine is away\\u{1b}; gates: pop1, pop\\u{1b}2"
        );
        let answer = ClusterAnswer {
            cluster: Some(cluster),
        };
        let told = shown(&answer, PLAIN);
        let lines: Vec<_> = told.lines().collect();
        assert_eq!(lines[0], "degraded, the engine is away\\u{1b}");
        let words = |line: &str| {
            line.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(words(lines[1]), ["GATE", "ID", "HERE", "SETTINGS"]);
        assert_eq!(
            words(lines[2]),
            ["pop1", "0102030405060708", "yes", "as", "here"]
        );
        assert_eq!(
            words(lines[3]),
            ["pop\\u{1b}2", "0102030405060708", "-", "differ"]
        );
        assert_eq!(lines.len(), 4);
    }
}
