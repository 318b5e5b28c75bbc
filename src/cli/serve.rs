//! `popgate serve`: the gate itself.

use super::{ExitStatus, refuse};
use crate::app::{self, ServeError, StartError};
use crate::config::Config;
use clap::Args;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io;
use std::path::PathBuf;

/// Run the proxy
#[derive(Args, Debug)]
#[command(after_help = "\
It runs in the foreground and logs to standard error; the package has a unit for systemd. SIGTERM
stops it gently, SIGHUP lets it read its configuration anew.

Example:
  popgate serve --config /etc/popgate/popgate.toml")]
pub(super) struct ServeArgs {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

impl ServeArgs {
    pub(super) fn run(&self) -> ExitStatus {
        let config = match Config::load(&self.config) {
            Ok(config) => config,
            Err(error) => return refuse(error, ExitStatus::Usage),
        };
        raise_open_files();
        let served = no_core_dump()
            .and_then(|()| runtime())
            .map_err(ServeError::System)
            .and_then(|runtime| runtime.block_on(app::serve(config, &self.config)));
        match served {
            Ok(()) => ExitStatus::Done,
            Err(error) => refuse(&error, exit_for(&error)),
        }
    }
}

/// Passwords are in memory. Of 1 octet the kernel writes no core file, and pipes none to a
/// collector either, which a limit of 0 does not prevent (core(5)).
pub(super) fn no_core_dump() -> io::Result<()> {
    let maximum = getrlimit(Resource::Core)
        .maximum
        .map_or(1, |hard| hard.min(1));
    let limit = Rlimit {
        current: Some(maximum),
        maximum: Some(maximum),
    };
    Ok(setrlimit(Resource::Core, limit)?)
}

/// The soft limit is for programs that use select(2), which popgate does not. Where it cannot be
/// raised, the gate makes do with it.
fn raise_open_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let _ = setrlimit(Resource::Nofile, limit);
}

pub(super) fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
}

fn exit_for(error: &ServeError) -> ExitStatus {
    match error {
        // The RUST_LOG of the environment is a setting, too.
        ServeError::Start(
            StartError::Tls(_)
            | StartError::Journal(_)
            | StartError::Cluster(_)
            | StartError::Token(_),
        )
        | ServeError::Log(_) => ExitStatus::Usage,
        ServeError::Start(StartError::Bind(_) | StartError::Admin(_)) => ExitStatus::Unavailable,
        ServeError::Start(StartError::Random | StartError::Metrics(_)) | ServeError::System(_) => {
            ExitStatus::Fault
        }
    }
}
