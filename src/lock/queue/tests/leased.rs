//! A queue that needs a lease for each turn.

use super::*;

/// A queue that needs a lease for each turn.
fn leased() -> Scene {
    Scene {
        queue: LockQueue::new(Authority::Leased),
        ..Scene::new()
    }
}

impl Scene {
    fn granted(&mut self, lane: Lane) -> String {
        self.apply(Input::Lease(LeaseChange::Granted { lane }))
    }

    fn lost(&mut self) -> String {
        self.apply(Input::Lease(LeaseChange::Lost))
    }

    /// What other gates hear: what it holds, and in which lanes somebody waits.
    fn says(&self) -> String {
        let Statement {
            holder,
            main,
            unproven,
        } = self.queue.statement();
        let holds = holder.map(|holder| match (holder.lane, holder.has_begun) {
            (Lane::Main, false) => "holds for main",
            (Lane::Main, true) => "began for main",
            (Lane::Unproven, false) => "holds for unproven",
            (Lane::Unproven, true) => "began for unproven",
        });
        let parts = [holds, main.map(|_| "main"), unproven.map(|_| "unproven")];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

#[test]
fn without_a_lease_all_wait_and_a_lease_is_for_one_turn() {
    let mut scene = leased();
    assert_eq!(scene.ask(main(1, 1)), "head 1");
    assert_eq!(scene.ask(main(2, 2)), "");
    assert_eq!(scene.queue.holder(), None);
    assert_eq!(scene.granted(Lane::Main), "granted 1, contended, head 2");
    assert_eq!(scene.says(), "holds for main, main");
    assert_eq!(scene.release(1), "");
    assert_eq!(scene.queue.holder(), None, "another gate may be next");
    assert_eq!(scene.says(), "main");
    assert_eq!(scene.granted(Lane::Main), "granted 2");
    assert_eq!(scene.release(2), "");
    assert_eq!(scene.says(), "");
    assert!(scene.queue.is_empty());
}

#[test]
fn a_lease_serves_the_lane_that_it_names_or_is_over() {
    let mut scene = leased();
    scene.ask_all([unproven(1, 1, 1), main(2, 2)]);
    assert_eq!(scene.says(), "main, unproven");
    assert_eq!(scene.granted(Lane::Unproven), "granted 1, contended");
    assert_eq!(scene.says(), "holds for unproven, main");
    scene.release(1);
    assert_eq!(scene.granted(Lane::Unproven), "", "nobody waits there");
    assert_eq!(scene.says(), "main");
    assert_eq!(scene.ask(unproven(3, 3, 3)), "", "it is not kept");
    assert_eq!(scene.queue.holder(), None);
}

#[test]
fn a_lease_that_nobody_wants_any_more_is_over() {
    let mut scene = leased();
    assert_eq!(scene.granted(Lane::Main), "");
    assert_eq!(scene.ask(main(1, 1)), "head 1");
    assert_eq!(scene.queue.holder(), None);
    assert_eq!(scene.withdraw(1), "");
    assert!(scene.queue.is_empty());
}

#[test]
fn a_lost_lease_cuts_nobody_and_serves_nobody() {
    let mut scene = leased();
    scene.ask_all([main(1, 1), main(2, 2)]);
    scene.granted(Lane::Main);
    assert_eq!(scene.lost(), "");
    assert_eq!(scene.queue.holder(), Some(Ticket(1)));
    assert_eq!(scene.release(1), "");
    assert_eq!(scene.queue.holder(), None);
    assert_eq!(scene.granted(Lane::Main), "granted 2");
}

#[test]
fn a_holder_that_outlived_its_lease_may_have_another() {
    let mut scene = leased();
    scene.ask(main(1, 1));
    scene.granted(Lane::Main);
    scene.lost();
    assert_eq!(scene.granted(Lane::Main), "");
    assert_eq!(scene.queue.holder(), Some(Ticket(1)));
    assert_eq!(scene.release(1), "");
}

#[test]
fn one_may_wait_for_the_lease_where_nobody_may_wait_for_another() {
    let none = |who| Who { capacity: 0, ..who };
    let mut scene = leased();
    assert_eq!(scene.ask(none(unproven(1, 1, 1))), "");
    assert_eq!(scene.ask(none(unproven(2, 2, 1))), "no place 2");
    assert_eq!(scene.granted(Lane::Unproven), "granted 1");
}

#[test]
fn others_hear_that_a_holder_has_begun_and_that_its_backend_connection_has_ended() {
    let mut scene = leased();
    scene.ask_all([main(1, 1), main(2, 2)]);
    scene.granted(Lane::Main);
    assert_eq!(scene.apply(Input::Begin(Ticket(2))), "", "it waits");
    assert_eq!(scene.says(), "holds for main, main");
    scene.apply(Input::Begin(Ticket(1)));
    assert_eq!(scene.says(), "began for main, main");
    scene.apply(Input::Pause(Ticket(2)));
    assert_eq!(scene.says(), "began for main, main", "it waits");
    scene.apply(Input::Pause(Ticket(1)));
    assert_eq!(scene.says(), "holds for main, main");
}

#[test]
fn a_lane_is_as_old_as_its_oldest_waiter_and_lasts_as_long_as_its_last() {
    let mut scene = leased();
    let began = scene.now;
    scene.ask_for(main(1, 1), Duration::from_secs(40));
    scene.at(Duration::from_secs(1));
    scene.ask_for(main(2, 2), Duration::from_secs(8));
    let said = scene.queue.statement().main;
    let expected = LaneStatement {
        since: began,
        half: began + Duration::from_secs(20),
        until: began + Duration::from_secs(40),
    };
    assert_eq!(said, Some(expected));
}

#[test]
fn without_whoever_grants_leases_it_serves_by_itself_until_they_are_back() {
    let mut scene = leased();
    scene.ask_all([main(1, 1), main(2, 2), main(3, 3)]);
    let local = scene.apply(Input::Authority(Authority::Local));
    assert_eq!(local, "granted 1, contended, head 2");
    assert_eq!(scene.release(1), "granted 2, contended, head 3");
    assert_eq!(scene.apply(Input::Authority(Authority::Leased)), "");
    assert_eq!(scene.queue.holder(), Some(Ticket(2)), "it goes on");
    assert_eq!(scene.release(2), "");
    assert_eq!(scene.queue.holder(), None);
    assert_eq!(scene.granted(Lane::Main), "granted 3");
}

#[test]
fn waiters_elsewhere_contend_and_each_holder_hears_of_them() {
    let mut scene = Scene::new();
    let elsewhere = |scene: &mut Scene, somebody| scene.apply(Input::WaitersElsewhere(somebody));
    assert_eq!(elsewhere(&mut scene, true), "", "there is no holder");
    assert_eq!(scene.ask(main(1, 1)), "granted 1, contended");
    assert_eq!(scene.ask(main(2, 2)), "head 2");
    assert_eq!(elsewhere(&mut scene, false), "", "2 waits here");
    assert_eq!(elsewhere(&mut scene, true), "");
    assert_eq!(scene.release(1), "granted 2, contended");
    assert_eq!(scene.queue.head(), None, "it is none of ours");
    assert_eq!(elsewhere(&mut scene, false), "alone");
}

#[test]
fn a_local_queue_is_deaf_to_leases() {
    let mut scene = Scene::new();
    scene.ask_all([main(1, 1), main(2, 2)]);
    assert_eq!(scene.lost(), "");
    assert_eq!(scene.granted(Lane::Main), "");
    assert_eq!(scene.release(1), "granted 2");
}
