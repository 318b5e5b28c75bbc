//! What the stream of lock changes is made of.

use super::AdminHandle;
use super::convert::lock_info;
use crate::admin::model::LockInfo;
use crate::admin::{LockFeed, ShownLocks};
use crate::ids::MaildropKey;
use crate::lock::LockView;
use crate::time::Instant;

impl LockFeed for AdminHandle {
    fn gather(&self, gathers: bool) {
        self.memory.changed_locks.gather(gathers);
    }

    fn changed(&self) -> Option<Vec<MaildropKey>> {
        self.memory.changed_locks.take()
    }

    fn is_contended(&self, key: &MaildropKey) -> bool {
        self.cx.locks.is_contended(key)
    }

    fn contended(&self) -> Vec<MaildropKey> {
        self.cx.locks.contended()
    }

    fn lock(&self, key: &MaildropKey) -> LockInfo {
        let free = || LockView {
            key: key.clone(),
            holder: None,
            waiters: Vec::new(),
            home: None,
        };
        let lock = self.cx.locks.view(key).unwrap_or_else(free);
        lock_info(&lock, &self.cx.sessions, self.cx.moment())
    }

    fn locks(&self, contended_only: bool, max: usize) -> ShownLocks {
        let mut locks = self.cx.locks.snapshot(usize::MAX).locks;
        locks.retain(|lock| !contended_only || !lock.waiters.is_empty());
        locks.sort_by_key(rank);
        let left_out = locks.len().saturating_sub(max);
        // Before they are made into what is shown, which costs more than all the rest.
        locks.truncate(max);
        let now = self.cx.moment();
        let shown = locks.into_iter().map(|lock| {
            let info = lock_info(&lock, &self.cx.sessions, now);
            (lock.key, info)
        });
        ShownLocks {
            locks: shown.collect(),
            left_out,
        }
    }

    fn reader_came(&self) {
        self.metrics.stream_opened();
    }

    fn reader_left(&self) {
        self.metrics.stream_closed();
    }
}

/// Those first that somebody waits for, and of them those whose waiters have waited longest.
fn rank(lock: &LockView) -> (bool, Option<Instant>) {
    let oldest = lock.waiters.iter().map(|waiter| waiter.since).min();
    let since = oldest.or(lock.holder.as_ref().map(|holder| holder.since));
    (oldest.is_none(), since)
}
