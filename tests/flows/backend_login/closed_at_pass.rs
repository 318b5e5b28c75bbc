//! A backend that ends the connection instead of answering a password has refused it without
//! words: it does not get it again, the client is closed as well, and all else goes as with a wrong
//! password. One that ends before it has the password, or never ends, says nothing of it.

use crate::support::{Gate, Wire, assert_took, seconds};
use popgate::observe::event::{Culprit, End, Event, LoginRule, RuleEvent};
use popgate::policy::block::{BlockChange, BlockReason, ChangeKind};
use popgate::time::Instant;

const STRANGER: &str = "203.0.113.9";
const WITHOUT_PIPELINING: &[&str] = &["TOP", "UIDL", "USER"];

/// These rules for failures and blocks; nobody comes too often.
fn rules(failures: &str, blocks: &str) -> String {
    format!(
        "[defaults]\ncleartext = \"always\"\npolls = {{ enforce = \"off\" }}\n\
         failures = {{ {failures} }}\nblocks = {{ {blocks} }}\n"
    )
}

/// Wrong passwords are answered at once and remembered, and lead to no block.
async fn remembering() -> Gate {
    Gate::strict(&rules("delay = \"0s\"", "enforce = \"off\"")).await
}

/// The next login reaches the backend, which says this behind its password and closes.
async fn closes(gate: &Gate, password: &str, last_words: &str) {
    let mut backend = gate.dialed().await;
    backend.greets().await;
    closes_greeted(backend, password, last_words).await;
}

async fn closes_greeted(mut backend: Wire, password: &str, last_words: &str) {
    backend
        .expect(format!("USER ann\r\nPASS {password}\r\n"))
        .await;
    backend.send(last_words).await;
    backend.close();
}

fn failures(gate: &Gate) -> usize {
    gate.events
        .count(|event| matches!(event, Event::AuthFailed { .. }))
}

/// A login of ann's from here, closed by the backend and then by popgate.
async fn is_closed(gate: &Gate, from: &str, password: &str) {
    let mut client = gate.visitor().from(from).asking("ann", password).await;
    closes(gate, password, "+OK\r\n").await;
    client.expect_eof().await;
}

#[tokio::test(start_paused = true)]
async fn whatever_it_says_before_the_end_it_is_tried_once_and_the_client_is_closed() {
    for last_words in [
        "",
        "+OK\r\n",
        "+OK\r\n\r\n",
        "+OK\r\n-ERR inval",
        "+OK\r\nSegmentation fault\r\n",
        "Segmentation fault\r\n",
    ] {
        let gate = Gate::classic().await;
        let mut client = gate.asking("ann", "wrong").await;
        let start = Instant::now();
        closes(&gate, "wrong", last_words).await;
        client.expect_eof().await;
        assert_took(start, 0.0..=0.0);
        client.close();
        let summary = gate.only_end_of("client 1").await;
        assert_eq!(summary.end(), End::ClosedAtPass, "{last_words:?}");
        assert_eq!(summary.culprit(), Some(Culprit::Client));
        assert_eq!(summary.backend.expect("it is known").as_str(), "legacy");
        assert_eq!((gate.dials(), failures(&gate)), (1, 1), "{last_words:?}");
        assert!(gate.backend("legacy").is_up());
    }
}

#[tokio::test(start_paused = true)]
async fn without_pipelining_it_is_the_same() {
    let gate = Gate::classic().await;
    gate.look("legacy", WITHOUT_PIPELINING).await;
    let mut client = gate.asking("ann", "wrong").await;
    let mut backend = gate.dialed().await;
    backend.greets().await;
    backend.expect("USER ann\r\n").await;
    backend.send("+OK\r\n").await;
    backend.expect("PASS wrong\r\n").await;
    backend.close();
    client.expect_eof().await;
    client.close();
    assert_eq!(gate.only_end_of("client 1").await.end(), End::ClosedAtPass);
    assert_eq!((gate.dials(), failures(&gate)), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn so_it_is_with_auth_plain_also_where_the_response_was_asked_for() {
    for asks in [false, true] {
        let gate = Gate::classic().await;
        gate.look("legacy", &["SASL PLAIN"]).await;
        let mut client = gate.asking("ann", "wrong").await;
        let mut backend = gate.dialed().await;
        backend.greets().await;
        backend.expect("AUTH PLAIN AGFubgB3cm9uZw==\r\n").await;
        if asks {
            backend.send("+ \r\n").await;
            backend.expect("AGFubgB3cm9uZw==\r\n").await;
        }
        backend.close();
        client.expect_eof().await;
        client.close();
        assert_eq!(gate.only_end_of("client 1").await.end(), End::ClosedAtPass);
        assert_eq!(gate.dials(), 1, "asks: {asks}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_ends_at_the_name_is_tried_twice_more_and_never_got_the_password() {
    let gate = Gate::classic().await;
    gate.look("legacy", WITHOUT_PIPELINING).await;
    let mut client = gate.asking("nobody", "secret").await;
    for pause in [0.0, 0.5, 1.0] {
        let start = Instant::now();
        let mut backend = gate.dialed().await;
        assert_took(start, 0.75 * pause..=1.25 * pause);
        backend.greets().await;
        backend.expect("USER nobody\r\n").await;
        backend.close();
    }
    client.expect_eof().await;
    client.close();
    let summary = gate.only_end_of("client 1").await;
    assert_eq!(summary.end(), End::BackendUnreachable);
    assert_eq!(summary.culprit(), Some(Culprit::Backend));
    assert_eq!((gate.dials(), failures(&gate)), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn one_that_ends_behind_its_greeting_is_given_no_password() {
    for pipelining in [true, false] {
        let gate = Gate::classic().await;
        if !pipelining {
            gate.look("legacy", WITHOUT_PIPELINING).await;
        }
        let mut client = gate.asking("ann", "secret").await;
        let mut full = gate.dialed().await;
        full.greets().await;
        full.half_close().await;
        full.expect_eof().await;
        assert!(!full.heard().contains("secret"), "{:?}", full.heard());
        gate.look("legacy", &["USER", "PIPELINING"]).await;
        gate.dialed().await.lets_in("ann", "secret").await;
        client.expect("+OK ann, come in\r\n").await;
        assert_eq!(failures(&gate), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_never_answers_is_not_asked_again_and_has_refused_nothing() {
    let gate = Gate::with(
        r#"
        [defaults]
        cleartext = "always"
        [[backend]]
        name = "legacy"
        address = "10.0.0.5:110"
        login_timeout = "5s"
        "#,
    )
    .await;
    let mut client = gate.asking("ann", "secret").await;
    let start = Instant::now();
    let mut backend = gate.dialed().await;
    backend.greets().await;
    backend.expect("USER ann\r\nPASS secret\r\n").await;
    client.expect_eof().await;
    assert_took(start, 5.0..=5.0);
    client.close();
    let summary = gate.only_end_of("client 1").await;
    assert_eq!(summary.end(), End::BackendUnreachable);
    assert_eq!(summary.culprit(), Some(Culprit::Backend));
    assert_eq!((gate.dials(), failures(&gate)), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn after_three_it_is_closed_from_memory_in_the_same_time() {
    let gate = remembering().await;
    for _ in 0..3 {
        let mut client = gate.asking("ann", "stale").await;
        let mut backend = gate.dialed().await;
        backend.greets().await;
        backend.expect("USER ann\r\nPASS stale\r\n").await;
        client.expect_silence(seconds(1.25)).await;
        backend.close();
        client.expect_eof().await;
    }
    let mut client = gate.asking("ann", "stale").await;
    let start = Instant::now();
    client.expect_eof().await;
    assert_took(start, 1.25..=1.25);
    client.close();
    assert_eq!(gate.only_end_of("client 4").await.end(), End::RefusedByRule);
    let from_memory = |event: &Event| {
        let rule = LoginRule::FromMemory;
        matches!(event, Event::Rule(RuleEvent::LoginRefused { rule: its, .. }) if *its == rule)
    };
    assert_eq!((gate.dials(), gate.events.count(from_memory)), (3, 1));
    // Others still reach the backend.
    is_closed(&gate, "192.0.2.1", "other").await;
}

#[tokio::test(start_paused = true)]
async fn from_memory_each_password_is_refused_as_the_backend_refused_it() {
    let gate = remembering().await;
    for _ in 0..3 {
        is_closed(&gate, STRANGER, "perhaps right").await;
        let mut client = gate.asking("ann", "wrong").await;
        let mut backend = gate.dialed().await;
        backend
            .answers_login("ann", "wrong", "-ERR [AUTH] no")
            .await;
        client.expect("-ERR [AUTH] no\r\n").await;
        backend.expect_eof().await;
    }
    // The backend's last answer had words, and no program is asked for a password for that.
    let mut client = gate.asking("ann", "perhaps right").await;
    client.expect_eof().await;
    let mut client = gate.asking("ann", "wrong").await;
    client.expect("-ERR [AUTH] no\r\n").await;
    assert_eq!(gate.dials(), 6);
}

#[tokio::test(start_paused = true)]
async fn the_close_is_held_as_long_as_the_answer_to_a_wrong_password() {
    let gate = Gate::strict(&rules("", "enforce = \"off\"")).await;
    for (guess, delay) in [1.0, 2.0, 4.0].into_iter().enumerate() {
        let start = Instant::now();
        is_closed(&gate, STRANGER, &guess.to_string()).await;
        assert_took(start, delay..=delay);
    }
    let mut hasty = gate.visitor().from(STRANGER).asking("ann", "last").await;
    closes(&gate, "last", "").await;
    hasty.expect_silence(seconds(1.0)).await;
    hasty.close();
    let summary = gate.only_end_of("client 4").await;
    assert_eq!(summary.end(), End::ClosedAtPass, "it left before its close");
}

#[tokio::test(start_paused = true)]
async fn a_guesser_is_blocked_and_closed_as_before() {
    let gate = Gate::strict(&rules("delay = \"0s\"", "")).await;
    for guess in 0..10 {
        is_closed(&gate, STRANGER, &guess.to_string()).await;
    }
    let guessing = |event: &Event| match event {
        Event::BlockChanged(change) => {
            let BlockChange { what, entry, .. } = change.as_ref();
            *what == ChangeKind::Blocked && entry.reason == BlockReason::GuessingOne
        }
        _ => false,
    };
    assert_eq!(gate.events.count(guessing), 1);
    let mut blocked = gate.visitor().from(STRANGER).asking("ann", "11").await;
    blocked.expect_eof().await;
    assert_eq!(gate.dials(), 10);
}

#[tokio::test(start_paused = true)]
async fn who_waits_with_the_same_password_is_closed_too_and_others_are_not() {
    let gate = Gate::classic().await;
    let mut first = gate.asking("ann", "old password").await;
    let mut backend = gate.dialed().await;
    backend.greets().await;
    let mut same = gate.waiter("ann", "old password").await;
    let mut other = gate.waiter("ann", "secret").await;
    closes_greeted(backend, "old password", "+OK\r\n").await;
    first.expect_eof().await;
    same.expect_eof().await;
    gate.dialed().await.lets_in("ann", "secret").await;
    other.expect("+OK ann, come in\r\n").await;
    same.close();
    let summary = gate.only_end_of("client 2").await;
    assert_eq!(
        (summary.end(), summary.backend),
        (End::ClosedAtPass, None),
        "it had none"
    );
    assert_eq!((gate.dials(), failures(&gate)), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_password_that_was_right_lately_is_asked_for_again_and_the_fault_is_the_backends() {
    let gate = remembering().await;
    gate.prove("ann", "secret").await;
    for _ in 0..5 {
        is_closed(&gate, STRANGER, "secret").await;
    }
    let summary = gate.only_end_of("client 2").await;
    assert_eq!(summary.end(), End::ClosedAtPass);
    assert_eq!(summary.culprit(), Some(Culprit::Backend));
    gate.log_in("ann", "secret").await;
}

#[tokio::test(start_paused = true)]
async fn over_a_connection_made_in_advance_it_counts_the_second_time() {
    let gate = Gate::classic().await;
    let (holder, mut inside) = gate.log_in("ann", "secret").await;
    let mut waiter = gate.waiter("ann", "secret").await;
    let mut spare = gate.dialed().await;
    spare.greets().await;
    waiter.expect_silence(seconds(1.0)).await;
    holder.close();
    inside.expect_eof().await;
    inside.close();
    // It may have been on its way out before the password came.
    closes_greeted(spare, "secret", "").await;
    assert_eq!(failures(&gate), 0);
    closes(&gate, "secret", "").await;
    waiter.expect_eof().await;
    assert_eq!((gate.dials(), failures(&gate)), (3, 1));
}
