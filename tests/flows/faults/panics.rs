//! A panic in each phase.

use super::bomb::Bomb;
use super::{Bystander, ann_gets_in, lock_goes_on, scene_goes_on, waiter_leaves};
use crate::support::{Gate, Scene, Wire, seconds};
use popgate::observe::event::{Culprit, End, Event, LockEvent, LockOutcome};
use popgate::pop3::reply::ReplyTo;
use std::sync::Arc;
use std::sync::atomic::Ordering;

const SETTINGS: &str = "[defaults]\ncleartext = \"always\"\n";

async fn mined() -> (Gate, Arc<Bomb>, Bystander) {
    let bomb = Bomb::new();
    let gate = Gate::heard_by(bomb.clone(), SETTINGS).await;
    let bystander = Bystander::of(&gate).await;
    (gate, bomb, bystander)
}

/// This client's session ended in a panic, told once as such.
async fn panicked(gate: &Gate, client: &str) {
    let summary = gate.only_end_of(client).await;
    assert_eq!(summary.end(), End::Panicked);
    assert_eq!(summary.culprit(), Some(Culprit::Proxy));
    let number = summary.session;
    let told = |event: &Event| matches!(event, Event::Panicked { session } if *session == number);
    assert_eq!(gate.events.count(told), 1);
}

fn answers_to(command: ReplyTo) -> impl Fn(&Event) -> bool + Send {
    move |event| matches!(event, Event::BackendReplied { to, .. } if *to == command)
}

fn is_outcome(wanted: LockOutcome) -> impl Fn(&Event) -> bool + Send {
    move |event| matches!(event, Event::Lock(LockEvent::Outcome { outcome, .. }) if *outcome == wanted)
}

#[tokio::test(start_paused = true)]
async fn at_the_first_word() {
    let (gate, bomb, bystander) = mined().await;
    bomb.arm(|event| matches!(event, Event::SessionOpened { .. }));
    let mut ann = gate.client();
    ann.expect_eof().await;
    panicked(&gate, "client 2").await;
    ann_gets_in(&gate).await;
    bystander.ends_it(&gate).await;
}

#[tokio::test(start_paused = true)]
async fn while_it_reads_a_command_before_login() {
    let (gate, _, bystander) = mined().await;
    let mut ann = gate.greeted().await;
    ann.socket.panics_at_read.store(true, Ordering::Relaxed);
    ann.send("USER ann\r\n").await;
    ann.expect_eof().await;
    panicked(&gate, "client 2").await;
    ann_gets_in(&gate).await;
    bystander.ends_it(&gate).await;
}

#[tokio::test(start_paused = true)]
async fn when_it_knows_whose_login_it_is() {
    let (gate, bomb, bystander) = mined().await;
    bomb.arm(|event| matches!(event, Event::TenantKnown { .. }));
    let mut ann = gate.asking("ann", "secret").await;
    ann.expect_eof().await;
    panicked(&gate, "client 2").await;
    ann_gets_in(&gate).await;
    bystander.ends_it(&gate).await;
}

#[tokio::test(start_paused = true)]
async fn when_it_gets_the_lock_at_once() {
    let (gate, bomb, bystander) = mined().await;
    bomb.arm(is_outcome(LockOutcome::Immediate));
    let mut ann = gate.asking("ann", "secret").await;
    ann.expect_eof().await;
    panicked(&gate, "client 2").await;
    ann_gets_in(&gate).await;
    bystander.ends_it(&gate).await;
}

#[tokio::test(start_paused = true)]
async fn when_it_is_queued() {
    let (gate, bomb, bystander) = mined().await;
    let mut scene = Scene::of(&gate).await;
    bomb.arm(|event| matches!(event, Event::Lock(LockEvent::Queued { .. })));
    let mut late = gate.asking("ann", "secret").await;
    late.expect_eof().await;
    panicked(&gate, "client 5").await;
    scene.holder.close();
    lock_goes_on(scene.inside, &mut scene.spare, &mut scene.waiter).await;
    waiter_leaves(&gate, (scene.waiter, scene.spare), "client 4").await;
    bystander.ends_it(&gate).await;
}

#[tokio::test(start_paused = true)]
async fn while_it_waits() {
    let (gate, _, bystander) = mined().await;
    let scene = Scene::of(&gate).await;
    let mut late = gate.waiter("ann", "secret").await;
    late.socket.panics_at_read.store(true, Ordering::Relaxed);
    late.send("NOOP\r\n").await;
    late.expect_eof().await;
    panicked(&gate, "client 5").await;
    let Scene {
        holder,
        inside,
        mut waiter,
        mut spare,
    } = scene;
    holder.close();
    lock_goes_on(inside, &mut spare, &mut waiter).await;
    waiter_leaves(&gate, (waiter, spare), "client 4").await;
    bystander.ends_it(&gate).await;
}

#[tokio::test(start_paused = true)]
async fn while_it_connects_ahead() {
    let (gate, _, bystander) = mined().await;
    gate.prove("ann", "secret").await;
    let (holder, inside) = gate.log_in("ann", "secret").await;
    gate.dialing_panics();
    let mut head = gate.asking("ann", "secret").await;
    head.expect_eof().await;
    panicked(&gate, "client 4").await;
    let mut waiter = gate.waiter("ann", "secret").await;
    let mut spare = gate.dialed().await;
    spare.greets().await;
    holder.close();
    lock_goes_on(inside, &mut spare, &mut waiter).await;
    waiter_leaves(&gate, (waiter, spare), "client 5").await;
    bystander.ends_it(&gate).await;
}

/// Of two waiters the first gets the lock and panics: the second gets in.
async fn first_of_two_panics(gate: &Gate, scene: Scene, arm: impl FnOnce(&Scene)) {
    let mut second = gate.waiter("ann", "secret").await;
    arm(&scene);
    let Scene {
        holder,
        mut inside,
        mut waiter,
        spare,
    } = scene;
    holder.close();
    inside.expect_eof().await;
    inside.close();
    waiter.expect_eof().await;
    panicked(gate, "client 4").await;
    let taken = spare;
    second_gets_in(gate, taken, &mut second).await;
}

/// Over the connection that the first did not use, or over a fresh one when that has ended.
async fn second_gets_in(gate: &Gate, mut taken: Wire, second: &mut Wire) {
    let mut fresh = if gate.dials() > 4 {
        taken.expect("USER ann\r\nPASS secret\r\n").await;
        let mut fresh = gate.dialed().await;
        fresh.greets().await;
        taken.expect_eof().await;
        fresh.expect_silence(seconds(1.0)).await;
        taken.close();
        fresh
    } else {
        taken
    };
    crate::support::lets_in_at_once(&mut fresh, second).await;
    fresh.close();
    second.expect_eof().await;
}

#[tokio::test(start_paused = true)]
async fn when_its_turn_comes() {
    let (gate, bomb, bystander) = mined().await;
    let scene = Scene::of(&gate).await;
    first_of_two_panics(&gate, scene, |_| bomb.arm(is_outcome(LockOutcome::Waited))).await;
    assert!(bomb.went_off());
    bystander.ends_it(&gate).await;
}

#[tokio::test(start_paused = true)]
async fn when_it_has_written_the_password() {
    let (gate, bomb, bystander) = mined().await;
    let scene = Scene::of(&gate).await;
    first_of_two_panics(&gate, scene, |_| {
        bomb.arm(|event| matches!(event, Event::Lock(LockEvent::HandedOver { .. })));
    })
    .await;
    assert!(bomb.went_off());
    bystander.ends_it(&gate).await;
}

#[tokio::test(start_paused = true)]
async fn while_it_dials() {
    let (gate, _, bystander) = mined().await;
    gate.dialing_panics();
    let mut ann = gate.asking("ann", "secret").await;
    ann.expect_eof().await;
    panicked(&gate, "client 2").await;
    ann_gets_in(&gate).await;
    bystander.ends_it(&gate).await;
}

/// Ann's backend has heard her password, and another login of hers waits.
async fn logging_in(gate: &Gate) -> (Wire, Wire, Wire, Wire) {
    gate.prove("ann", "secret").await;
    let ann = gate.asking("ann", "secret").await;
    let mut inside = gate.dialed().await;
    inside.greets().await;
    inside.expect("USER ann\r\nPASS secret\r\n").await;
    let waiter = gate.waiter("ann", "secret").await;
    let mut spare = gate.dialed().await;
    spare.greets().await;
    (ann, inside, waiter, spare)
}

#[tokio::test(start_paused = true)]
async fn while_it_reads_the_answer_to_the_password() {
    let (gate, _, bystander) = mined().await;
    let (mut ann, mut inside, mut waiter, mut spare) = logging_in(&gate).await;
    inside.socket.panics_at_read.store(true, Ordering::Relaxed);
    inside.send("+OK\r\n+OK in\r\n").await;
    ann.expect_eof().await;
    panicked(&gate, "client 3").await;
    lock_goes_on(inside, &mut spare, &mut waiter).await;
    waiter_leaves(&gate, (waiter, spare), "client 4").await;
    bystander.ends_it(&gate).await;
}

#[tokio::test(start_paused = true)]
async fn when_the_password_is_answered() {
    for answer in ["+OK in", "-ERR [AUTH] no", "-ERR [IN-USE] locked"] {
        let (gate, bomb, bystander) = mined().await;
        let (mut ann, mut inside, mut waiter, mut spare) = logging_in(&gate).await;
        bomb.arm(answers_to(ReplyTo::Pass));
        inside.send(format!("+OK\r\n{answer}\r\n")).await;
        ann.expect_eof().await;
        panicked(&gate, "client 3").await;
        lock_goes_on(inside, &mut spare, &mut waiter).await;
        waiter_leaves(&gate, (waiter, spare), "client 4").await;
        bystander.ends_it(&gate).await;
    }
}

#[tokio::test(start_paused = true)]
async fn while_it_tells_of_a_wrong_password() {
    let (gate, bomb, bystander) = mined().await;
    let mut ann = gate.asking("ann", "wrong").await;
    let mut inside = gate.dialed().await;
    inside.greets().await;
    inside.expect("USER ann\r\nPASS wrong\r\n").await;
    bomb.arm(|event| matches!(event, Event::AuthFailed { .. }));
    inside.send("+OK\r\n-ERR [AUTH] no\r\n").await;
    ann.expect_eof().await;
    panicked(&gate, "client 2").await;
    inside.expect_eof().await;
    inside.close();
    gate.released(1).await;
    ann_gets_in(&gate).await;
    bystander.ends_it(&gate).await;
}

#[tokio::test(start_paused = true)]
async fn while_it_relays_from_the_client() {
    let (gate, _, bystander) = mined().await;
    let mut scene = Scene::of(&gate).await;
    let socket = &scene.holder.socket;
    socket.panics_at_read.store(true, Ordering::Relaxed);
    scene.holder.send("STAT\r\n").await;
    scene.holder.expect_eof().await;
    panicked(&gate, "client 3").await;
    scene_goes_on(&gate, scene).await;
    bystander.ends_it(&gate).await;
}

#[tokio::test(start_paused = true)]
async fn while_it_relays_to_the_backend() {
    let (gate, _, bystander) = mined().await;
    let mut scene = Scene::of(&gate).await;
    let socket = &scene.inside.socket;
    socket.panics_at_write.store(true, Ordering::Relaxed);
    scene.holder.send("DELE 1\r\nQUIT\r\n").await;
    scene.holder.expect_eof().await;
    panicked(&gate, "client 3").await;
    scene_goes_on(&gate, scene).await;
    bystander.ends_it(&gate).await;
}

#[tokio::test(start_paused = true)]
async fn while_it_relays_from_the_backend() {
    let (gate, _, bystander) = mined().await;
    let mut scene = Scene::of(&gate).await;
    scene.holder.send("RETR 1\r\n").await;
    scene.inside.expect("RETR 1\r\n").await;
    let socket = &scene.inside.socket;
    socket.panics_at_read.store(true, Ordering::Relaxed);
    scene.inside.send("+OK\r\nhalf of").await;
    scene.holder.expect_eof().await;
    panicked(&gate, "client 3").await;
    scene_goes_on(&gate, scene).await;
    bystander.ends_it(&gate).await;
}

#[tokio::test(start_paused = true)]
async fn while_it_relays_to_the_client() {
    let (gate, _, bystander) = mined().await;
    let mut scene = Scene::of(&gate).await;
    scene.holder.send("RETR 1\r\n").await;
    scene.inside.expect("RETR 1\r\n").await;
    let socket = &scene.holder.socket;
    socket.panics_at_write.store(true, Ordering::Relaxed);
    scene.inside.send("+OK\r\nhalf of").await;
    scene.holder.expect_eof().await;
    panicked(&gate, "client 3").await;
    scene_goes_on(&gate, scene).await;
    bystander.ends_it(&gate).await;
}

#[tokio::test(start_paused = true)]
async fn when_a_command_is_answered() {
    let (gate, bomb, bystander) = mined().await;
    let mut scene = Scene::of(&gate).await;
    bomb.arm(answers_to(ReplyTo::Stat));
    scene.holder.send("STAT\r\n").await;
    scene.inside.expect("STAT\r\n").await;
    scene.inside.send("-ERR no\r\n").await;
    scene.holder.expect("-ERR no\r\n").await;
    scene.holder.expect_eof().await;
    panicked(&gate, "client 3").await;
    scene_goes_on(&gate, scene).await;
    bystander.ends_it(&gate).await;
}

#[tokio::test(start_paused = true)]
async fn while_it_pre_empts() {
    let (gate, bomb, bystander) = mined().await;
    let mut scene = Scene::of(&gate).await;
    bomb.arm(|event| matches!(event, Event::Preempted { .. }));
    scene.holder.expect_eof().await;
    panicked(&gate, "client 3").await;
    scene_goes_on(&gate, scene).await;
    bystander.ends_it(&gate).await;
}

#[tokio::test(start_paused = true)]
async fn when_it_tells_what_it_has_relayed() {
    let (gate, bomb, bystander) = mined().await;
    let scene = Scene::of(&gate).await;
    bomb.arm(|event| matches!(event, Event::Relayed { .. }));
    let Scene {
        holder,
        inside,
        mut waiter,
        mut spare,
    } = scene;
    holder.close();
    panicked(&gate, "client 3").await;
    lock_goes_on(inside, &mut spare, &mut waiter).await;
    waiter_leaves(&gate, (waiter, spare), "client 4").await;
    bystander.ends_it(&gate).await;
}

#[tokio::test(start_paused = true)]
async fn when_the_lock_is_given_back_the_next_one_has_it() {
    let (gate, bomb, bystander) = mined().await;
    let scene = Scene::of(&gate).await;
    bomb.arm(|event| matches!(event, Event::Lock(LockEvent::Released { .. })));
    let Scene {
        holder,
        inside,
        mut waiter,
        mut spare,
    } = scene;
    holder.close();
    lock_goes_on(inside, &mut spare, &mut waiter).await;
    assert!(bomb.went_off());
    assert_eq!(gate.only_end_of("client 3").await.end(), End::Left);
    waiter_leaves(&gate, (waiter, spare), "client 4").await;
    bystander.ends_it(&gate).await;
}
