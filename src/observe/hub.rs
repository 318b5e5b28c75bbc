//! Where events are told: each is stamped once, by both clocks, and given to all that listen.
//!
//! A *sink* is there from the start and is called for each event: the log, the metrics, the
//! journal. A *subscription* begins and ends while the gate runs, and reads at its own pace from a
//! ring. None of them knows of another.

use super::event::Event;
use crate::limits::EVENTS_KEPT;
use crate::time::{Moment, WallClock};
use std::sync::Arc;
use tokio::sync::broadcast::{self, error::RecvError};

/// An event, and when it happened.
#[derive(Clone, Debug)]
pub struct Stamped {
    /// When: the clock on the wall may have been set since, the other never goes back.
    pub at: Moment,
    /// What.
    pub event: Event,
}

/// Takes each event, at once. It must not block and must not panic.
pub trait EventSink: Send + Sync {
    /// Takes an event.
    fn handle(&self, event: &Stamped);
}

/// Tells events to sinks and subscriptions.
pub struct EventHub {
    clock: WallClock,
    sinks: Vec<Arc<dyn EventSink>>,
    ring: broadcast::Sender<Arc<Stamped>>,
    /// One more reference for each subscription. The ring could say how many there are, but locks
    /// itself for that, and most of the time there is none.
    subscribed: Arc<()>,
}

impl EventHub {
    /// Events go to `sinks`, in this order, with the time of `clock`.
    #[must_use]
    pub fn new(clock: WallClock, sinks: Vec<Arc<dyn EventSink>>) -> Self {
        Self {
            clock,
            sinks,
            ring: broadcast::Sender::new(EVENTS_KEPT),
            subscribed: Arc::new(()),
        }
    }

    /// Now, by both clocks.
    #[must_use]
    pub fn now(&self) -> Moment {
        self.clock.now()
    }

    /// Tells that `event` happened now.
    pub fn emit(&self, event: Event) {
        let stamped = Stamped {
            at: self.now(),
            event,
        };
        for sink in &self.sinks {
            sink.handle(&stamped);
        }
        if Arc::strong_count(&self.subscribed) > 1 {
            // Fails where the last subscription has ended since.
            let _ = self.ring.send(Arc::new(stamped));
        }
    }

    /// All events from now on, for somebody who reads at his own pace.
    #[must_use]
    pub fn subscribe(&self) -> Subscription {
        Subscription {
            // Counted before it reads: an event that finds nobody counted is not kept.
            _subscribed: Arc::clone(&self.subscribed),
            ring: self.ring.subscribe(),
        }
    }
}

/// Reads events out of the ring. Dropping it ends it.
pub struct Subscription {
    _subscribed: Arc<()>,
    ring: broadcast::Receiver<Arc<Stamped>>,
}

/// What a subscription reads.
#[derive(Clone, Debug)]
pub enum Reading {
    /// The next event.
    Event(Arc<Stamped>),
    /// This many events came faster than they were read, and are not there any more: those behind
    /// the last [`Reading::Event`]. The next one follows.
    Missed(u64),
}

impl Subscription {
    /// The next event, or how many were missed. `None` when the gate is gone. Cancel-safe.
    pub async fn next(&mut self) -> Option<Reading> {
        match self.ring.recv().await {
            Ok(event) => Some(Reading::Event(event)),
            Err(RecvError::Lagged(missed)) => Some(Reading::Missed(missed)),
            Err(RecvError::Closed) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::BackendName;
    use crate::time::{Duration, Instant};
    use jiff::Timestamp;
    use std::sync::Mutex;
    use tokio::time::timeout;

    /// Keeps what it was told.
    #[derive(Default)]
    struct Kept(Mutex<Vec<Stamped>>);

    impl EventSink for Kept {
        fn handle(&self, event: &Stamped) {
            self.0.lock().unwrap().push(event.clone());
        }
    }

    impl Kept {
        fn all(&self) -> Vec<Stamped> {
            self.0.lock().unwrap().clone()
        }
    }

    fn hub(sinks: Vec<Arc<dyn EventSink>>) -> EventHub {
        let start = Moment {
            instant: Instant::now(),
            wall: Timestamp::UNIX_EPOCH,
        };
        EventHub::new(WallClock::From(start), sinks)
    }

    fn up(number: usize) -> Event {
        Event::BackendUp {
            backend: BackendName::new(&number.to_string()),
        }
    }

    fn number(event: &Stamped) -> usize {
        match &event.event {
            Event::BackendUp { backend } => backend.as_str().parse().unwrap(),
            other => panic!("{other:?}"),
        }
    }

    /// What is there to read: a test does not wait for what never comes.
    async fn read(subscription: &mut Subscription) -> Option<Reading> {
        let next = subscription.next();
        timeout(Duration::from_secs(1), next)
            .await
            .expect("in time")
    }

    async fn next_number(subscription: &mut Subscription) -> usize {
        match read(subscription).await {
            Some(Reading::Event(event)) => number(&event),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn every_sink_and_subscription_is_told_the_same_time_by_both_clocks() {
        let sinks = [Arc::new(Kept::default()), Arc::new(Kept::default())];
        let hub = hub(sinks.iter().map(|sink| Arc::clone(sink) as _).collect());
        let mut subscription = hub.subscribe();
        let start = Instant::now();
        tokio::time::sleep(Duration::from_secs(5)).await;
        hub.emit(up(1));
        let Some(Reading::Event(event)) = read(&mut subscription).await else {
            panic!("an event");
        };
        let [first, second] = sinks.map(|sink| sink.all());
        for told in [&first[0], &second[0], &event] {
            assert_eq!(number(told), 1);
            assert_eq!(told.at.instant, start + Duration::from_secs(5));
            assert_eq!(told.at.wall, Timestamp::from_second(5).unwrap());
        }
        assert_eq!((first.len(), second.len()), (1, 1));
    }

    #[tokio::test]
    async fn a_slow_reader_hears_how_many_it_missed_and_goes_on_with_what_is_left() {
        let hub = hub(Vec::new());
        let mut slow = hub.subscribe();
        let beyond = 3;
        for n in 0..EVENTS_KEPT + beyond {
            hub.emit(up(n));
        }
        let missed = read(&mut slow).await;
        let beyond_u64 = u64::try_from(beyond).unwrap();
        assert!(
            matches!(missed, Some(Reading::Missed(n)) if n == beyond_u64),
            "{missed:?}"
        );
        assert_eq!(next_number(&mut slow).await, beyond);
    }

    #[tokio::test]
    async fn one_reader_takes_nothing_from_another() {
        let hub = hub(Vec::new());
        let (mut first, mut second) = (hub.subscribe(), hub.subscribe());
        hub.emit(up(1));
        drop(read(&mut first).await);
        drop(first);
        hub.emit(up(2));
        assert_eq!(next_number(&mut second).await, 1);
        assert_eq!(next_number(&mut second).await, 2);
    }

    #[tokio::test]
    async fn nothing_is_kept_while_nobody_reads() {
        let hub = hub(Vec::new());
        drop(hub.subscribe());
        hub.emit(up(1));
        assert_eq!(hub.ring.len(), 0);
        let mut late = hub.subscribe();
        hub.emit(up(2));
        assert_eq!(next_number(&mut late).await, 2);
    }

    #[tokio::test]
    async fn a_subscription_ends_with_the_gate() {
        let hub = hub(Vec::new());
        let mut subscription = hub.subscribe();
        hub.emit(up(1));
        drop(hub);
        assert_eq!(next_number(&mut subscription).await, 1);
        assert!(read(&mut subscription).await.is_none());
    }
}
