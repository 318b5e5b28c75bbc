//! Tenants and backends that an operator has paused: logins wait, sessions go on.

use crate::blocks::{OTHER, STRANGER, blocked_for_a_minute, blocking, reaches};
use crate::support::{Gate, Scene, Wire, assert_took, lets_in_at_once, seconds};
use popgate::backend::route::{Route, Unconnected};
use popgate::gate::{Kick, Phase, Stage};
use popgate::ids::{BackendName, TenantName};
use popgate::observe::event::{Culprit, End, EndCause, Event, LockEvent, LockOutcome};
use popgate::policy::pause::PauseSubject;
use popgate::time::Instant;
use std::collections::BTreeSet;

const PAUSED: &str =
    "-ERR [SYS/TEMP] Mailbox is paused for maintenance, please wait and try again\r\n";

fn tenant() -> PauseSubject {
    PauseSubject::Tenant(TenantName::new("default"))
}

fn backend(name: &str) -> PauseSubject {
    PauseSubject::Backend(BackendName::new(name))
}

async fn is_let_in(gate: &Gate, mut client: Wire) -> (Wire, Wire) {
    let mut inside = gate.dialed().await;
    inside.lets_in("ann", "secret").await;
    client.expect("+OK ann, come in\r\n").await;
    (client, inside)
}

/// Two logins of ann's, the first of which holds the lock; nothing of them is at the backend.
async fn two_held(gate: &Gate) -> (Wire, Wire) {
    let mut first = gate.asking("ann", "secret").await;
    first.expect_silence(seconds(1.0)).await;
    let second = gate.waiter("ann", "secret").await;
    (first, second)
}

#[tokio::test(start_paused = true)]
async fn logins_wait_in_their_order_and_go_on_at_once_when_they_are_resumed() {
    for subject in [tenant(), backend("legacy")] {
        let gate = Gate::classic().await;
        assert!(gate.cx.pause(&subject));
        let (mut first, second) = two_held(&gate).await;
        first.expect_silence(seconds(15.0)).await;
        assert_eq!(gate.dials(), 0, "{subject}");
        let resumed = Instant::now();
        assert!(gate.cx.resume(&subject));
        let (first, inside) = is_let_in(&gate, first).await;
        assert_took(resumed, 0.0..=0.0);
        first.close();
        inside.close();
        is_let_in(&gate, second).await;
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_too_long_is_told_so_and_not_asked_for_a_password() {
    let gate = Gate::classic().await;
    gate.cx.pause(&backend("legacy"));
    let start = Instant::now();
    let (mut first, mut second) = two_held(&gate).await;
    first.expect(PAUSED).await;
    assert_took(start, 22.0..=22.0);
    second.expect(PAUSED).await;
    assert_took(start, 23.0..=23.0);
    for (client, name) in [(first, "client 1"), (second, "client 2")] {
        client.close();
        let summary = gate.only_end_of(name).await;
        assert_eq!(summary.cause, EndCause::Paused, "{name}");
        assert_eq!(summary.end(), End::RefusedWhilePaused);
        assert_eq!(summary.culprit(), Some(Culprit::Policy));
        assert_eq!(summary.backend, None);
    }
    gate.released(2).await;
    assert_eq!((gate.dials(), gate.cx.locks.in_use()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_or_is_kicked_gives_its_lock_to_the_next() {
    let gate = Gate::classic().await;
    gate.cx.pause(&tenant());
    let (first, mut second) = two_held(&gate).await;
    let held = gate.cx.sessions.view(gate.session(&first).await);
    assert_eq!(held.expect("it is open").phase, Phase::Waiting);
    first.close();
    assert_eq!(gate.only_end_of("client 1").await.end(), End::LeftWaiting);
    gate.released(1).await;
    second.expect_silence(seconds(1.0)).await;
    let id = gate.session(&second).await;
    let reason = Some("a phone".into());
    assert_eq!(gate.cx.sessions.kick(id, reason.clone()), Kick::Kicked);
    second.expect_eof().await;
    second.close();
    let cause = gate.only_end_of("client 2").await.cause;
    assert_eq!(cause, EndCause::Kicked { reason });
    gate.released(2).await;
    assert_eq!((gate.dials(), gate.cx.locks.in_use()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_reload_changes_how_long_a_paused_login_waits() {
    let gate = Gate::classic().await;
    gate.cx.pause(&tenant());
    let start = Instant::now();
    let mut ann = gate.asking("ann", "secret").await;
    ann.expect_silence(seconds(20.0)).await;
    gate.reload("[defaults]\ncleartext = \"always\"\nwait = \"45s\"\n");
    ann.expect(PAUSED).await;
    assert_took(start, 42.0..=42.0);
}

#[tokio::test(start_paused = true)]
async fn a_gate_that_drains_keeps_paused_logins_until_it_closes() {
    let gate = Gate::classic().await;
    gate.cx.pause(&tenant());
    let (mut first, mut second) = two_held(&gate).await;
    gate.stage.send_replace(Stage::Draining);
    first.expect_silence(seconds(5.0)).await;
    gate.stage.send_replace(Stage::Closing);
    first.expect_eof().await;
    second.expect_eof().await;
    assert_eq!(gate.only_end_of("client 1").await.end(), End::Shutdown);
    assert_eq!(gate.dials(), 0);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_pre_empted_and_nothing_is_opened_for_a_paused_waiter() {
    for subject in [tenant(), backend("legacy")] {
        let gate = Gate::classic().await;
        let mut scene = Scene::of(&gate).await;
        gate.cx.pause(&subject);
        scene.spare.expect_eof().await;
        let dials = gate.dials();
        scene.holder.expect_silence(seconds(20.0)).await;
        assert_eq!(gate.dials(), dials, "{subject}");
        let resumed = Instant::now();
        gate.cx.resume(&subject);
        let mut spare = gate.dialed().await;
        spare.greets().await;
        scene.holder.expect_eof().await;
        assert_took(resumed, 0.0..=1.0);
        scene.inside.expect_eof().await;
        scene.inside.close();
        lets_in_at_once(&mut spare, &mut scene.waiter).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_open_session_goes_on() {
    let gate = Gate::classic().await;
    let (mut ann, mut inside) = gate.log_in("ann", "secret").await;
    gate.cx.pause(&backend("legacy"));
    ann.send("QUIT\r\n").await;
    inside.expect("QUIT\r\n").await;
    inside.send("+OK bye\r\n").await;
    ann.expect("+OK bye\r\n").await;
    assert_eq!(gate.only_end_of("client 1").await.end(), End::Quit);
}

#[tokio::test(start_paused = true)]
async fn a_retry_waits_too() {
    let gate = Gate::classic().await;
    let ann = gate.asking("ann", "secret").await;
    let mut inside = gate.dialed().await;
    inside
        .answers_login("ann", "secret", "-ERR [IN-USE] locked")
        .await;
    inside.expect_eof().await;
    inside.close();
    gate.cx.pause(&backend("legacy"));
    tokio::time::sleep(seconds(10.0)).await;
    assert_eq!(gate.dials(), 1);
    let resumed = Instant::now();
    gate.cx.resume(&backend("legacy"));
    is_let_in(&gate, ann).await;
    assert_took(resumed, 0.0..=0.0);
}

#[tokio::test(start_paused = true)]
async fn a_login_whose_greeting_is_awaited_is_not_given_to_a_backend_that_is_paused_meanwhile() {
    let gate = Gate::classic().await;
    let ann = gate.asking("ann", "secret").await;
    let mut silent = gate.dialed().await;
    gate.cx.pause(&backend("legacy"));
    silent.expect_eof().await;
    tokio::time::sleep(seconds(10.0)).await;
    gate.cx.resume(&backend("legacy"));
    is_let_in(&gate, ann).await;
}

/// `first` and `second`, in this order.
const BOTH: &str = "[defaults]\nbackends = [\"first\", \"second\"]\ncleartext = \"always\"\n\
    [[backend]]\nname = \"first\"\naddress = \"10.0.0.5:110\"\npreconnect = false\n\
    [[backend]]\nname = \"second\"\naddress = \"10.0.0.6:110\"\npreconnect = false\n";

async fn enters_at(gate: &Gate, backend: &str, mut client: Wire) -> (Wire, Wire) {
    let mut inside = gate.dialed_at(backend).await;
    inside.lets_in("ann", "secret").await;
    client.expect("+OK ann, come in\r\n").await;
    (client, inside)
}

async fn goes_down(gate: &Gate, backend: &str) {
    gate.cut_off(backend);
    gate.look(backend, &[]).await;
}

#[tokio::test(start_paused = true)]
async fn the_next_backend_does_not_take_what_a_paused_one_has_also_where_that_is_down() {
    let gate = Gate::with(BOTH).await;
    gate.cx.pause(&backend("first"));
    let mut ann = gate.asking("ann", "secret").await;
    ann.expect_silence(seconds(5.0)).await;
    goes_down(&gate, "first").await;
    // Longer than until it looks again where it would go.
    ann.expect_silence(seconds(12.0)).await;
    // What it is up to is its own: nobody is sent away for it.
    gate.greeted().await;
    gate.restore("first");
    gate.look("first", &["USER", "PIPELINING"]).await;
    let resumed = Instant::now();
    gate.cx.resume(&backend("first"));
    enters_at(&gate, "first", ann).await;
    // Else it had gone to the second one, and came back from there.
    assert_took(resumed, 0.0..=0.0);
}

#[tokio::test(start_paused = true)]
async fn a_paused_backend_holds_nobody_whose_maildrop_is_elsewhere() {
    let gate = Gate::with(BOTH).await;
    goes_down(&gate, "first").await;
    let ann = gate.asking("ann", "secret").await;
    let (ann, inside) = enters_at(&gate, "second", ann).await;
    gate.restore("first");
    gate.look("first", &["USER", "PIPELINING"]).await;
    gate.cx.pause(&backend("first"));
    let next = gate.waiter("ann", "secret").await;
    ann.close();
    inside.close();
    enters_at(&gate, "second", next).await;
}

#[tokio::test(start_paused = true)]
async fn a_gate_whose_only_backend_is_paused_and_down_greets() {
    let gate = Gate::classic().await;
    gate.cx.pause(&backend("legacy"));
    goes_down(&gate, "legacy").await;
    let ann = gate.asking("ann", "secret").await;
    gate.restore("legacy");
    gate.look("legacy", &["USER", "PIPELINING"]).await;
    gate.cx.resume(&backend("legacy"));
    is_let_in(&gate, ann).await;
    goes_down(&gate, "legacy").await;
    gate.client()
        .expect("-ERR [SYS/TEMP] Mail server not reachable, please wait and try again\r\n")
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_spent_while_paused_gives_the_trial_login_under_a_block_back() {
    let gate = blocked_for_a_minute().await;
    gate.cx.pause(&tenant());
    let mut trial = gate.visitor().from(STRANGER).asking("ann", "guess").await;
    trial.expect(PAUSED).await;
    gate.cx.resume(&tenant());
    assert!(reaches(&gate, STRANGER, "ann", "another").await);
}

#[tokio::test(start_paused = true)]
async fn strangers_that_give_up_in_a_pause_are_not_blocked() {
    let gate = Gate::strict(&blocking("")).await;
    gate.cx.pause(&tenant());
    // They hold the lock themselves, and then wait behind another that does.
    leave(&gate, 6).await;
    let mut first = gate.visitor().from(OTHER).asking("ann", "guess").await;
    first.expect_silence(seconds(1.0)).await;
    leave(&gate, 6).await;
    let blocks = |event: &Event| matches!(event, Event::BlockChanged(_));
    assert_eq!(gate.events.count(blocks), 0);
}

async fn leave(gate: &Gate, times: usize) {
    let ended = |event: &Event| matches!(event, Event::SessionEnded(_));
    for _ in 0..times {
        let mut client = gate.visitor().from(STRANGER).asking("ann", "guess").await;
        client.expect_silence(seconds(1.0)).await;
        let before = gate.events.count(ended);
        client.close();
        gate.told_nth(before, ended).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_route_whose_first_backend_is_paused_is_not_busy() {
    let gate = Gate::classic().await;
    let paused = BTreeSet::from([BackendName::new("legacy")]);
    let route = Route::new(vec![gate.backend("legacy")], None).with_paused(&paused);
    let client = "192.0.2.1:9".parse().expect("an address");
    let connected = route.connect(client, Instant::now(), |_| {}).await;
    assert!(matches!(connected, Err(Unconnected::Paused)));
}

#[tokio::test(start_paused = true)]
async fn a_connection_whose_wait_was_spent_in_a_pause_may_log_in_when_that_is_over() {
    let gate = Gate::classic().await;
    gate.cx.pause(&tenant());
    let mut ann = gate.asking("ann", "secret").await;
    ann.expect(PAUSED).await;
    ann.send("USER ann\r\n").await;
    ann.expect_prefix("+OK").await;
    ann.send("PASS secret\r\n").await;
    ann.expect(PAUSED).await;
    gate.cx.resume(&tenant());
    ann.send("USER ann\r\n").await;
    ann.expect_prefix("+OK").await;
    ann.send("PASS secret\r\n").await;
    is_let_in(&gate, ann).await;
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_is_told_the_pause_that_fills_it() {
    let gate = Gate::with("[defaults]\ncleartext = \"always\"\nqueue = 1\n").await;
    gate.cx.pause(&tenant());
    let (_first, _second) = two_held(&gate).await;
    gate.asking("ann", "secret").await.expect(PAUSED).await;
}

#[tokio::test(start_paused = true)]
async fn the_time_of_a_pause_is_waited_and_neither_held_nor_of_a_hand_over() {
    let gate = Gate::classic().await;
    let (ann, inside) = gate.log_in("ann", "secret").await;
    let next = gate.waiter("ann", "secret").await;
    let mut spare = gate.dialed().await;
    gate.cx.pause(&tenant());
    spare.expect_eof().await;
    ann.close();
    inside.close();
    tokio::time::sleep(seconds(10.0)).await;
    gate.cx.resume(&tenant());
    let (next, inside) = is_let_in(&gate, next).await;
    next.close();
    inside.close();
    let summary = gate.only_end_of("client 2").await;
    assert!(summary.waited >= seconds(10.0), "{summary:?}");
    assert!(summary.held < seconds(1.0), "{summary:?}");
    let handed_over = |event: &Event| matches!(event, Event::Lock(LockEvent::HandedOver { .. }));
    assert_eq!(gate.events.count(handed_over), 0);
}

#[tokio::test(start_paused = true)]
async fn a_wait_in_the_queue_that_is_spent_in_a_pause_is_no_timeout() {
    let gate = Gate::classic().await;
    let (_ann, _inside) = gate.log_in("ann", "secret").await;
    gate.cx.pause(&tenant());
    gate.waiter("ann", "secret").await.expect(PAUSED).await;
    let count = |which| gate.events.count(|event| is_outcome(event, which));
    assert_eq!(count(LockOutcome::Paused), 1);
    assert_eq!(count(LockOutcome::Timeout), 0);
}

fn is_outcome(event: &Event, which: LockOutcome) -> bool {
    matches!(event, Event::Lock(LockEvent::Outcome { outcome, .. }) if *outcome == which)
}
