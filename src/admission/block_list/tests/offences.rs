//! What offences are counted, and when there are enough of them for a block.

use super::*;

#[test]
fn different_passwords_for_one_maildrop_block_it_for_the_address() {
    let desk = Desk::new();
    assert_eq!(desk.guesses("ann", 0..2), []);
    assert!(!desk.is_blocked("ann"));
    let changes = desk.guesses("ann", 2..3);
    assert_eq!(kinds(&changes), [ChangeKind::Blocked]);
    assert!(desk.is_blocked("ann"));
    assert!(!desk.is_blocked("bob"));
    assert!(!desk.is_blocked_at(address("192.0.2.2"), "ann"));
    let entry = desk.only_entry();
    assert_eq!(entry, changes[0].entry);
    assert_eq!(entry.target.key, Some(maildrop("ann")));
    assert_eq!(entry.reason, BlockReason::GuessingOne);
    assert_eq!(entry.class(), OffenceClass::Permanent);
    let met = BlockVerdict::Blocked {
        reason: BlockReason::GuessingOne,
        trial_is_due: false,
    };
    assert_eq!(desk.met(home(), "ann", 0), met);
}

#[test]
fn the_same_password_counts_once() {
    let desk = Desk::new();
    assert_eq!(desk.guesses("ann", 0..2), []);
    for _ in 0..100 {
        assert_eq!(desk.fault("ann", guess(1)), []);
    }
    assert_eq!(desk.entries(), []);
}

#[test]
fn passwords_for_many_maildrops_block_the_address() {
    let desk = Desk::new();
    assert_eq!(guess_at_many(&desk, &["a", "b"], 2), []);
    let changes = desk.guesses("c", 90..91);
    assert_eq!(changes[0].entry.reason, BlockReason::GuessingMany);
    assert_eq!(changes[0].entry.target.key, None);
    assert!(desk.is_blocked("ann"));
    assert!(!desk.is_blocked_at(address("192.0.2.2"), "a"));
}

#[test]
fn a_guess_at_no_maildrop_counts_for_the_address_alone() {
    let mut desk = Desk::new();
    desk.rules.passwords_per_maildrop = 1;
    for number in 0..5 {
        let rules = &desk.rules;
        let tenant = &desk.tenant;
        let fault = guess(number);
        let changes = desk
            .list
            .record(None, home(), tenant, fault, rules, desk.now);
        assert_eq!(changes.len(), usize::from(number == 4));
    }
    assert_eq!(desk.only_entry().reason, BlockReason::GuessingMany);
}

#[test]
fn guesses_and_abuses_are_remembered_for_the_window() {
    let mut desk = Desk::new();
    assert_eq!(desk.guesses("ann", 0..2), []);
    desk.pass(HOUR);
    assert_eq!(desk.guesses("ann", 2..4), [], "the first two are too old");
    desk.pass(HOUR - MINUTE);
    let start = desk.now;
    let changes = desk.guesses("ann", 4..5);
    assert_eq!(kinds(&changes), [ChangeKind::Blocked]);
    let since = start.duration_since(changes[0].entry.first);
    assert_eq!(since.unsigned_abs(), HOUR - MINUTE);

    assert_eq!(desk.faults(1, Offence::Abuse), []);
    desk.pass(HOUR);
    assert_eq!(desk.faults(1, Offence::Abuse), []);
    desk.pass(HOUR - MINUTE);
    assert_eq!(desk.faults(1, Offence::Abuse).len(), 1);
}

#[test]
fn faults_that_count_still_are_not_forgotten() {
    let mut desk = Desk::new();
    desk.guesses("ann", 0..1);
    desk.pass(HOUR - MINUTE);
    desk.guesses("ann", 1..2);
    desk.pass(HOUR - MINUTE);
    desk.list.forget(DAY, desk.now);
    assert_eq!(desk.guesses("ann", 2..3), []);
    assert_eq!(desk.guesses("ann", 3..4).len(), 1);
}

#[test]
fn a_stale_password_that_goes_on_coming_stays_one() {
    let mut desk = Desk::new();
    for _ in 0..90 {
        desk.pass(MINUTE);
        assert_eq!(desk.fault("ann", guess(0)), []);
    }
    assert_eq!(desk.fault("ann", guess(1)), []);
    assert_eq!(desk.fault("ann", guess(2)).len(), 1, "it is one of three");
}

#[test]
fn abuses_block_the_address() {
    let desk = Desk::new();
    assert_eq!(desk.faults(1, Offence::Abuse), []);
    assert_eq!(desk.faults(1, Offence::Abuse).len(), 1);
    let entry = desk.only_entry();
    assert_eq!(entry.reason, BlockReason::Abuse);
    assert_eq!(entry.class(), OffenceClass::Indeterminate);
    assert!(desk.is_blocked("anybody"));
}

#[test]
fn passing_faults_beyond_five_on_one_day_block_the_maildrop_from_there_and_nobody_else() {
    let desk = Desk::new();
    let passing = [Offence::MetLimit, Offence::AbandonedWait];
    for fault in passing {
        assert_eq!(fault.class(), OffenceClass::Transient);
    }
    for fault in passing.into_iter().cycle().take(5) {
        assert_eq!(desk.fault("ann", fault), []);
        assert_eq!(desk.fault("bob", fault), []);
    }
    assert_eq!(desk.faults(1, Offence::AbandonedWait).len(), 1);
    let entry = desk.only_entry();
    assert_eq!(entry.reason, BlockReason::Passing);
    assert_eq!(entry.class(), OffenceClass::Transient);
    assert_eq!(entry.target.key, Some(maildrop("ann")));
    assert!(desk.is_blocked("ann") && !desk.is_blocked("bob"));
    assert!(!desk.is_blocked_at(address("192.0.2.2"), "ann"));
}

#[test]
fn a_passing_fault_at_no_maildrop_blocks_nobody() {
    let desk = Desk::new();
    let rules = &desk.rules;
    let tenant = &desk.tenant;
    for _ in 0..50 {
        let fault = Offence::AbandonedWait;
        let changes = desk
            .list
            .record(None, home(), tenant, fault, rules, desk.now);
        assert_eq!(changes, []);
    }
}

#[test]
fn an_accepted_login_ends_a_block_for_passing_faults_and_no_other() {
    let desk = Desk::new();
    assert_eq!(desk.faults(6, Offence::MetLimit).len(), 1);
    assert!(desk.is_blocked("ann"));
    assert_eq!(desk.accepted(home(), "bob", 0), [], "another maildrop");
    let changes = desk.accepted(home(), "ann", 0);
    assert_eq!(kinds(&changes), [ChangeKind::Lifted]);
    assert!(!desk.is_blocked("ann"));
    let desk = Desk::new();
    desk.faults(2, Offence::Abuse);
    desk.guesses("ann", 0..3);
    assert_eq!(desk.accepted(home(), "ann", 0), []);
    assert!(desk.is_blocked("ann") && desk.is_blocked("anybody"));
}

#[test]
fn passing_faults_of_two_days_are_not_added_up() {
    let mut desk = Desk::new();
    desk.now = "2026-03-01T23:59:00Z".parse().unwrap();
    assert_eq!(desk.faults(5, Offence::MetLimit), []);
    desk.pass(2 * MINUTE);
    assert_eq!(desk.faults(5, Offence::MetLimit), []);
    assert_eq!(desk.faults(1, Offence::MetLimit).len(), 1);
}

#[test]
fn where_somebody_logs_in_passing_faults_block_nobody_for_a_day() {
    let mut desk = Desk::new();
    assert_eq!(desk.faults(5, Offence::MetLimit), []);
    desk.accepted(home(), "bob", 0);
    assert_eq!(desk.faults(50, Offence::MetLimit), []);
    desk.pass(ACCEPTED_ADDRESS_AGE - MINUTE);
    assert_eq!(desk.faults(50, Offence::MetLimit), []);
    let elsewhere = address("192.0.2.2");
    for _ in 0..6 {
        desk.fault_at(elsewhere, "ann", Offence::MetLimit);
    }
    assert!(desk.is_blocked_at(elsewhere, "ann"), "another household");
    desk.pass(MINUTE);
    assert_eq!(desk.faults(5, Offence::MetLimit), []);
    assert_eq!(desk.faults(1, Offence::MetLimit).len(), 1);
}

#[test]
fn an_accepted_login_forgives_no_guesses_and_no_abuses() {
    let desk = Desk::new();
    desk.faults(1, Offence::Abuse);
    desk.guesses("ann", 0..2);
    desk.accepted(home(), "ann", 0);
    assert_eq!(desk.faults(1, Offence::Abuse).len(), 1);
    assert_eq!(desk.guesses("ann", 2..3).len(), 1);
}

#[test]
fn a_threshold_of_none_never_blocks() {
    let mut desk = Desk::new();
    desk.rules.passwords_per_maildrop = 0;
    desk.rules.passwords_per_address = 0;
    desk.rules.abuses = 0;
    desk.rules.passing_per_day = 0;
    desk.guesses("ann", 0..2_000);
    desk.faults(2_000, Offence::Abuse);
    desk.faults(2_000, Offence::MetLimit);
    assert_eq!(desk.entries(), []);
}

#[test]
fn after_a_block_guesses_and_abuses_are_counted_anew() {
    let mut desk = Desk::new();
    desk.rules.passwords_per_address = 0;
    desk.faults(2, Offence::Abuse);
    desk.guesses("ann", 0..3);
    desk.pass(10 * MINUTE);
    assert_eq!(desk.faults(1, Offence::Abuse), []);
    assert_eq!(desk.guesses("ann", 3..5), []);
    assert_eq!(desk.faults(1, Offence::Abuse).len(), 1);
    assert_eq!(desk.guesses("ann", 5..6).len(), 1);
}
