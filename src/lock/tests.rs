//! Locks, guards and waiters together, with backend connections of pretence.

mod repairs;
mod shared;

use super::queue::{Authority, Invariant, Lane, LockQueue};
use super::shared::{DirtyMaildrops, GateLease, SharedQueues, Turn};
use super::*;
use crate::ids::{MaildropKey, SessionId, SessionTurn};
use crate::observe::event::{Event, LockEvent, LockOutcome};
use crate::observe::hub::{EventHub, EventSink, Stamped};
use crate::policy::attempt::tests::{attempt, policy};
use crate::policy::attempt::{LoginAttempt, Standing};
use crate::policy::rules::SharingMode;
use crate::secret::PasswordTag;
use crate::time::{BootClock, Duration, Instant, Moment, WallClock};
use jiff::Timestamp;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use tokio::sync::{Barrier, oneshot};
use tokio_util::task::TaskTracker;

/// Ends when it is told to, or at once.
struct Fake {
    backend: BackendName,
    end: Option<oneshot::Receiver<()>>,
}

impl Fake {
    fn to(backend: &str) -> Self {
        Self {
            backend: BackendName::new(backend),
            end: None,
        }
    }
}

impl BackendClose for Fake {
    fn backend(&self) -> &BackendName {
        &self.backend
    }

    async fn close(&mut self, _: bool) -> bool {
        match &mut self.end {
            Some(end) => end.await.is_ok(),
            None => true,
        }
    }
}

#[derive(Default)]
struct Kept(Mutex<Vec<Event>>);

impl EventSink for Kept {
    fn handle(&self, event: &Stamped) {
        self.0.lock().unwrap().push(event.event.clone());
    }
}

struct Scene {
    locks: Locks<Fake>,
    events: Arc<Kept>,
    sessions: u64,
}

impl Scene {
    fn new() -> Self {
        Self::with(|hub| Locks::new(hub, TaskTracker::new()))
    }

    /// A gate beside others, whose lease and whose changed maildrops these are.
    fn shared(lease: &Arc<GateLease>, dirty: &Arc<DirtyMaildrops>) -> Self {
        Self::with(|hub| {
            let dirty = Arc::clone(dirty);
            Locks::shared(hub, TaskTracker::new(), Arc::clone(lease), dirty)
        })
    }

    fn with(locks: impl FnOnce(Arc<EventHub>) -> Locks<Fake>) -> Self {
        let events = Arc::new(Kept::default());
        let start = Moment {
            instant: Instant::now(),
            wall: Timestamp::UNIX_EPOCH,
        };
        let sinks: Vec<Arc<dyn EventSink>> = vec![events.clone()];
        let hub = Arc::new(EventHub::new(WallClock::From(start), sinks));
        Self {
            locks: locks(hub),
            events,
            sessions: 0,
        }
    }

    /// Another session of this user, whose password is proven or not.
    fn login(&mut self, user: &str, standing: Standing) -> Arc<LoginAttempt> {
        self.sessions += 1;
        Arc::new(LoginAttempt {
            session: SessionId(self.sessions),
            standing,
            ..attempt(user, policy())
        })
    }

    async fn acquire(&self, login: &Arc<LoginAttempt>) -> AcquireResult<Fake> {
        let until = Instant::now() + Duration::from_secs(20);
        self.locks.acquire(login, until).await
    }

    async fn holds(&mut self, user: &str) -> LockGuard<Fake> {
        let login = self.login(user, Standing::Proven);
        granted(self.acquire(&login).await)
    }

    async fn waits(&mut self, user: &str) -> WaiterHandle<Fake> {
        let login = self.login(user, Standing::Proven);
        waiting(self.acquire(&login).await)
    }

    /// Of a tenant that shares listings.
    async fn waits_sharing(&mut self, user: &str, standing: Standing) -> WaiterHandle<Fake> {
        let mut login = self.login(user, standing);
        let policy = &mut Arc::make_mut(&mut login).policy;
        Arc::make_mut(policy).sharing.mode = SharingMode::On;
        waiting(self.acquire(&login).await)
    }

    fn broken(&self) -> Vec<Invariant> {
        let events = self.events.0.lock().unwrap();
        events
            .iter()
            .filter_map(|event| match event {
                Event::Lock(LockEvent::InvariantBroken { which }) => Some(*which),
                _ => None,
            })
            .collect()
    }

    fn outcomes(&self) -> Vec<LockOutcome> {
        let events = self.events.0.lock().unwrap();
        events
            .iter()
            .filter_map(|event| match event {
                Event::Lock(LockEvent::Outcome { outcome, .. }) => Some(*outcome),
                _ => None,
            })
            .collect()
    }
}

fn granted(result: AcquireResult<Fake>) -> LockGuard<Fake> {
    match result {
        AcquireResult::Granted(guard) => guard,
        _ => panic!("not granted"),
    }
}

fn waiting(result: AcquireResult<Fake>) -> WaiterHandle<Fake> {
    match result {
        AcquireResult::Waiting(waiter) => waiter,
        _ => panic!("does not wait"),
    }
}

async fn turn(waiter: &mut WaiterHandle<Fake>) -> LockGuard<Fake> {
    loop {
        match waiter.next_event().await {
            WaitEvent::Granted(guard) => return guard,
            WaitEvent::Woken => {}
            _ => panic!("it lost its place"),
        }
    }
}

async fn is_broken(waiter: &mut WaiterHandle<Fake>) -> bool {
    matches!(waiter.next_event().await, WaitEvent::Broken)
}

fn poll_once<F: Future>(future: F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

#[tokio::test]
async fn acquiring_is_over_at_the_first_poll_and_gives_back_what_is_dropped() {
    let mut scene = Scene::new();
    let (ann, ben) = (
        scene.login("ann", Standing::Proven),
        scene.login("ann", Standing::Proven),
    );
    drop(scene.acquire(&ann));
    assert_eq!(scene.locks.in_use(), 0, "nobody has polled it");
    let Poll::Ready(result) = poll_once(scene.acquire(&ann)) else {
        panic!("it waits for something");
    };
    assert!(matches!(poll_once(scene.acquire(&ben)), Poll::Ready(_)));
    drop(result);
    assert_eq!(scene.locks.in_use(), 0, "both were dropped");
}

#[tokio::test]
async fn a_session_that_gives_the_lock_back_goes_on_and_asks_anew_behind_those_that_wait() {
    let mut scene = Scene::new();
    let ann = scene.login("ann", Standing::Proven);
    let mut guard = granted(scene.acquire(&ann).await);
    let (end, ended) = oneshot::channel();
    let connection = Fake {
        end: Some(ended),
        ..Fake::to("b")
    };
    guard.attach(connection).unwrap();
    let mut other = scene.waits("ann").await;
    drop(guard);
    // The same session, while its first use has not ended at the backend.
    let mut again = waiting(scene.acquire(&ann).await);
    assert!(
        poll_once(other.next_event()).is_pending(),
        "the backend has not let go"
    );
    end.send(()).unwrap();
    let others = turn(&mut other).await;
    assert!(poll_once(again.next_event()).is_ready(), "it is the head");
    assert!(poll_once(again.next_event()).is_pending());
    drop(others);
    let second = turn(&mut again).await;
    let holder = scene.locks.view(&ann.key).unwrap().holder.unwrap();
    assert_eq!(holder.claimant.session, ann.session);
    drop(second);
    assert_eq!(scene.locks.in_use(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_lock_is_seen_with_its_holder_and_its_queue_in_order() {
    let mut scene = Scene::new();
    let start = Instant::now();
    let mut guard = scene.holds("ann").await;
    guard.attach(Fake::to("b")).unwrap();
    tokio::time::advance(Duration::from_secs(1)).await;
    let stranger = Arc::new(LoginAttempt {
        tag: PasswordTag::from_bytes([9; 32]),
        ..LoginAttempt::clone(&scene.login("ann", Standing::Unproven))
    });
    let third = waiting(scene.acquire(&stranger).await);
    tokio::time::advance(Duration::from_secs(1)).await;
    let second = scene.waits("ann").await;
    let _bens = scene.holds("ben").await;
    let view = scene.locks.view(guard.key()).unwrap();
    assert_eq!(&view.key, guard.key());
    assert_eq!(view.home, Some(BackendName::new("b")));
    let holder = view.holder.unwrap();
    assert_eq!(holder.claimant.session, SessionId(1));
    assert_eq!(holder.claimant.client, stranger.client);
    assert_eq!(holder.claimant.tenant.as_str(), "default");
    assert_eq!((holder.lane, holder.since), (Lane::Main, start));
    let seconds = |from_start| start + Duration::from_secs(from_start);
    let waiters: Vec<_> = view
        .waiters
        .iter()
        .map(|waiter| {
            let session = waiter.claimant.session.0;
            (session, waiter.lane, waiter.since, waiter.until)
        })
        .collect();
    assert_eq!(
        waiters,
        [
            (3, Lane::Main, seconds(2), seconds(22)),
            (2, Lane::Unproven, seconds(1), seconds(21)),
        ]
    );
    drop((second, third));
    let view = scene.locks.view(guard.key()).unwrap();
    assert!(view.waiters.is_empty());
    let nobodys = scene.login("dan", Standing::Proven);
    assert!(scene.locks.view(&nobodys.key).is_none());
}

#[tokio::test]
async fn a_snapshot_has_each_lock_up_to_its_bound() {
    let mut scene = Scene::new();
    let mut guards = Vec::new();
    for user in ["ann", "ben", "cat", "dan"] {
        guards.push(scene.holds(user).await);
    }
    let all = scene.locks.snapshot(10);
    let mut names: Vec<_> = all.locks.iter().map(|lock| lock.key.to_string()).collect();
    names.sort();
    assert_eq!(names, ["ann", "ben", "cat", "dan"]);
    assert!(all.locks.iter().all(|lock| lock.holder.is_some()));
    assert_eq!(all.left_out, 0);
    let some = scene.locks.snapshot(3);
    assert_eq!((some.locks.len(), some.left_out), (3, 1));
    drop(guards);
    assert!(scene.locks.snapshot(10).locks.is_empty());
}

#[tokio::test]
async fn prewarmed_connections_are_given_up_by_backend_the_oldest_first() {
    let mut scene = Scene::new();
    let mut held = Vec::new();
    let mut waiters = Vec::new();
    for (user, backend) in [("ann", "a"), ("ben", "b"), ("cat", "a")] {
        held.push(scene.holds(user).await);
        let waiter = scene.waits(user).await;
        assert!(waiter.wants_prewarmed(), "{user}");
        waiter.keep_prewarmed(Fake::to(backend));
        assert!(!waiter.wants_prewarmed(), "{user}");
        waiter.keep_prewarmed(Fake::to(backend));
        waiters.push(waiter);
    }
    let index = &scene.locks.0.prewarmed;
    assert_eq!(index.len(), 3, "a second one is not kept");
    let has = |key: &MaildropKey| scene.locks.0.has_prewarmed(key);
    scene.locks.give_up_prewarmed(&BackendName::new("none"));
    assert_eq!(index.len(), 3);
    scene.locks.give_up_prewarmed(&BackendName::new("a"));
    let keys: Vec<_> = held.iter().map(|guard| has(guard.key())).collect();
    assert_eq!(keys, [false, true, true]);
    scene.locks.give_up_prewarmed(&BackendName::new("a"));
    scene.locks.give_up_prewarmed(&BackendName::new("a"));
    let keys: Vec<_> = held.iter().map(|guard| has(guard.key())).collect();
    assert_eq!(keys, [false, true, false]);
    assert!(held[1].take_prewarmed().is_some());
    assert_eq!(index.len(), 0, "who takes it strikes it out");
}

#[tokio::test]
async fn a_prewarmed_connection_that_nobody_waits_for_is_no_longer_listed() {
    let mut scene = Scene::new();
    let guard = scene.holds("ann").await;
    let waiter = scene.waits("ann").await;
    waiter.keep_prewarmed(Fake::to("a"));
    assert_eq!(scene.locks.0.prewarmed.len(), 1);
    drop(waiter);
    assert_eq!(scene.locks.0.prewarmed.len(), 0);
    drop(guard);
}

/// Sessions of several maildrops on several threads, which prewarm, take and give up: each
/// connection is listed while it is there, and no longer.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_index_of_prewarmed_connections_is_right_under_load() {
    const MAILDROPS: usize = 25;
    const WAITERS: usize = 16;
    let mut scene = Scene::new();
    let mut held = Vec::new();
    for number in 0..MAILDROPS {
        held.push(scene.holds(&format!("user{number}")).await);
    }
    let all_wait = Arc::new(Barrier::new(MAILDROPS * WAITERS + 1));
    let taken = Arc::new(AtomicUsize::new(0));
    let mut tasks = Vec::new();
    for number in 0..MAILDROPS * WAITERS {
        let login = scene.login(&format!("user{}", number % MAILDROPS), Standing::Proven);
        let mut waiter = waiting(scene.acquire(&login).await);
        let locks = scene.locks.clone();
        let all_wait = Arc::clone(&all_wait);
        let taken = Arc::clone(&taken);
        tasks.push(tokio::spawn(async move {
            let backend = BackendName::new(["a", "b"][number % 2]);
            if waiter.wants_prewarmed() {
                waiter.keep_prewarmed(Fake::to(backend.as_str()));
            }
            all_wait.wait().await;
            let guard = loop {
                if waiter.wants_prewarmed() {
                    waiter.keep_prewarmed(Fake::to(backend.as_str()));
                }
                match waiter.next_event().await {
                    WaitEvent::Granted(guard) => break guard,
                    WaitEvent::Woken => {}
                    _ => panic!("it lost its place"),
                }
            };
            if guard.take_prewarmed().is_some() {
                taken.fetch_add(1, Ordering::Relaxed);
            }
            locks.give_up_prewarmed(&backend);
            tokio::task::yield_now().await;
        }));
    }
    all_wait.wait().await;
    let listed = scene.locks.0.prewarmed.len();
    assert_eq!(listed, MAILDROPS, "one for each head");
    drop(held);
    for task in tasks {
        task.await.unwrap();
    }
    assert!(taken.load(Ordering::Relaxed) > 0, "some were left to take");
    assert_eq!(scene.locks.in_use(), 0);
    assert_eq!(scene.locks.0.prewarmed.len(), 0);
    assert_eq!(scene.broken(), []);
}
