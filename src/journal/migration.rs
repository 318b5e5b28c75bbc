//! From version 2 of the file, whose segments had words where numbers stand now.

use super::entry_rows;
use super::open::is_corruption;
use super::schema::{
    create_indexes, create_segment, create_sharing, create_words, migrate_from_3, table_of,
};
use super::words::WordNumbers;
use rusqlite::Transaction;

/// Writes the segments anew. What is behind a damaged page of one is lost, as it is where it is
/// read: its pages stay in the file.
pub(super) fn from_2(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    // The last popgate of that version wrote numbers already.
    if has_words(transaction)? {
        return migrate_from_3(transaction);
    }
    create_words(transaction)?;
    create_sharing(transaction)?;
    let mut words = WordNumbers::default();
    for (segment, is_sealed) in segments(transaction)? {
        rewrite(transaction, segment, &mut words)?;
        if is_sealed {
            create_indexes(transaction, segment)?;
        }
    }
    Ok(())
}

fn has_words(transaction: &Transaction<'_>) -> rusqlite::Result<bool> {
    let count = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'word'";
    let tables: i64 = transaction.query_row(count, [], |row| row.get(0))?;
    Ok(tables > 0)
}

/// Their numbers, and whether each is sealed.
fn segments(transaction: &Transaction<'_>) -> rusqlite::Result<Vec<(i64, bool)>> {
    let mut statement = transaction.prepare("SELECT id, state = 'sealed' FROM segment")?;
    statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

fn rewrite(
    transaction: &Transaction<'_>,
    segment: i64,
    words: &mut WordNumbers,
) -> rusqlite::Result<()> {
    let table = table_of(segment);
    let before = format!("before_{segment}");
    drop_indexes(transaction, &table)?;
    transaction.execute_batch(&format!("ALTER TABLE {table} RENAME TO {before}"))?;
    create_segment(transaction, segment)?;
    match copy(transaction, &before, &table, words) {
        Ok(()) => transaction.execute_batch(&format!("DROP TABLE {before}")),
        Err(error) if is_corruption(&error) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Their names are wanted for the new ones.
fn drop_indexes(transaction: &Transaction<'_>, table: &str) -> rusqlite::Result<()> {
    let select = "SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = ?";
    let mut statement = transaction.prepare(select)?;
    let names: Vec<String> = statement
        .query_map([table], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    names
        .iter()
        .try_for_each(|name| transaction.execute_batch(&format!("DROP INDEX {name}")))
}

fn copy(
    transaction: &Transaction<'_>,
    before: &str,
    table: &str,
    words: &mut WordNumbers,
) -> rusqlite::Result<()> {
    let mut select = transaction.prepare(&format!("SELECT * FROM {before} ORDER BY id"))?;
    let mut insert = transaction.prepare(&entry_rows::insert_into(table))?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let stored = entry_rows::read(row, words)?;
        entry_rows::insert(&mut insert, &stored, words, transaction)?;
    }
    Ok(())
}
