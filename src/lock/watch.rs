//! A watch channel of whose readers one waits at a time: a value that the lock table tells a
//! session, which waits for the next.
//!
//! With `tokio::sync::watch` any number of readers may wait, for which it keeps eight lists: 350
//! octets, and a mutex for each list whenever something is sent. Every maildrop in use and every
//! login has one of these.

use atomic_waker::AtomicWaker;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

struct Channel<T> {
    latest: Mutex<Latest<T>>,
    reader: AtomicWaker,
}

struct Latest<T> {
    value: T,
    /// How often something was sent.
    number: u32,
    /// Nothing more will be.
    is_over: bool,
}

/// The side that sends. Its drop ends the channel.
pub(super) struct WatchSender<T>(Arc<Channel<T>>);

/// The side that reads. Of all clones one may wait at a time: another one is not woken.
pub struct WatchReader<T> {
    channel: Arc<Channel<T>>,
    /// The number of what was read last.
    seen: u32,
}

/// The sender has gone, and all that was sent has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderGone;

impl<T> Channel<T> {
    fn latest(&self) -> MutexGuard<'_, Latest<T>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> WatchSender<T> {
    /// A channel in which `value` stands, which is news to nobody.
    pub(super) fn new(value: T) -> Self {
        let latest = Latest {
            value,
            number: 0,
            is_over: false,
        };
        Self(Arc::new(Channel {
            latest: Mutex::new(latest),
            reader: AtomicWaker::new(),
        }))
    }

    /// A reader to whom all that was sent until now is no news.
    pub(super) fn reader(&self) -> WatchReader<T> {
        WatchReader {
            seen: self.0.latest().number,
            channel: Arc::clone(&self.0),
        }
    }

    /// Sends `value`. It is news also where it is the same as before.
    pub(super) fn send(&self, value: T) {
        self.send_if_modified(|latest| {
            *latest = value;
            true
        });
    }

    /// Sends what `modify` has made of the value, where it says that this is news.
    pub(super) fn send_if_modified(&self, modify: impl FnOnce(&mut T) -> bool) {
        let mut latest = self.0.latest();
        if modify(&mut latest.value) {
            latest.number = latest.number.wrapping_add(1);
            drop(latest);
            self.0.reader.wake();
        }
    }
}

impl<T> Drop for WatchSender<T> {
    fn drop(&mut self) {
        self.0.latest().is_over = true;
        self.0.reader.wake();
    }
}

impl<T: Clone> WatchReader<T> {
    /// What was sent last.
    #[must_use]
    pub fn get(&self) -> T {
        self.channel.latest().value.clone()
    }

    /// The same; from here on it is no news.
    pub fn get_and_update(&mut self) -> T {
        let latest = self.channel.latest();
        self.seen = latest.number;
        latest.value.clone()
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
        let value = self.get_and_update();
        if suits(&value) {
            return Ok(value);
        }
        self.next_that(suits).await
    }

    async fn next_that(&mut self, suits: impl Fn(&T) -> bool) -> Result<T, SenderGone> {
        poll_fn(|task| {
            // First: what is sent in between wakes the task.
            self.channel.reader.register(task.waker());
            let latest = self.channel.latest();
            if latest.number != self.seen {
                self.seen = latest.number;
                if suits(&latest.value) {
                    return Poll::Ready(Ok(latest.value.clone()));
                }
            }
            match latest.is_over {
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

    fn is_true(value: &bool) -> bool {
        *value
    }

    /// What a task comes to, which it does before long.
    async fn in_time<T: Send + 'static>(task: tokio::task::JoinHandle<T>) -> T {
        let said = timeout(Duration::from_secs(1), task).await;
        said.expect("in time").unwrap()
    }

    #[test]
    fn each_news_is_read_once_the_last_one_before_the_end() {
        let sender = WatchSender::new(0);
        let mut reader = sender.reader();
        assert_eq!(reader.changed().now_or_never(), None);
        sender.send(1);
        sender.send(2);
        assert_eq!(reader.get(), 2);
        assert_eq!(reader.changed().now_or_never(), Some(Ok(2)));
        assert_eq!(reader.changed().now_or_never(), None);
        sender.send(2);
        assert_eq!(reader.get_and_update(), 2);
        assert_eq!(reader.changed().now_or_never(), None, "it was read");
        sender.send_if_modified(|_| false);
        assert_eq!(reader.changed().now_or_never(), None);
        sender.send_if_modified(|_| true);
        drop(sender);
        assert_eq!(reader.changed().now_or_never(), Some(Ok(2)));
        assert_eq!(reader.changed().now_or_never(), Some(Err(SenderGone)));
    }

    #[test]
    fn what_is_waited_for_may_be_there_already() {
        let sender = WatchSender::new(true);
        let mut reader = sender.reader();
        assert_eq!(reader.wait_for(is_true).now_or_never(), Some(Ok(true)));
        sender.send(false);
        assert_eq!(reader.wait_for(is_true).now_or_never(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn news_and_the_end_wake_whichever_task_waits() {
        let sender = WatchSender::new(false);
        let mut reader = sender.reader();
        let first = tokio::spawn(async move { (reader.changed().await, reader) });
        tokio::task::yield_now().await;
        sender.send(true);
        let (news, mut reader) = in_time(first).await;
        assert_eq!(news, Ok(true));
        let second = tokio::spawn(async move { reader.changed().await });
        tokio::task::yield_now().await;
        drop(sender);
        assert_eq!(in_time(second).await, Err(SenderGone));
    }

    #[tokio::test(start_paused = true)]
    async fn news_that_does_not_suit_is_waited_past() {
        let sender = WatchSender::new(false);
        let mut reader = sender.reader();
        let waits = tokio::spawn(async move { reader.wait_for(is_true).await });
        tokio::task::yield_now().await;
        sender.send(false);
        tokio::task::yield_now().await;
        sender.send(true);
        assert_eq!(in_time(waits).await, Ok(true));
    }
}
