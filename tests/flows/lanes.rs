//! Two lanes: passwords that the backend accepted lately go first, and a stranger never costs
//! the owner more than one failed login at a time.

use crate::support::{Gate, Wire, assert_took, seconds};
use popgate::observe::event::{Event, LockEvent, LockOutcome};
use popgate::time::Instant;

const IN_USE: &str = "-ERR [IN-USE] Mailbox is locked by another of your mail programs, \
                      please wait and try again\r\n";
const BUSY: &str = "-ERR [SYS/TEMP] Mailbox is locked or busy, please wait and try again\r\n";

fn queue_of(places: usize) -> String {
    format!("[defaults]\ncleartext = \"always\"\nqueue = {places}\n")
}

/// So many clients at one address that wait with the same password.
async fn crowd(gate: &Gate, from: &str, password: &str, size: usize) -> Vec<Wire> {
    let mut crowd = Vec::new();
    for _ in 0..size {
        let client = gate.visitor().from(from).asking("ann", password).await;
        gate.queued(&client).await;
        crowd.push(client);
    }
    crowd
}

fn lost(outcome: LockOutcome) -> impl Fn(&Event) -> bool {
    move |event| matches!(event, Event::Lock(LockEvent::Outcome { outcome: lost, .. }) if *lost == outcome)
}

/// The holder leaves without QUIT, and the backend has seen it.
async fn ends(client: Wire, mut backend: Wire) {
    client.close();
    backend.expect_eof().await;
    backend.close();
}

#[tokio::test(start_paused = true)]
async fn the_proven_overtake_the_unproven() {
    let gate = Gate::classic().await;
    let (holder, backend) = gate.log_in("ann", "secret").await;
    let mut stranger = gate.asking("ann", "guess").await;
    gate.queued(&stranger).await;
    let mut owner = gate.asking("ann", "secret").await;
    let mut next = gate.dialed().await;
    next.greets().await;
    ends(holder, backend).await;
    next.answers_password("ann", "secret", "+OK come in").await;
    owner.expect("+OK come in\r\n").await;
    stranger.expect_silence(seconds(1.0)).await;
    ends(owner, next).await;
    let mut last = gate.dialed().await;
    last.answers_login("ann", "guess", "-ERR [AUTH] no").await;
    stranger.expect("-ERR [AUTH] no\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn a_password_that_several_wait_with_is_tried_once_and_all_get_its_refusal() {
    let gate = Gate::classic().await;
    let (holder, backend) = gate.log_in("ann", "secret").await;
    let waiters = crowd(&gate, "192.0.2.1", "old password", 3).await;
    ends(holder, backend).await;
    let mut next = gate.dialed().await;
    next.answers_login("ann", "old password", "-ERR [AUTH] not this one")
        .await;
    for mut waiter in waiters {
        waiter.expect("-ERR [AUTH] not this one\r\n").await;
        // It may try another one on the same connection.
        waiter.send("NOOP\r\n").await;
        waiter.expect("-ERR Log in first\r\n").await;
    }
    next.expect_eof().await;
    next.close();
    gate.log_in("ann", "secret").await;
    assert_eq!(gate.dials(), 3);
    let failed = gate
        .events
        .count(|event| matches!(event, Event::AuthFailed { .. }));
    assert_eq!(failed, 3);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_says_nothing_of_the_password_is_not_for_all() {
    let gate = Gate::classic().await;
    let (holder, backend) = gate.log_in("ann", "secret").await;
    let mut waiters = crowd(&gate, "192.0.2.1", "new password", 2).await;
    ends(holder, backend).await;
    let mut next = gate.dialed().await;
    next.answers_login("ann", "new password", "-ERR [SYS/PERM] closed on Sundays")
        .await;
    waiters[0]
        .expect("-ERR [SYS/PERM] closed on Sundays\r\n")
        .await;
    next.close();
    gate.dialed().await.lets_in("ann", "new password").await;
    waiters[1].expect("+OK ann, come in\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn an_accepted_password_moves_those_who_wait_with_it_to_the_main_lane() {
    let gate = Gate::classic().await;
    let mut holder = gate.asking("ann", "secret").await;
    let mut backend = gate.dialed().await;
    let mut stranger = gate.asking("ann", "guess").await;
    gate.queued(&stranger).await;
    let mut owners = crowd(&gate, "192.0.2.1", "secret", 2).await;
    backend.lets_in("ann", "secret").await;
    holder.expect("+OK ann, come in\r\n").await;
    for owner in &mut owners {
        // The first of them connects in advance, for it is the head now.
        let mut next = gate.dialed().await;
        next.greets().await;
        ends(holder, backend).await;
        next.answers_password("ann", "secret", "+OK in order").await;
        owner.expect("+OK in order\r\n").await;
        (holder, backend) = (std::mem::replace(owner, gate.client()), next);
    }
    stranger.expect_silence(seconds(1.0)).await;
}

#[tokio::test(start_paused = true)]
async fn a_waiter_whose_password_was_accepted_meanwhile_hears_that_the_mailbox_is_in_use() {
    let gate = Gate::classic().await;
    let mut holder = gate.asking("ann", "secret").await;
    let mut backend = gate.dialed().await;
    let start = Instant::now();
    let mut waiter = gate.asking("ann", "secret").await;
    gate.queued(&waiter).await;
    backend.lets_in("ann", "secret").await;
    holder.expect("+OK ann, come in\r\n").await;
    holder.send("RETR 1\r\n").await;
    waiter.expect(IN_USE).await;
    assert_took(start, 22.0..=22.0);
}

#[tokio::test(start_paused = true)]
async fn a_proven_password_that_the_backend_refuses_is_proven_no_more() {
    let gate = Gate::classic().await;
    gate.prove("ann", "old password").await;
    let mut phone = gate.asking("ann", "old password").await;
    let mut backend = gate.dialed().await;
    backend
        .answers_login("ann", "old password", "-ERR [AUTH] no")
        .await;
    phone.expect("-ERR [AUTH] no\r\n").await;
    backend.close();
    let (_holder, _backend) = gate.log_in("ann", "new password").await;
    phone.asks_in("ann", "old password").await;
    phone.expect(BUSY).await;
    assert_eq!(gate.dials(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_unproven_do_not_connect_in_advance() {
    let gate = Gate::classic().await;
    let (_holder, _backend) = gate.log_in("ann", "secret").await;
    let mut stranger = gate.asking("ann", "guess").await;
    stranger.expect_silence(seconds(20.0)).await;
    assert_eq!(gate.dials(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stranger_costs_the_owner_one_failed_login() {
    let gate = Gate::classic().await;
    gate.prove("ann", "secret").await;
    let mut stranger = gate.visitor().from("203.0.113.9").asking("ann", "1").await;
    let mut backend = gate.dialed().await;
    let mut guesses = Vec::new();
    for guess in 2..=8 {
        let from = format!("203.0.113.{guess}");
        guesses.extend(crowd(&gate, &from, &guess.to_string(), 1).await);
    }
    let mut owner = gate.asking("ann", "secret").await;
    let mut next = gate.dialed().await;
    next.greets().await;
    backend.answers_login("ann", "1", "-ERR [AUTH] no").await;
    stranger.expect("-ERR [AUTH] no\r\n").await;
    backend.close();
    next.answers_password("ann", "secret", "+OK come in").await;
    owner.expect("+OK come in\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn the_oldest_unproven_waiter_has_a_turn_after_half_its_budget() {
    let gate = Gate::classic().await;
    gate.prove("ann", "secret").await;
    let (holder, backend) = gate.log_in("ann", "secret").await;
    let mut newcomer = gate.asking("ann", "new password").await;
    newcomer.expect_silence(seconds(11.0)).await;
    let mut owner = gate.asking("ann", "secret").await;
    let mut next = gate.dialed().await;
    next.greets().await;
    ends(holder, backend).await;
    // It takes over the connection that the owner had opened.
    next.answers_password("ann", "new password", "+OK at last")
        .await;
    newcomer.expect("+OK at last\r\n").await;
    let mut next_but_one = gate.dialed().await;
    next_but_one.greets().await;
    ends(newcomer, next).await;
    next_but_one
        .answers_password("ann", "secret", "+OK come in")
        .await;
    owner.expect("+OK come in\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn a_full_lane_takes_a_newcomer_in_place_of_the_newest_of_a_crowd() {
    let gate = Gate::with(&queue_of(4)).await;
    let (_holder, _backend) = gate.log_in("ann", "secret").await;
    let mut greedy = crowd(&gate, "203.0.113.9", "guess", 4).await;
    let start = Instant::now();
    let mut newcomer = gate.asking("ann", "new password").await;
    gate.queued(&newcomer).await;
    let mut evicted = greedy.pop().expect("the newest");
    evicted.expect(BUSY).await;
    assert_took(start, 0.0..=0.0);
    gate.told(lost(LockOutcome::Evicted)).await;
    newcomer.expect_silence(seconds(5.0)).await;
    // Whoever was evicted is not tried again on that connection, which stays open.
    evicted.asks_in("ann", "guess").await;
    evicted.expect(BUSY).await;
    evicted.expect_silence(seconds(1.0)).await;
}

#[tokio::test(start_paused = true)]
async fn a_full_lane_has_no_place_for_one_of_the_crowd_itself() {
    let gate = Gate::with(&queue_of(4)).await;
    let (_holder, _backend) = gate.log_in("ann", "secret").await;
    let mut greedy = crowd(&gate, "203.0.113.9", "guess", 4).await;
    let mut fifth = gate
        .visitor()
        .from("203.0.113.9")
        .asking("ann", "guess")
        .await;
    fifth.expect(BUSY).await;
    gate.told(lost(LockOutcome::QueueFull)).await;
    for waiter in &mut greedy {
        waiter.expect_silence(seconds(0.1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_neighbours_in_an_ipv6_network_are_one_crowd() {
    let gate = Gate::with(&queue_of(4)).await;
    let (_holder, _backend) = gate.log_in("ann", "secret").await;
    for host in 1..=4 {
        crowd_of_one(&gate, &format!("2001:db8::{host}")).await;
    }
    let mut fifth = gate
        .visitor()
        .from("2001:db8::5")
        .asking("ann", "guess")
        .await;
    fifth.expect(BUSY).await;
    gate.told(lost(LockOutcome::QueueFull)).await;
    crowd_of_one(&gate, "2001:db8:0:1::1").await;
    gate.told(lost(LockOutcome::Evicted)).await;
}

/// A waiter that nobody listens to; it stays until the gate goes.
async fn crowd_of_one(gate: &Gate, from: &str) {
    for waiter in crowd(gate, from, "guess", 1).await {
        tokio::spawn(async move {
            std::future::pending::<()>().await;
            waiter.close()
        });
    }
}

#[tokio::test(start_paused = true)]
async fn at_most_half_the_places_are_for_different_passwords() {
    let gate = Gate::with(&queue_of(4)).await;
    let (_holder, _backend) = gate.log_in("ann", "secret").await;
    let _one = crowd(&gate, "203.0.113.9", "guess 1", 1).await;
    let _two = crowd(&gate, "203.0.113.9", "guess 2", 1).await;
    let mut third = gate
        .visitor()
        .from("203.0.113.9")
        .asking("ann", "guess 3")
        .await;
    third.expect(BUSY).await;
    let _same = crowd(&gate, "203.0.113.9", "guess 2", 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_full_main_lane_says_that_the_mailbox_is_in_use() {
    let gate = Gate::with(&queue_of(2)).await;
    let (_holder, _backend) = gate.log_in("ann", "secret").await;
    let _waiters = crowd(&gate, "192.0.2.1", "secret", 2).await;
    let mut third = gate.asking("ann", "secret").await;
    third.expect(IN_USE).await;
    // A stranger does not learn that a password was right.
    let mut stranger = gate.asking("ann", "guess").await;
    gate.queued(&stranger).await;
    stranger.expect(BUSY).await;
}
