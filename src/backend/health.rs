//! Whether a backend can be reached, and what it can do.

use super::connect::{Backend, ConnectError, GreetedConnection, Permit};
use super::learned::{Asking, Heard, Learned};
use super::lines::read_capabilities;
use crate::limits::{CAPA_PROMPT, EOF_AFTER_QUIT, FIRST_LOOK, PROBE_AGAIN, PROBE_DOWN, PROBE_UP};
use crate::net::dial::is_own_shortage;
use crate::observe::event::Event;
use crate::observe::hub::EventHub;
use crate::pop3::capability::Capabilities;
use crate::time::{Duration, Instant};
use std::pin::pin;
use std::sync::Arc;
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout, timeout_at};
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
    learned: Arc<Learned>,
    failures: Notify,
    /// Nobody waits longer for the first look.
    first_look: Instant,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            state: watch::Sender::new(State::Unknown),
            learned: Arc::default(),
            failures: Notify::new(),
            first_look: Instant::now() + FIRST_LOOK,
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

    /// What it could do before login when it was reached last; `None` where it never was. A
    /// backend that is down for a while does not change what clients are told.
    #[must_use]
    pub fn capabilities(&self) -> Option<Arc<Capabilities>> {
        self.known.learned.before()
    }

    /// The same after login; as before login until a session has asked.
    #[must_use]
    pub fn capabilities_inside(&self) -> Option<Arc<Capabilities>> {
        self.known.learned.after()
    }

    /// Leave to ask what it lists after login, where that is to be learned: one session has it.
    pub fn leave_to_ask(&self) -> Option<Asking> {
        self.known.learned.leave_to_ask()
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

    /// Waits for the same, but no longer than [`FIRST_LOOK`] from when it was first heard of.
    pub async fn known_in_time(&self) {
        // What came of it is in the state.
        let _ = timeout_at(self.known.first_look, self.known()).await;
    }

    /// Says that it could not be reached, so that it is looked at now and not at its time.
    pub fn report_failure(&self) {
        // It is kept where a look is under way: the next one then comes at once.
        self.known.failures.notify_one();
    }
}

/// Looks at `backend` once, as before it is taken into service; it may have to wait for a place.
/// Cancel-safe: then nothing new is known.
pub async fn look_once(backend: &Backend, events: &EventHub) {
    look(backend, CAPA_PROMPT, events).await;
}

/// Looks at `backend`, which is in service from now on, again and again until `stop`, and keeps
/// its state.
pub async fn watch_backend(backend: Arc<Backend>, events: Arc<EventHub>, stop: CancellationToken) {
    backend.enter_service();
    let watching = async {
        loop {
            // As long as a login waits for an answer.
            let patience = backend.options().login_timeout;
            look(&backend, patience, events.as_ref()).await;
            until_next_look(&backend).await;
        }
    };
    stop.run_until_cancelled(watching).await;
}

async fn until_next_look(backend: &Backend) {
    if !backend.is_up() {
        return sleep(PROBE_DOWN).await;
    }
    // First, so that failing logins do not make looks follow each other without a pause.
    sleep(PROBE_AGAIN).await;
    let pause = PROBE_UP.saturating_sub(PROBE_AGAIN);
    // Its end and a report of failure mean the same.
    let _ = timeout(pause, backend.known.failures.notified()).await;
}

/// One look. The greeting decides whether the backend is up; CAPA has `patience`, and decides
/// nothing.
async fn look(backend: &Backend, patience: Duration, events: &EventHub) {
    let Some(permit) = place(backend).await else {
        return;
    };
    // From before the connection: it counts no login that came earlier, and misses none.
    let wanted = backend.place_wanted();
    match backend.connect_with(permit, None).await {
        Ok(mut greeted) => {
            learn(backend, &mut greeted, wanted, patience, events).await;
            // What comes of the farewell does not matter.
            let _ = timeout(EOF_AFTER_QUIT, leave(&mut greeted)).await;
        }
        Err(error) if says_nothing(backend, &error) => {}
        Err(error) => change(backend, State::Down(error.to_string()), events),
    }
}

/// Whether a look that failed so leaves all as it was.
fn says_nothing(backend: &Backend, error: &ConnectError) -> bool {
    match error {
        // It can be reached, and each login hears for itself why it does not want to.
        ConnectError::Refused { .. } => backend.is_up(),
        // We are short of descriptors ourselves, which says nothing of the backend.
        ConnectError::Unreachable { source, .. } => is_own_shortage(source),
        // Courier says nothing where an address has too many connections. (This look has given its
        // own back.)
        ConnectError::Closed { .. } => backend.is_up() && backend.connections() > 0,
        _ => false,
    }
}

/// Where all `connections` are open there is no room for a look, and no need. But a backend that
/// nothing is known of has taken the place of one that they lead to, and clients are held until it
/// was looked at: there the look waits for its place.
async fn place(backend: &Backend) -> Option<Permit> {
    match backend.state() {
        State::Unknown => {
            let patience = backend.options().connect_timeout;
            timeout(patience, backend.permit()).await.ok()
        }
        State::Up(_) | State::Down(_) => backend.try_permit(),
    }
}

/// It has greeted: it is up, with the list that CAPA brings, or else with what it had, or with
/// what every server can do.
async fn learn(
    backend: &Backend,
    greeted: &mut GreetedConnection,
    wanted: watch::Receiver<u64>,
    patience: Duration,
    events: &EventHub,
) {
    let learned = &backend.known.learned;
    if matches!(backend.state(), State::Down(_)) {
        learned.came_back();
    }
    let mut hearing = pin!(hear(backend, greeted));
    let heard = match timeout(CAPA_PROMPT, hearing.as_mut()).await {
        Ok(heard) => Some(heard),
        Err(_) => {
            change(backend, State::Up(learned.meanwhile()), events);
            let rest = patience.saturating_sub(CAPA_PROMPT);
            hear_late(backend, hearing, wanted, rest).await
        }
    };
    if let Some(heard) = heard {
        change(backend, State::Up(learned.looked(heard)), events);
    }
}

/// The answer that did not come promptly; none where this is no time to wait for it: a login has
/// failed, or has found no place.
async fn hear_late(
    backend: &Backend,
    hearing: impl Future<Output = Heard>,
    mut wanted: watch::Receiver<u64>,
    patience: Duration,
) -> Option<Heard> {
    if patience.is_zero() {
        return None;
    }
    tokio::select! {
        heard = timeout(patience, hearing) => Some(match heard {
            Ok(Heard::List { list, .. }) => Heard::List { list, promptly: false },
            Ok(heard) => heard,
            Err(_) => Heard::Nothing,
        }),
        Ok(()) = wanted.changed() => None,
        () = backend.known.failures.notified() => {
            // The report is used up here, and is meant for the next look.
            backend.report_failure();
            None
        }
    }
}

/// What the configuration says, else what CAPA says.
async fn hear(backend: &Backend, greeted: &mut GreetedConnection) -> Heard {
    if let Some(names) = &backend.options().capabilities {
        return Heard::Set(Capabilities::from_names(names));
    }
    match read_capabilities(&mut greeted.conn).await {
        Ok(Some(list)) => Heard::List {
            list,
            promptly: true,
        },
        Ok(None) => Heard::Refused,
        Err(_) => Heard::Nothing,
    }
}

async fn leave(greeted: &mut GreetedConnection) {
    // A server that is gone needs no farewell.
    let _ = greeted.conn.write_all(b"QUIT\r\n").await;
    let _ = greeted.conn.drain_to_end().await;
}

fn change(backend: &Backend, found: State, events: &EventHub) {
    // Ahead of the event: whoever hears of it finds it so.
    let before = backend.known.state.send_replace(found.clone());
    let backend = backend.options().name.clone();
    match (before, found) {
        (State::Unknown | State::Down(_), State::Up(_)) => {
            events.emit(Event::BackendUp { backend })
        }
        (State::Unknown | State::Up(_), State::Down(why)) => {
            events.emit(Event::BackendDown { backend, why });
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;
