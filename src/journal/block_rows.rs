//! The block list and its changes: what is read and written of them.

use super::names::Names;
use super::values::{backends_of, names_of};
use crate::history::{EntryId, StoredBlockChange};
use crate::ids::{ClientPrefix, MaildropKey, TenantName, UserName};
use crate::policy::block::{
    BlockChange, BlockEntry, BlockId, BlockReason, BlockState, BlockTarget, ChangeKind,
};
use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Connection, Row, Rows, Statement, Transaction, named_params};
use std::error::Error;

/// What both tables say of an entry.
const COLUMNS: &str = "address, maildrop, backends, tenant, reason, state, pinned, shadow, first, \
     last, since, expires, times_blocked, times_released, sealed";

const VALUES: &str = ":address, :maildrop, :backends, :tenant, :reason, :state, :pinned, :shadow, \
     :first, :last, :since, :expires, :times_blocked, :times_released, :sealed";

const CHANGES: &str = "SELECT * FROM block_change";

const DELETE: &str = "DELETE FROM block WHERE id = :id";

/// The block list of a file.
#[derive(Debug, Default)]
pub(super) struct ReadBlocks {
    /// Its entries, by number.
    pub(super) entries: Vec<BlockEntry>,
    /// How many have a name that this key does not open.
    pub(super) sealed: usize,
}

/// The block list.
pub(super) fn read(database: &Connection, names: &Names) -> rusqlite::Result<ReadBlocks> {
    let mut statement = database.prepare("SELECT * FROM block ORDER BY id")?;
    let mut rows = statement.query([])?;
    let mut blocks = ReadBlocks::default();
    while let Some(row) = rows.next()? {
        match entry(row, "id", names)? {
            Some(entry) => blocks.entries.push(entry),
            None => blocks.sealed += 1,
        }
    }
    Ok(blocks)
}

/// The highest number that an entry has, or had: of one that is forgotten the changes are kept.
pub(super) fn last_id(database: &Connection) -> rusqlite::Result<BlockId> {
    let highest = "SELECT max(id) FROM (SELECT max(id) AS id FROM block
                   UNION ALL SELECT max(block) FROM block_change)";
    let last: Option<i64> = database.query_row(highest, [], |row| row.get(0))?;
    Ok(BlockId(last.unwrap_or_default().cast_unsigned()))
}

/// Writes what became of an entry, and that it did.
pub(super) fn write(
    transaction: &Transaction<'_>,
    stored: &StoredBlockChange,
    names: &Names,
) -> rusqlite::Result<()> {
    let entry = &stored.change.entry;
    match stored.change.what {
        ChangeKind::Forgotten => {
            let mut statement = transaction.prepare_cached(DELETE)?;
            statement.execute(named_params! { ":id": entry.id.0.cast_signed() })?;
        }
        _ => put(transaction, entry, names)?,
    }
    insert_change(transaction, stored, names)
}

fn insert_change(
    transaction: &Transaction<'_>,
    stored: &StoredBlockChange,
    names: &Names,
) -> rusqlite::Result<()> {
    let insert = format!(
        "INSERT OR REPLACE INTO block_change (id, at, change, changed_by, block, {COLUMNS})
         VALUES (:number, :at, :change, :changed_by, :id, {VALUES})"
    );
    let mut statement = transaction.prepare_cached(&insert)?;
    let place = stored.id.0.cast_signed();
    statement.raw_bind_parameter(c":number", place)?;
    statement.raw_bind_parameter(c":at", stored.at.as_microsecond())?;
    statement.raw_bind_parameter(c":change", stored.change.what.as_str())?;
    statement.raw_bind_parameter(c":changed_by", stored.change.by.to_string())?;
    bind(&mut statement, &stored.change.entry, names)?;
    statement.raw_execute().map(drop)
}

/// Writes an entry in the place of what stood there of it.
pub(super) fn put(
    transaction: &Transaction<'_>,
    entry: &BlockEntry,
    names: &Names,
) -> rusqlite::Result<()> {
    let insert = format!("INSERT OR REPLACE INTO block (id, {COLUMNS}) VALUES (:id, {VALUES})");
    let mut statement = transaction.prepare_cached(&insert)?;
    bind(&mut statement, entry, names)?;
    statement.raw_execute().map(drop)
}

/// The changes of one entry, the latest first.
pub(super) fn changes(
    database: &Connection,
    block: BlockId,
    names: &Names,
) -> rusqlite::Result<Vec<StoredBlockChange>> {
    let select = format!("{CHANGES} WHERE block = ? ORDER BY id DESC");
    let mut statement = database.prepare(&select)?;
    read_changes(statement.query([block.0.cast_signed()])?, names)
}

/// The changes of a client's entries until `at`, the latest first. It looks at all changes, and
/// there are [`HISTORY_REMARKS_MAX`](crate::limits::HISTORY_REMARKS_MAX) at most.
pub(super) fn client_changes(
    database: &Connection,
    client: ClientPrefix,
    at: Timestamp,
    names: &Names,
) -> rusqlite::Result<Vec<StoredBlockChange>> {
    let select = format!("{CHANGES} WHERE address = ? AND at <= ? ORDER BY id DESC");
    let mut statement = database.prepare(&select)?;
    let rows = statement.query((client.to_string(), at.as_microsecond()))?;
    read_changes(rows, names)
}

fn all_changes(database: &Connection, names: &Names) -> rusqlite::Result<Vec<StoredBlockChange>> {
    let mut statement = database.prepare(CHANGES)?;
    read_changes(statement.query([])?, names)
}

fn read_changes(mut rows: Rows<'_>, names: &Names) -> rusqlite::Result<Vec<StoredBlockChange>> {
    let mut changes = Vec::new();
    while let Some(row) = rows.next()? {
        let Some(entry) = entry(row, "block", names)? else {
            continue;
        };
        let what = word(row, "change", ChangeKind::named)?;
        let by: String = row.get("changed_by")?;
        let by = by
            .parse()
            .map_err(|why: String| wrong(row, "changed_by", why))?;
        changes.push(StoredBlockChange {
            id: EntryId(number(row, "id")?),
            at: time(row, "at")?,
            change: BlockChange { entry, what, by },
        });
    }
    Ok(changes)
}

/// Writes all names anew, as `names` has them now. What the key of `before` does not open goes.
pub(super) fn rewrite_names(
    transaction: &Transaction<'_>,
    before: &Names,
    names: &Names,
) -> rusqlite::Result<()> {
    let blocks = read(transaction, before)?.entries;
    let changes = all_changes(transaction, before)?;
    transaction.execute_batch("DELETE FROM block; DELETE FROM block_change")?;
    for entry in &blocks {
        put(transaction, entry, names)?;
    }
    for change in &changes {
        insert_change(transaction, change, names)?;
    }
    Ok(())
}

fn bind(statement: &mut Statement<'_>, entry: &BlockEntry, names: &Names) -> rusqlite::Result<()> {
    let key = entry.target.key.as_ref();
    let mut maildrop = key.map(|key| key.maildrop().clone());
    let mut sealed = None;
    if let (Some(name), Some(key)) = (&maildrop, names.hashing()) {
        let cannot = |_| rusqlite::Error::ToSqlConversionFailure("no randomness".into());
        sealed = Some(key.seal(name).map_err(cannot)?);
        maildrop = Some(key.hash(name));
    }
    let maildrop = maildrop.as_ref().map_or(&[][..], UserName::as_bytes);
    statement.raw_bind_parameter(c":id", entry.id.0.cast_signed())?;
    statement.raw_bind_parameter(c":address", entry.target.prefix.to_string())?;
    statement.raw_bind_parameter(c":maildrop", maildrop)?;
    let backends = key.map_or(&[][..], MaildropKey::backends);
    statement.raw_bind_parameter(c":backends", names_of(backends))?;
    statement.raw_bind_parameter(c":tenant", entry.tenant.as_str())?;
    statement.raw_bind_parameter(c":reason", entry.reason.as_str())?;
    statement.raw_bind_parameter(c":state", entry.state.as_str())?;
    statement.raw_bind_parameter(c":pinned", entry.pinned)?;
    statement.raw_bind_parameter(c":shadow", entry.shadow)?;
    statement.raw_bind_parameter(c":first", entry.first.as_microsecond())?;
    statement.raw_bind_parameter(c":last", entry.last.as_microsecond())?;
    statement.raw_bind_parameter(c":since", entry.since.as_microsecond())?;
    statement.raw_bind_parameter(c":expires", entry.expires.as_microsecond())?;
    statement.raw_bind_parameter(c":times_blocked", entry.times_blocked)?;
    statement.raw_bind_parameter(c":times_released", entry.times_released)?;
    statement.raw_bind_parameter(c":sealed", sealed)
}

/// None where the name is sealed, and this key does not open it.
fn entry(row: &Row<'_>, id: &str, names: &Names) -> rusqlite::Result<Option<BlockEntry>> {
    let Some(target) = target(row, names)? else {
        return Ok(None);
    };
    Ok(Some(BlockEntry {
        id: BlockId(number(row, id)?),
        target,
        tenant: TenantName::new(&row.get::<_, String>("tenant")?),
        reason: word(row, "reason", BlockReason::named)?,
        state: word(row, "state", BlockState::named)?,
        pinned: row.get("pinned")?,
        shadow: row.get("shadow")?,
        first: time(row, "first")?,
        last: time(row, "last")?,
        since: time(row, "since")?,
        expires: time(row, "expires")?,
        times_blocked: row.get("times_blocked")?,
        times_released: row.get("times_released")?,
    }))
}

fn target(row: &Row<'_>, names: &Names) -> rusqlite::Result<Option<BlockTarget>> {
    let backends = backends_of(&row.get::<_, String>("backends")?);
    let address: String = row.get("address")?;
    let mut maildrop = UserName::new(&row.get::<_, Vec<u8>>("maildrop")?);
    if let Some(sealed) = row.get::<_, Option<Vec<u8>>>("sealed")? {
        let key = names.key.as_ref();
        let Some(name) = key.and_then(|key| key.open(&sealed)) else {
            return Ok(None);
        };
        maildrop = name;
    }
    Ok(Some(BlockTarget {
        // The name is canonical already, so that no policy has to be asked for the key.
        key: (!backends.is_empty()).then(|| MaildropKey::new(&backends, &maildrop)),
        prefix: address.parse().map_err(|why| wrong(row, "address", why))?,
    }))
}

fn number(row: &Row<'_>, column: &str) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(i64::cast_unsigned)
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
