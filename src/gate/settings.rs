//! What a reload swaps, and the reloads themselves as they come.

use crate::backend::connect::Backend;
use crate::backend::route::Route;
use crate::ids::BackendName;
use crate::net::ResolverChoice;
use crate::net::tls::Acceptor;
use crate::policy::tenant::{LoginPolicy, TenantTable};
use crate::time::Duration;
use ipnet::IpNet;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::watch;

/// What a reload swaps, all at once.
pub struct Settings {
    /// Whose login it is.
    pub tenants: Arc<TenantTable>,
    /// The backends by name.
    pub backends: HashMap<BackendName, Arc<Backend>>,
    /// The certificates, where a listener speaks TLS.
    pub acceptor: Option<Arc<Acceptor>>,
    /// The certificate of the admin port, where that speaks TLS.
    pub admin_acceptor: Option<Arc<Acceptor>>,
    /// Networks whose clients may send passwords in clear, and whose PROXY headers count.
    pub trusted: Vec<IpNet>,
    /// How long sessions and waiters go on after a request to stop.
    pub grace: Duration,
    /// Which DNS server is asked for the domain of a user that somebody wants a report of.
    pub resolver: ResolverChoice,
}

impl Settings {
    /// Whether `address` is in a trusted network.
    #[must_use]
    pub fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.trusted
            .iter()
            .any(|network| network.contains(&address))
    }

    /// The backends of a login, for a maildrop that is on `home` now.
    pub(crate) fn route(&self, policy: &LoginPolicy, home: Option<BackendName>) -> Route {
        let backends = policy
            .backends
            .iter()
            .filter_map(|name| self.backends.get(name).cloned())
            .collect();
        Route::new(backends, home)
    }
}

/// Reloads, as they come.
pub(crate) struct Reloads(pub(super) watch::Receiver<Arc<Settings>>);

impl Reloads {
    /// The settings of the next one. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Arc<Settings> {
        if self.0.changed().await.is_err() {
            // The gate is gone, and with it all reloads.
            std::future::pending::<()>().await;
        }
        Arc::clone(&self.0.borrow_and_update())
    }
}
