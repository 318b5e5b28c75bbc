//! A sink for tests: it keeps every event and lets a test wait for one.

use popgate::observe::event::Event;
use popgate::observe::hub::{EventSink, Stamped};
use std::sync::{Mutex, PoisonError};
use tokio::sync::Notify;

/// Keeps events in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    events: Mutex<Vec<Event>>,
    more: Notify,
}

impl Recorder {
    /// An empty one.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// All events so far.
    pub(crate) fn events(&self) -> Vec<Event> {
        self.with_events(<[Event]>::to_vec)
    }

    /// How many events so far hold to `predicate`.
    pub(crate) fn count(&self, predicate: impl Fn(&Event) -> bool) -> usize {
        self.with_events(|events| events.iter().filter(|event| predicate(event)).count())
    }

    /// The first event that holds to `predicate`, among those that came and those that will.
    /// It waits for ever: a test that needs a bound puts `tokio::time::timeout` around it.
    pub(crate) async fn wait_for(&self, predicate: impl Fn(&Event) -> bool) -> Event {
        self.wait_for_nth(0, predicate).await
    }

    /// As [`Recorder::wait_for`], but skips the first `skip` events that hold to `predicate`.
    pub(crate) async fn wait_for_nth(
        &self,
        skip: usize,
        predicate: impl Fn(&Event) -> bool,
    ) -> Event {
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
    fn handle(&self, event: &Stamped) {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.push(event.event.clone());
        drop(events);
        self.more.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use popgate::ids::BackendName;
    use popgate::time::WallClock;
    use std::sync::Arc;

    /// Tells that the backend `name` is up.
    fn tell(recorder: &Recorder, name: &str) {
        recorder.handle(&Stamped {
            at: WallClock::System.now(),
            event: Event::BackendUp {
                backend: BackendName::new(name),
            },
        });
    }

    fn is_up(event: &Event, name: &str) -> bool {
        matches!(event, Event::BackendUp { backend } if backend.as_str() == name)
    }

    #[tokio::test]
    async fn an_event_that_came_before_is_found() {
        let recorder = Recorder::new();
        tell(&recorder, "a");
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
        tell(&recorder, "a");
        tokio::task::yield_now().await;
        tell(&recorder, "b");
        for waiter in waiters {
            assert!(is_up(&waiter.await.unwrap(), "b"));
        }
    }

    #[tokio::test]
    async fn the_nth_event_is_waited_for() {
        let recorder = Recorder::new();
        let second = recorder.wait_for_nth(1, |event| is_up(event, "a"));
        tell(&recorder, "a");
        tokio::pin!(second);
        assert!(is_pending(second.as_mut()).await);
        tell(&recorder, "a");
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
