//! What stands on one loopback address: server, relay, gate.

use crate::Outcome;
use crate::gate::Gate;
use crate::relay::Relay;
use crate::server::{Kind, Server};
use std::net::Ipv4Addr;

/// How much of a log helps with a failure.
const LOG_TAIL_LINES: usize = 60;

/// A server with popgate before it, and the relay between them.
pub(crate) struct Site {
    pub(crate) server: Server,
    pub(crate) relay: Relay,
    pub(crate) gate: Gate,
}

impl Site {
    fn start(kind: Kind, ip: Ipv4Addr, users: &[&str], settings: &str) -> Outcome<Self> {
        let server = Server::start(kind, ip, users)?;
        let relay = Relay::start(ip, server.address())?;
        let settings = [kind.backend_settings(), settings].concat();
        let gate = Gate::start(ip, relay.address()?, &settings)?;
        Ok(Self {
            server,
            relay,
            gate,
        })
    }
}

/// Runs a trial through popgate. What holds for all of them is looked at here: nothing is held
/// or forced at the end, popgate stops cleanly, and the server never saw a lock conflict.
pub(crate) fn through_gate(
    kind: Kind,
    ip: Ipv4Addr,
    users: &[&str],
    trial: impl FnOnce(&Site) -> Outcome<()>,
) -> Outcome<()> {
    through_gate_with(kind, ip, users, "", trial)
}

/// The same with more settings in the server's `[[backend]]`, as TOML.
pub(crate) fn through_gate_with(
    kind: Kind,
    ip: Ipv4Addr,
    users: &[&str],
    settings: &str,
    trial: impl FnOnce(&Site) -> Outcome<()>,
) -> Outcome<()> {
    let mut site = Site::start(kind, ip, users, settings)?;
    let result = trial(&site)
        .and_then(|()| site.gate.finish())
        .and_then(|()| match site.server.refusals_logged() {
            0 => Ok(()),
            refusals => Err(format!("the server refused {refusals} sessions by its log").into()),
        });
    result.map_err(|error| {
        let (gate, server) = (tail(&site.gate.log()), tail(&site.server.log()));
        format!("{error}\n--- popgate said:\n{gate}\n--- the server said:\n{server}").into()
    })
}

/// Runs a trial straight at the server.
pub(crate) fn straight(
    kind: Kind,
    ip: Ipv4Addr,
    users: &[&str],
    trial: impl FnOnce(&Server) -> Outcome<()>,
) -> Outcome<()> {
    let server = Server::start(kind, ip, users)?;
    trial(&server).map_err(|error| {
        let server = tail(&server.log());
        format!("{error}\n--- the server said:\n{server}").into()
    })
}

fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n")
}
