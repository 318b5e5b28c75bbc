//! A session whose UIDL listing may be another one's, too.

use super::super::context::Context;
use crate::observe::event::Event;
use crate::policy::twins::Session;
use crate::pop3::uidl_digest::UidlListing;

/// This session among those that have listed their maildrops, until it is dropped.
pub(super) struct Twin<'a> {
    cx: &'a Context,
    session: Session,
    listed: Option<UidlListing>,
}

impl<'a> Twin<'a> {
    pub(super) fn new(cx: &'a Context, session: Session) -> Self {
        Self {
            cx,
            session,
            listed: None,
        }
    }

    /// Takes in the last listing that passed.
    pub(super) fn look(&mut self, listing: Option<UidlListing>) {
        let Some(listing) = listing.filter(|_| listing != self.listed) else {
            return;
        };
        if let Some(before) = self.listed.replace(listing) {
            self.ended(before);
        }
        if let Some(pair) = self.cx.twins.listed(self.session.clone(), listing) {
            self.cx.events.emit(&Event::Twins {
                backend: self.session.backend.clone(),
                pair: Box::new(pair),
            });
        }
    }
}

impl Twin<'_> {
    fn ended(&self, listing: UidlListing) {
        let Session { id, backend, .. } = &self.session;
        self.cx.twins.ended(*id, backend, listing);
    }
}

impl Drop for Twin<'_> {
    fn drop(&mut self) {
        if let Some(listing) = self.listed {
            self.ended(listing);
        }
    }
}
