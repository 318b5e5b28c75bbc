use super::*;
use crate::history::HistoryEntry;
use crate::ids::SessionId;
use crate::observe::event::EndCause;
use crate::program::{Confidence, Family};
use crate::report::timeline::tests::{
    LAPTOP, LoginDraft, PC, PHONE, any_login, at, axis, guess, stored, subject,
};
use crate::report::timeline::{Axis, Bar, OpenLogin};
use crate::report::words::Language;
use jiff::tz::{Offset, TimeZone};
use proptest::prelude::*;
use roxmltree::{Document, Node};
use std::{env, fs};

const HOUSEHOLD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pictures/household.svg");

fn english() -> Words {
    Words::new(Language::English, TimeZone::UTC)
}

/// The phone is in the mailbox now, and the program on the desk waits.
fn still_there() -> Vec<OpenLogin> {
    let holder = OpenLogin {
        session: SessionId(101),
        client: PHONE.parse().unwrap(),
        program: guess(Family::IosMail, Confidence::Medium),
        asked: at("13:56:00"),
        delayed: false,
        queued: None,
        granted: Some(at("13:56:00")),
        viewing: None,
        entered: true,
    };
    let waiter = OpenLogin {
        session: SessionId(102),
        client: PC.parse().unwrap(),
        program: guess(Family::Thunderbird, Confidence::High),
        asked: at("13:57:10"),
        delayed: false,
        queued: Some(at("13:57:10")),
        granted: None,
        viewing: None,
        entered: false,
    };
    vec![holder, waiter]
}

/// A household on an afternoon: a program that looks for mail every ten minutes, with a scanner
/// beside it, a phone that never says QUIT, and a laptop that has an old password.
fn household() -> Timeline {
    let mut past = Vec::new();
    for minute in [0, 10, 20, 30, 40, 50] {
        let time = at(&format!("13:{minute:02}:04"));
        let download = if minute == 20 { 400.0 } else { 25.0 };
        past.push(
            LoginDraft::new(EndCause::Quit, PC, time)
                .held(download)
                .entry(),
        );
        let scanner = LoginDraft::new(EndCause::Quit, PC, time + Duration::from_secs(1));
        let mut twin = scanner.of(Family::Unknown).held(1.0);
        if minute == 20 {
            twin.cause = EndCause::HeldByAnother;
            twin.held = 0.0;
            twin.waited = 25.0;
        } else {
            twin.waited = 24.0;
        }
        let mut twin = twin.entry();
        twin.is_twin = true;
        past.push(twin);
    }
    for (time, waited, held) in [
        ("13:03:00", 0.0, 9.0),
        ("13:08:00", 0.0, 12.0),
        ("13:13:00", 0.0, 8.0),
        ("13:27:30", 0.0, 9.0),
        ("13:36:00", 0.0, 10.0),
        ("13:46:00", 0.0, 31.0),
    ] {
        let phone = LoginDraft::new(EndCause::Left, PHONE, at(time)).of(Family::IosMail);
        past.push(phone.waited(waited).held(held).entry());
    }
    for time in ["13:21:00", "13:22:00", "13:23:10", "13:24:40"] {
        let phone = LoginDraft::new(EndCause::HeldByAnother, PHONE, at(time)).of(Family::IosMail);
        let mut entry = phone.waited(22.0).entry();
        entry.answer = Some("-ERR [IN-USE] Mailbox is locked by another of your programs".into());
        past.push(entry);
    }
    let idle = EndCause::Preempted {
        idle: Duration::from_secs(15),
    };
    let phone = LoginDraft::new(idle, PHONE, at("13:52:00")).of(Family::IosMail);
    past.push(phone.held(100.0).entry());
    let waiter = LoginDraft::new(EndCause::Quit, PC, at("13:53:20"));
    past.push(waiter.waited(20.0).held(15.0).entry());
    for minute in [6, 18, 34, 44] {
        let line = "-ERR [AUTH] Invalid login".to_owned();
        let time = at(&format!("13:{minute:02}:30"));
        let laptop = LoginDraft::new(EndCause::WrongPassword { line }, LAPTOP, time);
        let mut entry = laptop.of(Family::Outlook).held(2.0).entry();
        entry.login.as_mut().unwrap().delayed = Duration::from_secs(20);
        past.push(entry);
    }
    let subject = subject(axis("13:00:00", "14:00:00"), "13:57:30");
    Timeline::of(subject, &stored(past), still_there())
}

fn shown(axis: Axis, past: Vec<HistoryEntry>) -> Timeline {
    let mut subject = subject(axis, "23:00:00");
    subject.logins_max = 20_000;
    subject.kept_since = Some(axis.since());
    Timeline::of(subject, &stored(past), vec![])
}

/// A document that a parser takes for one.
fn parsed(svg: &str) -> Document<'_> {
    Document::parse(svg).unwrap_or_else(|error| panic!("{error}: {svg}"))
}

/// The groups of a class.
fn groups<'a>(document: &'a Document<'_>, class: &str) -> Vec<Node<'a, 'a>> {
    let root = document.root_element();
    root.descendants()
        .filter(|it| it.attribute("class") == Some(class))
        .filter(|it| it.parent().and_then(|it| it.attribute("class")) == Some("timeline-row"))
        .collect()
}

fn rectangle(group: &Node<'_, '_>) -> (f64, f64) {
    let rect = group.children().find(|it| it.has_tag_name("rect")).unwrap();
    let number = |name: &str| rect.attribute(name).unwrap().parse::<f64>().unwrap();
    (number("x"), number("x") + number("width"))
}

fn title<'a>(group: &Node<'a, 'a>) -> &'a str {
    let title = group.children().find(|it| it.has_tag_name("title"));
    title.and_then(|it| it.text()).unwrap_or_default()
}

#[test]
fn the_picture_of_a_household_is_the_one_that_is_kept() {
    let svg = draw(&household(), &english());
    parsed(&svg);
    if env::var_os("UPDATE_REFERENCE").is_some() {
        fs::create_dir_all(std::path::Path::new(HOUSEHOLD).parent().unwrap()).unwrap();
        fs::write(HOUSEHOLD, &svg).unwrap();
    }
    let kept = fs::read_to_string(HOUSEHOLD).unwrap_or_default();
    let line = kept.lines().zip(svg.lines()).position(|(a, b)| a != b);
    assert!(
        kept == svg,
        "{HOUSEHOLD} is another from line {line:?} on: look at it, and run UPDATE_REFERENCE=1 \
         cargo test --lib report::svg"
    );
}

#[test]
fn a_picture_needs_nothing_else_and_runs_nothing() {
    let svg = draw(&household(), &english());
    let document = parsed(&svg);
    let root = document.root_element();
    assert_eq!(root.attribute("role"), Some("img"));
    assert_eq!(root.attribute("lang"), Some("en"));
    assert_eq!(root.attribute("width"), Some("900"));
    let first: Vec<_> = root.children().filter(Node::is_element).take(2).collect();
    assert_eq!(first[0].tag_name().name(), "title");
    assert_eq!(
        first[0].text(),
        Some("Who was in the mailbox ann@example.com")
    );
    let told = first[1].text().unwrap();
    assert!(
        told.contains("iOS Mail, 198.51.100.23. in the mailbox: 8 × (≤ 1 min 40 s)"),
        "{told}"
    );
    for node in root.descendants().filter(Node::is_element) {
        let name = node.tag_name().name();
        assert!(
            !["script", "style", "image", "foreignObject", "a"].contains(&name),
            "{name}"
        );
        for attribute in node.attributes() {
            let name = attribute.name();
            let value = attribute.value();
            assert!(
                name != "style" && name != "href" && !name.starts_with("on"),
                "{name}"
            );
            assert!(
                !value.contains("url(") || value.starts_with("url(#timeline-"),
                "{value}"
            );
        }
    }
}

#[test]
fn what_clients_typed_and_servers_said_stays_a_text() {
    let hostile = "\"'><script>alert(1)</script>&lt;\u{202e}\u{1}\u{fffe}]]>";
    let line = hostile.to_owned();
    let cause = EndCause::WrongPassword { line: line.clone() };
    let mut entry = LoginDraft::new(cause, PC, at("13:10:00")).entry();
    entry.answer = Some(line.into());
    let mut timeline = shown(axis("13:00:00", "14:00:00"), vec![entry]);
    timeline.maildrop = crate::ids::UserName::new(hostile.as_bytes());
    let svg = draw(&timeline, &english());
    let document = parsed(&svg);
    let titles: Vec<_> = document
        .descendants()
        .filter(|it| it.has_tag_name(("http://www.w3.org/2000/svg", "title")))
        .filter_map(|it| it.text())
        .collect();
    let as_typed = "\"'><script>alert(1)</script>&lt;\\u{202e}\\u{1}\\u{fffe}]]>";
    assert!(titles[0].ends_with(as_typed), "{}", titles[0]);
    assert!(
        titles
            .iter()
            .any(|it| it.starts_with("login refused: ") && it.contains(as_typed))
    );
    assert_eq!(
        document
            .descendants()
            .filter(|it| it.tag_name().name() == "script")
            .count(),
        0
    );
}

#[test]
fn what_a_mark_stands_for_is_told_in_the_language_that_is_asked_for() {
    let login = LoginDraft::new(EndCause::HeldByAnother, PC, at("13:10:00"));
    let timeline = shown(
        axis("13:00:00", "14:00:00"),
        vec![login.waited(10.0).entry()],
    );
    let svg = draw(&timeline, &Words::new(Language::German, TimeZone::UTC));
    assert!(
        svg.contains("eine andere Sitzung war die ganze Wartezeit"),
        "{svg}"
    );
    assert!(!svg.contains("session"), "{svg}");
}

#[test]
fn times_are_exact_and_in_the_zone_that_is_asked_for() {
    let login = LoginDraft::new(EndCause::Quit, PC, at("13:10:00.125")).held(30.5);
    let timeline = shown(axis("13:00:00", "14:00:00"), vec![login.entry()]);
    let zone = TimeZone::fixed(Offset::from_seconds(7 * 3_600 + 1_800).unwrap());
    let svg = draw(&timeline, &Words::new(Language::German, zone));
    let document = parsed(&svg);
    assert_eq!(document.root_element().attribute("lang"), Some("de"));
    let hold = groups(&document, "timeline-hold");
    assert_eq!(
        title(&hold[0]),
        "im Postfach: 2026-11-27 20:40:00.125 – 2026-11-27 20:40:30.625 (30.5 s), #1"
    );
    let texts: Vec<_> = document.descendants().filter_map(|it| it.text()).collect();
    for expected in [
        "2026-11-27T20:30:00+07:30 – 2026-11-27T21:30:00+07:30",
        "20:40",
        "2026-11-27",
    ] {
        assert!(texts.contains(&expected), "{expected}");
    }
}

#[test]
fn a_wait_is_joined_to_the_hold_that_it_was_for() {
    let holder = LoginDraft::new(EndCause::Quit, PC, at("13:10:00")).held(600.0);
    let next = LoginDraft::new(EndCause::Quit, LAPTOP, at("13:20:00")).held(600.0);
    let waiter = LoginDraft::new(EndCause::Quit, PHONE, at("13:15:00"));
    let past = vec![
        holder.entry(),
        next.entry(),
        waiter.waited(900.0).held(60.0).entry(),
    ];
    let timeline = shown(axis("13:00:00", "14:00:00"), past);
    let picture = english();
    let scale = Picture::new(&timeline, &picture).scale;
    let found: Vec<_> = links(&timeline, &scale)
        .iter()
        .map(|it| (it.waiting, it.holding, it.left, it.right))
        .collect();
    let x = |time| scale.x(at(time));
    // The phone has the row between: its wait began before the laptop came.
    let expected = [
        (1, 0, x("13:15:00"), x("13:20:00")),
        (1, 2, x("13:20:00"), x("13:30:00")),
    ];
    assert_eq!(found, expected);
    assert_eq!(
        draw(&timeline, &picture).matches("timeline-link").count(),
        2
    );
}

#[test]
fn a_bar_that_took_no_time_is_seen_and_one_that_goes_on_has_no_end() {
    let login = LoginDraft::new(EndCause::Quit, PC, at("13:10:00")).held(0.001);
    let timeline = shown(axis("00:00:00", "23:00:00"), vec![login.entry()]);
    let svg = draw(&timeline, &english());
    let document = parsed(&svg);
    let (left, right) = rectangle(&groups(&document, "timeline-hold")[0]);
    assert!(right - left >= 1.0, "{left} {right}");
    let svg = draw(&household(), &english());
    let document = parsed(&svg);
    let open: Vec<_> = groups(&document, "timeline-hold")
        .into_iter()
        .filter(|it| it.children().any(|it| it.tag_name().name() == "path"))
        .collect();
    assert_eq!(open.len(), 1);
    assert!(
        title(&open[0]).contains("13:56:00.000 – …"),
        "{}",
        title(&open[0])
    );
}

#[test]
fn what_is_not_known_is_not_shown_as_quiet() {
    let mut timeline = shown(axis("13:00:00", "14:00:00"), vec![]);
    let unknown = |timeline: &Timeline| {
        let svg = draw(timeline, &english());
        svg.matches("class=\"timeline-unknown\"").count()
    };
    assert_eq!(unknown(&timeline), 0);
    timeline.now = at("13:50:00");
    assert_eq!(unknown(&timeline), 1);
    timeline.kept_since = Some(at("13:30:00"));
    // In the legend, too.
    assert_eq!(unknown(&timeline), 3);
    timeline.left_out = 7;
    assert!(draw(&timeline, &english()).contains("at least 7 more are not shown"));
    timeline.incomplete = Some("malformed".to_owned());
    let svg = draw(&timeline, &english());
    assert!(svg.contains("Logins of this time may be missing"));
    assert!(svg.contains("at least 7 more are not shown"));
}

#[test]
fn time_that_is_not_kept_is_in_the_legend_and_does_not_look_like_waiting() {
    let mut timeline = shown(axis("13:00:00", "14:00:00"), vec![]);
    timeline.kept_since = Some(at("13:30:00"));
    let svg = draw(&timeline, &english());
    let document = parsed(&svg);
    let mut groups = document.descendants();
    let legend = groups.find(|it| it.attribute("class") == Some("timeline-legend"));
    let words: Vec<_> = legend
        .unwrap()
        .descendants()
        .filter(|it| it.is_text())
        .filter_map(|it| it.text())
        .filter(|it| !it.trim().is_empty())
        .collect();
    assert_eq!(words, ["nothing is recorded of this time"]);
    let path = |id: &str| {
        let mut patterns = document.descendants();
        let pattern = patterns.find(|it| it.attribute("id") == Some(id)).unwrap();
        let path = pattern.children().find(|it| it.has_tag_name("path"));
        path.unwrap().attribute("d").unwrap().to_owned()
    };
    let has_slanted_lines = |path: &str| path.contains('L');
    assert!(has_slanted_lines(&path("timeline-wait")));
    assert!(!has_slanted_lines(&path("timeline-unknown")));
}

#[test]
fn a_week_of_a_phone_that_checks_each_minute_is_small() {
    let minutes = 0..7 * 24 * 60;
    let start = at("00:00:00") - Duration::from_secs(7 * 24 * 3_600);
    let past: Vec<_> = minutes
        .map(|minute| {
            let time = start + Duration::from_secs(60 * minute);
            LoginDraft::new(EndCause::Left, PHONE, time)
                .waited(2.0)
                .held(3.0)
                .entry()
        })
        .collect();
    let count = past.len();
    let timeline = shown(Axis::new(start, at("00:00:00")).unwrap(), past);
    let svg = draw(&timeline, &english());
    assert!(svg.len() < 200_000, "{}", svg.len());
    let document = parsed(&svg);
    let told = groups(&document, "timeline-hold");
    let bars = told
        .iter()
        .map(|it| title(it).split(' ').next().unwrap().parse().unwrap_or(1));
    assert_eq!(bars.sum::<usize>(), count);
}

#[test]
fn the_axis_names_round_times() {
    for (since, until, first, second) in [
        ("13:00:03", "14:00:00", "13:10", "13:20"),
        ("13:00:03", "13:00:20", "13:00:05", "13:00:10"),
        ("00:00:00", "23:00:00", "00:00", "03:00"),
    ] {
        let scale = Scale {
            axis: axis(since, until),
            left: AXIS_LEFT,
            right: WIDTH - MARGIN,
        };
        let ticks = scale.ticks(&TimeZone::UTC);
        let times: Vec<_> = ticks.iter().filter_map(|it| it.time.as_deref()).collect();
        assert_eq!(times[..2], [first, second], "{since} {until}: {times:?}");
        assert!(ticks.len() <= 12, "{times:?}");
        assert_eq!(ticks[0].date.as_deref(), Some("2026-11-27"));
        assert!(ticks[1..].iter().all(|it| it.date.is_none()));
    }
    let year = Axis::new(
        at("00:00:00") - Duration::from_secs(365 * 86_400),
        at("00:00:00"),
    );
    let scale = Scale {
        axis: year.unwrap(),
        left: AXIS_LEFT,
        right: WIDTH - MARGIN,
    };
    let ticks = scale.ticks(&TimeZone::UTC);
    assert!((5..12).contains(&ticks.len()), "{ticks:?}");
    assert!(
        ticks
            .iter()
            .all(|it| it.time.is_none() && it.date.is_some())
    );
}

proptest! {
    #[test]
    fn each_bar_is_in_one_block_within_the_axis_and_blocks_do_not_overlap(
        past in prop::collection::vec(any_login(), 0..80),
        hours in 1..30_u64,
    ) {
        let until = at("14:00:00");
        let since = until - Duration::from_secs(3_600 * hours);
        let timeline = shown(Axis::new(since, until).unwrap(), past);
        let words = english();
        let scale = Picture::new(&timeline, &words).scale;
        for row in &timeline.rows {
            for &kind in BarKind::ALL {
                let bars: Vec<&Bar> = row.bars.iter().filter(|it| it.kind == kind).collect();
                let on_axis = bars
                    .iter()
                    .filter(|it| scale.shows(it.from, it.until.unwrap()))
                    .count();
                let found = blocks::blocks(bars.into_iter(), &scale, timeline.now);
                prop_assert_eq!(found.iter().map(|it| it.bars.len()).sum::<usize>(), on_axis);
                let mut edge = scale.left;
                for block in &found {
                    prop_assert!(block.left >= edge, "{} {}", block.left, edge);
                    prop_assert!(block.right - block.left >= 1.0);
                    prop_assert!((0.0..=1.0).contains(&block.density()));
                    edge = block.right;
                }
                prop_assert!(edge <= scale.right + 0.01, "{}", edge);
            }
            let on_axis = row.marks.iter().filter(|it| scale.shows(it.at, it.at)).count();
            let found = blocks::clusters(row.marks.iter(), &scale);
            prop_assert_eq!(found.iter().map(|it| it.marks.len()).sum::<usize>(), on_axis);
        }
        let svg = draw(&timeline, &words);
        prop_assert!(Document::parse(&svg).is_ok());
    }
}
