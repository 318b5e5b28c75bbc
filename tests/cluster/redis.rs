//! The engine of a test, its replica and its Sentinels.

#[path = "link.rs"]
mod link;
#[path = "../fire/engine.rs"]
mod process;
#[path = "../fire/sentinel.rs"]
mod sentinel;

use popgate::cluster::link::LinkEvent;
use popgate::cluster::protocol::Push;
use process::{EngineProcess, program};
use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::time::{Duration, Instant};

pub(crate) use link::{GATE, Watched, alive, beat, options};
pub(crate) use process::{PATIENCE, is_installed};

/// `Redis` or `Valkey`, and its version.
pub(crate) fn product_and_version() -> (String, String) {
    let said = Command::new(program()).arg("--version").output().unwrap();
    let line = String::from_utf8(said.stdout).unwrap();
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
    process: EngineProcess,
}

impl Redis {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// With further options of the server.
    pub(crate) fn start_with(options: &[&str]) -> Self {
        Self::running(EngineProcess::server(free_address(), &[], options))
    }

    /// A replica that is in step with its primary.
    pub(crate) fn start_replica(primary: &Self) -> Self {
        let (host, port) = (primary.address.ip(), primary.address.port());
        let replica = Self::start_with(&["--replicaof", &host.to_string(), &port.to_string()]);
        eventually("the replica is in step", || {
            replica
                .say("INFO replication")
                .contains("master_link_status:up")
        });
        replica
    }

    /// A Sentinel that looks after `master`, whom it calls `mail`; two must agree.
    pub(crate) fn start_sentinel(master: SocketAddr) -> Self {
        Self::running(sentinel::sentinel(free_address(), &[], master))
    }

    fn running(mut process: EngineProcess) -> Self {
        process.revive(&[]);
        Self {
            address: process.address,
            process,
        }
    }

    /// Starts it, with nothing in its memory.
    pub(crate) fn revive(&mut self) {
        self.process.revive(&[]);
    }

    /// From now on it cannot write a snapshot: a folder has its name.
    pub(crate) fn spoil_folder(&self) {
        std::fs::create_dir(self.process.folder.path().join("dump.rdb")).unwrap();
    }

    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// The first part of the answer to a command.
    pub(crate) fn say(&self, command: &str) -> String {
        self.process.say(command).expect("the engine answers")
    }
}

impl Watched {
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
                LinkEvent::Up(_) | LinkEvent::Doubted(_) | LinkEvent::PushesDropped(_) => {}
            }
        }
    }
}
