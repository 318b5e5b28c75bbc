use super::draw::draw;
use super::order::LockOrder;
use super::reading::TopReading;
use super::state::{GateRequest, TopCommand, TopNews, TopState};
use crate::admin::model::{
    BackendInfo, BackendStateWord, BackendTotals, BlockTotals, GateStatus, HolderInfo, JournalInfo,
    LockInfo, LockTotals, Page, PausedInfo, RefusalTotals, SessionTotals, WaiterInfo,
};
use crate::cli::ExitStatus;
use crate::cli::client::Failure;
use crate::limits::{TOP_NOTICE, TOP_SILENCE};
use crate::time::{Duration, Instant};
use jiff::Timestamp;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::{Color, Modifier};

/// A gate that started at 00:00:00, so many seconds later.
fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

fn status(second: i64) -> GateStatus {
    GateStatus {
        version: "1.2.3".to_owned(),
        started: at(0),
        now: at(second),
        stage: "serving".to_owned(),
        ready: true,
        not_ready: None,
        log_level: "info".to_owned(),
        sessions: SessionTotals {
            open: 7,
            max: 100,
            viewing: 0,
        },
        locks: LockTotals {
            held: 3,
            waiting: 2,
            contended: 1,
            longest_wait_seconds: 8.25,
        },
        refusals: RefusalTotals {
            lock: 0,
            auth: 0,
            rule: 0,
        },
        logins: 0,
        backends: BackendTotals { up: 1, total: 1 },
        blocks: BlockTotals {
            blocked: 1,
            released: 0,
        },
        paused: PausedInfo::default(),
        journal: JournalInfo::default(),
        cluster: None,
    }
}

fn holder(session: u64) -> HolderInfo {
    HolderInfo {
        session,
        client: format!("192.0.2.1:{session}"),
        tenant: "default".to_owned(),
        program: Some("Thunderbird".to_owned()),
        lane: "main".to_owned(),
        since: at(0),
        held_seconds: 12.0,
        phase: "transaction".to_owned(),
        last_command: Some("RETR".to_owned()),
        idle_seconds: Some(3.5),
        retrieved: 4,
        bytes_to_client: 34_000,
        bytes_to_backend: 100,
    }
}

fn waiter(session: u64, waited_seconds: f64) -> WaiterInfo {
    WaiterInfo {
        session,
        client: format!("192.0.2.2:{session}"),
        tenant: "default".to_owned(),
        program: None,
        lane: "main".to_owned(),
        since: at(0),
        waited_seconds,
        until: at(60),
    }
}

fn lock(maildrop: &str, session: u64) -> LockInfo {
    LockInfo {
        id: format!("demo/{maildrop}"),
        maildrop: maildrop.to_owned(),
        backends: vec!["demo".to_owned()],
        backend: Some("demo".to_owned()),
        tenant: Some("default".to_owned()),
        holder: Some(holder(session)),
        waiters: vec![waiter(session + 1, 8.25), waiter(session + 2, 2.0)],
        longest_wait_seconds: 8.25,
    }
}

fn reading(second: i64, locks: Vec<LockInfo>) -> TopReading {
    TopReading {
        status: status(second),
        locks: Page {
            total: locks.len(),
            items: locks,
            offset: 0,
        },
        backends: vec![BackendInfo {
            name: "demo".to_owned(),
            address: "10.0.0.5:110".to_owned(),
            state: BackendStateWord::Up,
            why: None,
            paused: false,
            connections: 3,
            connections_max: None,
        }],
    }
}

fn three() -> Vec<LockInfo> {
    vec![lock("ann", 10), lock("bob", 20), lock("eve", 30)]
}

fn read_at(state: &mut TopState, reading: TopReading, now: Instant) {
    state.on_news(TopNews::Reading(Ok(Box::new(reading))), now);
}

fn read(state: &mut TopState, reading: TopReading) {
    read_at(state, reading, Instant::now());
}

fn press(state: &mut TopState, key: KeyCode) -> Option<TopCommand> {
    state.on_key(KeyEvent::new(key, KeyModifiers::NONE), Instant::now())
}

fn typed(state: &mut TopState, keys: &str) -> Option<TopCommand> {
    keys.chars()
        .map(|key| press(state, KeyCode::Char(key)))
        .last()
        .flatten()
}

/// Lines of a terminal of that size, without blanks at their ends.
fn drawn(state: &TopState, width: u16, height: u16) -> Vec<String> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, state, false)).unwrap();
    let buffer = terminal.backend().buffer();
    (0..height)
        .map(|y| {
            let line: String = (0..width).map(|x| buffer[(x, y)].symbol()).collect();
            line.trim_end().to_owned()
        })
        .collect()
}

fn shows(state: &TopState, text: &str) -> bool {
    drawn(state, 120, 30).iter().any(|line| line.contains(text))
}

#[test]
fn a_screen_has_the_gate_the_mailboxes_with_their_queues_and_the_backends() {
    let state = TopState::new(reading(65, vec![lock("ann@example.com", 10)]));
    let expected = "\
popgate 1.2.3 serving, up 1 m 05 s                                      2023-11-14 22:14:25 UTC
7 sessions of 100   3 locks held   2 waiting for 1 mailbox   longest wait 8.2 s
rates follow in a second   1 blocked

  MAILBOX           WAIT  QUEUE  HELD BY        FOR   IDLE  LAST  MESSAGES   SENT  PROGRAM
> ann@example.com  8.2 s      2  192.0.2.1:10  12 s  3.5 s  RETR         4  34 kB  Thunderbird
    waiting: 192.0.2.2:11 8.2 s!, 192.0.2.2:12 2.0 s!
1 of 1, by longest wait


BACKEND  STATE  CONNECTIONS  MAX  ADDRESS       WHY
demo     up               3    -  10.0.0.5:110  -
q quit  ? help  ↑↓ select  Enter all waiters  s sort  K kick  p pause";
    assert_eq!(drawn(&state, 95, 13).join("\n"), expected);
}

#[test]
fn who_has_the_lock_and_is_not_in_the_mailbox_is_told_as_that() {
    for (phase, told) in [
        ("waiting", "192.0.2.1:10 paused "),
        ("logging_in", "192.0.2.1:10 logs in "),
        ("transaction", "192.0.2.1:10  "),
    ] {
        let mut ann = lock("ann", 10);
        ann.holder.as_mut().unwrap().phase = phase.to_owned();
        assert!(
            shows(&TopState::new(reading(65, vec![ann])), told),
            "{phase}"
        );
    }
}

#[test]
fn what_has_no_room_is_left_out_and_a_terminal_that_is_too_small_is_told() {
    let state = TopState::new(reading(65, three()));
    let narrow = drawn(&state, 60, 12);
    assert!(
        narrow
            .iter()
            .any(|line| line.starts_with("  MAILBOX   WAIT  QUEUE  HELD BY"))
    );
    assert!(
        narrow
            .iter()
            .any(|line| line.starts_with("1 of 3, by longest wait; 2 more below"))
    );
    assert!(narrow.last().unwrap().starts_with("q quit"));
    let small = drawn(&state, 59, 12).join(" ");
    assert!(small.starts_with("The terminal is too small: it has 59 columns and 12 lines"));
    for (width, height) in [(1, 1), (3, 40), (200, 2), (60, 12)] {
        drawn(&state, width, height);
    }
}

#[test]
fn rates_are_those_of_the_last_seconds_and_begin_anew_with_a_new_process() {
    let mut state = TopState::new(reading(0, Vec::new()));
    let mut next = |second, logins, auth, started| {
        let mut reading = reading(second, Vec::new());
        reading.status.started = started;
        reading.status.logins = logins;
        reading.status.refusals.auth = auth;
        read(&mut state, reading);
        drawn(&state, 100, 20)[2].clone()
    };
    let rates = "2.5 logins/s   0.5 refused/s (lock 0.0, password 0.5, limit or block 0.0)";
    assert!(next(2, 5, 1, at(0)).starts_with(rates));
    assert!(next(12, 5, 1, at(0)).starts_with("0.0 logins/s   0.0 refused/s"));
    assert!(next(14, 0, 0, at(13)).starts_with("rates follow"));
    assert!(next(15, 3, 0, at(13)).starts_with("3.0 logins/s"));
}

#[test]
fn the_selection_stays_with_its_mailbox_where_the_order_changes() {
    let mut state = TopState::new(reading(1, three()));
    typed(&mut state, "j");
    assert_eq!(state.row(), 1);
    let turned = vec![lock("eve", 30), lock("ann", 10), lock("bob", 20)];
    read(&mut state, reading(2, turned));
    assert_eq!(state.row(), 2);
    // Where it is gone, whatever stands in its place is selected.
    let two = vec![lock("eve", 30), lock("ann", 10)];
    read(&mut state, reading(3, two));
    assert_eq!(state.row(), 1);
    read(&mut state, reading(4, Vec::new()));
    assert!(shows(&state, "Nobody waits for a mailbox."));
    for key in [
        KeyCode::Down,
        KeyCode::PageDown,
        KeyCode::End,
        KeyCode::Enter,
    ] {
        press(&mut state, key);
    }
    read(&mut state, reading(5, three()));
    press(&mut state, KeyCode::End);
    assert_eq!(state.row(), 2);
    press(&mut state, KeyCode::PageUp);
    assert_eq!(state.row(), 0);
}

#[test]
fn enter_shows_all_waiters_and_q_goes_back_before_it_quits() {
    let mut crowded = lock("ann", 10);
    crowded.waiters = (0..40).map(|n| waiter(100 + n, 1.0)).collect();
    let mut state = TopState::new(reading(1, vec![crowded]));
    assert!(shows(&state, "more"), "40 do not fit on a line");
    press(&mut state, KeyCode::Enter);
    assert!(shows(&state, "192.0.2.2:100"));
    assert!(!shows(&state, "192.0.2.2:139"));
    press(&mut state, KeyCode::End);
    assert!(shows(&state, "192.0.2.2:139"));
    assert!(shows(&state, "192.0.2.1:10"), "the holder stays");
    read(&mut state, reading(2, Vec::new()));
    assert!(shows(&state, "Nobody waits for demo/ann any more."));
    assert_eq!(typed(&mut state, "q"), None);
    assert!(shows(&state, "Nobody waits for a mailbox."));
    assert_eq!(press(&mut state, KeyCode::Esc), None);
    assert_eq!(typed(&mut state, "q"), Some(TopCommand::Quit));
    let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    typed(&mut state, "?");
    let quits = state.on_key(interrupt, Instant::now());
    assert_eq!(quits, Some(TopCommand::Quit), "also over a dialog");
}

#[test]
fn a_kick_says_what_will_happen_and_takes_a_y_alone() {
    let mut state = TopState::new(reading(1, three()));
    typed(&mut state, "jK");
    for text in [
        "Kick session 20?",
        "It is 192.0.2.1:20 (Thunderbird), which has held bob for 12 s",
        "closed without QUIT",
        "Next is 192.0.2.2:21, which has waited for 8.2 s.",
        "y: kick it. Any other key: leave it.",
    ] {
        assert!(shows(&state, text), "{text}");
    }
    // The question stays that one, whatever happens to the list.
    read(&mut state, reading(2, vec![lock("eve", 30)]));
    let kick = TopCommand::Ask(GateRequest::Kick {
        session: 20,
        started: at(0),
    });
    assert_eq!(typed(&mut state, "y"), Some(kick));
    assert_eq!(typed(&mut state, "y"), None, "asked once");
    for other in [
        KeyCode::Enter,
        KeyCode::Char('Y'),
        KeyCode::Esc,
        KeyCode::Char('q'),
    ] {
        typed(&mut state, "K");
        assert_eq!(press(&mut state, other), None);
        assert!(shows(&state, "nobody was kicked"));
    }
    let kicked = TopNews::Kicked {
        session: 20,
        result: Err(Failure::new(
            ExitStatus::Usage,
            "it has sent QUIT\nhint: wait",
        )),
    };
    state.on_news(kicked, Instant::now());
    assert!(shows(&state, "session 20 was not kicked: it has sent QUIT"));
}

#[test]
fn nobody_is_asked_about_where_nobody_can_be_kicked() {
    let mut free = lock("ann", 10);
    free.holder = None;
    let mut closing = lock("bob", 20);
    closing.holder.as_mut().unwrap().phase = "closing".to_owned();
    let mut state = TopState::new(reading(1, vec![free, closing]));
    typed(&mut state, "K");
    assert!(shows(&state, "nobody holds ann at this moment"));
    typed(&mut state, "jK");
    assert!(shows(&state, "session 20 is ending by itself"));
    assert_eq!(typed(&mut state, "y"), None);
}

#[test]
fn a_paused_display_keeps_what_it_shows_and_catches_up() {
    let mut state = TopState::new(reading(1, three()));
    typed(&mut state, "p");
    read(&mut state, reading(2, Vec::new()));
    assert!(shows(&state, "PAUSED, p goes on") && shows(&state, "bob"));
    typed(&mut state, "p");
    assert!(!shows(&state, "PAUSED") && shows(&state, "Nobody waits"));
}

#[test]
fn a_gate_that_is_gone_slow_or_new_is_told() {
    let start = Instant::now();
    let after = |seconds| start + Duration::from_secs(seconds);
    let mut state = TopState::new(reading(1, three()));
    state.on_time(start);
    state.on_time(start + TOP_SILENCE);
    assert!(shows(
        &state,
        "NO ANSWER for 3 s, still trying: the gate has taken the question"
    ));
    let gone = Failure::new(
        ExitStatus::Unavailable,
        "no popgate answers: refused\nhint: run it",
    );
    state.on_news(TopNews::Reading(Err(gone)), after(4));
    state.on_time(after(5));
    assert!(shows(
        &state,
        "NO ANSWER for 5 s, still trying: no popgate answers: refused"
    ));
    read_at(&mut state, reading(7, three()), after(6));
    assert!(shows(&state, "popgate answers again"));
    typed(&mut state, "K");
    let mut new = reading(9, three());
    new.status.started = at(8);
    read_at(&mut state, new, after(8));
    assert!(shows(
        &state,
        "popgate was restarted at 2023-11-14 22:13:28 UTC"
    ));
    assert!(
        !shows(&state, "Kick session"),
        "its number is another's now"
    );
    typed(&mut state, "p");
    let mut newest = reading(10, vec![lock("zoe", 3)]);
    newest.status.started = at(9);
    read_at(&mut state, newest, after(9));
    assert!(
        shows(&state, "zoe") && !shows(&state, "PAUSED"),
        "a pause shows nothing of a gate that is gone"
    );
    state.on_time(after(9) + TOP_NOTICE);
    assert!(!shows(&state, "restarted"));
}

#[test]
fn s_asks_the_gate_for_the_next_order() {
    let mut state = TopState::new(reading(1, three()));
    for order in [
        LockOrder::Waiters,
        LockOrder::Held,
        LockOrder::Name,
        LockOrder::LongestWait,
    ] {
        let asked = TopCommand::Ask(GateRequest::Sort(order));
        assert_eq!(typed(&mut state, "s"), Some(asked));
        assert!(shows(&state, order.word()));
    }
}

#[test]
fn names_that_clients_typed_stay_on_their_line_and_move_nothing() {
    let mut hostile = lock(&format!("\x1b[2J\u{202e}\n{}", "中".repeat(255)), 10);
    hostile.waiters[0].client = "\x1b]0;x\x07".to_owned();
    hostile.holder.as_mut().unwrap().last_command = Some("\u{9b}31m".to_owned());
    let mut state = TopState::new(reading(1, vec![hostile]));
    for keys in ["", "K", "n"] {
        typed(&mut state, keys);
        for (width, height) in [(60, 12), (80, 24), (400, 50)] {
            let text = drawn(&state, width, height).concat();
            assert!(
                !text.chars().any(|c| c.is_control() || c == '\u{202e}'),
                "{text:?}"
            );
        }
        assert!(shows(&state, "\\u{1b}[2J\\u{202e}"));
        // The terminal's library would drop them in silence.
        assert!(keys == "K" || shows(&state, "waiting: \\u{1b}]0;x\\u{7} 8.2 s"));
    }
    press(&mut state, KeyCode::Enter);
    assert!(!drawn(&state, 80, 24).concat().chars().any(char::is_control));
}

#[test]
fn colour_is_never_alone_and_is_left_out_where_it_is_not_wanted() {
    let mut down = reading(1, three());
    down.backends[0].state = BackendStateWord::Down;
    let state = TopState::new(down);
    let coloured_cells = |is_coloured| {
        let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
        terminal
            .draw(|frame| draw(frame, &state, is_coloured))
            .unwrap();
        let cells = terminal.backend().buffer().content().iter();
        cells.filter(|cell| cell.fg != Color::Reset).count()
    };
    assert!(coloured_cells(true) > 0);
    assert_eq!(coloured_cells(false), 0);
    assert!(shows(&state, "demo     down"));
    let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
    terminal.draw(|frame| draw(frame, &state, false)).unwrap();
    let selected = terminal.backend().buffer()[(0, 5)].modifier;
    assert!(selected.contains(Modifier::REVERSED));
}
