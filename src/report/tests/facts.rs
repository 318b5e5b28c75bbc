//! Which incident is chosen, and who was in its way.

use super::super::evidence::{EvidenceKind, Fact};
use super::super::notices::concerns;
use super::*;
use crate::ids::{BackendName, MaildropKey};
use crate::policy::sharing::{LetInReason, PromotionOutcome};
use crate::report::facts::PastLogin;

fn chosen(past: &Past, at: Option<i64>) -> Option<i64> {
    let incident = past.facts_at(at.map(time)).incident?;
    Some(incident.entry.ended.as_second() - NOON)
}

/// The end of the login of an entry.
fn named(past: &Past, id: u64) -> Option<i64> {
    let incident = past
        .facts_of(Some(WhichLogin::Entry(EntryId(id))))
        .incident?;
    Some(incident.entry.ended.as_second() - NOON)
}

#[test]
fn the_last_login_that_failed_is_chosen_before_one_that_was_cut_short_or_went_well() {
    let idle = seconds(15);
    let mut entries = vec![
        inside(10, 3, 7, THUNDERBIRD, &EndCause::Quit),
        inside(20, 3, 7, THUNDERBIRD, &EndCause::Quit),
    ];
    assert_eq!(chosen(&Past::of(entries.clone()), None), Some(20));
    entries.push(inside(12, 3, 7, PHONE, &EndCause::Preempted { idle }));
    assert_eq!(chosen(&Past::of(entries.clone()), None), Some(12));
    entries.push(waited_in_vain(5, 2, 7, THUNDERBIRD));
    assert_eq!(chosen(&Past::of(entries.clone()), None), Some(5));
    assert_eq!(chosen(&Past::default(), None), None);
}

#[test]
fn of_a_time_the_nearest_login_that_did_not_end_well_is_chosen() {
    let past = Past::of([
        waited_in_vain(1_000, 22, 7, THUNDERBIRD),
        inside(2_000, 5, 7, THUNDERBIRD, &EndCause::Quit),
        waited_in_vain(3_000, 22, 7, THUNDERBIRD),
    ]);
    for (at, expected) in [(990, 1_000), (1_900, 1_000), (2_001, 3_000), (9_000, 3_000)] {
        assert_eq!(chosen(&past, Some(at)), Some(expected), "{at}");
    }
    let well = Past::of([10, 500].map(|it| inside(it, 5, 7, THUNDERBIRD, &EndCause::Quit)));
    assert_eq!(chosen(&well, Some(100)), Some(10));
}

#[test]
fn who_was_longest_in_the_way_comes_first_and_who_was_not_there_does_not() {
    let past = Past::of([
        inside(50, 10, 1, PHONE, &EndCause::Quit),
        inside(83, 5, 2, PHONE, &EndCause::Quit),
        inside(99, 15, 3, PHONE, &EndCause::Quit),
        inside(130, 20, 4, PHONE, &EndCause::Quit),
        waited_in_vain(100, 22, 8, THUNDERBIRD),
    ]);
    let facts = past.facts();
    let hosts: Vec<_> = facts
        .occupants
        .iter()
        .map(|it| it.client.ip().to_string())
        .collect();
    assert_eq!(hosts, ["192.0.2.3", "192.0.2.2"]);
}

#[test]
fn the_day_ends_shortly_after_the_incident_and_other_maildrops_are_counted_once() {
    let day = 24 * 60 * 60;
    let quit = |second| inside(second, 1, 7, THUNDERBIRD, &EndCause::Quit);
    let past = Past::of([
        quit(-day - 10),
        quit(-day + 100),
        quit(4_000),
        waited_in_vain(0, 22, 8, THUNDERBIRD),
    ]);
    assert_eq!(past.facts().day.len(), 2);
    let mut neighbours = Past::of([login(0, 7, THUNDERBIRD, &wrong_password())]);
    let of = |name: &str, cause: &EndCause| login_of(name, 1, 9, PHONE, cause);
    let let_in = with_login(of("cat", &EndCause::Quit), |login| login.entered = true);
    neighbours.around = stored([
        of("ann@example.org", &wrong_password()),
        of("ben", &wrong_password()),
        of("ben", &wrong_password()),
        of("cat", &wrong_password()),
        let_in,
        of("dan", &EndCause::HeldByAnother),
    ]);
    let neighbours = neighbours.facts().neighbours;
    assert_eq!((neighbours.refused, neighbours.let_in), (1, 1));
}

#[test]
fn of_two_backends_each_is_down_or_up_by_itself() {
    let notice = |past: Past, second, kind, backend: &str| {
        let mut past = past.with_notice(second, kind, "");
        past.notices.last_mut().unwrap().subject = backend.into();
        past
    };
    let on = |backend: &str| {
        let entry = login(100, 7, THUNDERBIRD, &EndCause::Left);
        let past = Past::of([with_login(entry, |login| {
            let backends = ["a", "b"].map(BackendName::new);
            login.key = MaildropKey::new(&backends.into(), login.key.maildrop());
            login.backend = Some(BackendName::new(backend));
        })]);
        let past = notice(past, 40, NoticeKind::BackendDown, "a");
        notice(past, 50, NoticeKind::BackendUp, "b")
    };
    let down = |past: &Past| {
        let facts = past.facts();
        let notice = facts.down_since(facts.incident.unwrap())?;
        Some(notice.subject.to_string())
    };
    assert_eq!(down(&on("a")).as_deref(), Some("a"));
    assert_eq!(
        down(&on("b")).as_deref(),
        Some("a"),
        "the maildrop may be there too"
    );
    let both = notice(on("b"), 60, NoticeKind::BackendDown, "b");
    assert_eq!(down(&both).as_deref(), Some("b"), "its own comes first");
}

#[test]
fn a_report_tells_no_notice_that_is_about_others() {
    let past = Past::of([inside(
        100,
        30,
        7,
        PHONE,
        &EndCause::Kicked { reason: None },
    )]);
    let incident = past.facts().incident.unwrap();
    for (kind, subject, second, is_told) in [
        (NoticeKind::Reloaded, "", 50, true),
        (NoticeKind::BackendDown, "legacy", 50, true),
        (NoticeKind::BackendDown, "other", 50, false),
        (NoticeKind::Paused, "tenant `default`", 50, true),
        (NoticeKind::Paused, "tenant `shop`", 50, false),
        (NoticeKind::Resumed, "backend `legacy`", 50, true),
        (NoticeKind::Resumed, "backend `other`", 50, false),
        (NoticeKind::Kicked, "100", 99, true),
        (NoticeKind::Kicked, "100", -500, false),
        (NoticeKind::Kicked, "101", 99, false),
    ] {
        let told = Past::default().with_notice(second, kind, "");
        let notice = GateNotice {
            subject: subject.into(),
            ..told.notices[0].clone()
        };
        let is_so = concerns(&notice, incident, &past.entries);
        assert_eq!(is_so, is_told, "{kind:?} {subject}");
    }
}

#[test]
fn a_backend_that_came_up_again_is_not_down() {
    let past = |notices: &[(i64, NoticeKind)]| {
        let past = Past::of([login(100, 7, THUNDERBIRD, &EndCause::Left)]);
        notices.iter().fold(past, |past, &(second, kind)| {
            past.with_notice(second, kind, "")
        })
    };
    let down = (40, NoticeKind::BackendDown);
    let is_down = |past: &Past| {
        let facts = past.facts();
        facts.down_since(facts.incident.unwrap()).is_some()
    };
    assert!(is_down(&past(&[down])));
    assert!(is_down(&past(&[down, (150, NoticeKind::BackendUp)])));
    assert!(!is_down(&past(&[down, (90, NoticeKind::BackendUp)])));
    assert!(!is_down(&past(&[(150, NoticeKind::BackendDown)])));
}

/// The same session asks again, and is answered at once.
fn repeat_of(entry: &HistoryEntry, second: i64) -> HistoryEntry {
    let mut again = entry.clone();
    again.ended = time(second);
    with_login(again, |login| {
        login.asked = time(second);
        login.ahead = None;
        login.waited = Duration::ZERO;
    })
}

#[test]
fn a_login_that_repeats_a_spent_wait_is_no_incident_of_its_own() {
    let waited = waited_in_vain(100, 22, 8, THUNDERBIRD);
    let again = repeat_of(&waited, 101);
    let past = Past::of([waited, again]);
    assert_eq!(chosen(&past, None), Some(100));
    assert_eq!(chosen(&past, Some(101)), Some(100));
    assert_eq!(past.facts().day.len(), 1);
    assert_eq!(named(&past, 2), Some(100));
    // Nor does it make one wait two.
    let mut past = past;
    let holder = inside(99, 40, 7, Family::Outlook, &EndCause::Quit);
    past.entries.extend(stored([holder]));
    assert_eq!(past.found(), [(Cause::TwoPrograms, Likelihood::Medium)]);
}

#[test]
fn of_two_that_ended_at_a_time_the_one_that_is_meant_is_found_by_its_place() {
    let past = Past::of([
        waited_in_vain(22, 22, 7, THUNDERBIRD),
        waited_in_vain(32, 22, 8, THUNDERBIRD),
        inside(60, 5, 9, PHONE, &EndCause::Quit),
    ]);
    // Both cover it, and one of them was told just then.
    assert_eq!(chosen(&past, Some(22)), Some(22));
    for (id, ended) in [(1, Some(22)), (2, Some(32)), (3, Some(60)), (4, None)] {
        assert_eq!(named(&past, id), ended, "{id}");
    }
}

fn asked_after(mut entry: HistoryEntry, fraction: Duration) -> HistoryEntry {
    entry.ended += fraction;
    with_login(entry, |login| login.asked += fraction)
}

/// The PC that loses its wait to a laptop that then breaks off, all with fractions of seconds.
fn laptop_before_pc() -> Past {
    let half = Duration::from_millis(600);
    let laptop = inside(1_050, 42, 14, THUNDERBIRD, &EndCause::LeftInReply);
    let later_laptop = inside(1_040, 25, 14, THUNDERBIRD, &EndCause::LeftInReply);
    Past::of([
        asked_after(waited_in_vain(1_021, 3, 15, THUNDERBIRD), half),
        asked_after(laptop, half),
        asked_after(later_laptop, half),
        asked_after(inside(990, 1, 15, THUNDERBIRD, &EndCause::Quit), half),
        asked_after(waited_in_vain(960, 2, 15, THUNDERBIRD), half),
    ])
}

#[test]
fn the_time_that_a_report_prints_leads_to_the_same_login() {
    let past = laptop_before_pc();
    for id in 1..=5 {
        let login = past.entries[id - 1].entry.login.as_ref().unwrap();
        let printed = Timestamp::from_second(login.asked.as_second()).unwrap();
        let facts = past.facts_at(Some(printed));
        assert_eq!(facts.incident.unwrap().login.asked, login.asked, "{id}");
    }
}

#[test]
fn a_typed_minute_is_all_of_it_and_what_happened_in_it_comes_before_what_covers_it() {
    let half = Duration::from_millis(500);
    let past = Past::of([
        inside(400, 300, 14, THUNDERBIRD, &EndCause::LeftInReply),
        asked_after(waited_in_vain(175, 3, 15, THUNDERBIRD), half),
    ]);
    assert_eq!(chosen(&past, Some(120)), Some(175));
    // A second in which nothing began or ended has only what covers it.
    assert_eq!(chosen(&past, Some(121)), Some(400));
    let moment = time(175).checked_add(half).unwrap();
    let facts = past.facts_at(Some(moment));
    assert_eq!(
        facts.incident.unwrap().entry.client.ip().to_string(),
        "192.0.2.15"
    );
}

#[test]
fn who_came_after_a_session_had_given_up_the_lock_was_not_in_its_way() {
    let idle = seconds(15);
    let mut phone = inside(110, 10, 7, PHONE, &EndCause::Preempted { idle });
    // Its client takes the answer three seconds later.
    phone.ended = time(113);
    let past = Past::of([phone, inside(112, 2, 8, THUNDERBIRD, &EndCause::Quit)]);
    let facts = past.facts();
    assert_eq!(facts.occupants, []);
    let causes = past.causes();
    let evidence = causes.iter().flat_map(|it| &it.evidence);
    let ends: Vec<_> = evidence
        .filter(|it| it.kind == EvidenceKind::Preempted)
        .flat_map(|it| &it.facts)
        .filter(|(name, _)| *name == "at")
        .collect();
    assert_eq!(ends, [&("at", Fact::Time(time(110)))]);
}

#[test]
fn a_stranger_who_guesses_is_chosen_only_where_no_owner_failed() {
    let stranger = guess(500, 66, Family::Unknown);
    let owner = with_login(waited_in_vain(100, 22, 8, THUNDERBIRD), |login| {
        login.proven = false;
    });
    let was_in = inside(-3_000, 5, 8, THUNDERBIRD, &EndCause::Quit);
    let past = Past::of([owner.clone(), was_in.clone(), stranger.clone()]);
    assert_eq!(chosen(&past, None), Some(100));
    assert_eq!(chosen(&past, Some(500)), Some(100));
    assert_eq!(chosen(&past, Some(5_000)), Some(100));
    assert!(past.facts().is_of_known_client);
    // Its program is known where its address is another one today.
    let mut elsewhere = owner;
    elsewhere.client = "198.51.100.3:4000".parse().unwrap();
    let past = Past::of([elsewhere, was_in.clone(), stranger.clone()]);
    assert_eq!(chosen(&past, None), Some(100));
    let past = Past::of([was_in, stranger]);
    assert_eq!(chosen(&past, None), Some(500));
    assert!(!past.facts().is_of_known_client);
}

#[test]
fn guesses_at_other_maildrops_are_no_outage() {
    let mut past = Past::of([login(0, 7, THUNDERBIRD, &wrong_password())]);
    let refused = |second, proven| {
        let entry = login_of("ben", second, 66, Family::Unknown, &wrong_password());
        with_login(entry, |login| login.proven = proven)
    };
    past.around = stored([refused(-5, false)]);
    assert_eq!(past.facts().neighbours.refused, 0);
    past.around = stored([refused(-5, true), refused(-4, false)]);
    assert_eq!(past.facts().neighbours.refused, 1);
}

#[test]
fn a_login_on_a_listing_has_got_in() {
    let on_listing = |cause: &EndCause| {
        let entry = login(0, 1, Family::Thunderbird, cause);
        with_login(entry, |login| {
            login.listing.let_in = Some(LetInReason::WaitSpent);
        })
    };
    let lost = EndCause::NotPromoted {
        why: PromotionOutcome::ListingChanged,
    };
    for (cause, ended_well) in [
        (EndCause::QuitWithoutMaildrop, true),
        (EndCause::Left, true),
        (lost, false),
    ] {
        let entry = on_listing(&cause);
        let past = stored([entry]);
        let past = PastLogin::of(&past[0]).unwrap();
        assert_eq!(past.ended_well(), ended_well, "{cause:?}");
        assert!(Occupant::of(past).is_none(), "it kept nobody out");
    }
}
