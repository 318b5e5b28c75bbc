//! A client host of its own, which can disappear: a network namespace at the end of a veth pair.

use crate::fire::namespace::connect_within;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::process::{self, Command};

/// The gate's end of the line. A network of its own for each run, so that runs do not meet.
pub(crate) struct Host {
    name: String,
    pub(crate) gate: String,
}

impl Host {
    /// `None` where it cannot be made: that takes root and `ip` of iproute2.
    pub(crate) fn new() -> Option<Self> {
        let run = process::id();
        let network = format!("10.213.{}", run % 250);
        let host = Self {
            name: format!("popgate{run}"),
            gate: format!("{network}.1"),
        };
        let (name, near) = (&host.name, format!("pg{run}"));
        let made = ip(&format!("netns add {name}"))
            .and_then(|()| ip(&format!("link add {near} type veth peer far netns {name}")))
            .and_then(|()| ip(&format!("address add {network}.1/30 dev {near}")))
            .and_then(|()| ip(&format!("link set {near} up")))
            .and_then(|()| ip(&format!("-n {name} address add {network}.2/30 dev far")))
            .and_then(|()| ip(&format!("-n {name} link set far up")));
        if let Err(error) = made {
            println!("SKIPPED: no client host disappears, since none can be made: {error}");
            return None;
        }
        Some(host)
    }

    /// Connects from there. The socket stays there, whoever uses it.
    pub(crate) fn connect(&self, to: SocketAddr) -> TcpStream {
        connect_within(&self.name, to).unwrap()
    }

    /// It disappears: nothing comes from there any more, not even an end.
    pub(crate) fn vanish(&self) {
        ip(&format!("-n {} link set far down", self.name)).unwrap();
    }
}

impl Drop for Host {
    /// The pair goes with the namespace.
    fn drop(&mut self) {
        let _ = ip(&format!("netns delete {}", self.name));
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
