//! Whether the server learns who the client is, by its own log.

use crate::Outcome;
use crate::client::Client;
use crate::gate::Gate;
use crate::process::await_that;
use crate::server::{Kind, PASSWORD, Server};
use crate::site::through_gate;
use popgate::time::Duration;
use std::net::Ipv4Addr;
use std::thread;

const USER: &str = "reader@popgate.test";

/// Clients behind a balancer: one of each address family, and one that waits for its turn, so that
/// its connection is opened in advance.
pub(crate) fn reaches_the_server(kind: Kind, ip: Ipv4Addr) -> Outcome<()> {
    through_gate(kind, ip, &[USER], |site| {
        let (gate, server) = (&site.gate, &site.server);
        log_in(gate, "TCP4 203.0.113.7 192.0.2.1 4711 110")?.quit()?;
        is_known(server, "203.0.113.7")?;
        let holder = log_in(gate, "TCP6 2001:db8::7 2001:db8::1 4711 110")?;
        is_known(server, "2001:db8::7")?;
        thread::scope(|scope| {
            let waiter = scope.spawn(|| log_in(gate, "TCP4 203.0.113.8 192.0.2.1 4711 110"));
            await_that("somebody waits", Duration::from_secs(5), || {
                let waiters = gate.metric("popgate_lock_waiters");
                waiters.is_ok_and(|waiters| waiters == 1.0)
            })?;
            holder.quit()?;
            waiter.join().map_err(|_| "the waiter panicked")??.quit()
        })?;
        is_known(server, "203.0.113.8")
    })
}

fn log_in(gate: &Gate, header: &str) -> Outcome<Client> {
    let header = format!("PROXY {header}\r\n");
    let client = Client::connect_behind(&header, gate.address_for_balancer())?;
    client.logged_in(USER, PASSWORD)
}

fn is_known(server: &Server, client: &str) -> Outcome<()> {
    let remote = format!("rip={client}, ");
    await_that(&remote, Duration::from_secs(5), || {
        server.log().contains(&remote)
    })
}
