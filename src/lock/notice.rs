//! A value that the lock table tells one session, which waits for the next.
//!
//! `tokio::sync::watch` does the same for any number of readers, for which it keeps eight lists:
//! 350 octets, and a mutex for each list whenever something is told. Every maildrop in use and
//! every login has one of these, with one reader.

use atomic_waker::AtomicWaker;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

struct Shared<T> {
    told: Mutex<Told<T>>,
    reader: AtomicWaker,
}

struct Told<T> {
    value: T,
    /// How often something was told.
    number: u32,
    /// Nothing more will be.
    is_over: bool,
}

/// The side that tells. Its drop is told, too.
pub(super) struct Notifier<T>(Arc<Shared<T>>);

/// The side that reads. Of several clones one task at a time may wait: another one is not woken.
pub struct Notice<T> {
    shared: Arc<Shared<T>>,
    /// The number of what was looked at last.
    seen: u32,
}

/// Whoever told has gone, and all that was told has been looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoMore;

impl<T> Shared<T> {
    fn told(&self) -> MutexGuard<'_, Told<T>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Notifier<T> {
    /// Whose reader finds `value`, as no news.
    pub(super) fn new(value: T) -> Self {
        let told = Told {
            value,
            number: 0,
            is_over: false,
        };
        Self(Arc::new(Shared {
            told: Mutex::new(told),
            reader: AtomicWaker::new(),
        }))
    }

    /// A reader to whom all that was told until now is no news.
    pub(super) fn reader(&self) -> Notice<T> {
        Notice {
            seen: self.0.told().number,
            shared: Arc::clone(&self.0),
        }
    }

    /// Tells `value`. It is news also where it is the same as before.
    pub(super) fn tell(&self, value: T) {
        self.update(|told| told.value = value);
    }

    /// Tells once more what was told last, where `holds` of it.
    pub(super) fn tell_again(&self, holds: impl FnOnce(&T) -> bool) {
        let is_to_be_told = holds(&self.0.told().value);
        if is_to_be_told {
            self.update(|_| {});
        }
    }

    fn update(&self, change: impl FnOnce(&mut Told<T>)) {
        let mut told = self.0.told();
        change(&mut told);
        told.number = told.number.wrapping_add(1);
        drop(told);
        self.0.reader.wake();
    }
}

impl<T> Drop for Notifier<T> {
    fn drop(&mut self) {
        self.0.told().is_over = true;
        self.0.reader.wake();
    }
}

impl<T: Clone> Notice<T> {
    /// What was told last.
    #[must_use]
    pub fn value(&self) -> T {
        self.shared.told().value.clone()
    }

    /// The same; from here on it is no news.
    pub fn look(&mut self) -> T {
        let told = self.shared.told();
        self.seen = told.number;
        told.value.clone()
    }

    /// Returns at the next news, with it. Cancel-safe.
    ///
    /// # Errors
    /// There will be none.
    pub async fn changed(&mut self) -> Result<T, NoMore> {
        self.next_that(|_| true).await
    }

    /// As [`Notice::changed`], but counts what is there already, and waits for one that `suits`.
    ///
    /// # Errors
    /// There will be none.
    pub async fn wait_for(&mut self, suits: impl Fn(&T) -> bool) -> Result<T, NoMore> {
        let value = self.look();
        if suits(&value) {
            return Ok(value);
        }
        self.next_that(suits).await
    }

    async fn next_that(&mut self, suits: impl Fn(&T) -> bool) -> Result<T, NoMore> {
        poll_fn(|task| {
            // First: what is told in between wakes the task.
            self.shared.reader.register(task.waker());
            let told = self.shared.told();
            if told.number != self.seen {
                self.seen = told.number;
                if suits(&told.value) {
                    return Poll::Ready(Ok(told.value.clone()));
                }
            }
            match told.is_over {
                true => Poll::Ready(Err(NoMore)),
                false => Poll::Pending,
            }
        })
        .await
    }
}

impl<T> Clone for Notice<T> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            seen: self.seen,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[test]
    fn each_news_is_told_once_the_last_one_before_the_end() {
        let notifier = Notifier::new(0);
        let mut notice = notifier.reader();
        assert_eq!(notice.changed().now_or_never(), None);
        notifier.tell(1);
        notifier.tell(2);
        assert_eq!(notice.value(), 2);
        assert_eq!(notice.changed().now_or_never(), Some(Ok(2)));
        assert_eq!(notice.changed().now_or_never(), None);
        notifier.tell(2);
        assert_eq!(notice.look(), 2);
        assert_eq!(notice.changed().now_or_never(), None, "looked at");
        notifier.tell_again(|value| *value == 3);
        assert_eq!(notice.changed().now_or_never(), None);
        notifier.tell_again(|value| *value == 2);
        drop(notifier);
        assert_eq!(notice.changed().now_or_never(), Some(Ok(2)));
        assert_eq!(notice.changed().now_or_never(), Some(Err(NoMore)));
    }

    #[test]
    fn what_is_waited_for_may_be_there_already() {
        let notifier = Notifier::new(true);
        let mut notice = notifier.reader();
        let is_true = |value: &bool| *value;
        assert_eq!(notice.wait_for(is_true).now_or_never(), Some(Ok(true)));
        notifier.tell(false);
        assert_eq!(notice.wait_for(is_true).now_or_never(), None);
    }

    #[tokio::test]
    async fn a_reader_that_waits_is_woken_by_news_and_by_the_end() {
        let notifier = Notifier::new(false);
        let mut notice = notifier.reader();
        let waits = tokio::spawn(async move {
            let news = notice.changed().await;
            (news, notice.changed().await)
        });
        tokio::task::yield_now().await;
        notifier.tell(true);
        tokio::task::yield_now().await;
        drop(notifier);
        assert_eq!(waits.await.unwrap(), (Ok(true), Err(NoMore)));
    }
}
