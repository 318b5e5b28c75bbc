//! What memory keeps, and what of it a question finds.

mod with_file;

use super::*;
use crate::history::tests::entry_of;
use crate::ids::{BackendName, SessionId, UserName};
use crate::limits::{HISTORY_CHUNK, HISTORY_OTHERS_KEPT, HISTORY_OWNERS_KEPT};
use crate::observe::event::{EndCause, Operator, OperatorAction, OperatorChange};
use crate::policy::block::{ChangeKind, ChangedBy};
use crate::policy::pause::PauseSubject;
use crate::time::{Duration, Instant, Moment};

struct Told {
    history: History,
    start: Moment,
}

impl Told {
    fn new(kept: Kept) -> Self {
        let start = Moment {
            instant: Instant::now(),
            wall: Timestamp::UNIX_EPOCH,
        };
        Self {
            history: History::new(start.wall, kept, None),
            start,
        }
    }

    fn tell(&self, second: u64, event: Event) {
        let at = self.start.after(Duration::from_secs(second));
        self.history.handle(&Stamped { at, event });
    }

    /// Session `n` of `name` ends `n` seconds after the start.
    fn session(&self, n: u64, name: &str, entered: bool) {
        let at = self.start.after(Duration::from_secs(n));
        let mut entry = entry_of(name, &EndCause::Quit, at);
        entry.session = SessionId(n);
        let login = entry.login.as_mut().unwrap();
        login.proven = false;
        login.entered = entered;
        self.tell(n, Event::Recorded(Arc::new(entry)));
    }

    fn sessions(&self, query: &HistoryQuery) -> Vec<u64> {
        let found = self.history.entries(query).unwrap();
        found.items.iter().map(|it| it.entry.session.0).collect()
    }

    fn notices(&self) -> Vec<(NoticeKind, String)> {
        let all = self.history.notices(Timestamp::MIN, Timestamp::MAX, 100);
        let shown =
            |notice: GateNotice| (notice.kind, format!("{}: {}", notice.subject, notice.text));
        all.unwrap().items.into_iter().map(shown).collect()
    }
}

fn all() -> HistoryQuery {
    HistoryQuery {
        limit: usize::MAX,
        ..HistoryQuery::default()
    }
}

fn of(name: &str) -> HistoryQuery {
    HistoryQuery {
        maildrop: Some(UserName::new(name.as_bytes())),
        ..all()
    }
}

#[test]
fn owners_and_strangers_come_in_one_order_and_page_by_page() {
    let told = Told::new(Kept::All);
    for n in 1..=9 {
        told.session(n, "ann", n % 3 == 0);
    }
    assert_eq!(told.sessions(&all()), [9, 8, 7, 6, 5, 4, 3, 2, 1]);
    let mut page = HistoryQuery {
        limit: 4,
        ..of("ann")
    };
    let mut pages = Vec::new();
    loop {
        let entries = told.history.entries(&page).unwrap().items;
        let Some(last) = entries.last() else { break };
        page.before = Some(last.id);
        pages.push(
            entries
                .iter()
                .map(|it| it.entry.session.0)
                .collect::<Vec<_>>(),
        );
    }
    assert_eq!(pages, [vec![9, 8, 7, 6], vec![5, 4, 3, 2], vec![1]]);
    assert!(told.sessions(&of("ben")).is_empty());
}

#[test]
fn a_flood_of_strangers_pushes_out_no_owner_and_memory_stays_within_its_bound() {
    let told = Told::new(Kept::All);
    told.session(0, "ann", true);
    let flood = HISTORY_OTHERS_KEPT + 3 * HISTORY_CHUNK;
    for n in 0..flood as u64 {
        told.session(n + 1, "guess", false);
    }
    assert_eq!(told.sessions(&of("ann")), [0]);
    let strangers = told.sessions(&of("guess"));
    assert!((HISTORY_OTHERS_KEPT..HISTORY_OTHERS_KEPT + HISTORY_CHUNK).contains(&strangers.len()));
    assert_eq!(strangers[0], flood as u64);
    for n in 0..(HISTORY_OWNERS_KEPT + 3 * HISTORY_CHUNK) as u64 {
        told.session(n, "ben", true);
    }
    assert!(told.sessions(&of("ann")).is_empty());
    let most = HISTORY_OWNERS_KEPT + HISTORY_OTHERS_KEPT + 2 * HISTORY_CHUNK;
    assert!(told.history.state().entries <= most as u64);
}

#[test]
fn what_is_older_than_the_age_of_memory_is_forgotten_and_nothing_else() {
    let told = Told::new(Kept::All);
    let age = HISTORY_MEMORY_AGE.as_secs();
    for n in 0..=HISTORY_CHUNK as u64 {
        told.session(n, "ann", true);
    }
    told.session(age, "ben", false);
    let state = told.history.state();
    assert_eq!(state.since, Some(Timestamp::UNIX_EPOCH));
    let last_of_ann = HISTORY_CHUNK as u64;
    let now = told
        .start
        .after(Duration::from_secs(age + last_of_ann))
        .wall;
    told.history.forget(now);
    assert_eq!(told.sessions(&all()), [age, last_of_ann]);
    assert_eq!(told.history.state().entries, 2);
}

#[test]
fn notices_are_told_the_latest_first_with_what_they_are_about() {
    let told = Told::new(Kept::All);
    told.history
        .note(NoticeKind::Started, "1.2.3", Timestamp::UNIX_EPOCH);
    let backend = BackendName::new("legacy");
    told.tell(
        1,
        Event::BackendUp {
            backend: backend.clone(),
        },
    );
    let operator = Operator {
        address: "127.0.0.1:9".parse().unwrap(),
        reason: Some("move".into()),
    };
    let change = OperatorChange::Paused(PauseSubject::Backend(backend.clone()));
    let action = OperatorAction {
        by: operator,
        change,
    };
    told.tell(2, Event::OperatorActed(Box::new(action)));
    let why = "refused".to_owned();
    told.tell(3, Event::BackendDown { backend, why });
    assert_eq!(
        told.notices(),
        [
            (NoticeKind::BackendDown, "legacy: refused".to_owned()),
            (
                NoticeKind::Paused,
                "backend `legacy`: by 127.0.0.1:9: move".to_owned()
            ),
            (NoticeKind::BackendUp, "legacy: ".to_owned()),
            (NoticeKind::Started, ": 1.2.3".to_owned()),
        ]
    );
    let time = |second| Timestamp::from_second(second).unwrap();
    let within = told.history.notices(time(1), time(3), 100).unwrap();
    assert_eq!(within.items.len(), 2);
    let last = told.history.notices(Timestamp::MIN, Timestamp::MAX, 1);
    assert_eq!(last.unwrap().items[0].kind, NoticeKind::BackendDown);
}

#[test]
fn the_changes_of_a_block_are_kept_also_where_sessions_are_not() {
    let told = Told::new(Kept::Blocks);
    told.session(1, "ann", true);
    let entry = crate::journal::tests::entry(7);
    for what in [ChangeKind::Blocked, ChangeKind::Released] {
        let entry = entry.clone();
        told.tell(
            5,
            Event::BlockChanged(Box::new(BlockChange {
                entry,
                what,
                by: ChangedBy::Rule,
            })),
        );
    }
    let changes = told.history.block_changes(BlockId(7)).unwrap().items;
    let kinds: Vec<_> = changes.iter().map(|it| it.change.what).collect();
    assert_eq!(kinds, [ChangeKind::Released, ChangeKind::Blocked]);
    let unknown = told.history.block_changes(BlockId(8)).unwrap();
    assert_eq!(unknown, HistoryAnswer::complete(Vec::new()));
    assert_eq!(told.history.entries(&all()), Err(HistoryError::Off));
    assert_eq!(told.history.state().kept_in, KeptIn::Off);
    assert_eq!(told.history.state().entries, 0);
}
