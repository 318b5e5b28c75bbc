//! A map that forgets what was not used for a while, and never grows past a bound.
//!
//! When it is full, whoever was lined up first goes, unless it was used since: then it is lined up
//! anew, once for each use at most, so that an insertion is cheap whatever strangers do. What goes
//! is therefore unused for longest, or nearly so.

use crate::time::{Duration, Instant};
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// What is known of each `K`, in memory only.
pub(super) struct Recent<K, V> {
    entries: HashMap<K, Entry<V>>,
    /// Each key of `entries` once, with a time of its use.
    line: VecDeque<(Instant, K)>,
    len_max: usize,
    age_max: Duration,
}

struct Entry<V> {
    used: Instant,
    value: V,
}

impl<K: Copy + Eq + Hash, V: Default> Recent<K, V> {
    /// Empty. Keeps `len_max` of them, and none that was not used for longer than `age_max`.
    pub(super) fn new(len_max: usize, age_max: Duration) -> Self {
        Self {
            entries: HashMap::new(),
            line: VecDeque::new(),
            len_max,
            age_max,
        }
    }

    /// What is known of `key`, and when it was used last.
    pub(super) fn get(&self, key: &K, now: Instant) -> Option<(Instant, &V)> {
        let entry = self.entries.get(key)?;
        let is_known = now.duration_since(entry.used) <= self.age_max;
        is_known.then_some((entry.used, &entry.value))
    }

    /// The same, to be changed. It does not count as a use.
    pub(super) fn get_mut(&mut self, key: &K, now: Instant) -> Option<(Instant, &mut V)> {
        let entry = self.entries.get_mut(key)?;
        let is_known = now.duration_since(entry.used) <= self.age_max;
        is_known.then_some((entry.used, &mut entry.value))
    }

    /// Uses `key`, which is new where it was not known any more.
    pub(super) fn touch(&mut self, key: K, now: Instant) -> &mut V {
        if !self.entries.contains_key(&key) {
            self.shrink(self.len_max.saturating_sub(1), now);
            self.line.push_back((now, key));
        }
        let entry = self.entries.entry(key).or_insert_with(|| Entry {
            used: now,
            value: V::default(),
        });
        if now.duration_since(entry.used) > self.age_max {
            entry.value = V::default();
        }
        entry.used = now;
        &mut entry.value
    }

    /// Forgets what was not used for too long, though nothing new comes.
    pub(super) fn forget_idle(&mut self, now: Instant) {
        self.shrink(self.len_max, now);
    }

    /// How many there are, those included that are too old and not forgotten yet.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    fn shrink(&mut self, len_max: usize, now: Instant) {
        while let Some(&(lined_up, key)) = self.line.front() {
            let used = self.entries.get(&key).map_or(lined_up, |entry| entry.used);
            let is_old = now.duration_since(used) > self.age_max;
            if used == lined_up && !is_old && self.line.len() <= len_max {
                return;
            }
            self.line.pop_front();
            if used == lined_up || is_old {
                self.entries.remove(&key);
            } else {
                self.line.push_back((used, key));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGE: Duration = Duration::from_secs(600);

    fn second(start: Instant, n: u64) -> Instant {
        start + Duration::from_secs(n)
    }

    #[test]
    fn what_was_not_used_for_too_long_is_not_known_and_comes_back_empty() {
        let mut recent = Recent::new(8, AGE);
        let start = Instant::now();
        *recent.touch('a', start) = 1;
        assert_eq!(recent.get(&'a', start + AGE), Some((start, &1)));
        let late = second(start + AGE, 1);
        assert_eq!(recent.get(&'a', late), None);
        assert_eq!(recent.get_mut(&'a', late), None);
        assert_eq!(*recent.touch('a', late), 0);
        assert_eq!(recent.get(&'b', late), None);
    }

    #[test]
    fn idle_ones_are_forgotten_and_used_ones_stay() {
        let mut recent: Recent<char, u8> = Recent::new(8, AGE);
        let start = Instant::now();
        for key in ['a', 'b', 'c'] {
            recent.touch(key, start);
        }
        recent.touch('b', second(start, 10));
        recent.forget_idle(second(start + AGE, 1));
        assert!(recent.get(&'b', start + AGE).is_some());
        assert_eq!((recent.len(), recent.line.len()), (1, 1));
        recent.forget_idle(second(start + AGE, 11));
        assert_eq!((recent.len(), recent.line.len()), (0, 0));
    }

    #[test]
    fn a_full_one_drops_what_is_unused_for_longest() {
        let mut recent: Recent<char, u8> = Recent::new(3, AGE);
        let start = Instant::now();
        for (n, key) in ['a', 'b', 'c', 'a', 'd'].into_iter().enumerate() {
            recent.touch(key, second(start, n as u64));
        }
        let kept = ['a', 'b', 'c', 'd'].map(|key| recent.get(&key, start).is_some());
        assert_eq!(kept, [true, false, true, true]);
    }

    #[test]
    fn ever_new_ones_and_ever_the_same_one_do_not_make_it_grow() {
        let mut recent: Recent<u64, u8> = Recent::new(100, AGE);
        let start = Instant::now();
        for n in 0..10_000 {
            let now = start + Duration::from_millis(n);
            recent.touch(n, now);
            *recent.touch(u64::MAX, now) = 7;
            assert!(recent.len() <= 100 && recent.line.len() == recent.len());
        }
        assert_eq!(recent.touch(u64::MAX, start), &7, "it is in use");
    }
}
