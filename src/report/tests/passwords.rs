//! Passwords that are refused: stale ones, guessed ones, and right ones while nobody gets in.

use super::super::facts::PastLogin;
use super::*;
use crate::policy::refusal::{LoginRule, Refusal};
use Cause::{Guessing, NeverLetIn, StalePassword, StorageDown};
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
    let was_in = inside(-90_000, 3, 7, PHONE, &EndCause::Quit);
    let past = Past::of([was_in.clone(), guess(60, 7, PHONE), blocked(120, 7)]);
    assert_eq!(past.found(), [(StalePassword, Medium)]);
    let of_another = Past::of([was_in, guess(60, 66, Family::Unknown), blocked(120, 7)]);
    assert_eq!(of_another.likelihood(StalePassword), None);
}

fn blocked(second: i64, host: u8) -> HistoryEntry {
    let cause = EndCause::RefusedByRule(Refusal::Blocked(BlockReason::GuessingOne));
    with_login(login(second, host, PHONE, &cause), |login| {
        login.rule = Some(LoginRule::Blocked);
        login.proven = false;
    })
}

#[test]
fn only_a_stranger_whom_the_block_list_knows_for_his_passwords_guesses() {
    let pc = || inside(10, 3, 8, THUNDERBIRD, &EndCause::Quit);
    let tries = |last| Past::of([pc(), guess(60, 66, Family::Unknown), last]);
    let guessed = || tries(guess(61, 66, Family::Unknown));
    let found = guessed().with_block(66, BlockReason::GuessingMany).found();
    assert_eq!(found, [(Guessing, High)]);
    // What meets the block is one of his tries too.
    let met = tries(blocked(120, 66)).with_block(66, BlockReason::GuessingOne);
    assert_eq!(met.found(), [(Guessing, High)]);
    assert_eq!(met.advice(Guessing), Some(CauseAdvice::KeepPassword));
    // A block for something else, or of another place, says nothing of it.
    for (host, reason) in [(66, BlockReason::Abuse), (67, BlockReason::GuessingOne)] {
        let found = guessed().with_block(host, reason).found();
        assert_eq!(found, [(StalePassword, Medium)], "{host} {reason:?}");
    }
    // The owner, who has tried what the password may be.
    let mistyped = Past::of([pc(), guess(60, 8, THUNDERBIRD), guess(61, 8, THUNDERBIRD)]);
    let found = mistyped.with_block(8, BlockReason::GuessingOne).found();
    assert!(found.iter().all(|it| it.0 != Guessing), "{found:?}");
    assert!(found.iter().any(|it| it.0 == StalePassword), "{found:?}");
    // His guesses are only noticed where something else was the matter.
    let other = tries(waited_in_vain(300, 22, 8, THUNDERBIRD));
    let other = other.with_block(66, BlockReason::GuessingOne);
    assert_eq!(other.likelihood(Guessing), Some(Low));
    assert_eq!(other.likelihood(StalePassword), None);
}

#[test]
fn where_nobody_has_got_in_the_name_is_as_likely_as_the_password() {
    let wrong = || [60, 61, 62].map(|second| guess(second, 8, THUNDERBIRD));
    assert_eq!(Past::of(wrong()).found(), [(NeverLetIn, Medium)]);
    let blocked = Past::of([guess(60, 7, PHONE), blocked(120, 7)]);
    assert_eq!(blocked.found(), [(NeverLetIn, Medium)]);
    // It may be the owner or a stranger.
    let listed = Past::of(wrong()).with_block(8, BlockReason::GuessingOne);
    assert_eq!(listed.found(), [(Guessing, Medium)]);
    // Long ago is enough, and so is somebody who is in there now.
    let before = inside(-300_000, 3, 9, PHONE, &EndCause::Quit);
    let past = Past::of(wrong().into_iter().chain([before.clone()]));
    assert_eq!(past.found(), [(StalePassword, Medium)]);
    let mut past = Past::of(wrong());
    let stored = stored([before]);
    let open = stored
        .first()
        .and_then(PastLogin::of)
        .and_then(Occupant::of);
    past.open.extend(open);
    assert_eq!(past.found(), [(StalePassword, Medium)]);
}
