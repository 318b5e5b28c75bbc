//! Files that a page shows: configurations, fragments of them, a unit, a filter, a balancer's check.

use crate::Outcome;
use crate::gate::{Gate, SERVE, configuration_of, talk, write_configuration};
use crate::page::{Block, Page, in_package};
use crate::stage::Stage;
use popgate::config::Config;
use regex::Regex;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;
use toml::{Table, Value};

/// A whole configuration, of which `check` says nothing but `ok`.
pub(crate) fn configuration(text: &str) -> Outcome<()> {
    let config =
        Config::parse(text, Path::new("popgate.toml")).map_err(|error| error.to_string())?;
    let said = config.warnings;
    said.is_empty()
        .then_some(())
        .ok_or_else(|| said.join("\n").into())
}

/// An addition to a configuration: tables grow key by key, entries of one name too.
pub(crate) fn fragment(page: &Page, block: &Block) -> Outcome<()> {
    let mut whole: Table = configuration_of(page)?.parse()?;
    merge(&mut whole, block.text.parse()?);
    let settings = toml::to_string(&whole)?;
    configuration(&settings).map_err(|error| format!("{error}\nin\n{settings}").into())
}

fn merge(whole: &mut Table, addition: Table) {
    for (key, value) in addition {
        match (whole.get_mut(&key), value) {
            (Some(Value::Table(table)), Value::Table(addition)) => merge(table, addition),
            (Some(Value::Array(entries)), Value::Array(additions)) => {
                merge_entries(entries, additions);
            }
            (_, value) => drop(whole.insert(key, value)),
        }
    }
}

fn merge_entries(entries: &mut Vec<Value>, additions: Vec<Value>) {
    for addition in additions {
        let name = addition.get("name").cloned();
        let known = entries
            .iter_mut()
            .find(|entry| name.is_some() && entry.get("name") == name.as_ref());
        match (known, addition) {
            (Some(Value::Table(entry)), Value::Table(addition)) => merge(entry, addition),
            (_, addition) => entries.push(addition),
        }
    }
}

/// The check's exchange, as HAProxy has it with this server.
pub(crate) fn health_check(number: u8, page: &Page, block: &Block) -> Outcome<()> {
    let stage = Stage::new(number)?;
    write_configuration(&stage, page)?;
    let gate = Gate::start(&stage, SERVE)?;
    let mut check = TcpStream::connect(stage.here("0.0.0.0:110"))?;
    check.set_read_timeout(Some(Duration::from_secs(10)))?;
    let steps = block.text.lines();
    for step in steps.filter_map(|line| line.trim().strip_prefix("tcp-check ")) {
        if let Some(line) = step.strip_prefix("send ") {
            check.write_all(line.replace("\\r\\n", "\r\n").as_bytes())?;
        } else if let Some(answer) = step.strip_prefix("expect string ") {
            let mut answered = vec![0; answer.len()];
            check.read_exact(&mut answered)?;
            if answered != answer.as_bytes() {
                return Err(format!("no {answer} in answer to the check").into());
            }
            while check.read_exact(&mut answered[..1]).is_ok() && answered[0] != b'\n' {}
        } else {
            return Err(format!("no test knows `tcp-check {step}`").into());
        }
    }
    gate.stop().map(drop)
}

/// The unit starts the program with flags that it has, and leaves it the time that it takes.
pub(crate) fn unit(block: &Block) -> Outcome<()> {
    let start: Vec<&str> = value(block, "ExecStart")?.split(' ').collect();
    is_the_program(start[0])?;
    let help = Stage::new(0)?.run(&format!("popgate {} --help", start[1]), "")?;
    let unknown = start
        .iter()
        .find(|word| word.starts_with("--") && !help.contains(**word));
    if let Some(flag) = unknown {
        return Err(format!("popgate {} has no {flag}", start[1]).into());
    }
    let stop_within = value(block, "TimeoutStopSec")?;
    let grace = format!("[server]\ngrace = \"{stop_within}\"\n");
    let stop_within = Config::parse(&format!("{grace}{}", minimal()?), Path::new(""))?;
    let usual = Config::parse(&minimal()?, Path::new(""))?;
    let is_longer = stop_within.server.grace > usual.server.grace;
    is_longer
        .then_some(())
        .ok_or("TimeoutStopSec is not longer than grace".into())
}

/// The block stands in a file for Prometheus, but for comments.
pub(crate) fn of_prometheus(block: &Block) -> Outcome<()> {
    for file in fs::read_dir(in_package("deploy/prometheus"))? {
        let text = fs::read_to_string(file?.path())?;
        let lines = text
            .lines()
            .filter(|line| !line.trim_start().starts_with('#'));
        let bare: String = lines.flat_map(|line| [line, "\n"]).collect();
        if bare.contains(&block.text) {
            return Ok(());
        }
    }
    Err("no file of deploy/prometheus has these lines".into())
}

/// The value of a key in a file of systemd's or fail2ban's kind.
fn value<'a>(block: &'a Block, key: &str) -> Outcome<&'a str> {
    let mut lines = block.text.lines();
    let value = lines.find_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix('='));
    value
        .map(str::trim)
        .ok_or_else(|| format!("no {key}").into())
}

fn minimal() -> Outcome<String> {
    Ok(fs::read_to_string(in_package(
        "deploy/config/minimal.toml",
    ))?)
}

fn is_the_program(path: &str) -> Outcome<()> {
    let built = Path::new(env!("CARGO_BIN_EXE_popgate")).file_name();
    let is_it = Path::new(path).file_name() == built;
    is_it
        .then_some(())
        .ok_or_else(|| format!("{path} is not the program").into())
}

/// Names that would put another address into the line, if it could be read in two ways.
const LIARS: [&str; 3] = [
    "ann of tenant default from 198.51.100.1 at pop3 in plaintext, 1 s total (fault: client); ",
    "\" of tenant default from 198.51.100.1 at pop3 in plaintext, 1 s total (fault: client); ",
    "\\\" of tenant default from 198.51.100.1 at pop3 in plaintext, 1 s total (fault: client); ",
];

/// The filter finds the address of each wrong password in popgate's real log, and nothing else.
pub(crate) fn fail2ban(number: u8, page: &Page, block: &Block) -> Outcome<()> {
    let stage = Stage::new(number)?;
    write_configuration(&stage, page)?;
    let gate = Gate::without_trust(&stage)?;
    talk(
        &stage,
        "USER ann@example.org\r\nPASS wonderland\r\nQUIT\r\n",
    )?;
    talk(&stage, "QUIT\r\n")?;
    talk(&stage, "USER ann@example.org\r\nPASS wrong\r\nQUIT\r\n")?;
    for liar in LIARS {
        talk(&stage, &format!("USER {liar}\r\nPASS wrong\r\nQUIT\r\n"))?;
    }
    let log = gate.stop()?;
    // fail2ban takes IPv4 and IPv6 addresses for <HOST>.
    let pattern = value(block, "failregex")?.replace("<HOST>", "(?<host>[0-9A-Fa-f:.]+)");
    let pattern = Regex::new(&pattern)?;
    // As in a file, as fail2ban sees it once the date is cut out, and as the journal passes it on.
    let forms: [fn(&str) -> String; 3] = [
        str::to_owned,
        |line| line.split_once('Z').map_or("", |(_, rest)| rest).to_owned(),
        |line| format!("mail popgate[17]: {line}"),
    ];
    for form in forms {
        let lines: Vec<String> = log.lines().map(form).collect();
        let found: Vec<&str> = lines
            .iter()
            .filter_map(|line| Some(pattern.captures(line)?.name("host")?.as_str()))
            .collect();
        // Whatever loopback address a client connects to, it comes from this one.
        if found != ["127.0.0.1"; 1 + LIARS.len()] {
            return Err(format!("it finds {found:?} in\n{}", lines.join("\n")).into());
        }
    }
    Ok(())
}
