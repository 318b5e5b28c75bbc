//! The entries of the list, with their numbers and counts.

use crate::ids::TenantName;
use crate::policy::block::{
    BlockChange, BlockCount, BlockEntry, BlockId, BlockState, BlockTarget, ChangeKind, ChangedBy,
};
use jiff::Timestamp;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Where the table is full this part of it is dropped at once, so that finding out which is done
/// seldom.
const SHARE: usize = 16;

/// All entries, by whom they block. The part of the list that outlives the process, and that a
/// cluster may share.
///
/// Holds `capacity` entries. Where it is full, some that are not pinned are dropped, the released
/// first, and of each the oldest. If all are pinned, nobody else is blocked.
#[derive(Debug)]
pub(super) struct BlockTable {
    entries: HashMap<BlockTarget, Arc<BlockEntry>>,
    /// Those whose block runs out, the next one first.
    expiring: BTreeMap<(Timestamp, BlockId), Arc<BlockEntry>>,
    /// Blocked and released ones.
    counts: HashMap<TenantName, [usize; 2]>,
    next: u64,
    capacity: usize,
}

impl BlockTable {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            entries: HashMap::new(),
            expiring: BTreeMap::new(),
            counts: HashMap::new(),
            next: 1,
            capacity,
        }
    }

    /// Takes over an entry of an earlier process, beyond the capacity too: what is too much is
    /// dropped with the next new one, as a change that the file is told of.
    pub(super) fn restore(&mut self, entry: BlockEntry) {
        self.go_on_after(entry.id);
        self.put(entry);
    }

    /// Gives no number up to `last` any more.
    pub(super) fn go_on_after(&mut self, last: BlockId) {
        self.next = self.next.max(last.0.saturating_add(1));
    }

    pub(super) fn get(&self, target: &BlockTarget) -> Option<&BlockEntry> {
        self.entries.get(target).map(Arc::as_ref)
    }

    /// The same, to be looked at when the list is not locked any more.
    pub(super) fn shared(&self, target: &BlockTarget) -> Option<Arc<BlockEntry>> {
        self.entries.get(target).cloned()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &BlockEntry> {
        self.entries.values().map(Arc::as_ref)
    }

    /// All of them, to be looked through when the list is not locked any more.
    pub(super) fn all(&self) -> Vec<Arc<BlockEntry>> {
        self.entries.values().cloned().collect()
    }

    /// Whether a block has run out, and its entry does not say so.
    pub(super) fn is_any_expired(&self, now: Timestamp) -> bool {
        let next = self.expiring.first_key_value();
        next.is_some_and(|((expires, _), _)| *expires <= now)
    }

    /// Those whose block has run out, and whose state does not say so.
    pub(super) fn expired(&self, now: Timestamp) -> Vec<BlockEntry> {
        self.expiring
            .values()
            .take_while(|entry| entry.expires <= now)
            .map(|entry| entry.as_of(now))
            .collect()
    }

    /// How many entries each tenant has that has any.
    pub(super) fn counts(&self) -> Vec<BlockCount> {
        self.counts
            .iter()
            .map(|(tenant, &[blocked, released])| BlockCount {
                tenant: tenant.clone(),
                blocked,
                released,
            })
            .collect()
    }

    /// Makes room for a new entry, and returns its number, and what was dropped for it. `None`:
    /// all others are pinned.
    pub(super) fn next_id(&mut self, now: Timestamp) -> (Option<BlockId>, Vec<BlockChange>) {
        let dropped = self.make_room(now);
        if self.entries.len() >= self.capacity {
            return (None, dropped);
        }
        let id = BlockId(self.next);
        self.next = self.next.saturating_add(1);
        (Some(id), dropped)
    }

    pub(super) fn put(&mut self, entry: BlockEntry) {
        // The one before may be of another tenant, or in another state.
        self.take(&entry.target);
        let counts = self.counts.entry(entry.tenant.clone()).or_default();
        counts[entry.state as usize] += 1;
        let entry = Arc::new(entry);
        if entry.state == BlockState::Blocked && !entry.pinned {
            let key = (entry.expires, entry.id);
            self.expiring.insert(key, Arc::clone(&entry));
        }
        self.entries.insert(entry.target.clone(), entry);
    }

    /// Puts the entry of a change, and returns the change.
    pub(super) fn changed(&mut self, change: BlockChange) -> BlockChange {
        self.put(change.entry.clone());
        change
    }

    /// Drops an entry.
    pub(super) fn forget(&mut self, entry: BlockEntry, by: ChangedBy) -> BlockChange {
        self.take(&entry.target);
        BlockChange {
            entry,
            what: ChangeKind::Forgotten,
            by,
        }
    }

    fn make_room(&mut self, now: Timestamp) -> Vec<BlockChange> {
        // More than the capacity may have been restored from a file.
        let Some(beyond) = self.entries.len().checked_sub(self.capacity) else {
            return Vec::new();
        };
        let mut entries: Vec<_> = self.iter().filter(|entry| !entry.pinned).collect();
        entries.sort_unstable_by_key(|entry| (entry.is_blocked(now), entry.last, entry.id));
        entries.truncate(beyond + (self.capacity / SHARE).max(1));
        let dropped: Vec<_> = entries.into_iter().cloned().collect();
        dropped
            .into_iter()
            .map(|entry| self.forget(entry, ChangedBy::Rule))
            .collect()
    }

    fn take(&mut self, target: &BlockTarget) {
        let Some(entry) = self.entries.remove(target) else {
            return;
        };
        self.expiring.remove(&(entry.expires, entry.id));
        let Some(counts) = self.counts.get_mut(&entry.tenant) else {
            return;
        };
        counts[entry.state as usize] -= 1;
        if *counts == [0, 0] {
            self.counts.remove(&entry.tenant);
        }
    }
}
