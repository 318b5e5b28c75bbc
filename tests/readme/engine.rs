//! The engine of several gates, as a page has its operator set it up, and what is said to it.

use crate::Outcome;
use crate::gate::write_configuration;
use crate::page::{Block, Page, in_package};
use crate::script::lacks_a_tool;
use crate::stage::{Running, Stage, collect};
use popgate::cluster::engine::acl_line;
use popgate::time::{Duration, Instant};
use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::fs::PermissionsExt;

/// What an operator puts in for the page's words.
const PASSWORD: &str = "a-long-random-word";
const SECRET: &str = "6b1f0c5d9e2a47388c4f5e6d7a8b9c0d1e2f30415263748596a7b8c9daebfc0d\n";
const PATIENCE: Duration = Duration::from_secs(60);

/// Where the page has the engine's files, in the order of the steps.
const ADDRESS: &str = "10.0.0.30";
const REPLICATED: [&str; 3] = ["10.0.0.31", "10.0.0.32", "10.0.0.33"];

/// `redis-server` as the page has it.
pub(crate) struct Engine {
    _server: Running,
    address: String,
}

impl Engine {
    /// The engine of a page, with the user that the page makes.
    pub(crate) fn of(stage: &Stage, page: &Page) -> Outcome<Self> {
        write_secrets(stage)?;
        let engine = Self::start(stage, &settings(page, "redis")?, ADDRESS, 6379)?;
        engine.make_user(page)?;
        // What the page puts into the file.
        engine.say("CONFIG REWRITE")?;
        Ok(engine)
    }

    fn start(stage: &Stage, settings: &str, own: &str, port: u16) -> Outcome<Self> {
        let address = stage.here(&format!("{ADDRESS}:{port}"));
        let host = address.split(':').next().unwrap_or_default();
        let name = format!("redis-{port}.conf");
        // Those of the page, and what keeps several of them apart on one machine.
        let file = format!(
            "{}\nport {port}\nreplica-announce-port {port}\nsave \"\"\n\
             appenddirname aof-{port}\ndbfilename {port}.rdb\n",
            settings.replace(own, host).replace(ADDRESS, host)
        );
        fs::write(stage.folder().join(&name), file)?;
        let server = stage.start(&format!("redis-server {name}"))?;
        collect(&server.printed, |line| line.contains("Ready to accept"))?;
        Ok(Self {
            _server: server,
            address,
        })
    }

    /// By the page's line.
    fn make_user(&self, page: &Page) -> Outcome<()> {
        let line = page.block("text acl").ok_or("no line for the user")?.text;
        self.say(&line.replace(">PASSWORD", &format!(">{PASSWORD}")))
    }

    /// As its administrator.
    fn say(&self, command: &str) -> Outcome<()> {
        let said = asked(&self.address, command)?;
        // To AUTH, to the command and to QUIT.
        (said == "+OK\r\n".repeat(3))
            .then_some(())
            .ok_or_else(|| format!("{command}: {said}").into())
    }
}

/// What a server answers its administrator.
fn asked(address: &str, command: &str) -> Outcome<String> {
    let mut stream = TcpStream::connect(address)?;
    let command = command.trim_end();
    stream.write_all(format!("AUTH ADMIN-PASSWORD\r\n{command}\r\nQUIT\r\n").as_bytes())?;
    // A Sentinel knows no QUIT, and hangs up where its client does.
    stream.shutdown(Shutdown::Write)?;
    let mut said = String::new();
    stream.read_to_string(&mut said)?;
    Ok(said)
}

/// The files that the page's steps make.
fn write_secrets(stage: &Stage) -> Outcome<()> {
    for (name, text) in [("cluster.secret", SECRET), ("engine.password", PASSWORD)] {
        let file = stage.folder().join(name);
        fs::write(&file, text)?;
        fs::set_permissions(file, Permissions::from_mode(0o600))?;
    }
    Ok(())
}

fn settings(page: &Page, kind: &str) -> Outcome<String> {
    let block = page.block(kind).ok_or_else(|| format!("no {kind}"))?;
    Ok(block.text)
}

/// The page has the very line that popgate asks for.
pub(crate) fn line_is_popgates(block: &Block) -> Outcome<()> {
    let wanted = acl_line("popgate", "popgate:");
    (block.text.trim_end() == wanted)
        .then_some(())
        .ok_or_else(|| format!("the line is {wanted}").into())
}

/// The drawing has what the Compose file starts.
pub(crate) fn drawing_has_each_part(block: &Block) -> Outcome<()> {
    let compose = fs::read_to_string(in_package("deploy/container/compose.yml"))?;
    for part in ["gate1", "gate2", "gate3", "balancer"] {
        if !compose.contains(&format!("\n  {part}:\n")) || !block.text.contains(part) {
            return Err(format!("{part} is not in both").into());
        }
    }
    Ok(())
}

/// HAProxy takes the configuration, and the Compose file has the same but for addresses.
pub(crate) fn balancer(number: u8, block: &Block) -> Outcome<()> {
    let compose = fs::read_to_string(in_package("deploy/container/compose.yml"))?;
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let theirs: Vec<String> = compose.lines().map(words).collect();
    for line in block.text.lines().map(words) {
        let gates = [
            ("10.0.0.11", "gate1"),
            ("10.0.0.12", "gate2"),
            ("10.0.0.13", "gate3"),
        ];
        let line = gates
            .iter()
            .fold(line, |line, (from, to)| line.replace(from, to));
        // Names of containers are looked up anew.
        let is_there = |it: &String| *it == line || it.starts_with(&format!("{line} resolvers "));
        if !line.starts_with('#') && !theirs.iter().any(is_there) {
            return Err(format!("compose.yml has no `{line}`").into());
        }
    }
    let stage = Stage::new(number)?;
    if lacks_a_tool(&stage, "haproxy")? {
        return Ok(());
    }
    fs::write(stage.folder().join("haproxy.cfg"), &block.text)?;
    stage.run("haproxy -c -f haproxy.cfg", "").map(drop)
}

/// Three servers and three Sentinels by the page: popgate finds the primary, by all three.
pub(crate) fn sentinels(number: u8, page: &Page, block: &Block) -> Outcome<()> {
    let stage = Stage::new(number)?;
    if lacks_a_tool(&stage, "redis-server")? {
        return Ok(());
    }
    write_configuration(&stage, page)?;
    write_secrets(&stage)?;
    let host = stage.here("10.0.0.30:6379").replace(":6379", "");
    let shared = settings(page, "redis")? + &settings(page, "redis replicated")?;
    let mut servers = Vec::new();
    for (port, own) in (6379..).zip(REPLICATED) {
        let replica = match port {
            6379 => String::new(),
            _ => format!("replicaof {host} 6379\n"),
        };
        let server = Engine::start(&stage, &format!("{shared}{replica}"), own, port)?;
        server.make_user(page)?;
        servers.push(server);
    }
    until(|| Ok(asked(&servers[0].address, "INFO replication")?.contains("connected_slaves:2")))?;
    let mut nodes = Vec::new();
    for port in 26379..26382 {
        let sentinel = settings(page, "sentinel")?
            .replace(REPLICATED[0], &host)
            .replace("port 26379", &format!("port {port}"));
        let name = format!("sentinel-{port}.conf");
        fs::write(
            stage.folder().join(&name),
            format!("{sentinel}bind {host}\n"),
        )?;
        let running = stage.start(&format!("redis-server {name} --sentinel"))?;
        nodes.push((format!("{host}:{port}"), running));
    }
    for (node, _) in &nodes {
        until(|| Ok(asked(node, "INFO sentinel")?.contains("slaves=2,sentinels=3")))?;
    }
    let file = stage.folder().join("popgate.toml");
    let before = fs::read_to_string(&file)?;
    let one = stage.here("nodes = [\"10.0.0.30:6379\"]\n");
    let mut three = block.text.replace("[cluster]\n", "");
    for (own, (node, _)) in REPLICATED.iter().zip(&nodes) {
        three = three.replace(&format!("{own}:26379"), node);
    }
    if !before.contains(&one) || three.matches(&host).count() != 3 {
        return Err("the page's settings have other addresses".into());
    }
    fs::write(&file, before.replace(&one, &three))?;
    until(|| {
        Ok(stage
            .run("popgate cluster check --config popgate.toml", "")
            .is_ok())
    })
}

/// Asks again also where nobody answers: a server that was started may not listen yet.
fn until(mut is_so: impl FnMut() -> Outcome<bool>) -> Outcome<()> {
    let end = Instant::now() + PATIENCE;
    loop {
        let last = match is_so() {
            Ok(true) => return Ok(()),
            Ok(false) => "it is not so".to_owned(),
            Err(error) => error.to_string(),
        };
        if Instant::now() > end {
            return Err(format!("not within {PATIENCE:?}: {last}").into());
        }
    }
}
