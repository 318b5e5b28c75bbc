//! The settings of `[cluster]`.

use super::member::OnOutage;
use crate::time::Duration;
use std::path::PathBuf;

/// The settings of `[cluster]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterOptions {
    /// The engine's address, or the Sentinels' where there is a `master`: `host:port` each.
    pub nodes: Vec<String>,
    /// What the Sentinels call the primary.
    pub master: Option<String>,
    /// Whether the engine, and the Sentinels, are spoken to with TLS.
    pub tls: bool,
    /// Who may have signed their certificates; `None`: whom the system trusts.
    pub ca: Option<PathBuf>,
    /// The user of the engine's access control list.
    pub username: Option<String>,
    /// The file with that user's password.
    pub password_file: Option<PathBuf>,
    /// The file with what all gates know, and nobody else.
    pub secret_file: PathBuf,
    /// What all names in the engine begin with.
    pub prefix: String,
    /// How long a gate counts as alive of which nothing is heard.
    pub lease: Duration,
    /// What the gate does while the engine is away.
    pub on_outage: OnOutage,
    /// What people read of this gate.
    pub name: String,
}
