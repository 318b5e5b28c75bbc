use super::*;
use crate::journal::file::JournalFile;
use crate::journal::open::load;
use crate::journal::queue::Backlog;
use crate::limits::{BLOCKS_MAX, JOURNAL_BATCH, JOURNAL_CHANGES_MAX, JOURNAL_ENTRIES_MAX};
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

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
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture"])
        .arg("journal::tests::faults::a_child_writes_until_it_is_killed")
        .env("POPGATE_TEST_JOURNAL", &file)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let is_enough = |line: &String| line.contains("written 100");
    assert!(
        lines
            .by_ref()
            .map_while(Result::ok)
            .any(|line| is_enough(&line))
    );
    child.kill().unwrap();
    child.wait().unwrap();
    // What it wrote until the signal came is told in the pipe still.
    let told = lines.map_while(Result::ok);
    let ids = told.filter_map(|line| line.strip_prefix("written ")?.parse().ok());
    let last: u64 = ids.last().unwrap_or(100);
    let ids: Vec<_> = held(&file).iter().map(|entry| entry.id.0).collect();
    assert!(ids.len() as u64 >= last, "{} of {last}", ids.len());
    assert_eq!(ids, Vec::from_iter(1..=ids.len() as u64));
}

/// SQLite's own size of a page.
const PAGE: usize = 4096;

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
        (JOURNAL_CHANGES_MAX, 0)
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
    assert_eq!((first.changes.len(), first.entries.len()), (1, 0));
    assert_eq!(waiting.take().entries.len(), JOURNAL_BATCH);
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
    assert_eq!(journal.lost(), 0, "they wait");
    for id in 1..=JOURNAL_CHANGES_MAX as u64 {
        journal.write(blocked(id));
    }
    assert!(!journal.flush());
    assert_eq!(journal.lost(), 5_000, "there was no room for them");
    assert!(journal.why_lost().unwrap().contains("full"));
    // An end does not wait for room on the disk.
    drop(journal);
    assert_eq!(held(&file), []);
}
