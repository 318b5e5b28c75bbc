//! The configuration file, parsed and checked before a port is bound.

mod aliases;
mod backends;
mod checks;
mod choices;
mod entries;
mod error;
mod explain;
mod file;
mod files;
mod health_checks;
mod keys;
mod limits;
mod listeners;
mod lock_key_changes;
mod mistakes;
mod parse;
mod resolve;
mod rules;
mod syntax;
mod tenant_changes;
mod tenants;
mod value;
mod value_types;

pub use error::ConfigError;
pub(crate) use error::did_you_mean;
pub use explain::{Explanation, Login, Said};
pub(crate) use lock_key_changes::{LockKeys, lock_key_changes};
pub use mistakes::ConfigErrors;
pub(crate) use tenant_changes::changes as tenant_changes;
pub(crate) use value::parse_duration;

use crate::backend::BackendOptions;
use crate::net::{ListenOptions, TlsFiles};
use crate::observe::LogFormat;
use crate::policy::tenant::TenantTable;
use crate::time::Duration;
use error::Fault;
use ipnet::IpNet;
use mistakes::Faults;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

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
    /// `[defaults]` and each `[[tenant]]`.
    pub tenants: Arc<TenantTable>,
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
    /// Most client connections at a time; 0: what the limit of open files allows.
    pub connections: usize,
}

/// `[admin]`.
#[derive(Clone, Debug)]
pub struct AdminOptions {
    /// Where it listens.
    pub address: SocketAddr,
    /// The token of the API, made at first start; without it there is no API.
    pub token_file: Option<PathBuf>,
}

/// `[journal]`: what outlives the process.
#[derive(Clone, Debug)]
pub struct JournalOptions {
    /// The database.
    pub file: PathBuf,
    /// How long what has happened is remembered.
    pub keep: Duration,
    /// Whether names of users are kept as hashes only.
    pub hash_users: bool,
}

impl Config {
    /// Reads and checks the file at `path`, and that the certificates it names can be used.
    ///
    /// # Errors
    ///
    /// What is wrong, each at its place in the file.
    pub fn load(path: &Path) -> Result<Self, ConfigErrors> {
        let text = read(path)?;
        let mut faults = Faults::default();
        let parsed = parse_file(&text, path, &mut faults);
        if let Some((_, file)) = &parsed {
            files::check(file, folder(path), &mut faults);
        }
        faults.finish(parsed.map(|(config, _)| config), &text, path)
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
        let mut faults = Faults::default();
        let parsed = parse_file(text, path, &mut faults);
        faults.finish(parsed.map(|(config, _)| config), text, path)
    }

    /// What the file at `path` makes of `login`, and the lines that say so. The files that it
    /// names need not be there.
    ///
    /// # Errors
    ///
    /// What is wrong with the file, or a listener that it does not have.
    pub fn explain(path: &Path, login: &Login) -> Result<Explanation, ConfigErrors> {
        let text = read(path)?;
        let mut faults = Faults::default();
        let parsed = parse_file(&text, path, &mut faults);
        let (config, file) = faults.finish(parsed, &text, path)?;
        explain::check_listener(&config, login, path)?;
        Ok(explain::explain(&file, &text, &config, login))
    }
}

/// The file as written and as resolved; neither is to be used where faults are noted.
fn parse_file(text: &str, path: &Path, faults: &mut Faults) -> Option<(Config, file::File)> {
    let file = parse::parse(text, faults)?;
    let config = resolve::resolve(&file, folder(path), faults);
    Some((config, file))
}

fn read(path: &Path) -> Result<String, ConfigError> {
    let bytes = fs::read(path).map_err(|error| ConfigError::unreadable(path, &error))?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(error.as_bytes());
        ConfigError::new(Fault::new(at..at + 1, "this is not UTF-8"), &text, path)
    })
}

fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

#[cfg(test)]
mod tests;
