//! What the file says of itself.

use crate::history::EntryId;
use rusqlite::{Connection, OptionalExtension, Transaction};

/// The fingerprint of the key that names are hashed with.
pub(super) const NAME_KEY: &str = "name_key";

/// Whether names stand as hashes everywhere: `hashed` or `clear`.
pub(super) const NAMES: &str = "names";

/// The last place that was given away: it stays when what had it is dropped.
const LAST_ID: &str = "last_id";

pub(super) fn read(database: &Connection, name: &str) -> rusqlite::Result<Option<String>> {
    let mut statement = database.prepare_cached("SELECT value FROM meta WHERE name = ?")?;
    statement.query_row([name], |row| row.get(0)).optional()
}

pub(super) fn write(
    transaction: &Transaction<'_>,
    name: &str,
    value: &str,
) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare_cached("INSERT OR REPLACE INTO meta VALUES (?, ?)")?;
    statement.execute([name, value]).map(drop)
}

pub(super) fn forget(transaction: &Transaction<'_>, name: &str) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare_cached("DELETE FROM meta WHERE name = ?")?;
    statement.execute([name]).map(drop)
}

/// The place behind all that were given away.
pub(super) fn next_id(database: &Connection) -> rusqlite::Result<EntryId> {
    let last = read(database, LAST_ID)?.and_then(|last| last.parse().ok());
    Ok(EntryId(last.unwrap_or(0) + 1))
}

pub(super) fn write_last_id(transaction: &Transaction<'_>, last: EntryId) -> rusqlite::Result<()> {
    write(transaction, LAST_ID, &last.0.to_string())
}
