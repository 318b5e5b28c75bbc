//! What happened to the gate and its backends, as rows.

use super::names::Names;
use super::values::Cells;
use crate::history::{EntryId, GateNotice, NoticeKind};
use crate::limits::HISTORY_REMARKS_MAX;
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

/// Notices from `since` to before `until`, the latest first.
pub(super) fn read(
    database: &Connection,
    since: Timestamp,
    until: Timestamp,
) -> rusqlite::Result<Vec<GateNotice>> {
    let select = "SELECT * FROM notice WHERE at >= ? AND at < ? ORDER BY id DESC";
    let mut statement = database.prepare_cached(select)?;
    let times = [since.as_microsecond(), until.as_microsecond()];
    statement.query_map(times, notice)?.collect()
}

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

/// Forgets notices and changes of the block list that are older than `oldest`, or more than
/// [`HISTORY_REMARKS_MAX`].
pub(super) fn forget(transaction: &Transaction<'_>, oldest: Timestamp) -> rusqlite::Result<()> {
    for table in ["notice", "block_change"] {
        let old = format!("DELETE FROM {table} WHERE at < ?");
        transaction.execute(&old, [oldest.as_microsecond()])?;
        let surplus = format!(
            "DELETE FROM {table} WHERE id <=
                (SELECT id FROM {table} ORDER BY id DESC LIMIT 1 OFFSET ?)"
        );
        transaction.execute(&surplus, [HISTORY_REMARKS_MAX])?;
    }
    Ok(())
}
