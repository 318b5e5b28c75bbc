//! The ground truth: who was in which maildrop, and when, as the server itself saw it.

use crate::limits::DEMO_LOG_MAX;
use crate::time::{Duration, Instant};
use std::collections::{HashMap, VecDeque};

/// What happened at the server since it started. The latest sessions and hand-overs are kept
/// one by one ([`DEMO_LOG_MAX`]); the counts are of all.
#[derive(Clone, Debug, Default)]
pub struct SessionLog {
    sessions: VecDeque<RecordedSession>,
    first_kept: u64,
    handovers: VecDeque<Duration>,
    maildrops: HashMap<String, MaildropCounts>,
    pub(super) counts: Counts,
}

/// One session, from the PASS (or AUTH) that was accepted to the end of its connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedSession {
    /// The maildrop.
    pub user: String,
    /// When its login was accepted.
    pub start: Instant,
    /// When its connection ended; none while it is in. A lock that lingers lasts longer.
    pub end: Option<Instant>,
    /// Whether it entered the UPDATE state: the client sent QUIT.
    pub quit: bool,
}

/// How often things happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections that were greeted.
    pub connections: u64,
    /// Logins that were accepted.
    pub logins: u64,
    /// Logins with a wrong name or password.
    pub auth_failures: u64,
    /// Logins refused because of the lock.
    pub refusals: u64,
    /// Logins accepted while another session was in the maildrop.
    pub overlaps: u64,
    /// Messages removed in UPDATE.
    pub deleted: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct MaildropCounts {
    inside: usize,
    most_inside: usize,
    left: Option<Instant>,
}

impl SessionLog {
    /// The latest sessions, in the order of their logins.
    pub fn sessions(&self) -> impl Iterator<Item = &RecordedSession> {
        self.sessions.iter()
    }

    /// How often things happened.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Logins accepted while another session was in the same maildrop.
    #[must_use]
    pub fn overlaps(&self) -> u64 {
        self.counts.overlaps
    }

    /// Logins refused because of the lock.
    #[must_use]
    pub fn refusals(&self) -> u64 {
        self.counts.refusals
    }

    /// The most sessions that were in `user`'s maildrop at one instant: 1 where locks hold.
    #[must_use]
    pub fn max_overlap(&self, user: &str) -> usize {
        self.maildrops
            .get(user)
            .map_or(0, |tally| tally.most_inside)
    }

    /// From the end of a session to the next accepted login of the same maildrop: the latest.
    pub fn handovers(&self) -> impl Iterator<Item = Duration> {
        self.handovers.iter().copied()
    }

    /// Notes an accepted login; the number is for [`SessionLog::left`].
    pub(super) fn entered(&mut self, user: &str, now: Instant) -> u64 {
        let tally = self.maildrops.entry(user.to_owned()).or_default();
        // Where sessions overlap nothing is handed over.
        let handover = tally.left.filter(|_| tally.inside == 0);
        tally.inside += 1;
        tally.most_inside = tally.most_inside.max(tally.inside);
        self.counts.logins += 1;
        self.counts.overlaps += u64::from(tally.inside > 1);
        if let Some(left) = handover {
            keep(&mut self.handovers, now.duration_since(left));
        }
        let session = RecordedSession {
            user: user.to_owned(),
            start: now,
            end: None,
            quit: false,
        };
        self.first_kept += u64::from(keep(&mut self.sessions, session));
        self.first_kept + self.sessions.len() as u64 - 1
    }

    /// Notes the end of the session with this number.
    pub(super) fn left(&mut self, user: &str, number: u64, quit: bool, now: Instant) {
        if let Some(tally) = self.maildrops.get_mut(user) {
            tally.inside -= 1;
            tally.left = Some(now);
        }
        let index = number.checked_sub(self.first_kept);
        if let Some(session) = index.and_then(|i| self.sessions.get_mut(usize::try_from(i).ok()?)) {
            session.end = Some(now);
            session.quit = quit;
        }
    }
}

/// Adds at the end; says whether the oldest had to go.
fn keep<T>(list: &mut VecDeque<T>, item: T) -> bool {
    let full = list.len() == DEMO_LOG_MAX;
    if full {
        list.pop_front();
    }
    list.push_back(item);
    full
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlaps_and_handovers_are_counted_by_maildrop() {
        let (mut log, t) = (SessionLog::default(), Instant::now());
        let ms = |n| t + Duration::from_millis(n);
        let first = log.entered("ann", ms(0));
        let second = log.entered("ann", ms(1));
        log.entered("bob", ms(2));
        log.left("ann", first, true, ms(3));
        log.left("ann", second, false, ms(4));
        log.entered("ann", ms(9));
        assert_eq!((log.overlaps(), log.max_overlap("ann")), (1, 2));
        assert_eq!((log.max_overlap("bob"), log.max_overlap("eve")), (1, 0));
        assert_eq!(
            log.handovers().collect::<Vec<_>>(),
            [Duration::from_millis(5)]
        );
        let ends: Vec<_> = log.sessions().map(|s| (s.end, s.quit)).collect();
        let open = (None, false);
        assert_eq!(
            ends,
            [(Some(ms(3)), true), (Some(ms(4)), false), open, open]
        );
    }

    #[test]
    fn memory_is_bounded_and_a_forgotten_session_may_still_end() {
        let (mut log, t) = (SessionLog::default(), Instant::now());
        let first = log.entered("ann", t);
        for _ in 0..DEMO_LOG_MAX {
            let number = log.entered("bob", t);
            log.left("bob", number, true, t);
        }
        log.left("ann", first, true, t);
        assert_eq!(log.sessions().count(), DEMO_LOG_MAX);
        assert!(log.sessions().all(|s| s.user == "bob" && s.end.is_some()));
        assert_eq!(log.counts().logins, DEMO_LOG_MAX as u64 + 1);
    }
}
