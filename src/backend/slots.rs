//! `connections`: how many connections to a backend may be open at a time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// The slots of one backend. Those who wait for one are served in the order in which they came.
pub(super) struct BackendSlots {
    free: Arc<Semaphore>,
    book: Mutex<Book>,
    /// How often no slot was free.
    wanted: watch::Sender<u64>,
}

struct Book {
    limit: usize,
    /// Slots in use beyond a limit that was lowered: the next ones that come back are kept.
    owed: usize,
    /// Permits that are out.
    open: usize,
}

/// The right to one connection under `connections`; held as long as the connection is open.
pub struct Permit {
    slots: Arc<BackendSlots>,
    /// Taken by `drop` alone.
    slot: Option<OwnedSemaphorePermit>,
}

impl BackendSlots {
    /// Slots for `connections`; 0: no limit.
    pub(super) fn new(connections: usize) -> Self {
        let limit = limit(connections);
        Self {
            free: Arc::new(Semaphore::new(limit)),
            book: Mutex::new(Book {
                limit,
                owed: 0,
                open: 0,
            }),
            wanted: watch::Sender::new(0),
        }
    }

    /// Changes the limit to `connections` (0: no limit). What is open stays open and counts.
    pub(super) fn set_limit(&self, connections: usize) {
        let limit = limit(connections);
        let mut book = self.book();
        if let Some(more) = limit.checked_sub(book.limit) {
            // Slots that are still owed come first: they are in use, and count.
            let settled = more.min(book.owed);
            book.owed -= settled;
            self.free.add_permits(more - settled);
        } else {
            let fewer = book.limit - limit;
            // Free slots can be taken back now, those in use only when they return.
            book.owed += fewer - self.free.forget_permits(fewer);
        }
        book.limit = limit;
    }

    /// Waits for a slot. Cancel-safe.
    pub(super) async fn take(self: &Arc<Self>) -> Permit {
        // This counts the want as well, for which a look that waits for CAPA gives way.
        if let Some(permit) = self.try_take() {
            return permit;
        }
        // The semaphore is never closed: an error cannot come.
        let slot = Arc::clone(&self.free).acquire_owned().await.ok();
        self.permit(slot)
    }

    /// A slot, if there is one now.
    pub(super) fn try_take(self: &Arc<Self>) -> Option<Permit> {
        let Ok(slot) = Arc::clone(&self.free).try_acquire_owned() else {
            self.wanted.send_modify(|times| *times += 1);
            return None;
        };
        Some(self.permit(Some(slot)))
    }

    /// Changes whenever no slot is free for a login, from now on.
    pub(super) fn wanted(&self) -> watch::Receiver<u64> {
        self.wanted.subscribe()
    }

    /// Slots that are taken, most of them for a connection that is open.
    pub(super) fn in_use(&self) -> usize {
        self.book().open
    }

    fn permit(self: &Arc<Self>, slot: Option<OwnedSemaphorePermit>) -> Permit {
        self.book().open += 1;
        Permit {
            slots: Arc::clone(self),
            slot,
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut book = self.slots.book();
        book.open -= 1;
        // While the book is held: a limit that changes meanwhile would count this slot twice.
        match self.slot.take() {
            Some(slot) if book.owed > 0 => {
                book.owed -= 1;
                slot.forget();
            }
            slot => drop(slot),
        }
    }
}

impl std::fmt::Debug for Permit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Permit").finish_non_exhaustive()
    }
}

fn limit(connections: usize) -> usize {
    match connections {
        0 => Semaphore::MAX_PERMITS,
        limit => limit.min(Semaphore::MAX_PERMITS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn free(slots: &Arc<BackendSlots>) -> usize {
        let taken: Vec<_> = std::iter::from_fn(|| slots.try_take()).take(100).collect();
        taken.len()
    }

    #[test]
    fn a_higher_limit_makes_room_for_the_difference() {
        let slots = Arc::new(BackendSlots::new(2));
        let _open = slots.try_take();
        slots.set_limit(5);
        assert_eq!(free(&slots), 4);
    }

    #[test]
    fn under_a_lower_limit_what_is_open_counts_and_nobody_comes_in_its_place() {
        let slots = Arc::new(BackendSlots::new(5));
        let mut open: Vec<_> = (0..4).map(|_| slots.try_take()).collect();
        slots.set_limit(2);
        for left in (2..4).rev() {
            open.pop();
            assert_eq!((open.len(), free(&slots)), (left, 0));
        }
        open.pop();
        assert_eq!(free(&slots), 1);
        open.clear();
        assert_eq!(free(&slots), 2);
    }

    #[test]
    fn a_limit_that_rises_again_first_takes_back_what_it_had_abolished() {
        let slots = Arc::new(BackendSlots::new(5));
        let open: Vec<_> = (0..5).map(|_| slots.try_take()).collect();
        slots.set_limit(1);
        slots.set_limit(4);
        assert_eq!(free(&slots), 0);
        drop(open);
        assert_eq!(free(&slots), 4);
    }

    #[test]
    fn a_limit_where_there_was_none_counts_what_is_open_and_can_go_again() {
        let slots = Arc::new(BackendSlots::new(0));
        let open: Vec<_> = (0..3).map(|_| slots.try_take()).collect();
        slots.set_limit(2);
        assert_eq!(free(&slots), 0);
        drop(open);
        assert_eq!(free(&slots), 2);
        slots.set_limit(0);
        assert_eq!(free(&slots), 100);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_gets_the_room_that_a_higher_limit_makes() {
        let slots = Arc::new(BackendSlots::new(1));
        let _open = slots.take().await;
        let waiter = slots.take();
        tokio::pin!(waiter);
        let moment = crate::time::Duration::from_millis(1);
        assert!(tokio::time::timeout(moment, &mut waiter).await.is_err());
        slots.set_limit(2);
        let _second = waiter.await;
        assert_eq!(free(&slots), 0);
    }
}
