//! Logins that the backend has let in, and of which nobody knows what they were shown.

use crate::limits::{LISTING_SHOWN_FOR, LISTINGS_PER_MAILDROP};
use crate::secret::PasswordTag;
use crate::time::Instant;

/// One for each password, the newest last; [`LISTINGS_PER_MAILDROP`] at most, for twice
/// [`LISTING_SHOWN_FOR`]: a session may look at its maildrop an hour after its login, and is
/// remembered for an hour from there.
#[derive(Debug, Default)]
pub(super) struct UnlistedLogins(Vec<UnlistedLogin>);

/// A login that was not shown a whole listing, or not yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct UnlistedLogin {
    tag: PasswordTag,
    /// When the backend has let it in.
    pub(super) accepted: Instant,
    /// So it was with the one before it.
    pub(super) is_another: bool,
}

impl UnlistedLogins {
    /// The backend has let it in.
    pub(super) fn add(&mut self, tag: PasswordTag, now: Instant) {
        self.expire(now);
        let before = self.take(tag);
        if self.0.len() == LISTINGS_PER_MAILDROP {
            self.0.remove(0);
        }
        self.0.push(UnlistedLogin {
            tag,
            accepted: now,
            is_another: before.is_some(),
        });
    }

    /// What it was shown is known now.
    pub(super) fn take(&mut self, tag: PasswordTag) -> Option<UnlistedLogin> {
        let place = self.0.iter().position(|login| login.tag == tag)?;
        Some(self.0.remove(place))
    }

    /// Whether there is one.
    pub(super) fn has(&self, tag: PasswordTag) -> bool {
        self.0.iter().any(|login| login.tag == tag)
    }

    pub(super) fn expire(&mut self, now: Instant) {
        let is_kept = |login: &UnlistedLogin| {
            now.saturating_duration_since(login.accepted) <= 2 * LISTING_SHOWN_FOR
        };
        self.0.retain(is_kept);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Octets of memory that they take.
    pub(super) fn footprint(&self) -> usize {
        self.0.capacity() * size_of::<UnlistedLogin>()
    }
}
