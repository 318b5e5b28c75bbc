//! An entry of the block list as gates tell it to each other.

use crate::cluster::protocol::BlockStamp;
use crate::ids::{BackendName, MaildropKey, TenantName, UserName};
use crate::policy::block::{
    BlockChange, BlockEntry, BlockId, BlockReason, BlockState, BlockTarget, ChangeKind, ChangedBy,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// An entry on its way through the engine.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SharedBlock {
    /// Sealed with the entry, since the engine is not popgate's.
    stamp: String,
    backends: Vec<String>,
    /// The maildrop's name, in base64; `None`: the whole address.
    maildrop: Option<String>,
    prefix: String,
    tenant: String,
    reason: String,
    state: String,
    pinned: bool,
    shadow: bool,
    first: Timestamp,
    last: Timestamp,
    since: Timestamp,
    expires: Timestamp,
    times_blocked: u32,
    times_released: u32,
    what: String,
}

impl SharedBlock {
    pub(super) fn of(change: &BlockChange, stamp: BlockStamp) -> Self {
        let entry = &change.entry;
        let key = entry.target.key.as_ref();
        Self {
            stamp: stamp.to_string(),
            backends: key.map_or_else(Vec::new, |key| {
                key.backends().iter().map(ToString::to_string).collect()
            }),
            maildrop: key.map(|key| STANDARD_NO_PAD.encode(key.maildrop().as_bytes())),
            prefix: entry.target.prefix.to_string(),
            tenant: entry.tenant.to_string(),
            reason: entry.reason.as_str().to_owned(),
            state: entry.state.as_str().to_owned(),
            pinned: entry.pinned,
            shadow: entry.shadow,
            first: entry.first,
            last: entry.last,
            since: entry.since,
            expires: entry.expires,
            times_blocked: entry.times_blocked,
            times_released: entry.times_released,
            what: change.what.as_str().to_owned(),
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    pub(super) fn decode(text: &[u8]) -> Option<Self> {
        serde_json::from_slice(text).ok()
    }

    fn target(&self) -> Option<BlockTarget> {
        let backends: Arc<[BackendName]> = self
            .backends
            .iter()
            .map(|it| BackendName::new(it))
            .collect();
        let key = match &self.maildrop {
            None => None,
            Some(name) => {
                let name = STANDARD_NO_PAD.decode(name).ok()?;
                Some(MaildropKey::new(&backends, &UserName::new(&name)))
            }
        };
        Some(BlockTarget {
            key,
            prefix: self.prefix.parse().ok()?,
        })
    }

    /// With number 0: the list gives it one of its own. `None`: it makes no sense, or was sealed
    /// with another stamp.
    pub(super) fn change(&self, stamp: BlockStamp) -> Option<BlockChange> {
        if self.stamp != stamp.to_string() {
            return None;
        }
        Some(BlockChange {
            entry: BlockEntry {
                id: BlockId(0),
                target: self.target()?,
                tenant: TenantName::new(&self.tenant),
                reason: BlockReason::named(&self.reason)?,
                state: BlockState::named(&self.state)?,
                pinned: self.pinned,
                shadow: self.shadow,
                first: self.first,
                last: self.last,
                since: self.since,
                expires: self.expires,
                times_blocked: self.times_blocked,
                times_released: self.times_released,
            },
            what: ChangeKind::named(&self.what)?,
            by: ChangedBy::Gate,
        })
    }
}
