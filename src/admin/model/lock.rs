//! Locks.

use crate::admin::filter::has_client;
use ipnet::IpNet;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The lock of one maildrop: who holds it, and who waits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LockInfo {
    /// Names this lock among all: the backends and the maildrop, as in `legacy/ann@example.com`.
    pub id: String,
    /// The canonical name of the maildrop. It can hold any character.
    pub maildrop: String,
    /// The backends that may hold the maildrop, in order of preference.
    pub backends: Vec<String>,
    /// The backend that it is on now.
    pub backend: Option<String>,
    /// The tenant of the holder, else of the first waiter.
    pub tenant: Option<String>,
    /// Who holds it; none while it goes from one to the next.
    pub holder: Option<HolderInfo>,
    /// Who waits, in the order in which they will be served.
    pub waiters: Vec<WaiterInfo>,
    /// How long the one that waits longest has waited; 0 where nobody waits.
    pub longest_wait_seconds: f64,
}

impl LockInfo {
    /// Whether a login of this tenant, by a client of this network, holds it or waits.
    #[must_use]
    pub fn has_login(&self, tenant: Option<&str>, network: Option<&IpNet>) -> bool {
        let holder = self.holder.iter().map(|it| (&*it.tenant, &*it.client));
        let waiters = self.waiters.iter().map(|it| (&*it.tenant, &*it.client));
        holder.chain(waiters).any(|(of, client)| {
            tenant.is_none_or(|wanted| wanted == of)
                && network.is_none_or(|network| has_client(network, client))
        })
    }

    /// Whether the maildrop is on this backend, or may be where that is not known.
    #[must_use]
    pub fn is_on(&self, backend: &str) -> bool {
        match &self.backend {
            Some(home) => home == backend,
            None => self.backends.iter().any(|it| it == backend),
        }
    }
}

/// Who holds a lock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HolderInfo {
    /// The number of the session.
    pub session: u64,
    /// The client's address and port.
    pub client: String,
    /// The tenant of its login.
    pub tenant: String,
    /// The program that it is thought to be; none where that is not known.
    pub program: Option<String>,
    /// The lane that it was served from: `main` (recently authenticated) or `unproven`.
    pub lane: String,
    /// When it was granted the lock.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// How long ago that is.
    pub held_seconds: f64,
    /// What it does: a phase of [`SessionInfo`](super::SessionInfo), or `closing` where the session
    /// is over and the end of its backend connection is awaited.
    pub phase: String,
    /// The last command of the client; none before the first.
    pub last_command: Option<String>,
    /// For how long the client has sent nothing and has been sent nothing.
    pub idle_seconds: Option<f64>,
    /// Messages retrieved so far.
    pub retrieved: u64,
    /// Octets sent to the client since its login.
    pub bytes_to_client: u64,
    /// Octets sent to the backend since its login.
    pub bytes_to_backend: u64,
}

/// Who waits for a lock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WaiterInfo {
    /// The number of the session.
    pub session: u64,
    /// The client's address and port.
    pub client: String,
    /// The tenant of its login.
    pub tenant: String,
    /// The program that it is thought to be; none where that is not known.
    pub program: Option<String>,
    /// Its lane: `main` (recently authenticated) or `unproven`.
    pub lane: String,
    /// When it asked for the lock.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// How long ago that is.
    pub waited_seconds: f64,
    /// When it gives up.
    #[schema(value_type = String, format = DateTime)]
    pub until: Timestamp,
}
