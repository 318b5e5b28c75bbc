//! Locks beside those of other gates.

use super::*;
use crate::limits::LISTING_SHOWN_FOR;

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
        number: 5,
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
    scene
        .locks
        .turn_confirmed(&key, scene.life(&key), Some(5), 2);
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
async fn a_session_has_its_turn_while_that_is_good() {
    let (mut scene, lease, _dirty) = shared();
    let (guard, key) = scene.holds_by_turn().await;
    let under = |lease| Some(SessionTurn { lease, number: 5 });
    assert_eq!(guard.session_turn(), under(1));
    lease.renew(2, lease.now() + LEASE);
    assert_eq!(guard.session_turn(), None, "it is of the lease before");
    let confirm = |number| {
        let life = scene.life(&key);
        scene.locks.turn_confirmed(&key, life, number, 2);
    };
    confirm(Some(5));
    assert_eq!(guard.session_turn(), under(2));
    confirm(None);
    assert_eq!(guard.session_turn(), None, "it began without one");
    confirm(Some(5));
    tokio::time::advance(LEASE).await;
    assert_eq!(guard.session_turn(), None, "the lease is over");
}

#[tokio::test(start_paused = true)]
async fn who_holds_a_maildrop_or_waits_says_how_long_what_it_was_shown_is_good() {
    let (mut scene, _lease, _dirty) = shared();
    let (guard, key) = scene.holds_by_turn().await;
    assert_eq!(scene.locks.shown_for(&key), Duration::ZERO);
    let shares = scene.waits_sharing("ann", Standing::Proven).await;
    assert_eq!(scene.locks.shown_for(&key), LISTING_SHOWN_FOR);
    drop(shares);
    let stranger = scene.waits_sharing("ann", Standing::Unproven).await;
    assert_eq!(scene.locks.shown_for(&key), Duration::ZERO);
    drop(stranger);
    assert_eq!(scene.locks.shown_for(&key), Duration::ZERO);
    drop(guard);
    assert_eq!(scene.locks.shown_for(&key), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn the_turn_of_a_stranger_is_kept_once_the_backend_has_let_him_in() {
    let (mut scene, _lease, dirty) = shared();
    let mut waiter = scene.waits_sharing("ann", Standing::Unproven).await;
    let key = waiter.key().clone();
    let turn = Turn {
        lane: Lane::Unproven,
        ..turn_under(1)
    };
    scene.locks.turn(&key, scene.life(&key), turn);
    let WaitEvent::Granted(mut guard) = waiter.next_event().await else {
        panic!("it was given a turn");
    };
    assert_eq!(scene.locks.shown_for(&key), Duration::ZERO);
    assert!(dirty.take().contains(&key));
    guard.accepted();
    assert_eq!(scene.locks.shown_for(&key), LISTING_SHOWN_FOR);
    assert!(dirty.take().contains(&key), "the engine hears of it");
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
