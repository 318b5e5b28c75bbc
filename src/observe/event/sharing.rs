//! What a listing says of sharing.

use crate::ids::{BackendName, MaildropKey, TenantName};
use crate::policy::sharing::{
    BackendRecord, KilledBy, LetInReason, PromotionOutcome, ShadowResult, Unshareable,
};
use crate::pop3::listing::NotWhole;
use crate::time::Duration;

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
        /// The maildrop.
        key: MaildropKey,
        /// Why not.
        why: Unshareable,
    },
    /// Sessions of a backend have shown something more of whether they can be shared.
    Proven {
        /// Which backend.
        backend: BackendName,
        /// All that they have shown.
        seen: BackendRecord,
    },
    /// A login was let in on a listing: a session without the maildrop begins.
    LetIn {
        /// Whose it is.
        tenant: TenantName,
        /// Why.
        reason: LetInReason,
    },
    /// A holder was idle while another waited, and went back to its listing: a session without the
    /// maildrop begins.
    Demoted {
        /// Whose it is.
        tenant: TenantName,
        /// Whether it had fetched messages.
        fetched: bool,
    },
    /// A session is not without the maildrop any more: it has ended, or goes on there.
    ViewEnded {
        /// Whose it was.
        tenant: TenantName,
        /// Whether it was let in, and ended without a login at the backend.
        saved_a_login: bool,
    },
    /// A session without the maildrop needed it.
    Promoted {
        /// Whose it is.
        tenant: TenantName,
        /// What became of it.
        outcome: PromotionOutcome,
        /// From the command that needed the maildrop to that.
        took: Duration,
    },
    /// Nobody is let in on so many listings any more.
    Killed {
        /// Whose maildrop it is.
        tenant: TenantName,
        /// Why.
        by: KilledBy,
        /// How many.
        listings: u64,
    },
}
