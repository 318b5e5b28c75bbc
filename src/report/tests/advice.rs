//! CauseAdvice that fits, and what is only noticed.

use super::super::facts::count_programs;
use super::*;
use Cause::{
    CheckingTooOften, DeletionsNotDone, LockedElsewhere, MessageGone, ScannerTwin, StalePassword,
    TwoPrograms,
};
use Likelihood::{High, Low, Medium};

#[test]
fn deletions_that_were_lost_without_quit_are_not_the_operators_fault() {
    let marked = |cause: &EndCause| {
        let entry = inside(100, 5, 7, THUNDERBIRD, cause);
        Past::of([with_login(entry, |login| login.marked = 3)])
    };
    let left = marked(&EndCause::Left);
    assert_eq!(left.likelihood(DeletionsNotDone), Some(Medium));
    assert_eq!(left.advice(DeletionsNotDone), Some(CauseAdvice::LetItQuit));
    let failed = marked(&EndCause::QuitFailed);
    assert_eq!(
        failed.advice(DeletionsNotDone),
        Some(CauseAdvice::CheckStorage)
    );
}

/// One in the maildrop at 100 and at 700, and one that waits for it twice.
fn waits_twice(holder: Family, held: u64, waiter: Family) -> Past {
    Past::of([
        inside(100, held, 7, holder, &EndCause::Quit),
        waited_in_vain(95, 22, 7, waiter),
        inside(700, held, 7, holder, &EndCause::Quit),
        waited_in_vain(695, 22, 7, waiter),
    ])
}

#[test]
fn a_program_that_overlaps_itself_checks_too_often() {
    let past = waits_twice(Family::Fetchmail, 40, Family::Fetchmail);
    assert_eq!(past.likelihood(TwoPrograms), Some(Medium));
    assert_eq!(past.likelihood(CheckingTooOften), Some(Medium));
    let two = waits_twice(PHONE, 40, THUNDERBIRD);
    assert_eq!(two.found(), [(TwoPrograms, High)]);
}

#[test]
fn one_that_is_in_there_for_longer_than_another_can_wait_needs_a_time_of_its_own() {
    let long = waits_twice(PHONE, 400, THUNDERBIRD);
    assert_eq!(long.advice(TwoPrograms), Some(CauseAdvice::AnotherTime));
    let short = Past::of([
        inside(100, 20, 7, PHONE, &EndCause::Quit),
        waited_in_vain(105, 22, 8, THUNDERBIRD),
    ]);
    assert_eq!(
        short.advice(TwoPrograms),
        Some(CauseAdvice::DifferentIntervals)
    );
}

#[test]
fn habits_of_others_do_not_explain_a_wrong_password() {
    let polls = (0..40).map(|number| inside(number * 60, 1, 9, PHONE, &EndCause::Quit));
    let twins = (0..4).map(|number| {
        let second = number * 60 + 5;
        twin(inside(second, 1, 9, Family::Notifier, &EndCause::Quit))
    });
    let gone = (0..2).map(|number| {
        let entry = inside(number * 60 + 9, 1, 9, PHONE, &EndCause::Quit);
        with_login(entry, |login| {
            login.backend_answer = told(Class::NoSuchMessage, "-ERR no such message");
        })
    });
    let was_in = inside(-90_000, 3, 8, THUNDERBIRD, &EndCause::Quit);
    let habits: Vec<_> = polls.chain(twins).chain(gone).chain([was_in]).collect();
    let with = |last: HistoryEntry| Past::of(habits.iter().cloned().chain([last]));
    let wrong = with(guess(2_400, 8, THUNDERBIRD));
    for cause in [CheckingTooOften, ScannerTwin, MessageGone] {
        assert_eq!(wrong.likelihood(cause), Some(Low), "{cause:?}");
    }
    assert_ne!(wrong.likelihood(StalePassword), Some(Low));
    // One that had to wait may have waited for them.
    let waits = with(waited_in_vain(2_400, 22, 8, THUNDERBIRD));
    for cause in [CheckingTooOften, ScannerTwin] {
        assert_eq!(waits.likelihood(cause), Some(Medium), "{cause:?}");
    }
}

#[test]
fn a_backend_that_is_slow_to_free_the_maildrop_is_not_locked_from_elsewhere() {
    let locked = |second| {
        with_login(
            inside(second, 5, 8, THUNDERBIRD, &EndCause::Quit),
            |login| {
                login.locked_replies = 2;
            },
        )
    };
    // It was granted at 105.
    for (before, expected) in [(104, None), (90, Some(Medium))] {
        let own = inside(before, 20, 7, PHONE, &EndCause::Quit);
        let past = Past::of([own, locked(110)]);
        assert_eq!(past.likelihood(LockedElsewhere), expected, "{before}");
    }
}

#[test]
fn twins_are_counted_for_one_address() {
    let scanner = |second, host| twin(inside(second, 1, host, Family::Notifier, &EndCause::Quit));
    let past = Past::of([scanner(10, 7), scanner(20, 7), scanner(30, 9)]);
    let twins = past.causes().remove(0);
    let facts = &twins.evidence[0].facts;
    let text = format!("{facts:?}");
    assert!(
        text.contains("192.0.2.7") && text.contains("Count(2)"),
        "{text}"
    );
}

#[test]
fn claws_mail_is_the_program_that_is_claws_mail_or_sylpheed() {
    let of = |family| {
        let past = Past::of([login(0, 7, family, &EndCause::Quit)]);
        past.facts().incident.unwrap().client()
    };
    assert!(of(Family::ClawsMail).may_be(of(Family::ClawsOrSylpheed)));
    assert!(!of(Family::ClawsMail).may_be(of(Family::Sylpheed)));
}

#[test]
fn a_program_that_was_not_recognised_once_counts_once() {
    let of = |host, family| {
        let past = Past::of([inside(0, 1, host, family, &EndCause::Quit)]);
        past.facts().incident.unwrap().client()
    };
    let count = |clients: &[(u8, Family)]| {
        count_programs(clients.iter().map(|(host, family)| of(*host, *family)))
    };
    let unknown = Family::Unknown;
    assert_eq!(
        count(&[(7, THUNDERBIRD), (7, unknown), (7, THUNDERBIRD)]),
        1
    );
    assert_eq!(count(&[(7, THUNDERBIRD), (8, unknown), (8, unknown)]), 2);
    assert_eq!(count(&[(7, THUNDERBIRD), (7, PHONE), (7, unknown)]), 2);
    assert_eq!(
        count(&[(7, Family::ClawsOrSylpheed), (7, Family::Sylpheed)]),
        1
    );
    assert_eq!(count(&[]), 0);
}
