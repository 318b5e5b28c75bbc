//! The engine and its Sentinels on hosts of their own, with clocks that can be set.

#[path = "../fire/engine.rs"]
mod process;
#[path = "../fire/sentinel.rs"]
mod sentinel;

use crate::clocks;
use crate::fire::free_address;
use crate::fire::namespace::{GOING_FIRST, entering};
use crate::network::Host;
use process::{EngineProcess, is_installed};
use rustix::process::{Pid, Signal, kill_process};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

pub(crate) struct Redis {
    pub(crate) address: SocketAddr,
    process: EngineProcess,
}

impl Redis {
    /// `None` where there is no such server.
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
        if !is_installed() {
            return None;
        }
        let address = free_address(&host.address);
        let mut it = Self {
            address,
            process: sentinel::sentinel(address, &before(Some(host)), master.address),
        };
        it.revive();
        Some(it)
    }

    fn new(host: Option<&Host>, options: &[&str]) -> Option<Self> {
        let address = free_address(host.map_or("127.0.0.1", |host| &host.address));
        is_installed().then(|| Self {
            address,
            process: EngineProcess::server(address, &before(host), options),
        })
    }

    /// Starts it, with nothing in its memory.
    pub(crate) fn revive(&mut self) {
        let offset = self.clock();
        let environment = offset.exists().then(|| clocks::by_file(&offset));
        self.process.revive(&environment.unwrap_or_default());
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
            said = self.say(command);
        }
    }

    /// Waits until of some maildrop, `it`, this is so, as Lua has it.
    pub(crate) fn has_maildrop(&self, condition: &str) {
        let script = format!(
            "for _, key in ipairs(redis.call('KEYS', 'popgate:m:*')) do \
             local it = cmsgpack.unpack(redis.call('GET', key)) \
             if {condition} then return 1 end end return 0"
        );
        self.says_at_last(&format!("EVAL \"{script}\" 0"), |said| said == ":1\r\n");
    }

    /// The gate that is first in line for the only maildrop that somebody waits for.
    pub(crate) fn first_in_line(&self) -> String {
        let script = "for _, key in ipairs(redis.call('KEYS', 'popgate:m:*')) do \
                      local it = cmsgpack.unpack(redis.call('GET', key)) \
                      if it.slots[1] then return it.slots[1].gate end end";
        let said = self.say(&format!("EVAL \"{script}\" 0")).unwrap();
        said.lines().nth(1).expect("nobody waits").to_owned()
    }

    /// Waits until the gate hears no push: it has found out that the gate's connection is gone.
    pub(crate) fn has_lost(&self, gate: &str) {
        let command = format!("PUBSUB NUMSUB popgate:push:{gate}");
        self.says_at_last(&command, |said| said.ends_with("\r\n:0\r\n"));
    }

    /// What its clock shows.
    pub(crate) fn seconds(&self) -> u64 {
        let said = self.say("TIME").unwrap();
        said.lines().nth(2).unwrap().parse().unwrap()
    }

    /// A command that it must do.
    pub(crate) fn order(&self, command: &str) {
        let said = self.say(command);
        assert_eq!(said.as_deref(), Some("+OK\r\n"), "{command}");
    }

    /// It should save now and then, has no folder any more, and finds that it cannot.
    pub(crate) fn lose_disk(&self) {
        self.order("CONFIG SET save \"3600 1\"");
        std::fs::remove_dir_all(self.process.folder.path()).unwrap();
        self.say("BGSAVE");
        self.says_at_last("INFO persistence", |said| {
            said.contains("rdb_last_bgsave_status:err")
        });
    }

    fn clock(&self) -> PathBuf {
        self.process.folder.path().join("clock")
    }

    /// Its clock is wrong from now on by so much, as `-3600s`.
    pub(crate) fn set_clock(&self, offset: &str) {
        // In one step: it is read all the time.
        let fresh = self.process.folder.path().join("fresh");
        std::fs::write(&fresh, offset).unwrap();
        std::fs::rename(fresh, self.clock()).unwrap();
    }

    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// It does nothing any more, and its connections stay.
    pub(crate) fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    pub(crate) fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let id = self.process.child.as_ref().unwrap().id();
        kill_process(Pid::from_raw(id.try_into().unwrap()).unwrap(), signal).unwrap();
    }

    /// What it says first to an inline command, or to several of them.
    pub(crate) fn say(&self, commands: &str) -> Option<String> {
        self.process.say(commands)
    }
}

/// What stands before its command: it goes before other programs, on its host.
fn before(host: Option<&Host>) -> Vec<String> {
    let mut words = host.map_or_else(Vec::new, |host| entering(&host.namespace));
    words.extend(GOING_FIRST.map(str::to_owned));
    words
}
