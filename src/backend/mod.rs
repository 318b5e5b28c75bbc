//! Backends: reaching them, what they can do, telling them who comes, logging in.

pub mod connect;
#[cfg(test)]
mod double;
pub mod forward_client_addr;
pub mod health;
pub mod learned;
pub mod lines;
pub mod login;
pub mod route;
mod slots;

use crate::ids::BackendName;
use crate::net::TlsMode;
use crate::policy::sharing::{BackendProof, BackendRecord};
use crate::time::Duration;
use std::path::PathBuf;

/// One `[[backend]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendOptions {
    /// Its name, which is also its metric label.
    pub name: BackendName,
    /// `host:port`.
    pub address: String,
    /// Whether and when it is spoken to in TLS.
    pub tls: TlsMode,
    /// The authorities that may sign its certificate, PEM; the system's where absent.
    pub ca: Option<PathBuf>,
    /// The name that its certificate must have; the host of `address` where absent.
    pub server_name: Option<String>,
    /// Whether its certificate is verified.
    pub verify: bool,
    /// How long connecting may take, its greeting and TLS included; for a login and for a look.
    pub connect_timeout: Duration,
    /// How long a login that has begun may take.
    pub login_timeout: Duration,
    /// The part of a tenant's `wait` that is kept for the login itself.
    pub login_reserve: Duration,
    /// Most connections at a time; 0: no limit.
    pub connections: usize,
    /// Whether the head of a queue has its connection open before its turn.
    pub preconnect: bool,
    /// Whether a PROXY protocol version 2 header is sent first.
    pub proxy_protocol: bool,
    /// Whether it is told the client's address by XOIP, where it does not offer XCLIENT.
    pub xoip: bool,
    /// Whether sessions at it may stand on listings.
    pub shareable: Shareable,
    /// What it can do; where it is set, CAPA is not asked.
    pub capabilities: Option<Vec<String>>,
    /// Phrases of its error lines, added to the built-in ones.
    pub phrases: crate::dialect::Phrases,
}

/// Whether sessions at a backend may stand on listings of their maildrops: `shareable`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shareable {
    /// The operator knows that they may.
    Yes,
    /// They must not.
    No,
    /// They may once there is proof.
    #[default]
    Ask,
}

impl Shareable {
    /// Whether sessions may stand on listings where this was seen of the backend.
    #[must_use]
    pub fn allows(self, seen: BackendRecord) -> bool {
        match self {
            Self::Yes => true,
            Self::No => false,
            Self::Ask => seen.verdict() == BackendProof::Given,
        }
    }
}

impl BackendOptions {
    /// Whether what was seen of a backend of `other` options holds for one of these.
    pub(crate) fn reaches_as(&self, other: &Self) -> bool {
        // Bounds and phrases are left out: they change nothing of what answers there.
        self.address == other.address
            && self.tls == other.tls
            && self.ca == other.ca
            && self.server_name == other.server_name
            && self.verify == other.verify
            && self.proxy_protocol == other.proxy_protocol
            && self.capabilities == other.capabilities
    }
}
