//! The last login of a session, as it is kept and as others see it.

use crate::ids::{BackendName, MaildropKey, TenantName, UserName};
use crate::policy::attempt::LoginAttempt;
use crate::policy::sharing::LetInReason;
use crate::program::Family;
use crate::time::{Duration, Instant};
use std::sync::Arc;

/// A login as others see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenLogin {
    /// What is locked for it.
    pub key: MaildropKey,
    /// The tenant.
    pub tenant: TenantName,
    /// The maildrop, as typed.
    pub maildrop: UserName,
    /// The backend that it is on; `None` until the login is through.
    pub backend: Option<BackendName>,
    /// When its password came.
    pub asked: Instant,
    /// Whether it was held for coming too often, or for a wrong password.
    pub delayed: bool,
    /// Since when it waited for the lock the last time; `None`: it has not, the lock was free.
    pub queued: Option<Instant>,
    /// What it stood on when it was without its maildrop last.
    pub listing: Option<StandingOn>,
}

/// How a session came to stand on a listing of its maildrop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StandingOn {
    /// Why popgate let it in; none where it was sent back.
    pub let_in: Option<LetInReason>,
    /// When it began.
    pub since: Instant,
}

/// The last login of a session, as it is kept: a reader makes a [`SeenLogin`] of it.
pub(super) struct RegisteredLogin {
    pub(super) attempt: Arc<LoginAttempt>,
    pub(super) backend: Option<BackendName>,
    /// What an earlier session of this client was that began like this one.
    pub(super) remembered: Option<Family>,
    pub(super) delayed: bool,
    pub(super) queued: Option<Instant>,
    pub(super) listing: Option<RegisteredListing>,
}

/// A [`StandingOn`], in few octets.
#[derive(Clone, Copy)]
pub(super) struct RegisteredListing {
    pub(super) let_in: Option<LetInReason>,
    /// Milliseconds from the session's beginning to its own.
    pub(super) since: u32,
}

impl RegisteredLogin {
    pub(super) fn new(attempt: &Arc<LoginAttempt>, remembered: Option<Family>) -> Self {
        Self {
            attempt: Arc::clone(attempt),
            backend: None,
            remembered,
            delayed: false,
            queued: None,
            listing: None,
        }
    }

    /// As others see it; the session began at `opened`.
    pub(super) fn seen(&self, opened: Instant) -> SeenLogin {
        SeenLogin {
            key: self.attempt.key.clone(),
            tenant: self.attempt.tenant().clone(),
            maildrop: self.attempt.login.clone(),
            backend: self.backend.clone(),
            asked: self.attempt.asked,
            delayed: self.delayed,
            queued: self.queued,
            listing: self.listing.map(|listing| StandingOn {
                let_in: listing.let_in,
                since: opened + Duration::from_millis(listing.since.into()),
            }),
        }
    }
}
