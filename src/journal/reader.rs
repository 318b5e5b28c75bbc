//! Reading the file, by connections of its own: a reader never waits for the writer.

use super::block_rows;
use super::names::Names;
use super::notice_rows;
use super::open::{is_corruption, sort_in_memory};
use super::query;
use super::schema::table_of;
use super::words::WordNumbers;
use crate::history::{GateNotice, HistoryAnswer, HistoryQuery, StoredBlockChange, StoredEntry};
use crate::ids::ClientPrefix;
use crate::limits::{JOURNAL_BUSY, JOURNAL_READERS_KEPT};
use crate::policy::block::BlockId;
use jiff::Timestamp;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What the writer tells the readers of the file.
#[derive(Debug)]
pub(super) struct FileState {
    file: PathBuf,
    names: Mutex<Names>,
    /// Grows each time that another file stands in the place of the one before.
    generation: AtomicU64,
    size: AtomicU64,
}

impl FileState {
    pub(super) fn new(file: PathBuf, names: Names) -> Self {
        Self {
            file,
            names: Mutex::new(names),
            generation: AtomicU64::new(0),
            size: AtomicU64::new(0),
        }
    }

    /// Another file stands there now, with names as `names` says.
    pub(super) fn is_replaced(&self, names: Names) {
        *self.names.lock().unwrap_or_else(PoisonError::into_inner) = names;
        self.generation.fetch_add(1, Ordering::Relaxed);
    }

    fn names(&self) -> Names {
        self.names
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(super) fn set_size(&self, octets: u64) {
        self.size.store(octets, Ordering::Relaxed);
    }

    pub(super) fn size(&self) -> u64 {
        self.size.load(Ordering::Relaxed)
    }
}

/// Reads the file of a [`Journal`](super::Journal). Its methods block: do not call
/// them from a session.
#[derive(Debug)]
pub struct JournalReader {
    file: Arc<FileState>,
    idle: Mutex<Vec<ReadConnection>>,
}

#[derive(Debug)]
struct ReadConnection {
    database: Connection,
    words: WordNumbers,
    generation: u64,
}

/// The file cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the journal cannot be read: {0}")]
pub struct ReadError(#[from] rusqlite::Error);

/// How much of the history a file has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileContents {
    /// The end of the oldest entry.
    pub since: Option<Timestamp>,
    /// Entries.
    pub entries: u64,
}

impl JournalReader {
    pub(super) fn new(file: Arc<FileState>) -> Self {
        Self {
            file,
            idle: Mutex::default(),
        }
    }

    /// The entries that `query` asks for, the latest first. Where names are hashed, those that were
    /// not asked for are hashes. A damaged segment gives what can be read of
    /// it, and the answer says so.
    ///
    /// # Errors
    /// The file cannot be read, or is corrupt where it was read.
    pub fn entries(&self, query: &HistoryQuery) -> Result<HistoryAnswer<StoredEntry>, ReadError> {
        self.read(|it| query::entries(&it.database, query, &self.file.names(), &mut it.words))
    }

    /// What became of an entry of the block list, the latest change first.
    ///
    /// # Errors
    /// As [`JournalReader::entries`].
    pub fn block_changes(&self, id: BlockId) -> Result<Vec<StoredBlockChange>, ReadError> {
        self.read(|it| block_rows::changes(&it.database, id, &self.file.names()))
    }

    /// What became of a client's entries until `at`, the latest change first.
    ///
    /// # Errors
    /// As [`JournalReader::entries`].
    pub fn client_block_changes(
        &self,
        client: ClientPrefix,
        at: Timestamp,
    ) -> Result<Vec<StoredBlockChange>, ReadError> {
        self.read(|it| block_rows::client_changes(&it.database, client, at, &self.file.names()))
    }

    /// The latest notices from `since` to before `until`, at most `limit`, the latest first.
    ///
    /// # Errors
    /// As [`JournalReader::entries`].
    pub fn notices(
        &self,
        since: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<GateNotice>, ReadError> {
        self.read(|it| notice_rows::read(&it.database, since, until, limit))
    }

    /// How much of the history the file has.
    ///
    /// # Errors
    /// As [`JournalReader::entries`].
    pub fn contents(&self) -> Result<FileContents, ReadError> {
        self.read(|it| contents(&it.database))
    }

    fn read<T>(
        &self,
        read: impl FnOnce(&mut ReadConnection) -> rusqlite::Result<T>,
    ) -> Result<T, ReadError> {
        let generation = self.file.generation.load(Ordering::Relaxed);
        let mut connection = match self.take_idle(generation) {
            Some(connection) => connection,
            None => ReadConnection {
                database: self.open()?,
                words: WordNumbers::default(),
                generation,
            },
        };
        let found = read(&mut connection)?;
        let mut idle = self.idle();
        if idle.len() < JOURNAL_READERS_KEPT {
            idle.push(connection);
        }
        Ok(found)
    }

    fn take_idle(&self, generation: u64) -> Option<ReadConnection> {
        let mut idle = self.idle();
        idle.retain(|connection| connection.generation == generation);
        idle.pop()
    }

    fn open(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let database = Connection::open_with_flags(&self.file.file, flags)?;
        database.busy_timeout(JOURNAL_BUSY)?;
        sort_in_memory(&database)?;
        // The log beside a file that was replaced is not that of this one.
        database.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        Ok(database)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<ReadConnection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
impl JournalReader {
    /// Where this one keeps what it sorts, as `temp_store` says it.
    pub(super) fn temp_store(&self) -> i64 {
        let asked = |it: &mut ReadConnection| {
            let database = &it.database;
            database.pragma_query_value(None, "temp_store", |row| row.get(0))
        };
        self.read(asked).unwrap()
    }
}

fn contents(database: &Connection) -> rusqlite::Result<FileContents> {
    let sum = "SELECT coalesce(sum(rows), 0) FROM span";
    let entries: i64 = database.query_row(sum, [], |row| row.get(0))?;
    let oldest = "SELECT segment, opened FROM span ORDER BY first_id LIMIT 1";
    let span: Option<(i64, i64)> = database
        .query_row(oldest, [], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((segment, opened)) = span else {
        return Ok(FileContents::default());
    };
    let first = format!(
        "SELECT ended FROM {} ORDER BY id LIMIT 1",
        table_of(segment)
    );
    let since = match database.query_row(&first, [], |row| row.get(0)) {
        // The others still have their entries.
        Err(error) if is_corruption(&error) => opened,
        ended => ended?,
    };
    Ok(FileContents {
        since: Timestamp::from_microsecond(since).ok(),
        entries: entries.cast_unsigned(),
    })
}
