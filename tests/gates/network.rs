//! Hosts of their own for gates and engine, and a router between them that can lose packets.
//!
//! Each host is a network namespace at the end of a veth pair. The test is at the router, with the
//! backend and the mail programs.

use crate::fire::namespace::enter;
use std::fs;
use std::io;
use std::panic::resume_unwind;
use std::process::{self, Command};
use std::thread;

/// Of the router itself.
pub(crate) const ROUTER: &str = "10.66.255.1";

/// The rules of the router that lose packets.
const PRIORITY: &str = "priority 10";

/// Three gates, two servers of the engine, the Sentinels.
const HOSTS: usize = 6;

pub(crate) struct Network {
    name: String,
    pub(crate) hosts: Vec<Host>,
}

/// One host.
pub(crate) struct Host {
    pub(crate) namespace: String,
    pub(crate) address: String,
}

impl Network {
    /// `None` where it cannot be made, which takes root and `ip` of iproute2: said aloud, and a
    /// failure where CI=true.
    fn new() -> Option<Self> {
        let name = format!("popgate{}-{:06x}", process::id(), fastrand::u32(..1 << 24));
        let host = |number| Host {
            namespace: format!("{name}-{number}"),
            address: format!("10.66.{number}.2"),
        };
        let network = Self {
            hosts: (0..HOSTS).map(host).collect(),
            name,
        };
        if let Err(error) = network.make() {
            let why = format!("SKIPPED: there are no hosts: {error}");
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{why}");
            println!("{why}");
            return None;
        }
        Some(network)
    }

    fn make(&self) -> io::Result<()> {
        let router = &self.name;
        ip(&format!("netns add {router}"))?;
        ip(&format!("-n {router} link set lo up"))?;
        ip(&format!("-n {router} address add {ROUTER}/32 dev lo"))?;
        for (number, host) in self.hosts.iter().enumerate() {
            let (space, address) = (&host.namespace, &host.address);
            let far = format!("type veth peer name eth0 netns {space}");
            ip(&format!("netns add {space}"))?;
            ip(&format!("-n {router} link add to{number} {far}"))?;
            ip(&format!(
                "-n {router} address add 10.66.{number}.1/24 dev to{number}"
            ))?;
            ip(&format!("-n {router} link set to{number} up"))?;
            ip(&format!("-n {space} link set lo up"))?;
            ip(&format!("-n {space} address add {address}/24 dev eth0"))?;
            ip(&format!("-n {space} link set eth0 up"))?;
            ip(&format!(
                "-n {space} route add default via 10.66.{number}.1"
            ))?;
        }
        Ok(())
    }

    /// Packets of one host do not come to another one any more.
    pub(crate) fn lose(&self, from: usize, to: usize) {
        let (from, to) = (&self.hosts[from].address, &self.hosts[to].address);
        let rule = format!("rule add {PRIORITY} from {from} to {to} blackhole");
        ip(&format!("-n {} {rule}", self.name)).unwrap();
    }

    /// All packets come again.
    pub(crate) fn heal(&self) {
        let delete = format!("-n {} rule delete {PRIORITY}", self.name);
        while ip(&delete).is_ok() {}
    }
}

impl Drop for Network {
    /// The pairs go with the namespaces.
    fn drop(&mut self) {
        for host in &self.hosts {
            let _ = ip(&format!("netns delete {}", host.namespace));
        }
        let _ = ip(&format!("netns delete {}", self.name));
    }
}

/// Runs a test at the router of a network of its own.
pub(crate) fn in_network(test: impl AsyncFnOnce(&Network) + Send) {
    let Some(network) = Network::new() else {
        return;
    };
    let router = network.name.clone();
    let run = || {
        enter(&router).unwrap();
        // Of this namespace. The second: a port of another host's address is looked for here.
        for setting in ["ip_forward", "ip_nonlocal_bind"] {
            fs::write(format!("/proc/sys/net/ipv4/{setting}"), "1").unwrap();
        }
        let its = router.clone();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .on_thread_start(move || enter(&its).unwrap())
            .build()
            .unwrap();
        runtime.block_on(test(&network));
    };
    // A thread of its own: it does not come back from there.
    if let Err(panic) = thread::scope(|scope| scope.spawn(run).join()) {
        resume_unwind(panic);
    }
}

fn ip(arguments: &str) -> io::Result<()> {
    let output = Command::new("ip").args(arguments.split(' ')).output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(io::Error::other(format!("ip {arguments}: {}", said.trim())))
}
