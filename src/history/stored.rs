//! What is kept beside logins: changes of the block list, and what happened to the gate.

use super::query::EntryId;
use crate::ids::{BackendName, MaildropKey, TenantName};
use crate::policy::block::BlockChange;
use crate::policy::sharing::{BackendRecord, Unshareable};
use crate::str_enum::str_enum;
use jiff::Timestamp;
use std::sync::Arc;

/// A change of the block list and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBlockChange {
    /// Its place among all that is kept.
    pub id: EntryId,
    /// When it happened.
    pub at: Timestamp,
    /// What happened, and the entry afterwards.
    pub change: BlockChange,
}

/// Something that happened to the gate or to a backend, and explains what sessions met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GateNotice {
    /// Its place among all that is kept.
    pub id: EntryId,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub kind: NoticeKind,
    /// What it happened to: the backend's name, and the like; empty where it is the gate.
    pub subject: Arc<str>,
    /// The rest in a sentence. It can hold words of others, and any character.
    pub text: Arc<str>,
}

/// What was found out about sharing, so that a gate knows it from its start on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SharingFact {
    /// Sessions of a backend have shown this.
    Proven {
        /// Which backend.
        backend: BackendName,
        /// All that they have shown.
        seen: BackendRecord,
        /// When they showed the last of it.
        at: Timestamp,
    },
    /// Sessions of a maildrop must not stand on a listing.
    Unshareable {
        /// The maildrop.
        key: MaildropKey,
        /// Its tenant.
        tenant: TenantName,
        /// Why not.
        why: Unshareable,
        /// Until when that is remembered.
        until: Timestamp,
    },
}

str_enum! {
    /// What happened to the gate or to a backend.
    NoticeKind {
        /// popgate started.
        Started = "started",
        /// popgate stopped.
        Stopped = "stopped",
        /// A backend can be reached.
        BackendUp = "backend_up",
        /// A backend cannot be reached.
        BackendDown = "backend_down",
        /// Logins of a tenant or to a backend wait.
        Paused = "paused",
        /// They go on.
        Resumed = "resumed",
        /// An operator asked for a stop, with time for sessions to end.
        Draining = "draining",
        /// An operator ended a session.
        Kicked = "kicked",
        /// Another configuration is in force.
        Reloaded = "reloaded",
        /// Entries, changes or notices were lost.
        Lost = "lost",
    }
}
