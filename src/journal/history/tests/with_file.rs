//! Memory and file together against a plain list.

use super::*;
use crate::journal::{JournalBounds, JournalOptions};
use crate::limits::HISTORY_FILE_PATIENCE;
use proptest::prelude::*;
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use tempfile::TempDir;

fn options(folder: &Path) -> JournalOptions {
    JournalOptions {
        file: folder.join("popgate.db"),
        sessions: true,
        bounds: JournalBounds {
            keep: Duration::from_secs(14 * 24 * 60 * 60),
            rows: 0,
            size: u64::MAX,
        },
        hash_users: false,
        key_file: folder.join("journal.key"),
    }
}

fn open(folder: &Path, start: Moment) -> History {
    let journal = Journal::open(&options(folder)).unwrap().journal;
    History::new(start.wall, Kept::All, Some(Arc::new(journal)))
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// A login of one of three users, whom the backend lets in or not.
    Login(u8, bool),
    /// The clock goes on, or is set back, by so many minutes.
    Clock(i16),
    /// Memory forgets what is old.
    Forget,
    /// The file is written.
    Flush,
    /// The process ends and another one begins.
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0_u8..3, any::<bool>()).prop_map(|(user, entered)| Step::Login(user, entered)),
        2 => (-300_i16..600).prop_map(Step::Clock),
        1 => Just(Step::Forget),
        1 => Just(Step::Flush),
        1 => Just(Step::Restart),
    ]
}

/// The gate, and all that was told to it.
struct Model {
    folder: TempDir,
    told: Told,
    logins: Vec<(u64, u8)>,
    minutes: u64,
}

impl Model {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let start = Moment {
            instant: Instant::now(),
            wall: Timestamp::from_second(1_772_366_400).unwrap(),
        };
        let history = open(folder.path(), start);
        Self {
            folder,
            told: Told { history, start },
            logins: Vec::new(),
            minutes: 10_000,
        }
    }

    fn take(&mut self, step: Step) {
        let now = self
            .told
            .start
            .after(Duration::from_secs(60 * self.minutes));
        match step {
            Step::Login(user, entered) => {
                let session = self.logins.len() as u64;
                let mut entry = entry_of(&format!("user{user}"), &EndCause::Quit, now);
                entry.session = SessionId(session);
                let login = entry.login.as_mut().unwrap();
                login.proven = false;
                login.entered = entered;
                let event = Event::Recorded(Arc::new(entry));
                self.told.history.handle(&Stamped { at: now, event });
                self.logins.push((session, user));
            }
            Step::Clock(by) => self.minutes = self.minutes.saturating_add_signed(by.into()),
            Step::Forget => {
                // What memory forgets is hours old, and an entry is written within seconds.
                self.flush();
                self.told.history.forget(now.wall);
            }
            Step::Flush => self.flush(),
            Step::Restart => {
                let nothing = History::new(now.wall, Kept::Nothing, None);
                // Closed first: the file has one writer.
                self.told.history = nothing;
                self.told.history = open(self.folder.path(), self.told.start);
            }
        }
    }

    fn flush(&self) {
        let journal = self.told.history.0.journal.as_ref();
        assert!(journal.unwrap().flush());
    }

    fn expected(&self, user: Option<u8>) -> Vec<u64> {
        let of_user =
            |(session, of): &(u64, u8)| user.is_none_or(|user| user == *of).then_some(*session);
        self.logins.iter().rev().filter_map(of_user).collect()
    }

    fn found(&self, user: Option<u8>, size: usize) -> Vec<u64> {
        let mut query = user.map_or_else(all, |user| of(&format!("user{user}")));
        query.limit = size;
        let mut found = Vec::new();
        loop {
            let page = self.told.history.entries(&query).unwrap().items;
            let Some(last) = page.last() else { break };
            query.before = Some(last.id);
            found.extend(page.iter().map(|stored| stored.entry.session.0));
        }
        found
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]

    #[test]
    fn each_question_finds_each_entry_once_and_in_order(
        steps in prop::collection::vec(step(), 1..60),
        size in 1_usize..8,
    ) {
        let mut model = Model::new();
        for step in steps {
            model.take(step);
        }
        for user in [None, Some(0), Some(1)] {
            prop_assert_eq!(model.found(user, size), model.expected(user));
        }
        prop_assert_eq!(model.told.history.state().lost, 0);
    }
}

/// Has the file work on a question until what is returned is dropped.
fn hang(history: &History) -> mpsc::Sender<()> {
    let history = history.clone();
    let (end, ended) = mpsc::channel::<()>();
    let (begun, begins) = mpsc::channel();
    thread::spawn(move || {
        let file = history.0.file.as_ref().unwrap();
        file.read(move |_| {
            begun.send(()).unwrap();
            let _ = ended.recv();
            Ok(())
        })
    });
    begins.recv().unwrap();
    end
}

#[test]
fn a_file_that_does_not_answer_holds_nobody_and_memory_has_its_part() {
    let mut model = Model::new();
    for user in 0..3 {
        model.take(Step::Login(user, true));
    }
    let end = hang(&model.told.history);
    // What memory has in full needs no file.
    let start = Instant::now();
    let mut query = all();
    query.limit = 2;
    let found = model.told.history.entries(&query).unwrap();
    assert_eq!((found.items.len(), found.incomplete), (2, None));
    assert!(start.elapsed() < HISTORY_FILE_PATIENCE);
    let found = model.told.history.entries(&all()).unwrap();
    assert_eq!(found.items.len(), 3);
    let trouble = model.told.history.state().trouble.unwrap();
    assert!(trouble.contains("does not answer within"), "{trouble}");
    assert_eq!(found.incomplete, Some(trouble));
    drop(end);
    let found = model.told.history.entries(&all()).unwrap();
    assert_eq!((found.items.len(), found.incomplete), (3, None));
    assert_eq!(model.told.sessions(&all()), [2, 1, 0]);
    assert_eq!(model.told.history.state().trouble, None);
}

#[test]
fn an_answer_without_the_file_says_so_and_a_look_takes_no_place_of_a_question() {
    let mut model = Model::new();
    model.take(Step::Login(0, true));
    let history = &model.told.history;
    let end = hang(history);
    for _ in 0..10 {
        let _ = history.state();
    }
    let entries = || history.entries(&all()).unwrap().incomplete;
    thread::scope(|scope| {
        let notices = || history.notices(Timestamp::MIN, Timestamp::MAX, 10);
        for asking in [
            scope.spawn(entries),
            scope.spawn(|| history.block_changes(BlockId(7)).unwrap().incomplete),
            scope.spawn(move || notices().unwrap().incomplete),
        ] {
            let why = asking.join().unwrap().unwrap();
            assert!(why.contains("does not answer within"), "{why}");
        }
    });
    // Those that nobody waits for any more have all places.
    let why = entries().unwrap();
    assert!(why.contains("earlier questions"), "{why}");
    drop(end);
    let deadline = Instant::now() + Duration::from_secs(10);
    while let Some(why) = entries() {
        assert!(Instant::now() < deadline, "{why}");
        thread::yield_now();
    }
    // And the looks of then do not stop those of now.
    model.flush();
    while model
        .told
        .history
        .0
        .file
        .as_ref()
        .unwrap()
        .contents()
        .entries
        == 0
    {
        assert!(Instant::now() < deadline);
        thread::yield_now();
    }
}

#[test]
fn what_memory_forgot_of_strangers_is_not_missed_between_owners_that_it_has() {
    let mut model = Model::new();
    for _ in 0..100 {
        model.take(Step::Login(0, true));
    }
    for _ in 0..5 {
        model.take(Step::Login(1, false));
    }
    model.take(Step::Clock(60));
    for _ in 0..HISTORY_CHUNK {
        model.take(Step::Login(0, true));
    }
    // The strangers are too old now, and the chunk of owners around them is not.
    model.take(Step::Clock(12 * 60 - 30));
    model.take(Step::Forget);
    for size in [7, 300] {
        assert_eq!(model.found(None, size), model.expected(None));
    }
}
