//! Whether a backend can be reached, and what it can do (DESIGN decision 11).

use super::connect::{Backend, ConnectError, Greeted, Permit};
use super::lines::{LineError, read_capabilities};
use crate::limits::{CONNECT, EOF_AFTER_QUIT, PROBE_AGAIN, PROBE_DOWN, PROBE_REPLY, PROBE_UP};
use crate::net::dial::is_own_shortage;
use crate::observe::event::{Event, EventSink};
use crate::pop3::capability::Capabilities;
use std::sync::Arc;
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// What is known of a backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing yet.
    Unknown,
    /// It can be reached, and can do this.
    Up(Arc<Capabilities>),
    /// It cannot be reached, for this reason.
    Down(String),
}

/// What looks have found out, and what asks for one.
pub(super) struct Known {
    state: watch::Sender<State>,
    capabilities: watch::Sender<Option<Arc<Capabilities>>>,
    failures: Notify,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            state: watch::Sender::new(State::Unknown),
            capabilities: watch::Sender::new(None),
            failures: Notify::new(),
        }
    }
}

impl Backend {
    /// What is known of it now.
    #[must_use]
    pub fn state(&self) -> State {
        self.known.state.borrow().clone()
    }

    /// What is known of it, and every change of that.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<State> {
        self.known.state.subscribe()
    }

    /// What it could do when it was reached last; `None` where it never was. A backend that is
    /// down for a while does not change what clients are told.
    #[must_use]
    pub fn capabilities(&self) -> Option<Arc<Capabilities>> {
        self.known.capabilities.borrow().clone()
    }

    /// Whether it could be reached at the last look.
    #[must_use]
    pub fn is_up(&self) -> bool {
        matches!(*self.known.state.borrow(), State::Up(_))
    }

    /// Waits until it was looked at once.
    pub async fn known(&self) {
        let mut state = self.known.state.subscribe();
        // The sender lives in `self`: an error cannot come.
        let _ = state.wait_for(|state| *state != State::Unknown).await;
    }

    /// Says that it could not be reached, so that it is looked at now and not at its time.
    pub fn report_failure(&self) {
        self.known.failures.notify_one();
    }
}

/// Looks at `backend` once, as before it is taken into service; it may have to wait for a place.
/// Cancel-safe: then nothing new is known.
pub async fn look_once(backend: &Backend, events: &dyn EventSink) {
    let found = look(backend).await;
    change(backend, found, events);
}

/// Looks at `backend`, which is in service from now on, again and again until `stop`, and keeps
/// its state.
pub async fn watch_backend(
    backend: Arc<Backend>,
    events: Arc<dyn EventSink>,
    stop: CancellationToken,
) {
    backend.enter_service();
    let watching = async {
        loop {
            look_once(&backend, events.as_ref()).await;
            until_next_look(&backend).await;
        }
    };
    stop.run_until_cancelled(watching).await;
}

async fn until_next_look(backend: &Backend) {
    if !backend.is_up() {
        return sleep(PROBE_DOWN).await;
    }
    sleep(PROBE_AGAIN).await;
    let pause = PROBE_UP.saturating_sub(PROBE_AGAIN);
    // Its end and a report of failure mean the same.
    let _ = timeout(pause, backend.known.failures.notified()).await;
}

/// One look; `None` where it tells nothing new.
async fn look(backend: &Backend) -> Option<State> {
    let permit = place(backend).await?;
    match backend.connect_with(permit, None).await {
        Ok(greeted) => Some(ask(backend, greeted).await),
        // It can be reached, and each login hears for itself why it does not want to.
        Err(ConnectError::Refused { .. }) if backend.is_up() => None,
        // We are short of descriptors ourselves, which says nothing of the backend.
        Err(ConnectError::Unreachable { source, .. })
            if backend.is_up() && is_own_shortage(&source) =>
        {
            None
        }
        // Courier says nothing where an address has too many connections. (This look has given its
        // own back.)
        Err(ConnectError::Closed { .. }) if backend.is_up() && backend.is_in_use() => None,
        Err(error) => Some(State::Down(error.to_string())),
    }
}

/// Where all `connections` are open there is no room for a look, and no need. But a backend that
/// nothing is known of has taken the place of one that they lead to, and until it was looked at no
/// client is greeted for it: there the look waits for its place.
async fn place(backend: &Backend) -> Option<Permit> {
    match backend.state() {
        State::Unknown => timeout(CONNECT, backend.permit()).await.ok(),
        State::Up(_) | State::Down(_) => backend.try_permit(),
    }
}

async fn ask(backend: &Backend, mut greeted: Greeted) -> State {
    let asked = timeout(PROBE_REPLY, capabilities(backend, &mut greeted)).await;
    let address = &backend.options().address;
    let state = match asked {
        Ok(Ok(capabilities)) => State::Up(Arc::new(capabilities)),
        Ok(Err(error)) => State::Down(format!("{address} {error}")),
        Err(_) => State::Down(format!(
            "{address} did not answer CAPA within {PROBE_REPLY:?}"
        )),
    };
    // What comes of the farewell does not matter.
    let _ = timeout(EOF_AFTER_QUIT, leave(&mut greeted)).await;
    state
}

/// What the configuration says, else what CAPA says, else what every server can do.
async fn capabilities(backend: &Backend, greeted: &mut Greeted) -> Result<Capabilities, LineError> {
    if let Some(names) = &backend.options().capabilities {
        return Ok(Capabilities::from_names(names));
    }
    let told = read_capabilities(&mut greeted.conn).await?;
    Ok(told.unwrap_or_else(Capabilities::assumed))
}

async fn leave(greeted: &mut Greeted) {
    // A server that is gone needs no farewell.
    let _ = greeted.conn.write_all(b"QUIT\r\n").await;
    let _ = greeted.conn.drain_to_end().await;
}

fn change(backend: &Backend, found: Option<State>, events: &dyn EventSink) {
    let Some(found) = found else { return };
    if let State::Up(capabilities) = &found {
        let known = &backend.known.capabilities;
        known.send_replace(Some(Arc::clone(capabilities)));
    }
    let before = backend.known.state.send_replace(found.clone());
    let backend = backend.options().name.clone();
    match (before, found) {
        (State::Unknown | State::Down(_), State::Up(_)) => {
            events.emit(&Event::BackendUp { backend })
        }
        (State::Unknown | State::Up(_), State::Down(why)) => {
            events.emit(&Event::BackendDown { backend, why });
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;
