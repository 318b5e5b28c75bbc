//! Whether sessions are busy, and since when they are not.

use super::{Phase, QUIT, SessionHandle, Sessions, phase};
use crate::ids::SessionId;
use crate::policy::sharing::SessionRest;
use crate::time::{Duration, Instant};
use std::sync::atomic::Ordering;

impl Sessions {
    /// Whether a session is busy, if it is open.
    #[must_use]
    pub fn rest(&self, id: SessionId) -> Option<SessionRest> {
        Some(self.handle(id)?.rest())
    }
}

impl SessionHandle {
    /// When something moved last between the client and popgate.
    pub(super) fn active(&self) -> Instant {
        self.opened.instant + Duration::from_millis(self.active.load(Ordering::Relaxed))
    }

    /// Something moved between the client and popgate.
    pub(crate) fn moved(&self, now: Instant) {
        let age = now.saturating_duration_since(self.opened.instant);
        // Milliseconds of a u64 last longer than any session.
        let age = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        self.active.store(age, Ordering::Relaxed);
    }

    /// Whether octets for its client are on their way. It rests from when they have arrived: until
    /// then its client cannot say what it does about them.
    pub(crate) fn owes_octets(&self, owes: bool, now: Instant) {
        if self.owes_octets.swap(owes, Ordering::Relaxed) && !owes {
            self.moved(now);
        }
    }

    /// For how long nothing has moved between the client and popgate.
    pub(crate) fn silence(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.active())
    }

    fn rest(&self) -> SessionRest {
        let state = self.state.load(Ordering::Acquire);
        let may_rest = matches!(phase(state), Phase::Viewing | Phase::Transaction);
        let is_asked = state & QUIT != 0 || self.awaits_reply.load(Ordering::Relaxed);
        let is_told = self.owes_octets.load(Ordering::Relaxed);
        SessionRest {
            since: (may_rest && !is_asked && !is_told).then(|| self.active()),
            has_fetched: self.has_fetched.load(Ordering::Relaxed),
        }
    }
}
