//! `popgate serve`: a gate that lives until it is told to stop.

use super::{Gate, Outside, StartError};
use crate::config::Config;
use crate::net::dial::TcpDial;
use crate::observe::event::EventSink;
use crate::observe::log::{self, InitError, Log};
use sd_notify::NotifyState;
use std::io;
use std::sync::Arc;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Why serving did not begin.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The gate could not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Log lines have nowhere to go.
    #[error(transparent)]
    Log(#[from] InitError),
    /// The system refuses signals or a runtime.
    #[error("the system refuses what popgate needs: {0}")]
    System(#[from] io::Error),
}

/// Serves until SIGTERM (systemd, `kill`) or SIGINT (Ctrl-C): then everybody may finish within
/// `grace`. A second one closes at once. SIGHUP takes the certificates anew.
///
/// # Errors
/// Serving did not begin; nothing was served.
pub async fn serve(config: Config) -> Result<(), ServeError> {
    log::init(config.server.log)?;
    let mut signals = Signals::new()?;
    for notice in config.warnings.iter().chain(&config.inactive) {
        tracing::warn!("{notice}");
    }
    let sinks: Vec<Arc<dyn EventSink>> = vec![Arc::new(Log::new(config.server.log))];
    let outside = Outside {
        dial: Arc::new(TcpDial),
        sinks,
        acceptor: None,
        seed: None,
    };
    let gate = Gate::start(&config, outside).await?;
    for (name, address) in &gate.listeners {
        tracing::info!("{name} listens on {address}");
    }
    if let Some(address) = gate.admin_address() {
        tracing::info!("admin listens on {address}: /metrics, /healthz, /readyz");
    }
    let most = gate.sessions_max();
    tracing::info!("room for {most} sessions at a time, as the limit of open files allows");
    tokio::select! {
        () = say_when_ready(&gate) => {}
        () = until_stop(&config, &gate, &mut signals) => {}
    }
    tell_systemd(&[NotifyState::Stopping]);
    let grace = config.server.grace;
    tracing::info!("stopping: sessions may finish within {} s", grace.as_secs());
    gate.stop(grace, signals.second_stop()).await;
    tracing::info!("stopped");
    Ok(())
}

/// Tells systemd when clients are greeted; does not return.
async fn say_when_ready(gate: &Gate) {
    gate.looked_around().await;
    tell_systemd(&[NotifyState::Ready]);
    std::future::pending().await
}

async fn until_stop(config: &Config, gate: &Gate, signals: &mut Signals) {
    while signals.next().await == Told::Reload {
        reload(config, gate);
    }
}

fn reload(config: &Config, gate: &Gate) {
    let Some(files) = &config.tls else {
        return;
    };
    match gate.reload_certificates(files) {
        Ok(()) => tracing::info!("certificates are taken anew; all else needs a restart"),
        Err(error) => tracing::error!("certificates stay as they were: {error}"),
    }
}

/// systemd may not be there; a lost notice is its own time-out to report.
fn tell_systemd(state: &[NotifyState<'_>]) {
    let _ = sd_notify::notify(state);
}

/// What the operator wants.
#[derive(PartialEq, Eq)]
enum Told {
    Reload,
    Stop,
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.terminate.recv() => Told::Stop,
            _ = self.interrupt.recv() => Told::Stop,
            _ = self.hang_up.recv() => Told::Reload,
        }
    }

    async fn second_stop(&mut self) {
        while self.next().await == Told::Reload {}
    }
}
