//! Names of users under `hash_users`: none stands in the file, and each can be asked for.

use super::segments::ids;
use super::*;
use crate::history::{
    BackendAnswer, CauseName, GateNotice, HistoryEntry, HistoryLogin, NoticeKind,
};

/// Stands in each name, and nowhere else.
const CANARY: &str = "canary";

fn name(id: u64) -> UserName {
    UserName::new(format!("{CANARY}.{id}@example.com").as_bytes())
}

fn key(id: u64) -> MaildropKey {
    MaildropKey::new(&Arc::from([BackendName::new("b1")]), &name(id))
}

/// A login by a name that everybody repeats.
fn named(id: u64) -> StoredEntry {
    let plain = login(id);
    let typed = UserName::new(format!("Canary.{id}@Example.COM").as_bytes());
    let line = format!("-ERR no CANARY.{id}@example.com, nor canary.{id}");
    let mut entry = HistoryEntry::clone(&plain.entry);
    entry.sentence = format!("the backend refused {typed}: {line}").into();
    entry.answer = Some(line.clone().into());
    entry.login = Some(Box::new(HistoryLogin {
        name: typed,
        key: key(id),
        backend_answer: Some(BackendAnswer {
            class: crate::dialect::Class::Auth,
            line: line.into(),
        }),
        ..*entry.login.unwrap()
    }));
    StoredEntry {
        entry: Arc::new(entry),
        ..plain
    }
}

/// What an operator ended, with a reason that names somebody else.
fn kicked(plain: &StoredEntry) -> StoredEntry {
    let reason = Some(format!("phone of {CANARY}.99@example.com").into());
    let entry = HistoryEntry {
        cause: CauseName::Kicked,
        sentence: EndCause::Kicked { reason }.to_string().into(),
        ..HistoryEntry::clone(&plain.entry)
    };
    StoredEntry {
        entry: Arc::new(entry),
        ..plain.clone()
    }
}

fn kicked_before_login(id: u64) -> StoredEntry {
    let plain = kicked(&login(id));
    let entry = HistoryEntry {
        login: None,
        ..HistoryEntry::clone(&plain.entry)
    };
    StoredEntry {
        entry: Arc::new(entry),
        ..plain
    }
}

fn block(id: u64) -> BlockEntry {
    BlockEntry {
        target: BlockTarget {
            key: Some(key(id)),
            ..entry(id).target
        },
        ..entry(id)
    }
}

fn hashed(file: &Path) -> JournalOptions {
    JournalOptions {
        hash_users: true,
        ..options(file)
    }
}

fn write_names(options: &JournalOptions) -> Journal {
    let journal = Journal::open(options).unwrap().journal;
    for id in 1..=20 {
        journal.write_entry(named(id));
    }
    journal.write_entry(kicked(&named(22)));
    journal.write_entry(kicked_before_login(23));
    for id in 31..=33 {
        journal.write(change(block(id), ChangeKind::Blocked));
    }
    journal.write(blocked(34));
    journal.write_notice(GateNotice {
        id: EntryId(40),
        at: START,
        kind: NoticeKind::Reloaded,
        subject: "".into(),
        text: "user canary.1@example.com: queue 16 -> 4".into(),
    });
    assert!(journal.flush());
    journal
}

fn has_canary(file: &Path) -> bool {
    let log = PathBuf::from(format!("{}-wal", file.display()));
    [file, &log].iter().any(|file| {
        let octets = fs::read(file).unwrap_or_default().to_ascii_lowercase();
        octets
            .windows(CANARY.len())
            .any(|part| part == CANARY.as_bytes())
    })
}

fn asked(journal: &Journal, id: u64) -> Vec<StoredEntry> {
    let query = HistoryQuery {
        maildrop: Some(name(id)),
        limit: 10,
        ..HistoryQuery::default()
    };
    journal.reader().entries(&query).unwrap().items
}

fn named_blocks() -> Vec<BlockEntry> {
    (31..=33).map(block).chain([entry(34)]).collect()
}

#[test]
fn no_name_stands_in_the_file_and_each_can_be_asked_for() {
    let (_folder, file) = folder();
    let clear = write_names(&options(&file.with_file_name("clear.db")));
    assert!(has_canary(&file.with_file_name("clear.db")), "as a probe");
    drop(clear);
    let journal = write_names(&hashed(&file));
    assert!(!has_canary(&file));
    let found = asked(&journal, 7);
    assert_eq!(ids(&found), [7]);
    let login = found[0].entry.login.as_ref().unwrap();
    assert_eq!(login.key, key(7), "what was asked for is known");
    assert!(login.name.to_string().starts_with('#'), "{}", login.name);
    let shown = "the backend refused <user>: -ERR no <user>, nor <user>";
    assert_eq!(&*found[0].entry.sentence, shown);
    let typed = UserName::new(b"Canary.7@Example.COM");
    let as_typed = journal.reader().entries(&HistoryQuery {
        maildrop: Some(name(7)),
        typed: Some(typed.clone()),
        limit: 10,
        ..HistoryQuery::default()
    });
    let login = &as_typed.unwrap().items[0].entry.login;
    assert_eq!(login.as_ref().unwrap().name, typed);
    assert_eq!(asked(&journal, 21), []);
    let found = asked(&journal, 22);
    assert_eq!(&*found[0].entry.sentence, "an operator ended it");
    let changes = journal.reader().block_changes(BlockId(31)).unwrap();
    assert_eq!(changes[0].change.entry, block(31));
    drop(journal);
    assert!(!has_canary(&file));
    assert_eq!(
        Journal::open(&hashed(&file)).unwrap().blocks,
        named_blocks()
    );
    let mode = fs::metadata(file.with_file_name("journal.key")).unwrap();
    assert_eq!(mode.permissions().mode() & 0o777, 0o600);
}

#[test]
fn names_that_stand_in_the_file_are_hashed_before_it_is_used() {
    let (_folder, file) = folder();
    let journal = write_names(&options(&file));
    journal.keep_within_bounds(START.checked_add(DAY).unwrap());
    assert!(journal.flush());
    journal.write_entry(named(50));
    drop(journal);
    assert!(has_canary(&file));
    let opened = Journal::open(&hashed(&file)).unwrap();
    assert!(!has_canary(&file));
    assert_eq!(opened.blocks, named_blocks());
    assert_eq!(ids(&asked(&opened.journal, 7)), [7], "in a sealed segment");
    assert_eq!(ids(&asked(&opened.journal, 50)), [50], "in an open one");
    opened.journal.write_entry(named(51));
    assert!(opened.journal.flush());
    assert_eq!(ids(&asked(&opened.journal, 51)), [51]);
    drop(opened);
    assert!(!has_canary(&file));
}

#[test]
fn without_its_key_a_name_cannot_be_asked_for_and_that_is_told() {
    let (_folder, file) = folder();
    drop(write_names(&hashed(&file)));
    fs::remove_file(file.with_file_name("journal.key")).unwrap();
    let opened = Journal::open(&hashed(&file)).unwrap();
    let notice = opened.notice.unwrap();
    assert!(
        notice.contains("cannot be asked for any more, and 3 entries"),
        "{notice}"
    );
    assert_eq!(opened.blocks, [entry(34)]);
    assert_eq!(asked(&opened.journal, 7), []);
    assert_eq!(opened.journal.reader().contents().unwrap().entries, 22);
    opened.journal.write_entry(named(50));
    assert!(opened.journal.flush());
    assert_eq!(ids(&asked(&opened.journal, 50)), [50]);
    drop(opened.journal);
    assert_eq!(
        Journal::open(&hashed(&file)).unwrap().notice,
        None,
        "told once"
    );
}

#[test]
fn another_key_is_refused_and_the_file_left_as_it_is() {
    let (_folder, file) = folder();
    drop(write_names(&hashed(&file)));
    let before = fs::read(&file).unwrap();
    let key_file = file.with_file_name("journal.key");
    for (text, why) in [
        (
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "is not the one",
        ),
        ("secret", "holds no key"),
    ] {
        fs::write(&key_file, text).unwrap();
        let error = Journal::open(&hashed(&file)).unwrap_err();
        assert!(matches!(error, JournalError::Key(_)), "{error}");
        assert!(error.to_string().contains(why), "{error}");
        assert!(!error.to_string().contains(text), "{error}");
        assert_eq!(fs::read(&file).unwrap(), before);
    }
}

#[test]
fn names_are_written_again_where_they_are_not_hashed_any_more() {
    let (_folder, file) = folder();
    drop(write_names(&hashed(&file)));
    let opened = open(&file).unwrap();
    assert_eq!((&opened.notice, &opened.blocks), (&None, &named_blocks()));
    opened.journal.write_entry(named(50));
    assert!(opened.journal.flush());
    assert_eq!(
        ids(&asked(&opened.journal, 7)),
        [7],
        "by the key that is there"
    );
    assert_eq!(asked(&opened.journal, 50), [named(50)]);
    drop(opened);
    assert_eq!(held(&file), named_blocks());
    // And once more the other way.
    let opened = Journal::open(&hashed(&file)).unwrap();
    assert_eq!(opened.blocks, named_blocks());
    drop(opened);
    assert!(!has_canary(&file));
}

#[test]
fn a_file_is_not_called_hashed_while_a_reader_keeps_its_old_pages() {
    let (_folder, file) = folder();
    drop(write_names(&options(&file)));
    let reader = Connection::open(&file).unwrap();
    reader.execute_batch("BEGIN; SELECT * FROM block").unwrap();
    let error = Journal::open(&hashed(&file)).unwrap_err();
    assert!(error.to_string().contains("somebody reads it"), "{error}");
    drop(reader);
    let opened = Journal::open(&hashed(&file)).unwrap();
    assert!(!has_canary(&file));
    assert_eq!(ids(&asked(&opened.journal, 7)), [7]);
}

#[test]
fn a_new_key_is_used_where_file_and_key_are_deleted_while_popgate_runs() {
    let (folder, file) = folder();
    let journal = write_names(&hashed(&file));
    for name in fs::read_dir(folder.path()).unwrap() {
        fs::remove_file(name.unwrap().path()).unwrap();
    }
    journal.write_entry(named(50));
    assert!(journal.flush());
    assert_eq!(ids(&asked(&journal, 50)), [50]);
    drop(journal);
    let opened = Journal::open(&hashed(&file)).unwrap();
    assert_eq!((&opened.notice, &opened.blocks), (&None, &named_blocks()));
    assert_eq!(ids(&asked(&opened.journal, 50)), [50]);
    assert!(!has_canary(&file));
}
