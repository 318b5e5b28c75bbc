//! `popgate serve`: a gate that lives until it is told to stop.

use super::drain::Drain;
use super::{Gate, Outside, ReloadError, StartError, Workers};
use crate::admin::{Reload, ReloadRefusal, Reloaded};
use crate::config::Config;
use crate::net::dial::TcpDial;
use crate::observe::hub::EventSink;
use crate::observe::log::{self, InitError, Log};
use crate::time::Duration;
use sd_notify::NotifyState;
use std::future::pending;
use std::io;
use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;
use std::thread::available_parallelism;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Semaphore, mpsc, oneshot};

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
/// `grace`. A second one closes at once. The admin port can ask for the same, with a grace of its
/// own. SIGHUP reads the configuration at `path` anew.
///
/// # Errors
/// Serving did not begin; nothing was served.
pub async fn serve(config: Config, path: &Path) -> Result<(), ServeError> {
    let filter = log::init(config.server.log)?;
    // Before the gate starts: a signal without a handler would kill the process meanwhile.
    let mut stops = Stops::new()?;
    let mut hang_ups = signal(SignalKind::hangup())?;
    for notice in &config.warnings {
        tracing::warn!("{notice}");
    }
    let (reload, asked) = reload_requests();
    let sinks: Vec<Arc<dyn EventSink>> = vec![Arc::new(Log::new(config.server.log))];
    let outside = Outside {
        sinks,
        reload: Some(reload),
        log: Some(filter),
        workers: Workers::start(available_parallelism().map_or(1, NonZero::get))?,
        ..Outside::dialing(Arc::new(TcpDial))
    };
    let gate = Gate::start(&config, outside).await?;
    introduce(&gate);
    let by_signal = tokio::select! {
        () = attend(&gate, path, &mut hang_ups, asked) => false,
        () = gate.drain_begun() => false,
        () = stops.next() => true,
    };
    tokio::select! {
        () = stop(gate, stops, by_signal) => {}
        () = decline(&mut hang_ups) => {}
    }
    tracing::info!("stopped");
    Ok(())
}

/// Ends a gate that a signal or an operator has told to stop. While it drains for an operator the
/// first signal does what it always does, and may make the drain shorter; the second one closes at
/// once.
async fn stop(gate: Gate, mut stops: Stops, by_signal: bool) {
    let grace = gate.grace();
    let drain = gate.drain.clone();
    if by_signal {
        obey(&drain, grace);
    } else {
        // Not STOPPING yet: from then on systemd counts its TimeoutStopSec, which a long drain
        // would outlast, and `systemctl stop` would send no signal any more.
        tell_systemd(&[NotifyState::Status("draining")]);
    }
    let hurry = async {
        if !by_signal {
            stops.next().await;
            obey(&drain, grace);
        }
        stops.next().await;
    };
    let closing = async {
        drain.over().await;
        tell_systemd(&[NotifyState::Stopping]);
        pending::<()>().await;
    };
    tokio::select! {
        () = gate.finish(hurry) => {}
        () = closing => {}
    }
}

/// Drains for a signal.
fn obey(drain: &Drain, grace: Duration) {
    tell_systemd(&[NotifyState::Stopping]);
    let left = drain.begin(grace);
    tracing::info!("stopping: sessions may finish within {} s", left.as_secs());
}

fn introduce(gate: &Gate) {
    for notice in gate.notices() {
        tracing::warn!("{notice}");
    }
    for (name, address) in gate.listeners() {
        tracing::info!("{name} listens on {address}");
    }
    if let Some(address) = gate.admin_address() {
        tracing::info!("admin listens on {address}: /metrics, /healthz, /readyz, /api");
    }
    let most = gate.sessions_max();
    tracing::info!("at most {most} sessions at a time, from the limit of open files");
}

/// Tells systemd when clients are greeted, then reloads whenever it is told to; does not return.
/// Where it is dropped, whoever waits for a reload is told that popgate stops.
async fn attend(gate: &Gate, path: &Path, hang_ups: &mut Signal, mut asked: ReloadRequests) {
    gate.looked_around().await;
    tell_systemd(&[NotifyState::Ready]);
    loop {
        let answer = tokio::select! {
            _ = hang_ups.recv() => None,
            Some(answer) = asked.recv() => Some(answer),
        };
        let notice = ReloadNotice::new();
        let reloaded = gate.reload_file(path).await;
        drop(notice);
        if let Some(answer) = answer {
            // The caller may have given up; the log says it too.
            let refusal = |error: ReloadError| ReloadRefusal::Mistake(error.to_string());
            let _ = answer.send(reloaded.map_err(refusal));
        }
    }
}

/// Says of each SIGHUP that it changes nothing any more; does not return.
async fn decline(hang_ups: &mut Signal) {
    loop {
        hang_ups.recv().await;
        drop(ReloadNotice::new());
        tracing::warn!("SIGHUP: not reloaded, popgate is stopping");
    }
}

/// systemd is told that a reload goes on until this is dropped. It waits for READY, also where the
/// reload fails, or is given up for a drain.
struct ReloadNotice;

impl ReloadNotice {
    /// systemd wants the time with it, where the unit is of `Type=notify-reload`.
    fn new() -> Self {
        let now = NotifyState::monotonic_usec_now().ok();
        let notices: Vec<_> = [NotifyState::Reloading].into_iter().chain(now).collect();
        tell_systemd(&notices);
        Self
    }
}

impl Drop for ReloadNotice {
    fn drop(&mut self) {
        tell_systemd(&[NotifyState::Ready]);
    }
}

/// Where the answer to a request for a reload goes.
type ReloadRequests = mpsc::Receiver<oneshot::Sender<Reloaded>>;

/// What the admin port asks for a reload with, and where it is heard.
fn reload_requests() -> (Reload, ReloadRequests) {
    let (ask, asked) = mpsc::channel(1);
    let turn = Arc::new(Semaphore::new(1));
    let reload: Reload = Arc::new(move || {
        let ask = ask.clone();
        let turn = Arc::clone(&turn);
        Box::pin(async move {
            let _turn = turn.try_acquire().map_err(|_| ReloadRefusal::UnderWay)?;
            let (answer, answered) = oneshot::channel();
            ask.send(answer)
                .await
                .map_err(|_| ReloadRefusal::Stopping)?;
            answered.await.map_err(|_| ReloadRefusal::Stopping)?
        })
    });
    (reload, asked)
}

/// systemd may not be there; a lost notice is its own time-out to report.
fn tell_systemd(state: &[NotifyState<'_>]) {
    let _ = sd_notify::notify(state);
}

/// The signals that end a gate.
struct Stops {
    terminate: Signal,
    interrupt: Signal,
}

impl Stops {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::timeout;

    #[tokio::test(start_paused = true)]
    async fn one_reload_is_asked_for_at_a_time_and_none_in_a_stop() {
        let (reload, mut asked) = reload_requests();
        let first = tokio::spawn(reload());
        let answer = asked.recv().await.unwrap();
        let second = timeout(Duration::from_secs(1), reload()).await;
        assert_eq!(second, Ok(Err(ReloadRefusal::UnderWay)));
        answer.send(Ok(Vec::new())).unwrap();
        assert_eq!(first.await.unwrap(), Ok(Vec::new()));
        let last = tokio::spawn(reload());
        let unanswered = asked.recv().await;
        drop((unanswered, asked));
        assert_eq!(last.await.unwrap(), Err(ReloadRefusal::Stopping));
        assert_eq!(reload().await, Err(ReloadRefusal::Stopping));
    }
}
