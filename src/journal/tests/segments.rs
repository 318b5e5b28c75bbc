//! Entries in the file: what is written comes back, by each condition, and leaves in time.

use super::*;
use crate::history::{
    BackendAnswer, CauseName, EarlyLogin, Encryption, End, HistoryEntry, ListingUse,
};
use crate::history::{GateNotice, HistoryLogin, NoticeKind, TlsParameters};
use crate::ids::{ClientPrefix, ListenerName};
use crate::limits::{HISTORY_SPAN_ROWS, JOURNAL_WORDS_MAX};
use crate::policy::poll::PollDecision;
use crate::policy::refusal::LoginRule;
use crate::policy::sharing::LetInReason;
use crate::program::{Confidence, Family, ProgramGuess, Trace};

/// An entry that differs from [`login`] in all that it can.
fn rich(id: u64) -> StoredEntry {
    let tls = TlsParameters {
        version: "TLSv1.3".into(),
        cipher: "TLS13_AES_256_GCM_SHA384".into(),
    };
    let plain = login(id);
    let mut entry = HistoryEntry::clone(&plain.entry);
    let backends: Arc<[BackendName]> = Arc::from([BackendName::new("b1"), BackendName::new("b2")]);
    let name = UserName::new(b"\xff'; DROP TABLE segment; --\x1b");
    entry.login = Some(Box::new(HistoryLogin {
        key: MaildropKey::new(&backends, &name),
        name,
        tenant: TenantName::new("käse"),
        proven: false,
        entered: false,
        listing: ListingUse {
            let_in: Some(LetInReason::WaitSpent),
            demotions: 6,
            promotions: 7,
        },
        backend: None,
        ahead: None,
        delayed: Duration::from_micros(3),
        waited: Duration::from_secs(25),
        granted: Some(START),
        held: Duration::from_millis(1),
        locked_replies: 3,
        backend_answer: Some(BackendAnswer {
            class: crate::dialect::Class::Locked,
            line: "-ERR [IN-USE] \u{1b}".into(),
        }),
        rule: Some(LoginRule::PerTenant),
        early: Some(EarlyLogin {
            decision: PollDecision::Refused,
            early: Duration::from_secs(60),
        }),
        listed: Some(u64::MAX),
        retrieved: 1,
        deleted: 2,
        marked: 3,
        bytes_to_client: 4,
        bytes_to_backend: 5,
        ..*entry.login.unwrap()
    }));
    let entry = HistoryEntry {
        listener: ListenerName::new("pop3s"),
        port: 995,
        client: "[2001:db8::7]:1234".parse().unwrap(),
        encryption: Encryption::Implicit(tls),
        server_name: Some("pop.example.com".into()),
        end: End::WaitSpent,
        cause: CauseName::HeldByAnother,
        sentence: "a sentence".into(),
        answer: Some("-ERR locked".into()),
        idle: Duration::from_secs(7),
        commands: 9,
        program: ProgramGuess {
            family: Family::Thunderbird,
            confidence: Confidence::High,
        },
        is_twin: true,
        trace: Trace::from_text("CAPA, USER, +PASS, other"),
        ..entry
    };
    StoredEntry {
        entry: Arc::new(entry),
        ..plain
    }
}

/// A session that ended without a login.
fn stranger(id: u64) -> StoredEntry {
    let plain = login(id);
    let entry = HistoryEntry {
        login: None,
        encryption: Encryption::Stls(TlsParameters {
            version: "TLSv1.2".into(),
            cipher: "x".into(),
        }),
        end: End::LeftBeforeLogin,
        ..HistoryEntry::clone(&plain.entry)
    };
    StoredEntry {
        entry: Arc::new(entry),
        ..plain
    }
}

pub(in crate::journal) fn journal_with(
    file: &Path,
    entries: impl IntoIterator<Item = StoredEntry>,
) -> Journal {
    let opened = open(file).unwrap();
    for (stored, count) in entries.into_iter().zip(1..) {
        opened.journal.write_entry(stored);
        if count % 5_000 == 0 {
            assert!(opened.journal.flush());
        }
    }
    assert!(opened.journal.flush());
    assert_eq!((opened.journal.lost(), opened.journal.trouble()), (0, None));
    opened.journal
}

fn all() -> HistoryQuery {
    HistoryQuery {
        limit: usize::MAX,
        ..HistoryQuery::default()
    }
}

pub(super) fn ids(found: &[StoredEntry]) -> Vec<u64> {
    found.iter().map(|stored| stored.id.0).collect()
}

#[test]
fn each_field_comes_back_the_latest_entry_first() {
    let (_folder, file) = folder();
    let written = [login(1), rich(2), stranger(3)];
    let journal = journal_with(&file, written.clone());
    let mut found = journal.reader().entries(&all()).unwrap().items;
    found.reverse();
    assert_eq!(found, written);
    drop(journal);
    let opened = open(&file).unwrap();
    assert_eq!(opened.journal.next_id(), EntryId(4));
    assert_eq!(
        opened.journal.reader().entries(&all()).unwrap().items.len(),
        3
    );
}

/// Queries that differ in which conditions they have, and all meet some of [`mixed`] entries.
pub(super) fn queries() -> Vec<HistoryQuery> {
    let sample = mixed(2_005);
    let login = sample.entry.login.as_ref().unwrap();
    let on = |backends: &[&str]| {
        let backends: Arc<[BackendName]> = backends.iter().copied().map(BackendName::new).collect();
        MaildropKey::new(&backends, login.key.maildrop())
    };
    let time = |id| Some(START.checked_add(Duration::from_secs(id)).unwrap());
    let conditions = [
        HistoryQuery {
            maildrop: Some(login.key.maildrop().clone()),
            ..all()
        },
        HistoryQuery {
            key: Some(login.key.clone()),
            ..all()
        },
        HistoryQuery {
            key: Some(on(&["new", "legacy"])),
            ..all()
        },
        HistoryQuery {
            key: Some(on(&["new", "legac", "egacy"])),
            ..all()
        },
        HistoryQuery {
            client: Some(ClientPrefix::from(sample.entry.client.ip())),
            ..all()
        },
        HistoryQuery {
            tenant: Some(login.tenant.clone()),
            ..all()
        },
        HistoryQuery {
            ends: vec![End::WaitSpent, End::Stalled],
            ..all()
        },
        HistoryQuery {
            session: Some(SessionId(2_005)),
            ..all()
        },
        all(),
    ];
    let times = [(None, None), (time(500), time(2_100)), (time(5_000), None)];
    let befores = [None, Some(EntryId(2_050))];
    let mut queries = Vec::new();
    for condition in conditions {
        for (since, until) in times {
            for before in befores {
                for limit in [7, usize::MAX] {
                    queries.push(HistoryQuery {
                        since,
                        until,
                        before,
                        limit,
                        ..condition.clone()
                    });
                }
            }
        }
    }
    queries
}

/// Entries of few names, addresses, tenants and ends.
pub(in crate::journal) fn mixed(id: u64) -> StoredEntry {
    let ends = [
        (EndCause::Quit, true),
        (EndCause::Left, true),
        (EndCause::Stalled, true),
        (EndCause::HeldByAnother, false),
        (EndCause::QueueFull, false),
    ];
    let (cause, entered) = &ends[usize::try_from(id % 5).unwrap()];
    let moment = Moment {
        instant: Instant::now(),
        wall: START.checked_add(Duration::from_secs(id)).unwrap(),
    };
    let mut entry = entry_of(&format!("u{}", id % 13), cause, moment);
    entry.session = SessionId(id);
    entry.client = format!("192.0.2.{}:5", id % 11).parse().unwrap();
    let login = entry.login.as_mut().unwrap();
    login.entered = *entered;
    login.proven = *entered;
    login.tenant = TenantName::new(["large", "small"][usize::from(id.is_multiple_of(401))]);
    if id.is_multiple_of(3) {
        let backends: Arc<[BackendName]> = ["standby", "legacy"]
            .map(BackendName::new)
            .into_iter()
            .collect();
        login.key = MaildropKey::new(&backends, login.key.maildrop());
    }
    StoredEntry {
        id: EntryId(id),
        gate_started: START,
        entry: Arc::new(entry),
    }
}

#[test]
fn the_file_finds_what_a_query_matches_in_sealed_and_open_segments() {
    let (_folder, file) = folder();
    let written: Vec<_> = (1..=4_500).map(mixed).collect();
    let mut few = options(&file);
    // Segments of a thousand rows, some of each kind.
    few.bounds.rows = 20_000;
    let journal = Journal::open(&few).unwrap().journal;
    for part in written.chunks(500) {
        for stored in part {
            journal.write_entry(stored.clone());
        }
        assert!(journal.flush());
    }
    let states = "SELECT count(DISTINCT kind || state), count(*) FROM segment";
    let database = Connection::open(&file).unwrap();
    let found: (i64, i64) = database
        .query_row(states, [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    assert_eq!(found.0, 4, "owners and others, open and sealed");
    assert!(found.1 >= 4);
    let reader = journal.reader();
    let mut has_found = 0;
    for query in queries() {
        let matching = written.iter().rev().filter(|stored| query.selects(stored));
        let expected: Vec<_> = matching.take(query.limit).map(|it| it.id.0).collect();
        let found = reader.entries(&query).unwrap().items;
        assert_eq!(ids(&found), expected, "{query:?}");
        has_found += usize::from(!found.is_empty());
    }
    assert!(has_found > 40, "{has_found}");
}

#[test]
fn texts_that_clients_bring_in_any_number_come_back_and_are_no_words_for_ever() {
    let (_folder, file) = folder();
    let journal = open(&file).unwrap().journal;
    let brought = JOURNAL_WORDS_MAX as u64 + 200;
    let named = |id: u64| {
        let mut stored = rich(id);
        let name = format!("{id}.example.com");
        Arc::make_mut(&mut stored.entry).server_name = Some(name.into());
        stored
    };
    for id in 1..=brought {
        journal.write_entry(named(id));
        if id % 1_000 == 0 {
            assert!(journal.flush());
        }
    }
    assert!(journal.flush());
    let latest = HistoryQuery {
        limit: 400,
        ..HistoryQuery::default()
    };
    let expected: Vec<_> = (1..=brought).rev().take(400).map(named).collect();
    assert_eq!(journal.reader().entries(&latest).unwrap().items, expected);
    let database = Connection::open(&file).unwrap();
    let count = "SELECT count(*) FROM word";
    let words: i64 = database.query_row(count, [], |row| row.get(0)).unwrap();
    assert_eq!(words, i64::try_from(JOURNAL_WORDS_MAX).unwrap());
}

#[test]
fn a_clock_that_is_set_back_hides_nothing() {
    let (_folder, file) = folder();
    let back = |id: u64| {
        let mut stored = login(id);
        let entry = Arc::make_mut(&mut stored.entry);
        entry.opened = START.checked_sub(10 * DAY).unwrap();
        entry.ended = entry.opened;
        stored
    };
    let later = HISTORY_SPAN_ROWS + 5;
    let entries = (1..=later)
        .map(login)
        .chain((later + 1..later + 9).map(back));
    let journal = journal_with(&file, entries);
    let query = HistoryQuery {
        until: Some(START.checked_sub(DAY).unwrap()),
        ..all()
    };
    let reader = journal.reader();
    assert_eq!(reader.entries(&query).unwrap().items.len(), 8);
    let query = HistoryQuery {
        since: Some(START),
        ..all()
    };
    assert_eq!(reader.entries(&query).unwrap().items.len() as u64, later);
}

#[test]
fn what_is_too_old_leaves_whole_and_its_place_is_not_given_again() {
    let (_folder, file) = folder();
    let journal = journal_with(&file, (1..=20).map(login));
    journal.write(blocked(30));
    let sealed = START.checked_add(DAY).unwrap();
    journal.keep_within_bounds(sealed);
    assert!(journal.flush());
    assert_eq!(journal.reader().contents().unwrap().entries, 20);
    journal.keep_within_bounds(START.checked_add(15 * DAY).unwrap());
    assert!(journal.flush());
    assert_eq!(
        journal.reader().contents().unwrap(),
        FileContents::default()
    );
    assert_eq!(journal.reader().block_changes(BlockId(30)).unwrap(), []);
    drop(journal);
    assert_eq!(open(&file).unwrap().journal.next_id(), EntryId(31));
}

#[test]
fn strangers_push_out_their_like_alone() {
    let (_folder, file) = folder();
    let mut few = options(&file);
    few.bounds.rows = 8_000;
    let journal = Journal::open(&few).unwrap().journal;
    let owners = (1..=1_000).map(login);
    let strangers = (1_001..=9_000).map(stranger);
    for (stored, count) in owners.chain(strangers).zip(1..) {
        journal.write_entry(stored);
        if count % 500 == 0 {
            assert!(journal.flush());
        }
    }
    let found = journal.reader().entries(&all()).unwrap().items;
    let owners = found.iter().filter(|it| it.entry.is_of_owner()).count();
    assert_eq!(owners, 1_000);
    assert!(found.len() - owners <= 2_000, "{}", found.len());
    assert!(found.len() - owners >= 1_000, "{}", found.len());
    assert_eq!(found[0].id, EntryId(9_000), "the oldest leave");
}

#[test]
fn the_file_stays_below_its_size() {
    let (_folder, file) = folder();
    let mut small = options(&file);
    small.bounds.size = 8 << 20;
    let journal = Journal::open(&small).unwrap().journal;
    for id in 1..=30_000 {
        journal.write_entry(login(id));
        if id % 1_000 == 0 {
            assert!(journal.flush());
        }
    }
    assert!(journal.size() <= small.bounds.size, "{}", journal.size());
    let contents = journal.reader().contents().unwrap();
    assert!(contents.entries > 8_000, "{contents:?}");
    let latest = HistoryQuery { limit: 1, ..all() };
    assert_eq!(
        ids(&journal.reader().entries(&latest).unwrap().items),
        [30_000]
    );
}

#[test]
fn a_flood_of_blocks_pushes_out_no_login() {
    let (_folder, file) = folder();
    let mut small = options(&file);
    small.bounds.size = 4 << 20;
    let journal = Journal::open(&small).unwrap().journal;
    let logins = 200;
    for id in 1..=logins {
        journal.write_entry(login(id));
    }
    // Ten times as many octets as the file may have.
    for id in logins + 1..100_000 {
        journal.write(StoredBlockChange {
            id: EntryId(id),
            ..change(entry(id % 50), ChangeKind::Extended)
        });
        if id % 1_000 == 0 {
            assert!(journal.flush());
        }
    }
    assert!(journal.flush());
    assert!(journal.size() <= small.bounds.size, "{}", journal.size());
    let reader = journal.reader();
    assert_eq!(reader.contents().unwrap().entries, logins);
    let latest = reader.block_changes(BlockId(99_999 % 50)).unwrap();
    assert_eq!(latest[0].id, EntryId(99_999));
}

#[test]
fn each_change_of_a_block_and_each_notice_is_kept() {
    let (_folder, file) = folder();
    let journal = open(&file).unwrap().journal;
    let changes: Vec<_> = ChangeKind::ALL
        .iter()
        .zip(1..)
        .map(|(&what, id)| StoredBlockChange {
            id: EntryId(id),
            ..change(unlike(7), what)
        })
        .collect();
    for change in &changes {
        journal.write(change.clone());
    }
    let notices: Vec<_> = NoticeKind::ALL
        .iter()
        .zip(100..)
        .map(|(&kind, id)| GateNotice {
            id: EntryId(id),
            at: START,
            kind,
            subject: "b1".into(),
            text: "no route to host".into(),
        })
        .collect();
    for notice in &notices {
        journal.write_notice(notice.clone());
    }
    assert!(journal.flush());
    let reader = journal.reader();
    let mut found = reader.block_changes(BlockId(7)).unwrap();
    found.reverse();
    assert_eq!(found, changes);
    assert_eq!(reader.block_changes(BlockId(8)).unwrap(), []);
    let mut found = reader.notices(START, Timestamp::MAX, 100).unwrap();
    let latest = reader.notices(START, Timestamp::MAX, 2).unwrap();
    assert_eq!(latest, found[..2]);
    found.reverse();
    assert_eq!(found, notices);
    assert_eq!(reader.notices(Timestamp::MIN, START, 100).unwrap(), []);
}
