//! A map of what is of use for a while only, never larger than its bound.

use jiff::Timestamp;
use std::collections::HashMap;
use std::hash::Hash;

/// Beyond a bound this part of all goes at once, so that finding out which is done seldom.
pub(super) const SHARE: usize = 16;

/// Values with the time until which each is of use. Where there is no room, those that nobody
/// has touched for longest go.
#[derive(Debug)]
pub(super) struct Fading<K, V> {
    held: HashMap<K, Held<V>>,
    bound: usize,
    touches: u64,
}

#[derive(Debug)]
struct Held<V> {
    value: V,
    until: Timestamp,
    touched: u64,
}

impl<K: Eq + Hash, V: Default> Fading<K, V> {
    pub(super) fn new(bound: usize) -> Self {
        Self {
            held: HashMap::new(),
            bound,
            touches: 0,
        }
    }

    /// The value of `key`, kept until `until` at least, a new one if there is none.
    pub(super) fn keep(&mut self, key: K, until: Timestamp, now: Timestamp) -> &mut V {
        if self.held.len() >= self.bound && !self.held.contains_key(&key) {
            self.make_room(now);
        }
        self.touches += 1;
        let held = self.held.entry(key).or_insert_with(|| Held {
            value: V::default(),
            until,
            touched: 0,
        });
        held.touched = self.touches;
        held.until = held.until.max(until);
        &mut held.value
    }

    /// The value of `key` if it is kept still.
    pub(super) fn get(&self, key: &K, now: Timestamp) -> Option<&V> {
        let held = self.held.get(key).filter(|held| now < held.until)?;
        Some(&held.value)
    }

    /// Whether `key` is kept still.
    pub(super) fn has(&self, key: &K, now: Timestamp) -> bool {
        self.get(key, now).is_some()
    }

    pub(super) fn remove(&mut self, key: &K) {
        self.held.remove(key);
    }

    /// Drops what is of no use any more.
    pub(super) fn forget(&mut self, now: Timestamp) {
        self.held.retain(|_, held| now < held.until);
        self.held.shrink_to(2 * self.held.len());
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    fn make_room(&mut self, now: Timestamp) {
        self.held.retain(|_, held| now < held.until);
        if self.held.len() < self.bound {
            return;
        }
        let mut touched: Vec<_> = self.held.values().map(|held| held.touched).collect();
        let (_, &mut last, _) = touched.select_nth_unstable(self.bound / SHARE);
        self.held.retain(|_, held| held.touched > last);
    }
}
