//! The latest entries in memory: what is asked for most, and all there is without a file.

use crate::history::{EntryId, GateNotice, HistoryEntry, HistoryQuery};
use crate::history::{StoredBlockChange, StoredEntry};
use crate::limits::{
    HISTORY_CHANGES_KEPT, HISTORY_CHUNK, HISTORY_NOTICES_KEPT, HISTORY_OTHERS_KEPT,
    HISTORY_OWNERS_KEPT,
};
use jiff::Timestamp;
use std::cmp::Reverse;
use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;

/// What is kept in memory, within bounds. It gives each thing its place.
#[derive(Debug)]
pub(super) struct HistoryMemory {
    next: EntryId,
    owners: EntryRing,
    others: EntryRing,
    changes: VecDeque<StoredBlockChange>,
    notices: VecDeque<GateNotice>,
}

/// Entries that are in memory together and leave it together, in the order of their places.
pub(super) type Chunk = Arc<[StoredEntry]>;

/// The latest entries of one kind.
#[derive(Debug)]
struct EntryRing {
    /// The oldest first.
    full: VecDeque<Chunk>,
    /// Those behind them, fewer than [`HISTORY_CHUNK`].
    latest: Vec<StoredEntry>,
    /// All entries of its kind from this place on are here.
    complete_from: EntryId,
    chunks_max: usize,
}

impl HistoryMemory {
    /// Nothing has happened yet; the first thing that does gets the place `first`.
    pub(super) fn new(first: EntryId) -> Self {
        Self {
            next: first,
            owners: EntryRing::new(HISTORY_OWNERS_KEPT, first),
            others: EntryRing::new(HISTORY_OTHERS_KEPT, first),
            changes: VecDeque::new(),
            notices: VecDeque::new(),
        }
    }

    /// A place behind all others.
    pub(super) fn place(&mut self) -> EntryId {
        let place = self.next;
        self.next = EntryId(place.0 + 1);
        place
    }

    /// Keeps `entry`. What had to leave for it is returned, to be dropped where nobody waits for
    /// memory.
    pub(super) fn keep_entry(&mut self, stored: StoredEntry) -> Option<Chunk> {
        self.ring_of(&stored.entry).push(stored)
    }

    pub(super) fn keep_change(&mut self, change: StoredBlockChange) {
        push_within(&mut self.changes, change, HISTORY_CHANGES_KEPT);
    }

    pub(super) fn keep_notice(&mut self, notice: GateNotice) {
        push_within(&mut self.notices, notice, HISTORY_NOTICES_KEPT);
    }

    /// Forgets what was over at `before`. What leaves is returned, as by [`Self::keep_entry`].
    pub(super) fn forget(&mut self, before: Timestamp) -> Vec<Chunk> {
        self.changes.retain(|change| change.at >= before);
        self.notices.retain(|notice| notice.at >= before);
        let mut gone = self.owners.forget(before);
        gone.extend(self.others.forget(before));
        gone
    }

    /// All entries of now, to be read where nobody waits for memory.
    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot {
            owners: self.owners.chunks(),
            others: self.others.chunks(),
            complete_from: self.owners.complete_from.max(self.others.complete_from),
        }
    }

    /// Changes for which `is_wanted`, the latest first.
    pub(super) fn changes(
        &self,
        is_wanted: impl Fn(&StoredBlockChange) -> bool,
    ) -> Vec<StoredBlockChange> {
        self.changes
            .iter()
            .rev()
            .filter(|it| is_wanted(it))
            .cloned()
            .collect()
    }

    /// Notices from `since` to before `until`, the latest first.
    pub(super) fn notices(&self, since: Timestamp, until: Timestamp) -> Vec<GateNotice> {
        self.notices
            .iter()
            .rev()
            .filter(|notice| since <= notice.at && notice.at < until)
            .cloned()
            .collect()
    }

    fn ring_of(&mut self, entry: &HistoryEntry) -> &mut EntryRing {
        if entry.is_of_owner() {
            &mut self.owners
        } else {
            &mut self.others
        }
    }
}

fn push_within<T>(queue: &mut VecDeque<T>, value: T, most: usize) {
    if queue.len() == most {
        queue.pop_front();
    }
    queue.push_back(value);
}

impl EntryRing {
    fn new(entries_max: usize, first: EntryId) -> Self {
        Self {
            full: VecDeque::new(),
            latest: Vec::with_capacity(HISTORY_CHUNK),
            complete_from: first,
            chunks_max: entries_max / HISTORY_CHUNK,
        }
    }

    fn push(&mut self, stored: StoredEntry) -> Option<Chunk> {
        self.latest.push(stored);
        if self.latest.len() < HISTORY_CHUNK {
            return None;
        }
        let chunk = mem::replace(&mut self.latest, Vec::with_capacity(HISTORY_CHUNK));
        self.full.push_back(chunk.into());
        if self.full.len() > self.chunks_max {
            return self.drop_first();
        }
        None
    }

    fn drop_first(&mut self) -> Option<Chunk> {
        let gone = self.full.pop_front()?;
        self.forget_until(gone.last());
        Some(gone)
    }

    fn forget_until(&mut self, last: Option<&StoredEntry>) {
        if let Some(last) = last {
            self.complete_from = EntryId(last.id.0 + 1);
        }
    }

    /// From the oldest place on and without a gap, also where the clock was set back.
    fn forget(&mut self, before: Timestamp) -> Vec<Chunk> {
        let is_over = |stored: &StoredEntry| stored.entry.ended < before;
        let mut gone = Vec::new();
        while self.full.front().is_some_and(|it| it.iter().all(is_over)) {
            gone.extend(self.drop_first());
        }
        if self.full.is_empty() {
            let old = self.latest.iter().take_while(|it| is_over(it)).count();
            let old: Chunk = self.latest.drain(..old).collect();
            self.forget_until(old.last());
            gone.push(old);
        }
        gone
    }

    fn chunks(&self) -> Vec<Chunk> {
        let latest = Chunk::from(self.latest.as_slice());
        self.full.iter().cloned().chain([latest]).collect()
    }
}

/// The entries of one moment.
pub(super) struct Snapshot {
    owners: Vec<Chunk>,
    others: Vec<Chunk>,
    /// All entries from this place on are here.
    complete_from: EntryId,
}

impl Snapshot {
    /// The entries that `query` asks for, the latest first.
    pub(super) fn entries(&self, query: &HistoryQuery) -> Vec<StoredEntry> {
        let mut found = latest(&self.owners, query);
        found.extend(latest(&self.others, query));
        found.sort_unstable_by_key(|it| Reverse(it.id));
        found.truncate(query.limit);
        found
    }

    /// Whether nothing that is not in memory belongs among `found`, its answer to `query`.
    pub(super) fn is_whole(&self, query: &HistoryQuery, found: &[StoredEntry]) -> bool {
        let is_full = found.len() >= query.limit;
        is_full
            && found
                .last()
                .is_some_and(|last| last.id >= self.complete_from)
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.chunks().map(|chunk| chunk.len()).sum()
    }

    /// The end of the oldest.
    pub(super) fn since(&self) -> Option<Timestamp> {
        self.chunks()
            .filter_map(|chunk| chunk.first())
            .map(|oldest| oldest.entry.ended)
            .min()
    }

    fn chunks(&self) -> impl Iterator<Item = &Chunk> {
        self.owners.iter().chain(&self.others)
    }
}

fn latest(chunks: &[Chunk], query: &HistoryQuery) -> Vec<StoredEntry> {
    chunks
        .iter()
        .rev()
        .flat_map(|chunk| chunk.iter().rev())
        .filter(|stored| query.selects(stored))
        .take(query.limit)
        .cloned()
        .collect()
}
