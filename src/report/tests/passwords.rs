//! Passwords that are refused: stale ones, guessed ones, and right ones while nobody gets in.

use super::*;
use Cause::{StalePassword, StorageDown};
use Likelihood::{High, Low, Medium};

/// The PC got in; then the phone is refused, first with the password that was right until then.
fn refused_after(pc_in: i64) -> Vec<HistoryEntry> {
    vec![
        inside(-1_000, 3, 7, PHONE, &EndCause::Quit),
        inside(pc_in, 3, 8, THUNDERBIRD, &EndCause::Quit),
        login(60, 7, PHONE, &wrong_password()),
        guess(360, 7, PHONE),
        guess(660, 7, PHONE),
    ]
}

#[test]
fn a_login_before_the_first_refusal_does_not_make_a_right_password_stale() {
    let past = Past::of(refused_after(-600));
    assert_eq!(
        past.found(),
        [(StorageDown, Medium), (StalePassword, Medium)]
    );
    // One behind it does: the backend does let somebody in.
    let past = Past::of(refused_after(500));
    assert_eq!(past.found(), [(StalePassword, High), (StorageDown, Low)]);
    // So do other maildrops.
    let past = Past::of(refused_after(-600)).with_others(650, 1, &EndCause::Quit);
    assert_eq!(past.found(), [(StalePassword, Medium), (StorageDown, Low)]);
}

#[test]
fn a_password_that_never_was_right_is_known_to_be_stale_by_an_earlier_login_of_another() {
    let was_in = inside(-90_000, 3, 7, PHONE, &EndCause::Quit);
    let pc = inside(-600, 3, 8, THUNDERBIRD, &EndCause::Quit);
    let past = Past::of([was_in, pc.clone(), guess(60, 7, PHONE)]);
    assert_eq!(past.found(), [(StalePassword, High)]);
    // A client that never was in there may be anybody.
    let past = Past::of([pc, guess(60, 66, Family::Unknown)]);
    assert_eq!(past.found(), [(StalePassword, Medium)]);
}

#[test]
fn one_who_tries_many_maildrops_at_night_is_no_outage() {
    let mut past = Past::of([guess(60, 66, Family::Unknown)]);
    let guesses = ["ben", "cat", "dan"].map(|name| {
        let entry = login_of(name, 61, 66, Family::Unknown, &wrong_password());
        with_login(entry, |login| login.proven = false)
    });
    past.around = stored(guesses);
    assert_eq!(past.likelihood(StorageDown), None);
}

#[test]
fn a_user_who_is_blocked_for_wrong_passwords_hears_of_the_password() {
    use crate::policy::block::BlockReason;
    use crate::policy::refusal::{LoginRule, Refusal};
    let blocked = EndCause::RefusedByRule(Refusal::Blocked(BlockReason::GuessingOne));
    let blocked = with_login(login(120, 7, PHONE, &blocked), |login| {
        login.rule = Some(LoginRule::Blocked);
    });
    let past = Past::of([guess(60, 7, PHONE), blocked.clone()]);
    assert_eq!(past.found(), [(StalePassword, Medium)]);
    let of_another = Past::of([guess(60, 66, Family::Unknown), blocked]);
    assert_eq!(of_another.likelihood(StalePassword), None);
}
