//! Locks that a test sets as it likes.

use crate::admin::model::{LockInfo, WaiterInfo};
use crate::admin::{LockFeed, ShownLocks};
use crate::ids::{MaildropKey, UserName};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicIsize, Ordering};
use std::sync::{Arc, Mutex};

/// Locks by the name of their maildrop.
#[derive(Default)]
pub(in crate::admin) struct FeedDouble {
    waiters: Mutex<BTreeMap<String, usize>>,
    /// None where some were lost.
    changed: Mutex<Option<Vec<MaildropKey>>>,
    glimpsed: Mutex<Option<String>>,
    pub(super) gathers: AtomicBool,
    pub(super) readers: AtomicIsize,
}

fn key(name: &str) -> MaildropKey {
    MaildropKey::new(&Arc::from([]), &UserName::new(name.as_bytes()))
}

impl FeedDouble {
    /// So many wait for this maildrop from now on.
    pub(super) fn set(&self, name: &str, waiters: usize) {
        self.waiters
            .lock()
            .unwrap()
            .insert(name.to_owned(), waiters);
        if let Some(changed) = &mut *self.changed.lock().unwrap() {
            changed.push(key(name));
        }
    }

    /// Whoever looks at this maildrop next sees somebody wait for it who has gone by then.
    pub(super) fn let_glimpse(&self, name: &str) {
        *self.glimpsed.lock().unwrap() = Some(name.to_owned());
    }

    /// What has changed cannot be told any more.
    pub(super) fn lose(&self) {
        *self.changed.lock().unwrap() = None;
    }

    fn waiters(&self, name: &str) -> usize {
        let waiters = self.waiters.lock().unwrap();
        waiters.get(name).copied().unwrap_or(0)
    }
}

impl LockFeed for FeedDouble {
    fn gather(&self, gathers: bool) {
        self.gathers.store(gathers, Ordering::SeqCst);
        *self.changed.lock().unwrap() = gathers.then(Vec::new);
    }

    fn changed(&self) -> Option<Vec<MaildropKey>> {
        self.changed.lock().unwrap().replace(Vec::new())
    }

    fn is_contended(&self, key: &MaildropKey) -> bool {
        self.waiters(&key.to_string()) > 0
    }

    fn contended(&self) -> Vec<MaildropKey> {
        let waiters = self.waiters.lock().unwrap();
        let contended = waiters.iter().filter(|(_, waiters)| **waiters > 0);
        contended.map(|(name, _)| key(name)).collect()
    }

    fn lock(&self, key: &MaildropKey) -> LockInfo {
        let name = key.to_string();
        let glimpsed = self.glimpsed.lock().unwrap().take_if(|it| *it == name);
        let waiter = WaiterInfo {
            session: 2,
            client: "192.0.2.7:1234".to_owned(),
            tenant: "default".to_owned(),
            program: None,
            lane: "main".to_owned(),
            since: Timestamp::UNIX_EPOCH,
            waited_seconds: 1.0,
            until: Timestamp::UNIX_EPOCH,
        };
        LockInfo {
            id: format!("legacy/{name}"),
            backends: vec!["legacy".to_owned()],
            backend: None,
            tenant: None,
            holder: None,
            waiters: vec![waiter; self.waiters(&name) + usize::from(glimpsed.is_some())],
            longest_wait_seconds: 0.0,
            maildrop: name,
        }
    }

    fn locks(&self, contended_only: bool, max: usize) -> ShownLocks {
        let names: Vec<_> = self.waiters.lock().unwrap().keys().cloned().collect();
        let mut keys: Vec<_> = names.iter().map(|name| key(name)).collect();
        keys.retain(|key| !contended_only || self.is_contended(key));
        let left_out = keys.len().saturating_sub(max);
        keys.truncate(max);
        let shown = |key: MaildropKey| {
            let lock = self.lock(&key);
            (key, lock)
        };
        ShownLocks {
            locks: keys.into_iter().map(shown).collect(),
            left_out,
        }
    }

    fn reader_came(&self) {
        self.readers.fetch_add(1, Ordering::SeqCst);
    }

    fn reader_left(&self) {
        self.readers.fetch_sub(1, Ordering::SeqCst);
    }
}
