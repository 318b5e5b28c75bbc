//! Backends that unlock a maildrop a moment after they have closed.

use crate::support::{Gate, Scene, assert_took, seconds};
use popgate::time::Instant;
use tokio::time::sleep;

const LOCKED: &str = "-ERR [IN-USE] Unable to lock maildrop";

/// The backend refuses the next login as locked, sees the end, and ends.
async fn refuses(gate: &Gate) {
    let mut backend = gate.dialed().await;
    backend.answers_login("ann", "secret", LOCKED).await;
    backend.expect_eof().await;
}

#[tokio::test(start_paused = true)]
async fn right_after_a_session_a_locked_maildrop_is_tried_again_soon() {
    let gate = Gate::classic().await;
    let Scene {
        mut holder,
        mut inside,
        mut waiter,
        mut spare,
    } = Scene::of(&gate).await;
    holder.send("QUIT\r\n").await;
    inside.expect("QUIT\r\n").await;
    inside.send("+OK bye\r\n").await;
    inside.close();
    spare.answers_password("ann", "secret", LOCKED).await;
    spare.expect_eof().await;
    spare.close();
    let locked = Instant::now();
    for at in [0.02, 0.05, 0.1, 0.2] {
        refuses(&gate).await;
        assert_took(locked, at..=at);
    }
    gate.dialed().await.lets_in("ann", "secret").await;
    waiter.expect("+OK ann, come in\r\n").await;
    assert_took(locked, 0.375..=0.625);
}

#[tokio::test(start_paused = true)]
async fn so_it_is_for_who_comes_a_second_later_to_an_empty_maildrop_and_not_two() {
    for (pause, expected) in [(1.0, 0.02..=0.02), (2.0, 0.375..=0.625)] {
        let gate = Gate::classic().await;
        gate.prove("ann", "secret").await;
        sleep(seconds(pause)).await;
        let mut client = gate.asking("ann", "secret").await;
        refuses(&gate).await;
        let locked = Instant::now();
        gate.dialed().await.lets_in("ann", "secret").await;
        client.expect("+OK ann, come in\r\n").await;
        assert_took(locked, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn another_maildrops_end_and_a_refused_logins_end_hurry_nobody() {
    let gate = Gate::classic().await;
    gate.prove("bob", "hidden").await;
    let mut stranger = gate.asking("ann", "guess").await;
    let mut backend = gate.dialed().await;
    backend
        .answers_login("ann", "guess", "-ERR [AUTH] no")
        .await;
    stranger.expect("-ERR [AUTH] no\r\n").await;
    backend.expect_eof().await;
    backend.close();
    let mut client = gate.asking("ann", "secret").await;
    refuses(&gate).await;
    let locked = Instant::now();
    gate.dialed().await.lets_in("ann", "secret").await;
    client.expect("+OK ann, come in\r\n").await;
    assert_took(locked, 0.375..=0.625);
}
