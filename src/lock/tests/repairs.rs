//! Seats and holders that a fault has lost.

use super::*;

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
