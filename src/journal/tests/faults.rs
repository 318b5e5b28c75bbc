use super::segments::{ids, journal_with};
use super::*;
use crate::journal::file::JournalFile;
use crate::journal::open::load;
use crate::journal::queue::Backlog;
use crate::limits::{
    BLOCKS_MAX, JOURNAL_BATCH, JOURNAL_BATCH_WITH_CHANGES, JOURNAL_CHANGES_MAX, JOURNAL_ENTRIES_MAX,
};
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::thread;

/// Run by the next test in a process of its own, which does not live to see the end.
#[test]
fn a_child_writes_until_it_is_killed() {
    let Some(file) = std::env::var_os("POPGATE_TEST_JOURNAL") else {
        return;
    };
    let opened = open(Path::new(&file)).unwrap();
    for id in 1.. {
        opened.journal.write(blocked(id));
        if id % 10 == 0 {
            assert!(opened.journal.flush());
            println!("written {id}");
            std::io::stdout().flush().unwrap();
        }
    }
}

#[test]
fn what_is_written_outlives_a_kill() {
    let (_folder, file) = folder();
    let told = killed_after(
        "a_child_writes_until_it_is_killed",
        ("POPGATE_TEST_JOURNAL", &file),
        "written 100",
    );
    let ids: Vec<_> = held(&file).iter().map(|entry| entry.id.0).collect();
    assert!(ids.len() as u64 >= told, "{} of {told}", ids.len());
    assert_eq!(ids, Vec::from_iter(1..=ids.len() as u64));
}

/// SQLite's own size of a page.
pub(super) const PAGE: usize = 4096;

/// A journal of a hundred entries, in one file.
fn good_octets() -> Vec<u8> {
    let (_folder, file) = folder();
    let changes: Vec<_> = (1..=100).map(blocked).collect();
    write_all(&file, &changes);
    assert!(!file.with_file_name("popgate.db-wal").exists());
    fs::read(file).unwrap()
}

#[test]
fn a_corrupt_file_is_set_aside_and_a_new_one_made() {
    let good = good_octets();
    let random = (0..9_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8);
    let torn = (1..good.len() / PAGE).map(|page| {
        let mut octets = good.clone();
        octets[page * PAGE..][..PAGE / 2].fill(0xa5);
        ("a torn page", octets)
    });
    let cases = [
        ("zeros", vec![0; 2 * PAGE]),
        ("random octets", random.collect()),
        ("text", b"[journal]\nfile = \"popgate.db\"\n".repeat(300)),
        ("a short text", b"nothing here\n".to_vec()),
        ("cut in mid-page", good[..good.len() / 2 + 100].to_vec()),
        ("cut after the first page", good[..PAGE].to_vec()),
    ];
    for (what, octets) in cases.into_iter().chain(torn) {
        let (folder, file) = folder();
        fs::write(&file, &octets).unwrap();
        let opened = open(&file).unwrap();
        let aside = opened.set_aside.expect(what);
        assert_eq!(opened.blocks, [], "{what}");
        assert!(!aside.why.is_empty(), "{what}");
        assert_eq!(aside.file.parent(), Some(folder.path()));
        let name = aside.file.file_name().unwrap().to_str().unwrap();
        assert!(name.starts_with("popgate.db.corrupt-2"), "{name}");
        assert_eq!(fs::read(&aside.file).unwrap(), octets, "{what}");
        opened.journal.write(blocked(1));
        drop(opened.journal);
        assert_eq!(held(&file), [entry(1)], "{what}");
    }
}

#[test]
fn values_that_nobody_wrote_make_a_file_corrupt() {
    for sql in [
        "UPDATE block SET reason = 'boredom'",
        "UPDATE block SET state = ''",
        "UPDATE block SET address = 'here'",
        "UPDATE block SET first = 9223372036854775807",
        "UPDATE block SET times_blocked = -1",
        "UPDATE block SET pinned = 'yes'",
        "PRAGMA user_version = 0",
    ] {
        let (_folder, file) = folder();
        write_all(&file, &[blocked(1)]);
        let database = Connection::open(&file).unwrap();
        if database.execute_batch(sql).is_err() {
            assert!(
                sql.contains("pinned"),
                "STRICT keeps out other types: {sql}"
            );
            continue;
        }
        drop(database);
        let opened = open(&file).unwrap();
        assert!(opened.set_aside.is_some(), "{sql}");
    }
}

#[test]
fn what_stands_beside_a_corrupt_file_goes_with_it() {
    let (_folder, file) = folder();
    fs::write(&file, b"nothing here\n").unwrap();
    fs::write(file.with_file_name("popgate.db-wal"), b"a log").unwrap();
    let aside = open(&file).unwrap().set_aside.unwrap().file;
    let mut wal = aside.into_os_string();
    wal.push("-wal");
    assert_eq!(fs::read(wal).unwrap(), b"a log");
}

#[test]
fn an_empty_file_is_a_new_one() {
    let (_folder, file) = folder();
    fs::write(&file, b"").unwrap();
    write_all(&file, &[blocked(1)]);
    assert_eq!(held(&file), [entry(1)]);
}

#[test]
fn files_of_others_and_of_a_newer_popgate_stay_where_they_are() {
    let (_folder, file) = folder();
    let database = Connection::open(&file).unwrap();
    database.execute_batch("CREATE TABLE theirs (x)").unwrap();
    drop(database);
    let octets = fs::read(&file).unwrap();
    let error = open(&file).unwrap_err();
    assert!(matches!(error, JournalError::Foreign { .. }), "{error}");
    assert_eq!(fs::read(&file).unwrap(), octets);

    fs::remove_file(&file).unwrap();
    write_all(&file, &[blocked(1)]);
    let database = Connection::open(&file).unwrap();
    database.pragma_update(None, "user_version", 99).unwrap();
    drop(database);
    let error = open(&file).unwrap_err();
    assert!(matches!(error, JournalError::Newer { version: 99, .. }));
    assert!(error.to_string().contains("newer popgate"), "{error}");
}

#[test]
fn a_file_that_cannot_be_opened_is_named_with_the_reason() {
    let (folder, file) = folder();
    for wrong in [
        folder.path().to_owned(),
        folder.path().join("no/popgate.db"),
    ] {
        let error = open(&wrong).unwrap_err();
        assert!(matches!(error, JournalError::File { .. }));
        let text = error.to_string();
        assert!(text.contains(wrong.to_str().unwrap()), "{text}");
    }
    fs::write(&file, "no folder").unwrap();
    let error = open(&file.join("popgate.db")).unwrap_err();
    assert!(error.to_string().contains("Not a directory"), "{error}");
}

#[test]
fn a_folder_without_rights_is_an_error() {
    let (folder, file) = folder();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o500)).unwrap();
    if fs::write(folder.path().join("probe"), "").is_ok() {
        eprintln!("skipped: root may write everywhere");
        return;
    }
    let error = open(&file).unwrap_err();
    assert!(error.to_string().contains("Permission denied"), "{error}");
}

#[test]
fn all_of_a_full_list_may_be_released_at_once() {
    let mut waiting = Backlog::default();
    for id in 1..=BLOCKS_MAX as u64 {
        assert!(waiting.push_change(blocked(id)));
    }
}

#[test]
fn a_full_queue_loses_and_counts() {
    let mut waiting = Backlog::default();
    for id in 1..=JOURNAL_CHANGES_MAX as u64 + 3 {
        let has_room = waiting.push_change(blocked(id));
        assert_eq!(has_room, id <= JOURNAL_CHANGES_MAX as u64, "{id}");
    }
    for id in 1..=JOURNAL_ENTRIES_MAX as u64 + 3 {
        let has_room = waiting.push_entry(login(id));
        assert_eq!(has_room, id <= JOURNAL_ENTRIES_MAX as u64, "{id}");
    }
    // What could not be written comes back before what came since, which is lost in its place.
    let batch = waiting.take();
    assert_eq!(
        (batch.changes.len(), batch.entries.len()),
        (JOURNAL_CHANGES_MAX, JOURNAL_BATCH_WITH_CHANGES)
    );
    waiting.push_change(blocked(7));
    assert_eq!(waiting.put_back(batch), 1);
    assert_eq!(waiting.take().changes[0], blocked(1));
}

#[test]
fn a_change_of_the_block_list_is_not_behind_a_backlog_of_entries() {
    let mut waiting = Backlog::default();
    for id in 1..=10_000 {
        waiting.push_entry(login(id));
    }
    waiting.push_change(blocked(1));
    let first = waiting.take();
    assert_eq!(
        (first.changes.len(), first.entries.len()),
        (1, JOURNAL_BATCH_WITH_CHANGES)
    );
    assert_eq!(waiting.take().entries.len(), JOURNAL_BATCH);
}

#[test]
fn entries_that_found_no_room_beside_a_change_do_not_wait_for_more() {
    let mut waiting = Backlog::default();
    let both = JOURNAL_BATCH_WITH_CHANGES as u64 + 1;
    for id in 1..=both {
        waiting.push_entry(login(id));
    }
    assert!(!waiting.is_urgent());
    waiting.push_change(blocked(1));
    assert_eq!(waiting.take().entries.len(), JOURNAL_BATCH_WITH_CHANGES);
    assert!(waiting.is_urgent());
    assert_eq!(waiting.take().entries.len(), 1);
    waiting.push_entry(login(both + 1));
    assert!(!waiting.is_urgent(), "it came later");
}

#[test]
fn an_entry_is_written_with_the_changes_that_come_while_it_waits() {
    let (_folder, file) = folder();
    let journal = open(&file).unwrap().journal;
    journal.write_entry(login(1));
    journal.write(blocked(2));
    let reader = journal.reader();
    while reader.block_changes(BlockId(2)).unwrap().is_empty() {
        thread::yield_now();
    }
    assert_eq!(kept(&journal), [1], "in the transaction of the change");
}

/// A journal whose file has no page left.
fn full(file: &Path) -> Journal {
    let loaded = load(&options(file)).unwrap();
    let pages: i64 = loaded
        .database
        .pragma_query_value(None, "page_count", |row| row.get(0))
        .unwrap();
    loaded
        .database
        .pragma_update(None, "max_page_count", pages)
        .unwrap();
    let next = loaded.next_id;
    Journal::start(JournalFile::new(options(file), loaded).unwrap(), next).unwrap()
}

#[test]
fn a_full_disk_has_all_wait_and_is_told_until_it_is_not() {
    let (_folder, file) = folder();
    let journal = full(&file);
    for id in 1..=5_000 {
        journal.write(blocked(id));
    }
    assert!(!journal.flush());
    assert!(journal.trouble().unwrap().contains("full"));
    // The first may still find room in a page that is there.
    let written = journal.written();
    assert!(written < 100, "{written}");
    let waiting = 5_000 - usize::try_from(written).unwrap();
    assert_eq!((journal.lost(), journal.waiting()), (0, waiting));
    for id in 1..=JOURNAL_CHANGES_MAX as u64 {
        journal.write(blocked(id));
    }
    assert!(!journal.flush());
    let lost = waiting as u64;
    assert_eq!(journal.lost(), lost, "there was no room for them");
    assert!(journal.why_lost().unwrap().contains("full"));
    assert_eq!(
        (journal.waiting(), journal.written()),
        (JOURNAL_CHANGES_MAX, written)
    );
    // An end does not wait for room on the disk.
    drop(journal);
    assert_eq!(held(&file).len() as u64, written);
}

/// Entries of the history, the oldest first.
pub(super) fn kept(journal: &Journal) -> Vec<u64> {
    let all = HistoryQuery {
        limit: usize::MAX,
        ..HistoryQuery::default()
    };
    let mut ids = ids(&journal.reader().entries(&all).unwrap().items);
    ids.reverse();
    ids
}

#[test]
fn a_file_that_is_deleted_is_made_anew_with_the_block_list() {
    for beside in [&[][..], &["-wal", "-shm"]] {
        let (_folder, file) = folder();
        let journal = journal_with(&file, (1..=10).map(login));
        journal.write(change(unlike(21), ChangeKind::Blocked));
        journal.write(blocked(22));
        assert!(journal.flush());
        let reader = journal.reader();
        assert_eq!(reader.contents().unwrap().entries, 10);
        fs::remove_file(&file).unwrap();
        for suffix in beside {
            fs::remove_file(format!("{}{suffix}", file.display())).unwrap();
        }
        journal.write_entry(login(30));
        assert!(journal.flush());
        assert_eq!(journal.trouble(), None);
        assert_eq!(journal.lost(), 12, "ten entries and two changes");
        let why = journal.why_lost().unwrap();
        assert!(why.contains("it was deleted while popgate ran"), "{why}");
        assert_eq!(kept(&journal), [30]);
        assert_eq!(reader.contents().unwrap().entries, 1, "of the new file");
        drop((reader, journal));
        assert_eq!(held(&file), [unlike(21), entry(22)]);
        assert_eq!(open(&file).unwrap().journal.next_id(), EntryId(31));
    }
}

#[test]
fn where_another_database_stands_all_waits_until_it_is_gone() {
    let (folder, file) = folder();
    let journal = open(&file).unwrap().journal;
    journal.write(blocked(1));
    assert!(journal.flush());
    fs::rename(&file, folder.path().join("mine.db")).unwrap();
    let theirs = Connection::open(&file).unwrap();
    theirs.execute_batch("CREATE TABLE theirs (x)").unwrap();
    drop(theirs);
    let octets = fs::read(&file).unwrap();
    journal.write(blocked(2));
    assert!(!journal.flush());
    let trouble = journal.trouble().unwrap();
    assert!(trouble.contains("database of another program"), "{trouble}");
    assert_eq!(fs::read(&file).unwrap(), octets);
    fs::remove_file(&file).unwrap();
    assert!(journal.flush());
    assert_eq!(journal.trouble(), None);
    drop(journal);
    assert_eq!(held(&file), [entry(1), entry(2)]);
}

#[test]
fn another_journal_in_its_place_is_gone_on_with() {
    let (folder, file) = folder();
    let other = folder.path().join("other.db");
    drop(journal_with(&other, (1..=50).map(login)));
    let journal = open(&file).unwrap().journal;
    journal.write(blocked(1));
    assert!(journal.flush());
    fs::rename(&other, &file).unwrap();
    journal.write_entry(login(60));
    assert!(journal.flush());
    assert_eq!(kept(&journal).len(), 51);
    drop(journal);
    assert_eq!(held(&file), [entry(1)]);
}

#[test]
fn another_process_that_writes_has_all_wait_and_costs_nothing() {
    let (_folder, file) = folder();
    let journal = open(&file).unwrap().journal;
    let other = Connection::open(&file).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    journal.write(blocked(1));
    journal.write_entry(login(2));
    while journal.trouble().is_none() {
        assert_eq!(journal.waiting(), 2, "with those of the attempt under way");
        thread::yield_now();
    }
    assert!(!journal.flush(), "it does not wait for ever");
    assert!(journal.trouble().unwrap().contains("locked"));
    assert_eq!(kept(&journal), [0; 0], "who reads does not wait");
    other.execute_batch("ROLLBACK").unwrap();
    assert!(journal.flush());
    assert_eq!((journal.lost(), journal.trouble()), (0, None));
    assert_eq!((journal.waiting(), journal.written()), (0, 2));
    assert_eq!(kept(&journal), [2]);
    drop(journal);
    assert_eq!(held(&file), [entry(1)]);
}

/// Run by the next test, as [`a_child_writes_until_it_is_killed`] is.
#[test]
fn a_child_writes_entries_until_it_is_killed() {
    let Some(file) = std::env::var_os("POPGATE_TEST_HISTORY") else {
        return;
    };
    let journal = open(Path::new(&file)).unwrap().journal;
    for id in 1.. {
        journal.write_entry(login(id));
        if id % 500 == 0 {
            assert!(journal.flush());
            println!("written {id}");
            std::io::stdout().flush().unwrap();
        }
    }
}

#[test]
fn of_a_batch_that_a_kill_broke_off_nothing_is_there() {
    let (_folder, file) = folder();
    let told = killed_after(
        "a_child_writes_entries_until_it_is_killed",
        ("POPGATE_TEST_HISTORY", &file),
        "written 2000",
    );
    let opened = open(&file).unwrap();
    assert_eq!(opened.set_aside, None);
    let ids = kept(&opened.journal);
    assert!(ids.len() as u64 >= told, "{} of {told}", ids.len());
    assert_eq!(ids, Vec::from_iter(1..=ids.len() as u64));
    let contents = opened.journal.reader().contents().unwrap();
    assert_eq!(
        contents.entries,
        ids.len() as u64,
        "spans are of the same batch"
    );
    assert_eq!(opened.journal.next_id(), EntryId(ids.len() as u64 + 1));
}

/// Runs a test of this file in a process of its own until it says `enough`, and kills it. Tells the
/// last number that it said it had written.
fn killed_after(test: &str, (variable, file): (&str, &Path), enough: &str) -> u64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture"])
        .arg(format!("journal::tests::faults::{test}"))
        .env(variable, file)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok);
    assert!(lines.by_ref().any(|line| line.contains(enough)));
    child.kill().unwrap();
    child.wait().unwrap();
    // What it wrote until the signal came is told in the pipe still.
    let ids = lines.filter_map(|line| line.strip_prefix("written ")?.parse().ok());
    let first = enough.strip_prefix("written ").unwrap().parse().unwrap();
    ids.last().unwrap_or(first)
}

/// The table of version 1, as popgate 0.1 made it, with an entry.
const VERSION_1: &str = "
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
    ) STRICT;
    INSERT INTO block VALUES (7, '192.0.2.7', x'616e6e', 'b1 b2', 'default', 'guessing',
        'blocked', 1, 0, 1772366400000001, 1772366400000002, 1772366400000003, 2, 1);
    PRAGMA application_id = 1886351463;
    PRAGMA user_version = 1;";

#[test]
fn a_file_of_version_1_comes_with_its_block_list() {
    let (_folder, file) = folder();
    let database = Connection::open(&file).unwrap();
    database.execute_batch(VERSION_1).unwrap();
    drop(database);
    let opened = open(&file).unwrap();
    assert_eq!(opened.set_aside, None);
    let [block] = &opened.blocks[..] else {
        panic!("{:?}", opened.blocks);
    };
    let key = block.target.key.as_ref().unwrap();
    assert_eq!(key.maildrop(), &UserName::new(b"ann"));
    assert_eq!(key.backends().len(), 2);
    assert_eq!(
        (block.id, block.pinned, block.since),
        (BlockId(7), true, block.last)
    );
    let written = opened.blocks.clone();
    opened.journal.write_entry(login(1));
    assert!(opened.journal.flush());
    assert_eq!(kept(&opened.journal), [1]);
    drop(opened);
    assert_eq!(
        held(&file),
        written,
        "and is one of the present version now"
    );
}

#[test]
fn a_file_that_was_made_without_an_index_gets_it() {
    let (_folder, file) = folder();
    write_all(&file, &[blocked(1)]);
    let indexes = |database: &Connection| {
        let count = "SELECT count(*) FROM sqlite_schema WHERE name LIKE '%\\_at' ESCAPE '\\'";
        database.query_row(count, [], |row| row.get::<_, i64>(0))
    };
    let database = Connection::open(&file).unwrap();
    assert_eq!(indexes(&database), Ok(2));
    let without = "DROP INDEX notice_at; DROP INDEX block_change_at;";
    database.execute_batch(without).unwrap();
    drop(database);
    assert_eq!(held(&file), [entry(1)]);
    assert_eq!(indexes(&Connection::open(&file).unwrap()), Ok(2));
}

/// Spoils the page where the rows of `table` begin.
pub(super) fn spoil(file: &Path, table: &str) {
    let database = Connection::open(file).unwrap();
    let root = "SELECT rootpage FROM sqlite_schema WHERE name = ?";
    let root: i64 = database.query_row(root, [table], |row| row.get(0)).unwrap();
    drop(database);
    let mut octets = fs::read(file).unwrap();
    let begin = (usize::try_from(root).unwrap() - 1) * PAGE;
    octets[begin..][..PAGE].fill(0xa5);
    fs::write(file, octets).unwrap();
}

#[test]
fn a_corrupt_segment_that_is_written_to_sets_the_file_aside() {
    let (_folder, file) = folder();
    drop(journal_with(&file, (1..=10).map(login)));
    spoil(&file, "entry_1");
    let opened = open(&file).unwrap();
    assert!(opened.set_aside.is_some());
    assert_eq!(kept(&opened.journal), [0; 0]);
}

#[test]
fn a_corrupt_segment_of_the_past_costs_what_is_in_it_alone() {
    let (_folder, file) = folder();
    let journal = journal_with(&file, (1..=10).map(login));
    journal.write(blocked(11));
    journal.keep_within_bounds(START.checked_add(DAY).unwrap());
    assert!(journal.flush());
    journal.write_entry(login(12));
    drop(journal);
    spoil(&file, "entry_1");
    let opened = open(&file).unwrap();
    assert_eq!((opened.set_aside, opened.blocks), (None, vec![entry(11)]));
    let reader = opened.journal.reader();
    let latest = |limit| HistoryQuery {
        limit,
        ..HistoryQuery::default()
    };
    let found = reader.entries(&latest(1)).unwrap();
    assert_eq!((ids(&found.items), found.incomplete), (vec![12], None));
    let found = reader.entries(&latest(2)).unwrap();
    assert_eq!(ids(&found.items), [12]);
    let damage = found.incomplete.unwrap();
    assert!(
        damage.contains("entry_1 of the journal is damaged"),
        "{damage}"
    );
    assert_eq!(reader.contents().unwrap().entries, 11);
}
