//! What waits to be written, within bounds: sessions and operators put it there and never wait.

use crate::history::{EntryId, GateNotice, SharingFact, StoredBlockChange, StoredEntry};
use crate::limits::{
    JOURNAL_BATCH, JOURNAL_BATCH_WITH_CHANGES, JOURNAL_CHANGES_MAX, JOURNAL_ENTRIES_MAX,
    JOURNAL_FACTS_MAX, JOURNAL_NOTICES_MAX,
};
use jiff::Timestamp;
use std::collections::VecDeque;

/// What waits, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    changes: VecDeque<StoredBlockChange>,
    notices: VecDeque<GateNotice>,
    facts: VecDeque<SharingFact>,
    entries: VecDeque<StoredEntry>,
    /// Whether entries wait for which the last batch had no room beside its changes. They have
    /// waited for others already.
    has_left_behind: bool,
    /// The file is to be looked after, as of this time.
    upkeep: Option<Timestamp>,
}

/// What is written in one transaction.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) changes: Vec<StoredBlockChange>,
    pub(super) notices: Vec<GateNotice>,
    pub(super) facts: Vec<SharingFact>,
    pub(super) entries: Vec<StoredEntry>,
    pub(super) upkeep: Option<Timestamp>,
}

impl Backlog {
    pub(super) fn is_empty(&self) -> bool {
        !self.is_urgent() && self.entries.is_empty() && self.facts.is_empty()
    }

    /// Whether there is something to do that does not wait for more of its kind.
    pub(super) fn is_urgent(&self) -> bool {
        let is_batch = self.entries.len() >= JOURNAL_BATCH || self.has_left_behind;
        self.has_remarks() || is_batch || self.upkeep.is_some()
    }

    fn has_remarks(&self) -> bool {
        !self.changes.is_empty() || !self.notices.is_empty()
    }

    /// How many things wait.
    pub(super) fn len(&self) -> usize {
        self.changes.len() + self.notices.len() + self.facts.len() + self.entries.len()
    }

    /// Tells whether there was room.
    pub(super) fn push_fact(&mut self, fact: SharingFact) -> bool {
        push(&mut self.facts, fact, JOURNAL_FACTS_MAX)
    }

    /// Tells whether there was room.
    pub(super) fn push_change(&mut self, change: StoredBlockChange) -> bool {
        push(&mut self.changes, change, JOURNAL_CHANGES_MAX)
    }

    /// Tells whether there was room.
    pub(super) fn push_notice(&mut self, notice: GateNotice) -> bool {
        push(&mut self.notices, notice, JOURNAL_NOTICES_MAX)
    }

    /// Tells whether there was room.
    pub(super) fn push_entry(&mut self, entry: StoredEntry) -> bool {
        push(&mut self.entries, entry, JOURNAL_ENTRIES_MAX)
    }

    pub(super) fn ask_for_upkeep(&mut self, now: Timestamp) {
        self.upkeep = Some(now);
    }

    /// What is to be written next: all changes of the block list, and the oldest entries.
    pub(super) fn take(&mut self) -> Batch {
        let has_remarks = self.has_remarks();
        let most = if has_remarks {
            JOURNAL_BATCH_WITH_CHANGES
        } else {
            JOURNAL_BATCH
        };
        let entries = self.entries.len().min(most);
        self.has_left_behind = has_remarks && entries < self.entries.len();
        Batch {
            changes: self.changes.drain(..).collect(),
            notices: self.notices.drain(..).collect(),
            facts: self.facts.drain(..).collect(),
            entries: self.entries.drain(..entries).collect(),
            upkeep: self.upkeep.take(),
        }
    }

    /// Takes back what could not be written, before all that came since. Tells how much has no
    /// room any more.
    pub(super) fn put_back(&mut self, batch: Batch) -> u64 {
        self.upkeep = self.upkeep.max(batch.upkeep);
        let lost = [
            prepend(&mut self.changes, batch.changes, JOURNAL_CHANGES_MAX),
            prepend(&mut self.notices, batch.notices, JOURNAL_NOTICES_MAX),
            prepend(&mut self.facts, batch.facts, JOURNAL_FACTS_MAX),
            prepend(&mut self.entries, batch.entries, JOURNAL_ENTRIES_MAX),
        ];
        lost.iter().sum()
    }

    /// Gives up all of it. Tells how much that was.
    pub(super) fn clear(&mut self) -> u64 {
        let lost = self.len() as u64;
        *self = Self::default();
        lost
    }
}

impl Batch {
    /// How many things are in it.
    pub(super) fn len(&self) -> usize {
        self.changes.len() + self.notices.len() + self.facts.len() + self.entries.len()
    }

    /// The last place in it.
    pub(super) fn last_id(&self) -> Option<EntryId> {
        let changes = self.changes.iter().map(|change| change.id);
        let notices = self.notices.iter().map(|notice| notice.id);
        let entries = self.entries.iter().map(|entry| entry.id);
        changes.chain(notices).chain(entries).max()
    }

    /// When the last thing in it happened; none where there is nothing to write.
    pub(super) fn time(&self) -> Option<Timestamp> {
        let change = self.changes.last().map(|change| change.at);
        let notice = self.notices.last().map(|notice| notice.at);
        let entry = self.entries.last().map(|stored| stored.entry.ended);
        change.max(notice).max(entry)
    }
}

fn push<T>(queue: &mut VecDeque<T>, value: T, most: usize) -> bool {
    let has_room = queue.len() < most;
    if has_room {
        queue.push_back(value);
    }
    has_room
}

fn prepend<T>(queue: &mut VecDeque<T>, older: Vec<T>, most: usize) -> u64 {
    for value in older.into_iter().rev() {
        queue.push_front(value);
    }
    let surplus = queue.len().saturating_sub(most);
    queue.truncate(most);
    surplus as u64
}
