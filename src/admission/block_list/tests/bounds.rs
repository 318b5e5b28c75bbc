//! What the list forgets, and what it drops where it is full.

use super::*;

#[test]
fn old_entries_are_forgotten_and_blocked_ones_are_not() {
    let mut desk = Desk::new();
    desk.rules.duration = 3 * DAY;
    desk.rules.max_duration = 3 * DAY;
    desk.guesses("ann", 0..3);
    desk.rules.duration = MINUTE;
    desk.faults(2, Offence::Abuse);
    desk.pass(DAY);
    assert_eq!(desk.list.forget(DAY, desk.now), [], "not older than a day");
    desk.pass(MINUTE);
    let changes = desk.list.forget(DAY, desk.now);
    assert_eq!(kinds(&changes), [ChangeKind::Forgotten]);
    assert_eq!(changes[0].entry.reason, BlockReason::Abuse);
    assert_eq!(desk.only_entry().reason, BlockReason::GuessingOne);
}

#[test]
fn a_full_list_drops_the_released_then_the_oldest_and_never_a_pinned_one() {
    let mut desk = Desk::new();
    desk.list = BlockList::with_capacity(32);
    let block = |desk: &Desk, n: u32| {
        let address = address(&format!("192.0.2.{n}"));
        desk.fault_at(address, "ann", Offence::Abuse);
        desk.fault_at(address, "ann", Offence::Abuse)
    };
    for n in 1..=32 {
        desk.pass(Duration::from_secs(1));
        assert_eq!(block(&desk, n).len(), 1);
    }
    let ids = |changes: &[BlockChange], what| -> Vec<u64> {
        let changes = changes.iter().filter(|change| change.what == what);
        changes.map(|change| change.entry.id.0).collect()
    };
    let only = |id| BlockFilter::ids(vec![BlockId(id)]);
    desk.by_hand(&only(1), BlockAction::Pin);
    desk.by_hand(&only(30), BlockAction::Release);
    let changes = block(&desk, 33);
    assert_eq!(ids(&changes, ChangeKind::Forgotten), [30, 2]);
    assert_eq!(ids(&changes, ChangeKind::Blocked), [33]);
    assert_eq!(desk.entries().len(), 31);
    desk.pin_all(true);
    assert_eq!(block(&desk, 34).len(), 1);
    desk.pin_all(true);
    assert_eq!(block(&desk, 35), [], "all are pinned");
    assert_eq!(desk.entries().len(), 32);
}

#[test]
fn what_is_remembered_is_bounded_and_forgotten() {
    let mut desk = Desk::new();
    let many = ACCEPTED_ADDRESSES_MAX + 1;
    for n in 0..many {
        let address = one_of_many(n);
        desk.fault_at(address, &n.to_string(), guess(0));
        desk.accepted(address, "ann", 0);
    }
    let held = desk.list.remembered();
    assert!(held <= 2 * OFFENDERS_MAX + ACCEPTED_ADDRESSES_MAX, "{held}");
    assert!(
        held > (2 * OFFENDERS_MAX + ACCEPTED_ADDRESSES_MAX) / 10 * 9,
        "{held}"
    );
    desk.pass(HOUR);
    desk.list.forget(DAY, desk.now);
    assert!(desk.list.remembered() <= ACCEPTED_ADDRESSES_MAX);
    desk.pass(DAY);
    desk.list.forget(DAY, desk.now);
    assert_eq!(desk.list.remembered(), 0);
}

#[test]
fn a_flood_of_faults_forgets_those_that_were_quiet_longest() {
    let desk = Desk::new();
    desk.guesses("ann", 0..1);
    for n in 0..OFFENDERS_MAX + 1 {
        desk.fault("ann", guess(1));
        desk.fault_at(one_of_many(n), "bob", guess(0));
    }
    assert_eq!(desk.guesses("ann", 2..3).len(), 1, "she was never quiet");
}

#[test]
fn a_clock_that_is_set_back_breaks_nothing() {
    let mut desk = Desk::new();
    desk.guesses("ann", 0..2);
    desk.faults(5, Offence::MetLimit);
    desk.now = desk.now.checked_sub(2 * DAY).unwrap();
    assert_eq!(desk.faults(1, Offence::MetLimit), [], "another day");
    assert_eq!(desk.guesses("ann", 2..3).len(), 1);
    assert!(desk.is_blocked("ann"));
    desk.now = Timestamp::MAX;
    desk.guesses("ann", 3..6);
    desk.now = Timestamp::MIN;
    desk.guesses("ann", 6..9);
}
