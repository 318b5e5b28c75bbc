//! What somebody meets who comes: who is greeted, who is really tried, and for whom a block is
//! lifted; and addresses that many share.

use super::*;
use crate::limits::SHARED_ADDRESS_MAILDROPS;

const SECOND: Duration = Duration::from_secs(1);

impl Desk {
    fn trial_is_due(&self, user: &str) -> bool {
        matches!(
            self.met(home(), user, 0),
            BlockVerdict::Blocked {
                trial_is_due: true,
                ..
            }
        )
    }

    fn takes_try(&self, user: &str, password: u8) -> bool {
        self.list
            .take_trial(&knock(user, home(), password), self.now)
    }

    fn loses_try(&self, user: &str, password: u8) {
        self.list
            .return_trial(&knock(user, home(), password), self.now);
    }

    fn at_greeting(&self) -> Option<BlockReason> {
        self.list.at_greeting(home(), self.rules.mode, self.now)
    }

    /// So many maildrops are accepted from home.
    fn office_of(&self, maildrops: usize) {
        for n in 0..maildrops {
            self.accepted(home(), &format!("user{n}"), 0);
        }
    }
}

/// Home is blocked for guesses at many maildrops.
fn blocked_for_many() -> Desk {
    let desk = Desk::new();
    guess_at_many(&desk, &["a", "b", "c"], 2);
    assert_eq!(desk.only_entry().reason, BlockReason::GuessingMany);
    desk
}

fn blocked_for_abuse() -> Desk {
    let desk = Desk::new();
    desk.faults(2, Offence::Abuse);
    desk
}

#[test]
fn abuse_is_told_at_the_greeting_until_a_real_try_is_due() {
    let mut desk = blocked_for_abuse();
    assert_eq!(desk.at_greeting(), Some(BlockReason::Abuse));
    desk.pass(MINUTE - SECOND);
    assert_eq!(desk.at_greeting(), Some(BlockReason::Abuse));
    desk.pass(SECOND);
    // Who talks takes nothing; who logs in does.
    assert_eq!(desk.at_greeting(), None);
    assert!(desk.takes_try("ann", 1));
    assert_eq!(desk.at_greeting(), Some(BlockReason::Abuse));
    desk.pass(MINUTE);
    assert_eq!(desk.at_greeting(), None);
    desk.rules.mode = BlockMode::Off;
    assert_eq!(desk.at_greeting(), None);
}

#[test]
fn where_somebody_is_at_home_abuse_is_judged_at_the_login() {
    let desk = blocked_for_abuse();
    desk.accepted(home(), "ann", 1);
    assert_eq!(desk.at_greeting(), None);
    let met = BlockVerdict::Blocked {
        reason: BlockReason::Abuse,
        trial_is_due: false,
    };
    assert_eq!(desk.met(home(), "bob", 0), met);
}

#[test]
fn guesses_are_not_told_at_the_greeting() {
    assert_eq!(blocked_for_many().at_greeting(), None);
}

#[test]
fn one_login_a_minute_is_tried_and_at_first_another_than_the_guesser() {
    let mut desk = blocked_for_many();
    assert!(desk.trial_is_due("ann") && desk.takes_try("ann", 1));
    assert!(!desk.trial_is_due("ann") && !desk.trial_is_due("bob") && !desk.takes_try("bob", 2));
    desk.pass(MINUTE);
    assert!(desk.takes_try("bob", 2));
    let mut desk = Desk::new();
    desk.guesses("ann", 0..3);
    desk.pass(MINUTE - SECOND);
    assert!(!desk.trial_is_due("ann"), "it is most likely the guesser's");
    desk.pass(SECOND);
    assert!(desk.takes_try("ann", 1) && !desk.trial_is_due("ann"));
}

#[test]
fn under_two_blocks_both_must_allow_it_and_guesses_are_told() {
    let mut desk = Desk::new();
    desk.faults(6, Offence::MetLimit);
    assert!(desk.trial_is_due("ann"));
    guess_at_many(&desk, &["a", "b", "c"], 2);
    let met = desk.met(home(), "ann", 0);
    let reason = BlockReason::GuessingMany;
    assert_eq!(
        met,
        BlockVerdict::Blocked {
            reason,
            trial_is_due: true
        }
    );
    assert!(desk.takes_try("bob", 1), "the one of the address");
    assert!(!desk.takes_try("ann", 2));
    desk.pass(MINUTE);
    assert!(desk.takes_try("ann", 2));
    assert!(!desk.trial_is_due("ann") && !desk.trial_is_due("bob"));
}

#[test]
fn a_right_password_lifts_the_block_of_an_address_for_its_maildrop_for_a_day() {
    let mut desk = blocked_for_many();
    desk.rules.duration = 30 * DAY;
    assert!(desk.takes_try("ann", 1));
    let changes = desk.accepted(home(), "ann", 1);
    assert_eq!(kinds(&changes), [ChangeKind::Lifted]);
    assert_eq!(
        changes[0].entry.state,
        BlockState::Blocked,
        "for the others"
    );
    assert!(!desk.is_blocked("ann") && desk.is_blocked("bob"));
    assert!(
        desk.trial_is_due("bob"),
        "the one that got in spent nothing"
    );
    desk.pin_all(true);
    desk.pass(DAY - SECOND);
    assert!(!desk.is_blocked("ann") && desk.is_blocked("bob"));
    desk.pass(SECOND);
    assert!(desk.is_blocked("ann"));
}

#[test]
fn a_right_password_ends_the_block_of_its_maildrop() {
    let mut desk = Desk::new();
    desk.rules.passwords_per_address = 0;
    desk.guesses("ann", 0..3);
    desk.pass(MINUTE);
    assert!(desk.takes_try("ann", 1));
    assert_eq!(
        kinds(&desk.accepted(home(), "ann", 1)),
        [ChangeKind::Lifted]
    );
    assert!(!desk.is_blocked("ann"));
    assert_eq!(desk.only_entry().times_released, 0);
    // Guessing goes on as before.
    assert_eq!(desk.guesses("ann", 3..6).len(), 1);
    assert!(desk.is_blocked("ann"));
}

#[test]
fn who_passes_without_a_try_lifts_nothing() {
    let desk = blocked_for_many();
    desk.guesses("ann", 10..13);
    assert!(desk.takes_try("bob", 2));
    assert_eq!(desk.accepted(home(), "ann", 1), []);
    assert!(desk.is_blocked("ann") && desk.is_blocked("bob"));
}

#[test]
fn what_is_pinned_is_not_lifted_for_good() {
    let mut desk = Desk::new();
    desk.rules.passwords_per_address = 0;
    desk.guesses("ann", 0..3);
    desk.pin_all(true);
    desk.pass(MINUTE);
    assert!(desk.takes_try("ann", 1));
    assert_eq!(desk.accepted(home(), "ann", 1), []);
    assert!(desk.is_blocked("ann"));
}

#[test]
fn a_try_that_was_lost_is_given_to_another() {
    let desk = blocked_for_many();
    assert!(desk.takes_try("ann", 1));
    desk.loses_try("bob", 2);
    assert!(!desk.trial_is_due("bob"), "it was not his");
    desk.loses_try("ann", 1);
    assert!(desk.takes_try("bob", 2));
}

#[test]
fn an_address_that_many_share_is_not_blocked_as_a_whole() {
    let mut desk = Desk::new();
    desk.office_of(SHARED_ADDRESS_MAILDROPS);
    assert_eq!(desk.faults(20, Offence::Abuse), []);
    assert_eq!(guess_at_many(&desk, &["a", "b", "c"], 2), []);
    assert_eq!(desk.entries(), []);
    desk.guesses("ann", 50..53);
    assert!(desk.is_blocked("ann") && !desk.is_blocked("bob"));
    desk.pass(ACCEPTED_ADDRESS_AGE);
    assert_eq!(
        desk.faults(2, Offence::Abuse).len(),
        1,
        "that was yesterday"
    );
}

#[test]
fn one_maildrop_often_or_fewer_of_them_do_not_make_an_address_shared() {
    let desk = Desk::new();
    desk.office_of(SHARED_ADDRESS_MAILDROPS - 1);
    for _ in 0..100 {
        desk.accepted(home(), "user0", 0);
    }
    assert_eq!(desk.faults(2, Offence::Abuse).len(), 1);
    assert!(desk.is_blocked("anybody"));
    // From now on it is.
    desk.office_of(SHARED_ADDRESS_MAILDROPS);
    assert!(!desk.is_blocked("anybody"));
    desk.pin_all(true);
    assert!(desk.is_blocked("anybody"), "somebody wants it so");
}

/// Entries of an older popgate: an address blocked for passing faults, one for abuse until
/// tomorrow, and both pinned elsewhere.
fn of_an_older_popgate() -> Vec<BlockEntry> {
    let tomorrow = noon().checked_add(DAY).unwrap();
    let entry = |n: u64, reason, pinned| BlockEntry {
        id: BlockId(n),
        target: BlockTarget::all_of(one_of_many(usize::try_from(n).unwrap())),
        tenant: TenantName::new("default"),
        reason,
        state: BlockState::Blocked,
        pinned,
        shadow: false,
        first: noon(),
        last: noon(),
        since: noon(),
        expires: tomorrow,
        times_blocked: 7,
        times_released: 0,
    };
    vec![
        entry(1, BlockReason::Passing, false),
        entry(2, BlockReason::Abuse, false),
        entry(3, BlockReason::Passing, true),
        entry(4, BlockReason::Abuse, true),
        entry(5, BlockReason::GuessingMany, false),
    ]
}

#[test]
fn old_blocks_hold_by_the_rules_of_now() {
    let mut desk = Desk::new();
    desk.list = BlockList::restore(of_an_older_popgate(), BlockId(0));
    let blocked = |desk: &Desk| -> Vec<usize> {
        let addresses = 1..=5;
        addresses
            .filter(|&n| desk.is_blocked_at(one_of_many(n), "ann"))
            .collect()
    };
    assert_eq!(blocked(&desk), [2, 3, 4, 5]);
    let changes = desk.list.expire(desk.now);
    assert_eq!(kinds(&changes), [ChangeKind::Expired], "the file is told");
    assert_eq!(changes[0].entry.id, BlockId(1));
    desk.pass(10 * MINUTE);
    assert_eq!(blocked(&desk), [3, 4, 5]);
}
