//! What was found out about sharing outlives the process, as long as it holds.

use super::*;
use crate::history::SharingFact;
use crate::limits::NOT_SHAREABLE_FOR;
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
