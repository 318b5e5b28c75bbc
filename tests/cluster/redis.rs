//! `redis-server` as a child process, and what supervises a link to it.

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

/// Whether there is a `redis-server`: said aloud if not, and a failure where CI=true.
pub(crate) fn is_installed() -> bool {
    if Command::new("redis-server")
        .arg("--version")
        .output()
        .is_ok()
    {
        return true;
    }
    let why = "SKIPPED: redis-server is not installed: tests/run packages";
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{why}");
    println!("{why}");
    false
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

    /// With further options of `redis-server`.
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
        let child = Command::new("redis-server")
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
        eventually("redis-server answers", || {
            self.try_say("PING")
                .is_some_and(|it| it.contains("PONG") || it.contains("NOAUTH"))
        });
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
        self.try_say(command).expect("redis-server answers")
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
        tls: false,
        ca: None,
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
            if let LinkEvent::Down(why) = self.next().await {
                return why;
            }
        }
    }

    pub(crate) async fn pushed(&mut self) -> Push {
        loop {
            match self.next().await {
                LinkEvent::Pushed(push) => return push,
                LinkEvent::Down(why) | LinkEvent::Refused(why) => panic!("{why}"),
                LinkEvent::Up(_) => {}
            }
        }
    }
}

pub(crate) fn beat(link: &Arc<dyn EngineLink>, ping: u64) -> BeatCall {
    BeatCall {
        run_id: link.run_id(),
        known_epoch: 0,
        lease: Duration::from_secs(15),
        fingerprint: Arc::from("same"),
        settings: Arc::from("settings"),
        info: Arc::from(&b"sealed"[..]),
        ping,
        blocks: 0,
        is_established: false,
    }
}

/// A beat that must be answered.
pub(crate) async fn alive(link: &Arc<dyn EngineLink>, ping: u64) -> ClusterReport {
    match link.beat(beat(link, ping)).await {
        Ok(BeatAnswer::Alive(report)) => report,
        other => panic!("{other:?}"),
    }
}
