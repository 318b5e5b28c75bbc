//! Locks as an operator sees them: who holds, who waits, in which order, since when.
//!
//! All of it is copied out of the table, so that nothing is locked while it is written somewhere.

use super::queue::Lane;
use crate::ids::{BackendName, MaildropKey, SessionId, TenantName};
use crate::policy::attempt::LoginAttempt;
use crate::time::Instant;
use std::net::SocketAddr;

/// All locks in use at about one moment: each one as it was when its turn came.
#[derive(Clone, Debug)]
pub struct LocksSnapshot {
    /// Them, in no order.
    pub locks: Vec<LockView>,
    /// How many more there are.
    pub left_out: usize,
}

/// The lock of one maildrop.
#[derive(Clone, Debug)]
pub struct LockView {
    /// What is locked.
    pub key: MaildropKey,
    /// The holder. Its session may be over: the backend's end is awaited then.
    pub holder: Option<HolderView>,
    /// All that wait, in the order in which they would be served if nobody else came: the main
    /// lane first.
    pub waiters: Vec<WaiterView>,
    /// The backend that the maildrop is on.
    pub home: Option<BackendName>,
}

/// The holder of a lock.
#[derive(Clone, Debug)]
pub struct HolderView {
    /// Whose login it is.
    pub claimant: Claimant,
    /// The lane that it was served from.
    pub lane: Lane,
    /// When it was granted the lock.
    pub since: Instant,
}

/// A place in a queue.
#[derive(Clone, Debug)]
pub struct WaiterView {
    /// Whose login it is.
    pub claimant: Claimant,
    /// Its lane.
    pub lane: Lane,
    /// When it asked.
    pub since: Instant,
    /// When its waiting ends, as far as was known when it asked: a reload may change it.
    pub until: Instant,
}

/// The session that holds a lock or waits for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimant {
    /// Its number.
    pub session: SessionId,
    /// Its client.
    pub client: SocketAddr,
    /// The tenant of its login.
    pub tenant: TenantName,
}

impl From<&LoginAttempt> for Claimant {
    fn from(attempt: &LoginAttempt) -> Self {
        Self {
            session: attempt.session,
            client: attempt.client,
            tenant: attempt.tenant().clone(),
        }
    }
}
