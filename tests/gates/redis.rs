//! The engine as a child process: Debian's `redis-server`, or what `POPGATE_ENGINE` names.

use crate::clocks;
use crate::fire::free_address;
use crate::fire::namespace::{GOING_FIRST, entering};
use crate::network::Host;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

fn program() -> String {
    std::env::var("POPGATE_ENGINE").unwrap_or_else(|_| "redis-server".to_owned())
}

pub(crate) struct Redis {
    pub(crate) address: SocketAddr,
    words: Vec<String>,
    child: Option<Child>,
    folder: tempfile::TempDir,
}

impl Redis {
    /// `None` where there is no such server: said aloud, and a failure where CI=true.
    pub(crate) fn start() -> Option<Self> {
        let mut redis = Self::new(None, &[])?;
        redis.revive();
        Some(redis)
    }

    /// On a host, with further options.
    pub(crate) fn start_on(host: &Host, options: &[&str]) -> Option<Self> {
        let mut redis = Self::new(Some(host), options)?;
        redis.revive();
        Some(redis)
    }

    /// One whose clock is off by what [`Self::set_clock`] says, at first not at all.
    pub(crate) fn start_with_clock() -> Option<Self> {
        Self::new(None, &[]).map(Self::by_clock)
    }

    /// Such a one on a host, with further options.
    pub(crate) fn start_with_clock_on(host: &Host, options: &[&str]) -> Option<Self> {
        Self::new(Some(host), options).map(Self::by_clock)
    }

    fn by_clock(mut self) -> Self {
        self.set_clock("+0s");
        self.revive();
        self
    }

    /// A Sentinel that looks after `master`, whom it calls `mail`; two must agree.
    pub(crate) fn start_sentinel_on(host: &Host, master: &Self) -> Option<Self> {
        let mut sentinel = Self::new(Some(host), &[])?;
        let (ip, port) = (master.address.ip(), master.address.port());
        let text = format!(
            "bind {}\nprotected-mode no\nport {}\n\
             sentinel monitor mail {ip} {port} 2\n\
             sentinel down-after-milliseconds mail 1000\n\
             sentinel failover-timeout mail 5000\n",
            host.address,
            sentinel.address.port()
        );
        std::fs::write(sentinel.folder.path().join("sentinel.conf"), text).unwrap();
        sentinel.words = entering(&host.namespace);
        sentinel.words.extend(GOING_FIRST.map(str::to_owned));
        let command = [&program(), "sentinel.conf", "--sentinel"];
        sentinel.words.extend(command.map(str::to_owned));
        sentinel.revive();
        Some(sentinel)
    }

    fn new(host: Option<&Host>, options: &[&str]) -> Option<Self> {
        let found = Command::new(program()).arg("--version").output();
        if found.is_err() {
            let why = format!("SKIPPED: no {}: tests/run packages", program());
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{why}");
            println!("{why}");
            return None;
        }
        let address = free_address(host.map_or("127.0.0.1", |host| &host.address));
        let (ip, port) = (address.ip().to_string(), address.port().to_string());
        let mut words = host.map_or_else(Vec::new, |host| entering(&host.namespace));
        let program = program();
        let always = [
            &GOING_FIRST[..],
            &[&program, "--port", &port, "--bind", &ip][..],
            &["--protected-mode", "no", "--save", "", "--appendonly", "no"],
            &["--repl-diskless-sync-delay", "0"],
            options,
        ];
        words.extend(always.concat().into_iter().map(str::to_owned));
        Some(Self {
            address,
            words,
            child: None,
            folder: tempfile::tempdir().unwrap(),
        })
    }

    /// Starts it, with nothing in its memory.
    pub(crate) fn revive(&mut self) {
        let offset = self.clock();
        let environment = offset.exists().then(|| clocks::by_file(&offset));
        let child = Command::new(&self.words[0])
            .args(&self.words[1..])
            .envs(environment.unwrap_or_default())
            .current_dir(self.folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        self.child = Some(child);
        self.says_at_last("PING", |said| said == "+PONG\r\n");
    }

    /// Asks until the answer is so.
    pub(crate) fn says_at_last(&self, command: &str, is_so: impl Fn(&str) -> bool) {
        let until = Instant::now() + Duration::from_secs(30);
        let mut said = None;
        while !said.as_deref().is_some_and(&is_so) {
            assert!(
                Instant::now() < until,
                "redis-server says {said:?} to {command}"
            );
            std::thread::sleep(Duration::from_millis(10));
            said = self.say(&format!("{command}\r\n"));
        }
    }

    /// What its clock shows.
    pub(crate) fn seconds(&self) -> u64 {
        let said = self.say("TIME\r\n").unwrap();
        said.lines().nth(2).unwrap().parse().unwrap()
    }

    /// A command that it must do.
    pub(crate) fn order(&self, command: &str) {
        let said = self.say(&format!("{command}\r\n"));
        assert_eq!(said.as_deref(), Some("+OK\r\n"), "{command}");
    }

    /// It should save now and then, has no folder any more, and finds that it cannot.
    pub(crate) fn lose_disk(&self) {
        self.order("CONFIG SET save \"3600 1\"");
        std::fs::remove_dir_all(self.folder.path()).unwrap();
        self.say("BGSAVE\r\n");
        self.says_at_last("INFO persistence", |said| {
            said.contains("rdb_last_bgsave_status:err")
        });
    }

    fn clock(&self) -> PathBuf {
        self.folder.path().join("clock")
    }

    /// Its clock is wrong from now on by so much, as `-3600s`.
    pub(crate) fn set_clock(&self, offset: &str) {
        // In one step: it is read all the time.
        let fresh = self.folder.path().join("fresh");
        std::fs::write(&fresh, offset).unwrap();
        std::fs::rename(fresh, self.clock()).unwrap();
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
