use super::*;
use crate::ids::UserName;
use crate::net::TlsMode;
use crate::policy::attempt::tests::{attempt, policy};
use crate::time::{Duration, Instant};
use std::panic::{AssertUnwindSafe, catch_unwind};
use tokio::time::timeout;

fn peer() -> Arc<Peer> {
    Arc::new(Peer {
        listener: ListenerName::new("pop3"),
        port: 110,
        tls: TlsMode::Off,
        client: "192.0.2.1:1".parse().unwrap(),
        trusted: false,
    })
}

fn open(sessions: &Sessions) -> OpenSession {
    let now = Moment {
        instant: Instant::now(),
        wall: jiff::Timestamp::UNIX_EPOCH,
    };
    sessions.open(&peer(), now)
}

#[test]
fn a_session_is_seen_until_it_is_dropped() {
    let sessions = Sessions::default();
    let (first, second) = (open(&sessions), open(&sessions));
    let seen = |sessions: &Sessions| {
        sessions
            .views()
            .iter()
            .map(|it| it.id.0)
            .collect::<Vec<_>>()
    };
    assert_eq!((seen(&sessions), sessions.count()), (vec![1, 2], 2));
    drop(first);
    assert_eq!(seen(&sessions), [2]);
    assert_eq!(sessions.kick(SessionId(1), None), Kick::NoSuchSession);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _second = second;
        panic!("injected");
    }));
    assert!(panicked.is_err());
    assert_eq!((seen(&sessions), sessions.count()), (vec![], 0));
}

#[test]
fn sessions_are_counted_for_the_tenants_of_their_logins() {
    let sessions = Sessions::default();
    let open_sessions = [open(&sessions), open(&sessions), open(&sessions)];
    assert!(sessions.counts_by_tenant().is_empty());
    let login = Arc::new(attempt("ann", policy()));
    for session in &open_sessions[..2] {
        session.handle().identified(&login, None);
    }
    let counts = sessions.counts_by_tenant();
    assert_eq!(
        counts.into_iter().collect::<Vec<_>>(),
        [(login.tenant().clone(), 2)]
    );
}

#[test]
fn what_a_session_does_is_seen() {
    let sessions = Sessions::default();
    let session = open(&sessions);
    let handle = session.handle();
    let before = sessions.view(handle.id()).unwrap();
    assert_eq!((before.phase, before.last_command), (Phase::Greeting, None));
    let login = Arc::new(attempt("Ann", policy()));
    handle.identified(&login, None);
    let queued = crate::time::Instant::now();
    handle.delayed();
    handle.queued(queued);
    handle.on_backend(&BackendName::new("legacy"));
    handle.enter(Phase::Transaction);
    handle.commanded(Keyword::Retr);
    let tally = Tally {
        retrieved: 3,
        ..Tally::default()
    };
    handle.relayed(&tally, 1000, 20);
    let view = sessions.view(handle.id()).unwrap();
    let seen = SeenLogin {
        key: login.key.clone(),
        tenant: TenantName::new("default"),
        maildrop: UserName::new(b"Ann"),
        backend: Some(BackendName::new("legacy")),
        asked: login.asked,
        delayed: true,
        queued: Some(queued),
        listing: None,
    };
    assert_eq!(view.login, Some(seen));
    assert_eq!(sessions.views_in(&login.key).len(), 1);
    assert!(sessions.views_in(&attempt("ben", policy()).key).is_empty());
    assert_eq!(view.phase, Phase::Transaction);
    assert_eq!(view.last_command, Some(Keyword::Retr));
    assert_eq!(view.retrieved, 3);
    assert_eq!((view.bytes_to_client, view.bytes_to_backend), (1000, 20));
    assert!(handle.quit_sent());
    assert_eq!(sessions.view(handle.id()).unwrap().phase, Phase::Update);
}

#[test]
fn every_phase_is_seen_as_it_was_entered() {
    let sessions = Sessions::default();
    let session = open(&sessions);
    for &phase in Phase::ALL {
        session.handle().enter(phase);
        assert_eq!(sessions.views()[0].phase, phase);
    }
}

#[test]
fn of_quit_and_a_kick_the_first_one_holds() {
    let sessions = Sessions::default();
    let quitting = open(&sessions);
    assert!(quitting.handle().quit_sent());
    assert_eq!(sessions.kick(quitting.handle().id(), None), Kick::AfterQuit);
    let kicked = open(&sessions);
    assert_eq!(sessions.kick(kicked.handle().id(), None), Kick::Kicked);
    assert!(!kicked.handle().quit_sent());
    let again = sessions.kick(kicked.handle().id(), Some("again".into()));
    assert_eq!((again, kicked.handle().kick_reason()), (Kick::Ending, None));
    let ending = open(&sessions);
    ending.handle().enter(Phase::Closing);
    assert_eq!(sessions.kick(ending.handle().id(), None), Kick::Ending);
}

#[test]
fn quit_and_a_kick_at_once_never_both_hold() {
    let sessions = Sessions::default();
    for _ in 0..2000 {
        let session = open(&sessions);
        let id = session.handle().id();
        let (quit, kick) = std::thread::scope(|scope| {
            let kick = scope.spawn(|| sessions.kick(id, None));
            (session.handle().quit_sent(), kick.join().unwrap())
        });
        let kicked = kick == Kick::Kicked;
        assert_ne!(quit, kicked, "{kick:?}");
    }
}

#[tokio::test]
async fn a_kick_wakes_the_session_and_is_not_forgotten() {
    let sessions = Sessions::default();
    let session = open(&sessions);
    let handle = Arc::clone(session.handle());
    let waits = tokio::spawn(async move {
        handle.kicked().await;
        handle.kicked().await;
    });
    tokio::task::yield_now().await;
    assert_eq!(sessions.kick(SessionId(1), None), Kick::Kicked);
    timeout(Duration::from_secs(5), waits)
        .await
        .expect("it was woken")
        .unwrap();
}

#[test]
fn a_session_costs_less_than_320_octets_here() {
    // The counts of its `Arc`, and its place in a map that is half empty.
    let entry = size_of::<(SessionId, Arc<SessionHandle>)>() + 1;
    let each = size_of::<SessionHandle>() + 2 * size_of::<usize>() + 2 * entry;
    assert!(each < 320, "{each}");
}
