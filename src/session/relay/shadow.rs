//! What a session's listing says of sharing: compared with the one that its login was shown before.

use crate::admission::listings::ShownListings;
use crate::backend::connect::Backend;
use crate::gate::Context;
use crate::observe::event::{Event, SharingEvent};
use crate::policy::attempt::LoginAttempt;
use crate::policy::sharing::{ListingOwner, ShadowResult, Unshareable};
use crate::pop3::exchange::{Exchange, Quit};
use crate::pop3::listing::{MaildropListing, NotWhole};
use crate::time::Instant;
use std::sync::{Arc, Weak};

/// The listing of one session.
pub(super) struct Shadow<'lock> {
    cx: &'lock Context,
    attempt: &'lock LoginAttempt,
    owner: ListingOwner,
    /// It may be large: this session uses it for as long as it is kept for the next one.
    listing: Weak<MaildropListing>,
    result: Option<ShadowResult>,
}

impl<'lock> Shadow<'lock> {
    /// A session that has listed nothing yet.
    pub(super) fn new(cx: &'lock Context, attempt: &'lock LoginAttempt, backend: &Backend) -> Self {
        let owner = ListingOwner {
            login: attempt.login.kept(),
            tag: attempt.tag,
            backend: backend.options().name.clone(),
        };
        Self {
            cx,
            attempt,
            owner,
            listing: Weak::new(),
            result: None,
        }
    }

    /// STAT, LIST and UIDL were answered.
    pub(super) fn listed(
        &mut self,
        listing: Result<Arc<MaildropListing>, NotWhole>,
        backend: &Backend,
    ) {
        let capabilities = backend.capabilities_inside().unwrap_or_default();
        self.forbid(Unshareable::by_capabilities(&capabilities));
        match listing {
            Ok(listing) => self.compare(listing),
            Err(why) => {
                self.forbid(Unshareable::by_replies(why));
                let tenant = self.attempt.tenant().clone();
                self.tell(SharingEvent::NotWhole { tenant, why });
            }
        }
    }

    fn compare(&mut self, listing: Arc<MaildropListing>) {
        self.listing = Arc::downgrade(&listing);
        let owner = self.owner.clone();
        let listings = self.listings();
        let compared = listings.shown(&self.attempt.key, owner, listing, Instant::now());
        self.result = compared.result;
        for why in compared.unshareable {
            self.tell_unshareable(why);
        }
        if compared.no_room {
            let tenant = self.attempt.tenant().clone();
            self.tell(SharingEvent::NoRoom { tenant });
        }
    }

    /// The session is over.
    pub(super) fn ended(self, exchange: &Exchange) {
        if let Some(listing) = self.listing.upgrade() {
            self.used(&listing, exchange);
        }
        if let Some(result) = self.result {
            self.tell(SharingEvent::Compared {
                tenant: self.attempt.tenant().clone(),
                result,
                fetched: exchange.has_fetched(),
            });
        }
    }

    fn used(&self, listing: &MaildropListing, exchange: &Exchange) {
        let key = &self.attempt.key;
        let messages = listing.messages() as u64;
        if exchange.quit() == (Quit::Answered { ok: true }) {
            let marks = exchange.marks();
            self.listings().deleted(key, listing, marks, Instant::now());
        }
        if exchange.tally().retrieved >= messages && messages > 0 {
            self.listings().all_fetched(key, &self.owner);
        }
    }

    fn forbid(&self, causes: impl IntoIterator<Item = Unshareable>) {
        let now = Instant::now();
        for why in causes {
            if self.listings().forbid(&self.attempt.key, why, now) {
                self.tell_unshareable(why);
            }
        }
    }

    fn tell_unshareable(&self, why: Unshareable) {
        let tenant = self.attempt.tenant().clone();
        self.tell(SharingEvent::Unshareable { tenant, why });
    }

    fn listings(&self) -> &ShownListings {
        &self.cx.admission.local.listings
    }

    fn tell(&self, event: SharingEvent) {
        self.cx.events.emit(Event::Sharing(event));
    }
}
