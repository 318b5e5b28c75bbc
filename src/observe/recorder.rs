//! A sink for tests: it keeps every event and lets a test wait for one.

use super::event::{Event, EventSink};
use std::sync::{Mutex, PoisonError};
use tokio::sync::Notify;

/// Keeps events in the order in which they came.
#[derive(Debug, Default)]
pub struct Recorder {
    events: Mutex<Vec<Event>>,
    more: Notify,
}

impl Recorder {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// All events so far.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.with_events(<[Event]>::to_vec)
    }

    /// How many events so far hold to `predicate`.
    pub fn count(&self, predicate: impl Fn(&Event) -> bool) -> usize {
        self.with_events(|events| events.iter().filter(|event| predicate(event)).count())
    }

    /// The first event that holds to `predicate`, among those that came and those that will.
    /// It waits for ever: a test that needs a bound puts `tokio::time::timeout` around it.
    pub async fn wait_for(&self, predicate: impl Fn(&Event) -> bool) -> Event {
        self.wait_for_nth(0, predicate).await
    }

    /// As [`Recorder::wait_for`], but skips the first `skip` events that hold to `predicate`.
    pub async fn wait_for_nth(&self, skip: usize, predicate: impl Fn(&Event) -> bool) -> Event {
        loop {
            // Created before the look, so that an event between look and wait wakes us.
            let more = self.more.notified();
            let found = self.with_events(|events| {
                let mut matching = events.iter().filter(|event| predicate(event));
                matching.nth(skip).cloned()
            });
            if let Some(event) = found {
                return event;
            }
            more.await;
        }
    }

    fn with_events<T>(&self, look: impl FnOnce(&[Event]) -> T) -> T {
        look(&self.events.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl EventSink for Recorder {
    fn emit(&self, event: &Event) {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.push(event.clone());
        drop(events);
        self.more.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::BackendName;
    use std::sync::Arc;

    fn up(name: &str) -> Event {
        Event::BackendUp {
            backend: BackendName::new(name),
        }
    }

    fn is_up(event: &Event, name: &str) -> bool {
        matches!(event, Event::BackendUp { backend } if backend.as_str() == name)
    }

    #[tokio::test]
    async fn an_event_that_came_before_is_found() {
        let recorder = Recorder::new();
        recorder.emit(&up("a"));
        recorder.wait_for(|event| is_up(event, "a")).await;
        assert_eq!(recorder.count(|event| is_up(event, "b")), 0);
    }

    #[tokio::test]
    async fn an_event_that_comes_later_wakes_every_waiter() {
        let recorder = Arc::new(Recorder::new());
        let waiters: Vec<_> = (0..2)
            .map(|_| {
                let recorder = Arc::clone(&recorder);
                tokio::spawn(async move { recorder.wait_for(|event| is_up(event, "b")).await })
            })
            .collect();
        tokio::task::yield_now().await;
        recorder.emit(&up("a"));
        tokio::task::yield_now().await;
        recorder.emit(&up("b"));
        for waiter in waiters {
            assert!(is_up(&waiter.await.unwrap(), "b"));
        }
    }

    #[tokio::test]
    async fn the_nth_event_is_waited_for() {
        let recorder = Recorder::new();
        let second = recorder.wait_for_nth(1, |event| is_up(event, "a"));
        recorder.emit(&up("a"));
        tokio::pin!(second);
        assert!(is_pending(second.as_mut()).await);
        recorder.emit(&up("a"));
        second.await;
    }

    /// Whether `future` is not done when it is polled once.
    async fn is_pending<F: Future>(mut future: std::pin::Pin<&mut F>) -> bool {
        std::future::poll_fn(|context| {
            std::task::Poll::Ready(future.as_mut().poll(context).is_pending())
        })
        .await
    }
}
