//! A watch channel with one reader: a value that the lock table tells one session, which waits for
//! the next.
//!
//! `tokio::sync::watch` does that for any number of readers, for which it keeps eight lists:
//! 350 octets, and a mutex for each list whenever something is told. Every maildrop in use and
//! every login has one of these, with one reader.

use atomic_waker::AtomicWaker;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

struct Channel<T> {
    told: Mutex<Latest<T>>,
    reader: AtomicWaker,
}

struct Latest<T> {
    value: T,
    /// How often something was told.
    number: u32,
    /// Nothing more will be.
    is_over: bool,
}

/// The side that tells. Its drop is told, too.
pub(super) struct WatchSender<T>(Arc<Channel<T>>);

/// The side that reads. Of several clones one task at a time may wait: another one is not woken.
pub struct WatchReader<T> {
    channel: Arc<Channel<T>>,
    /// The number of what was looked at last.
    seen: u32,
}

/// Whoever told has gone, and all that was told has been looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderGone;

impl<T> Channel<T> {
    fn told(&self) -> MutexGuard<'_, Latest<T>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> WatchSender<T> {
    /// Whose reader finds `value`, as no news.
    pub(super) fn new(value: T) -> Self {
        let told = Latest {
            value,
            number: 0,
            is_over: false,
        };
        Self(Arc::new(Channel {
            told: Mutex::new(told),
            reader: AtomicWaker::new(),
        }))
    }

    /// A reader to whom all that was told until now is no news.
    pub(super) fn reader(&self) -> WatchReader<T> {
        WatchReader {
            seen: self.0.told().number,
            channel: Arc::clone(&self.0),
        }
    }

    /// Tells `value`. It is news also where it is the same as before.
    pub(super) fn tell(&self, value: T) {
        self.update(|told| told.value = value);
    }

    /// Tells once more what was told last, where that `suits`.
    pub(super) fn tell_again(&self, suits: impl FnOnce(&T) -> bool) {
        let is_to_be_told = suits(&self.0.told().value);
        if is_to_be_told {
            self.update(|_| {});
        }
    }

    fn update(&self, change: impl FnOnce(&mut Latest<T>)) {
        let mut told = self.0.told();
        change(&mut told);
        told.number = told.number.wrapping_add(1);
        drop(told);
        self.0.reader.wake();
    }
}

impl<T> Drop for WatchSender<T> {
    fn drop(&mut self) {
        self.0.told().is_over = true;
        self.0.reader.wake();
    }
}

impl<T: Clone> WatchReader<T> {
    /// What was told last.
    #[must_use]
    pub fn value(&self) -> T {
        self.channel.told().value.clone()
    }

    /// The same; from here on it is no news.
    pub fn look(&mut self) -> T {
        let told = self.channel.told();
        self.seen = told.number;
        told.value.clone()
    }

    /// Returns at the next news, with it. Cancel-safe.
    ///
    /// # Errors
    /// There will be none.
    pub async fn changed(&mut self) -> Result<T, SenderGone> {
        self.next_that(|_| true).await
    }

    /// As [`WatchReader::changed`], but what is there already counts, too, and it waits for a value
    /// that `suits`.
    ///
    /// # Errors
    /// There will be none.
    pub async fn wait_for(&mut self, suits: impl Fn(&T) -> bool) -> Result<T, SenderGone> {
        let value = self.look();
        if suits(&value) {
            return Ok(value);
        }
        self.next_that(suits).await
    }

    async fn next_that(&mut self, suits: impl Fn(&T) -> bool) -> Result<T, SenderGone> {
        poll_fn(|task| {
            // First: what is told in between wakes the task.
            self.channel.reader.register(task.waker());
            let told = self.channel.told();
            if told.number != self.seen {
                self.seen = told.number;
                if suits(&told.value) {
                    return Poll::Ready(Ok(told.value.clone()));
                }
            }
            match told.is_over {
                true => Poll::Ready(Err(SenderGone)),
                false => Poll::Pending,
            }
        })
        .await
    }
}

impl<T> Clone for WatchReader<T> {
    fn clone(&self) -> Self {
        Self {
            channel: Arc::clone(&self.channel),
            seen: self.seen,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Duration;
    use futures_util::FutureExt;
    use tokio::time::timeout;

    #[test]
    fn each_news_is_told_once_the_last_one_before_the_end() {
        let sender = WatchSender::new(0);
        let mut reader = sender.reader();
        assert_eq!(reader.changed().now_or_never(), None);
        sender.tell(1);
        sender.tell(2);
        assert_eq!(reader.value(), 2);
        assert_eq!(reader.changed().now_or_never(), Some(Ok(2)));
        assert_eq!(reader.changed().now_or_never(), None);
        sender.tell(2);
        assert_eq!(reader.look(), 2);
        assert_eq!(reader.changed().now_or_never(), None, "looked at");
        sender.tell_again(|value| *value == 3);
        assert_eq!(reader.changed().now_or_never(), None);
        sender.tell_again(|value| *value == 2);
        drop(sender);
        assert_eq!(reader.changed().now_or_never(), Some(Ok(2)));
        assert_eq!(reader.changed().now_or_never(), Some(Err(SenderGone)));
    }

    #[test]
    fn what_is_waited_for_may_be_there_already() {
        let sender = WatchSender::new(true);
        let mut reader = sender.reader();
        let is_true = |value: &bool| *value;
        assert_eq!(reader.wait_for(is_true).now_or_never(), Some(Ok(true)));
        sender.tell(false);
        assert_eq!(reader.wait_for(is_true).now_or_never(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_waits_is_woken_by_news_and_by_the_end() {
        let sender = WatchSender::new(false);
        let mut reader = sender.reader();
        let waits = tokio::spawn(async move {
            let news = reader.changed().await;
            (news, reader.changed().await)
        });
        tokio::task::yield_now().await;
        sender.tell(true);
        tokio::task::yield_now().await;
        drop(sender);
        let heard = timeout(Duration::from_secs(1), waits)
            .await
            .expect("in time");
        assert_eq!(heard.unwrap(), (Ok(true), Err(SenderGone)));
    }
}
