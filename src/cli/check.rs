//! `popgate check`: is the configuration right, and what does it say.

mod explain;

use super::{ExitStatus, print, refuse};
use crate::backend::BackendOptions;
use crate::config::{Config, ConfigErrors, LoginQuery};
use crate::ids::{ListenerName, UserName};
use crate::net::tls::{SPOKEN, VERSIONS, cipher_suites};
use crate::net::{ListenOptions, TlsMode};
use clap::Args;
use serde_json::{Value, json};
use std::fmt;
use std::path::{Path, PathBuf};

/// Validate a configuration file
#[derive(Args, Debug)]
#[command(after_help = "\
All mistakes are shown at once, with their lines. Nothing is opened and no popgate is asked:
`popgate explain USER` says what happens to a user right now.

Examples:
  popgate check --config popgate.toml
  popgate check --config popgate.toml --explain ann@example.com")]
pub(super) struct CheckArgs {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Show the effective settings for a login and where each comes from
    #[arg(long, value_name = "USER", value_parser = login_name)]
    explain: Option<UserName>,
    /// The listener that the client connects to; matters for a login without a domain
    #[arg(long, value_name = "NAME", requires = "explain")]
    listener: Option<String>,
    /// The server name that the client sends in TLS; matters for a login without a domain
    #[arg(long, value_name = "NAME", requires = "explain")]
    server_name: Option<String>,
    /// Output JSON
    #[arg(long)]
    json: bool,
}

impl CheckArgs {
    pub(super) fn run(&self) -> ExitStatus {
        let told = match &self.explain {
            Some(user) => self.explain(user),
            None => self.summary(),
        };
        match told {
            Ok(text) => print(text, ExitStatus::Done),
            Err(error) if !self.json => refuse(error, ExitStatus::Usage),
            Err(error) => {
                refuse(&error, ExitStatus::Usage);
                print(error.to_json(), ExitStatus::Usage)
            }
        }
    }

    fn summary(&self) -> Result<String, ConfigErrors> {
        let config = Config::load(&self.config)?;
        Ok(match self.json {
            true => summary_json(&self.config, &config).to_string(),
            false => Summary(&self.config, &config).to_string(),
        })
    }

    /// The file's certificates need not be readable: they are not used.
    fn explain(&self, user: &UserName) -> Result<String, ConfigErrors> {
        let login = LoginQuery {
            user: user.clone(),
            server_name: self.server_name.clone(),
            listener: self.listener.as_deref().map(ListenerName::new),
        };
        let told = Config::explain(&self.config, &login)?;
        Ok(match self.json {
            true => explain::for_a_program(&self.config, &login, &told).to_string(),
            false => explain::for_a_person(&self.config, &login, &told),
        })
    }
}

fn login_name(text: &str) -> Result<UserName, &'static str> {
    let is_login = !text.trim_ascii().is_empty();
    is_login
        .then(|| UserName::new(text.as_bytes()))
        .ok_or("the login as the client types it")
}

/// The configuration for a person.
struct Summary<'a>(&'a Path, &'a Config);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(path, config) = self;
        write!(f, "{}: ok", path.display())?;
        for listener in &config.listeners {
            write!(f, "\n  listener {}", listener_line(listener))?;
        }
        for backend in &config.backends {
            write!(f, "\n  backend  {}", backend_line(backend))?;
        }
        if uses_tls(config) {
            write!(f, "\n  TLS      {SPOKEN}")?;
        }
        write!(f, "\n  tenants  {}", tenants_line(config))?;
        for warning in &config.warnings {
            write!(f, "\nwarning: {warning}")?;
        }
        Ok(())
    }
}

fn listener_line(listener: &ListenOptions) -> String {
    let address = listener.address.to_string();
    let name = match listener.name.as_str() {
        name if name == address => String::new(),
        name => format!("{name}: "),
    };
    let tls = tls_word(listener.tls);
    let proxy = if listener.proxy_protocol {
        ", PROXY protocol"
    } else {
        ""
    };
    format!("{name}{address}, TLS {tls}{proxy}")
}

fn backend_line(backend: &BackendOptions) -> String {
    let tls = tls_word(backend.tls);
    format!("{}: {}, TLS {tls}", backend.name, backend.address)
}

/// Hosting providers have thousands: the first few stand for all.
fn tenants_line(config: &Config) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<&str> = config
        .tenants
        .tenants()
        .map(|tenant| tenant.name.as_str())
        .take(SHOWN)
        .collect();
    let more = config.tenants.tenants().count() - shown.len();
    let shown = shown.join(", ");
    match more {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn uses_tls(config: &Config) -> bool {
    config
        .listeners
        .iter()
        .map(|listener| listener.tls)
        .chain(config.backends.iter().map(|backend| backend.tls))
        .any(|mode| mode != TlsMode::Off)
}

fn tls_word(tls: TlsMode) -> &'static str {
    match tls {
        TlsMode::Off => "off",
        TlsMode::Stls => "stls",
        TlsMode::Implicit => "implicit",
    }
}

fn summary_json(path: &Path, config: &Config) -> Value {
    let listeners: Vec<Value> = config.listeners.iter().map(listener_json).collect();
    let backends: Vec<Value> = config.backends.iter().map(backend_json).collect();
    json!({
        "ok": true,
        "file": path.display().to_string(),
        "listeners": listeners,
        "backends": backends,
        "tls": { "versions": VERSIONS, "cipher_suites": cipher_suites() },
        "tenants": config.tenants.tenants().count(),
        "warnings": config.warnings,
    })
}

fn listener_json(listener: &ListenOptions) -> Value {
    json!({
        "name": listener.name.as_str(),
        "address": listener.address.to_string(),
        "tls": tls_word(listener.tls),
        "proxy_protocol": listener.proxy_protocol,
    })
}

fn backend_json(backend: &BackendOptions) -> Value {
    json!({
        "name": backend.name.as_str(),
        "address": backend.address,
        "tls": tls_word(backend.tls),
    })
}
