//! `popgate check`: is the configuration right, and what does it say.

mod explain;

use super::engine::{EngineFileError, examine, exit_for};
use super::serve::{no_core_dump, runtime};
use super::{ExitStatus, print, refuse};
use crate::backend::BackendOptions;
use crate::cluster::engine::EngineReport;
use crate::cluster::member::OnOutage;
use crate::cluster::options::ClusterOptions;
use crate::config::{Config, ConfigErrors, LoginQuery};
use crate::ids::{ListenerName, UserName};
use crate::net::tls::{SPOKEN, VERSIONS, cipher_suites};
use crate::net::{ListenOptions, TlsMode};
use clap::Args;
use serde_json::{Value, json};
use std::fmt::{self, Write};
use std::io;
use std::path::{Path, PathBuf};

/// Validate a configuration file
#[derive(Args, Debug)]
#[command(after_help = "\
All mistakes are shown at once, with their lines. Nothing is opened and no popgate is asked:
`popgate explain USER` says what happens to a user right now. With --engine it connects to the Redis
or Valkey of [cluster] and says what that is, as `popgate doctor` does too.

Exit codes: 0 it is right, possibly with warnings; 64 it is wrong, or the engine will not do; 69 the
engine cannot be reached

Examples:
  popgate check --config popgate.toml
  popgate check --config popgate.toml --engine
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
    /// Also connect to the engine of [cluster], and say what it is and whether it will do
    #[arg(long, conflicts_with = "explain")]
    engine: bool,
    /// Output JSON
    #[arg(long)]
    json: bool,
}

/// Why nothing can be said.
#[derive(Debug, thiserror::Error)]
enum CheckError {
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    #[error("{} has no [cluster]: this gate is alone", .0.display())]
    Alone(PathBuf),
    #[error(transparent)]
    Engine(#[from] EngineFileError),
    #[error("the system refuses what popgate needs: {0}")]
    System(#[from] io::Error),
}

impl CheckError {
    fn to_json(&self) -> Value {
        match self {
            Self::Config(errors) => errors.to_json(),
            other => json!({ "ok": false, "errors": [{ "message": other.to_string() }] }),
        }
    }
}

impl CheckArgs {
    pub(super) fn run(&self) -> ExitStatus {
        let told = match &self.explain {
            Some(user) => self.explain(user).map_err(CheckError::from),
            None => self.summary(),
        };
        match told {
            Ok((text, exit)) => print(text, exit),
            Err(error @ CheckError::System(_)) => refuse(error, ExitStatus::Fault),
            Err(error) if !self.json => refuse(error, ExitStatus::Usage),
            Err(error) => {
                refuse(&error, ExitStatus::Usage);
                print(error.to_json(), ExitStatus::Usage)
            }
        }
    }

    fn summary(&self) -> Result<(String, ExitStatus), CheckError> {
        let config = Config::load(&self.config)?;
        let engine = match self.engine {
            true => Some(self.ask_engine(&config)?),
            false => None,
        };
        let exit = engine.as_ref().map_or(ExitStatus::Done, exit_for);
        if self.json {
            let mut summary = summary_json(&self.config, &config);
            summary["ok"] = (exit == ExitStatus::Done).into();
            summary["engine"] = engine.map_or(Value::Null, |report| report.to_json());
            return Ok((summary.to_string(), exit));
        }
        let mut text = Summary(&self.config, &config).to_string();
        if let Some(report) = engine {
            let _ = write!(text, "\n\n{report}");
        }
        Ok((text, exit))
    }

    fn ask_engine(&self, config: &Config) -> Result<EngineReport, CheckError> {
        no_core_dump()?;
        let Some(options) = &config.cluster else {
            return Err(CheckError::Alone(self.config.clone()));
        };
        Ok(runtime()?.block_on(examine(options))?)
    }

    /// The file's certificates need not be readable: they are not used.
    fn explain(&self, user: &UserName) -> Result<(String, ExitStatus), ConfigErrors> {
        let login = LoginQuery {
            user: user.clone(),
            server_name: self.server_name.clone(),
            listener: self.listener.as_deref().map(ListenerName::new),
        };
        let told = Config::explain(&self.config, &login)?;
        let text = match self.json {
            true => explain::for_a_program(&self.config, &login, &told).to_string(),
            false => explain::for_a_person(&self.config, &login, &told),
        };
        Ok((text, ExitStatus::Done))
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
        if let Some(cluster) = &config.cluster {
            write!(f, "\n  cluster  {}", cluster_line(cluster))?;
        }
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

fn cluster_line(cluster: &ClusterOptions) -> String {
    let nodes = cluster.nodes.join(", ");
    let engine = match &cluster.master {
        Some(master) => format!("engine {master} of the Sentinels {nodes}"),
        None => format!("engine {nodes}"),
    };
    let tls = if cluster.tls { "implicit" } else { "off" };
    let outage = outage_word(cluster.on_outage);
    format!(
        "{engine}, TLS {tls}, lease {:?}, on_outage {outage}",
        cluster.lease
    )
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
        "cluster": config.cluster.as_ref().map(cluster_json),
        "warnings": config.warnings,
    })
}

fn outage_word(on_outage: OnOutage) -> &'static str {
    match on_outage {
        OnOutage::Local => "local",
        OnOutage::Refuse => "refuse",
    }
}

fn cluster_json(cluster: &ClusterOptions) -> Value {
    json!({
        "nodes": cluster.nodes,
        "master": cluster.master,
        "tls": cluster.tls,
        "lease_seconds": cluster.lease.as_secs(),
        "on_outage": outage_word(cluster.on_outage),
        "name": cluster.name,
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
