//! A client that is about to connect to a gate.

use super::gate::Gate;
use super::wire::Wire;
use popgate::gate::Peer;
use popgate::net::Io;
use popgate::net::conn::Conn;
use popgate::session;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A client that is about to connect.
pub(crate) struct Visitor<'a> {
    gate: &'a Gate,
    listener: &'static str,
    from: IpAddr,
    room: usize,
}

impl<'a> Visitor<'a> {
    /// At the listener `pop3`, from an address that is not trusted.
    pub(super) fn of(gate: &'a Gate) -> Self {
        Self {
            gate,
            listener: "pop3",
            from: IpAddr::from([192, 0, 2, 1]),
            room: 64 * 1024,
        }
    }

    /// Where it connects.
    pub(crate) fn at(mut self, listener: &'static str) -> Self {
        self.listener = listener;
        self
    }

    /// Where it comes from.
    pub(crate) fn from(mut self, address: &str) -> Self {
        self.from = address.parse().expect("an address");
        self
    }

    /// How many octets it takes without reading them.
    pub(crate) fn takes(mut self, octets: usize) -> Self {
        self.room = octets;
        self
    }

    /// Connects.
    pub(crate) fn connect(self) -> Wire {
        let (name, address) = self.takes_a_number();
        let (wire, end) = Wire::pair(&name, address, self.room);
        self.begins(address, Box::new(end));
        wire
    }

    /// Connects over a real socket, for a test that lives by the system's clock.
    pub(crate) async fn connect_over_tcp(self) -> Wire {
        let (name, address) = self.takes_a_number();
        let (wire, end) = Wire::pair_over_tcp(&name, address).await;
        self.begins(address, Box::new(end));
        wire
    }

    /// `client 1`, and its address, whose port is that number.
    fn takes_a_number(&self) -> (String, SocketAddr) {
        let number = self.gate.clients.fetch_add(1, Ordering::Relaxed) + 1;
        let address = SocketAddr::new(self.from, number);
        (format!("client {number}"), address)
    }

    /// Its session begins, on the gate's end of its connection.
    fn begins(&self, address: SocketAddr, end: Box<dyn Io>) {
        let gate = self.gate;
        let listeners = &mut gate.config.listeners.iter();
        let listener = listeners.find(|listener| listener.name.as_str() == self.listener);
        let listener = listener.unwrap_or_else(|| panic!("no listener {}", self.listener));
        let peer = Peer {
            listener: listener.name.clone(),
            port: listener.address.port(),
            tls: listener.tls,
            client: address,
            trusted: gate.cx.settings().trusts(self.from),
        };
        let conn = Box::new(Conn::plain(end));
        let session = session::run(Arc::clone(&gate.cx), conn, Arc::new(peer));
        let task = gate.sessions.spawn(session).abort_handle();
        gate.tasks().insert(address, task);
    }

    /// Connects and reads the greeting.
    pub(crate) async fn greeted(self) -> Wire {
        let mut wire = self.connect();
        wire.expect("+OK POP3 server ready\r\n").await;
        wire
    }

    /// Connects and sends USER and PASS, which have no answer yet.
    pub(crate) async fn asking(self, user: &str, password: &str) -> Wire {
        let mut wire = self.greeted().await;
        wire.asks_in(user, password).await;
        wire
    }
}
