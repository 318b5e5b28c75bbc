//! `redis-server` as a child process.

use crate::fire::free_address;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) struct Redis {
    pub(crate) address: SocketAddr,
    child: Option<Child>,
    folder: tempfile::TempDir,
}

impl Redis {
    /// `None` where there is no `redis-server`: said aloud, and a failure where CI=true.
    pub(crate) fn start() -> Option<Self> {
        let found = Command::new("redis-server").arg("--version").output();
        if found.is_err() {
            let why = "SKIPPED: redis-server is not installed: tests/run packages";
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{why}");
            println!("{why}");
            return None;
        }
        let mut redis = Self {
            address: free_address("127.0.0.1"),
            child: None,
            folder: tempfile::tempdir().unwrap(),
        };
        redis.revive();
        Some(redis)
    }

    /// Starts it, with nothing in its memory.
    pub(crate) fn revive(&mut self) {
        let port = self.address.port().to_string();
        let options = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
        let child = Command::new("redis-server")
            .args(["--port", &port])
            .args(options)
            .current_dir(self.folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        self.child = Some(child);
        let until = Instant::now() + Duration::from_secs(30);
        while self.say("PING\r\n").is_none_or(|said| said != "+PONG\r\n") {
            assert!(Instant::now() < until, "redis-server does not answer");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// It does nothing any more, and its connections stay.
    pub(crate) fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    pub(crate) fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let id = self.child.as_ref().unwrap().id();
        kill_process(Pid::from_raw(id.try_into().unwrap()).unwrap(), signal).unwrap();
    }

    /// Gives it inline commands, and reads what it says first.
    pub(crate) fn say(&self, commands: &str) -> Option<String> {
        let mut stream = TcpStream::connect(self.address).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        stream.write_all(commands.as_bytes()).ok()?;
        let mut answer = [0; 4096];
        let octets = stream.read(&mut answer).ok()?;
        Some(String::from_utf8_lossy(&answer[..octets]).into_owned())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}
