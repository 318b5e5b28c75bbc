//! What a listing says of sharing.

use crate::ids::TenantName;
use crate::policy::sharing::{ShadowResult, Unshareable};
use crate::pop3::listing::NotWhole;

/// What was found out about listings of a tenant's maildrops.
#[derive(Clone, Debug)]
pub enum SharingEvent {
    /// A session has ended whose listing was compared with the one before it.
    Compared {
        /// Whose it was.
        tenant: TenantName,
        /// How they differ.
        result: ShadowResult,
        /// Whether a RETR, TOP or DELE of the session was accepted, or may have been behind an
        /// unknown command.
        fetched: bool,
    },
    /// A session's listing was not kept, for want of memory: the next one has none to be compared
    /// with.
    NoRoom {
        /// Whose maildrop it is.
        tenant: TenantName,
    },
    /// What a backend said is not the whole listing of a maildrop.
    NotWhole {
        /// Whose maildrop it is.
        tenant: TenantName,
        /// Why not.
        why: NotWhole,
    },
    /// Sessions of a maildrop must not stand on a listing.
    Unshareable {
        /// Whose maildrop it is.
        tenant: TenantName,
        /// Why not.
        why: Unshareable,
    },
}
