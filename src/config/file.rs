//! The file as it is written, key by key, before anything is resolved.

use super::keys::{Defaults, Tenant};
use super::value::{At, Section};
use super::value_types::{Capability, CertificateName, DomainPattern, HostPort, Phrase};
use crate::ids::{BackendName, ListenerName};
use crate::net::TlsMode;
use crate::observe::LogFormat;
use crate::time::Duration;
use ipnet::IpNet;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::PathBuf;
use toml::Spanned;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    #[serde(default)]
    pub(super) server: Section<Server>,
    #[serde(default)]
    pub(super) listen: Vec<Spanned<Section<Listen>>>,
    pub(super) tls: Option<Section<Tls>>,
    #[serde(default)]
    pub(super) backend: Vec<Spanned<Section<Backend>>>,
    pub(super) admin: Option<Section<Admin>>,
    pub(super) journal: Option<Section<Journal>>,
    pub(super) defaults: Option<Spanned<Section<Defaults>>>,
    #[serde(default)]
    pub(super) tenant: Vec<Section<Tenant>>,
}

/// `[server]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Server {
    pub(super) grace: Option<At<Duration>>,
    pub(super) trusted_networks: Option<Vec<At<IpNet>>>,
    pub(super) log: Option<At<LogFormat>>,
    pub(super) connections: Option<At<usize>>,
}

/// A `[[listen]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listen {
    pub(super) name: Option<At<ListenerName>>,
    pub(super) address: At<SocketAddr>,
    pub(super) tls: Option<At<TlsMode>>,
    pub(super) proxy_protocol: Option<At<bool>>,
}

/// `[tls]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tls {
    pub(super) certificate: At<PathBuf>,
    pub(super) key: At<PathBuf>,
    #[serde(default)]
    pub(super) host: Vec<Section<TlsHost>>,
}

/// A `[[tls.host]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TlsHost {
    pub(super) names: Spanned<Vec<At<DomainPattern>>>,
    pub(super) certificate: At<PathBuf>,
    pub(super) key: At<PathBuf>,
}

/// A `[[backend]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Backend {
    pub(super) name: At<BackendName>,
    pub(super) address: At<HostPort>,
    pub(super) tls: Option<At<TlsMode>>,
    pub(super) ca: Option<At<PathBuf>>,
    pub(super) server_name: Option<At<CertificateName>>,
    pub(super) verify: Option<At<bool>>,
    pub(super) connect_timeout: Option<At<Duration>>,
    pub(super) login_timeout: Option<At<Duration>>,
    pub(super) login_reserve: Option<At<Duration>>,
    pub(super) connections: Option<At<usize>>,
    pub(super) preconnect: Option<At<bool>>,
    pub(super) proxy_protocol: Option<At<bool>>,
    pub(super) xoip: Option<At<bool>>,
    pub(super) capabilities: Option<Spanned<Vec<At<Capability>>>>,
    #[serde(default)]
    pub(super) phrases: Section<Phrases>,
}

/// `phrases` of a backend.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Phrases {
    #[serde(default)]
    pub(super) locked: Vec<At<Phrase>>,
    #[serde(default)]
    pub(super) auth: Vec<At<Phrase>>,
    #[serde(default)]
    pub(super) temp: Vec<At<Phrase>>,
}

/// `[admin]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Admin {
    pub(super) address: At<SocketAddr>,
    pub(super) token_file: Option<At<PathBuf>>,
}

/// `[journal]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Journal {
    pub(super) file: At<PathBuf>,
    pub(super) keep: Option<At<Duration>>,
    pub(super) hash_users: Option<At<bool>>,
}
