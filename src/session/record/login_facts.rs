//! What is known of one login, until its entry in the history is told.

use crate::dialect::Class;
use crate::history::{BackendAnswer, EarlyLogin, HistoryLogin, kept_line};
use crate::observe::event::{EndCause, SessionSummary};
use crate::policy::attempt::LoginAttempt;
use crate::time::{Duration, Instant, Moment};

/// The facts of one login.
#[derive(Default)]
pub(super) struct LoginFacts {
    /// Whether it was refused; then the client may log in again.
    pub(super) refused: bool,
    /// Whether it waited while it was paused.
    pub(super) met_pause: bool,
    /// Whether the backend let it in.
    pub(super) entered: bool,
    /// Held for coming too often, or for wrong passwords.
    pub(super) delayed: Duration,
    /// Waiting for the lock.
    pub(super) waited: Duration,
    /// Holding the lock, until it was given back last.
    held: Duration,
    held_since: Option<Instant>,
    /// When it was granted the lock with which it got in first, or the last one.
    granted: Option<Instant>,
    /// Messages marked as deleted.
    pub(super) marked: u64,
    /// Boxed, since most logins have none, and an open session keeps room for it.
    setbacks: Option<Box<Setbacks>>,
}

/// What stood in the way of a login.
#[derive(Default)]
struct Setbacks {
    ahead: Option<u32>,
    early: Option<EarlyLogin>,
    locked_replies: u32,
    backend_answer: Option<BackendAnswer>,
}

impl LoginFacts {
    pub(super) fn lock_taken(&mut self) {
        let now = Instant::now();
        self.held_since = Some(now);
        if !self.entered {
            self.granted = Some(now);
        }
    }

    pub(super) fn lock_given(&mut self) {
        if let Some(since) = self.held_since.take() {
            self.held += since.elapsed();
        }
    }

    pub(super) fn held(&self) -> Duration {
        self.held
    }

    /// So many waiters are before it.
    pub(super) fn queued(&mut self, ahead: usize) {
        self.setbacks().ahead = Some(u32::try_from(ahead).unwrap_or(u32::MAX));
    }

    pub(super) fn came_early(&mut self, early: EarlyLogin) {
        self.setbacks().early = Some(early);
    }

    /// The backend says that somebody who does not come through popgate holds the maildrop.
    pub(super) fn locked_elsewhere(&mut self) {
        self.setbacks().locked_replies += 1;
    }

    /// The backend has answered with an error.
    pub(super) fn backend_refused(&mut self, class: Class, line: &[u8]) {
        self.setbacks().backend_answer = Some(BackendAnswer {
            class,
            line: kept_line(line),
        });
    }

    fn setbacks(&mut self) -> &mut Setbacks {
        self.setbacks.get_or_insert_default()
    }

    /// The facts as they are kept, of the login that `attempt` was and that is over now.
    pub(super) fn into_history(
        self,
        attempt: &LoginAttempt,
        summary: &SessionSummary,
        cause: &EndCause,
        now: Moment,
    ) -> HistoryLogin {
        let setbacks = self.setbacks.map(|setbacks| *setbacks).unwrap_or_default();
        let rule = match cause {
            EndCause::RefusedByRule(refusal) => Some(refusal.rule()),
            _ => None,
        };
        HistoryLogin {
            asked: now.wall_at(attempt.asked),
            name: attempt.login.kept(),
            key: attempt.key.clone(),
            tenant: attempt.tenant().clone(),
            // Whatever was known of its password when it came, by now the backend has accepted it.
            proven: attempt.is_proven() || self.entered,
            backend: summary.backend.clone(),
            entered: self.entered,
            listing: summary.listing,
            ahead: setbacks.ahead,
            delayed: self.delayed,
            waited: self.waited,
            granted: self.granted.map(|granted| now.wall_at(granted)),
            held: self.held,
            locked_replies: setbacks.locked_replies,
            backend_answer: setbacks.backend_answer,
            rule,
            early: setbacks.early,
            listed: summary.listed,
            retrieved: summary.retrieved,
            deleted: summary.deleted,
            marked: self.marked,
            bytes_to_client: summary.bytes_to_client,
            bytes_to_backend: summary.bytes_to_backend,
        }
    }
}
