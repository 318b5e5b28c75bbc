//! For each cause a past that shows it, and pairs that are easily taken for each other.

use super::*;
use Cause::*;
use Likelihood::*;

/// The phone with last year's password, beside the PC.
fn stale_password() -> Past {
    let phone = |second| guess(second, 7, PHONE);
    Past::of([
        inside(-90_000, 3, 7, PHONE, &EndCause::Quit),
        inside(10, 3, 8, THUNDERBIRD, &EndCause::Quit),
        phone(60),
        phone(120),
        phone(180),
    ])
}

/// A stranger whom the block list knows, beside the PC.
fn guessing() -> Past {
    let stranger = |second| guess(second, 66, Family::Unknown);
    Past::of([
        inside(10, 3, 8, THUNDERBIRD, &EndCause::Quit),
        stranger(60),
        stranger(61),
        stranger(62),
    ])
    .with_block(66, BlockReason::GuessingOne)
}

/// A name that does not exist, while others get in.
fn never_let_in() -> Past {
    let wrong = |second| guess(second, 8, THUNDERBIRD);
    Past::of([wrong(60), wrong(120), wrong(180)]).with_others(180, 1, &EndCause::Quit)
}

/// The phone that stays in the maildrop; the PC waits in vain.
fn phone_without_quit() -> Past {
    let phone = |second, held| silent(inside(second, held, 7, PHONE, &EndCause::Left), held - 2);
    Past::of([
        phone(100, 60),
        phone(400, 60),
        phone(740, 60),
        waited_in_vain(730, 22, 8, THUNDERBIRD),
    ])
}

/// Two PCs that look for mail at the same time.
fn two_programs() -> Past {
    let other = |second| inside(second, 40, 7, Family::Outlook, &EndCause::Quit);
    Past::of([
        other(100),
        waited_in_vain(95, 22, 8, THUNDERBIRD),
        other(700),
        waited_in_vain(695, 22, 8, THUNDERBIRD),
    ])
}

/// A scanner on the PC logs in beside its mail program.
fn scanner_twin() -> Past {
    let scanner = |second| twin(inside(second, 40, 8, Family::Notifier, &EndCause::Quit));
    Past::of([
        scanner(100),
        twin(waited_in_vain(83, 22, 8, THUNDERBIRD)),
        scanner(700),
        twin(waited_in_vain(683, 22, 8, THUNDERBIRD)),
    ])
}

fn checking_too_often() -> Past {
    let polls = (0..40).map(|n| inside(n * 60, 1, 7, PHONE, &EndCause::Quit));
    let early = with_login(inside(2_460, 1, 7, PHONE, &EndCause::Quit), |login| {
        login.early = Some(crate::history::EarlyLogin {
            decision: crate::policy::poll::PollDecision::Delayed,
            early: seconds(30),
        });
    });
    Past::of(polls.chain([early]))
}

/// Each session breaks off while it fetches, and the program is back at once.
fn shaky_line() -> Past {
    let broken = |second| inside(second, 20, 7, THUNDERBIRD, &EndCause::LeftInReply);
    Past::of([broken(100), broken(130), broken(160), broken(190)])
}

fn locked_elsewhere() -> Past {
    let line = "-ERR mailbox locked by another process".to_owned();
    let entry = login(100, 7, THUNDERBIRD, &EndCause::LockedElsewhere { line });
    Past::of([with_login(entry, |login| {
        login.locked_replies = 7;
        login.backend_answer = told(Class::Locked, "-ERR mailbox locked by another process");
    })])
}

fn storage_down() -> Past {
    let error = "127.0.0.1:110: connection refused".to_owned();
    let cause = EndCause::BackendUnreachable { error };
    Past::of([login(100, 7, THUNDERBIRD, &cause)])
        .with_others(95, 2, &cause)
        .with_notice(40, NoticeKind::BackendDown, "connection refused")
}

fn message_gone() -> Past {
    let entry = inside(100, 5, 7, THUNDERBIRD, &EndCause::Quit);
    Past::of([with_login(entry, |login| {
        login.backend_answer = told(Class::NoSuchMessage, "-ERR no such message");
    })])
}

fn deletions_not_done() -> Past {
    let entry = inside(100, 5, 7, THUNDERBIRD, &EndCause::QuitFailed);
    Past::of([with_login(entry, |login| {
        login.marked = 3;
        login.backend_answer = told(Class::DeletesNotRemoved, "-ERR disk quota exceeded");
    })])
}

/// Each cause with a past that has it.
pub(super) fn all() -> Vec<(Cause, Past)> {
    vec![
        (StorageDown, storage_down()),
        (Guessing, guessing()),
        (StalePassword, stale_password()),
        (NeverLetIn, never_let_in()),
        (LockedElsewhere, locked_elsewhere()),
        (PhoneWithoutQuit, phone_without_quit()),
        (ScannerTwin, scanner_twin()),
        (TwoPrograms, two_programs()),
        (CheckingTooOften, checking_too_often()),
        (ShakyLine, shaky_line()),
        (MessageGone, message_gone()),
        (DeletionsNotDone, deletions_not_done()),
    ]
}

#[test]
fn each_cause_is_found_where_it_is_and_told_first_alone_as_very_likely() {
    let all = all();
    assert_eq!(all.len(), Cause::ALL.len());
    for (cause, past) in all {
        let found = past.found();
        assert_eq!(found.first(), Some(&(cause, High)), "{cause:?}: {found:?}");
        let very_likely = found.iter().filter(|it| it.1 == High).count();
        assert_eq!(very_likely, 1, "{cause:?}: {found:?}");
        assert!(!past.causes()[0].evidence.is_empty(), "{cause:?}");
    }
}

#[test]
fn nothing_is_found_where_all_is_well() {
    let past = Past::of([
        inside(100, 5, 7, THUNDERBIRD, &EndCause::Quit),
        inside(700, 5, 7, THUNDERBIRD, &EndCause::Quit),
        inside(900, 5, 9, PHONE, &EndCause::Quit),
    ]);
    assert_eq!(past.found(), []);
    assert!(past.facts().incident.unwrap().ended_well());
    assert_eq!(Past::default().found(), []);
}

#[test]
fn a_line_that_breaks_is_not_a_phone_that_never_says_quit() {
    assert_eq!(shaky_line().likelihood(PhoneWithoutQuit), None);
    assert_eq!(phone_without_quit().likelihood(ShakyLine), None);
    // One that says QUIT now and then has a line that breaks now and then.
    let mut past = phone_without_quit();
    let quit = inside(200, 5, 7, PHONE, &EndCause::Quit);
    past.entries.extend(stored([quit]));
    assert_eq!(past.likelihood(PhoneWithoutQuit), Some(Medium));
}

#[test]
fn a_backend_that_refuses_everybody_is_not_a_stale_password() {
    let refused = || stale_password().with_others(180, 3, &wrong_password());
    assert_eq!(refused().found()[0], (StorageDown, High));
    assert_eq!(refused().likelihood(StalePassword), Some(Low));
    // Where others get in meanwhile, the password is the reason.
    let others_get_in = stale_password().with_others(180, 3, &EndCause::Quit);
    assert_eq!(others_get_in.found(), [(StalePassword, High)]);
}

#[test]
fn a_scanner_beside_a_program_is_not_two_programs() {
    assert_eq!(scanner_twin().likelihood(TwoPrograms), None);
    assert_eq!(two_programs().likelihood(ScannerTwin), None);
    // A phone and a PC behind one address, minutes apart, are two programs.
    let phone = |second| inside(second, 40, 8, PHONE, &EndCause::Quit);
    let behind_one_address = Past::of([
        phone(100),
        waited_in_vain(95, 22, 8, THUNDERBIRD),
        phone(700),
        waited_in_vain(695, 22, 8, THUNDERBIRD),
    ]);
    assert_eq!(behind_one_address.found(), [(TwoPrograms, High)]);
}

#[test]
fn a_phone_that_was_closed_for_a_waiter_hears_why() {
    let phone = |second, cause: &EndCause| silent(inside(second, 30, 7, PHONE, cause), 15);
    let idle = seconds(15);
    let past = Past::of([
        phone(100, &EndCause::Left),
        phone(700, &EndCause::Preempted { idle }),
    ]);
    assert_eq!(past.found()[0], (PhoneWithoutQuit, High));
}

#[test]
fn a_holder_that_is_still_in_there_is_named() {
    let mut past = Past::of([waited_in_vain(730, 22, 8, THUNDERBIRD)]);
    past.open.push(Occupant {
        session: SessionId(9),
        client: "192.0.2.7:4000".parse().unwrap(),
        program: ProgramGuess::UNKNOWN,
        from: time(600),
        held: seconds(200),
        idle: seconds(190),
        end: None,
        cause: None,
        is_twin: false,
    });
    assert_eq!(past.found()[0], (PhoneWithoutQuit, Medium));
}

#[test]
fn a_cause_that_has_nothing_to_do_with_the_incident_comes_last() {
    let mut past = two_programs();
    let stale = [100, 160, 220].map(|second| login(second, 9, PHONE, &wrong_password()));
    past.entries.extend(stored(stale));
    assert_eq!(past.found(), [(TwoPrograms, High), (StalePassword, Low)]);
}
