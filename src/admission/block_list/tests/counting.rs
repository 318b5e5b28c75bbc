//! The walk over all counters, which leaves the list to logins in between.

use super::*;
use crate::admission::block_list::counting::listed;
use std::collections::HashSet;

fn pair(n: usize) -> BlockTarget {
    BlockTarget {
        key: Some(maildrop("ann")),
        prefix: one_of_many(n),
    }
}

#[test]
fn counters_are_walked_a_few_at_a_time_and_each_is_listed_once() {
    let desk = Desk::new();
    let all = 3 * BLOCKS_CHANGED_AT_ONCE;
    for n in 0..all {
        desk.fault_at(one_of_many(n), "ann", Offence::MetLimit);
    }
    for _ in 0..5 {
        desk.fault_at(one_of_many(0), "ann", Offence::MetLimit);
    }
    assert_eq!(desk.only_entry().target, pair(0));
    let mut walk = desk.list.counted_rows(desk.now);
    let mut rows = walk.next().unwrap();
    assert_eq!(rows.len(), BLOCKS_CHANGED_AT_ONCE);
    assert!(desk.list.0.try_write().is_ok(), "logins need the list");
    // Forgiven, so that a counter that was walked over takes its place.
    desk.release_all();
    rows.extend(walk.flatten());
    assert_eq!(rows.len(), all, "one comes twice");
    let rows = listed(rows.into_iter(), &BlockFilter::default(), desk.now);
    assert_eq!(rows.len(), all - 1);
    let found: HashSet<_> = rows.iter().map(ListedBlock::target).cloned().collect();
    assert_eq!(found, (1..all).map(pair).collect());
}
