use super::open::load;
use super::writer::WriterQueue;
use super::*;
use crate::admission::block_list::BlockList;
use crate::ids::{BackendName, MaildropKey, TenantName, UserName};
use crate::limits::{BLOCKS_MAX, JOURNAL_QUEUE_MAX};
use crate::policy::attempt::LoginAttempt;
use crate::policy::attempt::tests::{attempt, policy};
use crate::policy::block::{
    BlockChange, BlockEntry, BlockId, BlockReason, BlockState, BlockTarget, BlockVerdict,
    ChangeKind, ChangedBy,
};
use crate::policy::rules::BlockMode;
use crate::time::Duration;
use jiff::Timestamp;
use rusqlite::Connection;
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use tempfile::TempDir;

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("popgate.db");
    (folder, file)
}

/// An entry whose address is of its own.
pub(super) fn entry(id: u64) -> BlockEntry {
    let octets = 0x0a00_0000 + u32::try_from(id).unwrap();
    let time = |microseconds| Timestamp::from_microsecond(microseconds).unwrap();
    BlockEntry {
        id: BlockId(id),
        target: BlockTarget {
            key: None,
            prefix: std::net::IpAddr::from(octets.to_be_bytes()).into(),
        },
        tenant: TenantName::new("default"),
        reason: BlockReason::Abuse,
        state: BlockState::Blocked,
        pinned: false,
        shadow: false,
        first: time(1_772_366_400_000_001),
        last: time(1_772_366_400_000_002),
        since: time(1_772_366_400_000_002),
        expires: time(1_772_366_400_000_003),
        times_blocked: 1,
        times_released: 0,
    }
}

/// One that differs from [`entry`] in all that it can.
fn unlike(id: u64) -> BlockEntry {
    let backends: Arc<[BackendName]> = Arc::from([BackendName::new("b1"), BackendName::new("b2")]);
    let user = UserName::new(b"\xff'; DROP TABLE block; --\x1b\xc3\xa4@Example.com");
    BlockEntry {
        target: BlockTarget {
            key: Some(MaildropKey::new(&backends, &user)),
            prefix: "2001:db8:1:2::/64".parse().unwrap(),
        },
        tenant: TenantName::new("käse"),
        reason: BlockReason::GuessingOne,
        state: BlockState::Released,
        pinned: true,
        shadow: true,
        first: Timestamp::from_microsecond(-1).unwrap(),
        times_blocked: u32::MAX,
        times_released: 7,
        ..entry(id)
    }
}

fn change(entry: BlockEntry, what: ChangeKind) -> BlockChange {
    BlockChange {
        entry,
        what,
        by: ChangedBy::Rule,
    }
}

fn blocked(id: u64) -> BlockChange {
    change(entry(id), ChangeKind::Blocked)
}

fn write_all(file: &Path, changes: &[BlockChange]) {
    let opened = Journal::open(file).unwrap();
    assert_eq!(opened.set_aside, None);
    for change in changes {
        opened.journal.write(change);
    }
    assert!(opened.journal.flush());
    assert_eq!(opened.journal.lost(), 0);
    assert_eq!(opened.journal.trouble(), None);
}

#[test]
fn an_address_that_an_older_popgate_blocked_for_passing_faults_is_free() {
    let (_folder, file) = folder();
    let old = BlockEntry {
        reason: BlockReason::Passing,
        expires: entry(1).last.checked_add(DAY).unwrap(),
        ..entry(1)
    };
    write_all(&file, &[change(old.clone(), ChangeKind::Blocked)]);
    let list = BlockList::restore(held(&file));
    let mut policy = policy();
    policy.rules.blocks.mode = BlockMode::Block;
    let address: IpAddr = old.target.prefix.to_string().parse().unwrap();
    let login = LoginAttempt {
        client: (address, 50_000).into(),
        key: unlike(2).target.key.unwrap(),
        ..attempt("ann", policy)
    };
    assert_eq!(list.check(&login, old.last), BlockVerdict::Clear);
    // What the file is told keeps it so.
    write_all(&file, &list.expire(old.last));
    assert_eq!(held(&file)[0].state, BlockState::Released);
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What a good file holds.
fn held(file: &Path) -> Vec<BlockEntry> {
    let opened = Journal::open(file).unwrap();
    assert_eq!(opened.set_aside, None);
    opened.blocks
}

#[test]
fn each_field_of_an_entry_comes_back() {
    let (_folder, file) = folder();
    let at_maildrop = BlockEntry {
        target: BlockTarget {
            prefix: entry(1).target.prefix,
            ..unlike(3).target
        },
        ..entry(3)
    };
    let entries = [entry(1), unlike(2), at_maildrop];
    let changes = entries.clone().map(|it| change(it, ChangeKind::Blocked));
    write_all(&file, &changes);
    assert_eq!(held(&file), entries);
}

#[test]
fn each_reason_and_state_comes_back() {
    let (_folder, file) = folder();
    let states = BlockState::ALL.iter().cycle();
    let each = BlockReason::ALL.iter().zip(states).zip(1..);
    let entries: Vec<_> = each
        .map(|((&reason, &state), id)| BlockEntry {
            reason,
            state,
            ..entry(id)
        })
        .collect();
    let changes = entries.iter().cloned();
    let changes: Vec<_> = changes
        .map(|entry| change(entry, ChangeKind::Extended))
        .collect();
    write_all(&file, &changes);
    assert_eq!(held(&file), entries);
}

#[test]
fn the_last_change_of_an_entry_stands_and_a_forgotten_one_is_gone() {
    let (_folder, file) = folder();
    write_all(&file, &[blocked(1), blocked(2), blocked(3)]);
    let again = |times_blocked| BlockEntry {
        times_blocked,
        ..entry(2)
    };
    let changes = [
        change(again(2), ChangeKind::Blocked),
        change(again(3), ChangeKind::Blocked),
        change(entry(3), ChangeKind::Forgotten),
        change(entry(4), ChangeKind::Forgotten),
    ];
    write_all(&file, &changes);
    assert_eq!(held(&file), [entry(1), again(3)]);
}

#[test]
fn who_comes_back_under_another_number_stands_there_once() {
    let (_folder, file) = folder();
    write_all(&file, &[blocked(1)]);
    let anew = BlockEntry {
        id: BlockId(9),
        ..entry(1)
    };
    write_all(&file, &[change(anew.clone(), ChangeKind::Blocked)]);
    assert_eq!(held(&file), [anew]);
}

#[test]
fn a_number_that_is_given_again_stands_there_once() {
    let (_folder, file) = folder();
    write_all(&file, &[blocked(1)]);
    let other = BlockEntry {
        id: BlockId(1),
        ..entry(2)
    };
    write_all(&file, &[change(other.clone(), ChangeKind::Blocked)]);
    assert_eq!(held(&file), [other]);
}

#[test]
fn a_drop_writes_what_waits() {
    let (_folder, file) = folder();
    let opened = Journal::open(&file).unwrap();
    for id in 1..=100 {
        opened.journal.write(&blocked(id));
    }
    drop(opened);
    assert_eq!(held(&file).len(), 100);
}

#[test]
fn the_files_are_for_their_owner_alone_and_written_ahead() {
    let (_folder, file) = folder();
    let opened = Journal::open(&file).unwrap();
    opened.journal.write(&blocked(1));
    assert!(opened.journal.flush());
    for name in ["popgate.db", "popgate.db-wal", "popgate.db-shm"] {
        let mode = fs::metadata(file.with_file_name(name)).unwrap();
        assert_eq!(mode.permissions().mode() & 0o777, 0o600, "{name}");
    }
}

/// Run by the next test in a process of its own, which does not live to see the end.
#[test]
fn a_child_writes_until_it_is_killed() {
    let Some(file) = std::env::var_os("POPGATE_TEST_JOURNAL") else {
        return;
    };
    let opened = Journal::open(Path::new(&file)).unwrap();
    for id in 1.. {
        opened.journal.write(&blocked(id));
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
        .arg("journal::tests::a_child_writes_until_it_is_killed")
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
        let opened = Journal::open(&file).unwrap();
        let aside = opened.set_aside.expect(what);
        assert_eq!(opened.blocks, [], "{what}");
        assert!(!aside.why.is_empty(), "{what}");
        assert_eq!(aside.file.parent(), Some(folder.path()));
        let name = aside.file.file_name().unwrap().to_str().unwrap();
        assert!(name.starts_with("popgate.db.corrupt-2"), "{name}");
        assert_eq!(fs::read(&aside.file).unwrap(), octets, "{what}");
        opened.journal.write(&blocked(1));
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
        let opened = Journal::open(&file).unwrap();
        assert!(opened.set_aside.is_some(), "{sql}");
    }
}

#[test]
fn what_stands_beside_a_corrupt_file_goes_with_it() {
    let (_folder, file) = folder();
    fs::write(&file, b"nothing here\n").unwrap();
    fs::write(file.with_file_name("popgate.db-wal"), b"a log").unwrap();
    let aside = Journal::open(&file).unwrap().set_aside.unwrap().file;
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
    let error = Journal::open(&file).unwrap_err();
    assert!(matches!(error, JournalError::Foreign { .. }), "{error}");
    assert_eq!(fs::read(&file).unwrap(), octets);

    fs::remove_file(&file).unwrap();
    write_all(&file, &[blocked(1)]);
    let database = Connection::open(&file).unwrap();
    database.pragma_update(None, "user_version", 99).unwrap();
    drop(database);
    let error = Journal::open(&file).unwrap_err();
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
        let error = Journal::open(&wrong).unwrap_err();
        assert!(matches!(error, JournalError::File { .. }));
        let text = error.to_string();
        assert!(text.contains(wrong.to_str().unwrap()), "{text}");
    }
    fs::write(&file, "no folder").unwrap();
    let error = Journal::open(&file.join("popgate.db")).unwrap_err();
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
    let error = Journal::open(&file).unwrap_err();
    assert!(error.to_string().contains("Permission denied"), "{error}");
}

#[test]
fn all_of_a_full_list_may_be_released_at_once() {
    // Nobody empties it.
    let shared = WriterQueue::default();
    for id in 1..=BLOCKS_MAX as u64 {
        shared.write(&blocked(id));
    }
    assert_eq!(shared.counts(), (BLOCKS_MAX, 0));
}

#[test]
fn a_full_queue_loses_and_counts() {
    // Nobody empties it.
    let shared = WriterQueue::default();
    for id in 1..=JOURNAL_QUEUE_MAX as u64 + 3 {
        shared.write(&blocked(id));
    }
    assert_eq!(shared.counts(), (JOURNAL_QUEUE_MAX, 3));
    for _ in 0..10 {
        shared.write(&blocked(1));
    }
    assert_eq!(shared.counts(), (JOURNAL_QUEUE_MAX, 3), "it has its place");
}

#[test]
fn a_full_disk_loses_and_counts_and_is_told_until_it_is_not() {
    let (_folder, file) = folder();
    let (database, _) = load(&file).unwrap();
    let pages: i64 = database
        .pragma_query_value(None, "page_count", |row| row.get(0))
        .unwrap();
    database
        .pragma_update(None, "max_page_count", pages)
        .unwrap();
    let journal = Journal::start(database).unwrap();
    // More than the pages hold.
    for id in 1..=5_000 {
        journal.write(&blocked(id));
    }
    assert!(journal.flush());
    assert!(journal.lost() > 0);
    let before = journal.lost();
    let forgotten = change(entry(1), ChangeKind::Forgotten);
    journal.write(&forgotten);
    assert!(journal.flush());
    assert_eq!(journal.lost(), before, "that needs no page");
    assert_eq!(journal.trouble(), None);
}

#[test]
fn another_process_that_writes_costs_changes_and_no_more() {
    let (_folder, file) = folder();
    let opened = Journal::open(&file).unwrap();
    let other = Connection::open(&file).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    opened.journal.write(&blocked(1));
    while opened.journal.waiting() > 0 {
        thread::yield_now();
    }
    assert!(opened.journal.flush(), "it does not wait for ever");
    assert_eq!(opened.journal.lost(), 1);
    assert!(opened.journal.trouble().unwrap().contains("locked"));
    other.execute_batch("ROLLBACK").unwrap();
    opened.journal.write(&blocked(1));
    assert!(opened.journal.flush());
    assert_eq!(opened.journal.trouble(), None);
    drop(opened);
    assert_eq!(held(&file), [entry(1)]);
}
