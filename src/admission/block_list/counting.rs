//! The pairs that may be blocked next: their counters are walked a few at a time, since every login
//! needs the list.

use super::{BlockList, Contents};
use crate::limits::BLOCKS_CHANGED_AT_ONCE;
use crate::policy::block::{BlockEntry, BlockFilter, CountedPair, ListedBlock};
use jiff::Timestamp;
use std::collections::HashSet;
use std::sync::Arc;

/// A pair of which passing faults of today are counted.
pub(super) struct CountedRow {
    pair: CountedPair,
    /// Its entry, if it was blocked before.
    entry: Option<Arc<BlockEntry>>,
}

/// All of them, [`BLOCKS_CHANGED_AT_ONCE`] counters at a time. The list is free for logins in
/// between, so that one that changes its place meanwhile may come twice.
#[must_use = "nothing is looked at before it is iterated"]
pub(super) struct CountedRows<'a> {
    list: &'a BlockList,
    now: Timestamp,
    /// The places before this one are still to be looked at. From the end: where a counter goes,
    /// the last one takes its place, and none may be missed for that.
    end: usize,
}

impl BlockList {
    /// The pairs that `filter` means, of which passing faults of today are counted, and which are
    /// not blocked, in no order. Of some that were blocked earlier there is an entry.
    #[must_use]
    pub fn counting(&self, filter: &BlockFilter, now: Timestamp) -> Vec<ListedBlock> {
        listed(self.counted_rows(now).flatten(), filter, now)
    }

    pub(super) fn counted_rows(&self, now: Timestamp) -> CountedRows<'_> {
        CountedRows {
            list: self,
            now,
            end: usize::MAX,
        }
    }
}

/// Those that `filter` means, each once.
pub(super) fn listed(
    rows: impl Iterator<Item = CountedRow>,
    filter: &BlockFilter,
    now: Timestamp,
) -> Vec<ListedBlock> {
    let mut found = HashSet::new();
    rows.filter(|row| found.insert(row.pair.target.clone()))
        .filter_map(|row| row.listed(filter, now))
        .collect()
}

impl Iterator for CountedRows<'_> {
    type Item = Vec<CountedRow>;

    fn next(&mut self) -> Option<Vec<CountedRow>> {
        let lists = self.list.read();
        let end = self.end.min(lists.offences.places());
        if end == 0 {
            return None;
        }
        self.end = end.saturating_sub(BLOCKS_CHANGED_AT_ONCE);
        let pairs = lists.offences.counted_pairs(self.end..end, self.now);
        Some(
            pairs
                .filter_map(|pair| lists.counted_row(pair, self.now))
                .collect(),
        )
    }
}

impl Contents {
    /// None where a login from there was accepted within a day, so that nothing leads to a block.
    fn counted_row(&self, pair: CountedPair, now: Timestamp) -> Option<CountedRow> {
        let is_excused = self.accepted.contains(pair.target.prefix, now);
        (!is_excused).then(|| CountedRow {
            entry: self.table.shared(&pair.target),
            pair,
        })
    }
}

impl CountedRow {
    fn listed(self, filter: &BlockFilter, now: Timestamp) -> Option<ListedBlock> {
        match self.entry {
            Some(entry) => {
                let is_meant = !entry.is_blocked(now) && filter.selects(&entry, now);
                is_meant.then(|| ListedBlock::Entry(entry.as_of(now)))
            }
            None => filter
                .selects_counted(&self.pair)
                .then_some(ListedBlock::Counting(self.pair)),
        }
    }
}
