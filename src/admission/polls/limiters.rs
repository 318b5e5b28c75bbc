//! governor's limiters: one for each distinct quota, however many tenants have it.

use crate::policy::rules::Quota;
use crate::time::{Instant, TokioClock};
use governor::RateLimiter;
use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::state::keyed::{DashMapStateStore, ShrinkableKeyedStateStore};
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The limiters of one kind of key, each made when its quota is first charged.
pub(super) struct Limiters<K: Hash + Eq + Clone> {
    by_quota: Mutex<HashMap<Quota, Arc<Limiter<K>>>>,
}

struct Limiter<K: Hash + Eq + Clone> {
    gcra: RateLimiter<K, States<K>, TokioClock, NoOpMiddleware<<TokioClock as Clock>::Instant>>,
    states: Arc<DashMapStateStore<K>>,
}

impl<K: Hash + Eq + Clone> Limiters<K> {
    pub(super) fn new() -> Self {
        Self {
            by_quota: Mutex::default(),
        }
    }

    /// Charges `key` a login, and before it one that it still owes. Where there is no room for
    /// all of it: from when on there is.
    pub(super) fn charge(&self, quota: Quota, key: &K, owes: bool) -> Option<Instant> {
        let limiter = self.limiter(quota);
        let logins = if owes { 2 } else { 1 };
        let refused = (0..logins).find_map(|_| limiter.gcra.check_key(key).err());
        refused.map(|until| Instant::from_std(until.earliest_possible()))
    }

    /// Forgets one key, whatever its quota.
    pub(super) fn forget(&self, key: &K) {
        for limiter in self.lock().values() {
            limiter.states.remove(key);
        }
    }

    /// Forgets keys whose quotas are whole again, and limiters without keys.
    pub(super) fn forget_idle(&self) {
        // Swept without the lock, which every login takes.
        let limiters: Vec<_> = self.lock().values().cloned().collect();
        for limiter in limiters {
            limiter.gcra.retain_recent();
            limiter.gcra.shrink_to_fit();
        }
        // One that is held by somebody else is about to get a key.
        self.lock()
            .retain(|_, limiter| Arc::strong_count(limiter) > 1 || !limiter.states.is_empty());
    }

    /// Keys of all limiters together.
    pub(super) fn keys(&self) -> usize {
        let limiters = self.lock();
        limiters.values().map(|limiter| limiter.states.len()).sum()
    }

    /// How many quotas have a limiter.
    #[cfg(test)]
    pub(super) fn quotas(&self) -> usize {
        self.lock().len()
    }

    fn limiter(&self, quota: Quota) -> Arc<Limiter<K>> {
        let mut limiters = self.lock();
        let limiter = limiters.entry(quota).or_insert_with(|| new_limiter(quota));
        Arc::clone(limiter)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Quota, Arc<Limiter<K>>>> {
        self.by_quota.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn new_limiter<K: Hash + Eq + Clone>(quota: Quota) -> Arc<Limiter<K>> {
    // A period of zero limits nothing, and the configuration has none.
    let gcra = governor::Quota::with_period(quota.every)
        .unwrap_or(governor::Quota::per_second(quota.burst))
        .allow_burst(quota.burst);
    let states = Arc::new(DashMapStateStore::default());
    Arc::new(Limiter {
        gcra: RateLimiter::new(gcra, States(Arc::clone(&states)), TokioClock),
        states,
    })
}

/// governor's own store, shared: its limiter lets nobody take one key out.
struct States<K>(Arc<DashMapStateStore<K>>);

impl<K: Hash + Eq + Clone> StateStore for States<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, f: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        self.0.measure_and_replace(key, f)
    }
}

impl<K: Hash + Eq + Clone> ShrinkableKeyedStateStore<K> for States<K> {
    fn retain_recent(&self, drop_below: Nanos) {
        self.0.retain_recent(drop_below);
    }

    fn shrink_to_fit(&self) {
        self.0.shrink_to_fit();
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
