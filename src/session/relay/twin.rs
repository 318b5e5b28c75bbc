//! A session whose UIDL listing may be another one's, too.

use crate::backend::connect::Backend;
use crate::gate::Context;
use crate::observe::event::Event;
use crate::policy::attempt::LoginAttempt;
use crate::policy::twins::ListedSession;
use crate::pop3::uidl_digest::ListingDigest;
use std::sync::Arc;

/// This session among those that have listed their maildrops, until it is dropped.
pub(super) struct Twin<'relay> {
    cx: &'relay Context,
    attempt: &'relay LoginAttempt,
    backend: Arc<Backend>,
    listed: Option<ListingDigest>,
}

impl<'relay> Twin<'relay> {
    /// A session that has listed nothing yet.
    pub(super) fn new(
        cx: &'relay Context,
        attempt: &'relay LoginAttempt,
        backend: &Arc<Backend>,
    ) -> Self {
        Self {
            cx,
            attempt,
            backend: Arc::clone(backend),
            listed: None,
        }
    }

    /// Takes in a listing that is not the one before.
    pub(super) fn listed(&mut self, listing: ListingDigest) {
        if let Some(before) = self.listed.replace(listing) {
            self.forget(before);
        }
        if let Some(pair) = self
            .cx
            .admission
            .local
            .twins
            .listed(self.session(), listing)
        {
            self.cx.events.emit(Event::Twins {
                backend: self.backend.options().name.clone(),
                pair: Box::new(pair),
            });
        }
    }

    fn session(&self) -> ListedSession {
        let attempt = self.attempt;
        ListedSession {
            id: attempt.session,
            backend: self.backend.options().name.clone(),
            key: attempt.key.clone(),
            login: attempt.login.clone(),
            tenant: Arc::clone(&attempt.policy),
        }
    }

    fn forget(&self, listing: ListingDigest) {
        let backend = &self.backend.options().name;
        let twins = &self.cx.admission.local.twins;
        twins.ended(self.attempt.session, backend, listing);
    }
}

impl Drop for Twin<'_> {
    fn drop(&mut self) {
        if let Some(listing) = self.listed {
            self.forget(listing);
        }
    }
}
