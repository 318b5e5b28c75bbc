//! Lanes and passwords that are full: who is refused, and who loses its place.

use super::*;

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
