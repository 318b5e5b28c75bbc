//! The connection that is open before its turn comes.

use crate::support::{Gate, Scene, lets_in_at_once, seconds};
use popgate::observe::event::End;

fn backend(settings: &str) -> String {
    format!(
        "[[backend]]\nname = \"legacy\"\naddress = \"10.0.0.5:110\"\n{settings}\n\
         [defaults]\ncleartext = \"always\"\n"
    )
}

#[tokio::test(start_paused = true)]
async fn while_somebody_waits_one_more_connection_is_open_and_nothing_is_written_on_it() {
    let gate = Gate::classic().await;
    let mut scene = Scene::of(&gate).await;
    let _second = gate.waiter("ann", "secret").await;
    let _third = gate.waiter("ann", "secret").await;
    scene.spare.expect_silence(seconds(10.0)).await;
    // That which proved the password, the holder's, and this one.
    assert_eq!(gate.dials(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_new_head_of_the_queue_takes_the_open_connection_over() {
    let gate = Gate::classic().await;
    let mut scene = Scene::of(&gate).await;
    let mut second = gate.waiter("ann", "secret").await;
    scene.waiter.close();
    assert_eq!(gate.only_end_of("client 3").await.end(), End::LeftWaiting);
    scene.spare.expect_silence(seconds(3.0)).await;
    scene.holder.close();
    scene.inside.close();
    lets_in_at_once(&mut scene.spare, &mut second).await;
    assert_eq!(gate.dials(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_next_head_opens_another_when_the_open_one_is_taken() {
    let gate = Gate::classic().await;
    let mut scene = Scene::of(&gate).await;
    let mut second = gate.waiter("ann", "secret").await;
    scene.holder.close();
    scene.inside.close();
    lets_in_at_once(&mut scene.spare, &mut scene.waiter).await;
    let mut spare = gate.dialed().await;
    spare.greets().await;
    spare.expect_silence(seconds(3.0)).await;
    scene.waiter.close();
    scene.spare.close();
    lets_in_at_once(&mut spare, &mut second).await;
    assert_eq!(gate.dials(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_retry_takes_the_open_connection_and_the_head_opens_another() {
    let gate = Gate::classic().await;
    gate.prove("ann", "secret").await;
    let mut first = gate.asking("ann", "secret").await;
    let mut refusing = gate.dialed().await;
    refusing.greets().await;
    refusing.expect("USER ann\r\nPASS secret\r\n").await;
    let _second = gate.waiter("ann", "secret").await;
    let mut spare = gate.dialed().await;
    spare.greets().await;
    refusing.send("+OK\r\n-ERR [IN-USE] locked\r\n").await;
    refusing.expect_eof().await;
    refusing.close();
    lets_in_at_once(&mut spare, &mut first).await;
    let mut another = gate.dialed().await;
    another.greets().await;
    another.expect_silence(seconds(3.0)).await;
}

#[tokio::test(start_paused = true)]
async fn nobody_connects_ahead_for_an_untested_password() {
    let gate = Gate::classic().await;
    let (_holder, _inside) = gate.log_in("ann", "secret").await;
    let mut stranger = gate.waiter("ann", "guess").await;
    stranger.expect_silence(seconds(10.0)).await;
    assert_eq!(gate.dials(), 1);
}

#[tokio::test(start_paused = true)]
async fn nobody_connects_ahead_where_the_backend_is_not_to_be_preconnected() {
    let gate = Gate::with(&backend("preconnect = false")).await;
    gate.prove("ann", "secret").await;
    let (holder, inside) = gate.log_in("ann", "secret").await;
    let mut waiter = gate.waiter("ann", "secret").await;
    waiter.expect_silence(seconds(10.0)).await;
    assert_eq!(gate.dials(), 2);
    holder.close();
    inside.close();
    gate.dialed().await.lets_in("ann", "secret").await;
    waiter.expect("+OK ann, come in\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn nobody_connects_ahead_beyond_the_limit_of_connections() {
    let gate = Gate::with(&backend("connections = 1")).await;
    gate.prove("ann", "secret").await;
    let (holder, inside) = gate.log_in("ann", "secret").await;
    let mut waiter = gate.waiter("ann", "secret").await;
    waiter.expect_silence(seconds(10.0)).await;
    assert_eq!(gate.dials(), 2);
    holder.close();
    inside.close();
    gate.dialed().await.lets_in("ann", "secret").await;
    waiter.expect("+OK ann, come in\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn an_open_connection_that_has_died_is_replaced_when_its_turn_comes() {
    let gate = Gate::classic().await;
    let mut scene = Scene::of(&gate).await;
    scene
        .spare
        .send("-ERR Disconnected for inactivity\r\n")
        .await;
    scene.spare.close();
    scene.holder.close();
    scene.inside.close();
    gate.dialed().await.lets_in("ann", "secret").await;
    scene.waiter.expect("+OK ann, come in\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn an_open_connection_that_dies_at_the_password_costs_one_more_and_no_pause() {
    let gate = Gate::classic().await;
    let mut scene = Scene::of(&gate).await;
    let _second = gate.waiter("ann", "secret").await;
    scene.holder.close();
    scene.inside.close();
    scene.spare.expect("USER ann\r\nPASS secret\r\n").await;
    let mut for_the_second = gate.dialed().await;
    for_the_second.greets().await;
    scene.spare.close();
    let mut fresh = gate.dialed().await;
    fresh.greets().await;
    lets_in_at_once(&mut fresh, &mut scene.waiter).await;
    for_the_second.expect_silence(seconds(1.0)).await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_names_one_client_is_not_used_for_another() {
    let gate = Gate::with(&backend(
        "proxy_protocol = true\ncapabilities = [\"PIPELINING\", \"USER\"]",
    ))
    .await;
    let mut holder = gate.asking("ann", "secret").await;
    let mut inside = gate.dialed().await;
    inside.expect(header([192, 0, 2, 1], 1)).await;
    inside.lets_in("ann", "secret").await;
    holder.expect("+OK ann, come in\r\n").await;
    let first = gate.waiter("ann", "secret").await;
    let mut for_the_first = gate.dialed().await;
    for_the_first.expect(header([192, 0, 2, 1], 2)).await;
    for_the_first.greets().await;
    let mut second = gate.visitor().from("192.0.2.9").greeted().await;
    second.asks_in("ann", "secret").await;
    gate.queued(&second).await;
    first.close();
    assert_eq!(gate.only_end_of("client 2").await.end(), End::LeftWaiting);
    holder.close();
    inside.close();
    let mut fresh = gate.dialed().await;
    fresh.expect(header([192, 0, 2, 9], 3)).await;
    fresh.lets_in("ann", "secret").await;
    second.expect("+OK ann, come in\r\n").await;
    for_the_first.expect_eof().await;
}

/// The PROXY protocol, version 2, for a TCP connection of this client to the backend.
fn header(client: [u8; 4], port: u8) -> Vec<u8> {
    let signature: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c";
    [signature, &client, &[10, 0, 0, 5], &[0, port, 0, 110]].concat()
}

#[tokio::test(start_paused = true)]
async fn a_connection_made_ahead_gives_way_to_a_login_over_the_limit() {
    let gate = Gate::with(&backend("connections = 2")).await;
    gate.prove("ann", "secret").await;
    let (_holder, _inside) = gate.log_in("ann", "secret").await;
    let _waiter = gate.asking("ann", "secret").await;
    let mut ahead = gate.dialed().await;
    ahead.greets().await;
    let mut bob = gate.asking("bob", "hidden").await;
    ahead.expect_eof().await;
    gate.dialed().await.lets_in("bob", "hidden").await;
    bob.expect("+OK bob, come in\r\n").await;
}
