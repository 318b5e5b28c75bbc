//! A task that is cancelled in each phase.

use super::{Bystander, ann_gets_in, lock_goes_on, scene_goes_on, waiter_leaves};
use crate::support::{Gate, Scene, Wire, lets_in_at_once, seconds};
use popgate::observe::event::End;

async fn scene() -> (Gate, Bystander) {
    let gate = Gate::classic().await;
    let bystander = Bystander::of(&gate).await;
    (gate, bystander)
}

/// Cancels this client's session, of which one end is told.
async fn cancel(gate: &Gate, client: &mut Wire) {
    gate.cancel(client);
    client.expect_eof().await;
    let end = gate.only_end_of(&client.name).await.end();
    assert_eq!(end, End::Shutdown);
}

#[tokio::test(start_paused = true)]
async fn before_login() {
    let (gate, bystander) = scene().await;
    let mut ann = gate.greeted().await;
    cancel(&gate, &mut ann).await;
    ann_gets_in(&gate).await;
    bystander.ends_it(&gate).await;
}

#[tokio::test(start_paused = true)]
async fn in_the_tls_handshake() {
    let (gate, bystander) = scene().await;
    let mut ann = gate.visitor().at("pop3s").connect();
    ann.expect_silence(seconds(1.0)).await;
    cancel(&gate, &mut ann).await;
    bystander.ends_it(&gate).await;
}

#[tokio::test(start_paused = true)]
async fn while_it_waits() {
    let (gate, bystander) = scene().await;
    let mut scene = Scene::of(&gate).await;
    let mut second = gate.waiter("ann", "secret").await;
    cancel(&gate, &mut scene.waiter).await;
    scene.holder.close();
    lock_goes_on(scene.inside, &mut scene.spare, &mut second).await;
    waiter_leaves(&gate, (second, scene.spare), "client 5").await;
    bystander.ends_it(&gate).await;
}

#[tokio::test(start_paused = true)]
async fn at_the_moment_its_turn_comes() {
    let (gate, bystander) = scene().await;
    let mut scene = Scene::of(&gate).await;
    let mut second = gate.waiter("ann", "secret").await;
    scene.holder.close();
    scene.inside.expect_eof().await;
    // The lock goes to the first waiter before its task runs again, which it never does.
    gate.cancel(&scene.waiter);
    scene.inside.close();
    lets_in_at_once(&mut scene.spare, &mut second).await;
    assert_eq!(gate.only_end_of("client 4").await.end(), End::Shutdown);
    waiter_leaves(&gate, (second, scene.spare), "client 5").await;
    bystander.ends_it(&gate).await;
}

#[tokio::test(start_paused = true)]
async fn while_it_connects_to_the_backend() {
    let (gate, bystander) = scene().await;
    let mut ann = gate.asking("ann", "secret").await;
    let mut silent = gate.dialed().await;
    cancel(&gate, &mut ann).await;
    silent.expect_eof().await;
    ann_gets_in(&gate).await;
    bystander.ends_it(&gate).await;
}

#[tokio::test(start_paused = true)]
async fn while_it_awaits_the_answer_to_the_password() {
    let (gate, bystander) = scene().await;
    gate.prove("ann", "secret").await;
    let mut ann = gate.asking("ann", "secret").await;
    let mut inside = gate.dialed().await;
    inside.greets().await;
    inside.expect("USER ann\r\nPASS secret\r\n").await;
    let mut waiter = gate.waiter("ann", "secret").await;
    let mut spare = gate.dialed().await;
    spare.greets().await;
    cancel(&gate, &mut ann).await;
    lock_goes_on(inside, &mut spare, &mut waiter).await;
    waiter_leaves(&gate, (waiter, spare), "client 4").await;
    bystander.ends_it(&gate).await;
}

#[tokio::test(start_paused = true)]
async fn while_it_awaits_the_end_of_a_refused_login() {
    let (gate, bystander) = scene().await;
    gate.prove("ann", "secret").await;
    let mut ann = gate.asking("ann", "secret").await;
    let mut inside = gate.dialed().await;
    inside.greets().await;
    inside.expect("USER ann\r\nPASS secret\r\n").await;
    let mut waiter = gate.waiter("ann", "secret").await;
    let mut spare = gate.dialed().await;
    spare.greets().await;
    inside.send("+OK\r\n-ERR [IN-USE] locked\r\n").await;
    inside.expect_eof().await;
    cancel(&gate, &mut ann).await;
    spare.expect_silence(seconds(1.5)).await;
    inside.close();
    lets_in_at_once(&mut spare, &mut waiter).await;
    waiter_leaves(&gate, (waiter, spare), "client 4").await;
    bystander.ends_it(&gate).await;
}

#[tokio::test(start_paused = true)]
async fn in_mid_reply() {
    let (gate, bystander) = scene().await;
    let mut scene = Scene::of(&gate).await;
    scene.holder.send("RETR 1\r\n").await;
    scene.inside.expect("RETR 1\r\n").await;
    scene.inside.send("+OK\r\nhalf of").await;
    scene.holder.expect("+OK\r\nhalf of").await;
    cancel(&gate, &mut scene.holder).await;
    scene_goes_on(&gate, scene).await;
    bystander.ends_it(&gate).await;
}

#[tokio::test(start_paused = true)]
async fn between_commands() {
    let (gate, bystander) = scene().await;
    let mut scene = Scene::of(&gate).await;
    scene.holder.expect_silence(seconds(3.0)).await;
    cancel(&gate, &mut scene.holder).await;
    scene_goes_on(&gate, scene).await;
    bystander.ends_it(&gate).await;
}

#[tokio::test(start_paused = true)]
async fn behind_quit() {
    let (gate, bystander) = scene().await;
    let mut scene = Scene::of(&gate).await;
    scene.holder.send("QUIT\r\n").await;
    scene.inside.expect("QUIT\r\n").await;
    cancel(&gate, &mut scene.holder).await;
    scene.inside.expect_eof().await;
    scene.spare.expect_silence(seconds(1.5)).await;
    scene.inside.close();
    lets_in_at_once(&mut scene.spare, &mut scene.waiter).await;
    waiter_leaves(&gate, (scene.waiter, scene.spare), "client 4").await;
    bystander.ends_it(&gate).await;
}
