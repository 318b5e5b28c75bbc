//! Which backend a login goes to: where its maildrop is already, else the first of its tenant's
//! that can be reached and has room.

use super::connect::{Backend, ConnectError, GreetedConnection, Permit};
use super::health::State;
use super::login::{NeedsPlain, form};
use crate::ids::BackendName;
use crate::limits::MAKE_ROOM;
use crate::pop3::capability::Capabilities;
use crate::pop3::sasl::Credentials;
use crate::time::{Duration, Instant};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use tokio::time::{timeout, timeout_at};

/// The backends that may hold a maildrop, in order of preference.
pub struct Route {
    backends: Vec<Arc<Backend>>,
    home: Option<BackendName>,
    /// Those of `backends` that an operator has paused.
    paused: Vec<BackendName>,
}

/// Why a route led nowhere.
pub enum Unconnected {
    /// The backend that comes first is paused.
    Paused,
    /// Each backend that it may go to has as many connections as it may have.
    Busy,
    /// No backend greets; so the last one failed.
    Failed(Arc<Backend>, ConnectError),
}

/// A backend that has greeted, or why there is none.
pub type Connected = Result<(Arc<Backend>, GreetedConnection), Unconnected>;

impl Route {
    /// A route over `backends`, the tenant's own order. While the maildrop has sessions, they go
    /// to the backend named `home`, as long as that is up.
    #[must_use]
    pub fn new(backends: Vec<Arc<Backend>>, home: Option<BackendName>) -> Self {
        Self {
            backends,
            home,
            paused: Vec::new(),
        }
    }

    /// The same while these backends are paused. One that is paused keeps its turn, also where it
    /// cannot be reached, which may be what it is paused for: its logins wait, and no backend
    /// behind it takes them.
    #[must_use]
    pub fn with_paused(mut self, paused: &BTreeSet<BackendName>) -> Self {
        if !paused.is_empty() {
            self.paused = self
                .backends
                .iter()
                .map(|backend| &backend.options().name)
                .filter(|name| paused.contains(*name))
                .cloned()
                .collect();
        }
        self
    }

    /// Whether the backend that comes first is paused.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        let first = self.in_order().next();
        first.is_some_and(|backend| self.pauses(backend))
    }

    /// The same over those backends alone that can be told this login. One that nobody has looked
    /// at may be able to; where none is, it stays as it was.
    #[must_use]
    pub fn that_takes(mut self, credentials: &Credentials) -> Self {
        let takes = |backend: &Arc<Backend>| why_not(backend, credentials).is_none();
        if self.backends.iter().any(takes) {
            self.backends.retain(takes);
        }
        self
    }

    /// Whether one of the backends that were up at the last look can be told this login.
    ///
    /// # Errors
    /// None of them can, for this reason.
    pub fn can_take(&self, credentials: &Credentials) -> Result<(), NeedsPlain> {
        let mut reasons = self
            .backends
            .iter()
            .filter(|backend| backend.is_up())
            .map(|backend| why_not(backend, credentials));
        let first = reasons.next().flatten();
        match first {
            Some(why) if reasons.all(|reason| reason.is_some()) => Err(why),
            _ => Ok(()),
        }
    }

    /// The part of a wait that is kept for the login itself.
    #[must_use]
    pub fn login_reserve(&self) -> Duration {
        self.backends
            .iter()
            .map(|backend| backend.options().login_reserve)
            .max()
            .unwrap_or_default()
    }

    /// Whether the head of a queue connects in advance.
    #[must_use]
    pub fn preconnects(&self) -> bool {
        let first = self.before_paused().next();
        first.is_some_and(|backend| backend.options().preconnect)
    }

    /// Whether a connection of `backend` that is open already leads where a new one would.
    #[must_use]
    pub fn leads_to(&self, backend: &Backend) -> bool {
        let name = &backend.options().name;
        let address = &backend.options().address;
        let is_it =
            |own: &Arc<Backend>| own.options().name == *name && own.options().address == *address;
        match self.home() {
            Some(home) => is_it(home),
            None => self.backends.iter().any(is_it),
        }
    }

    /// Connects to the first backend that greets: where the maildrop is; else those that were up
    /// at the last look and have room; else those that were up, then those that were not; none that
    /// is paused, and none behind that. For these and for the maildrop's own it waits until `until`
    /// for a place under `connections`; the greeting must come within what is kept for the login
    /// behind that. `make_room` is asked for a connection that is not needed as long as there is no
    /// place.
    ///
    /// # Errors
    /// The first one is paused, every place was taken, or what the last backend said or did, where
    /// none greets.
    pub async fn connect(
        &self,
        client: SocketAddr,
        until: Instant,
        make_room: impl Fn(&BackendName),
    ) -> Connected {
        let call = Call {
            client,
            until,
            greeted_by: until + self.login_reserve(),
            make_room,
        };
        let mut later = Vec::new();
        let mut backends = self.before_paused().peekable();
        // All others take a place, or wait for one.
        if backends.peek().is_none() && !self.paused.is_empty() {
            return Err(Unconnected::Paused);
        }
        let mut result = Err(Unconnected::Busy);
        for backend in backends {
            let is_home = self.is_home(backend);
            let connected = if is_home {
                call.patiently(backend).await
            } else {
                call.at_once(backend).await
            };
            match connected {
                Err(Unconnected::Busy) if !is_home => later.push(backend),
                Err(failed @ Unconnected::Failed(..)) => result = Err(failed),
                connected => return connected,
            }
        }
        // Only now is a place waited for: another backend might have had one at once.
        for backend in later {
            match call.patiently(backend).await {
                Err(Unconnected::Busy) => {}
                Err(failed) => result = Err(failed),
                connected => return connected,
            }
        }
        result
    }

    /// Connects before its turn comes, if the backend that comes first greets and is under its
    /// limit.
    pub async fn connect_ahead(
        &self,
        client: SocketAddr,
    ) -> Option<(Arc<Backend>, GreetedConnection)> {
        let backend = self.before_paused().next()?;
        let permit = backend.try_permit()?;
        let greeted = backend.connect_with(permit, Some(client)).await.ok()?;
        Some((Arc::clone(backend), greeted))
    }

    /// First where the maildrop is, then those that were up at the last look; last those that were
    /// down.
    fn in_order(&self) -> impl Iterator<Item = &Arc<Backend>> {
        let mut backends: Vec<_> = self.backends.iter().collect();
        // A stable sort: among equals the tenant's order stays.
        backends.sort_by_key(|backend| (!self.is_home(backend), self.rank(backend)));
        backends.into_iter()
    }

    fn before_paused(&self) -> impl Iterator<Item = &Arc<Backend>> {
        self.in_order().take_while(|backend| !self.pauses(backend))
    }

    fn rank(&self, backend: &Backend) -> u8 {
        match backend.state() {
            _ if self.pauses(backend) => 0,
            State::Up(_) => 0,
            State::Unknown => 1,
            State::Down(_) => 2,
        }
    }

    fn pauses(&self, backend: &Backend) -> bool {
        self.paused.contains(&backend.options().name)
    }

    /// Where the maildrop is, if that is up, or paused.
    fn home(&self) -> Option<&Arc<Backend>> {
        self.backends.iter().find(|backend| self.is_home(backend))
    }

    fn is_home(&self, backend: &Backend) -> bool {
        self.home.as_ref() == Some(&backend.options().name)
            && (backend.is_up() || self.pauses(backend))
    }
}

/// One login that wants a connection.
struct Call<M> {
    client: SocketAddr,
    until: Instant,
    greeted_by: Instant,
    make_room: M,
}

impl<M: Fn(&BackendName)> Call<M> {
    /// Where there is room now, at a backend that was up.
    async fn at_once(&self, backend: &Arc<Backend>) -> Connected {
        let permit = backend.is_up().then(|| backend.try_permit()).flatten();
        match permit {
            Some(permit) => self.greeted(backend, permit).await,
            None => Err(Unconnected::Busy),
        }
    }

    async fn patiently(&self, backend: &Arc<Backend>) -> Connected {
        match timeout_at(self.until, self.place(backend)).await {
            Ok(permit) => self.greeted(backend, permit).await,
            Err(_) => Err(Unconnected::Busy),
        }
    }

    /// Waits for a place under the backend's limit. Connections that are opened in advance
    /// meanwhile have to go, too.
    async fn place(&self, backend: &Backend) -> Permit {
        // Polled on: a second request would be last in line again.
        let mut permit = pin!(backend.permit());
        loop {
            match timeout(MAKE_ROOM, permit.as_mut()).await {
                Ok(permit) => return permit,
                Err(_) => (self.make_room)(&backend.options().name),
            }
        }
    }

    async fn greeted(&self, backend: &Arc<Backend>, permit: Permit) -> Connected {
        let greeted = backend.connect_with(permit, Some(self.client));
        let greeted = timeout_at(self.greeted_by, greeted).await;
        match greeted.unwrap_or_else(|_| Err(backend.late())) {
            Ok(greeted) => Ok((Arc::clone(backend), greeted)),
            Err(error) => Err(Unconnected::Failed(Arc::clone(backend), error)),
        }
    }
}

fn why_not(backend: &Backend, credentials: &Credentials) -> Option<NeedsPlain> {
    let capabilities = backend.capabilities()?;
    form(credentials, &capabilities).err()
}

/// Whether a backend can be reached.
pub fn can_serve<'a>(mut backends: impl Iterator<Item = &'a Arc<Backend>>) -> bool {
    backends.any(|backend| backend.is_up())
}

/// Whether one can, or may: what is not known is not down.
pub fn may_serve<'a>(mut backends: impl Iterator<Item = &'a Arc<Backend>>) -> bool {
    backends.any(|backend| !matches!(backend.state(), State::Down(_)))
}

/// What all of `backends` can do before login that were ever reached; `None` where none was. One
/// that nobody has looked at yet counts as one without CAPA.
pub fn common_capabilities<'a>(
    backends: impl Iterator<Item = &'a Arc<Backend>>,
) -> Option<Arc<Capabilities>> {
    common(backends.filter_map(|backend| known_or_assumed(backend, backend.capabilities())))
}

/// The same after login.
pub fn common_capabilities_inside<'a>(
    backends: impl Iterator<Item = &'a Arc<Backend>>,
) -> Option<Arc<Capabilities>> {
    common(backends.filter_map(|backend| known_or_assumed(backend, backend.capabilities_inside())))
}

fn known_or_assumed(
    backend: &Backend,
    known: Option<Arc<Capabilities>>,
) -> Option<Arc<Capabilities>> {
    match backend.state() {
        State::Unknown => Some(Arc::new(Capabilities::assumed())),
        State::Up(_) | State::Down(_) => known,
    }
}

fn common(lists: impl Iterator<Item = Arc<Capabilities>>) -> Option<Arc<Capabilities>> {
    // A client cannot choose its backend: what one of them lacks must not be promised.
    lists.reduce(|common, more| Arc::new(common.intersect(&more)))
}
