//! What operators do to a selection of entries: a few at a time, since every login needs the list.

use super::BlockList;
use crate::limits::BLOCKS_CHANGED_AT_ONCE;
use crate::policy::block::{
    BlockAction, BlockChange, BlockEntry, BlockFilter, BlockTarget, ChangeKind, ChangedBy,
};
use jiff::Timestamp;
use std::thread;
use std::vec;

/// The changes of a selection, made as they are asked for: [`BLOCKS_CHANGED_AT_ONCE`] at a time.
/// The list is free for logins in between.
#[derive(Debug)]
#[must_use = "nothing changes before it is iterated"]
pub struct ChangesByHand<'a> {
    list: &'a BlockList,
    filter: BlockFilter,
    action: BlockAction,
    by: ChangedBy,
    now: Timestamp,
    targets: vec::IntoIter<BlockTarget>,
}

impl BlockList {
    /// Does `action` to those that `filter` means. Of those that it releases the offences so far
    /// are forgiven.
    pub fn change(
        &self,
        filter: &BlockFilter,
        action: BlockAction,
        by: ChangedBy,
        now: Timestamp,
    ) -> ChangesByHand<'_> {
        let targets: Vec<_> = self
            .would_change(filter, action, now)
            .into_iter()
            .map(|entry| entry.target)
            .collect();
        ChangesByHand {
            list: self,
            filter: filter.clone(),
            action,
            by,
            now,
            targets: targets.into_iter(),
        }
    }

    /// The entries that `action` would change, as they would be then, by number.
    #[must_use]
    pub fn would_change(
        &self,
        filter: &BlockFilter,
        action: BlockAction,
        now: Timestamp,
    ) -> Vec<BlockEntry> {
        let mut entries = self.entries(filter, now);
        entries.retain_mut(|entry| action.apply(entry).is_some());
        entries
    }
}

impl Iterator for ChangesByHand<'_> {
    type Item = Vec<BlockChange>;

    fn next(&mut self) -> Option<Vec<BlockChange>> {
        let targets: Vec<_> = self.targets.by_ref().take(BLOCKS_CHANGED_AT_ONCE).collect();
        if targets.is_empty() {
            return None;
        }
        // Or this thread would have the lock again before those that wait for it are awake.
        thread::yield_now();
        let mut lists = self.list.write();
        let mut changes = Vec::with_capacity(targets.len());
        for target in targets {
            // A login may have changed it since.
            let entry = lists.table.get(&target);
            let Some(entry) = entry.filter(|entry| self.filter.selects(entry, self.now)) else {
                continue;
            };
            let mut entry = entry.as_of(self.now);
            let Some(what) = self.action.apply(&mut entry) else {
                continue;
            };
            // Or the next offence would block again at once.
            if what == ChangeKind::Released {
                lists.offences.forgive(&target);
            }
            let by = self.by;
            changes.push(lists.table.changed(BlockChange { entry, what, by }));
        }
        Some(changes)
    }
}
