//! The collections behind whatever is remembered of strangers. Each has a capacity, and says which
//! entry is evicted when it is full.
//!
//! Time is a parameter of any kind: [`Instant`](crate::time::Instant) for a memory that dies with
//! the process, `jiff::Timestamp` for one that belongs to something that outlives it.

use std::collections::HashMap;
use std::hash::Hash;
use std::ops::Range;

/// A map whose entries expire, with a capacity. Where it is full, the least recently used entry is
/// evicted. Looking a key up does not use it; [`ExpiringLruMap::touch`] does.
#[derive(Debug)]
pub(crate) struct ExpiringLruMap<K, V, T> {
    /// Where the entry of each key stands in `entries`.
    positions: HashMap<K, usize>,
    /// Without gaps, so that the memory follows the number of entries both ways.
    entries: Vec<LruEntry<K, V, T>>,
    /// The ends of the ring in which all entries stand in the order of their last use.
    ends: Links,
    capacity: usize,
}

#[derive(Debug)]
struct LruEntry<K, V, T> {
    key: K,
    value: V,
    expires: T,
    links: Links,
}

/// The neighbours of an entry in the ring. Behind the newest stands [`ENDS`], and behind that the
/// oldest.
#[derive(Clone, Copy, Debug)]
struct Links {
    older: usize,
    newer: usize,
}

/// The position of [`ExpiringLruMap::ends`], as if it were an entry.
const ENDS: usize = usize::MAX;

impl<K: Clone + Eq + Hash, V, T: Copy + Ord> ExpiringLruMap<K, V, T> {
    /// An empty map for up to `capacity` entries. It takes memory only as it grows.
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            positions: HashMap::new(),
            entries: Vec::new(),
            ends: Links {
                older: ENDS,
                newer: ENDS,
            },
            capacity,
        }
    }

    /// The value of `key`, unless it has expired.
    pub(crate) fn get(&self, key: &K, now: T) -> Option<&V> {
        let entry = &self.entries[*self.positions.get(key)?];
        (now < entry.expires).then_some(&entry.value)
    }

    /// The same, to be changed.
    pub(crate) fn get_mut(&mut self, key: &K, now: T) -> Option<&mut V> {
        let entry = &mut self.entries[*self.positions.get(key)?];
        (now < entry.expires).then_some(&mut entry.value)
    }

    /// Whether `key` is known and has not expired.
    pub(crate) fn contains(&self, key: &K, now: T) -> bool {
        self.get(key, now).is_some()
    }

    /// Those in these places that have not expired, in no order. Where an entry goes, the last one
    /// takes its place.
    pub(crate) fn iter_in(&self, places: Range<usize>, now: T) -> impl Iterator<Item = (&K, &V)> {
        self.entries
            .iter()
            .take(places.end)
            .skip(places.start)
            .filter(move |entry| now < entry.expires)
            .map(|entry| (&entry.key, &entry.value))
    }

    /// Uses `key`, and keeps it until `expires` at least. The value is a default one if the key is
    /// new or had expired.
    pub(crate) fn touch(&mut self, key: K, expires: T, now: T) -> &mut V
    where
        V: Default,
    {
        let Some(&at) = self.positions.get(&key) else {
            return self.push(key, V::default(), expires, now);
        };
        self.unlink(at);
        self.link_as_newest(at);
        let entry = &mut self.entries[at];
        if entry.expires <= now {
            entry.value = V::default();
        }
        entry.expires = entry.expires.max(expires);
        &mut entry.value
    }

    /// Uses `key` for `value`, until `expires`.
    pub(crate) fn insert(&mut self, key: K, value: V, expires: T, now: T) {
        self.remove(&key);
        self.push(key, value, expires, now);
    }

    pub(crate) fn remove(&mut self, key: &K) {
        if let Some(&at) = self.positions.get(key) {
            self.remove_at(at);
        }
    }

    /// Frees the memory of expired entries. Lookups do not depend on it.
    pub(crate) fn remove_expired(&mut self, now: T) {
        // All are visited: entries may live differently long, so that their order of use says
        // nothing of what has expired. This is called once a minute.
        for at in (0..self.entries.len()).rev() {
            if self.entries[at].expires <= now {
                self.remove_at(at);
            }
        }
        // After a flood both are far larger than what they hold.
        self.entries.shrink_to(2 * self.entries.len());
        self.positions.shrink_to(2 * self.entries.len());
    }

    /// Entries in memory, also those that have expired and were not removed yet.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Adds an entry for a key that has none.
    fn push(&mut self, key: K, value: V, expires: T, now: T) -> &mut V {
        self.make_room(now);
        let at = self.entries.len();
        self.positions.insert(key.clone(), at);
        self.entries.push(LruEntry {
            key,
            value,
            expires,
            links: self.ends,
        });
        self.link_as_newest(at);
        &mut self.entries[at].value
    }

    /// Evicts until one more entry fits. The oldest are evicted as well if they have expired, so
    /// that a map whose entries all live equally long keeps itself clean.
    fn make_room(&mut self, now: T) {
        while let Some(oldest) = self.entries.get(self.ends.newer) {
            if self.entries.len() < self.capacity && now < oldest.expires {
                return;
            }
            self.remove_at(self.ends.newer);
        }
    }

    fn remove_at(&mut self, at: usize) {
        self.unlink(at);
        let removed = self.entries.swap_remove(at);
        self.positions.remove(&removed.key);
        // The last entry fills the gap, and has to be found there.
        if let Some(moved) = self.entries.get(at) {
            let Links { older, newer } = moved.links;
            if let Some(position) = self.positions.get_mut(&moved.key) {
                *position = at;
            }
            self.links(older).newer = at;
            self.links(newer).older = at;
        }
    }

    fn unlink(&mut self, at: usize) {
        let Links { older, newer } = self.entries[at].links;
        self.links(older).newer = newer;
        self.links(newer).older = older;
    }

    fn link_as_newest(&mut self, at: usize) {
        let newest = self.ends.older;
        self.entries[at].links = Links {
            older: newest,
            newer: ENDS,
        };
        self.links(newest).newer = at;
        self.ends.older = at;
    }

    fn links(&mut self, at: usize) -> &mut Links {
        match at {
            ENDS => &mut self.ends,
            at => &mut self.entries[at].links,
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

    /// How many items are fresh.
    pub(crate) fn count(&self, is_fresh: impl Fn(T) -> bool) -> usize {
        self.0.iter().filter(|(_, at)| is_fresh(*at)).count()
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

        /// Entries, and keys; each of these must lead to its entry, and the ring through all.
        fn sizes(&self) -> (usize, usize) {
            let map = &self.map;
            for (at, entry) in map.entries.iter().enumerate() {
                assert_eq!(map.positions.get(&entry.key), Some(&at));
            }
            let mut at = map.ends.newer;
            let mut ring = 0;
            while at != ENDS {
                at = map.entries[at].links.newer;
                ring += 1;
            }
            assert_eq!(ring, map.len());
            (map.len(), map.positions.len())
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
        let start = memory.start;
        let day = memory.at(86_400);
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
            assert!(map.len() <= 100 && map.positions.len() == map.len());
        }
        let start = memory.start;
        assert_eq!(map.touch(u64::MAX, start, start), &7, "it is in use");
    }

    /// Against a list in order of use: whatever is touched, removed and expires.
    #[test]
    fn any_sequence_keeps_what_a_plain_list_keeps() {
        let mut memory = Memory::of(8);
        let mut list: Vec<(u64, u64)> = Vec::new();
        let mut random = fastrand::Rng::with_seed(7);
        for second in 0..5_000 {
            let key = random.u64(0..16);
            let now = memory.at(second);
            list.retain(|&(known, _)| known != key);
            match random.u8(0..8) {
                0 => memory.map.remove(&key),
                1 => {
                    memory.map.remove(&key);
                    memory.map.remove_expired(now);
                    list.retain(|&(_, until)| second < until);
                }
                _ => {
                    memory.map.insert(key, 0, now + AGE / 60, now);
                    list.push((key, second + 10));
                    list.drain(..list.len().saturating_sub(8));
                }
            }
            for key in 0..16 {
                let kept = list.iter().any(|&(it, until)| it == key && second < until);
                assert_eq!(memory.map.contains(&key, now), kept, "{key} at {second}");
            }
            memory.sizes();
        }
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
