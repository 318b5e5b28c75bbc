//! How sessions end that say no QUIT: a silent phone, a program that just closes, a line that
//! breaks.

use super::*;
use Cause::{PhoneWithoutQuit, ShakyLine, StorageDown};
use Likelihood::{High, Low, Medium};

/// The phone stays without a word for most of a minute, and then ends by `cause`.
fn silent_phone(second: i64, cause: &EndCause) -> HistoryEntry {
    silent(inside(second, 60, 7, PHONE, cause), 50)
}

#[test]
fn a_program_that_closes_without_quit_has_no_shaky_line() {
    let closes = |second| silent(inside(second, 4, 8, PHONE, &EndCause::Left), 1);
    let pc = |second| inside(second, 3, 8, Family::Unknown, &EndCause::Quit);
    let phones = (0..10).map(|number| closes(number * 300));
    // Behind the same address, some seconds later.
    let pcs = (0..5).map(|number| pc(number * 600 + 10));
    let waits = with_login(pc(2_720), |login| login.waited = seconds(2));
    let past = Past::of(phones.chain(pcs).chain([waits]));
    assert_eq!(past.likelihood(ShakyLine), None, "{:?}", past.found());
}

#[test]
fn another_program_behind_the_same_address_is_not_back_at_once() {
    let broken = |second| inside(second, 20, 7, THUNDERBIRD, &EndCause::LeftInReply);
    let other = |second| inside(second, 5, 7, PHONE, &EndCause::Quit);
    let past = Past::of([
        broken(100),
        other(110),
        broken(400),
        other(410),
        broken(700),
        other(710),
    ]);
    assert_eq!(past.likelihood(ShakyLine), Some(Medium));
}

#[test]
fn a_download_that_broke_off_is_told_though_the_next_login_went_well() {
    let past = Past::of([
        inside(100, 60, 7, THUNDERBIRD, &EndCause::LeftInReply),
        inside(700, 5, 7, THUNDERBIRD, &EndCause::Quit),
    ]);
    let incident = past.facts().incident.unwrap();
    assert_eq!(incident.entry.ended, time(100));
    assert!(!incident.ended_well());
    assert_eq!(past.found(), [(ShakyLine, Medium)]);
    assert!(!past.causes()[0].evidence.is_empty());
}

#[test]
fn a_line_that_breaks_after_a_silence_is_no_silent_phone() {
    let broken = |second| {
        silent(
            inside(second, 60, 7, THUNDERBIRD, &EndCause::LeftInReply),
            30,
        )
    };
    let past = Past::of([broken(100), broken(180), broken(260), broken(340)]);
    assert_eq!(past.found(), [(ShakyLine, High)]);
}

#[test]
fn a_silent_phone_that_the_backend_closes_is_no_outage() {
    let closed = |second| silent_phone(second, &EndCause::BackendClosed);
    let past = Past::of([closed(100), closed(400), closed(700)]);
    assert_eq!(past.likelihood(StorageDown), None);
    assert_eq!(past.likelihood(PhoneWithoutQuit), Some(Likelihood::Low));
    let waiting = Past::of([
        closed(100),
        closed(740),
        waited_in_vain(730, 22, 8, THUNDERBIRD),
    ]);
    assert_eq!(waiting.found()[0], (PhoneWithoutQuit, High));
    // Where the backend owed something, or nobody was silent, it is the backend.
    for cause in [EndCause::BackendClosedInReply, EndCause::BackendClosed] {
        let idle = if cause == EndCause::BackendClosed {
            1
        } else {
            50
        };
        let past = Past::of([silent(inside(100, 60, 7, PHONE, &cause), idle)]);
        assert_eq!(past.found(), [(StorageDown, Medium)], "{cause:?}");
    }
}

#[test]
fn a_kick_or_a_restart_does_not_hide_a_habit() {
    let kicked = EndCause::Kicked { reason: None };
    for cause in [kicked, EndCause::Shutdown, EndCause::BackendClosed] {
        let past = Past::of([
            silent_phone(100, &cause),
            silent_phone(400, &EndCause::Left),
            silent_phone(740, &EndCause::Left),
            waited_in_vain(730, 22, 8, THUNDERBIRD),
        ]);
        assert_eq!(past.likelihood(PhoneWithoutQuit), Some(High), "{cause:?}");
    }
}

#[test]
fn a_program_that_just_leaves_is_noticed() {
    let leaves = |second| inside(second, 2, 8, THUNDERBIRD, &EndCause::Left);
    let past = Past::of([leaves(100), leaves(400), leaves(700)]);
    assert!(past.facts().incident.unwrap().ended_well());
    assert_eq!(past.found(), [(PhoneWithoutQuit, Low)]);
    assert_eq!(past.causes()[0].evidence.len(), 1);
    // One that says it now and then has no such habit.
    let quit = inside(800, 2, 8, THUNDERBIRD, &EndCause::Quit);
    let past = Past::of([leaves(100), leaves(400), leaves(700), quit]);
    assert_eq!(past.found(), []);
}
