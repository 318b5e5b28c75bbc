//! What is asked of the history for a report.

use super::*;
use crate::admin::UserQuery;
use crate::history::EntryId;
use crate::history::tests::entry_of;
use crate::ids::{BackendName, TenantName};
use crate::journal::{History, Kept};
use crate::observe::event::{EndCause, Event};
use crate::observe::hub::{EventSink, Stamped};
use crate::policy::block::{BlockChange, BlockId, BlockReason, BlockTarget, ChangeKind, ChangedBy};
use crate::time::Instant;

fn history() -> (History, Moment) {
    let start = Moment {
        instant: Instant::now(),
        wall: Timestamp::from_second(1_795_867_200).unwrap(),
    };
    (History::new(start.wall, Kept::All, None), start)
}

/// The key of those that [`tell`] tells as `ann`.
fn ann() -> MaildropKey {
    MaildropKey::new(&[BackendName::new("legacy")].into(), &UserName::new(b"ann"))
}

fn query_at(at: Timestamp) -> ReportQuery {
    ReportQuery {
        user: UserQuery {
            login: UserName::new(b"ann"),
            listener: None,
            server_name: None,
        },
        at: Some(at),
        since: None,
        language: None,
        entry: None,
    }
}

fn wrong_password() -> EndCause {
    let line = "-ERR invalid password".to_owned();
    EndCause::WrongPassword { line }
}

fn tell(history: &History, name: &str, cause: &EndCause, at: Moment) {
    let mut entry = entry_of(name, cause, at);
    let login = entry.login.as_mut().unwrap();
    login.entered = *cause == EndCause::Quit;
    login.proven = true;
    let event = Event::Recorded(Arc::new(entry));
    history.handle(&Stamped { at, event });
}

#[test]
fn logins_after_an_outage_do_not_hide_those_that_failed_with_the_incident() {
    let (history, start) = history();
    let at = |millis| start.after(Duration::from_millis(millis));
    for user in 0..5 {
        let name = format!("user{user}");
        tell(&history, &name, &wrong_password(), at(user));
    }
    tell(&history, "ann", &wrong_password(), at(5));
    // Three seconds later the backend is back, and a busy gate lets in a thousand and one.
    for user in 0..1_001 {
        tell(
            &history,
            &format!("after{user}"),
            &EndCause::Quit,
            at(3_000 + user),
        );
    }
    let query = Span::before(start.wall).query(&ann());
    let entries = history.entries(&query).unwrap().items;
    let incident = choose(&entries, None).unwrap();
    let around = history.entries(&neighbours_query(incident)).unwrap();
    let sources = ReportSources {
        entries: &entries,
        around: &around.items,
        notices: &[],
        blocks: &[],
        open: &[],
    };
    let neighbours = ReportFacts::of(Some(incident), sources).neighbours;
    assert_eq!((neighbours.refused, neighbours.let_in), (5, 0));
}

#[test]
fn a_program_that_polls_each_second_does_not_hide_the_time_that_was_asked_for() {
    let (history, start) = history();
    let at = |second| start.after(Duration::from_secs(second));
    tell(&history, "ann", &EndCause::HeldByAnother, at(100));
    for second in 0..11_000 {
        tell(&history, "ann", &wrong_password(), at(200 + second));
    }
    let now = at(30 * 60 * 60);
    let span = Span::of(&query_at(at(100).wall), now.wall);
    let entries = history.entries(&span.query(&ann())).unwrap().items;
    let incident = choose(&entries, span.at).unwrap();
    assert_eq!(incident.entry.ended, at(100).wall);
    // What the report says it has looked at is what it has looked at.
    assert_eq!(span.until, at(100 + 60 * 60).wall);
}

#[test]
fn a_login_that_met_a_block_yesterday_names_it_though_it_is_gone_today() {
    let (_, start) = history();
    let rule = Some(LoginRule::Blocked);
    let mut entry = entry_of("ann", &wrong_password(), start);
    entry.login.as_mut().unwrap().rule = rule;
    let stored = StoredEntry {
        id: EntryId(9),
        gate_started: start.wall,
        entry: Arc::new(entry),
    };
    let incident = PastLogin::of(&stored).unwrap();
    let block = |id: u64, name: &[u8], state, expires: Duration| BlockEntry {
        id: BlockId(id),
        target: BlockTarget {
            key: Some(MaildropKey::new(
                &ann().backends().into(),
                &UserName::new(name),
            )),
            prefix: incident.client().prefix,
        },
        tenant: TenantName::new("default"),
        reason: BlockReason::Abuse,
        state,
        pinned: false,
        shadow: false,
        first: earlier(start.wall, Duration::from_secs(60)),
        last: earlier(start.wall, Duration::from_secs(60)),
        since: earlier(start.wall, Duration::from_secs(60)),
        expires: earlier(start.wall, Duration::from_secs(60)) + expires,
        times_blocked: 1,
        times_released: 0,
    };
    let change = |id: u64, entry: &BlockEntry| StoredBlockChange {
        id: EntryId(id),
        at: entry.last,
        change: BlockChange {
            entry: entry.clone(),
            what: ChangeKind::Blocked,
            by: ChangedBy::Rule,
        },
    };
    let hour = Duration::from_secs(60 * 60);
    let met = block(1, b"ann", BlockState::Blocked, hour);
    let others = block(2, b"ben", BlockState::Blocked, hour);
    let over = block(3, b"ann", BlockState::Blocked, Duration::from_secs(1));
    let released = block(4, b"ann", BlockState::Released, hour);
    let before = block(4, b"ann", BlockState::Blocked, hour);
    // The latest first.
    let changes = [
        change(5, &released),
        change(4, &before),
        change(3, &over),
        change(2, &others),
        change(1, &met),
    ];
    let then = with_blocks_of_then(Vec::new(), &changes, incident);
    assert_eq!(then, std::slice::from_ref(&met));
    let today = BlockEntry {
        state: BlockState::Released,
        ..met.clone()
    };
    let of_then = with_blocks_of_then(vec![today, others.clone()], &changes, incident);
    assert_eq!(of_then, [met, others]);
}
