//! Files of version 2, one whose segments have words, and one whose have their numbers already; and
//! of version 3.

use super::segments::{ids, mixed, queries};
use super::*;
use crate::history::HistoryQuery;
use crate::ids::ClientPrefix;
use crate::journal::schema::{ENTRY_COLUMNS, NEW_COLUMNS, create_indexes};

/// Columns that are texts in a segment of words, and not names.
const TEXTS: [&str; 15] = [
    "end",
    "tenant",
    "listener",
    "encryption",
    "tls_version",
    "cipher",
    "server_name",
    "cause",
    "sentence",
    "program",
    "confidence",
    "trace",
    "backend",
    "backend_class",
    "rule",
];

/// Entries in sealed and open segments of both kinds.
fn written(file: &Path) -> Vec<StoredEntry> {
    let written: Vec<_> = (1..=2_600).map(mixed).collect();
    let mut few = options(file);
    few.bounds.rows = 20_000;
    let journal = Journal::open(&few).unwrap().journal;
    for part in written.chunks(500) {
        for stored in part {
            journal.write_entry(stored.clone());
        }
        assert!(journal.flush());
    }
    written
}

const DROP_NEW_TABLES: &str = "DROP TABLE sharing_proof; DROP TABLE unshareable;";

/// The columns before version 4.
fn old_columns() -> &'static [&'static str] {
    &ENTRY_COLUMNS[..ENTRY_COLUMNS.len() - NEW_COLUMNS]
}

fn name_of(column: &str) -> &str {
    column.split(' ').next().unwrap()
}

/// As popgate wrote it before version 4, which has numbers for words.
fn make_old(file: &Path, version: i32) {
    let database = Connection::open(file).unwrap();
    let mut statement = database.prepare("SELECT id FROM segment").unwrap();
    let segments: Vec<i64> = statement
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    drop(statement);
    for segment in segments {
        for column in &ENTRY_COLUMNS[old_columns().len()..] {
            let column = name_of(column);
            let drop = format!("ALTER TABLE entry_{segment} DROP COLUMN {column}");
            database.execute_batch(&drop).unwrap();
        }
    }
    database.execute_batch(DROP_NEW_TABLES).unwrap();
    database
        .pragma_update(None, "user_version", version)
        .unwrap();
}

/// As the first popgate of version 2 had it: the words in the rows, and no table of them.
fn put_words_in_rows(file: &Path, written: &[StoredEntry]) {
    let database = Connection::open(file).unwrap();
    let mut statement = database
        .prepare("SELECT id, state = 'sealed' FROM segment")
        .unwrap();
    let segments: Vec<(i64, bool)> = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    drop(statement);
    database.execute_batch("BEGIN").unwrap();
    for (segment, is_sealed) in &segments {
        write_words(&database, *segment);
        for stored in written {
            let prefix = ClientPrefix::from(stored.entry.client.ip()).to_string();
            let update = format!("UPDATE entry_{segment} SET address = ? WHERE id = ?");
            database
                .execute(&update, (prefix, stored.id.0.cast_signed()))
                .unwrap();
        }
        if *is_sealed {
            create_indexes(&database, *segment).unwrap();
        }
    }
    database
        .execute_batch("DROP TABLE word; PRAGMA user_version = 2; COMMIT")
        .unwrap();
    database.execute_batch(DROP_NEW_TABLES).unwrap();
}

fn write_words(database: &Connection, segment: i64) {
    let names: Vec<_> = old_columns().iter().copied().map(name_of).collect();
    let columns: Vec<_> = old_columns()
        .iter()
        .zip(&names)
        .map(|(column, name)| match (column.contains("PRIMARY"), *name) {
            (true, _) => (*column).to_owned(),
            (_, name) if TEXTS.contains(&name) || name == "poll" => format!("{name} TEXT"),
            (_, "address") => "address TEXT".to_owned(),
            _ => (*column).to_owned(),
        })
        .collect();
    let values: Vec<_> = names
        .iter()
        .map(|name| match *name {
            "address" => "''".to_owned(),
            name if TEXTS.contains(&name) || name == "poll" => format!(
                "CASE typeof({name}) WHEN 'integer' \
                 THEN (SELECT word FROM word WHERE word.id = entry_{segment}.{name}) \
                 ELSE {name} END"
            ),
            name => name.to_owned(),
        })
        .collect();
    let columns = columns.join(", ");
    let values = values.join(", ");
    database
        .execute_batch(&format!(
            "CREATE TABLE old ({columns}) STRICT;
             INSERT INTO old SELECT {values} FROM entry_{segment};
             DROP TABLE entry_{segment};
             ALTER TABLE old RENAME TO entry_{segment};"
        ))
        .unwrap();
}

/// All queries find what they should, and so they do once more.
fn check(file: &Path, written: &[StoredEntry]) {
    for _ in 0..2 {
        let opened = Journal::open(&options(file)).unwrap();
        assert_eq!(opened.set_aside, None);
        let reader = opened.journal.reader();
        for query in queries() {
            let matching = written.iter().rev().filter(|stored| query.selects(stored));
            let expected: Vec<_> = matching.take(query.limit).map(|it| it.id.0).collect();
            let found = reader.entries(&query).unwrap().items;
            assert_eq!(ids(&found), expected, "{query:?}");
        }
        let latest = HistoryQuery {
            limit: 300,
            ..HistoryQuery::default()
        };
        let expected: Vec<_> = written.iter().rev().take(300).cloned().collect();
        assert_eq!(reader.entries(&latest).unwrap().items, expected);
    }
    let database = Connection::open(file).unwrap();
    let version: i32 = database
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    assert_eq!(version, crate::journal::schema::VERSION);
}

#[test]
fn a_file_with_words_in_its_rows_comes_with_its_history() {
    let (_folder, file) = folder();
    let written = written(&file);
    put_words_in_rows(&file, &written);
    check(&file, &written);
}

#[test]
fn a_file_of_version_2_with_numbers_in_its_rows_stays_as_it_is() {
    let (_folder, file) = folder();
    let written = written(&file);
    make_old(&file, 2);
    check(&file, &written);
}

#[test]
fn a_file_of_version_3_comes_with_its_history_and_is_written_on() {
    let (_folder, file) = folder();
    let mut written = written(&file);
    make_old(&file, 3);
    check(&file, &written);
    let mut with_login = (2_601..).map(mixed).filter(|it| it.entry.login.is_some());
    let mut stored = with_login.next().unwrap();
    let entry = Arc::make_mut(&mut stored.entry);
    entry.login.as_mut().unwrap().listing.demotions = 3;
    let journal = Journal::open(&options(&file)).unwrap().journal;
    journal.write_entry(stored.clone());
    drop(journal);
    written.push(stored);
    check(&file, &written);
}
