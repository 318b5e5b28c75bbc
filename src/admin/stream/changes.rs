//! Which locks have changed since a reader looked last.
//!
//! What is kept is not what happened, but where something did: a reader is shown each of these
//! locks as it is now. So it may miss what was in between, and never ends with something wrong.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::Hash;

/// The last changes, each lock once, by the number of its last change. Where there are more than
/// its capacity, the oldest is forgotten: a reader that has not seen that one needs a snapshot.
#[derive(Debug)]
pub(super) struct ChangeLog<K> {
    by_number: BTreeMap<u64, K>,
    by_lock: HashMap<K, Numbers>,
    /// All locks that somebody waits for, as far as was told here or shown to a reader.
    contended: HashSet<K>,
    /// The number of the last change.
    last: u64,
    /// The number of the last change that is forgotten.
    forgotten: u64,
    capacity: usize,
}

/// When a lock changed.
#[derive(Clone, Copy, Debug)]
struct Numbers {
    last: u64,
    /// The last change before or after which somebody waited; 0 if there was none.
    contended: u64,
}

/// A lock that has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ChangedLock<K> {
    /// Where a reader stands that has seen this change and all before it.
    pub(super) number: u64,
    pub(super) key: K,
}

/// Which changes a reader wants to see. One that has been shown a snapshot, or comes again, begins
/// with all: others may have changed while the snapshot was made, or before it could say which
/// locks it showed contended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::admin) enum Scope {
    All,
    /// Those of locks that somebody waits for, and the one by which that ends.
    Contended,
}

impl<K: Clone + Eq + Hash> ChangeLog<K> {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            by_number: BTreeMap::new(),
            by_lock: HashMap::new(),
            contended: HashSet::new(),
            last: 0,
            forgotten: 0,
            capacity,
        }
    }

    /// The number of the last change.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// Changes may have been lost. Every reader needs a snapshot, which shows these locks
    /// contended.
    pub(super) fn restart(&mut self, contended: impl IntoIterator<Item = K>) {
        self.last += 1;
        self.forgotten = self.last;
        self.by_number.clear();
        self.by_lock.clear();
        self.contended = contended.into_iter().collect();
    }

    /// A lock has changed; somebody waits for it now, or nobody does.
    pub(super) fn changed(&mut self, key: K, is_contended: bool) {
        self.last += 1;
        let number = self.last;
        let was_contended = if is_contended {
            !self.contended.insert(key.clone())
        } else {
            self.contended.remove(&key)
        };
        let before = self.by_lock.get(&key).copied();
        if let Some(before) = before {
            self.by_number.remove(&before.last);
        }
        let contended = if is_contended || was_contended {
            number
        } else {
            before.map_or(0, |before| before.contended)
        };
        let numbers = Numbers {
            last: number,
            contended,
        };
        self.by_lock.insert(key.clone(), numbers);
        self.by_number.insert(number, key);
        self.forget_oldest();
    }

    /// A reader was shown this lock contended: it must hear of the end of that, also where it had
    /// begun and ended before this log was told. To be called before another change is.
    pub(super) fn shown_contended(&mut self, key: K) {
        self.contended.insert(key);
    }

    /// What a reader has to see that has seen all up to `number`, the oldest first; none where
    /// that is not known, and it needs a snapshot.
    pub(super) fn since(&self, number: u64, scope: Scope) -> Option<Vec<ChangedLock<K>>> {
        if number < self.forgotten || number > self.last {
            return None;
        }
        let is_wanted = |key: &K| match scope {
            Scope::All => true,
            Scope::Contended => (self.by_lock.get(key)).is_some_and(|it| it.contended > number),
        };
        let changes = self
            .by_number
            .range(number + 1..)
            .filter(|(_, key)| is_wanted(key))
            .map(|(&number, key)| ChangedLock {
                number,
                key: key.clone(),
            });
        Some(changes.collect())
    }

    fn forget_oldest(&mut self) {
        while self.by_number.len() > self.capacity
            && let Some((number, key)) = self.by_number.pop_first()
        {
            self.by_lock.remove(&key);
            self.forgotten = number;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LOCKS: usize = 6;

    /// A lock at some time.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    struct State {
        version: u32,
        is_contended: bool,
    }

    #[derive(Clone, Debug)]
    enum Step {
        /// A lock changes; the log hears of it later.
        Change { lock: usize, is_contended: bool },
        /// What has changed reaches the log.
        Flush,
        /// What has changed is lost on the way.
        Lose,
        /// A reader takes at most so much. Where it is shown a snapshot, changes may reach the log
        /// before it has said what it showed. A reader that was cut comes again.
        Read {
            reader: usize,
            at_most: usize,
            flush_meanwhile: bool,
        },
    }

    fn step() -> impl Strategy<Value = Step> {
        let change = (0..LOCKS, any::<bool>());
        let read = (0..2usize, 0..4usize, any::<bool>());
        prop_oneof![
            4 => change.prop_map(|(lock, is_contended)| Step::Change { lock, is_contended }),
            3 => Just(Step::Flush),
            1 => Just(Step::Lose),
            3 => read.prop_map(|(reader, at_most, flush_meanwhile)| Step::Read {
                reader,
                at_most,
                flush_meanwhile,
            }),
        ]
    }

    /// The gate, the log, and what two readers believe.
    struct World {
        truth: [State; LOCKS],
        pending: HashSet<usize>,
        log: ChangeLog<usize>,
        readers: [Reader; 2],
    }

    struct Reader {
        scope: Scope,
        /// Whether it has been sent all once since it came or was shown a snapshot.
        has_begun: bool,
        position: Option<u64>,
        /// What it was shown, of a contended reader only what is contended.
        shown: HashMap<usize, State>,
    }

    impl Reader {
        fn new(scope: Scope) -> Self {
            Self {
                scope,
                has_begun: false,
                position: None,
                shown: HashMap::new(),
            }
        }

        fn show(&mut self, lock: usize, state: State) {
            if self.scope == Scope::All || state.is_contended {
                self.shown.insert(lock, state);
            } else {
                self.shown.remove(&lock);
            }
        }

        /// None where it needs a snapshot.
        fn changes(&self, log: &ChangeLog<usize>) -> Option<Vec<ChangedLock<usize>>> {
            let scope = if self.has_begun {
                self.scope
            } else {
                Scope::All
            };
            log.since(self.position?, scope)
        }
    }

    impl World {
        fn new(capacity: usize) -> Self {
            let mut log = ChangeLog::new(capacity);
            log.restart([]);
            Self {
                truth: Default::default(),
                pending: HashSet::new(),
                log,
                readers: [Reader::new(Scope::All), Reader::new(Scope::Contended)],
            }
        }

        fn take(&mut self, step: &Step) {
            match *step {
                Step::Change { lock, is_contended } => {
                    let state = &mut self.truth[lock];
                    state.version += 1;
                    state.is_contended = is_contended;
                    self.pending.insert(lock);
                }
                Step::Flush => {
                    for lock in self.pending.drain() {
                        self.log.changed(lock, self.truth[lock].is_contended);
                    }
                }
                Step::Lose => {
                    self.pending.clear();
                    let is_contended = |lock: &usize| self.truth[*lock].is_contended;
                    self.log.restart((0..LOCKS).filter(is_contended));
                }
                Step::Read {
                    reader,
                    at_most,
                    flush_meanwhile,
                } => match self.readers[reader].changes(&self.log) {
                    Some(changes) => self.show(reader, &changes, at_most),
                    None => self.show_all(reader, flush_meanwhile),
                },
            }
        }

        fn show_all(&mut self, reader: usize, flush_meanwhile: bool) {
            let position = self.log.last();
            let shown = self.truth;
            if flush_meanwhile {
                self.take(&Step::Flush);
            }
            let reader = &mut self.readers[reader];
            reader.shown.clear();
            for (lock, state) in shown.into_iter().enumerate() {
                reader.show(lock, state);
                if state.is_contended {
                    self.log.shown_contended(lock);
                }
            }
            reader.position = Some(position);
            reader.has_begun = false;
        }

        fn show(&mut self, reader: usize, changes: &[ChangedLock<usize>], at_most: usize) {
            let reader = &mut self.readers[reader];
            for change in changes.iter().take(at_most) {
                let state = self.truth[change.key];
                reader.show(change.key, state);
                reader.position = Some(change.number);
                if state.is_contended {
                    self.log.shown_contended(change.key);
                }
            }
            reader.has_begun = changes.len() <= at_most;
            if reader.has_begun {
                reader.position = Some(self.log.last());
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 2_000,
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn whatever_a_reader_misses_it_ends_with_the_truth(
            capacity in 1..8usize,
            steps in prop::collection::vec(step(), 0..60),
        ) {
            let mut world = World::new(capacity);
            steps.iter().for_each(|step| world.take(step));
            world.take(&Step::Flush);
            for reader in 0..2 {
                let read = Step::Read { reader, at_most: usize::MAX, flush_meanwhile: false };
                // The first may be a snapshot, behind which all is sent.
                world.take(&read);
                world.take(&read);
                let reader = &world.readers[reader];
                let mut truth = Reader::new(reader.scope);
                (0..LOCKS).for_each(|lock| truth.show(lock, world.truth[lock]));
                prop_assert_eq!(&reader.shown, &truth.shown, "{:?}", reader.scope);
            }
            prop_assert!(world.log.by_number.len() <= capacity);
            prop_assert_eq!(world.log.by_number.len(), world.log.by_lock.len());
        }
    }

    fn keys(log: &ChangeLog<char>, number: u64, scope: Scope) -> Option<String> {
        let changes = log.since(number, scope)?;
        Some(changes.into_iter().map(|change| change.key).collect())
    }

    #[test]
    fn each_lock_is_told_once_in_the_order_of_its_last_change() {
        let mut log = ChangeLog::new(8);
        for (key, is_contended) in [('a', false), ('b', true), ('a', false), ('c', false)] {
            log.changed(key, is_contended);
        }
        assert_eq!(keys(&log, 0, Scope::All).as_deref(), Some("bac"));
        assert_eq!(keys(&log, 2, Scope::All).as_deref(), Some("ac"));
        assert_eq!(keys(&log, 4, Scope::All).as_deref(), Some(""));
        assert_eq!(keys(&log, 0, Scope::Contended).as_deref(), Some("b"));
    }

    #[test]
    fn the_end_of_contention_is_told_once_and_what_follows_is_not() {
        let mut log = ChangeLog::new(8);
        log.changed('a', true);
        log.changed('a', false);
        assert_eq!(keys(&log, 1, Scope::Contended).as_deref(), Some("a"));
        log.changed('a', false);
        assert_eq!(keys(&log, 2, Scope::Contended).as_deref(), Some(""));
        assert_eq!(keys(&log, 1, Scope::Contended).as_deref(), Some("a"));
    }

    #[test]
    fn a_position_that_is_forgotten_or_of_the_future_is_none() {
        let mut log = ChangeLog::new(2);
        ['a', 'b', 'c']
            .into_iter()
            .for_each(|key| log.changed(key, false));
        assert_eq!(keys(&log, 0, Scope::All), None);
        assert_eq!(keys(&log, 1, Scope::All).as_deref(), Some("bc"));
        assert_eq!(keys(&log, 4, Scope::All), None);
        log.restart([]);
        assert_eq!(keys(&log, 3, Scope::All), None);
        assert_eq!(keys(&log, 4, Scope::All).as_deref(), Some(""));
    }
}
