//! Whether sessions are busy.

use super::{Phase, QUIT, SessionHandle, Sessions, phase};
use crate::ids::SessionId;
use crate::policy::sharing::SessionRest;
use std::sync::atomic::Ordering;

impl Sessions {
    /// Whether a session is busy, if it is open.
    #[must_use]
    pub fn rest(&self, id: SessionId) -> Option<SessionRest> {
        Some(self.handle(id)?.rest())
    }
}

impl SessionHandle {
    fn rest(&self) -> SessionRest {
        let state = self.state.load(Ordering::Acquire);
        let may_rest = matches!(phase(state), Phase::Viewing | Phase::Transaction);
        let is_asked = state & QUIT != 0 || self.awaits_reply.load(Ordering::Relaxed);
        SessionRest {
            since: (may_rest && !is_asked).then(|| self.active()),
            has_fetched: self.retrieved.load(Ordering::Relaxed) > 0,
        }
    }
}
