mod bounds;
mod broken;
mod leased;

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
