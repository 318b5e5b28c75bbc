//! The thread that writes, and what it shares with those who have something written.

use super::file::JournalFile;
use super::queue::{Backlog, Batch};
use super::reader::{FileState, JournalReader};
use crate::history::{EntryId, GateNotice, SharingFact, StoredBlockChange, StoredEntry};
use crate::limits::{JOURNAL_BATCH_AGE, JOURNAL_FLUSH, JOURNAL_RETRY, JOURNAL_RETRY_MAX};
use crate::time::Duration;
use jiff::Timestamp;
use std::io;
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// A journal that is open. Dropping it writes what waits, and takes [`JOURNAL_FLUSH`] at most.
#[derive(Debug)]
pub struct Journal {
    shared: Arc<WriterQueue>,
    file: Arc<FileState>,
    next_id: EntryId,
    size_max: u64,
}

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

/// What the thread sleeps for: to wake it costs a call of the system, which is not made for each
/// entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum SleepsFor {
    /// It is awake, or lets a disk that has failed rest.
    #[default]
    Nothing,
    /// Whatever comes.
    Anything,
    /// What does not wait for more of its kind.
    Urgent,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: Backlog,
    sleeps_for: SleepsFor,
    is_writing: bool,
    /// How many things are in the batch that is being written.
    in_batch: usize,
    /// How many things were written since the start.
    written: u64,
    /// How many wait until nothing waits.
    flushing: usize,
    is_closing: bool,
    has_ended: bool,
    /// Attempts to write, since the start.
    attempts: u64,
    /// Which of them was the last that failed.
    failed: u64,
    trouble: Option<String>,
    why_lost: Option<String>,
}

impl Journal {
    /// Starts the thread that writes to `opened`.
    pub(super) fn start(opened: JournalFile, next_id: EntryId) -> io::Result<Self> {
        let shared = Arc::new(WriterQueue::default());
        let file = Arc::clone(opened.state());
        let size_max = opened.size_max();
        let ours = Arc::clone(&shared);
        let name = "journal".to_owned();
        let thread = thread::Builder::new().name(name);
        thread.spawn(move || ours.run(opened))?;
        Ok(Self {
            shared,
            file,
            next_id,
            size_max,
        })
    }

    /// Notes a change of the block list, to be written at once. It never waits; without room the
    /// change is lost and counted.
    pub fn write(&self, change: StoredBlockChange) {
        self.shared.push(|waiting| waiting.push_change(change));
    }

    /// Notes what happened to the gate, as [`Journal::write`] does.
    pub fn write_notice(&self, notice: GateNotice) {
        self.shared.push(|waiting| waiting.push_notice(notice));
    }

    /// Notes what was found out about sharing, to be written with entries. It never waits; without
    /// room it is lost and counted.
    pub fn write_fact(&self, fact: SharingFact) {
        self.shared.push(|waiting| waiting.push_fact(fact));
    }

    /// Notes an entry, to be written with others. It never waits; without room the entry is lost
    /// and counted.
    pub fn write_entry(&self, stored: StoredEntry) {
        self.shared.push(|waiting| waiting.push_entry(stored));
    }

    /// Has the file looked after, now that it is `now`: what is too old or too much leaves. For
    /// once a minute.
    pub fn keep_within_bounds(&self, now: Timestamp) {
        self.shared.push(|waiting| {
            waiting.ask_for_upkeep(now);
            true
        });
    }

    /// The place behind all that the file had when it was opened.
    #[must_use]
    pub fn next_id(&self) -> EntryId {
        self.next_id
    }

    /// What reads the file, by connections of its own.
    #[must_use]
    pub fn reader(&self) -> JournalReader {
        JournalReader::new(Arc::clone(&self.file))
    }

    /// How many entries, changes and notices were lost since the start.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }

    /// How many entries, changes and notices were written since the start.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.shared.queue().written
    }

    /// How many entries, changes and notices are not written yet.
    #[must_use]
    pub fn waiting(&self) -> usize {
        let queue = self.shared.queue();
        queue.waiting.len() + queue.in_batch
    }

    /// Why something was lost the last time.
    #[must_use]
    pub fn why_lost(&self) -> Option<String> {
        self.shared.queue().why_lost.clone()
    }

    /// Why the last attempt to write failed; none, if it did not.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.shared.queue().trouble.clone()
    }

    /// Octets of the file.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.file.size()
    }

    /// Most octets of the file.
    #[must_use]
    pub fn size_max(&self) -> u64 {
        self.size_max
    }

    /// Waits until all that was noted is written or an attempt at it fails, however long the disk
    /// takes. It blocks; do not call it from a session. Tells whether nothing waits any more.
    pub fn flush(&self) -> bool {
        self.shared.flush()
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.shared.queue().is_closing = true;
        self.shared.wake.notify_one();
        self.shared.until(JOURNAL_FLUSH, |queue| queue.has_ended);
    }
}

impl WriterQueue {
    fn push(&self, push: impl FnOnce(&mut Backlog) -> bool) {
        let mut queue = self.queue();
        if !push(&mut queue.waiting) {
            let why = queue.trouble.clone();
            drop(queue);
            self.lose(1, why);
            return;
        }
        let must_wake = match queue.sleeps_for {
            SleepsFor::Nothing => false,
            SleepsFor::Anything => true,
            SleepsFor::Urgent => queue.waiting.is_urgent(),
        };
        if must_wake {
            queue.sleeps_for = SleepsFor::Nothing;
            drop(queue);
            self.wake.notify_one();
        }
    }

    fn lose(&self, count: u64, why: Option<String>) {
        self.lost.fetch_add(count, Ordering::Relaxed);
        self.queue().why_lost = why;
    }

    /// The thread: writes what waits, until the journal closes and nothing does.
    fn run(&self, mut file: JournalFile) {
        let mut pause = Duration::ZERO;
        while let Some(batch) = self.next(pause) {
            let result = file.write(&batch);
            if let Some(loss) = file.take_loss() {
                self.lose(loss.rows, Some(loss.why));
            }
            pause = match result {
                Ok(()) => {
                    let upkeep = file.keep_within_bounds(batch.upkeep);
                    self.written(upkeep.err().map(|error| error.to_string()));
                    Duration::ZERO
                }
                Err(error) => {
                    self.not_written(batch, error.to_string());
                    (pause * 2).clamp(JOURNAL_RETRY, JOURNAL_RETRY_MAX)
                }
            };
        }
        // SQLite moves its WAL into the database now.
        drop(file);
        self.queue().has_ended = true;
        self.done.notify_all();
    }

    /// What is to be written next; none at the end. Behind a failure the disk rests for `pause`.
    fn next(&self, pause: Duration) -> Option<Batch> {
        let mut queue = self.queue();
        if !pause.is_zero() {
            if queue.is_closing {
                return self.give_up(queue);
            }
            queue = self.sleep(queue, SleepsFor::Nothing, pause, |queue| {
                queue.flushing > 0 || queue.is_closing
            });
        }
        queue = self.sleep(queue, SleepsFor::Anything, Duration::MAX, |queue| {
            !queue.waiting.is_empty() || queue.is_closing
        });
        queue = self.sleep(queue, SleepsFor::Urgent, JOURNAL_BATCH_AGE, |queue| {
            queue.waiting.is_urgent() || queue.flushing > 0 || queue.is_closing
        });
        if queue.waiting.is_empty() {
            return None;
        }
        queue.is_writing = true;
        queue.attempts += 1;
        let batch = queue.waiting.take();
        queue.in_batch = batch.len();
        Some(batch)
    }

    /// Until `is_over`, or for `longest`.
    fn sleep<'a>(
        &self,
        mut queue: MutexGuard<'a, Queue>,
        sleeps_for: SleepsFor,
        longest: Duration,
        is_over: impl Fn(&Queue) -> bool,
    ) -> MutexGuard<'a, Queue> {
        queue.sleeps_for = sleeps_for;
        let slept = self
            .wake
            .wait_timeout_while(queue, longest, |queue| !is_over(queue));
        let (mut queue, _) = slept.unwrap_or_else(PoisonError::into_inner);
        queue.sleeps_for = SleepsFor::Nothing;
        queue
    }

    fn give_up(&self, mut queue: MutexGuard<'_, Queue>) -> Option<Batch> {
        let lost = queue.waiting.clear();
        let why = queue.trouble.clone();
        drop(queue);
        self.lose(lost, why);
        None
    }

    fn written(&self, trouble: Option<String>) {
        let mut queue = self.queue();
        queue.is_writing = false;
        queue.written += mem::take(&mut queue.in_batch) as u64;
        queue.trouble = trouble;
        drop(queue);
        self.done.notify_all();
    }

    fn not_written(&self, batch: Batch, trouble: String) {
        let mut queue = self.queue();
        queue.is_writing = false;
        queue.in_batch = 0;
        queue.failed = queue.attempts;
        queue.trouble = Some(trouble.clone());
        let lost = queue.waiting.put_back(batch);
        drop(queue);
        if lost > 0 {
            self.lose(lost, Some(trouble));
        }
        self.done.notify_all();
    }

    fn flush(&self) -> bool {
        let mut queue = self.queue();
        // One that is under way may fail for what is mended by now.
        let begun = queue.attempts;
        queue.flushing += 1;
        drop(queue);
        self.wake.notify_one();
        let is_written = |queue: &Queue| queue.waiting.is_empty() && !queue.is_writing;
        self.until(Duration::MAX, |queue| {
            is_written(queue) || queue.failed > begun || queue.has_ended
        });
        let mut queue = self.queue();
        queue.flushing -= 1;
        is_written(&queue)
    }

    /// Waits for `is_reached`, at most for `longest`.
    fn until(&self, longest: Duration, is_reached: impl Fn(&Queue) -> bool) {
        let is_waiting = |queue: &mut Queue| !is_reached(queue);
        let wait = self
            .done
            .wait_timeout_while(self.queue(), longest, is_waiting);
        drop(wait);
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
