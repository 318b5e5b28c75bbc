//! What was found out about sharing outlives the process, as long as it holds.

use super::*;
use crate::history::SharingFact;
use crate::limits::{NOT_SHAREABLE_FOR, UNSHAREABLE_KEPT_MAX};
use crate::policy::sharing::{BackendRecord, Unshareable};

fn proven(backend: &str, lock_is_freed: Option<bool>, at: Timestamp) -> SharingFact {
    SharingFact::Proven {
        backend: BackendName::new(backend),
        seen: BackendRecord {
            ids_outlive_close: Some(true),
            lock_is_freed,
        },
        at,
    }
}

fn unshareable(name: &str, why: Unshareable, until: Timestamp) -> SharingFact {
    let backends: Arc<[BackendName]> = Arc::from([BackendName::new("b1"), BackendName::new("b2")]);
    SharingFact::Unshareable {
        key: MaildropKey::new(&backends, &UserName::new(name.as_bytes())),
        tenant: TenantName::new("käse"),
        why,
        until,
    }
}

/// What the next process knows of these.
fn after(options: &JournalOptions, facts: &[SharingFact]) -> Vec<SharingFact> {
    let journal = Journal::open(options).unwrap().journal;
    for fact in facts {
        journal.write_fact(fact.clone());
    }
    assert!(journal.flush());
    drop(journal);
    Journal::open(options).unwrap().sharing
}

#[test]
fn what_holds_comes_back_and_what_does_not_is_left_out() {
    let (_folder, file) = folder();
    let now = Timestamp::now();
    let second = Duration::from_secs(1);
    let long_ago = now - NOT_SHAREABLE_FOR - second;
    let held = [
        proven("given", Some(true), long_ago),
        proven("half", None, long_ago),
        proven("refuted", Some(false), now),
        unshareable("ann", Unshareable::Numbers, now + 60 * second),
        unshareable("ann", Unshareable::Resized, now + 60 * second),
        unshareable("\u{e4}\u{1b}", Unshareable::Expire, now + 60 * second),
    ];
    let over = [
        proven("mended", Some(false), long_ago),
        unshareable("ben", Unshareable::Numbers, now - second),
    ];
    let mut found = after(&options(&file), &[&held[..], &over].concat());
    assert_eq!(found.len(), held.len(), "{found:#?}");
    found.retain(|fact| !held.iter().any(|held| same(held, fact)));
    assert_eq!(found, []);
    // The last word on each counts.
    let again = after(&options(&file), &[proven("half", Some(true), now)]);
    assert!(
        again
            .iter()
            .any(|it| same(it, &proven("half", Some(true), now)))
    );
    assert_eq!(again.len(), held.len());
}

/// A file has microseconds.
fn same(one: &SharingFact, other: &SharingFact) -> bool {
    let rounded = |fact: &SharingFact| {
        let mut fact = fact.clone();
        let (SharingFact::Proven { at: time, .. } | SharingFact::Unshareable { until: time, .. }) =
            &mut fact;
        *time = Timestamp::from_microsecond(time.as_microsecond()).unwrap();
        fact
    };
    rounded(one) == rounded(other)
}

#[test]
fn where_names_are_hashed_a_maildrop_comes_back_by_the_key_alone() {
    let (_folder, file) = folder();
    let hashed = JournalOptions {
        hash_users: true,
        ..options(&file)
    };
    let until = Timestamp::now() + Duration::from_secs(60);
    let fact = unshareable("canary-77", Unshareable::Numbers, until);
    let found = after(&hashed, std::slice::from_ref(&fact));
    assert!(same(&found[0], &fact), "{found:?}");
    let database = Connection::open(&file).unwrap();
    let name: Vec<u8> = database
        .query_row("SELECT maildrop FROM unshareable", [], |row| row.get(0))
        .unwrap();
    assert!(name.starts_with(b"#"), "{name:?}");
    drop(database);
    fs::remove_file(&hashed.key_file).unwrap();
    assert_eq!(Journal::open(&hashed).unwrap().sharing, []);
}

/// That these are in the file, and nothing else.
fn expect_facts(found: &[SharingFact], expected: &[SharingFact]) {
    let has = |fact: &SharingFact| found.iter().any(|it| same(it, fact));
    assert!(expected.iter().all(has), "{found:#?}");
    assert_eq!(found.len(), expected.len(), "{found:#?}");
}

/// A backend, and a maildrop that is not shareable.
fn one_of_each() -> [SharingFact; 2] {
    let now = Timestamp::now();
    [
        proven("given", Some(true), now),
        unshareable("canary", Unshareable::Numbers, now + NOT_SHAREABLE_FOR),
    ]
}

#[test]
fn it_outlives_each_change_of_how_names_are_written() {
    let (_folder, file) = folder();
    let facts = one_of_each();
    let written = |hash_users| JournalOptions {
        hash_users,
        ..options(&file)
    };
    expect_facts(&after(&written(false), &facts), &facts);
    for hash_users in [true, false, true] {
        expect_facts(&after(&written(hash_users), &[]), &facts);
        let octets = fs::read(&file).unwrap();
        let is_clear = octets.windows(6).any(|part| part == b"canary");
        assert_eq!(is_clear, !hash_users);
        // Also where it is found again.
        expect_facts(&after(&written(hash_users), &facts), &facts);
    }
}

#[test]
fn it_comes_into_the_file_that_stands_there_next() {
    let (_folder, file) = folder();
    let facts = one_of_each();
    let journal = open(&file).unwrap().journal;
    for fact in &facts {
        journal.write_fact(fact.clone());
    }
    assert!(journal.flush());
    fs::remove_file(&file).unwrap();
    journal.write_entry(login(1));
    assert!(journal.flush());
    drop(journal);
    expect_facts(&open(&file).unwrap().sharing, &facts);
}

/// How many maildrops there are in the file, and the first time at which one is over.
fn unshareable_rows(file: &Path) -> (u32, Option<i64>) {
    let database = Connection::open(file).unwrap();
    let select = "SELECT count(*), min(until) FROM unshareable";
    let row = database.query_row(select, [], |row| Ok((row.get(0)?, row.get(1)?)));
    row.unwrap()
}

#[test]
fn what_is_over_leaves_the_file_and_so_do_those_that_are_over_next_where_they_are_too_many() {
    let (_folder, file) = folder();
    let journal = open(&file).unwrap().journal;
    let database = Connection::open(&file).unwrap();
    let insert =
        "WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ?)
         INSERT INTO unshareable
         SELECT CAST('user-' || n AS BLOB), 'b1', 'numbers', 'default', n, NULL FROM number";
    database
        .execute(insert, [UNSHAREABLE_KEPT_MAX + 5])
        .unwrap();
    for (now, expected) in [
        (3, (UNSHAREABLE_KEPT_MAX, Some(6))),
        (6, (UNSHAREABLE_KEPT_MAX - 1, Some(7))),
        (i64::from(UNSHAREABLE_KEPT_MAX) + 5, (0, None)),
    ] {
        journal.keep_within_bounds(Timestamp::from_microsecond(now).unwrap());
        assert!(journal.flush());
        assert_eq!(unshareable_rows(&file), expected);
    }
}
