//! Which backend a login goes to: the first of its tenant's that can be reached.

use super::connect::{Backend, ConnectError, Greeted, Permit};
use super::health::State;
use crate::ids::BackendName;
use crate::limits::{MAKE_ROOM, PROBE_DOWN};
use crate::pop3::capability::Capabilities;
use crate::time::{Duration, Instant};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use tokio::time::{timeout, timeout_at};

/// The backends of a tenant, in order of preference.
pub struct Route(Vec<Arc<Backend>>);

/// Why a route led nowhere.
pub enum Unconnected {
    /// Each backend has as many connections as it may have.
    Busy,
    /// No backend greets; so the last one failed.
    Failed(Arc<Backend>, ConnectError),
}

impl Route {
    /// A route over `backends`; the configuration sees to it that there is one.
    #[must_use]
    pub fn new(backends: Vec<Arc<Backend>>) -> Self {
        Self(backends)
    }

    /// Whether `backend` is on it: a reload puts another in its place where its options change.
    #[must_use]
    pub fn leads_to(&self, backend: &Arc<Backend>) -> bool {
        self.0.iter().any(|own| Arc::ptr_eq(own, backend))
    }

    /// The part of a wait that is kept for the login itself.
    #[must_use]
    pub fn login_reserve(&self) -> Duration {
        let reserves = self.0.iter().map(|backend| backend.options().login_reserve);
        reserves.max().unwrap_or_default()
    }

    /// Whether the head of a queue connects in advance.
    #[must_use]
    pub fn preconnects(&self) -> bool {
        self.by_health()
            .next()
            .is_some_and(|backend| backend.options().preconnect)
    }

    /// Connects to the first backend that greets; those that were up at the last look come
    /// first. Waits until `until` for a place under a backend's `connections` limit; the greeting
    /// must come within what is kept for the login behind that. `make_room` is asked for a
    /// connection that is not needed as long as there is no place.
    ///
    /// # Errors
    /// Every place was taken, or what the last backend said or did, where none greets.
    pub async fn connect(
        &self,
        client: SocketAddr,
        until: Instant,
        make_room: impl Fn(&BackendName),
    ) -> Result<(Arc<Backend>, Greeted), Unconnected> {
        let greeted_by = until + self.login_reserve();
        let mut result = Err(Unconnected::Busy);
        for backend in self.by_health() {
            let permit = place(backend, &make_room);
            let Ok(permit) = timeout_at(until, permit).await else {
                continue;
            };
            let greeted = timeout_at(greeted_by, backend.connect_with(permit, Some(client)));
            match greeted.await.unwrap_or_else(|_| Err(backend.late())) {
                Ok(greeted) => return Ok((Arc::clone(backend), greeted)),
                Err(error) => result = Err(Unconnected::Failed(Arc::clone(backend), error)),
            }
        }
        result
    }

    /// Connects before its turn comes, as soon as a backend greets and is under its limit.
    pub async fn connect_ahead(&self, client: SocketAddr) -> (Arc<Backend>, Greeted) {
        loop {
            if let Some(backend) = self.by_health().next()
                && let Some(permit) = backend.try_permit()
                && let Ok(greeted) = backend.connect_with(permit, Some(client)).await
            {
                return (Arc::clone(backend), greeted);
            }
            tokio::time::sleep(PROBE_DOWN).await;
        }
    }

    fn by_health(&self) -> impl Iterator<Item = &Arc<Backend>> {
        let up = self.0.iter().filter(|backend| backend.is_up());
        up.chain(self.0.iter().filter(|backend| !backend.is_up()))
    }
}

/// Waits for a place under the backend's limit. Connections that are opened in advance meanwhile
/// have to go, too.
async fn place(backend: &Backend, make_room: &impl Fn(&BackendName)) -> Permit {
    let mut permit = pin!(backend.permit());
    loop {
        match timeout(MAKE_ROOM, permit.as_mut()).await {
            Ok(permit) => return permit,
            Err(_) => make_room(&backend.options().name),
        }
    }
}

/// Whether a client is to be greeted: every backend was looked at, and one can be reached.
pub fn can_serve<'a>(mut backends: impl Iterator<Item = &'a Arc<Backend>> + Clone) -> bool {
    let looked_at = backends
        .clone()
        .all(|backend| backend.state() != State::Unknown);
    looked_at && backends.any(|backend| backend.is_up())
}

/// What all of `backends` can do that were ever reached; `None` where none was.
pub fn common_capabilities<'a>(
    backends: impl Iterator<Item = &'a Arc<Backend>>,
) -> Option<Arc<Capabilities>> {
    let known = backends.filter_map(|backend| backend.capabilities());
    known.reduce(|common, more| Arc::new(common.intersect(&more)))
}
