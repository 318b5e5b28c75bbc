//! The README against the program: each command is run, each sample compared with what comes,
//! each configuration read, each table and quoted answer looked up.
//!
//! A `text` block right behind a `sh` block is what its commands print; any other is a line of
//! the demo's log. Addresses are moved as [`Stage::here`] says; numbers and times in samples may
//! differ. A command that nothing here knows how to run fails.

mod page;
mod stage;

use libtest_mimic::{Arguments, Trial};
use page::{Block, blocks, masked, quoted, shows, table};
use popgate::config::Config;
use popgate::demo::certificate::self_signed;
use stage::{Running, Stage, collect};
use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const PAGE: &str = include_str!("../../README.md");

const SERVE: &str = "popgate serve --config popgate.toml";

/// What a person types at a POP3 server.
const BY_HAND: &str = "USER ann@example.org\nPASS wonderland\nLIST\nRETR 1\nQUIT\n";

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    libtest_mimic::run(&arguments, trials()).exit_code()
}

fn trials() -> Vec<Trial> {
    let mut trials = vec![
        Trial::test("samples can differ", || Ok(samples_can_differ()?)),
        Trial::test("files that are named are there", || Ok(files()?)),
        Trial::test("quoted answers are the program's own", || Ok(answers()?)),
    ];
    let mut blocks = (1..).zip(blocks(PAGE)).peekable();
    let mut log_lines = Vec::new();
    let mut scripts = Vec::new();
    while let Some((number, block)) = blocks.next() {
        let name = format!("line {}, {}", block.line, block.kind);
        match block.kind.as_str() {
            "sh" => {
                let sample = blocks.next_if(|(_, next)| next.kind == "text");
                let sample = sample.map(|(_, sample)| sample.text);
                scripts.push((
                    name,
                    Script {
                        number,
                        block,
                        sample,
                    },
                ));
            }
            "toml" => trials.push(Trial::test(name, move || Ok(configuration(&block)?))),
            "ini" => trials.push(Trial::test(name, move || Ok(unit(&block)?))),
            "haproxy" => {
                let check = move || Ok(health_check(number, &block)?);
                trials.push(Trial::test(name, check));
            }
            "text" => log_lines.push(block.text),
            // Walked by `tests/install/run`, as root and in a root of its own.
            "sh install" => {}
            _ => trials.push(Trial::test(name, || Err("no test for this kind".into()))),
        }
    }
    let scripts = scripts.into_iter().map(|(name, script)| {
        let log_lines = log_lines.clone();
        Trial::test(name, move || Ok(script.run(&log_lines)?))
    });
    trials.extend(scripts);
    trials
}

/// A `sh` block, and what it prints.
struct Script {
    number: u8,
    block: Block,
    sample: Option<String>,
}

impl Script {
    fn run(&self, log_lines: &[String]) -> Outcome<()> {
        let stage = Stage::new(self.number)?;
        write_configuration(&stage)?;
        let mut printed = String::new();
        let gate = self.gate(&stage)?;
        for command in self.block.commands() {
            match command.split(' ').collect::<Vec<_>>().as_slice() {
                ["cargo", "run", "--release", "--", "demo"] => printed += &demo(&stage, log_lines)?,
                ["cargo", "run", "--release", "--", "demo", "--duel"] => printed += &duel(&stage)?,
                ["popgate", "doctor", ..] => printed += &doctor(&stage, command)?,
                ["popgate", "check" | "classify", ..]
                | ["popgate", "blocks" | "release" | "reload", ..]
                | ["printf", ..] => printed += &stage.run(command, "")?,
                ["curl", ..] => printed += &run_with_tools(&stage, &stage.here(command), "")?,
                ["tests/run"] => drop(stage.run(&in_package("tests/run --help"), "")?),
                _ => return Err(format!("no test knows how to run `{command}`").into()),
            }
        }
        gate.map_or(Ok(()), Gate::stop)?;
        self.compare(&printed)
    }

    /// The gate that the commands talk to, where none of them starts one.
    fn gate(&self, stage: &Stage) -> Outcome<Option<Gate>> {
        let text = &self.block.text;
        let starts_one = text.contains(" demo");
        let asks_one = ["popgate reload", "curl "]
            .iter()
            .any(|it| text.contains(it));
        if text.contains("popgate blocks") {
            return Gate::with_a_guesser(stage).map(Some);
        }
        if starts_one || !asks_one {
            return Ok(None);
        }
        Gate::start(stage, SERVE).map(Some)
    }

    fn compare(&self, printed: &str) -> Outcome<()> {
        match &self.sample {
            Some(sample) if shows(sample, printed) => Ok(()),
            None if printed.is_empty() => Ok(()),
            _ => Err(format!("other than in the sample, it prints:\n{printed}").into()),
        }
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
    metrics_are_those_of_the_table(&run_with_tools(stage, &metrics, "")?)?;
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

/// `popgate serve` with a demo's server behind it.
struct Gate {
    gate: Running,
    backend: Running,
}

impl Gate {
    fn start(stage: &Stage, command: &str) -> Outcome<Self> {
        let backend = stage.here("10.0.0.5:110");
        let free = stage.here("127.0.0.1:0");
        let ports = format!("--pop3 {free} --pop3s {free} --metrics {free} --backend {backend}");
        let backend = stage.start(&format!("popgate demo {ports}"))?;
        collect(&backend.printed, str::is_empty)?;
        let gate = stage.start(command)?;
        gate.await_notice("READY=1")?;
        collect(&gate.logged, |line| line.contains("backend is up"))?;
        Ok(Self { gate, backend })
    }

    /// One that does not trust this machine, and on whose block list somebody on it stands.
    fn with_a_guesser(stage: &Stage) -> Outcome<Self> {
        let file = stage.folder().join("popgate.toml");
        let settings = "[server]\ntrusted_networks = []\n\
            [defaults]\ncleartext = \"always\"\nfailures = { delay = \"0s\" }\n";
        fs::write(&file, settings.to_owned() + &fs::read_to_string(&file)?)?;
        let gate = Self::start(stage, SERVE)?;
        for number in 0..10 {
            let mut client = TcpStream::connect(stage.here("0.0.0.0:110"))?;
            let guess = format!("USER ann@example.org\r\nPASS wrong-{number}\r\nQUIT\r\n");
            client.write_all(guess.as_bytes())?;
            let mut answers = String::new();
            client.read_to_string(&mut answers)?;
        }
        Ok(gate)
    }

    /// With the signals of the README's table.
    fn stop(self) -> Outcome<()> {
        self.gate.signal("-HUP")?;
        collect(&self.gate.logged, |line| {
            line.contains("reloaded, nothing changed")
        })?;
        self.gate.signal("-TERM")?;
        self.gate.await_notice("STOPPING=1")?;
        self.gate.stop("-TERM")?;
        self.backend.stop("-INT")?;
        Ok(())
    }
}

/// The doctor before a demo's server that refuses in words of its own.
fn doctor(stage: &Stage, command: &str) -> Outcome<String> {
    let backend = stage.here("10.0.0.5:110");
    let free = stage.here("127.0.0.1:0");
    let ports = format!("--pop3 {free} --pop3s {free} --metrics {free} --backend {backend}");
    let refusal = "--refusal '-ERR Postfach belegt'";
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

/// The README's configuration and the files that it names.
fn write_configuration(stage: &Stage) -> Outcome<()> {
    let (certificate, key) = self_signed()?;
    let file = |name: &str| stage.folder().join(name);
    fs::write(file("fullchain.pem"), certificate)?;
    fs::write(file("privkey.pem"), key.as_bytes())?;
    let blocks = blocks(PAGE);
    let toml = blocks.iter().find(|block| block.kind == "toml");
    let toml = toml.ok_or("no configuration in the README")?;
    fs::write(file("popgate.toml"), stage.here(&toml.text))?;
    Ok(())
}

/// A machine that lacks a program skips what needs it, aloud; where `CI=true` that fails.
fn run_with_tools(stage: &Stage, command: &str, input: &str) -> Outcome<String> {
    let tools = ["curl", "python3", "openssl"];
    for tool in tools.iter().filter(|tool| command.contains(**tool)) {
        if stage.run(&format!("command -v {tool}"), "").is_ok() {
            continue;
        }
        if std::env::var("CI").is_ok_and(|ci| ci == "true") {
            return Err(format!("{tool} is not installed").into());
        }
        eprintln!("SKIPPED for want of {tool}: {command}");
        return Ok(String::new());
    }
    stage.run(command, input)
}

fn configuration(block: &Block) -> Outcome<()> {
    let config =
        Config::parse(&block.text, Path::new("popgate.toml")).map_err(|error| error.to_string())?;
    let said = [config.warnings, config.inactive].concat();
    said.is_empty()
        .then_some(())
        .ok_or_else(|| said.join("\n").into())
}

/// The check's exchange, as HAProxy has it with this server.
fn health_check(number: u8, block: &Block) -> Outcome<()> {
    let stage = Stage::new(number)?;
    write_configuration(&stage)?;
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
    gate.stop()
}

/// The unit starts the program with flags that it has, and leaves it the time that it takes.
fn unit(block: &Block) -> Outcome<()> {
    let value = |key: &str| {
        let mut lines = block.text.lines();
        let value = lines.find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        value.ok_or_else(|| format!("no {key}"))
    };
    let start: Vec<&str> = value("ExecStart")?.split(' ').collect();
    is_the_program(start[0])?;
    let help = Stage::new(0)?.run(&format!("popgate {} --help", start[1]), "")?;
    let unknown = start
        .iter()
        .find(|word| word.starts_with("--") && !help.contains(**word));
    if let Some(flag) = unknown {
        return Err(format!("popgate {} has no {flag}", start[1]).into());
    }
    let grace = "[server]\ngrace = \"".to_owned() + value("TimeoutStopSec")? + "\"\n";
    let stop_within = Config::parse(&format!("{grace}{}", minimal()?), Path::new(""))?;
    let usual = Config::parse(&minimal()?, Path::new(""))?;
    let is_longer = stop_within.server.grace > usual.server.grace;
    is_longer
        .then_some(())
        .ok_or("TimeoutStopSec is not longer than grace".into())
}

fn minimal() -> Outcome<String> {
    Ok(fs::read_to_string(in_package(
        "deploy/config/minimal.toml",
    ))?)
}

/// Every family, with its labels, stands in the table, and no other does.
fn metrics_are_those_of_the_table(page: &str) -> Outcome<()> {
    let told: BTreeSet<_> = table(PAGE, "metric")
        .iter()
        .map(|row| (row[1].trim_matches('`').to_owned(), words(&row[2])))
        .collect();
    let prefix = "# TYPE popgate_";
    let families = page.lines().filter_map(|line| line.strip_prefix(prefix));
    let families = families.filter_map(|rest| rest.split(' ').next());
    let there: BTreeSet<_> = families
        .map(|name| (name.to_owned(), labels(page, name)))
        .collect();
    let differ: Vec<_> = told.symmetric_difference(&there).collect();
    differ
        .is_empty()
        .then_some(())
        .ok_or_else(|| format!("the table or /metrics alone has {differ:#?}").into())
}

fn words(cell: &str) -> BTreeSet<String> {
    let words = cell.split(", ").filter(|word| !word.is_empty());
    words.map(str::to_owned).collect()
}

/// The label names of a family's first series.
fn labels(page: &str, family: &str) -> BTreeSet<String> {
    let start = format!("popgate_{family}");
    let series = page
        .lines()
        .find(|line| line.starts_with(&start))
        .unwrap_or_default();
    let inside = series.split(['{', '}']).nth(1).unwrap_or_default();
    let names = inside
        .split("\",")
        .filter_map(|pair| Some(pair.split_once('=')?.0));
    names
        .filter(|name| *name != "le")
        .map(str::to_owned)
        .collect()
}

fn samples_can_differ() -> Outcome<()> {
    let holds = page::numbers_and_times_may_differ_and_nothing_else();
    holds.then_some(()).ok_or("all samples look alike".into())
}

/// Targets of links, and paths between backticks.
fn files() -> Outcome<()> {
    let links = PAGE
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next());
    let is_path = |text: &&str| {
        ["src/", "tests/", "deploy/"]
            .iter()
            .any(|start| text.starts_with(start))
    };
    let map = include_str!("../../src/ARCHITECTURE.md");
    let named = quoted(PAGE).chain(quoted(map)).filter(is_path);
    for path in links.filter(|link| !link.contains("://")).chain(named) {
        match path.strip_prefix('#') {
            Some(heading) if has_heading(heading) => {}
            Some(_) => return Err(format!("no heading for {path}").into()),
            None => {
                fs::metadata(in_package(path)).map_err(|error| format!("{path}: {error}"))?;
            }
        }
    }
    Ok(())
}

fn has_heading(anchor: &str) -> bool {
    let headings = PAGE.lines().filter_map(|line| line.strip_prefix("## "));
    let mut anchors = headings.map(|heading| heading.to_lowercase().replace(' ', "-"));
    anchors.any(|heading| heading == anchor)
}

/// An `-ERR` line between backticks is one that popgate says, or a server that we know.
fn answers() -> Outcome<()> {
    let mut source = fs::read_to_string(in_package("tests/dialect/replies.tsv"))?;
    for room in ["src/app", "src/session"] {
        for entry in fs::read_dir(in_package(room))? {
            source += &fs::read_to_string(entry?.path()).unwrap_or_default();
        }
    }
    let mut quoted = quoted(PAGE).filter(|text| text.starts_with("-ERR "));
    match quoted.find(|answer| !source.contains(*answer)) {
        Some(answer) => Err(format!("neither popgate nor a server says `{answer}`").into()),
        None => Ok(()),
    }
}

fn is_the_program(path: &str) -> Outcome<()> {
    let built = Path::new(env!("CARGO_BIN_EXE_popgate")).file_name();
    let is_it = Path::new(path).file_name() == built;
    is_it
        .then_some(())
        .ok_or_else(|| format!("{path} is not the program").into())
}

fn in_package(path: &str) -> String {
    format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))
}
