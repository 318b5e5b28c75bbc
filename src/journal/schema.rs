//! The tables. Columns are words, and times in microseconds since 1970, for people who read them
//! with `sqlite3`.

use rusqlite::{Connection, Transaction};

/// What the tables look like. A higher one is of a newer popgate.
pub(super) const VERSION: i32 = 4;

/// The block list, the only table of version 1. Without a maildrop, `backends` and `maildrop` are
/// empty. `backends` are words.
const BLOCKS: &str = "
    CREATE TABLE block (
        id INTEGER NOT NULL UNIQUE,
        address TEXT NOT NULL,
        maildrop BLOB NOT NULL,
        backends TEXT NOT NULL,
        tenant TEXT NOT NULL,
        reason TEXT NOT NULL,
        state TEXT NOT NULL,
        pinned INTEGER NOT NULL,
        shadow INTEGER NOT NULL,
        first INTEGER NOT NULL,
        last INTEGER NOT NULL,
        expires INTEGER NOT NULL,
        times_blocked INTEGER NOT NULL,
        times_released INTEGER NOT NULL,
        PRIMARY KEY (address, maildrop, backends)
    ) STRICT;";

/// What version 2 has besides. `sealed` is the name of a maildrop that stands as a hash.
///
/// `segment` lists the tables of the history (`entry_1` and so on). `span` says of each thousand
/// entries between which times and sessions they lie, so that a query reads few of them.
const HISTORY: &str = "
    ALTER TABLE block ADD COLUMN sealed BLOB;
    ALTER TABLE block ADD COLUMN since INTEGER NOT NULL DEFAULT 0;
    UPDATE block SET since = last;
    CREATE TABLE block_change (
        id INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,
        change TEXT NOT NULL,
        changed_by TEXT NOT NULL,
        block INTEGER NOT NULL,
        address TEXT NOT NULL,
        maildrop BLOB NOT NULL,
        backends TEXT NOT NULL,
        tenant TEXT NOT NULL,
        reason TEXT NOT NULL,
        state TEXT NOT NULL,
        pinned INTEGER NOT NULL,
        shadow INTEGER NOT NULL,
        first INTEGER NOT NULL,
        last INTEGER NOT NULL,
        expires INTEGER NOT NULL,
        times_blocked INTEGER NOT NULL,
        times_released INTEGER NOT NULL,
        sealed BLOB,
        since INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX block_change_block ON block_change (block);
    CREATE TABLE notice (
        id INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,
        kind TEXT NOT NULL,
        subject TEXT NOT NULL,
        text TEXT NOT NULL
    ) STRICT;
    CREATE TABLE segment (
        id INTEGER PRIMARY KEY,
        kind TEXT NOT NULL,
        names TEXT NOT NULL,
        state TEXT NOT NULL,
        created INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE span (
        segment INTEGER NOT NULL,
        number INTEGER NOT NULL,
        rows INTEGER NOT NULL,
        first_id INTEGER NOT NULL,
        last_id INTEGER NOT NULL,
        opened INTEGER NOT NULL,
        ended INTEGER NOT NULL,
        first_session INTEGER NOT NULL,
        last_session INTEGER NOT NULL,
        PRIMARY KEY (segment, number)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE meta (
        name TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;";

/// What version 3 has besides: the words whose numbers stand in segments.
const WORDS: &str = "CREATE TABLE word (id INTEGER PRIMARY KEY, word TEXT NOT NULL UNIQUE) STRICT";

/// What version 4 has besides: what was found out about sharing. `sealed` as above.
const SHARING: &str = "
    CREATE TABLE sharing_proof (
        backend TEXT PRIMARY KEY,
        ids_outlive_close INTEGER,
        lock_is_freed INTEGER,
        at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE unshareable (
        maildrop BLOB NOT NULL,
        backends TEXT NOT NULL,
        reason TEXT NOT NULL,
        tenant TEXT NOT NULL,
        until INTEGER NOT NULL,
        sealed BLOB,
        PRIMARY KEY (maildrop, backends, reason)
    ) STRICT, WITHOUT ROWID;";

/// What [`notice_rows`](super::notice_rows) finds and forgets rows by. Apart from [`HISTORY`]: a
/// file that was made without them gets them when it is opened.
const TIMES: &str = "
    CREATE INDEX IF NOT EXISTS block_change_at ON block_change (at);
    CREATE INDEX IF NOT EXISTS notice_at ON notice (at);";

/// The tables whose damage costs the block list or all of the history. Segments are many and
/// large: each shows its own damage when it is read.
pub(super) const SMALL_TABLES: &[&str] = &[
    "block",
    "block_change",
    "notice",
    "segment",
    "span",
    "word",
    "meta",
    "sharing_proof",
    "unshareable",
];

/// Makes the tables in an empty file.
pub(super) fn create(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch(BLOCKS)?;
    migrate_from_1(transaction)
}

/// Makes of a file of version 1, which has the block list alone, one of this version.
pub(super) fn migrate_from_1(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch(HISTORY)?;
    create_words(transaction)?;
    create_sharing(transaction)
}

pub(super) fn create_sharing(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch(SHARING)
}

/// Makes of a file of version 3 one of this version.
pub(super) fn migrate_from_3(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    create_sharing(transaction)?;
    add_columns(transaction)
}

pub(super) fn create_words(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch(WORDS)
}

/// Makes the indexes on `at` that a file of this version has not yet.
pub(super) fn index_times(database: &Connection) -> rusqlite::Result<()> {
    database.execute_batch(TIMES)
}

/// The columns of a segment, in the order in which `entry_rows` writes and reads them. A name that
/// is no UTF-8 is a blob, any other is text. Where a word or a repeated text is meant there is its
/// number in the table `word`, or the text itself.
pub(super) const ENTRY_COLUMNS: &[&str] = &[
    "id INTEGER PRIMARY KEY",
    "opened INTEGER NOT NULL",
    "ended INTEGER NOT NULL",
    "end INTEGER NOT NULL",
    "maildrop ANY",
    "address INTEGER NOT NULL",
    "tenant INTEGER",
    "session INTEGER NOT NULL",
    "gate_started INTEGER NOT NULL",
    "listener INTEGER NOT NULL",
    "port INTEGER NOT NULL",
    "client TEXT NOT NULL",
    "encryption INTEGER NOT NULL",
    "tls_version INTEGER",
    "cipher INTEGER",
    "server_name ANY",
    "cause INTEGER NOT NULL",
    "sentence ANY NOT NULL",
    "answer TEXT",
    "idle INTEGER NOT NULL",
    "commands INTEGER NOT NULL",
    "program INTEGER NOT NULL",
    "confidence INTEGER NOT NULL",
    "twin INTEGER NOT NULL",
    "trace ANY NOT NULL",
    "name ANY",
    "backends TEXT",
    "asked INTEGER",
    "proven INTEGER",
    "backend INTEGER",
    "entered INTEGER",
    "ahead INTEGER",
    "delayed INTEGER",
    "waited INTEGER",
    "granted INTEGER",
    "held INTEGER",
    "locked_replies INTEGER",
    "backend_class INTEGER",
    "backend_line TEXT",
    "rule INTEGER",
    "poll INTEGER",
    "early INTEGER",
    "listed INTEGER",
    "retrieved INTEGER",
    "deleted INTEGER",
    "marked INTEGER",
    "bytes_to_client INTEGER",
    "bytes_to_backend INTEGER",
    "let_in INTEGER",
    "demotions INTEGER",
    "promotions INTEGER",
];

/// How many of these, the last ones, version 4 has brought.
pub(super) const NEW_COLUMNS: usize = 3;

/// The table of a segment.
pub(super) fn table_of(segment: i64) -> String {
    format!("entry_{segment}")
}

/// Gives the segments that are written to the columns that they lack. Sealed ones stay without: to
/// add a column SQLite reads all of a table, and they may have gigabytes.
fn add_columns(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare("SELECT id FROM segment WHERE state = 'open'")?;
    let open: Vec<i64> = statement
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let (_, new) = ENTRY_COLUMNS.split_at(ENTRY_COLUMNS.len() - NEW_COLUMNS);
    for table in open.into_iter().map(table_of) {
        for column in new {
            transaction.execute_batch(&format!("ALTER TABLE {table} ADD COLUMN {column}"))?;
        }
    }
    Ok(())
}

pub(super) fn create_segment(database: &Connection, segment: i64) -> rusqlite::Result<()> {
    let table = table_of(segment);
    let columns = ENTRY_COLUMNS.join(", ");
    database.execute_batch(&format!("CREATE TABLE {table} ({columns}) STRICT"))
}

/// Each index ends in the place of an entry, so that it gives the latest first. The ends stand
/// behind address and tenant, for one of them may have most of all logins, and the end that is
/// asked for be rare.
pub(super) fn create_indexes(database: &Connection, segment: i64) -> rusqlite::Result<()> {
    let table = table_of(segment);
    database.execute_batch(&format!(
        "CREATE INDEX {table}_maildrop ON {table} (maildrop) WHERE maildrop IS NOT NULL;
         CREATE INDEX {table}_address ON {table} (address, end);
         CREATE INDEX {table}_tenant ON {table} (tenant, end) WHERE tenant IS NOT NULL;
         CREATE INDEX {table}_end ON {table} (end);"
    ))
}
