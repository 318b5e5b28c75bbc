//! Entries that somebody asks for, from segment to segment, the newest first.

use super::entry_rows;
use super::names::Names;
use super::open::is_corruption;
use super::schema::table_of;
use super::values::text_or_blob;
use super::words::WordNumbers;
use crate::history::{End, HistoryAnswer, HistoryQuery, StoredEntry};
use crate::ids::{BackendName, MaildropKey};
use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, Row, Statement, named_params};
use std::borrow::Cow;
use std::cmp::Reverse;
use std::sync::Arc;

/// The entries that `query` asks for. A segment that is damaged gives what can be read of it.
pub(super) fn entries(
    database: &Connection,
    query: &HistoryQuery,
    names: &Names,
    words: &mut WordNumbers,
) -> rusqlite::Result<HistoryAnswer<StoredEntry>> {
    // One state of the file: a segment may be dropped meanwhile.
    let transaction = database.unchecked_transaction()?;
    words.update(&transaction)?;
    let mut found: Vec<FoundRow> = Vec::new();
    let mut damage = Damage::default();
    let candidates = candidates(&transaction, query)?;
    for (index, candidate) in candidates.iter().enumerate() {
        let is_full = found.len() >= query.limit;
        let last = found.last().map_or(i64::MIN, |row| row.id);
        if is_full && candidate.last_id < last {
            break;
        }
        let Some(search) = Search::new(query, candidate, names, words) else {
            continue;
        };
        let mut ids = Vec::new();
        let searched = search.run(&transaction, &mut ids);
        damage.of(candidate, searched)?;
        found.extend(ids.into_iter().map(|id| FoundRow { id, index }));
        found.sort_unstable_by_key(|it| Reverse(it.id));
        found.truncate(query.limit);
    }
    let mut items = Vec::with_capacity(found.len());
    for row in &found {
        let candidate = &candidates[row.index];
        let stored = fetch(&transaction, row.id, candidate, query, names, words);
        items.extend(damage.of(candidate, stored)?);
    }
    Ok(HistoryAnswer {
        items,
        incomplete: damage.0,
    })
}

/// What is wrong with the segments that were read.
#[derive(Default)]
struct Damage(Option<String>);

impl Damage {
    /// What was read of a segment; none where that is damaged.
    fn of<T>(
        &mut self,
        candidate: &Candidate,
        read: rusqlite::Result<T>,
    ) -> rusqlite::Result<Option<T>> {
        match read {
            Ok(found) => Ok(Some(found)),
            Err(error) if is_corruption(&error) => {
                let table = table_of(candidate.id);
                self.0 = Some(format!(
                    "the table {table} of the journal is damaged: {error}"
                ));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// An entry that is asked for, and the candidate that has it.
struct FoundRow {
    id: i64,
    index: usize,
}

/// A segment in which entries may be that are asked for.
struct Candidate {
    id: i64,
    is_sealed: bool,
    has_hashes: bool,
    last_id: i64,
    /// Where in it they may be, the latest first.
    ranges: Vec<IdRange>,
}

/// The entries from `first` to `last`.
struct IdRange {
    first: i64,
    last: i64,
    first_span: i64,
}

/// Segments with entries of the time and the session that are asked for, the newest first.
fn candidates(database: &Connection, query: &HistoryQuery) -> rusqlite::Result<Vec<Candidate>> {
    let mut statement = database.prepare_cached(
        "SELECT segment.id, state, names, number, first_id, last_id
         FROM span JOIN segment ON segment.id = segment
         WHERE first_id < :before AND opened < :until AND ended >= :since
             AND (:session IS NULL OR :session BETWEEN first_session AND last_session)
         ORDER BY segment.id, number DESC",
    )?;
    let before = before(query);
    let mut rows = statement.query(named_params! {
        ":before": before,
        ":since": query.since.map_or(i64::MIN, Timestamp::as_microsecond),
        ":until": query.until.map_or(i64::MAX, Timestamp::as_microsecond),
        ":session": query.session.map(|session| session.0.cast_signed()),
    })?;
    let mut candidates: Vec<Candidate> = Vec::new();
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        match candidates.last_mut() {
            Some(candidate) if candidate.id == id => candidate.add(row, before)?,
            _ => candidates.push(Candidate::new(row, before)?),
        }
    }
    candidates.sort_unstable_by_key(|it| Reverse(it.last_id));
    Ok(candidates)
}

fn before(query: &HistoryQuery) -> i64 {
    query.before.map_or(i64::MAX, |id| id.0.cast_signed())
}

impl Candidate {
    fn new(row: &Row<'_>, before: i64) -> rusqlite::Result<Self> {
        let state: String = row.get(1)?;
        let names: String = row.get(2)?;
        let range = IdRange::read(row, before)?;
        Ok(Self {
            id: row.get(0)?,
            is_sealed: state == "sealed",
            has_hashes: names == "hashed",
            last_id: range.last,
            ranges: vec![range],
        })
    }

    fn add(&mut self, row: &Row<'_>, before: i64) -> rusqlite::Result<()> {
        let range = IdRange::read(row, before)?;
        match self.ranges.last_mut() {
            Some(later) if later.first_span == range.first_span + 1 => {
                later.first = range.first;
                later.first_span = range.first_span;
            }
            _ => self.ranges.push(range),
        }
        Ok(())
    }
}

impl IdRange {
    fn read(row: &Row<'_>, before: i64) -> rusqlite::Result<Self> {
        Ok(Self {
            first_span: row.get(3)?,
            first: row.get(4)?,
            last: row.get::<_, i64>(5)?.min(before - 1),
        })
    }
}

/// By what the entries of a sealed segment are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    Maildrop,
    Address,
    Tenant,
    End,
    /// Read one by one: there is no condition, or none that excludes much within a few spans.
    Scan,
}

impl Access {
    fn of(query: &HistoryQuery) -> Self {
        if query.maildrop.is_some() || query.key.is_some() {
            Self::Maildrop
        } else if query.client.is_some() {
            Self::Address
        } else if query.tenant.is_some() {
            Self::Tenant
        } else if !query.ends.is_empty() {
            Self::End
        } else {
            Self::Scan
        }
    }

    fn index(self) -> Option<&'static str> {
        match self {
            Self::Maildrop => Some("maildrop"),
            Self::Address => Some("address"),
            Self::Tenant => Some("tenant"),
            Self::End => Some("end"),
            Self::Scan => None,
        }
    }

    /// Whether its index has the end behind something else: only within one end it is in order.
    fn is_by_end(self) -> bool {
        matches!(self, Self::Address | Self::Tenant | Self::End)
    }
}

/// What is asked of one segment.
struct Search<'a> {
    sql: String,
    values: Vec<(Cow<'static, str>, Value)>,
    /// The statement is run once for each; or once where it has no `:end`.
    ends: Vec<Option<i64>>,
    ranges: &'a [IdRange],
    limit: i64,
}

impl<'a> Search<'a> {
    /// None where a name is asked for and the segment has hashes of which the key is not there; and
    /// where a word is asked for that the file does not have.
    fn new(
        query: &HistoryQuery,
        candidate: &'a Candidate,
        names: &Names,
        words: &WordNumbers,
    ) -> Option<Self> {
        let access = match candidate.is_sealed {
            true => Access::of(query),
            false => Access::Scan,
        };
        let table = table_of(candidate.id);
        let indexed = access
            .index()
            .map_or_else(String::new, |index| format!("INDEXED BY {table}_{index}"));
        let mut search = Self {
            sql: format!("SELECT id FROM {table} {indexed} WHERE id BETWEEN :first AND :last"),
            values: Vec::new(),
            ends: vec![None],
            ranges: &candidate.ranges,
            limit: i64::try_from(query.limit).unwrap_or(i64::MAX),
        };
        search.add_name(query, candidate, names)?;
        search.add_facts(query, words)?;
        search.add_ends(query, access, words);
        search.sql.push_str(" ORDER BY id DESC LIMIT :limit");
        Some(search)
    }

    fn add_name(
        &mut self,
        query: &HistoryQuery,
        candidate: &Candidate,
        names: &Names,
    ) -> Option<()> {
        let of_key = query.key.as_ref().map(MaildropKey::maildrop);
        // Where both are there and differ, nothing is both.
        for (parameter, name) in [(":maildrop", query.maildrop.as_ref()), (":locked", of_key)] {
            let Some(name) = name else { continue };
            let name = match candidate.has_hashes {
                true => names.key.as_ref()?.hash(name),
                false => name.clone(),
            };
            self.add("maildrop =", parameter, text_or_blob(name.as_bytes()));
        }
        if let Some(key) = &query.key {
            self.add_backends(key.backends());
        }
        Some(())
    }

    /// Those of any of these backends: [`MaildropKey::overlaps`].
    fn add_backends(&mut self, backends: &[BackendName]) {
        let mut conditions = Vec::new();
        for (index, backend) in backends.iter().enumerate() {
            let parameter = format!(":backend{index}");
            conditions.push(format!("instr(' ' || backends || ' ', {parameter}) > 0"));
            let name = Value::Text(format!(" {backend} "));
            self.values.push((Cow::Owned(parameter), name));
        }
        let any = conditions.join(" OR ");
        self.sql.push_str(&format!(" AND ({any})"));
    }

    fn add_facts(&mut self, query: &HistoryQuery, words: &WordNumbers) -> Option<()> {
        if let Some(client) = query.client {
            let address = client.number().cast_signed();
            self.add("address =", ":address", address.into());
        }
        if let Some(tenant) = &query.tenant {
            let tenant = words.number(tenant.as_str())?;
            self.add("tenant =", ":tenant", tenant.into());
        }
        if let Some(since) = query.since {
            self.add("ended >=", ":since", since.as_microsecond().into());
        }
        if let Some(until) = query.until {
            self.add("opened <", ":until", until.as_microsecond().into());
        }
        if let Some(session) = query.session {
            self.add("session =", ":session", session.0.cast_signed().into());
        }
        Some(())
    }

    fn add_ends(&mut self, query: &HistoryQuery, access: Access, words: &WordNumbers) {
        let asked = match query.ends.as_slice() {
            [] => End::ALL,
            ends => ends,
        };
        // An end that the file has no word for, no entry has.
        let numbers = asked.iter().filter_map(|end| words.number(end.as_str()));
        if access.is_by_end() {
            self.sql.push_str(" AND end = :end");
            self.ends = numbers.map(Some).collect();
        } else if !query.ends.is_empty() {
            let numbers: Vec<_> = numbers.map(|number| number.to_string()).collect();
            self.sql
                .push_str(&format!(" AND end IN ({})", numbers.join(", ")));
        }
    }

    fn add(&mut self, condition: &str, parameter: &'static str, value: Value) {
        self.sql.push_str(&format!(" AND {condition} {parameter}"));
        self.values.push((Cow::Borrowed(parameter), value));
    }

    /// Finds the entries that are asked for, and some that are too many, in no order.
    fn run(&self, database: &Connection, ids: &mut Vec<i64>) -> rusqlite::Result<()> {
        let mut statement = database.prepare(&self.sql)?;
        for (parameter, value) in &self.values {
            statement.raw_bind_parameter(&**parameter, value)?;
        }
        statement.raw_bind_parameter(":limit", self.limit)?;
        for end in &self.ends {
            if let Some(end) = end {
                statement.raw_bind_parameter(":end", end)?;
            }
            self.ids_of_ranges(&mut statement, ids)?;
        }
        Ok(())
    }

    fn ids_of_ranges(
        &self,
        statement: &mut Statement<'_>,
        ids: &mut Vec<i64>,
    ) -> rusqlite::Result<()> {
        let mut wanted = self.limit;
        for range in self.ranges {
            statement.raw_bind_parameter(":first", range.first)?;
            statement.raw_bind_parameter(":last", range.last)?;
            let before = ids.len();
            let mut rows = statement.raw_query();
            while let Some(row) = rows.next()? {
                ids.push(row.get(0)?);
            }
            wanted -= i64::try_from(ids.len() - before).unwrap_or(i64::MAX);
            if wanted <= 0 {
                break;
            }
        }
        Ok(())
    }
}

fn fetch(
    database: &Connection,
    id: i64,
    candidate: &Candidate,
    query: &HistoryQuery,
    names: &Names,
    words: &WordNumbers,
) -> rusqlite::Result<StoredEntry> {
    let select = format!("SELECT * FROM {} WHERE id = ?", table_of(candidate.id));
    let mut statement = database.prepare_cached(&select)?;
    let mut stored = statement.query_row([id], |row| entry_rows::read(row, words))?;
    let asked = query.maildrop.as_ref();
    let asked = asked.or(query.key.as_ref().map(MaildropKey::maildrop));
    if let Some(asked) = asked.filter(|_| candidate.has_hashes) {
        let entry = Arc::make_mut(&mut stored.entry);
        names.put_back(asked, query.typed.as_ref(), entry);
    }
    Ok(stored)
}

#[cfg(test)]
mod tests;
