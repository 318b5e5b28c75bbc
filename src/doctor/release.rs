//! How a maildrop comes free: after QUIT, and after a connection that ends without it.

use super::account::Account;
use super::observations::{AccountObservations, Attempt, ClassifiedLine, Freed, Unreached};
use super::probe_session::ProbeSession;
use crate::dialect::Class;
use crate::limits::{DOCTOR_LINGER, RELEASE_PAUSE_MIN, RETRY_PAUSE_MAX, SHAREABLE_RELEASE};
use crate::time::Instant;
use tokio::time::sleep;

impl Account<'_> {
    /// A connection as the gate opens it for the head of a queue.
    pub(super) async fn spare(&self, seen: &mut AccountObservations) -> Option<ProbeSession> {
        let spare = self.target.connect().await.map(|(session, _)| session);
        seen.spare = Some(spare.as_ref().map(|_| ()).map_err(Unreached::clone));
        spare.ok()
    }

    /// Logs in again and again until the maildrop is free. Call it when the connection before
    /// has ended.
    pub(super) async fn freed(
        &self,
        mut spare: Option<ProbeSession>,
        seen: &mut AccountObservations,
    ) -> (Freed, Option<ProbeSession>) {
        let ended = Instant::now();
        let mut pause = RELEASE_PAUSE_MIN;
        loop {
            let (attempt, session) = self.log_in_soon(&mut spare, seen).await;
            let elapsed = ended.elapsed();
            if attempt.is_in() {
                return (
                    Freed::After(elapsed.saturating_sub(seen.usual_login())),
                    session,
                );
            }
            let locked = attempt.line().filter(|line| seen.is_lock(line)).cloned();
            let Some(line) = locked else {
                return (Freed::Otherwise(attempt), None);
            };
            if elapsed + pause > DOCTOR_LINGER {
                return (Freed::Not(elapsed, line), None);
            }
            // On a connection of its own each time: some servers close after a refusal, and some
            // count refusals for each connection.
            if let Some(session) = session {
                session.quit().await;
            }
            sleep(pause).await;
            if elapsed >= SHAREABLE_RELEASE {
                pause = (pause * 2).min(RETRY_PAUSE_MAX);
            }
        }
    }

    /// On the spare connection first, if it still holds.
    async fn log_in_soon(
        &self,
        spare: &mut Option<ProbeSession>,
        seen: &mut AccountObservations,
    ) -> (Attempt, Option<ProbeSession>) {
        let bound = self.target.options().login_timeout;
        if let Some(session) = spare.take() {
            match self.log_in_on(session, bound).await {
                (Attempt::Broken(why), _) => seen.spare = Some(Err(Unreached::Failed(why))),
                other => return other,
            }
        }
        self.log_in(bound).await
    }
}

impl AccountObservations {
    /// Whether `line` says what the second session was told: by its class or, where popgate does
    /// not know the words yet, by the same words.
    fn is_lock(&self, line: &ClassifiedLine) -> bool {
        let second = self
            .second
            .as_ref()
            .and_then(|second| second.attempt.line());
        line.class == Class::Locked || second.is_some_and(|refusal| refusal.text == line.text)
    }
}
