//! What is known of one maildrop's listings.

use super::deletions::DeletedIds;
use super::kept::{KeptListing, LeftBy, StandsOn};
use super::unlisted::UnlistedLogins;
use super::{Asker, Compared, ListingOwner, ShadowResult, Unshareable};
use crate::ids::{SessionTurn, UserName};
use crate::limits::{LISTING_SHOWN_FOR, LISTINGS_PER_MAILDROP, NOT_SHAREABLE_FOR, VANISHED_MAX};
use crate::pop3::listing::MaildropListing;
use crate::secret::PasswordTag;
use crate::time::{Duration, Instant};
use std::sync::Arc;

/// The listings that logins of a maildrop were shown, and whether they may be shown again.
#[derive(Debug, Default)]
pub struct MaildropListings {
    /// One for each owner, the newest last; [`LISTINGS_PER_MAILDROP`] at most.
    kept: Vec<KeptListing>,
    /// What they were shown may be more than what is kept.
    unlisted: UnlistedLogins,
    deleted: DeletedIds,
    /// How often in a row all messages vanished after they were fetched.
    vanished: u8,
    /// What forbids sharing, and until when that is known.
    unshareable: Vec<(Unshareable, Instant)>,
    /// The session in the maildrop has sent a DELE or QUIT.
    is_in_update: bool,
    /// The last session left the maildrop without QUIT, and nobody has come since.
    was_closed: bool,
    /// Until when popgate asks for no listing of its own: it took too long.
    slow_until: Option<Instant>,
}

impl MaildropListings {
    /// A backend has accepted a login: what others were shown is old, and so is another password
    /// of the same login. Returns as [`kill`](Self::kill).
    pub fn accepted(&mut self, login: &UserName, tag: PasswordTag, now: Instant) -> usize {
        for kept in &mut self.kept {
            if kept.owner.login == *login {
                kept.is_superseded = kept.owner.tag != tag;
            }
        }
        self.unlisted.add(tag, now);
        self.was_closed = false;
        self.kill()
    }

    /// The backend has accepted a login whose client stands on a listing, and is told nothing else
    /// before the maildrop is listed: others may go on from what they were shown until then.
    pub fn tells_nothing(&mut self, tag: PasswordTag) {
        self.unlisted.tells_nothing(tag);
    }

    /// Whether the last session in the maildrop has left it without QUIT, and nobody has come
    /// since.
    #[must_use]
    pub fn was_closed(&self) -> bool {
        self.was_closed
    }

    /// A backend has refused the password, perhaps of one address alone: nobody is let in on what
    /// it was shown. What is left of other addresses may lack what was shown here, and so may a
    /// listing where the server accepts it again.
    pub fn refused(&mut self, tag: PasswordTag, now: Instant) {
        let before = self.kept.len();
        self.kept.retain(|kept| kept.owner.tag != tag);
        if self.kept.len() < before {
            self.kept.shrink_to_fit();
            self.unlisted.add(tag, now);
        }
    }

    /// Whether sessions through popgate delete messages here: one that is let in beside them may
    /// want a message that they have deleted by then.
    #[must_use]
    pub fn has_deletions(&self) -> bool {
        !self.deleted.is_empty()
    }

    /// The backend has shown `owner` this listing.
    pub fn shown(
        &mut self,
        owner: ListingOwner,
        listing: Arc<MaildropListing>,
        now: Instant,
    ) -> Compared {
        self.expire(now);
        let lacks_nothing = self.lacks_nothing(&owner, &listing);
        let place = self.kept.iter().position(|kept| kept.owner == owner);
        let before = place.map(|place| self.kept.remove(place));
        let recycles = self.deleted.come_again_in(&listing);
        let result =
            before
                .as_ref()
                .filter(|before| before.is_current)
                .map(|before| match recycles {
                    true => ShadowResult::Recycled,
                    false => before.listing.change_to(&listing).into(),
                });
        let causes = [
            listing.ids_are_numbers().then_some(Unshareable::Numbers),
            recycles.then_some(Unshareable::Recycled),
            result.and_then(ShadowResult::unshareable),
            self.has_vanished(before.as_ref(), &listing, result),
        ];
        let ids_outlive_close = before.as_ref().and_then(|before| before.proves_ids(result));
        let login = self.unlisted.take(owner.tag);
        // Of one that came hours ago nobody knows what has been since.
        let is_known = login.is_some_and(|login| !login.is_another);
        if self.kept.len() == LISTINGS_PER_MAILDROP {
            self.kept.remove(0);
        }
        self.kept.push(KeptListing {
            owner,
            listing,
            shown: now,
            accepted: login.map_or(now, |login| login.accepted),
            result,
            left: None,
            all_fetched: false,
            is_alive: true,
            is_current: true,
            is_believed: lacks_nothing && is_known,
            is_superseded: false,
            turn: None,
        });
        let causes = causes.into_iter().flatten();
        Compared {
            result,
            unshareable: causes.filter(|why| self.forbid(*why, now)).collect(),
            ids_outlive_close,
            no_room: false,
        }
    }

    /// The session that was shown the owner's listing had this turn. A later session at another
    /// gate is unknown here; the engine knows it, by its later turn.
    pub fn had_turn(&mut self, owner: &ListingOwner, turn: SessionTurn) {
        let kept = self.kept.iter_mut().find(|kept| kept.owner == *owner);
        if let Some(kept) = kept {
            kept.turn = Some(turn);
        }
    }

    /// Whether the listing has all that the same login was shown last, from wherever, but for what
    /// a QUIT through popgate deleted.
    fn lacks_nothing(&self, owner: &ListingOwner, listing: &MaildropListing) -> bool {
        self.kept
            .iter()
            .rev()
            .find(|it| it.owner.tag == owner.tag && it.owner.backend == owner.backend)
            .is_none_or(|last| self.deleted.explain(&last.listing, listing))
    }

    /// Whether each message that is gone was deleted by a session of popgate.
    #[must_use]
    pub fn explains(&self, older: &MaildropListing, newer: &MaildropListing) -> bool {
        self.deleted.explain(older, newer)
    }

    /// All messages are gone after a session that fetched them, again and again.
    fn has_vanished(
        &mut self,
        before: Option<&KeptListing>,
        listing: &MaildropListing,
        result: Option<ShadowResult>,
    ) -> Option<Unshareable> {
        let before = before.filter(|before| before.is_current && before.all_fetched)?;
        let is_left = before.listing.shares_a_message_with(listing);
        let has_vanished = result == Some(ShadowResult::Missing) && !is_left;
        self.vanished = if has_vanished { self.vanished + 1 } else { 0 };
        if self.vanished < VANISHED_MAX {
            return None;
        }
        self.vanished = 0;
        Some(Unshareable::Vanished)
    }

    /// What a login may be let in on instead of the maildrop: the backend accepted its password
    /// within `fresh`, and it was shown a listing within `age`, since when nobody has been there.
    #[must_use]
    pub fn fresh(
        &self,
        asker: &Asker,
        age: Duration,
        fresh: Duration,
        now: Instant,
    ) -> Option<StandsOn> {
        if self.is_in_update || !self.is_shareable(now) {
            return None;
        }
        self.kept
            .iter()
            .rev()
            .find(|kept| kept.owner.is(asker) && kept.is_fresh(age, fresh, now))
            .map(KeptListing::stands_on)
    }

    /// What a login whose wait is spent was shown last, within [`LISTING_SHOWN_FOR`]; nothing where
    /// it was shown that elsewhere, or nobody knows what it was: an older listing may lack some.
    #[must_use]
    pub fn last_resort(&self, asker: &Asker, now: Instant) -> Option<StandsOn> {
        if !self.is_shareable(now) || self.unlisted.may_have_seen_more(asker.tag) {
            return None;
        }
        self.kept
            .iter()
            .rev()
            .find(|kept| kept.owner.tag == asker.tag)
            .filter(|kept| kept.owner.is(asker) && kept.is_last_resort(now))
            .map(KeptListing::stands_on)
    }

    /// The session that was shown the owner's listing has fetched as many messages as there are,
    /// and deleted none.
    pub fn all_fetched(&mut self, owner: &ListingOwner) {
        let kept = self.kept.iter_mut().find(|kept| kept.owner == *owner);
        if let Some(kept) = kept {
            kept.all_fetched = true;
        }
    }

    /// A session has left the maildrop; `owner`: it was shown the owner's listing.
    pub fn left(&mut self, owner: Option<&ListingOwner>, how: LeftBy) {
        self.is_in_update = false;
        self.was_closed = how == LeftBy::Close;
        let is_its = |kept: &&mut KeptListing| owner.is_some_and(|owner| kept.owner == *owner);
        if let Some(kept) = self.kept.iter_mut().find(is_its) {
            kept.left = Some(how);
        }
    }

    /// The session in the maildrop sends a DELE or QUIT: nobody is let in until it is over.
    pub fn updates(&mut self) {
        self.is_in_update = true;
    }

    /// Sessions must not stand on a listing. Says whether that was not known: each cause is told
    /// once in [`NOT_SHAREABLE_FOR`], which counts from there, however often it comes.
    pub fn forbid(&mut self, why: Unshareable, now: Instant) -> bool {
        self.expire(now);
        self.forbid_until(why, now + NOT_SHAREABLE_FOR)
    }

    /// As [`forbid`](Self::forbid), until a time.
    pub fn forbid_until(&mut self, why: Unshareable, until: Instant) -> bool {
        let is_new = !self.unshareable.iter().any(|(known, _)| *known == why);
        if is_new {
            self.unshareable.push((why, until));
        }
        is_new
    }

    /// What forbids sharing.
    pub fn unshareable(&self, now: Instant) -> impl Iterator<Item = Unshareable> {
        self.unshareable
            .iter()
            .filter(move |(_, until)| *until > now)
            .map(|(why, _)| *why)
    }

    fn is_shareable(&self, now: Instant) -> bool {
        self.unshareable(now).next().is_none()
    }

    /// A QUIT that the backend confirmed has deleted the messages of the listing that are marked,
    /// by place, from 0.
    pub fn deleted(&mut self, listing: &MaildropListing, marks: &[bool], now: Instant) {
        self.deleted.add(listing, marks, now);
    }

    /// Messages were deleted, or may have been: nobody would go on from what was shown before.
    /// Returns as [`kill`](Self::kill).
    pub fn outdate(&mut self) -> usize {
        for kept in &mut self.kept {
            kept.is_current = false;
        }
        self.kill()
    }

    /// A session may have changed the maildrop, or will: nobody is let in on what was shown before.
    /// Returns how many listings that were good for it until now.
    pub fn kill(&mut self) -> usize {
        let alive = self.kept.iter_mut().filter(|kept| kept.is_alive);
        alive.map(|kept| kept.is_alive = false).count()
    }

    /// How many listings are kept.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.kept.len()
    }

    /// The listings that are kept.
    pub fn listings(&self) -> impl Iterator<Item = &Arc<MaildropListing>> {
        self.kept.iter().map(|kept| &kept.listing)
    }

    /// A listing took too long for popgate to ask for one of its own.
    pub fn took_long(&mut self, now: Instant) {
        self.slow_until = Some(now + NOT_SHAREABLE_FOR);
    }

    /// Whether popgate may ask for a listing of its own.
    #[must_use]
    pub fn may_ask(&self, now: Instant) -> bool {
        self.is_shareable(now) && self.slow_until.is_none_or(|until| until <= now)
    }

    /// There is no room for it.
    pub fn forget_ids(&mut self) {
        self.kept = Vec::new();
        self.deleted = DeletedIds::default();
    }

    /// Forgets what is over; says whether anything is left.
    pub fn expire(&mut self, now: Instant) -> bool {
        self.kept
            .retain(|kept| now.saturating_duration_since(kept.shown) <= LISTING_SHOWN_FOR);
        if self.kept.is_empty() {
            // Its places may outlive it for a day.
            self.kept = Vec::new();
        }
        self.unshareable.retain(|(_, until)| *until > now);
        self.deleted.expire(now);
        self.unlisted.expire(now);
        self.slow_until = self.slow_until.filter(|until| *until > now);
        !self.kept.is_empty()
            || !self.unlisted.is_empty()
            || !self.deleted.is_empty()
            || !self.unshareable.is_empty()
            || self.slow_until.is_some()
    }

    /// Octets of memory that it takes besides itself.
    #[must_use]
    pub fn footprint(&self) -> usize {
        let listings: usize = self.kept.iter().map(KeptListing::footprint).sum();
        listings
            + self.kept.capacity() * size_of::<KeptListing>()
            + self.deleted.footprint()
            + self.unlisted.footprint()
            + self.unshareable.capacity() * size_of::<(Unshareable, Instant)>()
    }
}

#[cfg(test)]
mod tests;
