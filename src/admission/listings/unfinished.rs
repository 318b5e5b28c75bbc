//! A listing that a session is being shown: it takes room before it is whole.

use super::ShownListings;
use crate::ids::TenantName;

/// The room of one, given back when this is dropped.
#[derive(Debug)]
pub struct UnfinishedListing<'a> {
    listings: &'a ShownListings,
    tenant: &'a TenantName,
    octets: usize,
}

impl ShownListings {
    /// A session of the tenant, which has been shown nothing yet.
    #[must_use]
    pub fn unfinished<'a>(&'a self, tenant: &'a TenantName) -> UnfinishedListing<'a> {
        UnfinishedListing {
            listings: self,
            tenant,
            octets: 0,
        }
    }
}

impl UnfinishedListing<'_> {
    /// It takes so many octets now. Says whether there is room for them; if not, it must take none
    /// any more.
    #[must_use]
    pub fn takes(&mut self, octets: usize) -> bool {
        let has_room =
            octets == self.octets || self.listings.take(self.tenant, self.octets, octets);
        if has_room {
            self.octets = octets;
        } else {
            self.give_back();
        }
        has_room
    }

    /// It is whole, or is not read any more.
    pub fn give_back(&mut self) {
        let octets = std::mem::take(&mut self.octets);
        if octets > 0 {
            self.listings.room.take(self.tenant, octets, 0);
        }
    }
}

impl Drop for UnfinishedListing<'_> {
    fn drop(&mut self) {
        self.give_back();
    }
}
