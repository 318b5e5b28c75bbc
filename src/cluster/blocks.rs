//! One block list for all gates: what this gate changes goes to the engine, and what others
//! changed comes from there.
//!
//! A block that runs out does so at each gate by itself: that is not told. An entry has at each
//! gate a number of its own.

use super::keys::{ClusterKeys, Sealed};
use super::link::BlockPut;
use super::protocol::{BlockRow, BlockRowKind};
use crate::ids::{BackendName, MaildropKey, TenantName, UserName};
use crate::limits::{
    BLOCKS_KEPT, CLUSTER_BLOCK_VERSIONS_MAX, CLUSTER_BLOCKS_EACH, CLUSTER_BLOCKS_UNSENT_MAX,
};
use crate::policy::block::{
    BlockChange, BlockEntry, BlockId, BlockReason, BlockState, BlockTarget, ChangeKind, ChangedBy,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// What this gate and the engine know of the block list of each other.
pub struct BlockShare {
    keys: Arc<ClusterKeys>,
    /// The version of each entry, as the engine said last.
    versions: HashMap<Arc<str>, u64>,
    /// Changes of this gate that the engine has not taken yet: of each entry the last one.
    unsent: BTreeMap<Arc<str>, BlockPut>,
    epoch: u64,
}

impl BlockShare {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(keys: Arc<ClusterKeys>) -> Self {
        Self {
            keys,
            versions: HashMap::new(),
            unsent: BTreeMap::new(),
            epoch: 0,
        }
    }

    /// This gate changed an entry. What another gate changed, and what ran out, is told by others.
    pub fn changed(&mut self, change: &BlockChange) {
        let is_told = matches!(change.by, ChangedBy::Rule | ChangedBy::Operator(_))
            && change.what != ChangeKind::Forgotten;
        if !is_told {
            return;
        }
        let name: Arc<str> = self.keys.block_name(&change.entry.target).into();
        // A block of an address that is lifted for one maildrop goes on.
        let is_release = change.entry.state == BlockState::Released;
        let text = SharedBlock::of(change).encode();
        let Ok(entry) = self.keys.seal(Sealed::Block, &text) else {
            return;
        };
        // An engine that is away for long: the newest are kept.
        if self.unsent.len() >= CLUSTER_BLOCKS_UNSENT_MAX && !self.unsent.contains_key(&name) {
            self.unsent.pop_first();
        }
        let put = BlockPut {
            kind: match is_release {
                true => BlockRowKind::Release,
                false => BlockRowKind::Put,
            },
            base: self.versions.get(&name).copied().unwrap_or(0),
            entry: entry.into(),
            keep: BLOCKS_KEPT,
            name: Arc::clone(&name),
        };
        self.unsent.insert(name, put);
    }

    /// What another gate changed; `None`: this gate has changed the entry, too, and that counts, or
    /// the entry makes no sense.
    pub fn received(&mut self, row: &BlockRow, epoch: u64) -> Option<BlockChange> {
        if self.epoch == 0 {
            self.epoch = epoch;
        } else if epoch != self.epoch {
            // Versions of an engine that lost its memory mean nothing any more.
            self.epoch = epoch;
            self.versions.clear();
            for put in self.unsent.values_mut() {
                put.base = 0;
            }
        }
        // This gate's own, which comes back.
        if self.versions.get(&row.name) == Some(&row.version) {
            return None;
        }
        self.know(&row.name, row.version);
        let own = self.unsent.get(&row.name).map(|own| own.kind);
        match (own, row.kind) {
            (None, _) => {}
            // A release wins over a change that did not know of it.
            (Some(BlockRowKind::Put), BlockRowKind::Release) => {
                self.unsent.remove(&row.name);
            }
            (Some(_), _) => return None,
        }
        let text = self.keys.open(Sealed::Block, &row.entry).ok()?;
        SharedBlock::decode(&text)?.change()
    }

    fn know(&mut self, name: &Arc<str>, version: u64) {
        if self.versions.len() >= CLUSTER_BLOCK_VERSIONS_MAX {
            self.versions.clear();
        }
        self.versions.insert(Arc::clone(name), version);
    }

    /// What the engine should take next; at most some hundred.
    #[must_use]
    pub fn unsent(&self) -> Vec<BlockPut> {
        self.unsent
            .values()
            .take(CLUSTER_BLOCKS_EACH)
            .cloned()
            .collect()
    }

    /// The engine has these, which made these versions (0: it was not taken, and the row that
    /// counts comes). One that was changed meanwhile is still to be sent.
    pub fn sent(&mut self, puts: &[BlockPut], versions: &[u64]) {
        for (put, version) in puts.iter().zip(versions) {
            if *version > 0 {
                self.know(&put.name, *version);
            }
            if self.unsent.get(&put.name) == Some(put) {
                self.unsent.remove(&put.name);
            }
        }
    }
}

/// An entry on its way through the engine.
#[derive(Debug, Serialize, Deserialize)]
struct SharedBlock {
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
    fn of(change: &BlockChange) -> Self {
        let entry = &change.entry;
        let key = entry.target.key.as_ref();
        Self {
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

    fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    fn decode(text: &[u8]) -> Option<Self> {
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

    /// With number 0: the list gives it one of its own.
    fn change(&self) -> Option<BlockChange> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::keys::ClusterSecret;
    use crate::limits::CLUSTER_SECRET_OCTETS;

    fn share() -> BlockShare {
        let secret = ClusterSecret::new([7; CLUSTER_SECRET_OCTETS]);
        BlockShare::new(Arc::new(ClusterKeys::new(&secret).unwrap()))
    }

    fn change(prefix: &str, what: ChangeKind) -> BlockChange {
        let backends: Arc<[BackendName]> = Arc::from([BackendName::new("legacy")]);
        let at = |second| Timestamp::from_second(second).unwrap();
        BlockChange {
            entry: BlockEntry {
                id: BlockId(5),
                target: BlockTarget {
                    key: Some(MaildropKey::new(&backends, &UserName::new(b"ann"))),
                    prefix: prefix.parse().unwrap(),
                },
                tenant: TenantName::new("default"),
                reason: BlockReason::ALL[0],
                state: match what {
                    ChangeKind::Released => BlockState::Released,
                    _ => BlockState::Blocked,
                },
                pinned: false,
                shadow: false,
                first: at(1),
                last: at(2),
                since: at(3),
                expires: at(4),
                times_blocked: 6,
                times_released: 7,
            },
            what,
            by: ChangedBy::Rule,
        }
    }

    /// As the engine hands on what it took.
    fn row(put: &BlockPut, version: u64) -> BlockRow {
        BlockRow {
            version,
            name: Arc::clone(&put.name),
            kind: put.kind,
            entry: Arc::clone(&put.entry),
        }
    }

    #[test]
    fn what_one_gate_changes_another_one_gets_whole() {
        let mut one = share();
        let mut other = share();
        let blocked = change("192.0.2.7", ChangeKind::Blocked);
        one.changed(&blocked);
        let puts = one.unsent();
        assert_eq!(puts.len(), 1);
        assert_eq!((puts[0].kind, puts[0].base), (BlockRowKind::Put, 0));
        let told = other.received(&row(&puts[0], 1), 1).unwrap();
        assert_eq!(told.entry.id, BlockId(0), "it has a number of its own");
        assert_eq!(told.by, ChangedBy::Gate);
        let entry = BlockEntry {
            id: blocked.entry.id,
            ..told.entry.clone()
        };
        assert_eq!((entry, told.what), (blocked.entry, blocked.what));
        other.changed(&told);
        assert_eq!(other.unsent(), [], "it is not sent back");
        one.sent(&puts, &[1]);
        assert_eq!(one.unsent(), []);
        let echo = row(&puts[0], 1);
        assert_eq!(one.received(&echo, 1), None, "its own comes back");
    }

    #[test]
    fn a_release_wins_where_both_sides_changed() {
        let blocked = change("192.0.2.7", ChangeKind::Blocked);
        let released = change("192.0.2.7", ChangeKind::Released);
        let mut one = share();
        let mut other = share();
        one.changed(&blocked);
        other.changed(&released);
        let block = one.unsent();
        let release = other.unsent();
        assert_eq!(release[0].kind, BlockRowKind::Release);
        assert_eq!(
            other.received(&row(&block[0], 1), 1),
            None,
            "its own counts"
        );
        assert_eq!(other.unsent(), release);
        assert!(one.received(&row(&release[0], 2), 1).is_some());
        assert_eq!(one.unsent(), [], "the block is not offered any more");
    }

    #[test]
    fn a_change_is_sent_with_the_version_that_was_known_and_again_if_it_changed_meanwhile() {
        let mut one = share();
        one.changed(&change("192.0.2.7", ChangeKind::Blocked));
        let first = one.unsent();
        one.changed(&change("192.0.2.7", ChangeKind::Released));
        one.sent(&first, &[0]);
        let again = one.unsent();
        assert_eq!(again[0].kind, BlockRowKind::Release);
        one.sent(&again, &[0]);
        one.received(&row(&first[0], 9), 1);
        one.changed(&change("192.0.2.7", ChangeKind::Blocked));
        assert_eq!(one.unsent()[0].base, 9);
        one.sent(&one.unsent(), &[0]);
        // Versions of before mean nothing to an engine that lost its memory.
        one.received(&row(&first[0], 1), 2);
        one.changed(&change("192.0.2.8", ChangeKind::Blocked));
        assert_eq!(one.unsent()[0].base, 0);
    }

    #[test]
    fn what_waits_for_an_engine_that_lost_its_memory_knows_of_none_of_its_releases() {
        let mut one = share();
        let mut other = share();
        other.changed(&change("192.0.2.8", ChangeKind::Blocked));
        let elsewhere = other.unsent();
        one.changed(&change("192.0.2.7", ChangeKind::Blocked));
        let first = one.unsent();
        one.received(&row(&first[0], 9), 1);
        one.sent(&first, &[0]);
        one.changed(&change("192.0.2.7", ChangeKind::Extended));
        assert_eq!(one.unsent()[0].base, 9);
        one.received(&row(&elsewhere[0], 1), 2);
        assert_eq!(one.unsent()[0].base, 0);
    }

    #[test]
    fn what_runs_out_or_is_forgotten_is_not_told() {
        let mut one = share();
        for (what, by) in [
            (ChangeKind::Expired, ChangedBy::Expiry),
            (ChangeKind::Forgotten, ChangedBy::Rule),
            (ChangeKind::Blocked, ChangedBy::Gate),
        ] {
            one.changed(&BlockChange {
                by,
                ..change("192.0.2.7", what)
            });
        }
        assert_eq!(one.unsent(), []);
    }
}
