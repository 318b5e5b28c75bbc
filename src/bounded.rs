//! The collections behind whatever is remembered of strangers. Each has a capacity, and says which
//! entry is evicted when it is full.
//!
//! Time is a parameter of any kind: [`Instant`](crate::time::Instant) for a memory that dies with
//! the process, `jiff::Timestamp` for one that belongs to something that outlives it.

use std::collections::BTreeMap;
use std::collections::hash_map::{Entry, HashMap};
use std::hash::Hash;

/// A map whose entries expire, with a capacity. Where it is full, the least recently used entry is
/// evicted. Looking a key up does not use it; [`ExpiringLruMap::touch`] does.
#[derive(Debug)]
pub(crate) struct ExpiringLruMap<K, V, T> {
    entries: HashMap<K, Slot<V, T>>,
    /// Each key of `entries` by the number of its last use, so that the first is evicted first.
    by_last_use: BTreeMap<u64, K>,
    uses: u64,
    capacity: usize,
}

#[derive(Debug)]
struct Slot<V, T> {
    value: V,
    expires: T,
    last_use: u64,
}

impl<K: Clone + Eq + Hash, V, T: Copy + Ord> ExpiringLruMap<K, V, T> {
    /// An empty map for up to `capacity` entries. It takes memory only as it grows.
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            entries: HashMap::new(),
            by_last_use: BTreeMap::new(),
            uses: 0,
            capacity,
        }
    }

    /// The value of `key`, unless it has expired.
    pub(crate) fn get(&self, key: &K, now: T) -> Option<&V> {
        let slot = self.entries.get(key)?;
        (now < slot.expires).then_some(&slot.value)
    }

    /// The same, to be changed.
    pub(crate) fn get_mut(&mut self, key: &K, now: T) -> Option<&mut V> {
        let slot = self.entries.get_mut(key)?;
        (now < slot.expires).then_some(&mut slot.value)
    }

    /// Whether `key` is known and has not expired.
    pub(crate) fn contains(&self, key: &K, now: T) -> bool {
        self.get(key, now).is_some()
    }

    /// Uses `key`, and keeps it until `expires` at least. The value is a default one if the key is
    /// new or had expired.
    pub(crate) fn touch(&mut self, key: K, expires: T, now: T) -> &mut V
    where
        V: Default,
    {
        self.slot(key, expires, now, V::default)
    }

    /// Uses `key` for `value`, until `expires`.
    pub(crate) fn insert(&mut self, key: K, value: V, expires: T, now: T) {
        self.remove(&key);
        self.slot(key, expires, now, || value);
    }

    pub(crate) fn remove(&mut self, key: &K) {
        if let Some(slot) = self.entries.remove(key) {
            self.by_last_use.remove(&slot.last_use);
        }
    }

    /// Frees the memory of expired entries. Lookups do not depend on it.
    pub(crate) fn remove_expired(&mut self, now: T) {
        // All are visited: entries may live differently long, so that their order of use says
        // nothing of what has expired. This is called once a minute.
        self.entries.retain(|_, slot| {
            let is_fresh = now < slot.expires;
            if !is_fresh {
                self.by_last_use.remove(&slot.last_use);
            }
            is_fresh
        });
        // After a flood the table is far larger than what it holds.
        self.entries.shrink_to(2 * self.entries.len());
    }

    /// Entries in memory, also those that have expired and were not removed yet.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    fn slot(&mut self, key: K, expires: T, now: T, new: impl FnOnce() -> V) -> &mut V {
        if !self.entries.contains_key(&key) {
            self.make_room(now);
        }
        self.uses += 1;
        let last_use = self.uses;
        let slot = match self.entries.entry(key.clone()) {
            Entry::Vacant(vacant) => vacant.insert(Slot {
                value: new(),
                expires,
                last_use,
            }),
            Entry::Occupied(occupied) => {
                let slot = occupied.into_mut();
                if slot.expires <= now {
                    slot.value = new();
                }
                slot.expires = slot.expires.max(expires);
                self.by_last_use.remove(&slot.last_use);
                slot.last_use = last_use;
                slot
            }
        };
        self.by_last_use.insert(last_use, key);
        &mut slot.value
    }

    /// Evicts until one more entry fits. The oldest are evicted as well if they have expired, so
    /// that a map whose entries all live equally long keeps itself clean.
    fn make_room(&mut self, now: T) {
        while let Some(oldest) = self.by_last_use.first_entry() {
            let is_fresh = |slot: &Slot<V, T>| now < slot.expires;
            let is_full = self.entries.len() >= self.capacity;
            if !is_full && self.entries.get(oldest.get()).is_some_and(is_fresh) {
                return;
            }
            self.entries.remove(&oldest.remove());
        }
    }
}

/// The latest of some items: each once, with the time when it came last; the oldest first. Where it
/// is full, the oldest is evicted.
///
/// For a handful: adding one looks at all.
#[derive(Debug)]
pub(crate) struct RecentSet<I, T>(Vec<(I, T)>);

impl<I, T> Default for RecentSet<I, T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<I: PartialEq, T: Copy> RecentSet<I, T> {
    /// Adds `item`, or moves it to the end; drops those that are not fresh, and beyond `capacity`
    /// the oldest.
    pub(crate) fn add(&mut self, item: I, at: T, capacity: usize, is_fresh: impl Fn(T) -> bool) {
        self.0.retain(|(known, at)| *known != item && is_fresh(*at));
        if self.0.len() >= capacity {
            self.0.remove(0);
        }
        self.0.push((item, at));
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// When the oldest item came last.
    pub(crate) fn oldest(&self) -> Option<T> {
        self.0.first().map(|&(_, at)| at)
    }

    /// Forgets all items, and frees their memory.
    pub(crate) fn clear(&mut self) {
        self.0 = Vec::new();
    }

    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.0.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{Duration, Instant};

    const AGE: Duration = Duration::from_secs(600);

    /// A map whose entries live [`AGE`] from their last use.
    struct Memory {
        map: ExpiringLruMap<u64, u8, Instant>,
        start: Instant,
    }

    impl Memory {
        fn of(capacity: usize) -> Self {
            Self {
                map: ExpiringLruMap::new(capacity),
                start: Instant::now(),
            }
        }

        fn at(&self, second: u64) -> Instant {
            self.start + Duration::from_secs(second)
        }

        fn touch(&mut self, key: char, second: u64) -> &mut u8 {
            let now = self.at(second);
            self.map.touch(u64::from(key), now + AGE, now)
        }

        fn get(&self, key: char, second: u64) -> Option<u8> {
            self.map.get(&u64::from(key), self.at(second)).copied()
        }

        /// Both of its parts must hold the same keys.
        fn sizes(&self) -> (usize, usize) {
            (self.map.len(), self.map.by_last_use.len())
        }
    }

    #[test]
    fn what_has_expired_is_not_known_and_comes_back_empty() {
        let mut memory = Memory::of(8);
        *memory.touch('a', 0) = 1;
        assert_eq!(memory.get('a', 599), Some(1));
        assert_eq!(memory.get('a', 600), None);
        let late = memory.at(600);
        assert_eq!(memory.map.get_mut(&u64::from('a'), late), None);
        assert!(!memory.map.contains(&u64::from('a'), late));
        assert_eq!(*memory.touch('a', 600), 0);
        assert_eq!(memory.get('b', 600), None);
    }

    #[test]
    fn a_use_prolongs_an_entry_and_never_shortens_it() {
        let mut memory = Memory::of(8);
        *memory.touch('a', 0) = 1;
        assert_eq!(*memory.touch('a', 300), 1);
        assert_eq!(memory.get('a', 899), Some(1));
        let soon = memory.at(310);
        memory.map.touch(u64::from('a'), soon, memory.at(300));
        assert_eq!(memory.get('a', 899), Some(1));
    }

    #[test]
    fn expired_entries_are_removed_and_used_ones_stay() {
        let mut memory = Memory::of(8);
        for key in ['a', 'b', 'c'] {
            memory.touch(key, 0);
        }
        memory.touch('b', 10);
        memory.map.remove_expired(memory.at(600));
        assert!(memory.get('b', 600).is_some());
        assert_eq!(memory.sizes(), (1, 1));
        memory.map.remove_expired(memory.at(610));
        assert_eq!(memory.sizes(), (0, 0));
    }

    #[test]
    fn a_long_life_does_not_keep_a_short_one_in_memory() {
        let mut memory = Memory::of(8);
        let (start, day) = (memory.start, memory.at(86_400));
        memory.map.touch(1, day, start);
        memory.map.touch(2, memory.at(1), start);
        memory.map.remove_expired(memory.at(1));
        assert!(memory.map.contains(&1, memory.at(1)));
        assert_eq!(memory.sizes(), (1, 1));
    }

    #[test]
    fn a_full_map_evicts_the_least_recently_used() {
        let mut memory = Memory::of(3);
        for (second, key) in ['a', 'b', 'c', 'a', 'd'].into_iter().enumerate() {
            memory.touch(key, second as u64);
        }
        let kept = ['a', 'b', 'c', 'd'].map(|key| memory.get(key, 0).is_some());
        assert_eq!(kept, [true, false, true, true]);
    }

    #[test]
    fn looking_up_is_no_use_of_a_key() {
        let mut memory = Memory::of(2);
        memory.touch('a', 0);
        memory.touch('b', 1);
        assert!(memory.get('a', 2).is_some());
        memory.touch('c', 3);
        assert!(memory.get('a', 3).is_none() && memory.get('b', 3).is_some());
    }

    #[test]
    fn a_removed_key_takes_no_room() {
        let mut memory = Memory::of(2);
        for second in 0..1000 {
            memory.touch('a', second);
            memory.map.remove(&u64::from('a'));
        }
        assert_eq!(memory.sizes(), (0, 0));
        memory.touch('b', 0);
        memory.touch('c', 0);
        assert!(memory.get('b', 0).is_some() && memory.get('c', 0).is_some());
    }

    #[test]
    fn ever_new_ones_and_ever_the_same_one_do_not_make_it_grow() {
        let mut memory = Memory::of(100);
        let map = &mut memory.map;
        for n in 0..10_000 {
            let now = memory.start + Duration::from_millis(n);
            map.touch(n, now + AGE, now);
            *map.touch(u64::MAX, now + AGE, now) = 7;
            assert!(map.len() <= 100 && map.by_last_use.len() == map.len());
        }
        let start = memory.start;
        assert_eq!(map.touch(u64::MAX, start, start), &7, "it is in use");
    }

    #[test]
    fn new_entries_push_out_what_has_expired() {
        let mut memory = Memory::of(100);
        for key in ['a', 'b', 'c'] {
            memory.touch(key, 0);
        }
        memory.touch('d', 600);
        assert_eq!(memory.sizes(), (1, 1));
    }

    #[test]
    fn a_recent_set_holds_each_item_once_and_the_latest_of_them() {
        let mut set = RecentSet::default();
        let always = |_| true;
        for (at, item) in ['a', 'b', 'a', 'c', 'd'].into_iter().enumerate() {
            set.add(item, at, 3, always);
        }
        assert_eq!(set.0, [('a', 2), ('c', 3), ('d', 4)]);
        assert_eq!((set.len(), set.oldest()), (3, Some(2)));
        set.add('e', 5, 3, |at| at > 3);
        assert_eq!(set.0, [('d', 4), ('e', 5)], "the others are not fresh");
        set.clear();
        assert_eq!((set.len(), set.oldest(), set.capacity()), (0, None, 0));
    }
}
