//! The configuration file, parsed and checked before a port is bound.

mod admin;
mod aliases;
mod backends;
mod checks;
mod choices;
mod cluster;
mod error;
mod explain;
mod files;
mod health_checks;
mod inherit;
mod limit_checks;
mod listeners;
mod lock_key_changes;
mod mistakes;
mod parse;
mod resolve;
mod schema;
mod shared_settings;
mod sharing_checks;
mod short_form;
mod syntax;
mod tenant_changes;
mod tenants;
mod value;
mod value_types;

pub use error::ConfigError;
pub(crate) use error::did_you_mean;
pub(crate) use explain::limits_in_force;
pub use explain::{ExplainedKey, Explanation, LoginQuery};
pub(crate) use lock_key_changes::{LockKeys, lock_key_changes};
pub use mistakes::ConfigErrors;
pub(crate) use shared_settings::{fold_digest, shared_settings_digest};
pub(crate) use tenant_changes::changes as tenant_changes;
pub(crate) use value::parse_duration;
pub(crate) use value_types::size_text;

use crate::backend::BackendOptions;
use crate::cluster::options::ClusterOptions;
use crate::journal::JournalOptions;
use crate::net::{CertificateFiles, ListenOptions, ResolverChoice, TlsFiles};
use crate::observe::LogFormat;
use crate::policy::tenant::TenantTable;
use crate::time::Duration;
use error::Diagnostic;
use ipnet::IpNet;
use mistakes::Diagnostics;
use schema::tables::File;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tenants::Origins;

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
    /// `[journal]`.
    pub journal: Option<JournalOptions>,
    /// `[cluster]`.
    pub cluster: Option<ClusterOptions>,
    /// `[report] resolver`: which DNS server is asked for the domains of users.
    pub resolver: ResolverChoice,
    /// `[defaults]` and each `[[tenant]]`.
    pub tenants: Arc<TenantTable>,
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
    /// Octets of the listings that are kept for sharing.
    pub sharing_memory: usize,
    /// How log lines look.
    pub log: LogFormat,
    /// Most client connections at a time; 0: what the limit of open files allows.
    pub connections: usize,
}

/// `[admin]`.
#[derive(Clone, Debug)]
pub struct AdminOptions {
    /// Where it listens.
    pub address: SocketAddr,
    /// The token of the API, made at first start.
    pub token_file: Option<PathBuf>,
    /// Its certificate; without one it speaks no TLS.
    pub tls: Option<CertificateFiles>,
    /// Names by which it may be called, beside addresses and `localhost`; in lower case.
    pub host_names: Vec<String>,
    /// Whether requests from loopback need no token.
    pub trust_loopback: bool,
}

impl Config {
    /// Reads and checks the file at `path`, and that the certificates it names can be used.
    ///
    /// # Errors
    ///
    /// What is wrong, each at its place in the file.
    pub fn load(path: &Path) -> Result<Self, ConfigErrors> {
        let text = read(path)?;
        let mut diagnostics = Diagnostics::default();
        let parsed = parse_file(&text, path, &mut diagnostics);
        if let Some(parsed) = &parsed {
            files::check(&parsed.file, folder(path), &mut diagnostics);
        }
        diagnostics.finish(parsed.map(|parsed| parsed.config), &text, path)
    }

    /// Reads and checks the file at `path` alone: the files that it names need not be there.
    ///
    /// # Errors
    ///
    /// What is wrong, each at its place in the file.
    pub fn read(path: &Path) -> Result<Self, ConfigErrors> {
        Self::parse(&read(path)?, path)
    }

    /// Checks `text`. `path` names it in errors, and its folder is the one that paths in it are
    /// relative to; nothing is read.
    ///
    /// # Errors
    ///
    /// What is wrong, each at its place in the text.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigErrors> {
        let mut diagnostics = Diagnostics::default();
        let parsed = parse_file(text, path, &mut diagnostics);
        diagnostics.finish(parsed.map(|parsed| parsed.config), text, path)
    }

    /// What the file at `path` makes of `login`, and the lines that say so. The files that it
    /// names need not be there.
    ///
    /// # Errors
    ///
    /// What is wrong with the file, or a listener that it does not have.
    pub fn explain(path: &Path, login: &LoginQuery) -> Result<Explanation, ConfigErrors> {
        let text = read(path)?;
        let mut diagnostics = Diagnostics::default();
        let parsed = parse_file(&text, path, &mut diagnostics);
        let parsed = diagnostics.finish(parsed, &text, path)?;
        explain::check_listener(&parsed.config, login, path)?;
        Ok(explain::explain(&parsed, &text, login))
    }
}

/// The file as written and as resolved; neither is to be used where a mistake is noted.
struct ParsedFile {
    file: File,
    config: Config,
    origins: Origins,
}

fn parse_file(text: &str, path: &Path, diagnostics: &mut Diagnostics) -> Option<ParsedFile> {
    let mut file = parse::parse(text, diagnostics)?;
    file.check(diagnostics);
    let (config, origins) = resolve::resolve(&file, folder(path), diagnostics);
    Some(ParsedFile {
        file,
        config,
        origins,
    })
}

fn read(path: &Path) -> Result<String, ConfigError> {
    let bytes = fs::read(path).map_err(|error| ConfigError::unreadable(path, &error))?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(error.as_bytes());
        ConfigError::new(
            Diagnostic::new(at..at + 1, "this is not UTF-8"),
            &text,
            path,
        )
    })
}

fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

#[cfg(test)]
mod tests;
