//! Locks, guards and waiters together, with backend connections of pretence.

use super::queue::{Authority, Invariant, Lane, LockQueue};
use super::shared::{DirtyMaildrops, GateLease, SharedQueues, Turn};
use super::*;
use crate::ids::{MaildropKey, SessionId};
use crate::observe::event::{Event, LockEvent, LockOutcome};
use crate::observe::hub::{EventHub, EventSink, Stamped};
use crate::policy::attempt::tests::{attempt, policy};
use crate::policy::attempt::{LoginAttempt, Standing};
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
            WaitEvent::Promoted => {}
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
                    WaitEvent::Promoted => {}
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

#[tokio::test]
async fn a_second_connection_is_refused_and_the_first_one_stays_the_guards() {
    let mut scene = Scene::new();
    let mut guard = scene.holds("ann").await;
    guard.attach(Fake::to("first")).unwrap();
    let refused = guard.attach(Fake::to("second"));
    assert_eq!(
        refused.err(),
        Some(LockBroken(Invariant::OneConnection)),
        "the first one has not ended"
    );
    assert_eq!(scene.broken(), [Invariant::OneConnection]);
    assert_eq!(guard.connection().unwrap().backend().as_str(), "first");
    assert_eq!(guard.home().unwrap().as_str(), "first");
    guard.end_connection().await;
    assert!(guard.attach(Fake::to("third")).is_ok());
}

impl Scene {
    /// Loses the seats of these sessions' maildrop, as popgate's own code never does.
    fn lose_seats(&self, key: &MaildropKey) {
        self.locks.0.entries.get_mut(key).unwrap().seats.clear();
    }

    fn break_queue(&self, key: &MaildropKey, deed: impl FnOnce(&mut LockQueue)) {
        deed(&mut self.locks.0.entries.get_mut(key).unwrap().queue);
    }
}

#[tokio::test]
async fn a_waiter_whose_seat_is_lost_ends_and_the_next_one_is_served() {
    let mut scene = Scene::new();
    let guard = scene.holds("ann").await;
    let mut lost = scene.waits("ann").await;
    scene.lose_seats(guard.key());
    let mut next = scene.waits("ann").await;
    assert!(is_broken(&mut lost).await);
    drop(lost);
    drop(guard);
    let guard = turn(&mut next).await;
    assert_eq!(scene.broken(), [Invariant::SeatForEachWaiter]);
    drop(guard);
    assert_eq!(scene.locks.in_use(), 0);
}

#[tokio::test]
async fn a_grant_that_reaches_nobody_goes_on_to_the_next_waiter() {
    let mut scene = Scene::new();
    let guard = scene.holds("ann").await;
    let mut lost = scene.waits("ann").await;
    scene.lose_seats(guard.key());
    drop(guard);
    assert_eq!(scene.locks.in_use(), 0, "nobody is left who could be told");
    assert_eq!(scene.broken(), [Invariant::SeatForEachWaiter]);
    let mut again = scene.holds("ann").await;
    assert!(is_broken(&mut lost).await);
    drop(lost);
    assert!(again.attach(Fake::to("b")).is_ok());
    let holder = scene.locks.view(again.key()).unwrap().holder;
    assert_eq!(holder.unwrap().claimant.session, SessionId(3));
}

#[tokio::test]
async fn a_session_that_the_queue_does_not_know_ends() {
    let mut scene = Scene::new();
    let guard = scene.holds("ann").await;
    let mut lost = scene.waits("ann").await;
    scene.break_queue(guard.key(), |queue| *queue = LockQueue::default());
    let mut next = scene.holds("ann").await;
    assert!(is_broken(&mut lost).await);
    drop(lost);
    drop(guard);
    assert_eq!(scene.broken(), [Invariant::SeatForEachWaiter]);
    assert!(next.attach(Fake::to("b")).is_ok());
    assert_eq!(scene.locks.in_use(), 1, "the stale ends changed nothing");
}

#[tokio::test]
async fn waiters_that_lost_their_holder_are_served() {
    let mut scene = Scene::new();
    let guard = scene.holds("ann").await;
    let mut waiter = scene.waits("ann").await;
    scene.break_queue(guard.key(), LockQueue::lose_holder);
    let mut next = scene.waits("ann").await;
    let served = turn(&mut waiter).await;
    assert_eq!(scene.broken(), [Invariant::WaitersAreServed]);
    drop(served);
    drop(turn(&mut next).await);
    drop(guard);
    assert_eq!(scene.locks.in_use(), 0);
}

#[tokio::test]
async fn each_place_that_ends_is_told_once() {
    let mut scene = Scene::new();
    let guard = scene.holds("ann").await;
    let mut served = scene.waits("ann").await;
    let gone = scene.waits("ann").await;
    let dropped = scene.waits("ann").await;
    gone.leave(LockOutcome::ClientGone);
    drop(dropped);
    drop(guard);
    drop(turn(&mut served).await);
    drop(served);
    use LockOutcome::*;
    assert_eq!(scene.outcomes(), [Immediate, ClientGone, Shutdown, Waited]);
}

const LEASE: Duration = Duration::from_secs(15);

/// A gate beside others whose lease has just begun.
fn shared() -> (Scene, Arc<GateLease>, Arc<DirtyMaildrops>) {
    let lease = Arc::new(GateLease::new(BootClock::From(Instant::now())));
    lease.renew(1, lease.now() + LEASE);
    let dirty = Arc::default();
    (Scene::shared(&lease, &dirty), lease, dirty)
}

fn turn_under(generation: u64) -> Turn {
    Turn {
        lane: Lane::Main,
        generation,
        home: None,
        ended: None,
    }
}

impl Scene {
    /// The lock of a maildrop by a turn under the first lease, and its key.
    async fn holds_by_turn(&mut self) -> (LockGuard<Fake>, MaildropKey) {
        let mut waiter = self.waits("ann").await;
        let key = waiter.key().clone();
        self.locks.turn(&key, self.life(&key), turn_under(1));
        let WaitEvent::Granted(guard) = waiter.next_event().await else {
            panic!("it was given a turn");
        };
        (guard, key)
    }

    /// The number of the maildrop's queue.
    fn life(&self, key: &MaildropKey) -> u64 {
        self.locks.statement(key).1
    }
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_another_queue_asked_for_is_for_nobody_and_that_is_told() {
    let (mut scene, _lease, dirty) = shared();
    let first = scene.waits("ann").await;
    let key = first.key().clone();
    let before = scene.life(&key);
    first.leave(LockOutcome::ClientGone);
    let _second = scene.waits("ann").await;
    let _ = dirty.take();
    scene.locks.turn(&key, before, turn_under(1));
    let (said, life) = scene.locks.statement(&key);
    assert_ne!(life, before);
    assert!(said.holder.is_none() && said.main.is_some(), "{said:?}");
    assert!(dirty.take().contains(&key), "the turn must be given back");
}

#[tokio::test(start_paused = true)]
async fn beside_other_gates_nobody_is_served_without_a_turn_and_a_turn_is_for_one() {
    let (mut scene, _lease, dirty) = shared();
    let (guard, key) = scene.holds_by_turn().await;
    let mut next = scene.waits("ann").await;
    assert!(dirty.take().contains(&key), "others must hear of it");
    drop(guard);
    assert!(dirty.take().contains(&key));
    let (said, life) = scene.locks.statement(&key);
    assert!(said.holder.is_none() && said.main.is_some(), "{said:?}");
    scene.locks.turn(&key, life, turn_under(1));
    assert!(matches!(next.next_event().await, WaitEvent::Granted(_)));
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_nobody_takes_is_told_though_nothing_has_changed() {
    let (mut scene, _lease, dirty) = shared();
    let waiter = scene.waits("ann").await;
    let key = waiter.key().clone();
    let _ = dirty.take();
    let stranger = Turn {
        lane: Lane::Unproven,
        ..turn_under(1)
    };
    scene.locks.turn(&key, scene.life(&key), stranger);
    assert!(dirty.take().contains(&key));
}

#[tokio::test(start_paused = true)]
async fn no_password_is_written_under_a_lease_that_ran_out() {
    let (mut scene, lease, _dirty) = shared();
    let (mut guard, key) = scene.holds_by_turn().await;
    assert!(guard.permission().take());
    tokio::time::advance(LEASE).await;
    assert!(!guard.permission().take(), "the lease is over");
    // Its renewal comes first: another gate may have had the maildrop meanwhile.
    lease.renew(2, lease.now() + LEASE);
    assert!(!guard.permission().take(), "the turn is of the one before");
    assert!(is_pending(pin!(guard.turn())));
    scene.locks.turn_confirmed(&key, scene.life(&key), 2);
    guard.turn().await;
    assert!(guard.permission().take());
}

#[tokio::test(start_paused = true)]
async fn no_password_is_written_by_a_turn_that_was_lost_until_there_is_another() {
    let (mut scene, _lease, _dirty) = shared();
    let (guard, key) = scene.holds_by_turn().await;
    scene.locks.turn_lost(&key, scene.life(&key));
    assert!(!guard.permission().take());
    scene.locks.turn(&key, scene.life(&key), turn_under(1));
    assert!(guard.permission().take());
}

#[tokio::test(start_paused = true)]
async fn while_the_engine_is_away_a_gate_serves_by_itself() {
    let (mut scene, _lease, _dirty) = shared();
    let mut waiter = scene.waits("ann").await;
    let key = waiter.key().clone();
    scene.locks.authority(&key, Authority::Local);
    let WaitEvent::Granted(guard) = waiter.next_event().await else {
        panic!("nobody else holds it");
    };
    assert!(guard.permission().take());
    scene.locks.authority(&key, Authority::Leased);
    assert!(!guard.permission().take(), "it was not confirmed");
}

fn is_pending(future: std::pin::Pin<&mut impl Future<Output = ()>>) -> bool {
    let mut cx = Context::from_waker(Waker::noop());
    future.poll(&mut cx).is_pending()
}
