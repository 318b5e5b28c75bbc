//! What an operator sees, selects, releases and pins.

use super::*;

#[test]
fn a_release_by_hand_counts_and_forgives() {
    let mut desk = Desk::new();
    desk.rules.passwords_per_address = 0;
    desk.faults(6, Offence::MetLimit);
    desk.guesses("bob", 0..3);
    desk.guesses("bob", 3..5);
    let changes = desk.release_all();
    assert_eq!(kinds(&changes), [ChangeKind::Released; 2]);
    for change in &changes {
        assert_eq!(change.entry.times_released, 1);
        assert_eq!(change.entry.state, BlockState::Released);
    }
    assert!(!desk.is_blocked("ann") && !desk.is_blocked("bob"));
    assert_eq!(desk.release_all(), [], "they are released already");
    assert_eq!(desk.faults(5, Offence::MetLimit), []);
    assert_eq!(desk.guesses("bob", 5..6), []);
    desk.pass(MINUTE);
    assert_eq!(desk.faults(1, Offence::MetLimit)[0].entry.times_blocked, 2);
}

#[test]
fn what_has_run_out_is_not_released_by_hand() {
    let mut desk = Desk::new();
    desk.faults(2, Offence::Abuse);
    desk.pass(10 * MINUTE);
    assert_eq!(desk.release_all(), []);
    assert_eq!(desk.only_entry().times_released, 0);
}

#[test]
fn a_pinned_block_does_not_run_out_until_it_is_unpinned() {
    let mut desk = Desk::new();
    desk.faults(2, Offence::Abuse);
    assert_eq!(kinds(&desk.pin_all(true)), [ChangeKind::Pinned]);
    assert_eq!(desk.pin_all(true), []);
    desk.pass(30 * DAY);
    assert!(desk.is_blocked("ann"));
    assert_eq!(desk.list.expire(desk.now), []);
    assert_eq!(desk.list.forget(DAY, desk.now), []);
    assert_eq!(desk.release_all(), [], "a selection leaves it alone");
    assert_eq!(kinds(&desk.pin_all(false)), [ChangeKind::Unpinned]);
    assert!(!desk.is_blocked("ann"));
    assert_eq!(kinds(&desk.list.expire(desk.now)), [ChangeKind::Expired]);
}

#[test]
fn who_is_pinned_released_is_never_blocked_again() {
    let mut desk = Desk::new();
    desk.faults(2, Offence::Abuse);
    desk.release_all();
    desk.pin_all(true);
    assert_eq!(desk.faults(100, Offence::Abuse), []);
    assert!(!desk.is_blocked("ann"));
    desk.pass(30 * DAY);
    assert_eq!(desk.list.forget(DAY, desk.now), []);
    desk.pin_all(false);
    assert_eq!(desk.faults(2, Offence::Abuse).len(), 1);
}

#[test]
fn entries_are_selected_by_all_that_a_filter_gives() {
    let desk = varied();
    let all = BlockFilter::default;
    let later = desk.now.checked_add(HOUR).unwrap();
    let ids = |filter: &BlockFilter| -> Vec<u64> {
        let entries = desk.list.entries(filter, desk.now);
        entries.iter().map(|entry| entry.id.0).collect()
    };
    assert_eq!(ids(&all()), [1, 2, 3]);
    assert_eq!(
        ids(&BlockFilter::ids(vec![BlockId(3), BlockId(1), BlockId(9)])),
        [1, 3]
    );
    let ann = BlockFilter {
        maildrop: Some("ANN@EXAMPLE.COM".to_owned()),
        ..all()
    };
    assert_eq!(ids(&ann), [1, 2]);
    let at_home = BlockFilter {
        address: Some(home()),
        ..all()
    };
    assert_eq!(ids(&at_home), [1, 3]);
    let other = BlockFilter {
        tenant: Some(TenantName::new("other")),
        ..all()
    };
    assert_eq!(ids(&other), [2, 3]);
    let released = BlockFilter {
        state: Some(BlockState::Released),
        ..all()
    };
    assert_eq!(ids(&released), [1]);
    assert_eq!(desk.list.entries(&released, later).len(), 3, "run out");
    let guessing = BlockFilter {
        reason: Some(BlockReason::GuessingOne),
        ..all()
    };
    assert_eq!(ids(&guessing), [1, 2]);
    let both = BlockFilter {
        address: Some(home()),
        ..ann
    };
    assert_eq!(ids(&both), [1]);
}

#[test]
fn an_entry_is_found_by_whom_it_blocks() {
    let desk = varied();
    let found = |target: &BlockTarget, now| {
        let entry = desk.list.entry(target, now);
        entry.map(|entry| (entry.id.0, entry.state))
    };
    let whole = BlockTarget::all_of(home());
    assert_eq!(found(&whole, desk.now), Some((3, BlockState::Blocked)));
    let later = desk.now.checked_add(HOUR).unwrap();
    assert_eq!(found(&whole, later), Some((3, BlockState::Released)));
    let elsewhere = BlockTarget::all_of(address("2001:db8::1"));
    assert_eq!(found(&elsewhere, desk.now), None);
}

#[test]
fn a_release_means_the_selected_only() {
    let desk = varied();
    let abuse = BlockFilter {
        reason: Some(BlockReason::Abuse),
        ..BlockFilter::default()
    };
    assert_eq!(desk.by_hand(&abuse, BlockAction::Release).len(), 1);
    assert!(!desk.is_blocked("bob"));
    assert!(desk.is_blocked_at(address("2001:db8::1"), "ann@example.com"));
}

#[test]
fn entries_are_counted_by_tenant_and_state() {
    let mut desk = varied();
    let counted = |desk: &Desk| {
        let counts = desk.list.counts();
        let rows = counts.into_iter();
        let mut rows: Vec<_> = rows
            .map(|count| (count.tenant.to_string(), count.blocked, count.released))
            .collect();
        rows.sort_unstable();
        rows
    };
    let row = |tenant: &str, blocked, released| (tenant.to_owned(), blocked, released);
    assert_eq!(counted(&desk), [row("default", 0, 1), row("other", 2, 0)]);
    desk.pass(10 * MINUTE);
    desk.list.expire(desk.now);
    assert_eq!(counted(&desk), [row("default", 0, 1), row("other", 0, 2)]);
    desk.fault("bob", Offence::Abuse);
    desk.fault("bob", Offence::Abuse);
    assert_eq!(counted(&desk), [row("default", 0, 1), row("other", 1, 1)]);
    desk.pass(30 * DAY);
    desk.list.forget(DAY, desk.now);
    assert_eq!(counted(&desk), []);
}

#[test]
fn a_change_of_many_leaves_the_list_to_logins_in_between() {
    let desk = Desk::new();
    let many = 2 * BLOCKS_CHANGED_AT_ONCE + 1;
    for n in 0..many {
        desk.fault_at(one_of_many(n), "ann", Offence::Abuse);
        desk.fault_at(one_of_many(n), "ann", Offence::Abuse);
    }
    let last = one_of_many(many - 1);
    let all = BlockFilter::default();
    let mut changes = desk
        .list
        .change(&all, BlockAction::Release, operator(), desk.now);
    let first: Vec<_> = changes.next().unwrap();
    assert_eq!(first.len(), BLOCKS_CHANGED_AT_ONCE);
    assert!(!desk.is_blocked_at(one_of_many(0), "ann"));
    assert!(desk.is_blocked_at(last, "ann"), "its turn has not come");
    // Another operator is quicker.
    let only_last = BlockFilter {
        address: Some(last),
        ..BlockFilter::default()
    };
    assert_eq!(desk.by_hand(&only_last, BlockAction::Pin).len(), 1);
    let rest: Vec<_> = changes.flatten().collect();
    assert_eq!(rest.len(), many - BLOCKS_CHANGED_AT_ONCE - 1);
    assert!(desk.is_blocked_at(last, "ann"), "it is pinned now");
    let by: Vec<_> = rest.iter().map(|change| change.by).collect();
    assert!(by.iter().all(|by| *by == operator()), "{by:?}");
}

#[test]
fn what_would_change_is_told_and_stays_as_it_is() {
    let desk = varied();
    let all = BlockFilter::default();
    let told = desk.list.would_change(&all, BlockAction::Release, desk.now);
    let ids: Vec<_> = told.iter().map(|entry| entry.id.0).collect();
    assert_eq!(ids, [2, 3], "the first is released already");
    assert!(told.iter().all(|entry| entry.state == BlockState::Released));
    assert_eq!(desk.release_all().len(), 2);
}

#[test]
fn what_is_counted_of_today_is_what_the_rule_counts() {
    let mut desk = Desk::new();
    let pair = BlockTarget {
        key: Some(maildrop("ann")),
        prefix: home(),
    };
    let shown = |desk: &Desk| {
        let count = desk.list.transient(std::slice::from_ref(&pair), desk.now)[0]?;
        Some((count.today, count.limit))
    };
    let counting = |desk: &Desk| desk.list.counting(&BlockFilter::default(), desk.now);
    assert_eq!(shown(&desk), None);
    assert_eq!(desk.faults(5, Offence::MetLimit), []);
    desk.pass(MINUTE);
    desk.guesses("bob", 0..2);
    assert_eq!(shown(&desk), Some((5, 5)));
    let rows = counting(&desk);
    let [ListedBlock::Counting(counted)] = &rows[..] else {
        panic!("guesses are no transient faults: {rows:?}");
    };
    assert_eq!((&counted.target, &counted.tenant), (&pair, &desk.tenant));
    assert_eq!((counted.count.first, counted.count.last), (noon(), noon()));
    assert_eq!(
        desk.faults(1, Offence::MetLimit).len(),
        1,
        "one more than the limit"
    );
    assert_eq!(shown(&desk), Some((6, 5)));
    assert_eq!(counting(&desk), [], "it is blocked");
    desk.release_all();
    assert_eq!(shown(&desk), None, "forgiven");
    desk.faults(1, Offence::AbandonedWait);
    assert_eq!(shown(&desk), Some((1, 5)));
    assert_eq!(
        counting(&desk)[0].id(),
        Some(BlockId(1)),
        "released, and counted again"
    );
    desk.accepted(home(), "carl", 7);
    assert_eq!(
        (shown(&desk), counting(&desk)),
        (None, vec![]),
        "they lead to no block"
    );
}

#[test]
fn a_new_day_begins_to_count_anew() {
    let mut desk = Desk::new();
    desk.faults(3, Offence::MetLimit);
    desk.pass(12 * HOUR);
    assert_eq!(desk.list.counting(&BlockFilter::default(), desk.now), []);
    desk.faults(1, Offence::MetLimit);
    let rows = desk.list.counting(&BlockFilter::default(), desk.now);
    let [ListedBlock::Counting(counted)] = &rows[..] else {
        panic!("{rows:?}");
    };
    assert_eq!((counted.count.today, counted.count.first), (1, desk.now));
}
