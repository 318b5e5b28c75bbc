//! The configuration file, parsed and checked before a port is bound (DESIGN decision 13).

use crate::backend::BackendOptions;
use crate::net::{ListenOptions, TlsFiles};
use crate::observe::LogFormat;
use crate::policy::tenant::TenantTable;
use crate::time::Duration;
use ipnet::IpNet;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Everything that the file says, with defaults filled in, names resolved and paths made
/// relative to its folder.
#[derive(Clone, Debug)]
pub struct Config {
    /// `[server]`.
    pub server: ServerOptions,
    /// Each `[[listen]]`.
    pub listeners: Vec<ListenOptions>,
    /// `[tls]`; present where a listener speaks TLS.
    pub tls: Option<TlsFiles>,
    /// Each `[[backend]]`.
    pub backends: Vec<BackendOptions>,
    /// `[admin]`.
    pub admin: Option<AdminOptions>,
    /// `[defaults]` and each `[[tenant]]`.
    pub tenants: TenantTable,
    /// What the file sets and this version does not do yet, a sentence each.
    pub inactive: Vec<String>,
    /// What is allowed and yet unwise, a sentence each.
    pub warnings: Vec<String>,
}

/// `[server]`.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// How long sessions and waiters go on after a stop signal.
    pub grace: Duration,
    /// Networks whose clients may send passwords in clear, and whose PROXY headers count.
    pub trusted_networks: Vec<IpNet>,
    /// How log lines look.
    pub log: LogFormat,
}

/// `[admin]`.
#[derive(Clone, Debug)]
pub struct AdminOptions {
    /// Where it listens.
    pub address: SocketAddr,
    /// The token of the API, made at first start.
    pub token_file: PathBuf,
}
