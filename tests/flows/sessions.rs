//! Open sessions as an operator sees them, and how he ends one: wherever it waits, but never after
//! its client has sent QUIT.

use crate::support::{Gate, Scene, Wire, lets_in_at_once, seconds};
use popgate::gate::{Kick, Phase, SessionView};
use popgate::observe::event::{End, EndCause, Event, LockEvent, LockOutcome};
use popgate::pop3::keyword::Keyword;
use std::sync::atomic::Ordering;

/// What is seen of this client's session.
async fn view(gate: &Gate, client: &Wire) -> SessionView {
    let id = gate.session(client).await;
    gate.cx.sessions.view(id).expect("an open session")
}

async fn phase(gate: &Gate, client: &Wire) -> Phase {
    view(gate, client).await.phase
}

async fn kick(gate: &Gate, client: &Wire) -> Kick {
    gate.cx.sessions.kick(gate.session(client).await, None)
}

/// Kicks this client's session, which ends at once; then nobody sees or kicks it.
async fn kick_ends(gate: &Gate, mut client: Wire) {
    assert_eq!(kick(gate, &client).await, Kick::Kicked);
    client.expect_eof().await;
    let name = client.name.clone();
    is_gone(gate, client).await;
    let summary = gate.only_end_of(&name).await;
    assert_eq!(
        (summary.cause.end(), summary.deleted),
        (End::Kicked, 0),
        "{name}"
    );
}

/// Nobody sees or kicks this client's session, as soon as it has closed, too.
async fn is_gone(gate: &Gate, client: Wire) {
    let id = gate.session(&client).await;
    let name = client.name.clone();
    client.close();
    gate.end_of(&name).await;
    tokio::task::yield_now().await;
    assert!(gate.cx.sessions.view(id).is_none(), "{name}");
    assert_eq!(gate.cx.sessions.kick(id, None), Kick::NoSuchSession);
}

fn outcomes(gate: &Gate, which: LockOutcome) -> usize {
    gate.events
        .count(|event| matches!(event, Event::Lock(LockEvent::Outcome { outcome, .. }) if *outcome == which))
}

#[tokio::test(start_paused = true)]
async fn a_session_is_seen_in_each_phase() {
    let gate = Gate::classic().await;
    let mut shaking = gate.visitor().at("pop3s").connect();
    shaking.expect_silence(seconds(1.0)).await;
    assert_eq!(phase(&gate, &shaking).await, Phase::Greeting);
    let mut ann = gate.greeted().await;
    let greeted = view(&gate, &ann).await;
    assert_eq!(greeted.phase, Phase::Authorization);
    assert_eq!((greeted.last_command, greeted.login), (None, None));
    assert_eq!(
        (greeted.client, greeted.listener.as_str()),
        (ann.address, "pop3")
    );
    assert_eq!(greeted.opened.wall.as_second(), 1);
    ann.asks_in("ann", "secret").await;
    let mut inside = gate.dialed().await;
    inside.greets().await;
    inside.expect("USER ann\r\nPASS secret\r\n").await;
    assert_eq!(phase(&gate, &ann).await, Phase::LoggingIn);
    let waiter = gate.waiter("ann", "secret").await;
    let waiting = view(&gate, &waiter).await;
    assert_eq!(waiting.phase, Phase::Waiting);
    assert_eq!(waiting.last_command, Some(Keyword::Pass));
    let login = waiting.login.expect("its login");
    assert_eq!(
        (login.tenant.as_str(), login.maildrop.as_bytes()),
        ("default", &b"ann"[..])
    );
    assert_eq!(login.backend, None);
    inside.send("+OK and now?\r\n+OK in\r\n").await;
    ann.expect("+OK in\r\n").await;
    ann.send("RETR 1\r\n").await;
    inside.expect("RETR 1\r\n").await;
    inside.send("+OK\r\nmail\r\n.\r\n").await;
    ann.expect("+OK\r\nmail\r\n.\r\n").await;
    let fetching = view(&gate, &ann).await;
    assert_eq!(fetching.phase, Phase::Transaction);
    assert_eq!(fetching.last_command, Some(Keyword::Retr));
    assert_eq!(
        (
            fetching.retrieved,
            fetching.bytes_to_client,
            fetching.bytes_to_backend
        ),
        (1, 22, 8)
    );
    let backend = fetching.login.and_then(|login| login.backend);
    assert_eq!(backend.expect("its backend").as_str(), "legacy");
    ann.send("QUIT\r\n").await;
    inside.expect("QUIT\r\n").await;
    assert_eq!(phase(&gate, &ann).await, Phase::Update);
    inside.send("+OK bye\r\n").await;
    ann.expect("+OK bye\r\n").await;
    assert_eq!(phase(&gate, &ann).await, Phase::Closing);
    assert_eq!(kick(&gate, &ann).await, Kick::Ending);
    assert_eq!(gate.cx.sessions.views().len(), 3);
    is_gone(&gate, ann).await;
}

#[tokio::test(start_paused = true)]
async fn a_session_is_idle_since_something_moved_between_it_and_its_client() {
    let gate = Gate::classic().await;
    let idle = async |client: &Wire| view(&gate, client).await.active.elapsed().as_secs();
    let mut ann = gate.greeted().await;
    ann.expect_silence(seconds(7.0)).await;
    assert_eq!(idle(&ann).await, 7);
    ann.asks_in("ann", "secret").await;
    let mut inside = gate.dialed().await;
    assert_eq!(idle(&ann).await, 0);
    ann.expect_silence(seconds(3.0)).await;
    assert_eq!(idle(&ann).await, 3);
    inside.lets_in("ann", "secret").await;
    ann.expect("+OK ann, come in\r\n").await;
    ann.expect_silence(seconds(30.0)).await;
    assert_eq!(idle(&ann).await, 30);
    ann.send("NOOP\r\n").await;
    inside.expect("NOOP\r\n").await;
    assert_eq!(idle(&ann).await, 0);
    ann.expect_silence(seconds(5.0)).await;
    assert_eq!(idle(&ann).await, 5);
    inside.send("+OK\r\n").await;
    ann.expect("+OK\r\n").await;
    assert_eq!(idle(&ann).await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_has_its_last_words_is_ending_and_a_kick_does_not_hide_why() {
    let gate = Gate::classic().await;
    let mut quits = gate.greeted().await;
    quits.send("QUIT\r\n").await;
    quits.expect("+OK Goodbye\r\n").await;
    assert_eq!(kick(&gate, &quits).await, Kick::Ending);
    quits.close();
    assert_eq!(
        gate.end_of("client 1").await.cause,
        EndCause::QuitBeforeLogin
    );
    let mut ann = gate.asking("ann", "secret").await;
    let mut inside = gate.dialed().await;
    inside.greets().await;
    inside.expect("USER ann\r\nPASS secret\r\n").await;
    inside.close();
    // Nothing is answered, as the backend answers nothing.
    ann.expect_eof().await;
    assert_eq!(phase(&gate, &ann).await, Phase::Closing);
    assert_eq!(kick(&gate, &ann).await, Kick::Ending);
    ann.close();
    assert_eq!(gate.end_of("client 2").await.end(), End::ClosedAtPass);
}

#[tokio::test(start_paused = true)]
async fn before_its_login_a_session_is_kicked_at_once() {
    let gate = Gate::classic().await;
    let mut shaking = gate.visitor().at("pop3s").connect();
    shaking.expect_silence(seconds(1.0)).await;
    kick_ends(&gate, shaking).await;
    let mut named = gate.greeted().await;
    named.send("USER ann\r\n").await;
    named.expect("+OK Send PASS\r\n").await;
    kick_ends(&gate, named).await;
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_is_kicked_leaves_the_queue_and_nothing_of_it_reaches_the_backend() {
    let gate = Gate::classic().await;
    let mut scene = Scene::of(&gate).await;
    let mut second = gate.waiter("ann", "secret").await;
    kick_ends(&gate, scene.waiter).await;
    assert_eq!(outcomes(&gate, LockOutcome::Kicked), 1);
    assert_eq!(outcomes(&gate, LockOutcome::Shutdown), 0);
    scene.holder.close();
    scene.inside.expect_eof().await;
    scene.inside.close();
    lets_in_at_once(&mut scene.spare, &mut second).await;
}

#[tokio::test(start_paused = true)]
async fn a_login_that_is_held_is_kicked() {
    let gate = Gate::strict(
        "[defaults]\ncleartext = \"always\"\n\
         failures = { delay = \"20s\", max_delay = \"20s\", same_password = 0 }\n",
    )
    .await;
    let mut ann = gate.asking("ann", "wrong").await;
    let mut inside = gate.dialed().await;
    inside.answers_login("ann", "wrong", "-ERR [AUTH] no").await;
    ann.expect_silence(seconds(5.0)).await;
    assert_eq!(phase(&gate, &ann).await, Phase::Waiting);
    kick_ends(&gate, ann).await;
}

#[tokio::test(start_paused = true)]
async fn a_kick_while_it_logs_in_hands_the_lock_over_when_the_backend_has_let_go() {
    let gate = Gate::classic().await;
    gate.prove("ann", "secret").await;
    let ann = gate.asking("ann", "secret").await;
    let mut inside = gate.dialed().await;
    inside.greets().await;
    inside.expect("USER ann\r\nPASS secret\r\n").await;
    let mut waiter = gate.waiter("ann", "secret").await;
    let mut spare = gate.dialed().await;
    spare.greets().await;
    kick_ends(&gate, ann).await;
    inside.expect_eof().await;
    spare.expect_silence(seconds(1.5)).await;
    inside.close();
    lets_in_at_once(&mut spare, &mut waiter).await;
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_is_kicked_ends_without_quit_and_hands_the_lock_over() {
    let gate = Gate::classic().await;
    let mut scene = Scene::of(&gate).await;
    scene.holder.send("DELE 1\r\nRETR 2\r\n").await;
    scene.inside.expect("DELE 1\r\nRETR 2\r\n").await;
    scene.inside.send("+OK\r\n+OK\r\nhalf of").await;
    scene.holder.expect("+OK\r\n+OK\r\nhalf of").await;
    kick_ends(&gate, scene.holder).await;
    scene.inside.expect_eof().await;
    assert!(!scene.inside.heard().contains("QUIT"));
    scene.spare.expect_silence(seconds(1.5)).await;
    scene.inside.close();
    lets_in_at_once(&mut scene.spare, &mut scene.waiter).await;
    assert_eq!(gate.forced(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_idle_holder_is_kicked_though_nothing_moves() {
    let gate = Gate::classic().await;
    let (mut ann, mut inside) = gate.log_in("ann", "secret").await;
    ann.expect_silence(seconds(60.0)).await;
    kick_ends(&gate, ann).await;
    inside.expect_eof().await;
}

#[tokio::test(start_paused = true)]
async fn a_quit_that_comes_behind_a_kick_does_not_reach_the_backend() {
    let gate = Gate::classic().await;
    let (mut ann, mut inside) = gate.log_in("ann", "secret").await;
    ann.send("DELE 1\r\n").await;
    inside.expect("DELE 1\r\n").await;
    inside.send("+OK\r\n").await;
    ann.expect("+OK\r\n").await;
    // Both are there when the session's task runs next.
    let id = gate.session(&ann).await;
    let kicks = async { gate.cx.sessions.kick(id, None) };
    let (kick, ()) = tokio::join!(biased; kicks, ann.send("QUIT\r\n"));
    assert_eq!(kick, Kick::Kicked);
    inside.expect_eof().await;
    assert!(!inside.heard().contains("QUIT"), "{}", inside.heard());
    let summary = gate.only_end_of("client 1").await;
    assert_eq!((summary.cause.end(), summary.deleted), (End::Kicked, 0));
}

#[tokio::test(start_paused = true)]
async fn no_kick_ends_a_session_that_has_sent_quit() {
    let gate = Gate::classic().await;
    let mut scene = Scene::of(&gate).await;
    scene.holder.send("DELE 1\r\nQUIT\r\n").await;
    scene.inside.expect("DELE 1\r\nQUIT\r\n").await;
    assert_eq!(kick(&gate, &scene.holder).await, Kick::AfterQuit);
    scene.holder.expect_silence(seconds(5.0)).await;
    scene.inside.send("+OK\r\n+OK bye\r\n").await;
    scene.holder.expect("+OK\r\n+OK bye\r\n").await;
    scene.inside.close();
    scene.holder.close();
    lets_in_at_once(&mut scene.spare, &mut scene.waiter).await;
    let summary = gate.only_end_of("client 2").await;
    assert_eq!((summary.cause.end(), summary.deleted), (End::Quit, 1));
}

#[tokio::test(start_paused = true)]
async fn no_kick_ends_a_login_with_quit_behind_it_though_it_still_waits() {
    let gate = Gate::classic().await;
    let mut scene = Scene::of(&gate).await;
    scene.waiter.send("DELE 1\r\nQUIT\r\n").await;
    scene.waiter.expect_silence(seconds(1.0)).await;
    assert_eq!(kick(&gate, &scene.waiter).await, Kick::AfterQuit);
    scene.holder.close();
    scene.inside.close();
    lets_in_at_once(&mut scene.spare, &mut scene.waiter).await;
    scene.spare.expect("DELE 1\r\nQUIT\r\n").await;
    scene.spare.send("+OK\r\n+OK bye\r\n").await;
    scene.waiter.expect("+OK\r\n+OK bye\r\n").await;
    assert_eq!(gate.only_end_of("client 3").await.deleted, 1);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_panics_or_is_cancelled_is_seen_no_more() {
    let gate = Gate::classic().await;
    let (mut ann, mut inside) = gate.log_in("ann", "secret").await;
    let panics = &ann.socket.panics_at_read;
    panics.store(true, Ordering::Relaxed);
    ann.half_close().await;
    inside.expect_eof().await;
    inside.close();
    assert_eq!(
        gate.only_end_of("client 1").await.cause.end(),
        End::Panicked
    );
    is_gone(&gate, ann).await;
    let bob = gate.asking("bob", "hidden").await;
    gate.cancel(&bob);
    is_gone(&gate, bob).await;
    assert_eq!(gate.cx.sessions.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_quit_that_was_the_response_to_auth_protects_no_later_login_from_a_kick() {
    let gate = Gate::classic().await;
    let mut ann = gate.greeted().await;
    ann.send("USER ann\r\nPASS wrong\r\nAUTH PLAIN\r\nQUIT\r\nUSER ann\r\nPASS secret\r\n")
        .await;
    let mut refused = gate.dialed().await;
    refused
        .answers_login("ann", "wrong", "-ERR [AUTH] no")
        .await;
    refused.expect_eof().await;
    refused.close();
    let mut inside = gate.dialed().await;
    inside.answers_login("ann", "secret", "+OK in").await;
    ann.expect(
        "+OK Send PASS\r\n-ERR [AUTH] no\r\n+ \r\n-ERR Malformed response\r\n\
         +OK Send PASS\r\n+OK in\r\n",
    )
    .await;
    assert_eq!(kick(&gate, &ann).await, Kick::Kicked);
}
