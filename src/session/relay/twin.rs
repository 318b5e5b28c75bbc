//! A session whose UIDL listing may be another one's, too.

use crate::backend::connect::Backend;
use crate::gate::Context;
use crate::observe::event::Event;
use crate::policy::attempt::LoginAttempt;
use crate::policy::twins::ListedSession;
use crate::pop3::uidl_digest::ListingDigest;
use std::sync::Arc;

/// This session among those that have listed their maildrops, until it is dropped.
pub(super) struct Twin<'lock> {
    cx: &'lock Context,
    session: ListedSession,
    listed: Option<ListingDigest>,
}

impl<'lock> Twin<'lock> {
    /// A session that has listed nothing yet.
    pub(super) fn new(cx: &'lock Context, attempt: &LoginAttempt, backend: &Backend) -> Self {
        let session = ListedSession {
            id: attempt.session,
            backend: backend.options().name.clone(),
            key: attempt.key.clone(),
            login: attempt.login.clone(),
            tenant: Arc::clone(&attempt.policy),
        };
        Self {
            cx,
            session,
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
            .listed(self.session.clone(), listing)
        {
            self.cx.events.emit(Event::Twins {
                backend: self.session.backend.clone(),
                pair: Box::new(pair),
            });
        }
    }

    fn forget(&self, listing: ListingDigest) {
        let ListedSession { id, backend, .. } = &self.session;
        self.cx.admission.local.twins.ended(*id, backend, listing);
    }
}

impl Drop for Twin<'_> {
    fn drop(&mut self) {
        if let Some(listing) = self.listed {
            self.forget(listing);
        }
    }
}
