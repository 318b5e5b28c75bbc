//! The list itself: entries come, run out, come back longer, are released, pinned, forgotten.

use super::entry::{
    BlockChange, BlockEntry, BlockId, BlockState, BlockTarget, ChangeKind, earlier, later,
};
use super::faults::{Enough, Faults, Offence, OffenceClass};
use super::filter::BlockFilter;
use super::tries::Tries;
use super::welcome::Welcome;
use crate::ids::{ClientPrefix, MaildropKey, TenantName};
use crate::limits::BLOCKS_MAX;
use crate::policy::rules::{BlockMode, BlockRules};
use crate::time::Duration;
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Where the list is full this part of it is dropped at once, so that finding out which is done
/// seldom.
const SHARE: usize = 16;

/// Who is blocked, and whose faults may lead to it. Shared by all sessions.
///
/// Whatever changes an entry returns the change, for events and for the file.
#[derive(Debug)]
pub struct BlockList(RwLock<Book>);

/// How many entries of a tenant are in a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockCount {
    /// Whose.
    pub tenant: TenantName,
    /// Those that are blocked, the ones that are only shown included.
    pub blocked: usize,
    /// Those that are not any more.
    pub released: usize,
}

#[derive(Debug)]
pub(super) struct Book {
    pub(super) entries: HashMap<BlockTarget, BlockEntry>,
    counts: HashMap<TenantName, [usize; 2]>,
    next: u64,
    bound: usize,
    faults: Faults,
    pub(super) welcome: Welcome,
    pub(super) tries: Tries,
}

impl Default for BlockList {
    fn default() -> Self {
        Self::with_bound(BLOCKS_MAX)
    }
}

impl BlockList {
    pub(super) fn with_bound(bound: usize) -> Self {
        Self(RwLock::new(Book {
            entries: HashMap::new(),
            counts: HashMap::new(),
            next: 1,
            bound,
            faults: Faults::default(),
            welcome: Welcome::default(),
            tries: Tries::default(),
        }))
    }

    /// The list with the entries of an earlier process, all of them: what is beyond the bound goes
    /// with the next block, and what blocks no more by the rules of now with the next
    /// [`Self::expire`], as changes that the file is told of.
    #[must_use]
    pub fn restore(entries: Vec<BlockEntry>) -> Self {
        let list = Self::default();
        let mut book = list.write();
        for entry in entries {
            book.next = book.next.max(entry.id.0.saturating_add(1));
            book.put(entry.by_todays_rules());
        }
        drop(book);
        list
    }

    /// A fault of somebody without a proven password, which may lead to a block.
    pub fn fault(
        &self,
        maildrop: Option<&MaildropKey>,
        address: ClientPrefix,
        tenant: &TenantName,
        fault: Offence,
        rules: &BlockRules,
        now: Timestamp,
    ) -> Vec<BlockChange> {
        if rules.mode == BlockMode::Off {
            return Vec::new();
        }
        let mut book = self.write();
        // A phone on a breaking line does not get its household's logins blocked.
        if fault.class() == OffenceClass::Transient && book.welcome.has(address, now) {
            return Vec::new();
        }
        let enough = book.faults.add(maildrop, address, fault, rules, now);
        let blocks = enough.into_iter();
        blocks
            .flat_map(|enough| book.block(enough, tenant, rules, now))
            .collect()
    }

    /// The entries that `filter` means, by number.
    #[must_use]
    pub fn entries(&self, filter: &BlockFilter, now: Timestamp) -> Vec<BlockEntry> {
        let mut entries = self.read().select(filter, now);
        entries.sort_unstable_by_key(|entry| entry.id);
        entries
    }

    /// Releases those that `filter` means and that are blocked; pinned ones stay. Their faults
    /// so far are forgiven.
    pub fn release(&self, filter: &BlockFilter, now: Timestamp) -> Vec<BlockChange> {
        self.change(filter, now, |entry| {
            if entry.pinned || entry.state == BlockState::Released {
                return None;
            }
            entry.state = BlockState::Released;
            entry.times_released = entry.times_released.saturating_add(1);
            Some(ChangeKind::Released)
        })
    }

    /// Has those that `filter` means stay in their state, or stay no more.
    pub fn pin(&self, filter: &BlockFilter, pinned: bool, now: Timestamp) -> Vec<BlockChange> {
        self.change(filter, now, |entry| {
            if entry.pinned == pinned {
                return None;
            }
            entry.pinned = pinned;
            Some(if pinned {
                ChangeKind::Pinned
            } else {
                ChangeKind::Unpinned
            })
        })
    }

    /// Ends blocks that have run out. [`Self::meets`] and [`Self::entries`] know by
    /// themselves; this is for [`Self::counts`], for events and for the file.
    pub fn expire(&self, now: Timestamp) -> Vec<BlockChange> {
        let mut book = self.write();
        let entries = book.entries.values();
        let ended =
            entries.filter(|entry| entry.state == BlockState::Blocked && !entry.is_blocked(now));
        let ended: Vec<_> = ended.map(|entry| entry.as_of(now)).collect();
        let changes = ended.into_iter();
        changes
            .map(|entry| book.changed(entry, ChangeKind::Expired))
            .collect()
    }

    /// Drops entries that are neither blocked nor pinned and whose last fault is older than
    /// `keep`, and faults that are too old to count.
    pub fn forget(&self, keep: Duration, now: Timestamp) -> Vec<BlockChange> {
        let mut book = self.write();
        book.faults.forget(now);
        book.welcome.forget(now);
        book.tries.forget(now);
        let since = earlier(now, keep);
        let is_old =
            |entry: &&BlockEntry| !entry.pinned && !entry.is_blocked(now) && entry.last < since;
        let old: Vec<_> = book.entries.values().filter(is_old).cloned().collect();
        let old = old.into_iter();
        old.map(|entry| book.forget(entry)).collect()
    }

    /// How many entries each tenant has that has any; as of the last [`Self::expire`].
    #[must_use]
    pub fn counts(&self) -> Vec<BlockCount> {
        let book = self.read();
        let counts = book.counts.iter();
        counts
            .map(|(tenant, &[blocked, released])| BlockCount {
                tenant: tenant.clone(),
                blocked,
                released,
            })
            .collect()
    }

    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        let book = self.read();
        book.faults.len() + book.welcome.len()
    }

    /// Applies `change` to those that `filter` means, as they are by now.
    fn change(
        &self,
        filter: &BlockFilter,
        now: Timestamp,
        change: impl Fn(&mut BlockEntry) -> Option<ChangeKind>,
    ) -> Vec<BlockChange> {
        let mut book = self.write();
        let mut meant = book.select(filter, now);
        meant.sort_unstable_by_key(|entry| entry.id);
        let meant = meant.into_iter();
        let changes = meant.filter_map(|mut entry| {
            let what = change(&mut entry)?;
            if what == ChangeKind::Released {
                book.faults.forgive(&entry.target);
            }
            Some(book.changed(entry, what))
        });
        changes.collect()
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, Book> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, Book> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn select(&self, filter: &BlockFilter, now: Timestamp) -> Vec<BlockEntry> {
        let entries = self.entries.values();
        let meant = entries.filter(|entry| filter.selects(entry, now));
        meant.map(|entry| entry.as_of(now)).collect()
    }

    fn block(
        &mut self,
        enough: Enough,
        tenant: &TenantName,
        rules: &BlockRules,
        now: Timestamp,
    ) -> Vec<BlockChange> {
        if enough.target.maildrop.is_none() && self.welcome.is_shared(enough.target.address, now) {
            return Vec::new();
        }
        let Some(known) = self.entries.get(&enough.target) else {
            return self.block_first(enough, tenant, rules, now);
        };
        let mut entry = known.as_of(now);
        let shadow = rules.mode == BlockMode::Shadow;
        if entry.pinned {
            return Vec::new();
        }
        if entry.state == BlockState::Blocked {
            // Rules that are only tried do not prolong a block that has an effect, and a block
            // that has none is no reason to spare anybody a real one.
            match (entry.shadow, shadow) {
                (false, true) => return Vec::new(),
                (true, false) => {}
                _ => return Vec::from_iter(self.extend(entry, rules, now)),
            }
        }
        entry.tenant = tenant.clone();
        entry.reason = enough.reason;
        entry.shadow = shadow;
        vec![self.block_again(entry, rules, now)]
    }

    fn block_first(
        &mut self,
        enough: Enough,
        tenant: &TenantName,
        rules: &BlockRules,
        now: Timestamp,
    ) -> Vec<BlockChange> {
        let mut changes = self.make_room(now);
        if self.entries.len() >= self.bound {
            return changes;
        }
        let entry = BlockEntry {
            id: BlockId(self.next),
            target: enough.target,
            tenant: tenant.clone(),
            reason: enough.reason,
            state: BlockState::Released,
            pinned: false,
            shadow: rules.mode == BlockMode::Shadow,
            first: enough.first,
            last: now,
            expires: now,
            times_blocked: 0,
            times_released: 0,
        };
        self.next = self.next.saturating_add(1);
        changes.push(self.block_again(entry, rules, now));
        changes
    }

    fn block_again(
        &mut self,
        mut entry: BlockEntry,
        rules: &BlockRules,
        now: Timestamp,
    ) -> BlockChange {
        entry.state = BlockState::Blocked;
        entry.times_blocked = entry.times_blocked.saturating_add(1);
        entry.last = now;
        entry.expires = later(now, entry.length(rules));
        self.changed(entry, ChangeKind::Blocked)
    }

    /// Has a block last as long as if it came now. What prolongs it by less than half of that is
    /// no news: else whoever is blocked could have us write as fast as it connects.
    fn extend(
        &mut self,
        mut entry: BlockEntry,
        rules: &BlockRules,
        now: Timestamp,
    ) -> Option<BlockChange> {
        let length = entry.length(rules);
        entry.last = now;
        if entry.expires > later(now, length / 2) {
            self.put(entry);
            return None;
        }
        entry.expires = later(now, length);
        Some(self.changed(entry, ChangeKind::Extended))
    }

    /// Where the list is full: drops a share of what is not pinned, the released first, and of
    /// each the oldest.
    fn make_room(&mut self, now: Timestamp) -> Vec<BlockChange> {
        let Some(beyond) = self.entries.len().checked_sub(self.bound) else {
            return Vec::new();
        };
        let entries = self.entries.values().filter(|entry| !entry.pinned);
        let mut entries: Vec<_> = entries.collect();
        entries.sort_unstable_by_key(|entry| (entry.is_blocked(now), entry.last, entry.id));
        entries.truncate(beyond + (self.bound / SHARE).max(1));
        let gone: Vec<_> = entries.into_iter().cloned().collect();
        let gone = gone.into_iter();
        gone.map(|entry| self.forget(entry)).collect()
    }

    pub(super) fn changed(&mut self, entry: BlockEntry, what: ChangeKind) -> BlockChange {
        self.put(entry.clone());
        BlockChange { entry, what }
    }

    fn forget(&mut self, entry: BlockEntry) -> BlockChange {
        self.take(&entry.target);
        BlockChange {
            entry,
            what: ChangeKind::Forgotten,
        }
    }

    fn put(&mut self, entry: BlockEntry) {
        self.take(&entry.target);
        let counts = self.counts.entry(entry.tenant.clone()).or_default();
        counts[entry.state as usize] += 1;
        self.entries.insert(entry.target.clone(), entry);
    }

    fn take(&mut self, target: &BlockTarget) {
        let Some(entry) = self.entries.remove(target) else {
            return;
        };
        let Some(counts) = self.counts.get_mut(&entry.tenant) else {
            return;
        };
        counts[entry.state as usize] -= 1;
        if *counts == [0, 0] {
            self.counts.remove(&entry.tenant);
        }
    }
}
