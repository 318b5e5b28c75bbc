//! While a login waits for its maildrop it looks out for a listing that it may be let in on.

use super::Identified;
use super::let_in::FreshListing;
use super::record::Record;
use crate::gate::Context;
use crate::policy::sharing::StandsOn;
use crate::time::Instant;
use std::future::pending;
use tokio::time::sleep_until;

/// What ends a wait well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seeks {
    /// The lock alone: the client wants a message.
    Maildrop,
    /// Also a listing that the client may be let in on.
    ListingToo,
}

/// When a waiter looks for a listing that it may be let in on.
pub(super) struct Lookout {
    seeks: Seeks,
    at: Option<Instant>,
}

impl Lookout {
    /// It looks at once: a listing may have come while the login was held. Beside other gates it
    /// has just asked their engine.
    pub(super) fn new(cx: &Context, seeks: Seeks) -> Self {
        Self {
            seeks,
            at: cx.cluster.is_none().then(Instant::now),
        }
    }

    /// Something has happened.
    pub(super) fn wake(&mut self) {
        self.at = Some(Instant::now());
    }

    /// Returns when it is time to look. Cancel-safe.
    pub(super) async fn due(&self) {
        match self.at.filter(|_| self.seeks == Seeks::ListingToo) {
            Some(at) => sleep_until(at).await,
            None => pending().await,
        }
    }

    /// Looks. Beside other gates that takes a question to the engine.
    pub(super) async fn look(
        &mut self,
        cx: &Context,
        record: &mut Record,
        login: &mut Identified,
    ) -> Option<StandsOn> {
        login.refresh_standing(cx, record);
        self.at = None;
        match login.fresh_meanwhile(cx).await {
            FreshListing::Now(stands_on) => return Some(stands_on),
            FreshListing::Later(at) => self.at = Some(at),
            FreshListing::None => {}
        }
        None
    }
}
