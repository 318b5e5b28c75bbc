//! What a session's listing says of sharing: compared with the one that its login was shown before.

use crate::backend::connect::Backend;
use crate::gate::Context;
use crate::observe::event::{Event, SharingEvent};
use crate::policy::attempt::LoginAttempt;
use crate::policy::sharing::{ListingOwner, ShadowResult, Unshareable};
use crate::pop3::exchange::{Exchange, Quit};
use crate::pop3::listing::{MaildropListing, NotWhole};
use crate::time::Instant;
use std::sync::Arc;

/// The listing of one session.
pub(super) struct Shadow<'lock> {
    cx: &'lock Context,
    attempt: &'lock LoginAttempt,
    owner: ListingOwner,
    listing: Option<Arc<MaildropListing>>,
    result: Option<ShadowResult>,
}

impl<'lock> Shadow<'lock> {
    /// A session that has listed nothing yet.
    pub(super) fn new(cx: &'lock Context, attempt: &'lock LoginAttempt, backend: &Backend) -> Self {
        let owner = ListingOwner {
            login: attempt.login.clone(),
            tag: attempt.tag,
            backend: backend.options().name.clone(),
        };
        Self {
            cx,
            attempt,
            owner,
            listing: None,
            result: None,
        }
    }

    /// STAT, LIST and UIDL were answered. Only the first listing counts: the maildrop of a session
    /// does not change (RFC 1939 section 5).
    pub(super) fn listed(&mut self, listing: Result<Arc<MaildropListing>, NotWhole>) {
        if self.listing.is_some() {
            return;
        }
        let listings = &self.cx.admission.local.listings;
        let key = &self.attempt.key;
        let now = Instant::now();
        match listing {
            Ok(listing) => {
                self.listing = Some(Arc::clone(&listing));
                let compared = listings.shown(key, self.owner.clone(), listing, now);
                self.result = compared.result;
                self.tell_unshareable(compared.unshareable);
            }
            Err(why) => {
                self.tell_unshareable(listings.not_whole(key, why, now));
                let tenant = self.attempt.tenant().clone();
                self.tell(SharingEvent::NotWhole { tenant, why });
            }
        }
    }

    /// The session is over.
    pub(super) fn ended(self, exchange: &Exchange) {
        let tally = exchange.tally();
        if let Some(listing) = &self.listing
            && exchange.quit() == (Quit::Answered { ok: true })
        {
            let listings = &self.cx.admission.local.listings;
            listings.deleted(&self.attempt.key, listing, exchange.marks());
        }
        if let Some(result) = self.result {
            self.tell(SharingEvent::Compared {
                tenant: self.attempt.tenant().clone(),
                result,
                fetched: tally.retrieved + tally.marked + tally.deleted > 0,
            });
        }
    }

    fn tell_unshareable(&self, why: Option<Unshareable>) {
        if let Some(why) = why {
            self.tell(SharingEvent::Unshareable {
                tenant: self.attempt.tenant().clone(),
                why,
            });
        }
    }

    fn tell(&self, event: SharingEvent) {
        self.cx.events.emit(Event::Sharing(event));
    }
}
