//! Several gates as their operator sees them, and the engine between them.

use crate::gate::{Client, Gate, free_address};
use crate::{code, stderr, stdout};
use serde_json::Value;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

const SECRET: &str = "6b1f0c5d9e2a47388c4f5e6d7a8b9c0d1e2f30415263748596a7b8c9daebfc0d\n";

struct Engine {
    address: SocketAddr,
    child: Child,
    _folder: tempfile::TempDir,
}

impl Engine {
    /// `None` where there is no `redis-server`: said aloud, and a failure where CI=true.
    fn start() -> Option<Self> {
        let found = Command::new("redis-server").arg("--version").output();
        if found.is_err() {
            let why = "SKIPPED: redis-server is not installed: tests/run packages";
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{why}");
            println!("{why}");
            return None;
        }
        let address = free_address();
        let folder = tempfile::tempdir().unwrap();
        let child = Command::new("redis-server")
            .args(["--port", &address.port().to_string()])
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let engine = Self {
            address,
            child,
            _folder: folder,
        };
        while engine.say("PING").is_none_or(|said| said != "+PONG\r\n") {
            crate::gate::pause(Duration::from_millis(10));
        }
        Some(engine)
    }

    fn say(&self, command: &str) -> Option<String> {
        let mut stream = TcpStream::connect(self.address).ok()?;
        stream.write_all(format!("{command}\r\n").as_bytes()).ok()?;
        let mut answer = [0; 4096];
        let octets = stream.read(&mut answer).ok()?;
        Some(String::from_utf8_lossy(&answer[..octets]).into_owned())
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // One that was killed already has an end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Site {
    engine: Engine,
    folder: tempfile::TempDir,
}

impl Site {
    fn start() -> Option<Self> {
        let engine = Engine::start()?;
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("secret");
        fs::write(&secret, SECRET).unwrap();
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
        Some(Self { engine, folder })
    }

    fn gate(&self, name: &str) -> Gate {
        let secret = self.folder.path().join("secret");
        let table = format!(
            "[cluster]\nnodes = [\"{}\"]\nsecret_file = {secret:?}\nname = \"{name}\"\n",
            self.engine.address
        );
        Gate::start_with_api(&table)
    }
}

/// Waits until it takes part, beside as many gates.
fn is_in(gate: &Gate, gates: usize) {
    gate.await_told(&["cluster", "status"], |told| {
        let cluster = &told["cluster"];
        let others = cluster["gates"].as_array().map_or(0, Vec::len);
        cluster["state"] == "healthy" && others == gates
    });
}

fn logged_in(gate: &Gate) -> Client {
    let mut client = gate.connect();
    assert!(client.log_in("secret").starts_with("+OK"));
    client
}

fn waiting(gate: &Gate) -> Client {
    let mut client = gate.connect();
    assert!(client.ask("USER ann").starts_with("+OK"));
    client.send("PASS secret");
    gate.await_told(&["sessions", "--phase", "waiting"], |told| {
        told["total"] == 1
    });
    client
}

/// The first words of each line.
fn words(output: &Output, count: usize) -> Vec<Vec<String>> {
    assert_eq!(code(output), 0, "{}", stderr(output));
    let line = |line: &str| {
        line.split_whitespace()
            .take(count)
            .map(str::to_owned)
            .collect()
    };
    stdout(output).lines().map(line).collect()
}

fn refusal(gate: &Gate, arguments: &[&str]) -> String {
    let output = gate.run(arguments);
    assert_eq!(code(&output), 64, "{arguments:?}: {}", stdout(&output));
    assert_eq!(stdout(&output), "");
    stderr(&output)
}

#[test]
fn gates_list_each_other_and_the_locks_of_all_and_kick_elsewhere() {
    let Some(site) = Site::start() else { return };
    let one = site.gate("pop1");
    let other = site.gate("pop2");
    is_in(&one, 2);
    is_in(&other, 2);

    let status = words(&one.run(&["cluster", "status"]), 4);
    assert_eq!(status[0], ["healthy"]);
    assert_eq!(status[1], ["GATE", "ID", "HERE", "SETTINGS"]);
    let mut gates: Vec<_> = status[2..].iter().map(|row| [&*row[0], &*row[2]]).collect();
    gates.sort_unstable();
    assert_eq!(gates, [["pop1", "yes"], ["pop2", "-"]]);
    let told = one.told(&["cluster", "status"]);
    let gates = told["cluster"]["gates"].as_array().unwrap();
    let here: Vec<_> = gates.iter().filter(|it| it["here"] == true).collect();
    assert!(matches!(here[..], [it] if it["name"] == "pop1"), "{told}");

    let mut phone = logged_in(&one);
    let mut laptop = waiting(&other);
    for gate in [&one, &other] {
        let told = gate.await_told(&["locks", "--all"], |told| told["total"] == 2);
        let of = |name: &str| {
            let items = told["items"].as_array().unwrap();
            let found = items.iter().find(|it| it["gate"] == name);
            found.unwrap_or_else(|| panic!("none of {name}: {told}"))["lock"].clone()
        };
        assert!(of("pop1")["holder"]["session"].is_u64(), "{told}");
        assert_eq!(of("pop2")["holder"], Value::Null);
        assert_eq!(of("pop2")["waiters"].as_array().unwrap().len(), 1);
        assert_eq!(of("pop1")["id"], of("pop2")["id"], "one maildrop");
        let rows = words(&gate.run(&["locks", "--all"]), 3);
        assert_eq!(rows[0], ["MAILDROP", "GATE", "WHO"]);
        assert_eq!(rows[1], ["ann", "pop1", "holds"]);
        assert_eq!(rows[2][..2], ["ann", "pop2"]);
        assert!(rows[2][2].starts_with("waits"), "{rows:?}");
        assert_eq!(rows.len(), 3);
    }

    let held = &one.told(&["locks"])["items"][0]["holder"]["session"];
    let session = held.to_string();
    let unknown = refusal(&other, &["kick", &session, "--gate", "pop9"]);
    assert!(
        unknown.contains("there is no such gate: the others are pop1"),
        "{unknown}"
    );
    let closed = refusal(&other, &["kick", "4711", "--gate", "pop1"]);
    assert!(closed.contains("no session 4711 is open"), "{closed}");
    let kicked = other.run(&["kick", &session, "--gate", "pop1"]);
    assert_eq!(code(&kicked), 0, "{}", stderr(&kicked));
    assert_eq!(
        stdout(&kicked),
        format!("kicked session {session} at gate pop1\n")
    );
    assert_eq!(phone.line(), "", "its connection is closed");
    assert!(laptop.line().starts_with("+OK"));
}

#[test]
fn a_gate_that_is_alone_says_so() {
    let gate = Gate::start_with_api("");
    const ALONE: &str = "this gate is alone: it has no [cluster]\n";
    let status = gate.run(&["cluster", "status"]);
    assert_eq!((code(&status), &*stdout(&status)), (0, ALONE));
    assert_eq!(gate.told(&["cluster", "status"])["cluster"], Value::Null);
    let locks = stdout(&gate.run(&["locks", "--all"]));
    assert_eq!(locks, format!("No such maildrop is locked.\n{ALONE}"));
    let _phone = logged_in(&gate);
    let rows = words(&gate.run(&["locks", "--all"]), 3);
    assert_eq!(rows[1], ["ann", "-", "holds"]);
    assert_eq!(gate.told(&["locks", "--all"])["has_cluster"], false);
    let unknown = refusal(&gate, &["kick", "1", "--gate", "pop9"]);
    assert!(unknown.contains("no other gate is known here"), "{unknown}");
    for command in [&["cluster", "check"][..], &["check", "--engine"]] {
        let said = refusal(&gate, command);
        assert!(
            said.contains("has no [cluster]: this gate is alone"),
            "{said}"
        );
    }
}

/// Commands that look at the engine, and where its report is in what they say to a program.
const LOOKS: [(&[&str], &str); 3] = [
    (&["cluster", "check"], ""),
    (&["check", "--engine"], "engine"),
    (&["doctor"], "engine"),
];

#[test]
fn check_and_doctor_say_what_the_engine_is_and_whether_it_will_do() {
    let Some(mut site) = Site::start() else {
        return;
    };
    let gate = site.gate("pop1");
    let looks = |exit: i32, severity: &str, parts: &[&str]| {
        for (command, at) in LOOKS {
            let output = gate.run(command);
            let said = stdout(&output);
            assert_eq!(
                code(&output),
                exit,
                "{command:?}: {said}{}",
                stderr(&output)
            );
            for part in parts {
                assert!(
                    said.contains(part),
                    "{command:?}: {part:?} is not in\n{said}"
                );
            }
            if at.is_empty() {
                continue;
            }
            let output = gate.run(&[command, &["--json"]].concat());
            let told: Value = serde_json::from_str(&stdout(&output)).unwrap();
            assert_eq!(code(&output), exit, "{told}");
            assert_eq!(told["ok"], exit == 0, "{told}");
            assert_eq!(told[at]["severity"], severity, "{told}");
            assert_eq!(told[at]["findings"][0]["topic"], "reach", "{told}");
        }
    };
    let title = format!(", {}\n", site.engine.address);
    looks(
        0,
        "warn",
        &[
            "engine Redis ",
            &title,
            "\n  ok     reach        it answers in ",
            "\n  ok     access       user default may do all that gates need\n",
            "\n  ok     memory       maxmemory-policy noeviction, no maxmemory\n",
            "\n  warn   persistence  no append-only file, no snapshots\n",
            "\n                      hint: set appendonly to yes",
            "\n  warn   replication  no replica, no Sentinels\n",
        ],
    );
    site.engine.say("CONFIG SET maxmemory 104857600");
    site.engine.say("CONFIG SET maxmemory-policy allkeys-lru");
    let evicts = "\n  fault  memory       maxmemory-policy allkeys-lru, maxmemory 104857600\n";
    let remedy = "\n                      hint: set maxmemory-policy to noeviction";
    looks(64, "fault", &[evicts, remedy]);
    site.engine.kill();
    let gone = format!("\n  fault  reach        {}: ", site.engine.address);
    let remedy = "\n                      hint: start it, or correct nodes of [cluster]\n";
    looks(69, "fault", &[&gone, remedy]);
}

#[test]
fn without_being_asked_check_opens_no_connection() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    fs::write(&secret, SECRET).unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    let nodes = free_address();
    let text = format!(
        "[[listen]]\naddress = \"127.0.0.1:110\"\ntls = \"off\"\n\
         [[backend]]\nname = \"legacy\"\naddress = \"127.0.0.1:111\"\n\
         [cluster]\nnodes = [\"{nodes}\"]\nsecret_file = \"secret\"\n"
    );
    fs::write(folder.path().join("popgate.toml"), text).unwrap();
    let arguments = ["check", "--config", "popgate.toml"];
    let output = crate::popgate(folder.path(), &arguments);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let line = format!("\n  cluster  engine {nodes}, TLS off, lease 15s, on_outage local\n");
    assert!(stdout(&output).contains(&line), "{}", stdout(&output));
    let output = crate::popgate(folder.path(), &[&arguments[..], &["--json"]].concat());
    let told: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(told["cluster"]["nodes"][0], nodes.to_string());
    assert_eq!(told["engine"], Value::Null);
}
