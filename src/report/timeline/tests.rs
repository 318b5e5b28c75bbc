use super::*;
use crate::history::tests::entry_of;
use crate::history::{End, EntryId};
use crate::observe::event::EndCause;
use crate::policy::refusal::Refusal;
use crate::policy::sharing::{LetInReason, PromotionOutcome};
use crate::time::{Instant, Moment};
use proptest::prelude::*;
use std::net::SocketAddr;

pub(crate) const PC: &str = "192.0.2.7:50001";
pub(crate) const PHONE: &str = "198.51.100.23:40001";
pub(crate) const LAPTOP: &str = "[2001:db8:5::7]:60001";

/// `13:20` or `13:20:05.5` of the day that the tests are about.
pub(crate) fn at(time: &str) -> Timestamp {
    format!("2026-11-27T{time}Z").parse().unwrap()
}

pub(crate) fn axis(since: &str, until: &str) -> Axis {
    Axis::new(at(since), at(until)).unwrap()
}

pub(crate) fn subject(axis: Axis, now: &str) -> TimelineSubject {
    TimelineSubject {
        login: UserName::new(b"Ann@example.com"),
        maildrop: UserName::new(b"ann@example.com"),
        axis,
        now: at(now),
        kept_since: Some(at("00:00:00")),
        incomplete: None,
        logins_max: 1_000,
    }
}

pub(crate) fn guess(family: Family, confidence: Confidence) -> ProgramGuess {
    ProgramGuess { family, confidence }
}

/// A login of the past in the making: it asked at a time, and then was delayed, waited and held the
/// lock for some seconds.
pub(crate) struct LoginDraft {
    pub(crate) cause: EndCause,
    pub(crate) client: &'static str,
    pub(crate) family: Family,
    pub(crate) asked: Timestamp,
    pub(crate) delayed: f64,
    pub(crate) waited: f64,
    pub(crate) held: f64,
}

impl LoginDraft {
    pub(crate) fn new(cause: EndCause, client: &'static str, asked: Timestamp) -> Self {
        Self {
            cause,
            client,
            family: Family::Thunderbird,
            asked,
            delayed: 0.0,
            waited: 0.0,
            held: 0.0,
        }
    }

    pub(crate) fn of(self, family: Family) -> Self {
        Self { family, ..self }
    }

    pub(crate) fn delayed(self, delayed: f64) -> Self {
        Self { delayed, ..self }
    }

    pub(crate) fn waited(self, waited: f64) -> Self {
        Self { waited, ..self }
    }

    pub(crate) fn held(self, held: f64) -> Self {
        Self { held, ..self }
    }

    pub(crate) fn entry(self) -> HistoryEntry {
        let length = Duration::from_secs_f64;
        let granted = self.asked + length(self.delayed + self.waited);
        let ended = granted + length(self.held);
        let moment = Moment {
            instant: Instant::now(),
            wall: ended,
        };
        let mut entry = entry_of("ann@example.com", &self.cause, moment);
        entry.opened = self.asked;
        entry.client = self.client.parse().unwrap();
        entry.program = guess(self.family, Confidence::High);
        let login = entry.login.as_mut().unwrap();
        login.asked = self.asked;
        login.delayed = length(self.delayed);
        login.waited = length(self.waited);
        login.held = length(self.held);
        login.granted = (self.held > 0.0).then_some(granted);
        login.entered = self.held > 0.0 && was_let_in(entry.end);
        entry
    }
}

fn was_let_in(end: End) -> bool {
    matches!(
        end,
        End::Quit | End::QuitFailed | End::Left | End::TimedOut | End::Preempted | End::Kicked
    )
}

/// As the history gives them: the latest first, numbered.
pub(crate) fn stored(entries: impl IntoIterator<Item = HistoryEntry>) -> Vec<StoredEntry> {
    let mut entries: Vec<HistoryEntry> = entries.into_iter().collect();
    entries.sort_by_key(|entry| entry.ended);
    let numbered = entries.into_iter().zip(1..).map(|(mut entry, number)| {
        entry.session = SessionId(number);
        StoredEntry {
            id: EntryId(number),
            gate_started: at("00:00:00"),
            entry: Arc::new(entry),
        }
    });
    let mut stored: Vec<_> = numbered.collect();
    stored.reverse();
    stored
}

fn timeline(entries: impl IntoIterator<Item = HistoryEntry>, open: Vec<OpenLogin>) -> Timeline {
    let subject = subject(axis("13:00:00", "14:00:00"), "14:00:00");
    Timeline::of(subject, &stored(entries), open)
}

/// Kind, beginning and end of each bar, kind and time of each mark.
fn told(row: &ClientRow) -> Vec<String> {
    let clock = |at: Timestamp| at.strftime("%H:%M:%S").to_string();
    let bars = row.bars.iter().map(|bar| {
        let until = bar.until.map_or("…".to_owned(), clock);
        format!("{} {}-{until}", bar.kind.as_str(), clock(bar.from))
    });
    let marks = row
        .marks
        .iter()
        .map(|mark| format!("{} {}", mark.kind.as_str(), clock(mark.at)));
    bars.chain(marks).collect()
}

fn open_login(client: &str) -> OpenLogin {
    OpenLogin {
        session: SessionId(99),
        client: client.parse().unwrap(),
        program: guess(Family::IosMail, Confidence::Medium),
        asked: at("13:50:00"),
        delayed: true,
        queued: Some(at("13:50:02")),
        granted: None,
        viewing: None,
        entered: false,
    }
}

#[test]
fn a_login_is_a_bar_for_each_thing_that_took_its_time() {
    let login = LoginDraft::new(EndCause::Left, PC, at("13:10:00"));
    let shown = timeline([login.delayed(5.0).waited(10.0).held(30.0).entry()], vec![]);
    let bars = [
        "delay 13:10:00-13:10:05",
        "wait 13:10:05-13:10:15",
        "hold 13:10:15-13:10:45",
        "without_quit 13:10:45",
    ];
    assert_eq!(told(&shown.rows[0]), bars);
    assert_eq!(shown.left_out, 0);
}

#[test]
fn an_answer_that_is_held_back_comes_behind_the_lock() {
    let line = "-ERR no".to_owned();
    let login = LoginDraft::new(EndCause::WrongPassword { line }, PC, at("13:10:00"));
    let mut entry = login.waited(10.0).held(1.0).entry();
    entry.login.as_mut().unwrap().delayed = Duration::from_secs(4);
    entry.ended = at("13:10:15");
    entry.answer = Some("-ERR [AUTH] no".into());
    let shown = timeline([entry], vec![]);
    let bars = [
        "wait 13:10:00-13:10:10",
        "login 13:10:10-13:10:11",
        "delay 13:10:11-13:10:15",
        "refused 13:10:15",
    ];
    assert_eq!(told(&shown.rows[0]), bars);
    let words = shown.rows[0].marks[0].to_string();
    assert_eq!(words, "-ERR no; the client got: -ERR [AUTH] no");
}

#[test]
fn a_login_on_a_listing_is_there_without_the_maildrop() {
    let with_listing = |draft: LoginDraft, let_in, demotions, until: &str| {
        let mut entry = draft.entry();
        entry.ended = at(until);
        let listing = &mut entry.login.as_mut().unwrap().listing;
        (listing.let_in, listing.demotions) = (let_in, demotions);
        let shown = timeline([entry], vec![]);
        told(&shown.rows[0])
    };
    let draft = |cause| LoginDraft::new(cause, PC, at("13:10:00"));
    // It never needed the maildrop.
    let quit = draft(EndCause::QuitWithoutMaildrop);
    let fresh = with_listing(quit, Some(LetInReason::Fresh), 0, "13:10:20");
    assert_eq!(fresh, ["view 13:10:00-13:10:20"]);
    // Its wait was spent.
    let left = draft(EndCause::Left).waited(20.0);
    let spent = with_listing(left, Some(LetInReason::WaitSpent), 0, "13:10:30");
    let expected = [
        "wait 13:10:00-13:10:20",
        "view 13:10:20-13:10:30",
        "without_quit 13:10:30",
    ];
    assert_eq!(spent, expected);
    // It waited for the maildrop when it needed that.
    let mut promoted = draft(EndCause::Quit).waited(5.0).held(10.0).entry();
    promoted.ended = at("13:10:40");
    let login = promoted.login.as_mut().unwrap();
    login.listing.let_in = Some(LetInReason::Absorbed);
    login.granted = Some(at("13:10:30"));
    let expected = [
        "view 13:10:00-13:10:25",
        "wait 13:10:25-13:10:30",
        "hold 13:10:30-13:10:40",
    ];
    assert_eq!(told(&timeline([promoted], vec![]).rows[0]), expected);
    // It was sent back.
    let idle = draft(EndCause::IdleTimeout).held(15.0);
    let sent_back = with_listing(idle, None, 1, "13:20:15");
    let expected = [
        "hold 13:10:00-13:10:15",
        "view 13:10:15-13:20:15",
        "without_quit 13:20:15",
    ];
    assert_eq!(sent_back, expected);
}

#[test]
fn each_end_has_its_mark() {
    let line = || "-ERR".to_owned();
    let idle = Duration::from_secs(15);
    let why = PromotionOutcome::WaitSpent;
    for (cause, held, mark) in [
        (EndCause::Quit, 1.0, None),
        (EndCause::Left, 1.0, Some("without_quit")),
        (EndCause::IdleTimeout, 1.0, Some("without_quit")),
        (EndCause::Preempted { idle }, 1.0, Some("preempted")),
        (EndCause::Kicked { reason: None }, 1.0, Some("kicked")),
        (EndCause::QuitFailed, 1.0, Some("failed")),
        (EndCause::NotPromoted { why }, 0.0, Some("failed")),
        (
            EndCause::WrongPassword { line: line() },
            1.0,
            Some("refused"),
        ),
        (EndCause::HeldByAnother, 0.0, Some("refused")),
        (
            EndCause::RefusedByRule(Refusal::PerAddress),
            0.0,
            Some("refused"),
        ),
        (EndCause::Paused, 0.0, Some("refused")),
        (EndCause::LeftWaiting, 0.0, Some("gave_up")),
        (EndCause::LeftBeforeLogin, 0.0, Some("gave_up")),
        (EndCause::Shutdown, 0.0, Some("failed")),
    ] {
        let login = LoginDraft::new(cause.clone(), PC, at("13:10:00"));
        let shown = timeline([login.held(held).entry()], vec![]);
        let marks: Vec<_> = shown.rows[0]
            .marks
            .iter()
            .map(|it| it.kind.as_str())
            .collect();
        assert_eq!(marks, mark.into_iter().collect::<Vec<_>>(), "{cause:?}");
    }
}

#[test]
fn a_row_is_one_program_at_one_address_and_the_first_one_comes_first() {
    let quit = |client, time| LoginDraft::new(EndCause::Quit, client, at(time)).held(1.0);
    let mut unsure = quit(PC, "13:25:00").entry();
    unsure.program.confidence = Confidence::Low;
    let mut twin = quit(PC, "13:24:00").of(Family::Unknown).entry();
    twin.is_twin = true;
    let shown = timeline(
        [
            quit(PHONE, "13:20:00").of(Family::IosMail).entry(),
            quit(PC, "13:10:00").entry(),
            unsure,
            twin,
        ],
        vec![],
    );
    let rows: Vec<_> = shown
        .rows
        .iter()
        .map(|row| {
            (
                row.program.to_string(),
                row.client.to_string(),
                row.bars.len(),
            )
        })
        .collect();
    let row = |program: &str, client: &str, bars| (program.to_owned(), client.to_owned(), bars);
    let expected = [
        row("Thunderbird (high)", "192.0.2.7", 2),
        row("iOS Mail (high)", "198.51.100.23", 1),
        row("unknown", "192.0.2.7", 1),
    ];
    assert_eq!(rows, expected);
    assert_eq!(told(&shown.rows[2])[1], "twin 13:24:00");
}

#[test]
fn a_program_that_was_not_recognised_once_has_one_row() {
    let quit = |client, time| LoginDraft::new(EndCause::Quit, client, at(time)).held(1.0);
    let shown = timeline(
        [
            quit(PC, "13:10:00").of(Family::Unknown).entry(),
            quit(PC, "13:20:00").entry(),
            quit(PHONE, "13:30:00").of(Family::Unknown).entry(),
        ],
        vec![],
    );
    let rows: Vec<_> = (shown.rows.iter())
        .map(|row| (row.program.family, row.bars.len()))
        .collect();
    assert_eq!(rows, [(Family::Thunderbird, 2), (Family::Unknown, 1)]);
}

#[test]
fn what_is_not_over_goes_on() {
    let granted = OpenLogin {
        granted: Some(at("13:50:10")),
        entered: true,
        ..open_login(PHONE)
    };
    // However long its task had no turn: the lock was free.
    let trying = OpenLogin {
        delayed: false,
        queued: None,
        granted: Some(at("13:50:03")),
        ..open_login(LAPTOP)
    };
    let delayed = OpenLogin {
        queued: None,
        ..open_login("203.0.113.9:1")
    };
    let shown = timeline([], vec![open_login(PC), granted, trying, delayed]);
    let of = |client: &str| {
        let address: ClientPrefix = client.parse::<SocketAddr>().unwrap().ip().into();
        told(shown.rows.iter().find(|row| row.client == address).unwrap())
    };
    assert_eq!(of(PC), ["delay 13:50:00-13:50:02", "wait 13:50:02-…"]);
    let through_the_queue = [
        "delay 13:50:00-13:50:02",
        "wait 13:50:02-13:50:10",
        "hold 13:50:10-…",
    ];
    assert_eq!(of(PHONE), through_the_queue);
    assert_eq!(of(LAPTOP), ["login 13:50:03-…"]);
    assert_eq!(of("203.0.113.9:1"), ["delay 13:50:00-…"]);
    let viewing = OpenLogin {
        delayed: false,
        queued: None,
        viewing: Some(at("13:50:20")),
        ..open_login(PC)
    };
    let shown = timeline([], vec![viewing]);
    assert_eq!(told(&shown.rows[0]), ["view 13:50:20-…"]);
}

#[test]
fn what_went_over_between_two_looks_is_shown_once() {
    let over = LoginDraft::new(EndCause::Quit, PHONE, at("13:50:00")).held(5.0);
    let past = stored([over.entry()]);
    let open = OpenLogin {
        session: past[0].entry.session,
        ..open_login(PHONE)
    };
    let later = OpenLogin {
        asked: at("13:51:00"),
        queued: None,
        ..open.clone()
    };
    let subject = || subject(axis("13:00:00", "14:00:00"), "14:00:00");
    let bars = |open| {
        let shown = Timeline::of(subject(), &past, vec![open]);
        shown.rows.iter().map(|row| row.bars.len()).sum::<usize>()
    };
    assert_eq!(bars(open), 1);
    assert_eq!(bars(later), 2, "the next login of the same session");
}

#[test]
fn what_is_not_on_the_axis_is_no_row() {
    let held = |time| {
        let login = LoginDraft::new(EndCause::Quit, PC, at(time));
        login.held(60.0).entry()
    };
    let shown = timeline([held("12:58:30"), held("14:00:00")], vec![]);
    assert!(shown.rows.is_empty());
    let shown = timeline([held("12:59:30"), held("13:59:30")], vec![]);
    assert_eq!(shown.rows[0].bars.len(), 2);
}

#[test]
fn strangers_do_not_push_out_who_was_let_in() {
    let stranger = |number: usize| {
        let line = "-ERR no".to_owned();
        let time = at("13:30:00") + Duration::from_secs(number as u64);
        let mut entry = LoginDraft::new(EndCause::WrongPassword { line }, PC, time).entry();
        entry.client.set_ip([203, 0, 113, number as u8].into());
        entry
    };
    let owner = LoginDraft::new(EndCause::Quit, PHONE, at("13:10:00")).held(1.0);
    let count = 2 * TIMELINE_ROWS_MAX;
    let strangers = (0..count).flat_map(|number| [stranger(number), stranger(number)]);
    let shown = timeline(strangers.chain([owner.entry()]), vec![]);
    assert_eq!(shown.rows.len(), TIMELINE_ROWS_MAX);
    assert_eq!(shown.rows[0].client.to_string(), "198.51.100.23");
    assert_eq!(shown.left_out, 2 * (count - TIMELINE_ROWS_MAX + 1));
}

#[test]
fn a_session_without_a_login_is_in_no_maildrop() {
    let mut entry = LoginDraft::new(EndCause::LeftBeforeLogin, PC, at("13:10:00")).entry();
    entry.login = None;
    assert!(timeline([entry], vec![]).rows.is_empty());
}

/// Any login that ends within or near the hour that is shown.
pub(crate) fn any_login() -> impl Strategy<Value = HistoryEntry> {
    let causes = prop_oneof![
        Just(EndCause::Quit),
        Just(EndCause::Left),
        Just(EndCause::HeldByAnother),
        Just(EndCause::LeftWaiting),
        Just(EndCause::Preempted {
            idle: Duration::ZERO
        }),
        Just(EndCause::WrongPassword {
            line: "-ERR <no> & \u{202e}\u{1}".to_owned()
        }),
    ];
    let client = prop_oneof![Just(PC), Just(PHONE), Just(LAPTOP)];
    let family = prop_oneof![Just(Family::Unknown), Just(Family::IosMail)];
    let second = 12.0 * 3_600.0..15.0 * 3_600.0;
    let short = 0.0..100.0_f64;
    (
        causes,
        client,
        family,
        second,
        short.clone(),
        short.clone(),
        short,
    )
        .prop_map(|(cause, client, family, second, delayed, waited, held)| {
            let asked = at("00:00:00") + Duration::from_secs_f64(second);
            LoginDraft::new(cause, client, asked)
                .of(family)
                .delayed(delayed)
                .waited(waited)
                .held(held)
                .entry()
        })
}

proptest! {
    #[test]
    fn each_login_of_the_time_is_in_a_row_or_counted(
        entries in prop::collection::vec(any_login(), 0..60),
        logins_max in 0..60_usize,
    ) {
        let axis = axis("13:00:00", "14:00:00");
        let past = stored(entries);
        let expected = past
            .iter()
            .filter(|it| axis.meets(it.entry.login.as_ref().unwrap().asked, it.entry.ended))
            .count();
        let subject = TimelineSubject { logins_max, ..subject(axis, "15:00:00") };
        let shown = Timeline::of(subject, &past, vec![]);
        let mut sessions: Vec<_> = shown
            .rows
            .iter()
            .flat_map(|row| {
                let bars = row.bars.iter().map(Bar::session);
                bars.chain(row.marks.iter().map(|mark| mark.entry.session))
            })
            .collect();
        sessions.sort_unstable();
        sessions.dedup();
        prop_assert_eq!(sessions.len() + shown.left_out, expected);
        for row in &shown.rows {
            for bar in &row.bars {
                prop_assert!(bar.until.is_none_or(|until| until >= bar.from));
            }
        }
    }
}
