//! Passwords that the backend refused so often that it is not asked each time.
//!
//! A phone with a stale password polls for days, and many a server locks an account out for that.
//! So a password that the backend refused as *auth* several times within ten minutes, and did not
//! accept within the last day, is refused from memory from then on. One real try is let through
//! each `retry`: the password may have been made right at the server. A password that was accepted
//! lately is always asked for, so that a short failure of the server's user database lasts no
//! longer through popgate. Who accepted what is remembered in one place, [`Proven`].
//!
//! [`Proven`]: super::proven::Proven

use super::proven::PasswordTag;
use super::recent::Recent;
use super::rules::FailureRules;
use crate::limits::{FAILURE_WINDOW, REFUSED_MAX, RETRY_MAX, SAME_PASSWORD_MAX};
use crate::time::{Duration, Instant};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is to be done with a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remembered {
    /// The backend is asked.
    Unknown,
    /// It would be refused from memory, but it is time for a real try, and this login is it.
    RealTry,
    /// It is refused without asking the backend.
    FromMemory,
}

/// The refused passwords, bounded by [`REFUSED_MAX`]: beyond it the one goes that nobody has said
/// for longest, or nearly so.
pub struct Refused {
    passwords: Mutex<Recent<PasswordTag, Refusals>>,
}

#[derive(Default)]
struct Refusals {
    /// When the backend refused it, within [`FAILURE_WINDOW`] of the last time.
    times: Vec<Instant>,
    /// The last real try that was let through.
    tried: Option<Instant>,
    /// Whether it is refused from memory, until it is accepted or forgotten.
    is_held: bool,
}

impl Refused {
    /// Nothing was refused yet.
    #[must_use]
    pub fn new() -> Self {
        let age_max = FAILURE_WINDOW + RETRY_MAX;
        Self {
            passwords: Mutex::new(Recent::new(REFUSED_MAX, age_max)),
        }
    }

    /// The backend refused it as *auth*.
    pub fn refused(&self, tag: PasswordTag, now: Instant) {
        self.passwords().touch(tag, now).add(now);
    }

    /// The backend accepted it: its refusals are forgotten.
    pub fn accepted(&self, tag: PasswordTag, now: Instant) {
        if let Some((_, refusals)) = self.passwords().get_mut(&tag, now) {
            *refusals = Refusals::default();
        }
    }

    /// Whether the backend is to be asked. `accepted_lately`: whether it accepted the password
    /// within the last day.
    #[must_use]
    pub fn ask(
        &self,
        tag: PasswordTag,
        accepted_lately: bool,
        rules: &FailureRules,
        now: Instant,
    ) -> Remembered {
        let mut passwords = self.passwords();
        let Some((asked, _)) = passwords.get(&tag, now) else {
            return Remembered::Unknown;
        };
        let refusals = passwords.touch(tag, now);
        if now.duration_since(asked) > FAILURE_WINDOW + rules.retry {
            *refusals = Refusals::default();
        }
        if rules.same_password == 0 || accepted_lately {
            return Remembered::Unknown;
        }
        refusals.ask(rules, now)
    }

    /// Forgets what nobody has said for long.
    pub fn forget_idle(&self, now: Instant) {
        self.passwords().forget_idle(now);
    }

    /// Passwords that are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.passwords().len()
    }

    /// Whether no password is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn passwords(&self) -> MutexGuard<'_, Recent<PasswordTag, Refusals>> {
        self.passwords
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Refused {
    fn default() -> Self {
        Self::new()
    }
}

impl Refusals {
    fn add(&mut self, now: Instant) {
        self.times
            .retain(|&at| now.duration_since(at) <= FAILURE_WINDOW);
        if self.times.len() == SAME_PASSWORD_MAX as usize {
            self.times.remove(0);
        }
        self.times.push(now);
    }

    fn ask(&mut self, rules: &FailureRules, now: Instant) -> Remembered {
        let needed = rules.same_password.min(SAME_PASSWORD_MAX) as usize;
        self.is_held |= self.times.len() >= needed;
        if !self.is_held {
            return Remembered::Unknown;
        }
        let last = self.times.last().copied().max(self.tried);
        let since = last.map_or(Duration::MAX, |at| now.duration_since(at));
        if since < rules.retry {
            return Remembered::FromMemory;
        }
        self.tried = Some(now);
        Remembered::RealTry
    }
}
