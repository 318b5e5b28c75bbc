//! Whether the backend is asked about a password that it has refused before.
//!
//! A phone with a stale password polls for days, and many a server locks an account out for that.
//! So a password that the backend refused as *auth* several times within ten minutes, and did not
//! accept within the last day, is refused from memory from then on. One trial login is let through
//! each `retry`: the password may have been made right at the server. A password that was accepted
//! lately is always asked for, so that a short failure of the server's user database lasts no
//! longer through popgate.

use super::rules::FailureRules;
use crate::limits::{FAILURE_WINDOW, REFUSED_LATELY, SAME_PASSWORD_MAX};
use crate::time::{Duration, Instant};

/// What is done with a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheAnswer {
    /// The backend is asked.
    Unknown,
    /// It would be refused from memory, but a trial login is due, and this is it.
    Trial,
    /// It is refused without asking the backend.
    Refuse,
}

/// The refusals of one password.
#[derive(Debug, Default)]
pub struct RefusalHistory {
    /// When the backend refused it, within [`FAILURE_WINDOW`] of the last time.
    times: Vec<Instant>,
    /// The last trial login that was let through.
    trial: Option<Instant>,
    /// When it was last used, whatever came of it.
    last_used: Option<Instant>,
    /// Whether it is refused from memory, until it is accepted or forgotten.
    is_held: bool,
    /// Whether the backend closed the last time, without a word.
    without_words: bool,
}

impl RefusalHistory {
    /// The backend refused it, `without_words` if it closed the connection instead of answering.
    pub fn refused(&mut self, without_words: bool, now: Instant) {
        self.last_used = Some(now);
        self.without_words = without_words;
        self.times
            .retain(|&at| now.duration_since(at) <= FAILURE_WINDOW);
        // No setting asks for more of them.
        if self.times.len() == SAME_PASSWORD_MAX as usize {
            self.times.remove(0);
        }
        self.times.push(now);
    }

    /// Whether the backend closed at it the last time.
    #[must_use]
    pub fn is_without_words(&self) -> bool {
        self.without_words
    }

    /// Whether the backend refused it within [`REFUSED_LATELY`].
    #[must_use]
    pub fn was_refused_lately(&self, now: Instant) -> bool {
        self.times
            .last()
            .is_some_and(|&at| now.duration_since(at) <= REFUSED_LATELY)
    }

    /// Whether the backend is asked about a login with it, which is a use of it. `accepted_lately`:
    /// whether a backend accepted it within the last day.
    pub fn decide(
        &mut self,
        accepted_lately: bool,
        rules: &FailureRules,
        now: Instant,
    ) -> CacheAnswer {
        // The store keeps it for the longest `retry` that may be set, and a tenant's is shorter.
        if let Some(last) = self.last_used
            && now.duration_since(last) > FAILURE_WINDOW + rules.retry
        {
            *self = Self::default();
        }
        self.last_used = Some(now);
        // A password that was right today fails for the server's sake more often than for its own.
        if rules.same_password == 0 || accepted_lately {
            return CacheAnswer::Unknown;
        }
        let needed = rules.same_password.min(SAME_PASSWORD_MAX) as usize;
        // Once held it stays so: trials are further apart than the window of the refusals.
        self.is_held |= self.times.len() >= needed;
        if !self.is_held {
            return CacheAnswer::Unknown;
        }
        let last_asked = self.times.last().copied().max(self.trial);
        let since = last_asked.map_or(Duration::MAX, |at| now.duration_since(at));
        if since < rules.retry {
            return CacheAnswer::Refuse;
        }
        // Taken before the backend has answered: of many at one moment one is let through.
        self.trial = Some(now);
        CacheAnswer::Trial
    }
}
