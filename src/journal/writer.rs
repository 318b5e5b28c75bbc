//! The thread that writes, and the changes that wait for it.

use super::rows;
use crate::limits::{JOURNAL_FLUSH, JOURNAL_QUEUE_MAX};
use crate::policy::block::{BlockChange, BlockId};
use rusqlite::Connection;
use std::collections::HashMap;
use std::io;
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// A journal that is open. Dropping it writes what waits, as [`Self::flush`] does.
#[derive(Debug)]
pub struct Journal(Arc<WriterQueue>);

/// What the sessions share with the thread.
#[derive(Debug, Default)]
pub(super) struct WriterQueue {
    queue: Mutex<Queue>,
    /// There is something to do.
    wake: Condvar,
    /// Something has been done.
    done: Condvar,
    lost: AtomicU64,
}

#[derive(Debug, Default)]
struct Queue {
    /// The last change of each entry that has not been written.
    waiting: HashMap<BlockId, BlockChange>,
    is_writing: bool,
    is_closing: bool,
    has_ended: bool,
    trouble: Option<String>,
}

impl Journal {
    /// Starts the thread that writes to `database`.
    pub(super) fn start(database: Connection) -> io::Result<Self> {
        let shared = Arc::new(WriterQueue::default());
        let ours = Arc::clone(&shared);
        let name = "journal".to_owned();
        let thread = thread::Builder::new().name(name);
        thread.spawn(move || ours.run(database))?;
        Ok(Self(shared))
    }

    /// Notes a change, to be written soon. It never waits; without room the change is lost.
    pub fn write(&self, change: &BlockChange) {
        self.0.write(change);
    }

    /// How many changes were lost since the start. The next change of the same entry makes good.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.0.lost.load(Ordering::Relaxed)
    }

    /// Why the last attempt to write failed; none, if it did not.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.0.queue().trouble.clone()
    }

    /// Waits until all that was noted is written or lost; at most [`JOURNAL_FLUSH`]. It blocks the
    /// thread: nothing for a session. Tells whether nothing waits any more.
    pub fn flush(&self) -> bool {
        self.0
            .until(|queue| queue.waiting.is_empty() && !queue.is_writing)
    }

    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.0.counts().0
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.0.queue().is_closing = true;
        self.0.wake.notify_one();
        self.0.until(|queue| queue.has_ended);
    }
}

impl WriterQueue {
    pub(super) fn write(&self, change: &BlockChange) {
        let id = change.entry.id;
        let mut queue = self.queue();
        if queue.waiting.len() >= JOURNAL_QUEUE_MAX && !queue.waiting.contains_key(&id) {
            self.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        // The last change of an entry is enough: the file has its state, and no history.
        queue.waiting.insert(id, change.clone());
        drop(queue);
        self.wake.notify_one();
    }

    /// The thread: writes what waits, until the journal closes and nothing does.
    fn run(&self, mut database: Connection) {
        while let Some(changes) = self.next() {
            let result = rows::write(&mut database, changes.values());
            self.written(changes.len(), result);
        }
        // SQLite moves its WAL into the database now.
        drop(database);
        self.queue().has_ended = true;
        self.done.notify_all();
    }

    fn next(&self) -> Option<HashMap<BlockId, BlockChange>> {
        let is_idle = |queue: &mut Queue| queue.waiting.is_empty() && !queue.is_closing;
        let queue = self.wake.wait_while(self.queue(), is_idle);
        let mut queue = queue.unwrap_or_else(PoisonError::into_inner);
        if queue.waiting.is_empty() {
            return None;
        }
        queue.is_writing = true;
        Some(mem::take(&mut queue.waiting))
    }

    fn written(&self, count: usize, result: rusqlite::Result<()>) {
        let mut queue = self.queue();
        queue.is_writing = false;
        queue.trouble = result.err().map(|error| error.to_string());
        if queue.trouble.is_some() {
            self.lost.fetch_add(count as u64, Ordering::Relaxed);
        }
        drop(queue);
        self.done.notify_all();
    }

    /// Waits for `is_reached`, and tells whether it came.
    fn until(&self, is_reached: impl Fn(&Queue) -> bool) -> bool {
        let is_waiting = |queue: &mut Queue| !is_reached(queue);
        let wait = self
            .done
            .wait_timeout_while(self.queue(), JOURNAL_FLUSH, is_waiting);
        let (_queue, result) = wait.unwrap_or_else(PoisonError::into_inner);
        !result.timed_out()
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn counts(&self) -> (usize, u64) {
        (
            self.queue().waiting.len(),
            self.lost.load(Ordering::Relaxed),
        )
    }
}
