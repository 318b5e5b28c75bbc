//! What a session's listing says of sharing: it is compared with the one that the same login was
//! shown before, and kept for the session that may stand on it.

use super::Identified;
use super::client::Client;
use super::let_in::{engine_is_well, may_share};
use crate::admission::listings::{MaildropPlace, ShownListings};
use crate::backend::connect::Backend;
use crate::gate::{BackendConnection, Context, Settings};
use crate::ids::{BackendName, SessionTurn};
use crate::lock::LockGuard;
use crate::observe::event::{Event, SharingEvent};
use crate::policy::attempt::{LoginAttempt, Proof};
use crate::policy::sharing::{
    BackendRecord, KilledBy, LeftBy, ListingOwner, ShadowResult, StandsOn, Unshareable,
};
use crate::pop3::exchange::{Exchange, Quit, ShownMaildrop};
use crate::pop3::listing::{MaildropListing, NotWhole};
use crate::time::Instant;
use std::sync::{Arc, Weak};

/// What is known of the listing of one session.
pub(super) struct Sharing {
    owner: ListingOwner,
    /// By which other gates' sessions are known to have come later.
    turn: Option<SessionTurn>,
    /// It may be large: this session uses it for as long as it is kept for the next one.
    listing: Weak<MaildropListing>,
    result: Option<ShadowResult>,
    /// What its client was shown before it had the maildrop.
    shown: Option<ShownMaildrop>,
    /// It had fetched messages, and was sent back to its listing.
    was_demoted: bool,
    /// What it needs to go on without its maildrop, where it may.
    resumable: Option<Resumable>,
}

/// What a session needs to log in again.
pub(super) struct Resumable {
    pub(super) proof: Proof,
    pub(super) settings: Arc<Settings>,
}

impl Resumable {
    /// The login of the session, as if it had not been in its maildrop yet.
    pub(super) fn login(self, client: Client, attempt: Arc<LoginAttempt>) -> Identified {
        Identified {
            client,
            attempt,
            proof: self.proof,
            settings: self.settings,
        }
    }
}

/// Whose listing is looked at, and where.
pub(super) struct Compares<'a> {
    pub(super) cx: &'a Context,
    pub(super) attempt: &'a LoginAttempt,
}

impl Sharing {
    /// Of a login that the backend has let in; none where nobody measures.
    pub(super) fn of(
        compares: &Compares<'_>,
        proof: Proof,
        settings: Arc<Settings>,
        lock: &mut LockGuard<BackendConnection>,
    ) -> Option<Box<Self>> {
        let measures = compares.attempt.policy.sharing.measures();
        measures.then(|| Self::at(compares, proof, settings, lock))?
    }

    /// Of a session that is in its maildrop.
    pub(super) fn at(
        compares: &Compares<'_>,
        proof: Proof,
        settings: Arc<Settings>,
        lock: &mut LockGuard<BackendConnection>,
    ) -> Option<Box<Self>> {
        let Compares { cx, attempt } = *compares;
        let turn = lock.session_turn();
        let connection = lock.connection()?;
        let backend = connection.backend().options().name.clone();
        let is_on = attempt.policy.sharing.is_on();
        let may_share = is_on && may_share(cx, &settings, &backend);
        Some(Box::new(Self {
            owner: ListingOwner {
                login: attempt.login.kept(),
                tag: attempt.tag,
                backend,
                client: connection.knows_client().then(|| attempt.prefix()),
            },
            turn,
            listing: Weak::new(),
            result: None,
            shown: None,
            was_demoted: false,
            resumable: may_share.then_some(Resumable { proof, settings }),
        }))
    }

    /// Where it is.
    pub(super) fn backend(&self) -> &BackendName {
        &self.owner.backend
    }

    /// Its client was shown this before it had the maildrop.
    pub(super) fn stood_on(&mut self, shown: ShownMaildrop, was_demoted: bool) {
        self.shown = Some(shown);
        self.was_demoted = was_demoted;
    }

    /// What its client was shown before it had the maildrop.
    pub(super) fn shown(&self) -> Option<ShownMaildrop> {
        self.shown.clone()
    }

    /// Whether popgate asks for the listing where the client does not.
    pub(super) fn asks(&self, compares: &Compares<'_>, backend: &Backend) -> bool {
        let listed = backend.capabilities_inside();
        let has_ids = listed.is_some_and(|listed| listed.uidl);
        let listings = compares.listings();
        has_ids
            && self.resumable.is_some()
            && self.shown.is_none()
            && engine_is_well(compares.cx)
            && listings.may_ask(&compares.attempt.key, Instant::now())
    }

    /// STAT, LIST and UIDL were answered.
    pub(super) fn listed(
        &mut self,
        compares: &Compares<'_>,
        listing: Result<Arc<MaildropListing>, NotWhole>,
        backend: &Backend,
    ) {
        let capabilities = backend.capabilities_inside().unwrap_or_default();
        compares.forbid(Unshareable::by_capabilities(&capabilities));
        match listing {
            Ok(listing) => self.compare(compares, listing),
            Err(why) => {
                compares.forbid(Unshareable::by_replies(why));
                let tenant = compares.attempt.tenant().clone();
                compares.tell(SharingEvent::NotWhole { tenant, why });
            }
        }
    }

    /// The maildrop's listing is known.
    pub(super) fn compare(&mut self, compares: &Compares<'_>, listing: Arc<MaildropListing>) {
        self.listing = Arc::downgrade(&listing);
        let listings = compares.listings();
        let now = Instant::now();
        let compared = listings.shown(compares.place(), &self.owner, listing, self.turn, now);
        let locks = &compares.cx.locks;
        locks.tell_listed(&compares.attempt.key, compares.attempt.tag);
        self.result = compared.result;
        for why in compared.unshareable {
            compares.tell_unshareable(why);
        }
        let seen = BackendRecord {
            ids_outlive_close: compared.ids_outlive_close,
            ..BackendRecord::default()
        };
        compares.see(&self.owner.backend, seen);
        if compared.no_room {
            let tenant = compares.attempt.tenant().clone();
            compares.tell(SharingEvent::NoRoom { tenant });
        }
    }

    /// What the session could go on from without its maildrop.
    pub(super) fn stands_on(&self) -> Option<StandsOn> {
        let kept = self.listing.upgrade()?;
        let shown = self.shown.as_ref().map(|shown| &shown.listing);
        self.resumable.as_ref()?;
        Some(StandsOn {
            listing: Arc::clone(shown.unwrap_or(&kept)),
            backend: self.owner.backend.clone(),
            client: self.owner.client,
            turn: self.turn,
        })
    }

    /// Whether it could go on without its maildrop.
    pub(super) fn may_leave(&self) -> bool {
        self.resumable.is_some() && self.listing.strong_count() > 0
    }

    /// Whether it was sent back to its listing before, after it had fetched messages.
    pub(super) fn was_demoted(&self) -> bool {
        self.was_demoted
    }

    /// What it needs to log in again.
    pub(super) fn into_resumable(self) -> Option<Resumable> {
        self.resumable
    }

    /// It sends a DELE or QUIT.
    pub(super) fn updates(&self, compares: &Compares<'_>) {
        compares.listings().updates(&compares.attempt.key);
    }

    /// The session has left its maildrop.
    pub(super) fn ended(&self, compares: &Compares<'_>, exchange: &Exchange) {
        // Before anybody is let in again.
        if exchange.has_sent_deletion() {
            let killed = compares.listings().kill(&compares.attempt.key);
            compares.killed(KilledBy::Deletion, killed);
        }
        if let Some(listing) = self.listing.upgrade() {
            self.used(compares, &listing, exchange);
        }
        self.leaves(compares, exchange.quit());
        if let Some(result) = self.result {
            compares.tell(SharingEvent::Compared {
                tenant: compares.attempt.tenant().clone(),
                result,
                fetched: exchange.has_fetched(),
            });
        }
    }

    /// It leaves its maildrop, QUIT having come so far.
    pub(super) fn leaves(&self, compares: &Compares<'_>, quit: Quit) {
        let how = match quit {
            Quit::Answered { ok: true } => LeftBy::Quit,
            _ => LeftBy::Close,
        };
        let owner = self.listing.upgrade().map(|_| &self.owner);
        let key = &compares.attempt.key;
        compares.listings().left(key, owner, how);
    }

    fn used(&self, compares: &Compares<'_>, listing: &MaildropListing, exchange: &Exchange) {
        let messages = listing.messages() as u64;
        if exchange.quit() == (Quit::Answered { ok: true }) {
            let marks = exchange.marks();
            let listings = compares.listings();
            listings.deleted(compares.place(), listing, marks, Instant::now());
        }
        if exchange.tally().retrieved >= messages && messages > 0 {
            let listings = compares.listings();
            listings.all_fetched(&compares.attempt.key, &self.owner);
        }
    }
}

impl Compares<'_> {
    /// Whether nothing forbids sharing in this maildrop.
    pub(super) fn is_shareable(&self) -> bool {
        let causes = self
            .listings()
            .unshareable(&self.attempt.key, Instant::now());
        causes.is_empty()
    }

    pub(super) fn forbid(&self, causes: impl IntoIterator<Item = Unshareable>) {
        let now = Instant::now();
        for why in causes {
            if self.listings().forbid(self.place(), why, now) {
                self.tell_unshareable(why);
            }
        }
    }

    /// Whether each message that is gone was deleted by a session through popgate.
    pub(super) fn explains(&self, older: &MaildropListing, newer: &MaildropListing) -> bool {
        self.listings().explains(&self.attempt.key, older, newer)
    }

    /// Nobody is let in on so many listings any more.
    pub(super) fn killed(&self, by: KilledBy, listings: usize) {
        if listings > 0 && self.attempt.policy.sharing.is_on() {
            self.tell(SharingEvent::Killed {
                tenant: self.attempt.tenant().clone(),
                by,
                listings: listings as u64,
            });
        }
    }

    /// Whether a backend's lock was free soon after a session without QUIT.
    pub(super) fn lock_is_freed(&self, backend: &BackendName, is_freed: bool) {
        let seen = BackendRecord {
            lock_is_freed: Some(is_freed),
            ..BackendRecord::default()
        };
        self.see(backend, seen);
    }

    fn see(&self, backend: &BackendName, seen: BackendRecord) {
        let proofs = &self.cx.admission.local.proofs;
        if let Some(seen) = proofs.see(backend, seen) {
            let backend = backend.clone();
            self.tell(SharingEvent::Proven { backend, seen });
        }
    }

    fn tell_unshareable(&self, why: Unshareable) {
        let tenant = self.attempt.tenant().clone();
        let key = self.attempt.key.clone();
        self.tell(SharingEvent::Unshareable { tenant, key, why });
    }

    pub(super) fn place(&self) -> MaildropPlace<'_> {
        MaildropPlace {
            key: &self.attempt.key,
            tenant: self.attempt.tenant(),
        }
    }

    pub(super) fn listings(&self) -> &ShownListings {
        &self.cx.admission.local.listings
    }

    pub(super) fn tell(&self, event: SharingEvent) {
        self.cx.events.emit(Event::Sharing(event));
    }
}
