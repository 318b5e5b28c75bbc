//! Damage while popgate runs: what is lost with a file, and that all else goes on.

use super::faults::{PAGE, kept, spoil};
use super::segments::journal_with;
use super::*;
use crate::journal::file::JournalFile;
use crate::journal::open::load;

fn later(time: Duration) -> Timestamp {
    START.checked_add(time).unwrap()
}

/// Spoils a page of rows of `entry_1`, the first where `place` is 0, and leaves alone the pages
/// through which others are found.
pub(super) fn spoil_rows(file: &Path, place: usize) {
    let database = Connection::open(file).unwrap();
    let root = "SELECT rootpage FROM sqlite_schema WHERE name = 'entry_1'";
    let root: usize = database.query_row(root, [], |row| row.get(0)).unwrap();
    drop(database);
    let mut octets = fs::read(file).unwrap();
    let root = &octets[(root - 1) * PAGE..][..PAGE];
    assert_eq!(root[0], 5, "a page that lists others");
    let cells = usize::from(u16::from_be_bytes([root[3], root[4]]));
    assert!(place < cells, "{cells}");
    let cell = &root[12 + 2 * place..][..2];
    let cell = usize::from(u16::from_be_bytes([cell[0], cell[1]]));
    let child = u32::from_be_bytes(root[cell..][..4].try_into().unwrap());
    let begin = (usize::try_from(child).unwrap() - 1) * PAGE;
    octets[begin..][..PAGE].fill(0xa5);
    fs::write(file, octets).unwrap();
}

/// A journal whose open segment is damaged when it is in use already.
fn damaged_in_use(file: &Path) -> Journal {
    let loaded = load(&options(file)).unwrap();
    // Pages that it has read already it would not read again.
    let forget_pages = "PRAGMA cache_size = 10; PRAGMA shrink_memory";
    loaded.database.execute_batch(forget_pages).unwrap();
    spoil_rows(file, 0);
    let next = loaded.next_id;
    Journal::start(JournalFile::new(options(file), loaded).unwrap(), next).unwrap()
}

#[test]
fn damage_where_rows_are_added_sets_the_file_aside_with_its_log() {
    let (folder, file) = folder();
    drop(journal_with(&file, (1..=1_000).map(login)));
    let journal = damaged_in_use(&file);
    journal.write(blocked(2_001));
    assert!(journal.flush());
    journal.keep_within_bounds(later(DAY));
    assert!(journal.flush(), "what was to be written is");
    assert!(journal.trouble().unwrap().contains("malformed"));
    journal.write_entry(login(2_002));
    assert!(journal.flush());
    assert_eq!(journal.trouble(), None);
    assert_eq!(journal.lost(), 1_001, "a thousand entries and a change");
    let names = fs::read_dir(folder.path()).unwrap();
    let names = names.map(|it| it.unwrap().file_name().into_string().unwrap());
    let mut aside: Vec<_> = names.filter(|name| name.contains("corrupt")).collect();
    aside.sort();
    let why = journal.why_lost().unwrap();
    assert!(why.contains("it was corrupt"), "{why}");
    assert!(why.contains(&aside[0]), "{why}");
    let log = fs::metadata(folder.path().join(format!("{}-wal", aside[0])));
    assert!(log.unwrap().len() > 0, "the change stands there alone");
    assert_eq!(kept(&journal), [2_002]);
    drop(journal);
    assert_eq!(held(&file), [entry(2_001)]);
}

#[test]
fn a_damaged_segment_that_has_to_go_keeps_no_other_from_going() {
    let (_folder, file) = folder();
    let journal = journal_with(&file, (1..=10).map(login));
    for id in [20, 30] {
        journal.keep_within_bounds(later(DAY));
        assert!(journal.flush());
        journal.write_entry(login(id));
        assert!(journal.flush());
    }
    drop(journal);
    spoil(&file, "entry_1");
    let journal = open(&file).unwrap().journal;
    for _ in 0..2 {
        journal.keep_within_bounds(later(30 * DAY));
        assert!(journal.flush());
        assert_eq!(journal.trouble(), None);
    }
    assert_eq!(kept(&journal), [0; 0]);
    journal.write_entry(login(40));
    assert!(journal.flush());
    assert_eq!((journal.lost(), journal.trouble()), (0, None));
    assert_eq!(kept(&journal), [40]);
}

#[test]
fn a_corrupt_file_that_is_put_in_its_place_is_named() {
    let (folder, file) = folder();
    let journal = journal_with(&file, (1..=3).map(login));
    let other = folder.path().join("other.db");
    fs::write(&other, b"nothing here").unwrap();
    fs::rename(&other, &file).unwrap();
    journal.write_entry(login(4));
    assert!(journal.flush());
    let why = journal.why_lost().unwrap();
    assert!(why.contains("another file was put in its place"), "{why}");
    assert!(why.contains("popgate.db.corrupt-2"), "{why}");
    assert_eq!((journal.lost(), kept(&journal)), (3, vec![4]));
}

#[test]
fn the_open_segment_of_another_journal_is_left_as_it_is() {
    let (folder, file) = folder();
    let other = folder.path().join("other.db");
    drop(journal_with(&other, (1..=50).map(login)));
    let journal = journal_with(&file, (1..=20).map(login));
    fs::rename(&other, &file).unwrap();
    journal.write_entry(login(21));
    assert!(journal.flush(), "{:?}", journal.trouble());
    assert_eq!(journal.reader().contents().unwrap().entries, 51);
    drop(journal);
    assert_eq!(open(&file).unwrap().journal.next_id(), EntryId(51));
}

#[test]
fn a_file_that_another_popgate_has_open_is_refused_until_it_ends() {
    let (_folder, file) = folder();
    let first = journal_with(&file, [login(1)]);
    let error = open(&file).unwrap_err();
    assert!(matches!(error, JournalError::InUse { .. }), "{error}");
    assert!(error.to_string().contains("another popgate"), "{error}");
    first.write_entry(login(2));
    assert!(first.flush());
    drop(first);
    assert_eq!(kept(&open(&file).unwrap().journal), [1, 2]);
}

#[test]
fn a_log_that_is_deleted_alone_costs_nothing() {
    let (_folder, file) = folder();
    let journal = journal_with(&file, (1..=10).map(login));
    fs::remove_file(file.with_file_name("popgate.db-wal")).unwrap();
    journal.write_entry(login(11));
    assert!(journal.flush());
    assert_eq!((journal.lost(), journal.trouble()), (0, None));
    // As the next process finds it if this one is killed now.
    assert_eq!(kept(&journal), Vec::from_iter(1..=11));
    assert!(file.with_file_name("popgate.db-wal").exists());
}
