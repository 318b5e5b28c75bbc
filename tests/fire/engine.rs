//! The server that gates agree over as a child process: Debian's `redis-server`, or what
//! `POPGATE_ENGINE` names.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// For what another process must do.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Without a disk; a replica has its copy at once.
const OPTIONS: [&str; 8] = [
    "--protected-mode",
    "no",
    "--save",
    "",
    "--appendonly",
    "no",
    "--repl-diskless-sync-delay",
    "0",
];

pub(crate) fn program() -> String {
    std::env::var("POPGATE_ENGINE").unwrap_or_else(|_| "redis-server".to_owned())
}

/// Whether there is one: said aloud if not, and a failure where CI=true.
pub(crate) fn is_installed() -> bool {
    if Command::new(program()).arg("--version").output().is_ok() {
        return true;
    }
    let why = format!("SKIPPED: no {}: tests/run packages", program());
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{why}");
    println!("{why}");
    false
}

pub(crate) struct EngineProcess {
    pub(crate) address: SocketAddr,
    words: Vec<String>,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) child: Option<Child>,
}

impl EngineProcess {
    /// A server that does not run yet. `before` stands before its command, `options` behind.
    pub(crate) fn server(address: SocketAddr, before: &[String], options: &[&str]) -> Self {
        let (host, port) = (address.ip().to_string(), address.port().to_string());
        let place = ["--port", &port, "--bind", &host];
        let options = [&place[..], &OPTIONS, options].concat();
        Self::new(address, before, &options, tempfile::tempdir().unwrap())
    }

    /// What is not a server: `options` stand behind its name, and `folder` is where it runs.
    pub(crate) fn new(
        address: SocketAddr,
        before: &[String],
        options: &[&str],
        folder: tempfile::TempDir,
    ) -> Self {
        let options = options.iter().map(|word| (*word).to_owned());
        let command = before.iter().cloned().chain([program()]).chain(options);
        Self {
            address,
            words: command.collect(),
            folder,
            child: None,
        }
    }

    /// Starts it, with nothing in its memory.
    pub(crate) fn revive(&mut self, environment: &[(&str, String)]) {
        let environment = environment.iter().map(|(name, value)| (*name, value));
        let child = Command::new(&self.words[0])
            .args(&self.words[1..])
            .envs(environment)
            .current_dir(self.folder.path())
            .stdout(Stdio::null())
            .spawn();
        self.child = Some(child.unwrap());
        let until = Instant::now() + PATIENCE;
        let answers = |said: &str| said.contains("PONG") || said.contains("NOAUTH");
        while !self.say("PING").is_some_and(|said| answers(&said)) {
            let ended = self.child.as_mut().and_then(|it| it.try_wait().unwrap());
            assert!(ended.is_none(), "the engine ended: {ended:?}");
            assert!(Instant::now() < until, "no answer within {PATIENCE:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// What it says first to an inline command.
    pub(crate) fn say(&self, command: &str) -> Option<String> {
        let mut stream = TcpStream::connect(self.address).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        stream.write_all(format!("{command}\r\n").as_bytes()).ok()?;
        let mut answer = vec![0; 8192];
        let octets = stream.read(&mut answer).ok()?;
        Some(String::from_utf8_lossy(&answer[..octets]).into_owned())
    }
}

impl Drop for EngineProcess {
    fn drop(&mut self) {
        self.kill();
    }
}
