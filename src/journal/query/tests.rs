//! How SQLite finds what is asked for, in a segment of full size. `tests/bench/journal.rs` has the
//! times.

use super::*;
use crate::ids::{ClientPrefix, SessionId};
use crate::journal::tests::plan;
use crate::journal::tests::segments::{journal_with, mixed};

const BY_MAILDROP: &str = "INDEX entry_1_maildrop (maildrop=? AND rowid>? AND rowid<?)";
const BY_ADDRESS: &str = "INDEX entry_1_address (address=? AND end=? AND rowid>? AND rowid<?)";
const BY_TENANT: &str = "INDEX entry_1_tenant (tenant=? AND end=? AND rowid>? AND rowid<?)";
const BY_END: &str = "INDEX entry_1_end (end=? AND rowid>? AND rowid<?)";
const BY_PLACE: &str = "USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)";

/// Queries, and by what their entries are found.
fn cases() -> Vec<(HistoryQuery, &'static str)> {
    let sample = mixed(401);
    let login = sample.entry.login.as_ref().unwrap();
    let mut cases = Vec::new();
    let mut add = |by: &'static str, ask: &dyn Fn(&mut HistoryQuery)| {
        let mut query = HistoryQuery {
            limit: 10,
            ..HistoryQuery::default()
        };
        ask(&mut query);
        cases.push((query.clone(), by));
        // A place, and a session, which few spans have, need no index.
        if by != BY_PLACE && by != BY_END {
            query.ends = vec![End::Quit, End::Panicked];
            cases.push((query, by));
        }
    };
    let client = ClientPrefix::from(sample.entry.client.ip());
    add(BY_MAILDROP, &|it| {
        it.maildrop = Some(login.key.maildrop().clone())
    });
    add(BY_MAILDROP, &|it| it.key = Some(login.key.clone()));
    add(BY_ADDRESS, &|it| it.client = Some(client));
    add(BY_TENANT, &|it| it.tenant = Some(login.tenant.clone()));
    add(BY_END, &|it| it.ends = vec![End::Quit, End::Panicked]);
    add(BY_PLACE, &|it| it.session = Some(SessionId(7)));
    add(BY_PLACE, &|_| {});
    cases
}

#[test]
fn each_condition_has_its_index_and_nothing_is_sorted() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("popgate.db");
    let journal = journal_with(&file, (1..=100_000).map(mixed));
    let database = Connection::open(&file).unwrap();
    for (query, step) in cases() {
        let found = candidates(&database, &query).unwrap();
        let names = Names::default();
        let words = WordNumbers::read(&database).unwrap();
        let Some(sealed) = found.iter().find(|candidate| candidate.id == 1) else {
            assert!(query.session.is_some(), "{query:?}");
            continue;
        };
        assert!(sealed.is_sealed);
        let times = HistoryQuery {
            since: Some(Timestamp::UNIX_EPOCH),
            until: Some(Timestamp::MAX),
            ..query.clone()
        };
        for query in [&query, &times] {
            let search = Search::new(query, sealed, &names, &words).unwrap();
            let plan = plan(&database, &search.sql);
            assert!(plan.contains(step), "{query:?}: {plan}");
            assert!(!plan.contains("TEMP B-TREE"), "{query:?}: {plan}");
            assert!(!plan.contains('\n'), "one step: {plan}");
        }
    }
    // Of a time and of a session few entries are read.
    let middle = mixed(50_000).entry.ended;
    let queries = [
        HistoryQuery {
            since: Some(middle),
            until: Some(middle),
            ..HistoryQuery::default()
        },
        HistoryQuery {
            session: Some(SessionId(50_000)),
            ..HistoryQuery::default()
        },
    ];
    for query in queries {
        let found = candidates(&database, &query).unwrap();
        let read: i64 = found
            .iter()
            .flat_map(|candidate| &candidate.ranges)
            .map(|range| range.last - range.first + 1)
            .sum();
        assert!((1..10_000).contains(&read), "{read}: {query:?}");
    }
    drop(journal);
}
