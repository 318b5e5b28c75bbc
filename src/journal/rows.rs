//! The tables, and what is read from and written to them.

use crate::ids::{BackendName, MaildropKey, TenantName, UserName};
use crate::policy::block::{
    BlockChange, BlockEntry, BlockId, BlockReason, BlockState, BlockTarget, ChangeKind,
};
use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Connection, Row, Transaction, named_params};
use std::error::Error;
use std::sync::Arc;

/// Without a maildrop, `backends` and `maildrop` are empty. `backends` are words; times count
/// microseconds since 1970.
pub(super) const TABLES: &str = "
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
    ) STRICT";

const READ: &str = "
    SELECT id, address, maildrop, backends, tenant, reason, state, pinned, shadow, first, last,
        expires, times_blocked, times_released
    FROM block ORDER BY id";

const WRITE: &str = "
    INSERT OR REPLACE INTO block VALUES (:id, :address, :maildrop, :backends, :tenant, :reason,
        :state, :pinned, :shadow, :first, :last, :expires, :times_blocked, :times_released)";

const DELETE: &str = "DELETE FROM block WHERE id = :id";

/// The block list, by number.
pub(super) fn read(database: &Connection) -> rusqlite::Result<Vec<BlockEntry>> {
    let mut statement = database.prepare(READ)?;
    let entries = statement.query_map([], entry)?;
    entries.collect()
}

/// Writes what became of entries: all of it or nothing.
pub(super) fn write<'a>(
    database: &mut Connection,
    changes: impl Iterator<Item = &'a BlockChange>,
) -> rusqlite::Result<()> {
    let transaction = database.transaction()?;
    for change in changes {
        match change.what {
            ChangeKind::Forgotten => delete(&transaction, change.entry.id)?,
            _ => put(&transaction, &change.entry)?,
        }
    }
    transaction.commit()
}

fn delete(transaction: &Transaction<'_>, id: BlockId) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare_cached(DELETE)?;
    statement.execute(named_params! { ":id": id.0.cast_signed() })?;
    Ok(())
}

fn put(transaction: &Transaction<'_>, entry: &BlockEntry) -> rusqlite::Result<()> {
    let maildrop = entry.target.key.as_ref();
    let names = maildrop.map_or(&[][..], MaildropKey::backends);
    let names: Vec<_> = names.iter().map(BackendName::as_str).collect();
    let mut statement = transaction.prepare_cached(WRITE)?;
    statement.execute(named_params! {
        ":id": entry.id.0.cast_signed(),
        ":address": entry.target.prefix.to_string(),
        ":maildrop": maildrop.map_or(&[][..], |key| key.maildrop().as_bytes()),
        ":backends": names.join(" "),
        ":tenant": entry.tenant.as_str(),
        ":reason": entry.reason.as_str(),
        ":state": entry.state.as_str(),
        ":pinned": entry.pinned,
        ":shadow": entry.shadow,
        ":first": entry.first.as_microsecond(),
        ":last": entry.last.as_microsecond(),
        ":expires": entry.expires.as_microsecond(),
        ":times_blocked": entry.times_blocked,
        ":times_released": entry.times_released,
    })?;
    Ok(())
}

fn entry(row: &Row<'_>) -> rusqlite::Result<BlockEntry> {
    let id: i64 = row.get("id")?;
    Ok(BlockEntry {
        id: BlockId(id.cast_unsigned()),
        target: target(row)?,
        tenant: TenantName::new(&row.get::<_, String>("tenant")?),
        reason: word(row, "reason", BlockReason::named)?,
        state: word(row, "state", BlockState::named)?,
        pinned: row.get("pinned")?,
        shadow: row.get("shadow")?,
        first: time(row, "first")?,
        last: time(row, "last")?,
        since: time(row, "last")?,
        expires: time(row, "expires")?,
        times_blocked: row.get("times_blocked")?,
        times_released: row.get("times_released")?,
    })
}

fn target(row: &Row<'_>) -> rusqlite::Result<BlockTarget> {
    let backends: String = row.get("backends")?;
    let maildrop: Vec<u8> = row.get("maildrop")?;
    let backends: Arc<[BackendName]> = backends.split_whitespace().map(BackendName::new).collect();
    let address: String = row.get("address")?;
    Ok(BlockTarget {
        // The name is canonical already, so that no policy has to be asked for the key.
        key: (!backends.is_empty()).then(|| MaildropKey::new(&backends, &UserName::new(&maildrop))),
        prefix: address.parse().map_err(|why| wrong(row, "address", why))?,
    })
}

fn word<T>(row: &Row<'_>, column: &str, named: fn(&str) -> Option<T>) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    named(&text).ok_or_else(|| wrong(row, column, format!("`{text}` is no {column}")))
}

fn time(row: &Row<'_>, column: &str) -> rusqlite::Result<Timestamp> {
    let microseconds = row.get(column)?;
    Timestamp::from_microsecond(microseconds).map_err(|why| wrong(row, column, why))
}

/// A value that no popgate wrote.
fn wrong(
    row: &Row<'_>,
    column: &str,
    why: impl Into<Box<dyn Error + Send + Sync>>,
) -> rusqlite::Error {
    let index = row.as_ref().column_index(column).unwrap_or_default();
    rusqlite::Error::FromSqlConversionFailure(index, Type::Null, why.into())
}
