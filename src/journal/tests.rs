mod damage;
mod faults;
mod migration;
pub(super) mod segments;
mod sharing;
mod user_names;

use super::*;
use crate::admission::block_list::BlockList;
use crate::history::tests::entry_of;
use crate::history::{EntryId, HistoryQuery, StoredBlockChange, StoredEntry};
use crate::ids::{BackendName, MaildropKey, SessionId, TenantName, UserName};
use crate::observe::event::EndCause;
use crate::policy::attempt::LoginAttempt;
use crate::policy::attempt::tests::{attempt, policy};
use crate::policy::block::{
    BlockChange, BlockEntry, BlockId, BlockReason, BlockState, BlockTarget, BlockVerdict,
    ChangeKind, ChangedBy, Offence,
};
use crate::policy::rules::{BlockMode, BlockRules};
use crate::time::{Duration, Instant, Moment};
use jiff::Timestamp;
use rusqlite::Connection;
use std::fs::{self, Permissions};
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// How SQLite runs a statement, a line for each step.
pub(super) fn plan(database: &Connection, statement: &str) -> String {
    let explain = format!("EXPLAIN QUERY PLAN {statement}");
    let mut statement = database.prepare(&explain).unwrap();
    let mut rows = statement.raw_query();
    let mut steps = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        steps.push(row.get::<_, String>("detail").unwrap());
    }
    steps.join("\n")
}

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

/// A login of `u1` and so on, a second after the one before.
fn login(id: u64) -> StoredEntry {
    let moment = Moment {
        instant: Instant::now(),
        wall: START.checked_add(Duration::from_secs(id)).unwrap(),
    };
    let mut entry = entry_of(&format!("u{id}"), &EndCause::Quit, moment);
    entry.session = SessionId(id);
    StoredEntry {
        id: EntryId(id),
        gate_started: START,
        entry: Arc::new(entry),
    }
}

const START: Timestamp = Timestamp::constant(1_772_366_400, 0);

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

/// What a file at this place is asked to be, with the defaults of the configuration.
fn options(file: &Path) -> JournalOptions {
    JournalOptions {
        file: file.to_owned(),
        sessions: true,
        bounds: JournalBounds {
            keep: 14 * DAY,
            rows: 10_000_000,
            size: 4 << 30,
        },
        hash_users: false,
        key_file: file.with_file_name("journal.key"),
    }
}

fn open(file: &Path) -> Result<Opened, JournalError> {
    Journal::open(&options(file))
}

fn change(entry: BlockEntry, what: ChangeKind) -> StoredBlockChange {
    StoredBlockChange {
        id: EntryId(entry.id.0),
        at: entry.last,
        change: BlockChange {
            entry,
            what,
            by: ChangedBy::Rule,
        },
    }
}

fn blocked(id: u64) -> StoredBlockChange {
    change(entry(id), ChangeKind::Blocked)
}

#[test]
fn what_a_client_met_is_told_as_it_was_then() {
    let (_folder, file) = folder();
    let released = BlockEntry {
        state: BlockState::Released,
        last: entry(1).last + Duration::from_secs(60),
        ..entry(1)
    };
    let mut later = change(released, ChangeKind::Released);
    later.id = EntryId(3);
    write_all(&file, &[blocked(1), blocked(2), later]);
    let journal = open(&file).unwrap().journal;
    let client = entry(1).target.prefix;
    let ids = |at| {
        let found = journal.reader().client_block_changes(client, at).unwrap();
        found.iter().map(|it| it.id.0).collect::<Vec<_>>()
    };
    assert_eq!(ids(entry(1).last), [1]);
    assert_eq!(ids(Timestamp::MAX), [3, 1]);
}

fn write_all(file: &Path, changes: &[StoredBlockChange]) {
    let opened = open(file).unwrap();
    assert_eq!(opened.set_aside, None);
    for change in changes {
        opened.journal.write(change.clone());
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
    let list = BlockList::restore(held(&file), old.id);
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
    let expired = list.expire(old.last).into_iter();
    let expired: Vec<_> = expired.map(|it| change(it.entry, it.what)).collect();
    write_all(&file, &expired);
    assert_eq!(held(&file)[0].state, BlockState::Released);
}

#[test]
fn the_number_of_a_forgotten_entry_is_no_others_while_its_changes_are_kept() {
    let (_folder, file) = folder();
    let forgotten = StoredBlockChange {
        id: EntryId(9),
        ..change(entry(7), ChangeKind::Forgotten)
    };
    write_all(&file, &[blocked(6), blocked(7), forgotten]);
    let opened = open(&file).unwrap();
    assert_eq!((opened.blocks.len(), opened.last_block), (1, BlockId(7)));
    let list = BlockList::restore(opened.blocks, opened.last_block);
    let rules = BlockRules {
        mode: BlockMode::Block,
        abuses: 1,
        ..policy().rules.blocks
    };
    let stranger = entry(50);
    let address = stranger.target.prefix;
    let changes = list.record(
        None,
        address,
        &stranger.tenant,
        Offence::Abuse,
        &rules,
        stranger.last,
    );
    assert_eq!(changes[0].entry.id, BlockId(8));
    let reader = opened.journal.reader();
    assert_eq!(reader.block_changes(BlockId(7)).unwrap().len(), 2);
    assert_eq!(reader.block_changes(BlockId(8)).unwrap(), []);
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What a good file holds.
fn held(file: &Path) -> Vec<BlockEntry> {
    let opened = open(file).unwrap();
    assert_eq!(opened.set_aside, None);
    opened.blocks
}

/// In a container that is read-only it can write nowhere else than beside the journal.
#[test]
fn nothing_is_sorted_in_temporary_files() {
    const MEMORY: i64 = 2;
    let (_folder, file) = folder();
    let loaded = super::open::load(&options(&file)).unwrap();
    let written = &loaded.database;
    let writers = written.pragma_query_value(None, "temp_store", |row| row.get(0));
    assert_eq!(writers, Ok(MEMORY));
    drop(loaded);
    let opened = open(&file).unwrap();
    assert_eq!(opened.journal.reader().temp_store(), MEMORY);
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
    let opened = open(&file).unwrap();
    for id in 1..=100 {
        opened.journal.write(blocked(id));
    }
    drop(opened);
    assert_eq!(held(&file).len(), 100);
}

#[test]
fn the_files_are_for_their_owner_alone_and_written_ahead() {
    let (_folder, file) = folder();
    let opened = open(&file).unwrap();
    opened.journal.write(blocked(1));
    assert!(opened.journal.flush());
    for name in ["popgate.db", "popgate.db-wal", "popgate.db-shm"] {
        let mode = fs::metadata(file.with_file_name(name)).unwrap();
        assert_eq!(mode.permissions().mode() & 0o777, 0o600, "{name}");
    }
}
