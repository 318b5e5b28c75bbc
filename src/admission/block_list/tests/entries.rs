//! An entry from its first block to its last: shadow, length, renewal, the file.

use super::*;

#[test]
fn in_mode_off_nothing_is_counted() {
    let mut desk = Desk::new();
    desk.rules.mode = BlockMode::Off;
    assert_eq!(desk.guesses("ann", 0..2), []);
    assert_eq!(desk.faults(100, Offence::Abuse), []);
    desk.rules.mode = BlockMode::Block;
    assert_eq!(desk.guesses("ann", 2..3), []);
    assert_eq!(desk.faults(1, Offence::Abuse), []);
    assert_eq!(desk.entries(), []);
    desk.faults(1, Offence::Abuse);
    assert!(desk.is_blocked("ann"));
    desk.rules.mode = BlockMode::Off;
    assert!(!desk.is_blocked("ann"));
}

#[test]
fn in_shadow_mode_entries_are_shown_and_nobody_is_refused() {
    let mut desk = Desk::new();
    desk.rules.mode = BlockMode::Shadow;
    desk.rules.passwords_per_address = 0;
    assert_eq!(desk.guesses("ann", 0..3).len(), 1);
    let entry = desk.only_entry();
    assert!(entry.shadow);
    assert_eq!(entry.state, BlockState::Blocked);
    assert!(!desk.is_blocked("ann"));
    desk.rules.mode = BlockMode::Block;
    assert!(
        !desk.is_blocked("ann"),
        "another tenant, whose rules are in force, must not be met by a trial"
    );
    let changes = desk.guesses("ann", 3..6);
    assert_eq!(kinds(&changes), [ChangeKind::Blocked]);
    assert!(!changes[0].entry.shadow);
    assert!(desk.is_blocked("ann"), "now it is meant");
}

#[test]
fn rules_that_are_tried_do_not_prolong_a_real_block() {
    let mut desk = Desk::new();
    desk.rules.passwords_per_address = 0;
    desk.guesses("ann", 0..3);
    desk.rules.mode = BlockMode::Shadow;
    desk.pass(9 * MINUTE);
    assert_eq!(desk.guesses("ann", 3..6), []);
    let entry = desk.only_entry();
    assert!(!entry.shadow);
    assert_eq!(entry.last, noon());
}

#[test]
fn a_block_for_guessing_runs_out_and_comes_back_twice_as_long_up_to_a_bound() {
    let mut desk = Desk::new();
    desk.rules.passwords_per_address = 0;
    for (time, minutes) in [10, 20, 40, 60, 60].into_iter().enumerate() {
        let first = 3 * u32::try_from(time).unwrap();
        let changes = desk.guesses("ann", first..first + 3);
        assert_eq!(kinds(&changes), [ChangeKind::Blocked], "{minutes}");
        assert_eq!(changes[0].entry.times_blocked, 1 + time as u32);
        desk.pass(minutes * MINUTE - Duration::from_secs(1));
        assert!(desk.is_blocked("ann"), "{minutes}");
        desk.pass(Duration::from_secs(1));
        assert!(!desk.is_blocked("ann"), "{minutes}");
        assert_eq!(desk.only_entry().state, BlockState::Released);
    }
    let entry = desk.only_entry();
    assert_eq!(entry.times_released, 0, "no hand released it");
    assert_eq!(entry.first, noon());
}

#[test]
fn what_protects_no_password_blocks_for_minutes_however_often_and_whatever_is_set() {
    let mut desk = Desk::new();
    for (duration, lasts) in [(HOUR, 10 * MINUTE), (HOUR, 10 * MINUTE), (MINUTE, MINUTE)] {
        desk.rules.duration = duration;
        for (fault, user) in [(Offence::Abuse, "anybody"), (Offence::MetLimit, "ann")] {
            let changes = desk.faults(6, fault);
            assert_eq!(changes[0].what, ChangeKind::Blocked);
            let entry = &changes[0].entry;
            let length = entry.expires.duration_since(entry.last);
            assert_eq!(length.unsigned_abs(), lasts);
            desk.pass(DAY);
            assert!(!desk.is_blocked(user));
        }
    }
}

#[test]
fn an_entry_tells_of_its_latest_block() {
    let mut desk = Desk::new();
    desk.guesses("ann", 0..3);
    desk.pass(10 * MINUTE);
    desk.tenant = TenantName::new("other");
    desk.faults(6, Offence::MetLimit);
    let entry = desk.only_entry();
    assert_eq!(entry.reason, BlockReason::Passing);
    assert_eq!(entry.tenant, desk.tenant);
    assert_eq!((entry.first, entry.last), (noon(), desk.now));
}

#[test]
fn a_block_that_has_run_out_is_told_once() {
    let mut desk = Desk::new();
    desk.faults(2, Offence::Abuse);
    assert_eq!(desk.list.expire(desk.now), []);
    desk.pass(10 * MINUTE);
    let changes = desk.list.expire(desk.now);
    assert_eq!(kinds(&changes), [ChangeKind::Expired]);
    assert_eq!(changes[0].entry.state, BlockState::Released);
    assert_eq!(desk.list.expire(desk.now), []);
}

#[test]
fn a_block_that_went_on_runs_out_at_its_later_end() {
    let mut desk = Desk::new();
    desk.faults(2, Offence::Abuse);
    desk.pass(5 * MINUTE);
    assert_eq!(
        kinds(&desk.faults(2, Offence::Abuse)),
        [ChangeKind::Extended]
    );
    desk.pass(5 * MINUTE);
    assert!(!desk.list.read().table.is_any_expired(desk.now));
    assert_eq!(desk.list.expire(desk.now), []);
    desk.pass(5 * MINUTE);
    assert_eq!(kinds(&desk.list.expire(desk.now)), [ChangeKind::Expired]);
    assert!(!desk.list.read().table.is_any_expired(desk.now));
}

#[test]
fn faults_of_who_is_blocked_prolong_the_block_and_are_told_now_and_then() {
    let mut desk = Desk::new();
    desk.faults(2, Offence::Abuse);
    desk.pass(4 * MINUTE);
    assert_eq!(
        desk.faults(2, Offence::Abuse),
        [],
        "less than half has gone"
    );
    assert_eq!(desk.only_entry().last, desk.now);
    desk.pass(MINUTE);
    let changes = desk.faults(2, Offence::Abuse);
    assert_eq!(kinds(&changes), [ChangeKind::Extended]);
    assert_eq!(changes[0].entry.times_blocked, 1);
    desk.pass(10 * MINUTE - Duration::from_secs(1));
    assert!(desk.is_blocked("ann"));
    assert_eq!(kinds(&desk.release_all()), [ChangeKind::Released]);
}

#[test]
fn a_restored_list_goes_on_where_it_was() {
    let old = varied();
    old.pin_all(true);
    let mut desk = Desk::new();
    desk.now = old.now;
    desk.list = BlockList::restore(old.entries(), BlockId(0));
    assert_eq!(desk.entries(), old.entries());
    assert!(desk.is_blocked("bob"));
    assert_eq!(desk.list.counts().len(), 2);
    let changes = desk.guesses("new", 50..53);
    assert_eq!(changes[0].entry.id, BlockId(4), "no number is given twice");
}

#[test]
fn names_are_read_as_they_are_written() {
    for &state in BlockState::ALL {
        assert_eq!(BlockState::named(state.as_str()), Some(state));
    }
    for &reason in BlockReason::ALL {
        assert_eq!(BlockReason::named(reason.as_str()), Some(reason));
    }
    assert_eq!(BlockReason::named("boredom"), None);
}
