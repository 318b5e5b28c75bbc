//! What happened to the gate and its backends, as rows.

use super::names::Names;
use super::values::Cells;
use crate::history::{EntryId, GateNotice, NoticeKind};
use crate::limits::{HISTORY_REMARK_OCTETS, HISTORY_REMARKS_MAX, HISTORY_REMARKS_SHARE};
use jiff::Timestamp;
use rusqlite::{Connection, Row, Transaction, params};
use std::sync::Arc;

pub(super) fn write(
    transaction: &Transaction<'_>,
    notice: &GateNotice,
    names: &Names,
) -> rusqlite::Result<()> {
    let may_name_users = names.hashing().is_some() && has_words_of_operators(notice.kind);
    let text = if may_name_users { "" } else { &*notice.text };
    let insert = "INSERT OR REPLACE INTO notice VALUES (?, ?, ?, ?, ?)";
    let mut statement = transaction.prepare_cached(insert)?;
    statement.execute(params![
        notice.id.0.cast_signed(),
        notice.at.as_microsecond(),
        notice.kind.as_str(),
        notice.subject,
        text
    ])?;
    Ok(())
}

/// Reasons that operators give, and changed settings of users, have names in them.
fn has_words_of_operators(kind: NoticeKind) -> bool {
    match kind {
        NoticeKind::Started
        | NoticeKind::Stopped
        | NoticeKind::BackendUp
        | NoticeKind::BackendDown
        | NoticeKind::Lost => false,
        NoticeKind::Paused
        | NoticeKind::Resumed
        | NoticeKind::Draining
        | NoticeKind::Kicked
        | NoticeKind::Reloaded => true,
    }
}

/// Takes from all notices what may name users.
pub(super) fn hide_names(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare("UPDATE notice SET text = '' WHERE kind = ?")?;
    for kind in NoticeKind::ALL {
        if has_words_of_operators(*kind) {
            statement.execute([kind.as_str()])?;
        }
    }
    Ok(())
}

/// The latest notices from `since` to before `until`, at most `limit`, the latest first.
pub(super) fn read(
    database: &Connection,
    since: Timestamp,
    until: Timestamp,
    limit: usize,
) -> rusqlite::Result<Vec<GateNotice>> {
    let mut statement = database.prepare_cached(LATEST)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let bounds = [since.as_microsecond(), until.as_microsecond(), limit];
    statement.query_map(bounds, notice)?.collect()
}

/// In the order of the index, which differs from that of the places only where the clock was set
/// back: no more is read than is asked for.
const LATEST: &str =
    "SELECT * FROM notice WHERE at >= ? AND at < ? ORDER BY at DESC, id DESC LIMIT ?";

fn notice(row: &Row<'_>) -> rusqlite::Result<GateNotice> {
    let mut cells = Cells::new(row);
    Ok(GateNotice {
        id: EntryId(cells.count()?),
        at: cells.time()?,
        kind: cells.word(NoticeKind::named)?,
        subject: Arc::from(cells.take::<String>()?),
        text: Arc::from(cells.take::<String>()?),
    })
}

/// Forgets notices and changes of the block list that are older than `oldest`, or more than a file
/// of `size` octets may have of each.
pub(super) fn forget(
    transaction: &Transaction<'_>,
    oldest: Timestamp,
    size: u64,
) -> rusqlite::Result<()> {
    let most = remarks_max(size);
    for table in ["notice", "block_change"] {
        let old = format!("DELETE FROM {table} WHERE at < ?");
        transaction.execute(&old, [oldest.as_microsecond()])?;
        transaction.execute(&delete_surplus(table), [most.cast_signed()])?;
    }
    Ok(())
}

/// Most notices in a file of `size` octets, and most changes of the block list.
pub(super) fn remarks_max(size: u64) -> u64 {
    (size / HISTORY_REMARKS_SHARE / HISTORY_REMARK_OCTETS).min(HISTORY_REMARKS_MAX)
}

/// Counts by the index on `at` alone, whose entries end in the place of a row.
fn delete_surplus(table: &str) -> String {
    format!(
        "DELETE FROM {table} WHERE (at, id) <=
            (SELECT at, id FROM {table} ORDER BY at DESC, id DESC LIMIT 1 OFFSET ?)"
    )
}

#[cfg(test)]
mod tests;
