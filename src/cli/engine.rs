//! A look at the engine of a cluster, which several commands have.

use super::ExitStatus;
use crate::app::{authorities, engine_options};
use crate::cluster::engine::{EngineReport, EngineVerdict, survey};
use crate::cluster::options::ClusterOptions;
use crate::cluster::protocol::GateId;
use crate::cluster::secret_file::SecretFileError;
use crate::net::dial::TcpDial;
use crate::net::tls::TlsError;
use tokio::sync::watch;

/// A file that the engine is reached with cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum EngineFileError {
    #[error("[cluster] {0}")]
    Authorities(#[from] TlsError),
    #[error("[cluster] {0}")]
    Password(#[from] SecretFileError),
}

/// Connects to the engine and says what it is.
///
/// # Errors
/// A file that it takes cannot be used.
pub(super) async fn examine(options: &ClusterOptions) -> Result<EngineReport, EngineFileError> {
    let tls = authorities(options)?.map(|read| watch::channel(read).1);
    let options = engine_options(options, GateId([0; 8]), tls)?;
    let seen = survey(&TcpDial, &options).await;
    Ok(EngineReport::new(&options, seen))
}

/// How a command ends that said this.
pub(super) fn exit_for(report: &EngineReport) -> ExitStatus {
    match report.verdict() {
        _ if report.is_unavailable() => ExitStatus::Unavailable,
        EngineVerdict::Unfit => ExitStatus::Usage,
        EngineVerdict::Fit | EngineVerdict::Doubtful => ExitStatus::Done,
    }
}
