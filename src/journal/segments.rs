//! The segments of the history: tables that are appended to without an index, get their indexes in
//! one go when they are full or old, and are dropped whole.
//!
//! An index that is kept up to date row by row costs a page for each of its rows where they come a
//! few at a time; one that is made at the end costs a sort. And to drop a table costs nothing of
//! what it costs to delete its rows.

use super::entry_rows;
use super::file::is_corrupt;
use super::names::Names;
use super::schema::{create_indexes, create_segment, table_of};
use super::words::WordNumbers;
use crate::history::{HistoryEntry, StoredEntry};
use crate::journal::JournalBounds;
use crate::limits::{
    HISTORY_ROW_OCTETS, HISTORY_SEGMENT_ROWS, HISTORY_SEGMENT_ROWS_MIN, HISTORY_SEGMENTS_EACH,
    HISTORY_SPAN_ROWS,
};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

/// Whose entries a segment has. Each kind has rows of its own, so that strangers, who can come in
/// any number, push out their like alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SegmentKind {
    /// Of those who have a right password.
    Owners,
    /// Of all others.
    Others,
}

const KINDS: &[SegmentKind] = &[SegmentKind::Owners, SegmentKind::Others];

impl SegmentKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Owners => "owners",
            Self::Others => "others",
        }
    }

    fn named(name: &str) -> Self {
        if name == "owners" {
            Self::Owners
        } else {
            Self::Others
        }
    }

    fn of(entry: &HistoryEntry) -> Self {
        if entry.is_of_owner() {
            Self::Owners
        } else {
            Self::Others
        }
    }

    /// How many of `rows` this kind may have: strangers a quarter.
    fn share(self, rows: u64) -> u64 {
        match self {
            Self::Owners => rows - rows / 4,
            Self::Others => rows / 4,
        }
    }
}

/// What is appended to: for each kind at most one open segment.
#[derive(Clone, Debug, Default)]
pub(super) struct Segments(Vec<OpenSegment>);

#[derive(Clone, Debug)]
struct OpenSegment {
    id: i64,
    kind: SegmentKind,
    created: Timestamp,
    rows: u64,
    span: EntrySpan,
}

/// Some entries in a row, and between which times and sessions they lie.
#[derive(Clone, Debug)]
struct EntrySpan {
    number: i64,
    rows: u64,
    first_id: u64,
    last_id: u64,
    opened: Timestamp,
    ended: Timestamp,
    first_session: u64,
    last_session: u64,
}

impl EntrySpan {
    fn new(number: i64) -> Self {
        Self {
            number,
            rows: 0,
            first_id: u64::MAX,
            last_id: 0,
            opened: Timestamp::MAX,
            ended: Timestamp::MIN,
            first_session: u64::MAX,
            last_session: 0,
        }
    }

    fn add(&mut self, stored: &StoredEntry) {
        let entry = &stored.entry;
        self.rows += 1;
        self.first_id = self.first_id.min(stored.id.0);
        self.last_id = self.last_id.max(stored.id.0);
        self.opened = self.opened.min(entry.opened);
        self.ended = self.ended.max(entry.ended);
        self.first_session = self.first_session.min(entry.session.0);
        self.last_session = self.last_session.max(entry.session.0);
    }

    fn write(&self, segment: i64, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        let write = "INSERT OR REPLACE INTO span VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
        let mut statement = transaction.prepare_cached(write)?;
        statement.execute(params![
            segment,
            self.number,
            self.rows.cast_signed(),
            self.first_id.cast_signed(),
            self.last_id.cast_signed(),
            self.opened.as_microsecond(),
            self.ended.as_microsecond(),
            self.first_session.cast_signed(),
            self.last_session.cast_signed(),
        ])?;
        Ok(())
    }
}

impl Segments {
    /// The open segments of a file, to go on with: those whose names stand as they are written now.
    pub(super) fn read(database: &Connection, names: &Names) -> rusqlite::Result<Self> {
        let mut statement = database.prepare(
            "SELECT id, kind, created,
                (SELECT coalesce(sum(rows), 0) FROM span WHERE segment = id),
                (SELECT coalesce(max(number), 0) FROM span WHERE segment = id)
             FROM segment WHERE state = 'open' AND names = ?",
        )?;
        let rows = statement.query_map([names_word(names)], |row| {
            let kind: String = row.get(1)?;
            let last_span: i64 = row.get(4)?;
            Ok(OpenSegment {
                id: row.get(0)?,
                kind: SegmentKind::named(&kind),
                created: Timestamp::from_microsecond(row.get(2)?).unwrap_or_default(),
                rows: row.get::<_, i64>(3)?.cast_unsigned(),
                span: EntrySpan::new(last_span + 1),
            })
        })?;
        Ok(Self(rows.collect::<Result<_, _>>()?))
    }

    /// Appends `entries`, each to the segment of its kind.
    pub(super) fn append(
        &mut self,
        transaction: &Transaction<'_>,
        entries: &[StoredEntry],
        names: &Names,
        words: &mut WordNumbers,
        now: Timestamp,
    ) -> rusqlite::Result<()> {
        for &kind in KINDS {
            let of_kind = entries
                .iter()
                .filter(|stored| SegmentKind::of(&stored.entry) == kind);
            let mut of_kind = of_kind.peekable();
            if of_kind.peek().is_some() {
                self.open(kind, transaction, names, now)?.append(
                    transaction,
                    of_kind,
                    names,
                    words,
                )?;
            }
        }
        Ok(())
    }

    fn open(
        &mut self,
        kind: SegmentKind,
        transaction: &Transaction<'_>,
        names: &Names,
        now: Timestamp,
    ) -> rusqlite::Result<&mut OpenSegment> {
        let index = match self.0.iter().position(|segment| segment.kind == kind) {
            Some(index) => index,
            None => {
                self.0
                    .push(OpenSegment::create(kind, transaction, names, now)?);
                self.0.len() - 1
            }
        };
        Ok(&mut self.0[index])
    }

    /// Gives their indexes to segments that are full or old. Tells whether there was one.
    pub(super) fn seal(
        &mut self,
        database: &mut Connection,
        bounds: &JournalBounds,
        now: Timestamp,
    ) -> rusqlite::Result<bool> {
        let mut has_sealed = false;
        while let Some(index) = self.0.iter().position(|it| it.is_complete(bounds, now)) {
            seal(database, self.0[index].id)?;
            self.0.remove(index);
            has_sealed = true;
        }
        Ok(has_sealed)
    }

    /// Gives its indexes to the oldest open segment, that it can be dropped. Tells whether there
    /// was one.
    pub(super) fn seal_oldest(&mut self, database: &mut Connection) -> rusqlite::Result<bool> {
        let Some(oldest) = self.0.iter().map(|segment| segment.id).min() else {
            return Ok(false);
        };
        seal(database, oldest)?;
        self.0.retain(|segment| segment.id != oldest);
        Ok(true)
    }
}

impl OpenSegment {
    fn create(
        kind: SegmentKind,
        transaction: &Transaction<'_>,
        names: &Names,
        now: Timestamp,
    ) -> rusqlite::Result<Self> {
        let insert = "INSERT INTO segment (kind, names, state, created) VALUES (?, ?, 'open', ?)";
        transaction.execute(
            insert,
            params![kind.as_str(), names_word(names), now.as_microsecond()],
        )?;
        let id = transaction.last_insert_rowid();
        create_segment(transaction, id)?;
        Ok(Self {
            id,
            kind,
            created: now,
            rows: 0,
            span: EntrySpan::new(1),
        })
    }

    fn append<'a>(
        &mut self,
        transaction: &Transaction<'_>,
        entries: impl Iterator<Item = &'a StoredEntry>,
        names: &Names,
        words: &mut WordNumbers,
    ) -> rusqlite::Result<()> {
        let insert = entry_rows::insert_into(&table_of(self.id));
        let mut statement = transaction.prepare_cached(&insert)?;
        for stored in entries {
            let stored = names.written(stored);
            entry_rows::insert(&mut statement, &stored, words, transaction)?;
            self.rows += 1;
            self.span.add(&stored);
            if self.span.rows == HISTORY_SPAN_ROWS {
                self.span.write(self.id, transaction)?;
                self.span = EntrySpan::new(self.span.number + 1);
            }
        }
        if self.span.rows > 0 {
            self.span.write(self.id, transaction)?;
        }
        Ok(())
    }

    fn is_complete(&self, bounds: &JournalBounds, now: Timestamp) -> bool {
        // A clock that was set back makes it old as well.
        let age = now.duration_since(self.created).unsigned_abs();
        self.rows >= segment_rows(self.kind, bounds) || age >= bounds.keep / HISTORY_SEGMENTS_EACH
    }
}

/// Rows of a segment: a few of what its kind may have, so that not too many leave at once.
fn segment_rows(kind: SegmentKind, bounds: &JournalBounds) -> u64 {
    let by_size = bounds.size / HISTORY_ROW_OCTETS;
    let most = match kind.share(bounds.rows) {
        0 => by_size,
        by_rows => by_rows.min(by_size),
    };
    let few = most / u64::from(HISTORY_SEGMENTS_EACH);
    few.clamp(HISTORY_SEGMENT_ROWS_MIN, HISTORY_SEGMENT_ROWS)
}

/// How names stand in a segment.
pub(super) fn names_word(names: &Names) -> &'static str {
    if names.hashing().is_some() {
        "hashed"
    } else {
        "clear"
    }
}

fn seal(database: &mut Connection, segment: i64) -> rusqlite::Result<()> {
    let transaction = database.transaction()?;
    create_indexes(&transaction, segment)?;
    let sealed = "UPDATE segment SET state = 'sealed' WHERE id = ?";
    transaction.execute(sealed, [segment])?;
    transaction.commit()
}

/// Seals what a file has open and is not gone on with.
pub(super) fn seal_others(database: &mut Connection, kept: &Segments) -> rusqlite::Result<()> {
    let mut statement = database.prepare("SELECT id FROM segment WHERE state = 'open'")?;
    let open: Vec<i64> = statement
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    drop(statement);
    for id in open {
        if !kept.0.iter().any(|segment| segment.id == id) {
            seal(database, id)?;
        }
    }
    Ok(())
}

/// Drops what is older than `keep`, and what is more than `rows`.
pub(super) fn drop_surplus(
    database: &mut Connection,
    bounds: &JournalBounds,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let oldest = now.checked_sub(bounds.keep).unwrap_or(Timestamp::MIN);
    while let Some(segment) = over_before(database, oldest)? {
        drop_segment(database, segment)?;
    }
    for &kind in KINDS {
        while bounds.rows > 0 && rows_of(database, kind)? > kind.share(bounds.rows) {
            let Some(segment) = oldest_sealed(database, &[kind])? else {
                break;
            };
            drop_segment(database, segment)?;
        }
    }
    Ok(())
}

/// Drops the oldest segment for want of room: one of strangers where they have more than their
/// share. Tells whether there was one.
pub(super) fn drop_oldest(database: &mut Connection) -> rusqlite::Result<bool> {
    let others = rows_of(database, SegmentKind::Others)?;
    let all = others + rows_of(database, SegmentKind::Owners)?;
    let kinds = if others > SegmentKind::Others.share(all) {
        &[SegmentKind::Others][..]
    } else {
        KINDS
    };
    let mut oldest = oldest_sealed(database, kinds)?;
    if oldest.is_none() {
        oldest = oldest_sealed(database, KINDS)?;
    }
    let Some(segment) = oldest else {
        return Ok(false);
    };
    drop_segment(database, segment)?;
    Ok(true)
}

/// A sealed segment that was over before `oldest`.
fn over_before(database: &Connection, oldest: Timestamp) -> rusqlite::Result<Option<i64>> {
    let select = "SELECT segment FROM span JOIN segment ON segment.id = segment
        WHERE state = 'sealed' GROUP BY segment HAVING max(ended) < ? LIMIT 1";
    database
        .query_row(select, [oldest.as_microsecond()], |row| row.get(0))
        .optional()
}

fn oldest_sealed(database: &Connection, kinds: &[SegmentKind]) -> rusqlite::Result<Option<i64>> {
    let select = "SELECT id FROM segment WHERE state = 'sealed' AND kind = ? ORDER BY id LIMIT 1";
    let mut statement = database.prepare_cached(select)?;
    let mut oldest = None;
    for kind in kinds {
        let of_kind: Option<i64> = statement
            .query_row([kind.as_str()], |row| row.get(0))
            .optional()?;
        oldest = match (oldest, of_kind) {
            (Some(one), Some(other)) => Some(i64::min(one, other)),
            (one, other) => one.or(other),
        };
    }
    Ok(oldest)
}

fn rows_of(database: &Connection, kind: SegmentKind) -> rusqlite::Result<u64> {
    let select = "SELECT coalesce(sum(rows), 0) FROM span JOIN segment ON segment.id = segment
        WHERE kind = ?";
    let rows: i64 = database.query_row(select, [kind.as_str()], |row| row.get(0))?;
    Ok(rows.cast_unsigned())
}

fn drop_segment(database: &mut Connection, segment: i64) -> rusqlite::Result<()> {
    let transaction = database.transaction()?;
    let dropped = transaction.execute_batch(&format!("DROP TABLE {}", table_of(segment)));
    match dropped {
        Err(error) if is_corrupt(&error) => {
            transaction.rollback()?;
            return give_up_segment(database, segment);
        }
        dropped => dropped?,
    }
    transaction.execute("DELETE FROM span WHERE segment = ?", [segment])?;
    transaction.execute("DELETE FROM segment WHERE id = ?", [segment])?;
    transaction.commit()
}

/// Forgets a segment with a damaged page, which cannot be dropped: its pages are lost, and all
/// others go on. Its row stays, for the number of a table that is there is not to be given again.
fn give_up_segment(database: &mut Connection, segment: i64) -> rusqlite::Result<()> {
    let transaction = database.transaction()?;
    let damaged = "UPDATE segment SET state = 'damaged' WHERE id = ?";
    transaction.execute(damaged, [segment])?;
    transaction.execute("DELETE FROM span WHERE segment = ?", [segment])?;
    transaction.commit()
}
