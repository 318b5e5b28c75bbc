//! Entries for tests, here and elsewhere.

use super::*;
use crate::ids::{BackendName, ListenerName, MaildropKey, SessionId, TenantName, UserName};
use crate::observe::event::EndCause;
use crate::program::{ProgramGuess, Trace};
use crate::time::{Duration, Instant, Moment, WallClock};
use jiff::Timestamp;
use std::sync::Arc;

/// A login to `name` that ends at `at` by `cause`, 2 s after its password.
pub(crate) fn entry_of(name: &str, cause: &EndCause, at: Moment) -> HistoryEntry {
    let backend = BackendName::new("legacy");
    let backends: Arc<[BackendName]> = Arc::from([backend.clone()]);
    let name = UserName::new(name.as_bytes());
    let asked = at.wall.checked_sub(Duration::from_secs(2)).unwrap();
    let login = HistoryLogin {
        asked,
        key: MaildropKey::new(&backends, &name),
        name,
        tenant: TenantName::new("default"),
        proven: true,
        backend: Some(backend),
        entered: false,
        listing: ListingUse::default(),
        ahead: Some(0),
        delayed: Duration::ZERO,
        waited: Duration::from_secs(1),
        granted: None,
        held: Duration::ZERO,
        locked_replies: 0,
        backend_answer: None,
        rule: None,
        early: None,
        listed: None,
        retrieved: 0,
        deleted: 0,
        marked: 0,
        bytes_to_client: 0,
        bytes_to_backend: 0,
    };
    HistoryEntry {
        session: SessionId(7),
        opened: asked,
        ended: at.wall,
        listener: ListenerName::new("pop3"),
        port: 110,
        client: "192.0.2.7:1234".parse().unwrap(),
        encryption: Encryption::None,
        server_name: None,
        login: Some(Box::new(login)),
        end: cause.end(),
        cause: cause.name(),
        sentence: cause.to_string().into(),
        answer: None,
        idle: Duration::ZERO,
        commands: 0,
        program: ProgramGuess::UNKNOWN,
        is_twin: false,
        trace: Trace::default(),
    }
}

fn entry() -> HistoryEntry {
    let at = Moment {
        instant: Instant::now(),
        wall: Timestamp::from_second(100).unwrap(),
    };
    entry_of("ann", &EndCause::Quit, at)
}

/// A query with one condition, of these two the one that `entry` meets or the one that it does not.
fn query(condition: usize, meets: bool) -> Option<HistoryQuery> {
    let mut query = HistoryQuery::default();
    let time = |second| Some(Timestamp::from_second(second).unwrap());
    match condition {
        0 => query.maildrop = Some(UserName::new(if meets { b"ann" } else { b"ben" })),
        1 => {
            let name = if meets { "default" } else { "other" };
            query.tenant = Some(TenantName::new(name));
        }
        2 => {
            let address = if meets { "192.0.2.7" } else { "192.0.2.8" };
            query.client = Some(address.parse().unwrap());
        }
        3 => query.since = time(if meets { 100 } else { 101 }),
        4 => query.until = time(if meets { 99 } else { 98 }),
        5 => query.ends = vec![if meets { End::Quit } else { End::Left }],
        6 => query.session = Some(SessionId(if meets { 7 } else { 8 })),
        7 => {
            let name = if meets { "ann" } else { "ben" };
            let login = entry_of(name, &EndCause::Quit, WallClock::System.now()).login;
            query.key = Some(login.unwrap().key);
        }
        _ => return None,
    }
    Some(query)
}

#[test]
fn each_condition_of_a_query_leaves_some_out() {
    for condition in 0.. {
        let Some(met) = query(condition, true) else {
            break;
        };
        assert!(met.matches(&entry()), "{met:?}");
        let missed = query(condition, false).unwrap();
        assert!(!missed.matches(&entry()), "{missed:?}");
    }
}

#[test]
fn a_lock_keeps_its_past_where_a_backend_is_added() {
    let asked = |backends: &[&str], name: &[u8]| {
        let backends: Arc<[BackendName]> = backends.iter().copied().map(BackendName::new).collect();
        let query = HistoryQuery {
            key: Some(MaildropKey::new(&backends, &UserName::new(name))),
            ..HistoryQuery::default()
        };
        query.matches(&entry())
    };
    assert!(asked(&["legacy", "standby"], b"ann"));
    assert!(asked(&["standby", "legacy"], b"ann"));
    assert!(!asked(&["standby"], b"ann"), "another server's mailbox");
    assert!(!asked(&["legacy", "standby"], b"ben"));
}

#[test]
fn a_client_left_without_quit_where_it_was_let_in_and_did_not_say_it() {
    let at = WallClock::System.now();
    for (cause, expected) in [
        (EndCause::Left, true),
        (EndCause::IdleTimeout, true),
        (EndCause::Stalled, true),
        (
            EndCause::Preempted {
                idle: Duration::ZERO,
            },
            true,
        ),
        (EndCause::Quit, false),
        (EndCause::Kicked { reason: None }, false),
        (EndCause::Shutdown, false),
    ] {
        let mut entry = entry_of("ann", &cause, at);
        assert!(!entry.left_without_quit(), "{cause:?} before login");
        entry.login.as_mut().unwrap().entered = true;
        assert_eq!(entry.left_without_quit(), expected, "{cause:?}");
    }
}

#[test]
fn a_session_without_login_is_nobodys() {
    let entry = HistoryEntry {
        login: None,
        ..entry()
    };
    assert!(HistoryQuery::default().matches(&entry));
    assert!(!query(0, true).unwrap().matches(&entry));
    assert!(query(2, true).unwrap().matches(&entry));
}
