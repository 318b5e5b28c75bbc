//! Which passwords the backend accepted lately (DESIGN decision 4).
//!
//! Only tags are kept: HMAC-SHA-256 under a key that this process drew at its start and never
//! writes anywhere. A tag is worth nothing outside the process.

use crate::ids::{MaildropKey, UserName};
use crate::limits::{PROVEN_AGE_MAX, PROVEN_MAX};
use crate::secret::Secret;
use crate::time::Instant;
use aws_lc_rs::hmac;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// Stands for one password of one login to one maildrop.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PasswordTag([u8; 32]);

impl PasswordTag {
    /// A tag for tests of pure code.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Enough of it to tell it from others where very many are remembered.
    pub(super) fn short(self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
}

impl fmt::Debug for PasswordTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordTag(…)")
    }
}

/// The memory of proven passwords, bounded by [`PROVEN_MAX`] and [`PROVEN_AGE_MAX`].
pub struct Proven {
    key: hmac::Key,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    accepted: HashMap<PasswordTag, Instant>,
    by_age: VecDeque<(Instant, PasswordTag)>,
}

impl Proven {
    /// An empty memory under `key`, which must be random.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, key),
            memory: Mutex::default(),
        }
    }

    /// The tag of a login: of the maildrop, the name that logs in and its password.
    #[must_use]
    pub fn tag(&self, maildrop: &MaildropKey, user: &UserName, password: &Secret) -> PasswordTag {
        let mut context = hmac::Context::with_key(&self.key);
        let backends = maildrop
            .backends()
            .iter()
            .map(|name| name.as_str().as_bytes());
        let parts = backends.chain([maildrop.maildrop().as_bytes(), user.as_bytes()]);
        // No part holds a NUL, so the separator keeps different parts apart.
        for part in parts.chain([password.expose()]) {
            context.update(part);
            context.update(&[0]);
        }
        let mut tag = [0; 32];
        tag.copy_from_slice(context.sign().as_ref());
        PasswordTag(tag)
    }

    /// Whether the backend accepted this password within the last day, and not refused it since.
    #[must_use]
    pub fn is_proven(&self, tag: PasswordTag, now: Instant) -> bool {
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let accepted = memory.accepted.get(&tag);
        accepted.is_some_and(|at| now.duration_since(*at) <= PROVEN_AGE_MAX)
    }

    /// The backend accepted it.
    pub fn accepted(&self, tag: PasswordTag, now: Instant) {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if memory.accepted.insert(tag, now).is_none() {
            memory.by_age.push_back((now, tag));
        }
        memory.shrink(now);
    }

    /// The backend refused it: forgotten at once.
    pub fn refused(&self, tag: PasswordTag) {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.accepted.remove(&tag);
    }
}

impl Memory {
    /// Forgets what is too old or too much. An entry of `by_age` whose password was accepted
    /// again later goes to the back; one that was refused since is only a leftover.
    fn shrink(&mut self, now: Instant) {
        while let Some(&(at, tag)) = self.by_age.front() {
            let current = self.accepted.get(&tag).copied();
            let expired = now.duration_since(at) > PROVEN_AGE_MAX;
            if current == Some(at) && !expired && self.by_age.len() <= PROVEN_MAX {
                return;
            }
            self.by_age.pop_front();
            match current {
                Some(later) if later != at => self.by_age.push_back((later, tag)),
                Some(_) => drop(self.accepted.remove(&tag)),
                None => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::BackendName;
    use crate::time::Duration;
    use std::sync::Arc;

    fn tag(proven: &Proven, user: &str, password: &str) -> PasswordTag {
        let backends: Arc<[BackendName]> = Arc::from([BackendName::new("b")]);
        let user = UserName::new(user.as_bytes());
        let maildrop = MaildropKey::new(&backends, &user, None, true);
        proven.tag(&maildrop, &user, &Secret::new(password.as_bytes().to_vec()))
    }

    #[test]
    fn a_password_is_proven_from_acceptance_to_refusal_or_a_day() {
        let proven = Proven::new(&[7; 32]);
        let now = Instant::now();
        let ann = tag(&proven, "ann", "secret");
        assert!(!proven.is_proven(ann, now));
        proven.accepted(ann, now);
        assert!(proven.is_proven(ann, now + PROVEN_AGE_MAX));
        assert!(!proven.is_proven(ann, now + PROVEN_AGE_MAX + Duration::from_secs(1)));
        assert!(!proven.is_proven(tag(&proven, "ann", "other"), now));
        proven.refused(ann);
        assert!(!proven.is_proven(ann, now));
    }

    #[test]
    fn memory_is_bounded_and_drops_the_oldest() {
        let proven = Proven::new(&[7; 32]);
        let start = Instant::now();
        let number = |n: usize| {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&n.to_le_bytes());
            PasswordTag(bytes)
        };
        for n in 0..=PROVEN_MAX {
            proven.accepted(number(n), start + Duration::from_millis(n as u64));
        }
        let end = start + Duration::from_millis(PROVEN_MAX as u64);
        assert!(!proven.is_proven(number(0), end));
        assert!(proven.is_proven(number(1), end));
        for _ in 0..3 * PROVEN_MAX {
            proven.accepted(number(5), end);
        }
        assert!(proven.is_proven(number(1), end), "logins are not passwords");
        assert!(proven.memory.lock().unwrap().by_age.len() <= PROVEN_MAX);
    }
}
