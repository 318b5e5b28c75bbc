//! What somebody meets who comes: who is greeted, who is really tried, and for whom a block is
//! lifted; and addresses that many share.

use super::*;
use crate::limits::SHARED_BY;

const SECOND: Duration = Duration::from_secs(1);

impl Desk {
    fn may_try(&self, user: &str) -> bool {
        matches!(self.met(home(), user, 0), Met::Block { may_try: true, .. })
    }

    fn takes_try(&self, user: &str, password: u8) -> bool {
        let key = maildrop(user);
        self.list.take_try(knock(&key, home(), password), self.now)
    }

    fn loses_try(&self, user: &str, password: u8) {
        let key = maildrop(user);
        self.list.lost_try(knock(&key, home(), password), self.now);
    }

    fn at_greeting(&self) -> Option<Reason> {
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
    assert_eq!(desk.only_entry().reason, Reason::GuessingMany);
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
    assert_eq!(desk.at_greeting(), Some(Reason::Abuse));
    desk.pass(MINUTE - SECOND);
    assert_eq!(desk.at_greeting(), Some(Reason::Abuse));
    desk.pass(SECOND);
    // Who talks takes nothing; who logs in does.
    assert_eq!(desk.at_greeting(), None);
    assert!(desk.takes_try("ann", 1));
    assert_eq!(desk.at_greeting(), Some(Reason::Abuse));
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
    let met = Met::Block {
        reason: Reason::Abuse,
        may_try: false,
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
    assert!(desk.may_try("ann") && desk.takes_try("ann", 1));
    assert!(!desk.may_try("ann") && !desk.may_try("bob") && !desk.takes_try("bob", 2));
    desk.pass(MINUTE);
    assert!(desk.takes_try("bob", 2));
    let mut desk = Desk::new();
    desk.guesses("ann", 0..3);
    desk.pass(MINUTE - SECOND);
    assert!(!desk.may_try("ann"), "it is most likely the guesser's");
    desk.pass(SECOND);
    assert!(desk.takes_try("ann", 1) && !desk.may_try("ann"));
}

#[test]
fn under_two_blocks_both_must_allow_it_and_guesses_are_told() {
    let mut desk = Desk::new();
    desk.faults(6, Offence::MetLimit);
    assert!(desk.may_try("ann"));
    guess_at_many(&desk, &["a", "b", "c"], 2);
    let met = desk.met(home(), "ann", 0);
    let reason = Reason::GuessingMany;
    assert_eq!(
        met,
        Met::Block {
            reason,
            may_try: true
        }
    );
    assert!(desk.takes_try("bob", 1), "the one of the address");
    assert!(!desk.takes_try("ann", 2));
    desk.pass(MINUTE);
    assert!(desk.takes_try("ann", 2));
    assert!(!desk.may_try("ann") && !desk.may_try("bob"));
}

#[test]
fn a_right_password_lifts_the_block_of_an_address_for_its_maildrop_for_a_day() {
    let mut desk = blocked_for_many();
    desk.rules.duration = 30 * DAY;
    assert!(desk.takes_try("ann", 1));
    let changes = desk.accepted(home(), "ann", 1);
    assert_eq!(kinds(&changes), [ChangeKind::Lifted]);
    assert_eq!(changes[0].entry.state, State::Blocked, "for the others");
    assert!(!desk.is_blocked("ann") && desk.is_blocked("bob"));
    assert!(desk.may_try("bob"), "the one that got in spent nothing");
    desk.list.pin(&Filter::default(), true, desk.now);
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
    assert!(!desk.may_try("bob"), "it was not his");
    desk.loses_try("ann", 1);
    assert!(desk.takes_try("bob", 2));
}

#[test]
fn an_address_that_many_share_is_not_blocked_as_a_whole() {
    let mut desk = Desk::new();
    desk.office_of(SHARED_BY);
    assert_eq!(desk.faults(20, Offence::Abuse), []);
    assert_eq!(guess_at_many(&desk, &["a", "b", "c"], 2), []);
    assert_eq!(desk.entries(), []);
    desk.guesses("ann", 50..53);
    assert!(desk.is_blocked("ann") && !desk.is_blocked("bob"));
    desk.pass(WELCOME);
    assert_eq!(
        desk.faults(2, Offence::Abuse).len(),
        1,
        "that was yesterday"
    );
}

#[test]
fn one_maildrop_often_or_fewer_of_them_do_not_make_an_address_shared() {
    let desk = Desk::new();
    desk.office_of(SHARED_BY - 1);
    for _ in 0..100 {
        desk.accepted(home(), "user0", 0);
    }
    assert_eq!(desk.faults(2, Offence::Abuse).len(), 1);
    assert!(desk.is_blocked("anybody"));
    // From now on it is.
    desk.office_of(SHARED_BY);
    assert!(!desk.is_blocked("anybody"));
    desk.pin_all(true);
    assert!(desk.is_blocked("anybody"), "somebody wants it so");
}

/// Entries of an older popgate: an address blocked for passing faults, one for abuse until
/// tomorrow, and both pinned elsewhere.
fn of_an_older_popgate() -> Vec<Entry> {
    let tomorrow = noon().checked_add(DAY).unwrap();
    let entry = |n: u64, reason, pinned| Entry {
        id: BlockId(n),
        who: Who::all_of(one_of_many(usize::try_from(n).unwrap())),
        tenant: TenantName::new("default"),
        reason,
        state: State::Blocked,
        pinned,
        shadow: false,
        first: noon(),
        last: noon(),
        expires: tomorrow,
        times_blocked: 7,
        times_released: 0,
    };
    vec![
        entry(1, Reason::Passing, false),
        entry(2, Reason::Abuse, false),
        entry(3, Reason::Passing, true),
        entry(4, Reason::Abuse, true),
        entry(5, Reason::GuessingMany, false),
    ]
}

#[test]
fn old_blocks_hold_by_the_rules_of_now() {
    let mut desk = Desk::new();
    desk.list = BlockList::restore(of_an_older_popgate());
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
