use super::*;
use crate::time::Duration;
use std::net::{IpAddr, Ipv4Addr};

const BUDGET: Duration = Duration::from_secs(20);
const CAPACITY: usize = 4;

/// A queue, its time, and its effects as text: `granted 1, contended, head 2`.
struct Scene {
    queue: LockQueue,
    start: Instant,
    now: Instant,
}

impl Scene {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            queue: LockQueue::default(),
            start: now,
            now,
        }
    }

    fn apply(&mut self, input: Input) -> String {
        let mut effects = Vec::new();
        self.queue.apply(input, self.now, &mut effects);
        let texts: Vec<_> = effects.into_iter().map(text).collect();
        texts.join(", ")
    }

    fn ask(&mut self, who: Who) -> String {
        self.ask_for(who, BUDGET)
    }

    /// Asks, and is ready to wait for `budget`.
    fn ask_for(&mut self, who: Who, budget: Duration) -> String {
        let request = Request {
            ticket: Ticket(who.ticket),
            lane: who.lane,
            password: PasswordTag::from_bytes([who.password; 32]),
            prefix: IpAddr::V4(Ipv4Addr::new(192, 0, 2, who.block)).into(),
            capacity: who.capacity,
            until: self.now + budget,
        };
        self.apply(Input::Request(request))
    }

    /// The longest wait in seconds, and the greatest part of one that is spent.
    fn progress(&self) -> (u64, f64) {
        let progress = self.queue.wait_progress(self.now);
        (progress.longest.as_secs(), progress.spent)
    }

    fn ask_all(&mut self, all: impl IntoIterator<Item = Who>) {
        for who in all {
            self.ask(who);
        }
    }

    fn release(&mut self, ticket: u64) -> String {
        self.apply(Input::Release(Ticket(ticket)))
    }

    fn withdraw(&mut self, ticket: u64) -> String {
        self.apply(Input::Withdraw(Ticket(ticket)))
    }

    fn accepted(&mut self, ticket: u64) -> String {
        self.apply(Input::Accepted(Ticket(ticket)))
    }

    fn refused(&mut self, ticket: u64) -> String {
        self.apply(Input::Refused(Ticket(ticket)))
    }

    fn at(&mut self, since_start: Duration) {
        self.now = self.start + since_start;
    }

    /// Who waits, the next one first.
    fn line(&self) -> Vec<u64> {
        self.queue.waiting().map(|waiter| waiter.ticket.0).collect()
    }
}

fn text(effect: Effect) -> String {
    match effect {
        Effect::Granted(Ticket(t)) => format!("granted {t}"),
        Effect::Promoted(Ticket(t)) => format!("promoted {t}"),
        Effect::Refused(Ticket(t)) => format!("refused {t}"),
        Effect::Head(Ticket(t)) => format!("head {t}"),
        Effect::Contended(true) => "contended".into(),
        Effect::Contended(false) => "alone".into(),
        Effect::Evicted {
            ticket: Ticket(t),
            newcomer,
        } => format!("{} {t}", if newcomer { "no place" } else { "evicted" }),
        Effect::Broken(invariant) => format!("broken {}", invariant.as_str()),
    }
}

#[derive(Clone, Copy)]
struct Who {
    ticket: u64,
    lane: Lane,
    password: u8,
    block: u8,
    capacity: usize,
}

/// A proven login.
fn main(ticket: u64, block: u8) -> Who {
    Who {
        ticket,
        lane: Lane::Main,
        password: 0,
        block,
        capacity: CAPACITY,
    }
}

/// A login whose password nobody has tested.
fn unproven(ticket: u64, block: u8, password: u8) -> Who {
    Who {
        lane: Lane::Unproven,
        password,
        ..main(ticket, block)
    }
}

#[test]
fn a_free_lock_is_granted_at_once() {
    for who in [main(1, 1), unproven(1, 1, 1)] {
        let mut scene = Scene::new();
        assert_eq!(scene.ask(who), "granted 1");
        assert_eq!(scene.queue.holder(), Some(Ticket(1)));
        assert_eq!(scene.release(1), "");
        assert!(scene.queue.is_empty());
    }
}

#[test]
fn a_lane_is_served_in_order_and_each_holder_hears_of_those_behind_it() {
    let mut scene = Scene::new();
    scene.ask(main(1, 1));
    assert_eq!(scene.ask(main(2, 2)), "contended, head 2");
    assert_eq!(scene.ask(main(3, 3)), "");
    assert_eq!(scene.release(1), "granted 2, contended, head 3");
    assert_eq!(scene.ask(main(4, 4)), "");
    assert_eq!(scene.release(2), "granted 3, contended, head 4");
    assert_eq!(scene.release(3), "granted 4");
    assert_eq!(scene.release(4), "");
}

#[test]
fn the_one_behind_a_head_that_leaves_is_the_new_head() {
    let mut scene = Scene::new();
    scene.ask_all([main(1, 1), main(2, 2), main(3, 3), main(4, 4)]);
    assert_eq!(scene.withdraw(3), "");
    assert_eq!(scene.withdraw(2), "head 4");
    assert_eq!(scene.withdraw(4), "alone");
    assert_eq!(scene.ask(main(5, 2)), "contended, head 5");
}

#[test]
fn unproven_waiters_are_served_when_the_main_lane_is_empty_and_contend_with_nobody() {
    let mut scene = Scene::new();
    scene.ask(main(1, 1));
    assert_eq!(scene.ask(unproven(2, 2, 2)), "");
    assert_eq!(scene.ask(unproven(3, 3, 2)), "");
    assert_eq!(scene.ask(main(4, 1)), "contended, head 4");
    assert_eq!(scene.release(1), "granted 4");
    assert_eq!(scene.release(4), "granted 2");
    assert_eq!(scene.release(2), "granted 3");
}

#[test]
fn inputs_that_are_out_of_date_change_nothing() {
    let mut scene = Scene::new();
    scene.ask_all([main(1, 1), main(2, 2), unproven(3, 3, 0)]);
    let stale = [Input::Accepted, Input::Refused, Input::Release];
    for input in stale {
        for ticket in [2, 3, 99] {
            assert_eq!(scene.apply(input(Ticket(ticket))), "");
        }
    }
    assert_eq!(scene.withdraw(1), "", "who holds does not withdraw");
    assert_eq!(scene.withdraw(99), "");
    assert_eq!(scene.queue.holder(), Some(Ticket(1)));
    assert_eq!(scene.line(), [2, 3]);
    scene.release(1);
    assert_eq!(scene.release(1), "", "a second time");
}

#[test]
fn the_oldest_unproven_waiter_has_a_turn_after_half_of_its_budget() {
    for (waited, next) in [(BUDGET / 2, 2), (BUDGET / 2 - Duration::from_nanos(1), 3)] {
        let mut scene = Scene::new();
        scene.ask_all([main(1, 1), unproven(2, 2, 2), main(3, 1)]);
        scene.at(waited);
        scene.release(1);
        assert_eq!(scene.queue.holder(), Some(Ticket(next)));
    }
}

#[test]
fn an_unproven_holder_hears_of_the_main_lane_that_it_passed() {
    let mut scene = Scene::new();
    scene.ask_all([main(1, 1), unproven(2, 2, 2), main(3, 1)]);
    scene.at(BUDGET);
    assert_eq!(
        scene.release(1),
        "granted 2, contended",
        "3 is the head already"
    );
}

#[test]
fn three_main_turns_stand_between_two_unproven_ones() {
    let mut scene = Scene::new();
    let roomy = |who| Who {
        capacity: 16,
        ..who
    };
    scene.ask_all([main(1, 1), unproven(51, 2, 2), unproven(52, 2, 2)].map(roomy));
    scene.ask_all((2..=8).map(|ticket| roomy(main(ticket, 1))));
    scene.at(BUDGET);
    let mut turns = Vec::new();
    while let Some(Ticket(holder)) = scene.queue.holder() {
        turns.push(holder);
        scene.release(holder);
    }
    assert_eq!(turns, [1, 51, 2, 3, 4, 52, 5, 6, 7, 8]);
}

#[test]
fn who_waits_with_the_accepted_password_moves_to_the_end_of_the_main_lane() {
    let mut scene = Scene::new();
    scene.ask_all([unproven(1, 1, 7), unproven(2, 2, 7)]);
    scene.ask_all([unproven(3, 3, 8), unproven(4, 1, 7), main(5, 5)]);
    assert_eq!(scene.accepted(1), "promoted 2, promoted 4");
    assert_eq!(scene.line(), [5, 2, 4, 3]);
    assert_eq!(scene.accepted(1), "");
}

#[test]
fn who_waits_with_a_password_that_another_gate_knows_goes_before_the_login_that_found_out() {
    let mut scene = Scene::new();
    scene.ask_all([main(1, 1), unproven(2, 2, 7), unproven(3, 3, 8)]);
    let found_out = Who {
        password: 7,
        ..main(4, 4)
    };
    assert_eq!(scene.ask(found_out), "promoted 2, contended, head 2");
    assert_eq!(scene.line(), [2, 4, 3]);
}

#[test]
fn promotion_into_an_empty_main_lane_makes_a_head_and_contends() {
    let mut scene = Scene::new();
    scene.ask_all([unproven(1, 1, 7), unproven(2, 2, 7)]);
    assert_eq!(scene.accepted(1), "promoted 2, contended, head 2");
}

#[test]
fn who_waits_with_the_refused_password_has_its_answer_and_the_lock_stays_held() {
    let mut scene = Scene::new();
    scene.ask_all([main(1, 1), main(2, 2), unproven(3, 3, 0), unproven(4, 4, 9)]);
    assert_eq!(scene.refused(1), "refused 2, refused 3, alone");
    assert_eq!(scene.queue.holder(), Some(Ticket(1)));
    assert_eq!(scene.line(), [4]);
    assert_eq!(scene.release(1), "granted 4");
}

#[test]
fn a_full_lane_refuses_a_newcomer_whose_block_has_as_much_as_any() {
    let mut scene = Scene::new();
    scene.ask_all((1..=5).map(|n| main(n, n as u8)));
    assert_eq!(scene.ask(main(6, 6)), "no place 6", "all have one");
    assert_eq!(scene.ask(main(7, 5)), "no place 7", "it would have two");
    assert_eq!(scene.line(), [2, 3, 4, 5]);
}

#[test]
fn in_a_full_lane_the_newest_waiter_of_the_greediest_block_loses_its_place() {
    let mut scene = Scene::new();
    scene.ask(main(1, 1));
    scene.ask_all([main(2, 2), main(3, 2), main(4, 2), main(5, 3)]);
    assert_eq!(scene.ask(main(6, 4)), "evicted 4");
    assert_eq!(scene.ask(main(7, 3)), "no place 7", "two each");
    assert_eq!(scene.ask(main(8, 5)), "evicted 3");
    assert_eq!(scene.ask(main(9, 6)), "no place 9");
    assert_eq!(scene.line(), [2, 5, 6, 8]);
}

#[test]
fn of_two_greedy_blocks_the_one_that_came_last_pays() {
    let mut scene = Scene::new();
    scene.ask(main(1, 1));
    scene.ask_all([main(2, 2), main(3, 3), main(4, 3), main(5, 2)]);
    assert_eq!(scene.ask(main(6, 4)), "evicted 5");
}

#[test]
fn a_lane_longer_than_a_newcomer_may_find_it_does_not_grow() {
    let narrow = |ticket, block| Who {
        capacity: 1,
        ..main(ticket, block)
    };
    let mut scene = Scene::new();
    scene.ask_all([main(1, 1), main(2, 2), main(3, 2), main(4, 2)]);
    assert_eq!(scene.ask(narrow(5, 3)), "evicted 4");
    assert_eq!(scene.line(), [2, 3, 5]);
    assert_eq!(scene.ask(narrow(6, 3)), "no place 6");
}

#[test]
fn the_lanes_are_bounded_apart() {
    let mut scene = Scene::new();
    scene.ask(main(1, 1));
    scene.ask_all((2..=5).map(|ticket| main(ticket, 1)));
    scene.ask_all((12..=15).map(|ticket| unproven(ticket, 2, 2)));
    assert_eq!(scene.queue.waiters(), 2 * CAPACITY);
    assert_eq!(scene.ask(unproven(16, 3, 2)), "evicted 15");
    assert_eq!(scene.ask(main(6, 3)), "evicted 5");
}

#[test]
fn a_password_too_many_is_refused_where_nobody_has_more() {
    let mut scene = Scene::new();
    scene.ask_all([main(1, 1), unproven(2, 2, 2), unproven(3, 3, 3)]);
    assert_eq!(scene.ask(unproven(4, 4, 4)), "no place 4");
    assert_eq!(scene.ask(unproven(5, 4, 2)), "", "not a new one");
    assert_eq!(scene.ask(unproven(6, 2, 5)), "no place 6");
}

#[test]
fn many_waiters_with_one_password_do_not_make_a_block_greedy_for_passwords() {
    let mut scene = Scene::new();
    scene.ask_all([main(1, 1), unproven(2, 2, 2), unproven(3, 2, 2)]);
    scene.ask(unproven(4, 3, 3));
    assert_eq!(scene.ask(unproven(5, 4, 4)), "no place 5");
}

#[test]
fn the_last_password_of_the_greediest_block_goes_with_all_its_waiters() {
    let mut scene = Scene::new();
    scene.ask_all([main(1, 1), unproven(2, 2, 2), unproven(3, 2, 3)]);
    scene.ask_all([unproven(4, 2, 2), unproven(5, 2, 3)]);
    assert_eq!(scene.ask(unproven(6, 3, 4)), "evicted 3, evicted 5");
    assert_eq!(scene.line(), [2, 4, 6]);
}

#[test]
fn a_password_shared_between_greedy_blocks_does_not_hold_its_place() {
    let mut scene = Scene::new();
    scene.ask_all([main(1, 1), unproven(2, 2, 2), unproven(3, 3, 2)]);
    scene.ask_all([unproven(4, 2, 3), unproven(5, 3, 3)]);
    assert_eq!(scene.ask(unproven(6, 4, 4)), "evicted 4, evicted 5");
}

#[test]
fn who_shares_a_password_with_a_greedy_block_is_not_lost_with_it() {
    let mut scene = Scene::new();
    scene.ask_all([main(1, 1), unproven(2, 2, 2), unproven(3, 2, 3)]);
    scene.ask(unproven(4, 3, 3));
    assert_eq!(scene.ask(unproven(5, 4, 4)), "evicted 2");
    assert_eq!(scene.line(), [3, 4, 5]);
}

#[test]
fn without_capacity_nobody_waits() {
    let none = |who| Who { capacity: 0, ..who };
    let mut scene = Scene::new();
    assert_eq!(scene.ask(none(main(1, 1))), "granted 1");
    assert_eq!(scene.ask(none(main(2, 2))), "no place 2");
    assert_eq!(scene.ask(none(unproven(3, 3, 3))), "no place 3");
    scene.ask_all([main(4, 4), main(5, 4)]);
    assert_eq!(scene.ask(none(main(6, 6))), "no place 6");
}

#[test]
fn a_capacity_of_one_still_lets_one_unproven_waiter_wait() {
    let one = |who| Who { capacity: 1, ..who };
    let mut scene = Scene::new();
    scene.ask(main(1, 1));
    assert_eq!(scene.ask(one(unproven(2, 2, 2))), "");
    assert_eq!(scene.ask(one(unproven(3, 3, 3))), "no place 3");
    assert_eq!(scene.ask(one(unproven(4, 4, 2))), "no place 4");
}

#[test]
fn who_is_promoted_into_a_full_lane_is_a_newcomer_there() {
    let mut scene = Scene::new();
    scene.ask(unproven(1, 1, 7));
    scene.ask_all([main(2, 2), main(3, 2), main(4, 3), main(5, 4)]);
    scene.ask_all([unproven(6, 5, 7), unproven(7, 6, 7)]);
    assert_eq!(scene.accepted(1), "evicted 3, promoted 6, evicted 7");
    assert_eq!(scene.line(), [2, 4, 5, 6]);
}

#[test]
fn a_waiter_can_see_where_it_stands() {
    let mut scene = Scene::new();
    scene.ask_all([main(1, 1), unproven(2, 2, 2)]);
    assert!(!scene.queue.is_contended());
    scene.at(Duration::from_secs(3));
    scene.ask(main(3, 1));
    assert!(scene.queue.is_contended());
    scene.at(Duration::from_secs(5));
    let ahead = |ticket| scene.queue.ahead_of(Ticket(ticket));
    assert_eq!([1, 2, 3].map(ahead), [None, Some(1), Some(0)]);
}

#[test]
fn the_longest_wait_and_the_one_nearest_to_its_end_may_be_of_two_waiters() {
    let mut scene = Scene::new();
    scene.ask(main(1, 1));
    assert_eq!(scene.progress(), (0, 0.0));
    scene.ask_for(main(2, 1), Duration::from_secs(40));
    scene.at(Duration::from_secs(10));
    assert_eq!(scene.progress(), (10, 0.25));
    scene.ask_for(main(3, 1), Duration::from_secs(8));
    scene.at(Duration::from_secs(14));
    assert_eq!(scene.progress(), (14, 0.5));
    scene.withdraw(2);
    assert_eq!(scene.progress(), (4, 0.5));
    // The session that gives up is a moment late.
    scene.at(Duration::from_secs(30));
    assert_eq!(scene.progress(), (20, 1.0));
    scene.withdraw(3);
    assert_eq!(scene.progress(), (0, 0.0));
}

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
