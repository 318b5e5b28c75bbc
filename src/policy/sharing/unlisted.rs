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
    /// Its client may have seen something of the maildrop.
    was_told: bool,
    /// So it was with the one before it.
    pub(super) is_another: bool,
}

impl UnlistedLogin {
    fn may_have_seen_more(&self) -> bool {
        self.was_told || self.is_another
    }
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
            was_told: true,
            is_another: before.is_some_and(|before| before.may_have_seen_more()),
        });
    }

    /// The client of the last login is told nothing of the maildrop before that is listed.
    pub(super) fn tells_nothing(&mut self, tag: PasswordTag) {
        if let Some(login) = self.0.iter_mut().find(|login| login.tag == tag) {
            login.was_told = false;
        }
    }

    /// What it was shown is known now.
    pub(super) fn take(&mut self, tag: PasswordTag) -> Option<UnlistedLogin> {
        let place = self.0.iter().position(|login| login.tag == tag)?;
        Some(self.0.remove(place))
    }

    /// Whether there is one that may have seen more than what was listed before.
    pub(super) fn may_have_seen_more(&self, tag: PasswordTag) -> bool {
        let mut logins = self.0.iter().filter(|login| login.tag == tag);
        logins.any(UnlistedLogin::may_have_seen_more)
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
