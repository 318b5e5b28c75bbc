//! Which passwords the backend accepted lately.
//!
//! Only tags are kept: HMAC-SHA-256 under a key that this process drew at its start and never
//! writes anywhere. A tag is worth nothing outside the process.

use crate::bounded::ExpiringLruMap;
use crate::ids::{MaildropKey, UserName};
use crate::limits::{AUTH_CACHE_AGE, AUTH_CACHE_MAX};
use crate::secret::Secret;
use crate::time::{Duration, Instant};
use aws_lc_rs::hmac;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

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

/// The passwords that a backend accepted within [`AUTH_CACHE_AGE`].
///
/// Holds [`AUTH_CACHE_MAX`] passwords. Where it is full, the one whose last acceptance is the oldest is
/// forgotten: its owner's next login waits in the lane of strangers, once.
pub struct AuthCache {
    key: hmac::Key,
    accepted: Mutex<Accepted>,
}

type Accepted = ExpiringLruMap<PasswordTag, Since, Instant>;

/// An entry counts to the last moment of its day.
const LIFETIME: Duration = AUTH_CACHE_AGE.saturating_add(Duration::from_nanos(1));

/// What became of a password since it was accepted.
#[derive(Default)]
struct Since {
    is_refused: bool,
}

impl AuthCache {
    /// An empty memory under `key`, which must be random.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, key),
            accepted: Mutex::new(ExpiringLruMap::new(AUTH_CACHE_MAX)),
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
        self.lock()
            .get(&tag, now)
            .is_some_and(|since| !since.is_refused)
    }

    /// Whether the backend accepted this password within the last day, though it may have refused
    /// it since: its user database may be out of order for a while.
    #[must_use]
    pub fn was_accepted_lately(&self, tag: PasswordTag, now: Instant) -> bool {
        self.lock().contains(&tag, now)
    }

    /// The backend accepted it.
    pub fn accepted(&self, tag: PasswordTag, now: Instant) {
        self.lock().touch(tag, now + LIFETIME, now).is_refused = false;
    }

    /// The backend refused it: it is not proven any more, at once.
    pub fn refused(&self, tag: PasswordTag, now: Instant) {
        if let Some(since) = self.lock().get_mut(&tag, now) {
            since.is_refused = true;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Accepted> {
        self.accepted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::BackendName;
    use std::sync::Arc;

    fn tag(proven: &AuthCache, user: &str, password: &str) -> PasswordTag {
        let backends: Arc<[BackendName]> = Arc::from([BackendName::new("b")]);
        let user = UserName::new(user.as_bytes());
        let maildrop = MaildropKey::new(&backends, &user, None, true);
        proven.tag(&maildrop, &user, &Secret::new(password.as_bytes().to_vec()))
    }

    #[test]
    fn a_password_is_proven_from_acceptance_to_refusal_or_a_day() {
        let proven = AuthCache::new(&[7; 32]);
        let now = Instant::now();
        let ann = tag(&proven, "ann", "secret");
        assert!(!proven.is_proven(ann, now));
        proven.accepted(ann, now);
        assert!(proven.is_proven(ann, now + AUTH_CACHE_AGE));
        assert!(!proven.is_proven(ann, now + AUTH_CACHE_AGE + Duration::from_secs(1)));
        assert!(!proven.is_proven(tag(&proven, "ann", "other"), now));
        proven.refused(ann, now);
        assert!(!proven.is_proven(ann, now));
        proven.accepted(ann, now);
        assert!(proven.is_proven(ann, now));
    }

    #[test]
    fn that_a_password_was_accepted_is_known_for_a_day_though_it_is_refused() {
        let proven = AuthCache::new(&[7; 32]);
        let now = Instant::now();
        let ann = tag(&proven, "ann", "secret");
        proven.refused(ann, now);
        assert!(!proven.was_accepted_lately(ann, now));
        proven.accepted(ann, now);
        proven.refused(ann, now + Duration::from_secs(60));
        assert!(proven.was_accepted_lately(ann, now + AUTH_CACHE_AGE));
        assert!(!proven.was_accepted_lately(ann, now + AUTH_CACHE_AGE + Duration::from_secs(1)));
    }

    #[test]
    fn memory_is_bounded_and_drops_the_oldest() {
        let proven = AuthCache::new(&[7; 32]);
        let start = Instant::now();
        let number = |n: usize| {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&n.to_le_bytes());
            PasswordTag(bytes)
        };
        for n in 0..=AUTH_CACHE_MAX {
            proven.accepted(number(n), start + Duration::from_millis(n as u64));
        }
        let end = start + Duration::from_millis(AUTH_CACHE_MAX as u64);
        assert!(!proven.is_proven(number(0), end));
        assert!(proven.is_proven(number(1), end));
        for _ in 0..3 * AUTH_CACHE_MAX {
            proven.accepted(number(5), end);
        }
        assert!(proven.is_proven(number(1), end), "logins are not passwords");
        assert_eq!(proven.lock().len(), AUTH_CACHE_MAX);
    }
}
