//! How SQLite finds what is asked for and what is too much. `journal::tests` has the rest.

use super::*;
use crate::journal::schema;
use crate::journal::tests::plan;

fn database() -> Connection {
    let mut database = Connection::open_in_memory().unwrap();
    let transaction = database.transaction().unwrap();
    schema::create(&transaction).unwrap();
    schema::index_times(&transaction).unwrap();
    transaction.commit().unwrap();
    database
}

#[test]
fn no_more_notices_are_read_than_are_asked_for() {
    let plan = plan(&database(), LATEST);
    assert_eq!(plan, "SEARCH notice USING INDEX notice_at (at>? AND at<?)");
}

#[test]
fn what_is_too_much_is_counted_without_reading_it() {
    let database = database();
    for table in ["notice", "block_change"] {
        let plan = plan(&database, &delete_surplus(table));
        assert!(!plan.contains("TEMP B-TREE"), "{plan}");
        let counted = format!("SCAN {table} USING COVERING INDEX {table}_at");
        assert!(plan.contains(&counted), "{plan}");
        let deleted = format!("SEARCH {table} USING COVERING INDEX {table}_at (at<?)");
        assert!(plan.contains(&deleted), "{plan}");
    }
}

#[test]
fn notices_and_changes_have_a_share_of_the_file() {
    let (small, large) = (64 << 20, 1 << 40);
    assert_eq!(remarks_max(large), HISTORY_REMARKS_MAX);
    let octets = 2 * remarks_max(small) * HISTORY_REMARK_OCTETS;
    assert!(octets <= small / 8, "{octets}");
}

#[test]
fn the_oldest_notices_are_forgotten_and_so_many_stay_as_have_room() {
    let mut database = database();
    let transaction = database.transaction().unwrap();
    let size = 16 * 400 * 10;
    // Two at each second.
    for id in 1..=40 {
        let notice = GateNotice {
            id: EntryId(id),
            at: Timestamp::from_second(i64::try_from(id / 2).unwrap()).unwrap(),
            kind: NoticeKind::BackendUp,
            subject: "b1".into(),
            text: "".into(),
        };
        write(&transaction, &notice, &Names::default()).unwrap();
    }
    let ids = |transaction: &Connection| -> Vec<u64> {
        let all = read(transaction, Timestamp::MIN, Timestamp::MAX, 100).unwrap();
        all.iter().map(|it| it.id.0).collect()
    };
    forget(&transaction, Timestamp::MIN, 1 << 40).unwrap();
    assert_eq!(ids(&transaction).len(), 40);
    forget(&transaction, Timestamp::MIN, size).unwrap();
    assert_eq!(ids(&transaction), Vec::from_iter((31..=40).rev()));
    forget(&transaction, Timestamp::from_second(19).unwrap(), size).unwrap();
    assert_eq!(ids(&transaction), [40, 39, 38]);
}
