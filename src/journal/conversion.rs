//! Names that stand in the file in another way than the operator wants now.
//!
//! Where names are to be hashed, none may stay in clear: not in rows, not in pages that are free,
//! and not in the log beside the file.

use super::block_rows;
use super::entry_rows;
use super::key_file::{self, KeyFileError};
use super::meta;
use super::names::{NameKey, Names};
use super::notice_rows;
use super::open::Trouble;
use super::schema::table_of;
use super::sharing_rows;
use super::values::text_or_blob;
use super::words::WordNumbers;
use crate::history::{CauseName, StoredEntry};
use rusqlite::{Connection, Error, Statement, ffi, params};
use std::path::Path;
use std::sync::Arc;

/// Names as they are written from now on, and what the operator should know about those of before.
#[derive(Debug, Default)]
pub(super) struct PreparedNames {
    pub(super) names: Names,
    pub(super) notice: Option<String>,
}

/// Has all names of the file hashed under the key of `file`, which is made where it is absent.
pub(super) fn hash_names(database: &mut Connection, file: &Path) -> Result<PreparedNames, Trouble> {
    let recorded = meta::read(database, meta::NAME_KEY)?;
    let found = key_file::read(file)?;
    let is_lost = found.is_none() && recorded.is_some();
    if let (Some(key), Some(recorded)) = (&found, &recorded)
        && key.fingerprint() != recorded
    {
        let file = file.to_owned();
        return Err(KeyFileError::Other { file }.into());
    }
    let before = Names {
        key: found.map(Arc::new),
        are_hashed: true,
    };
    let key = match &before.key {
        Some(key) => Arc::clone(key),
        None => Arc::new(key_file::make(file)?),
    };
    let sealed = block_rows::read(database, &before)?.sealed;
    let names = Names {
        key: Some(Arc::clone(&key)),
        are_hashed: true,
    };
    if is_lost || meta::read(database, meta::NAMES)?.as_deref() != Some("hashed") {
        convert(database, &before, &names, &key)?;
    }
    Ok(PreparedNames {
        names,
        notice: is_lost.then(|| lost_names(file, sealed)),
    })
}

/// Has the names of the block list, and of maildrops that are not shareable, in clear again. Those
/// of entries cannot come back; as long as the key is there, they can be asked for.
pub(super) fn show_names(database: &mut Connection, file: &Path) -> Result<PreparedNames, Trouble> {
    let Some(recorded) = meta::read(database, meta::NAME_KEY)? else {
        return Ok(PreparedNames::default());
    };
    // It is needed for the past alone: without it popgate starts.
    let key = key_file::read(file).ok().flatten();
    let key = key.filter(|key| key.fingerprint() == recorded);
    let is_lost = key.is_none();
    let names = Names {
        key: key.map(Arc::new),
        are_hashed: false,
    };
    let sealed = block_rows::read(database, &names)?.sealed;
    let transaction = database.transaction()?;
    block_rows::rewrite_names(&transaction, &names, &names)?;
    sharing_rows::rewrite_names(&transaction, &names, &names)?;
    meta::write(&transaction, meta::NAMES, "clear")?;
    if is_lost {
        meta::forget(&transaction, meta::NAME_KEY)?;
    }
    transaction.commit()?;
    Ok(PreparedNames {
        names,
        notice: is_lost.then(|| lost_names(file, sealed)),
    })
}

fn lost_names(file: &Path, sealed: usize) -> String {
    format!(
        "[journal] {} does not hold the key that names were hashed with: names of before cannot be \
         asked for any more, and {sealed} entries of the block list are lost with their names",
        file.display()
    )
}

/// It can be broken off at any point, and begins anew with the next start.
fn convert(
    database: &mut Connection,
    before: &Names,
    names: &Names,
    key: &NameKey,
) -> rusqlite::Result<()> {
    let transaction = database.transaction()?;
    block_rows::rewrite_names(&transaction, before, names)?;
    sharing_rows::rewrite_names(&transaction, before, names)?;
    notice_rows::hide_names(&transaction)?;
    meta::write(&transaction, meta::NAME_KEY, key.fingerprint())?;
    transaction.commit()?;
    for segment in clear_segments(database)? {
        hash_segment(database, segment, key)?;
    }
    // Pages that are free, and the log, have the names still.
    database.execute_batch("VACUUM")?;
    empty_log(database)?;
    let transaction = database.transaction()?;
    meta::write(&transaction, meta::NAMES, "hashed")?;
    transaction.commit()
}

/// Works the log into the file, whose older pages it replaces. A reader's transaction keeps them.
pub(super) fn empty_log(database: &Connection) -> rusqlite::Result<()> {
    let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
    let is_hindered: bool = database.query_row(checkpoint, [], |row| row.get(0))?;
    if is_hindered {
        let busy = ffi::Error::new(ffi::SQLITE_BUSY);
        let why = "somebody reads it, as `sqlite3` or a backup does: that has to end first";
        return Err(Error::SqliteFailure(busy, Some(why.to_owned())));
    }
    Ok(())
}

fn clear_segments(database: &Connection) -> rusqlite::Result<Vec<i64>> {
    let mut statement = database.prepare("SELECT id FROM segment WHERE names = 'clear'")?;
    statement.query_map([], |row| row.get(0))?.collect()
}

fn hash_segment(database: &mut Connection, segment: i64, key: &NameKey) -> rusqlite::Result<()> {
    let transaction = database.transaction()?;
    let words = WordNumbers::read(&transaction)?;
    let kicked = words.number(CauseName::Kicked.as_str());
    let table = table_of(segment);
    let mut select = transaction.prepare(&format!(
        "SELECT * FROM {table} WHERE (maildrop IS NOT NULL OR cause = ?) AND id > ?
         ORDER BY id LIMIT 1"
    ))?;
    let mut update = transaction.prepare(&format!(
        "UPDATE {table} SET name = ?, maildrop = ?, answer = ?, backend_line = ?,
             sentence = CASE typeof(sentence) WHEN 'text' THEN ? ELSE sentence END
         WHERE id = ?"
    ))?;
    let mut last = i64::MIN;
    loop {
        let mut rows = select.query(params![kicked, last])?;
        let Some(row) = rows.next()? else { break };
        let stored = entry_rows::read(row, &words)?;
        last = stored.id.0.cast_signed();
        hash_entry(&mut update, &stored, key)?;
    }
    drop((select, update));
    let done = "UPDATE segment SET names = 'hashed' WHERE id = ?";
    transaction.execute(done, [segment])?;
    transaction.commit()
}

fn hash_entry(
    update: &mut Statement<'_>,
    stored: &StoredEntry,
    key: &NameKey,
) -> rusqlite::Result<()> {
    let entry = key.hide_names(&stored.entry);
    let login = entry.login.as_deref();
    let answer = login.and_then(|login| login.backend_answer.as_ref());
    let line = answer.map(|answer| &*answer.line);
    update.execute(params![
        login.map(|login| text_or_blob(login.name.as_bytes())),
        login.map(|login| text_or_blob(login.key.maildrop().as_bytes())),
        entry.answer.as_deref(),
        line,
        &*entry.sentence,
        stored.id.0.cast_signed(),
    ])?;
    Ok(())
}
