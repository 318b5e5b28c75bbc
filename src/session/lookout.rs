//! While a login waits for its maildrop it looks out for a listing that it may be let in on.

use super::Identified;
use super::let_in::FreshListing;
use super::record::Record;
use crate::gate::Context;
use crate::ids::SessionTurn;
use crate::net::BoxFuture;
use crate::policy::sharing::StandsOn;
use crate::time::Instant;
use std::future::pending;
use tokio::time::sleep_until;

/// What a login waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Seeks {
    /// Its maildrop, or a listing that it may be let in on.
    ListingToo,
    /// Its maildrop alone: a promotion has its listing. It would find no other one, but hundreds of
    /// them that look whenever something is listed take all the time of the gate.
    Maildrop,
}

/// When a waiter looks for a listing that it may be let in on.
pub(super) struct Lookout<'cx> {
    cx: &'cx Context,
    seeks: Seeks,
    at: Option<Instant>,
    /// What the engine will say of the turn of a listing that was found: that it is still the last
    /// one.
    asked: Option<BoxFuture<'cx, Option<SessionTurn>>>,
}

impl<'cx> Lookout<'cx> {
    /// It looks at once: a listing may have come while the login was held. Beside other gates it
    /// has just asked their engine.
    pub(super) fn new(cx: &'cx Context, seeks: Seeks) -> Self {
        let mut lookout = Self {
            cx,
            seeks,
            at: None,
            asked: None,
        };
        if cx.cluster.is_none() {
            lookout.wake();
        }
        lookout
    }

    /// Something has happened.
    pub(super) fn wake(&mut self) {
        if self.seeks == Seeks::ListingToo {
            self.at = Some(Instant::now());
        }
    }

    /// Returns when it is time to look; with the turn that the engine says is the last one, if it
    /// was asked. Cancel-safe.
    pub(super) async fn due(&mut self) -> Option<SessionTurn> {
        if let Some(asked) = &mut self.asked {
            let last = asked.await;
            self.asked = None;
            if last.is_some() {
                return last;
            }
        }
        match self.at {
            // No timer, which would take a millisecond.
            Some(at) if at <= Instant::now() => {}
            Some(at) => sleep_until(at).await,
            None => pending().await,
        }
        None
    }

    /// Looks; `last`: what [`due`](Self::due) returned. Beside other gates their engine is asked
    /// of what is found, and meanwhile the login goes on waiting.
    pub(super) fn look(
        &mut self,
        record: &mut Record,
        login: &mut Identified,
        last: Option<SessionTurn>,
    ) -> Option<StandsOn> {
        login.refresh_standing(self.cx, record);
        self.at = None;
        match login.fresh_meanwhile(self.cx) {
            FreshListing::Now(stands_on) => return self.confirmed(login, stands_on, last),
            FreshListing::Later(at) => self.at = Some(at),
            FreshListing::None => {}
        }
        None
    }

    /// What was found, if the session that was shown it was the last in the maildrop.
    fn confirmed(
        &mut self,
        login: &Identified,
        stands_on: StandsOn,
        last: Option<SessionTurn>,
    ) -> Option<StandsOn> {
        let Some(cluster) = &self.cx.cluster else {
            return Some(stands_on);
        };
        let turn = stands_on.turn?;
        if last == Some(turn) {
            return Some(stands_on);
        }
        let key = login.attempt.key.clone();
        self.asked = Some(Box::pin(async move {
            let is_last = cluster.last_turns.is_last(&key, turn).await;
            is_last.then_some(turn)
        }));
        None
    }
}
