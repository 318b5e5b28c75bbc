//! The history of a gate: what its sessions met, from memory and from the file as if they were one.

use super::file_thread::FileThread;
use super::memory::HistoryMemory;
use super::notice::NoticeDraft;
use super::reader::{FileContents, JournalReader, ReadError};
use super::writer::Journal;
use crate::history::{
    EntryId, GateNotice, HistoryAnswer, HistoryEntry, HistoryQuery, NoticeKind, SharingFact,
    StoredBlockChange, StoredEntry,
};
use crate::ids::ClientPrefix;
use crate::limits::{HISTORY_MEMORY_AGE, NOT_SHAREABLE_FOR};
use crate::observe::event::{Event, SharingEvent};
use crate::observe::hub::{EventSink, Stamped};
use crate::policy::block::{BlockChange, BlockId};
use crate::str_enum::str_enum;
use jiff::Timestamp;
use std::cmp::Reverse;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What is kept of the past. A clone is the same one.
///
/// It is a sink: each entry gets a place, a number that grows whatever the clock does, and is kept
/// in memory and written to the file. So nothing is shown twice, and what one has not the other
/// may have.
#[derive(Clone, Debug)]
pub struct History(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    gate_started: Timestamp,
    kept: Kept,
    memory: Mutex<HistoryMemory>,
    journal: Option<Arc<Journal>>,
    /// None where the file is not asked for what has been.
    file: Option<FileThread>,
}

/// What of the past is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// Nothing: nobody could ask.
    Nothing,
    /// The block list and its changes.
    Blocks,
    /// Sessions too.
    All,
}

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HistoryError {
    /// Nothing is kept, as the operator wants it.
    #[error("no history is kept: `sessions` of [journal] is false")]
    Off,
}

str_enum! {
    /// Where the history is kept.
    KeptIn {
        /// Nowhere.
        Off = "off",
        /// In memory alone: it ends with the process.
        Memory = "memory",
        /// In memory and in the file.
        File = "file",
    }
}
/// Where the history is kept, and how far back it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalState {
    /// Where.
    pub kept_in: KeptIn,
    /// The end of the oldest entry.
    pub since: Option<Timestamp>,
    /// Entries that are kept.
    pub entries: u64,
    /// Octets of the file; none without one.
    pub bytes: Option<u64>,
    /// What was lost since the start.
    pub lost: u64,
    /// Why the file cannot be written or read now.
    pub trouble: Option<String>,
}

impl History {
    /// The history of a gate that started at `gate_started`.
    #[must_use]
    pub fn new(gate_started: Timestamp, kept: Kept, journal: Option<Arc<Journal>>) -> Self {
        let first = journal
            .as_ref()
            .map_or(EntryId(1), |journal| journal.next_id());
        let file = journal
            .as_ref()
            .map(|journal| FileThread::start(journal.reader()));
        Self(Arc::new(Shared {
            gate_started,
            kept,
            memory: Mutex::new(HistoryMemory::new(first)),
            journal,
            file,
        }))
    }

    /// When its gate started.
    #[must_use]
    pub fn gate_started(&self) -> Timestamp {
        self.0.gate_started
    }

    /// Itself as a sink; none where nothing is kept.
    #[must_use]
    pub fn sink(&self) -> Option<Arc<dyn EventSink>> {
        let is_needed = self.0.kept != Kept::Nothing;
        is_needed.then(|| Arc::new(self.clone()) as _)
    }

    /// The entries that `query` asks for. It blocks; do not call it from a session.
    ///
    /// # Errors
    /// Where none are kept.
    pub fn entries(
        &self,
        query: &HistoryQuery,
    ) -> Result<HistoryAnswer<StoredEntry>, HistoryError> {
        self.must_keep_sessions()?;
        let snapshot = self.memory().snapshot();
        let remembered = snapshot.entries(query);
        if snapshot.is_whole(query, &remembered) {
            return Ok(HistoryAnswer::complete(remembered));
        }
        let asked = query.clone();
        let written = self.read_file(move |file| file.entries(&asked));
        let mut all = united(remembered, written, |stored| stored.id);
        all.items.truncate(query.limit);
        Ok(all)
    }

    /// What became of an entry of the block list. It blocks.
    ///
    /// # Errors
    /// Where nothing is kept.
    pub fn block_changes(
        &self,
        id: BlockId,
    ) -> Result<HistoryAnswer<StoredBlockChange>, HistoryError> {
        if self.0.kept == Kept::Nothing {
            return Err(HistoryError::Off);
        }
        let remembered = self.memory().changes(|it| it.change.entry.id == id);
        let read = move |file: &JournalReader| file.block_changes(id).map(HistoryAnswer::complete);
        let written = self.read_file(read);
        Ok(united(remembered, written, |change| change.id))
    }

    /// What became of a client's entries of the block list until `at`, the latest change first. It
    /// blocks.
    ///
    /// # Errors
    /// Where nothing is kept.
    pub fn client_block_changes(
        &self,
        client: ClientPrefix,
        at: Timestamp,
    ) -> Result<HistoryAnswer<StoredBlockChange>, HistoryError> {
        if self.0.kept == Kept::Nothing {
            return Err(HistoryError::Off);
        }
        let is_wanted =
            |it: &StoredBlockChange| it.change.entry.target.prefix == client && it.at <= at;
        let remembered = self.memory().changes(is_wanted);
        let written = self.read_file(move |file| {
            let changes = file.client_block_changes(client, at);
            changes.map(HistoryAnswer::complete)
        });
        Ok(united(remembered, written, |change| change.id))
    }

    /// The latest things that happened to the gate and its backends from `since` to before `until`,
    /// at most `limit`. It blocks.
    ///
    /// # Errors
    /// Where none are kept.
    pub fn notices(
        &self,
        since: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> Result<HistoryAnswer<GateNotice>, HistoryError> {
        self.must_keep_sessions()?;
        let remembered = self.memory().notices(since, until);
        let written = self.read_file(move |file| {
            let notices = file.notices(since, until, limit);
            notices.map(HistoryAnswer::complete)
        });
        let mut all = united(remembered, written, |notice| notice.id);
        all.items.truncate(limit);
        Ok(all)
    }

    /// The file that outlives the process; none where memory has all of it.
    #[must_use]
    pub fn journal(&self) -> Option<&Journal> {
        self.0.journal.as_deref()
    }

    /// Where the history is kept, and how far back it goes. It does not wait for the file.
    #[must_use]
    pub fn state(&self) -> JournalState {
        let snapshot = self.memory().snapshot();
        let remembered = FileContents {
            since: snapshot.since(),
            entries: snapshot.count() as u64,
        };
        let file = self.0.file.as_ref().filter(|_| self.0.kept == Kept::All);
        let written = file.map_or(remembered, FileThread::contents);
        let journal = self.journal();
        JournalState {
            kept_in: self.kept_in(),
            since: remembered.since.into_iter().chain(written.since).min(),
            // What was written last may not be counted yet.
            entries: remembered.entries.max(written.entries),
            bytes: journal.map(Journal::size),
            lost: journal.map_or(0, Journal::lost),
            trouble: journal
                .and_then(Journal::trouble)
                .or_else(|| file.and_then(FileThread::last_trouble)),
        }
    }

    /// The gate has started, or stopped.
    pub fn note(&self, kind: NoticeKind, text: &str, at: Timestamp) {
        self.keep_notice(NoticeDraft::new(kind, "", text), at);
    }

    /// Forgets what memory has kept for longer than [`HISTORY_MEMORY_AGE`].
    pub fn forget(&self, now: Timestamp) {
        let before = now.checked_sub(HISTORY_MEMORY_AGE);
        let gone = self.memory().forget(before.unwrap_or(Timestamp::MIN));
        drop(gone);
    }

    fn read_file<T: Send + 'static>(
        &self,
        read: impl FnOnce(&JournalReader) -> Result<HistoryAnswer<T>, ReadError> + Send + 'static,
    ) -> HistoryAnswer<T> {
        let Some(file) = &self.0.file else {
            return HistoryAnswer::complete(Vec::new());
        };
        file.read(read).unwrap_or_else(|why| HistoryAnswer {
            items: Vec::new(),
            incomplete: Some(why),
        })
    }

    fn kept_in(&self) -> KeptIn {
        match (self.0.kept, &self.0.journal) {
            (Kept::Nothing | Kept::Blocks, _) => KeptIn::Off,
            (Kept::All, None) => KeptIn::Memory,
            (Kept::All, Some(_)) => KeptIn::File,
        }
    }

    fn must_keep_sessions(&self) -> Result<(), HistoryError> {
        match self.0.kept {
            Kept::All => Ok(()),
            Kept::Nothing | Kept::Blocks => Err(HistoryError::Off),
        }
    }

    fn keep_entry(&self, entry: &Arc<HistoryEntry>) {
        if self.0.kept != Kept::All {
            return;
        }
        let mut memory = self.memory();
        let stored = StoredEntry {
            id: memory.place(),
            gate_started: self.0.gate_started,
            entry: Arc::clone(entry),
        };
        // While memory is held: the file has them in the order of their places.
        if let Some(journal) = &self.0.journal {
            journal.write_entry(stored.clone());
        }
        let gone = memory.keep_entry(stored);
        drop(memory);
        drop(gone);
    }

    fn keep_change(&self, change: &BlockChange, at: Timestamp) {
        let mut memory = self.memory();
        let stored = StoredBlockChange {
            id: memory.place(),
            at,
            change: change.clone(),
        };
        if let Some(journal) = &self.0.journal {
            journal.write(stored.clone());
        }
        memory.keep_change(stored);
    }

    fn keep_notice(&self, draft: NoticeDraft, at: Timestamp) {
        if self.0.kept != Kept::All {
            return;
        }
        let mut memory = self.memory();
        let notice = GateNotice {
            id: memory.place(),
            at,
            kind: draft.kind,
            subject: draft.subject,
            text: draft.text,
        };
        if let Some(journal) = &self.0.journal {
            journal.write_notice(notice.clone());
        }
        memory.keep_notice(notice);
    }

    /// In the file alone: who asks is the next gate.
    fn keep_fact(&self, found: &SharingEvent, at: Timestamp) {
        let Some(journal) = &self.0.journal else {
            return;
        };
        let fact = match found {
            SharingEvent::Proven { backend, seen } => SharingFact::Proven {
                backend: backend.clone(),
                seen: *seen,
                at,
            },
            SharingEvent::Unshareable { tenant, key, why } => SharingFact::Unshareable {
                key: key.clone(),
                tenant: tenant.clone(),
                why: *why,
                until: at.checked_add(NOT_SHAREABLE_FOR).unwrap_or(Timestamp::MAX),
            },
            SharingEvent::Compared { .. }
            | SharingEvent::NoRoom { .. }
            | SharingEvent::NotWhole { .. }
            | SharingEvent::LetIn { .. }
            | SharingEvent::Demoted { .. }
            | SharingEvent::ViewEnded { .. }
            | SharingEvent::Promoted { .. }
            | SharingEvent::Killed { .. } => return,
        };
        journal.write_fact(fact);
    }

    fn memory(&self) -> MutexGuard<'_, HistoryMemory> {
        self.0.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Both, each place once, the latest first. What memory has is as it was told, while the file may
/// have hashes for names.
fn united<T>(
    mut remembered: Vec<T>,
    mut written: HistoryAnswer<T>,
    place: impl Fn(&T) -> EntryId,
) -> HistoryAnswer<T> {
    let known: HashSet<EntryId> = remembered.iter().map(&place).collect();
    written.items.retain(|it| !known.contains(&place(it)));
    remembered.append(&mut written.items);
    remembered.sort_unstable_by_key(|it| Reverse(place(it)));
    HistoryAnswer {
        items: remembered,
        incomplete: written.incomplete,
    }
}

impl EventSink for History {
    fn handle(&self, event: &Stamped) {
        match &event.event {
            Event::Recorded(entry) => self.keep_entry(entry),
            Event::BlockChanged(change) => self.keep_change(change, event.at.wall),
            Event::Sharing(found) => self.keep_fact(found, event.at.wall),
            other => {
                if let Some(draft) = NoticeDraft::of(other) {
                    self.keep_notice(draft, event.at.wall);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
