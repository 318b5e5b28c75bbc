//! A `sh` block: its commands are run, and what they print is compared with the sample behind it.

use crate::Outcome;
use crate::engine::Engine;
use crate::facts;
use crate::gate::{Gate, SERVE, ports_of_backend, write_configuration, write_header};
use crate::page::{Block, Page, in_package, masked, shows};
use crate::stage::{Stage, collect};
use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;

/// What a person types at a POP3 server.
const BY_HAND: &str = "USER ann@example.org\nPASS wonderland\nLIST\nRETR 1\nQUIT\n";

/// A `sh` block, and what it prints.
pub(crate) struct Script {
    /// The stage that it has.
    pub(crate) number: u8,
    pub(crate) page: Arc<Page>,
    pub(crate) block: Block,
    pub(crate) sample: Option<String>,
}

impl Script {
    pub(crate) fn run(&self, log_lines: &[String]) -> Outcome<()> {
        let stage = Stage::new(self.number)?;
        let has_engine = self.page.block("redis").is_some();
        let engine = if has_engine { "redis-server" } else { "" };
        if lacks_a_tool(&stage, &format!("{} {engine}", self.block.text))? {
            return Ok(());
        }
        write_configuration(&stage, &self.page)?;
        let _engine = match has_engine {
            true => Some(Engine::of(&stage, &self.page)?),
            false => None,
        };
        let mut printed = String::new();
        let gate = self.gate(&stage)?;
        for command in self.block.commands() {
            let command = with_target(&stage.here(command));
            match command.split(' ').collect::<Vec<_>>().as_slice() {
                ["cargo", "run", "--release", "--", "demo"] => printed += &demo(&stage, log_lines)?,
                ["cargo", "run", "--release", "--", "demo", "--duel"] => printed += &duel(&stage)?,
                ["cargo", "run", "--release", "--", "demo", "--busy"] => busy(&stage)?,
                ["popgate", "doctor", ..] => printed += &doctor(&stage, &command)?,
                ["popgate", "cluster", "secret", file] => {
                    // It makes what is not there.
                    fs::remove_file(stage.folder().join(file))?;
                    printed += &stage.run(&command, "")?;
                }
                ["popgate", "serve", ..] => drop(Gate::start(&stage, &command)?.stop()?),
                ["popgate", "check" | "classify" | "cluster", ..]
                | ["popgate", "blocks" | "release" | "reload" | "log", ..]
                | [
                    "popgate",
                    "status" | "locks" | "sessions" | "backends" | "tenants",
                    ..,
                ]
                | [
                    "popgate",
                    "explain" | "history" | "report" | "kick" | "pause" | "resume" | "drain",
                    ..,
                ]
                | ["printf" | "curl" | "promtool", ..] => printed += &stage.run(&command, "")?,
                ["tests/run"] => drop(stage.run(&in_package("tests/run --help"), "")?),
                _ => return Err(format!("no test knows how to run `{command}`").into()),
            }
        }
        if let Some(gate) = gate {
            // A drain has ended it.
            let ends = self.block.text.contains("popgate drain");
            gate.end(ends)?;
        }
        self.compare(&stage, &printed)
    }

    /// The gate that the commands talk to, where none of them starts one.
    fn gate(&self, stage: &Stage) -> Outcome<Option<Gate>> {
        let text = &self.block.text;
        let starts_one = text.contains(" demo");
        let asks_one = text.contains("curl ") || self.block.commands().any(asks_a_gate);
        let names = |words: &[&str]| words.iter().any(|it| text.contains(it));
        let gate = if names(&["popgate blocks", "/api/v1/blocks"]) {
            Gate::with_a_guesser(stage)?
        } else if names(&["popgate cluster status"]) {
            Gate::in_a_cluster(stage)?
        } else if names(&[
            "popgate locks",
            "popgate kick",
            "/api/v1/locks",
            "/api/v1/sessions/",
        ]) {
            Gate::with_a_waiter(stage)?
        } else if names(&["popgate history", "popgate report", "/api/v1/history"]) {
            Gate::with_a_past(stage)?
        } else if starts_one || !asks_one {
            return Ok(None);
        } else {
            Gate::start(stage, SERVE)?
        };
        if text.contains("-H @popgate.header") {
            write_header(stage)?;
        }
        Ok(Some(gate))
    }

    fn compare(&self, stage: &Stage, printed: &str) -> Outcome<()> {
        match &self.sample {
            None if self.block.kind == "sh cluster" => Ok(()),
            Some(sample) if shows(&stage.here(sample), printed) => Ok(()),
            None if printed.is_empty() => Ok(()),
            _ => Err(format!("other than in the sample, it prints:\n{printed}").into()),
        }
    }
}

/// Whether a command talks to a running popgate.
fn asks_a_gate(command: &str) -> bool {
    if command.starts_with("popgate cluster status") {
        return true;
    }
    const COMMANDS: [&str; 16] = [
        "status", "locks", "sessions", "backends", "tenants", "explain", "kick", "blocks",
        "release", "pause", "resume", "drain", "reload", "log", "history", "report",
    ];
    let mut words = command.split(' ');
    words.next() == Some("popgate") && words.next().is_some_and(|word| COMMANDS.contains(&word))
}

/// The configuration of a stage is not where a command looks by itself.
fn with_target(command: &str) -> String {
    let is_named = ["--config", "--admin", "--help"]
        .iter()
        .any(|it| command.contains(it));
    match asks_a_gate(command) && !is_named {
        true => format!("{command} --config popgate.toml"),
        false => command.to_owned(),
    }
}

/// The demo: what it prints, with each command in that run as printed; then its metrics and log.
fn demo(stage: &Stage, log_lines: &[String]) -> Outcome<String> {
    let demo = stage.start(&format!("popgate demo {}", stage.demo_ports()))?;
    let mut paragraphs = 0;
    let printed = collect(&demo.printed, |line| {
        paragraphs += usize::from(line.is_empty());
        paragraphs == 2
    })?;
    let (_, tries) = printed
        .split_once("\n\n")
        .ok_or("it prints nothing to try")?;
    for command in tries.lines().filter(|line| !line.starts_with('#')) {
        run_with_tools(stage, command, BY_HAND)?;
    }
    let metrics = stage.here("curl -s http://127.0.0.1:9110/metrics");
    facts::metrics_are_those_of_the_table(&run_with_tools(stage, &metrics, "")?)?;
    let log = demo.stop("-INT")?;
    let log: BTreeSet<String> = log.lines().map(masked).collect();
    let unseen = log_lines.iter().find(|line| !log.contains(&masked(line)));
    match unseen {
        Some(line) => Err(format!("the demo logs no such line: {line}\nbut {log:#?}").into()),
        None => Ok(printed),
    }
}

fn duel(stage: &Stage) -> Outcome<String> {
    let command = format!("popgate demo --duel {}", stage.demo_ports());
    let printed = stage.run(&command, "")?;
    let row = |name: &str| -> Option<Vec<&str>> {
        let line = printed.lines().find(|line| line.starts_with(name))?;
        Some(line[name.len()..].split_whitespace().collect())
    };
    let [Some(succeeded), Some(refused)] = ["sessions that succeeded", "lock errors"].map(row)
    else {
        return Err(format!("a line is missing:\n{printed}").into());
    };
    if succeeded.ends_with(&["8", "of", "8"]) && refused[0] != "0" && refused[1] == "0" {
        return Ok(printed);
    }
    Err(format!("popgate makes no difference:\n{printed}").into())
}

/// The demo that fills its own page: somebody waits, and the page is there.
fn busy(stage: &Stage) -> Outcome<()> {
    let demo = stage.start(&format!("popgate demo --busy {}", stage.demo_ports()))?;
    collect(&demo.printed, |line| line.contains("popgate top"))?;
    let admin = stage.here("http://127.0.0.1:9110");
    let waiting = format!("popgate locks --contended --json --admin {admin}");
    while stage.run(&waiting, "")?.contains("\"total\":0") {}
    let page = stage.run(&format!("curl -s {admin}/"), "")?;
    demo.stop("-INT")?;
    match page.contains("<title>popgate") {
        true => Ok(()),
        false => Err(format!("this is no page: {page}").into()),
    }
}

/// The doctor before a demo's server that refuses in words of its own.
fn doctor(stage: &Stage, command: &str) -> Outcome<String> {
    let refusal = "--refusal '-ERR Postfach belegt'";
    let ports = ports_of_backend(stage);
    let backend = stage.start(&format!("popgate demo {ports} {refusal}"))?;
    let guide = collect(&backend.printed, |line| line.contains(" -u "))?;
    let account = guide.split_once(" -u ").map(|(_, rest)| rest);
    let account = account.and_then(|rest| rest.split_once(' ')?.0.split_once(':'));
    let (user, password) = account.ok_or("the demo names no account")?;
    fs::write(stage.folder().join("password"), password)?;
    let printed = stage.run(&command.replace("test@example.com", user), "")?;
    backend.stop("-INT")?;
    Ok(printed)
}

/// Runs a command that the demo prints, unless this machine lacks what it needs.
fn run_with_tools(stage: &Stage, command: &str, input: &str) -> Outcome<String> {
    if lacks_a_tool(stage, command)? {
        return Ok(String::new());
    }
    stage.run(command, input)
}

/// A machine that lacks a program skips what needs it, aloud; where `CI=true` that fails.
pub(crate) fn lacks_a_tool(stage: &Stage, commands: &str) -> Outcome<bool> {
    let tools = [
        "curl",
        "python3",
        "openssl",
        "promtool",
        "redis-server",
        "haproxy",
    ];
    let is_missing = |tool: &&&str| {
        commands.contains(**tool) && stage.run(&format!("command -v {tool}"), "").is_err()
    };
    let Some(tool) = tools.iter().find(is_missing) else {
        return Ok(false);
    };
    if std::env::var("CI").is_ok_and(|ci| ci == "true") {
        return Err(format!("{tool} is not installed").into());
    }
    eprintln!("SKIPPED for want of {tool}: {commands}");
    Ok(true)
}
