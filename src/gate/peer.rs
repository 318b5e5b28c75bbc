//! Where a connection comes from.

use crate::ids::{ClientPrefix, ListenerName};
use crate::net::TlsMode;
use std::net::SocketAddr;

/// Where a connection came in and from whom.
#[derive(Clone, Debug)]
pub struct Peer {
    /// The listener's name.
    pub listener: ListenerName,
    /// The TCP port that the client connected to: the listener's, or the balancer's where the PROXY
    /// protocol says it.
    pub port: u16,
    /// What the listener does with TLS.
    pub tls: TlsMode,
    /// The client's address, as the PROXY protocol says it where the listener has that.
    pub client: SocketAddr,
    /// Whether it is in `trusted_networks`.
    pub trusted: bool,
}

impl Peer {
    /// Who counts as one client.
    #[must_use]
    pub fn prefix(&self) -> ClientPrefix {
        self.client.ip().into()
    }
}
