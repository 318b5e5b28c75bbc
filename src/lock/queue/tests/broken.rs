//! What a queue does that was broken, which its own code rules out.

use super::*;

#[test]
fn waiters_without_a_holder_are_noticed_and_served() {
    let mut scene = Scene::new();
    scene.ask_all([main(1, 1), main(2, 2), unproven(3, 3, 3)]);
    scene.queue.lose_holder();
    let repaired = scene.withdraw(99);
    assert_eq!(repaired, "broken waiters_are_served, granted 2");
    assert_eq!(scene.release(2), "granted 3");
}

#[test]
fn a_newcomer_does_not_pass_waiters_that_lost_their_holder() {
    let mut scene = Scene::new();
    scene.ask_all([main(1, 1), main(2, 2)]);
    scene.queue.lose_holder();
    assert_eq!(
        scene.ask(main(3, 3)),
        "broken waiters_are_served, granted 2, contended, head 3"
    );
}

#[test]
fn a_holder_in_a_lane_is_noticed_and_taken_out() {
    let mut scene = Scene::new();
    scene.ask_all([main(1, 1), main(2, 2), main(3, 3)]);
    scene.queue.lose_holder();
    scene.queue.hold_for_the_head();
    assert_eq!(
        scene.withdraw(99),
        "broken holder_does_not_wait, contended, head 3"
    );
    assert_eq!(scene.line(), [3]);
    assert_eq!(scene.release(2), "granted 3");
}

/// Ways to break a queue, which its own code rules out.
impl LockQueue {
    pub(in crate::lock) fn lose_holder(&mut self) {
        self.holder = None;
        self.told_contended = false;
    }

    fn hold_for_the_head(&mut self) {
        let head = self.main.front().expect("somebody waits");
        self.holder = Some(Holder {
            holding: Holding {
                ticket: head.request.ticket,
                lane: Lane::Main,
                since: head.since,
            },
            password: head.request.password,
            has_begun: false,
        });
    }
}
