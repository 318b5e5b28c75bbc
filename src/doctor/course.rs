//! Sessions of the test account, one after the other: how the maildrop comes free after each, and
//! what the next one is shown.
//!
//! The first ones end without QUIT: a server that keeps unique ids of new messages only at QUIT
//! would have kept them by the time that it is looked at.

use super::account::{Account, UniqueIds};
use super::finding::EndedBy;
use super::listings::{PastSession, listing};
use super::observations::{AccountObservations, Freed, LockRelease, ProbeStep};
use super::probe_session::ProbeSession;

impl Account<'_> {
    /// Four more sessions after `first`, of which two fetch message 1; where there is none, or it
    /// would show nothing new, two. The unique ids of the next one, if it gets in.
    pub(super) async fn course(
        &self,
        first: ProbeSession,
        seen: &mut AccountObservations,
    ) -> Option<UniqueIds> {
        (self.on_step)(ProbeStep::AfterClose);
        let (session, ids) = self.next(first, after(EndedBy::Close), seen).await?;
        if let Some(session) = self.fetch_and_end(session, EndedBy::Close, seen).await {
            self.quits(session, seen).await;
        }
        Some(ids)
    }

    /// The sessions that say QUIT.
    async fn quits(&self, session: ProbeSession, seen: &mut AccountObservations) -> Option<()> {
        (self.on_step)(ProbeStep::AfterQuit);
        let (session, _) = self.next(session, after(EndedBy::Quit), seen).await?;
        (self.on_step)(ProbeStep::AfterFetch);
        let last = self.fetch_and_end(session, EndedBy::Quit, seen).await?;
        last.quit().await;
        seen.sharing.is_over = true;
        Some(())
    }

    /// Fetches, ends and opens the next session; where nothing is to be fetched, goes on in this.
    async fn fetch_and_end(
        &self,
        mut session: ProbeSession,
        ended: EndedBy,
        seen: &mut AccountObservations,
    ) -> Option<ProbeSession> {
        if !seen.sharing.is_to_fetch() {
            return Some(session);
        }
        seen.sharing.fetch(&mut session).await;
        let past = PastSession {
            fetched: true,
            ended,
        };
        let (session, _) = self.next(session, past, seen).await?;
        Some(session)
    }

    /// Ends the session, and opens the next one as soon as that is let in.
    async fn next(
        &self,
        session: ProbeSession,
        past: PastSession,
        seen: &mut AccountObservations,
    ) -> Option<(ProbeSession, UniqueIds)> {
        let spare = match past {
            QUIT_ALONE if seen.second_was_refused() => self.spare(seen).await,
            _ => None,
        };
        let closed = match past.ended {
            EndedBy::Quit => session.quit().await,
            EndedBy::Close => session.close().await,
        };
        let (freed, next) = self.freed(spare, seen).await;
        // Where there is no lock, there is nothing that comes free.
        let is_told = seen.second_was_refused() || matches!(freed, Freed::Otherwise(_));
        let release = LockRelease {
            closed,
            freed: is_told.then(|| freed.clone()),
        };
        match past.ended {
            _ if past.fetched => {}
            EndedBy::Quit => seen.after_quit = Some(release),
            EndedBy::Close => seen.after_close = Some(release),
        }
        seen.sharing.releases.push((past, freed));
        let mut next = next?;
        let (ids, shown) = listing(&mut next, Some(past)).await;
        seen.sharing.listings.push(shown);
        Some((next, ids))
    }
}

const QUIT_ALONE: PastSession = after(EndedBy::Quit);

/// A session in which nothing was fetched.
const fn after(ended: EndedBy) -> PastSession {
    PastSession {
        fetched: false,
        ended,
    }
}
