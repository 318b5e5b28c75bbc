//! The engine as a child process, and what supervises a link to it.

use popgate::cluster::engine::{EngineOptions, supervise};
use popgate::cluster::link::{EngineLink, LinkEvent};
use popgate::cluster::protocol::{BeatAnswer, BeatCall, ClusterReport, GateId, Push};
use popgate::net::dial::TcpDial;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// For what another process must do.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The server that all engines here are: `POPGATE_ENGINE`, or Debian's.
fn program() -> String {
    std::env::var("POPGATE_ENGINE").unwrap_or_else(|_| "redis-server".to_owned())
}

fn version_line() -> Option<String> {
    let said = Command::new(program()).arg("--version").output().ok()?;
    Some(String::from_utf8_lossy(&said.stdout).into_owned())
}

/// Whether there is the server: said aloud if not, and a failure where CI=true.
pub(crate) fn is_installed() -> bool {
    if version_line().is_some() {
        return true;
    }
    let why = format!("SKIPPED: no {}: tests/run packages", program());
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{why}");
    println!("{why}");
    false
}

/// `Redis` or `Valkey`, and its version.
pub(crate) fn product_and_version() -> (String, String) {
    let line = version_line().unwrap();
    let (product, rest) = line.split_once(" server v=").unwrap();
    let version = rest.split(' ').next().unwrap();
    (product.to_owned(), version.to_owned())
}

/// Whether it was built with TLS, which Debian's is.
pub(crate) fn speaks_tls() -> bool {
    let Ok(program) = std::env::var("POPGATE_ENGINE") else {
        return true;
    };
    let speaks = memchr::memmem::find(&std::fs::read(program).unwrap(), b"libssl.so").is_some();
    if !speaks {
        println!("the server was built without TLS: not tried");
    }
    speaks
}

/// A port that was free a moment ago.
pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}

/// Looks again until it is so.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub(crate) struct Redis {
    pub(crate) address: SocketAddr,
    options: Vec<String>,
    child: Option<Child>,
    folder: tempfile::TempDir,
}

impl Redis {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// With further options of the server.
    pub(crate) fn start_with(options: &[&str]) -> Self {
        let mut redis = Self {
            address: free_address(),
            options: options.iter().map(ToString::to_string).collect(),
            child: None,
            folder: tempfile::tempdir().unwrap(),
        };
        redis.revive();
        redis
    }

    /// A Sentinel that looks after `master`, whom it calls `mail`; two must agree.
    pub(crate) fn start_sentinel(master: SocketAddr) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = free_address();
        let file = folder.path().join("sentinel.conf");
        let (host, port) = (master.ip(), master.port());
        let text = format!(
            "sentinel monitor mail {host} {port} 2\n\
             sentinel down-after-milliseconds mail 1000\n\
             sentinel failover-timeout mail 5000\n"
        );
        std::fs::write(&file, text).unwrap();
        let file = file.to_str().unwrap().to_owned();
        let mut sentinel = Self {
            address,
            options: vec![file, "--sentinel".to_owned()],
            child: None,
            folder,
        };
        sentinel.revive();
        sentinel
    }

    /// Starts it, with nothing in its memory.
    pub(crate) fn revive(&mut self) {
        let (files, options) = self.options.split_at(usize::from(self.is_sentinel()));
        let port = self.address.port().to_string();
        let child = Command::new(program())
            .args(files)
            .args(["--port", &port, "--bind", "127.0.0.1"])
            .args(match self.is_sentinel() {
                true => &[][..],
                false => &[
                    "--save",
                    "",
                    "--appendonly",
                    "no",
                    "--repl-diskless-sync-delay",
                    "0",
                ],
            })
            .args(options)
            .current_dir(self.folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        self.child = Some(child);
        eventually("the engine answers", || {
            let ended = self.child.as_mut().unwrap().try_wait().unwrap();
            assert!(ended.is_none(), "the engine ended: {ended:?}");
            self.try_say("PING")
                .is_some_and(|it| it.contains("PONG") || it.contains("NOAUTH"))
        });
    }

    /// From now on it cannot write a snapshot: a folder has its name.
    pub(crate) fn spoil_folder(&self) {
        std::fs::create_dir(self.folder.path().join("dump.rdb")).unwrap();
    }

    fn is_sentinel(&self) -> bool {
        self.options.iter().any(|it| it == "--sentinel")
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// The first part of the answer to a command.
    pub(crate) fn say(&self, command: &str) -> String {
        self.try_say(command).expect("the engine answers")
    }

    fn try_say(&self, command: &str) -> Option<String> {
        let mut stream = TcpStream::connect(self.address).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        stream.write_all(format!("{command}\r\n").as_bytes()).ok()?;
        let mut answer = vec![0; 8192];
        let length = stream.read(&mut answer).ok()?;
        Some(String::from_utf8_lossy(&answer[..length]).into_owned())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

pub(crate) const GATE: GateId = GateId([1, 2, 3, 4, 5, 6, 7, 8]);

pub(crate) fn options(address: SocketAddr) -> EngineOptions {
    EngineOptions {
        nodes: vec![address.to_string()],
        master: None,
        tls: None,
        username: None,
        password: None,
        prefix: "popgate:".to_owned(),
        gate: GATE,
    }
}

/// What the supervisor tells.
pub(crate) struct Watched {
    events: mpsc::Receiver<LinkEvent>,
}

impl Watched {
    pub(crate) fn start(options: EngineOptions) -> Self {
        let (sender, events) = mpsc::channel(1024);
        tokio::spawn(supervise(Arc::new(TcpDial), options, sender));
        Self { events }
    }

    pub(crate) async fn next(&mut self) -> LinkEvent {
        let next = timeout(PATIENCE, self.events.recv()).await;
        next.expect("an event").expect("a supervisor")
    }

    /// The next link; what comes before it is passed over.
    pub(crate) async fn up(&mut self) -> Arc<dyn EngineLink> {
        loop {
            if let LinkEvent::Up(link) = self.next().await {
                return link;
            }
        }
    }

    /// Why there is none; what comes before it is passed over.
    pub(crate) async fn down(&mut self) -> String {
        loop {
            if let LinkEvent::Down(why) | LinkEvent::Refused(why) = self.next().await {
                return why;
            }
        }
    }

    pub(crate) async fn pushed(&mut self) -> Push {
        loop {
            match self.next().await {
                LinkEvent::Pushed(push) => return push,
                LinkEvent::Down(why) | LinkEvent::Refused(why) => panic!("{why}"),
                LinkEvent::Up(_) | LinkEvent::PushesDropped(_) => {}
            }
        }
    }
}

pub(crate) fn beat(ping: u64) -> BeatCall {
    BeatCall {
        known_epoch: 0,
        lease: Duration::from_secs(15),
        fingerprint: Arc::from("same"),
        settings: Arc::from("settings"),
        info: Arc::from(&b"sealed"[..]),
        ping,
        blocks: 0,
        is_established: false,
        restates: None,
    }
}

/// A beat that must be answered.
pub(crate) async fn alive(link: &Arc<dyn EngineLink>, ping: u64) -> ClusterReport {
    match link.beat(beat(ping)).await {
        Ok(BeatAnswer::Alive(report)) => report,
        other => panic!("{other:?}"),
    }
}
