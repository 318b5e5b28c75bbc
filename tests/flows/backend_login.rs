//! The login at the backend: under the lock, tried again where that may help, and answered in the
//! backend's own words.

mod closed_at_pass;

use crate::support::{Gate, Wire, assert_took, seconds};
use popgate::observe::event::{End, Event, RetryResult};
use popgate::time::Instant;

const BUSY: &str = "-ERR [SYS/TEMP] Mailbox is locked or busy, please wait and try again\r\n";
const IN_USE: &str = "-ERR [IN-USE] Mailbox is locked by another of your mail programs, \
                      please wait and try again\r\n";

const PATIENT: &str = "[defaults]\ncleartext = \"always\"\nwait = \"55s\"\n";

/// The backend refuses the next login in these words, sees the end, and ends.
async fn refuses(gate: &Gate, answer: &str) {
    let mut backend = gate.dialed().await;
    backend.answers_login("ann", "secret", answer).await;
    backend.expect_eof().await;
}

/// Nothing more is tried, and the client's connection stays open.
async fn rests(gate: &Gate, client: &mut Wire, dials: usize) {
    client.expect_silence(seconds(10.0)).await;
    assert_eq!(gate.dials(), dials);
    client.send("NOOP\r\n").await;
    client.expect("-ERR Log in first\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn a_locked_maildrop_is_tried_again_twelve_times_in_growing_pauses() {
    let gate = Gate::with(PATIENT).await;
    let mut client = gate.asking("ann", "secret").await;
    refuses(&gate, "-ERR [IN-USE] locked by another").await;
    for pause in [0.5, 1.0, 2.0, 4.0].into_iter().chain([5.0; 8]) {
        let start = Instant::now();
        refuses(&gate, "-ERR [IN-USE] locked by another").await;
        assert_took(start, 0.75 * pause..=1.25 * pause);
    }
    let start = Instant::now();
    client.expect(BUSY).await;
    assert_took(start, 0.0..=0.0);
    rests(&gate, &mut client, 13).await;
}

#[tokio::test(start_paused = true)]
async fn to_the_proven_a_maildrop_that_stays_locked_is_in_use() {
    let gate = Gate::with(PATIENT).await;
    gate.prove("ann", "secret").await;
    let mut client = gate.asking("ann", "secret").await;
    for _ in 0..13 {
        refuses(&gate, "-ERR Unable to lock maildrop").await;
    }
    client.expect(IN_USE).await;
    // Whoever holds it is not among us: the wait on this connection is spent.
    client.asks_in("ann", "secret").await;
    client.expect(IN_USE).await;
    assert_eq!(gate.dials(), 14);
}

#[tokio::test(start_paused = true)]
async fn a_retry_gets_in_as_if_nothing_had_happened() {
    let gate = Gate::classic().await;
    let mut client = gate.asking("ann", "secret").await;
    refuses(&gate, "-ERR [IN-USE] locked by another").await;
    refuses(&gate, "-ERR maildrop already locked").await;
    gate.dialed().await.lets_in("ann", "secret").await;
    client.expect("+OK ann, come in\r\n").await;
    let accepted = RetryResult::Accepted;
    gate.told(|event| matches!(event, Event::LockedRetried { result, .. } if *result == accepted))
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_maildrop_that_is_being_unlocked_is_tried_again_at_once() {
    let gate = Gate::classic().await;
    let start = Instant::now();
    let mut client = gate.asking("ann", "secret").await;
    refuses(&gate, "-ERR Maildrop being unlocked; try again").await;
    gate.dialed().await.lets_in("ann", "secret").await;
    client.expect("+OK ann, come in\r\n").await;
    assert_took(start, 0.0..=0.0);
}

#[tokio::test(start_paused = true)]
async fn a_refused_connection_must_have_ended_before_the_next_try() {
    let gate = Gate::classic().await;
    let mut client = gate.asking("ann", "secret").await;
    let mut backend = gate.dialed().await;
    backend
        .answers_login("ann", "secret", "-ERR Maildrop being unlocked; try again")
        .await;
    client.expect_silence(seconds(1.9)).await;
    assert_eq!(gate.dials(), 1);
    backend.close();
    gate.dialed().await.lets_in("ann", "secret").await;
    client.expect("+OK ann, come in\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_in_a_pause_is_not_tried_again() {
    let gate = Gate::classic().await;
    let client = gate.asking("ann", "secret").await;
    refuses(&gate, "-ERR [IN-USE] locked by another").await;
    client.close();
    assert_eq!(gate.end_of("client 1").await.end(), End::LeftWaiting);
    gate.log_in("ann", "secret").await;
    assert_eq!(gate.dials(), 2);
}

#[tokio::test(start_paused = true)]
async fn passing_faults_are_tried_twice_more_and_the_last_answer_is_the_clients() {
    for fault in [
        "-ERR [SYS/TEMP] storage is down",
        "-ERR too many connections from your IP",
    ] {
        let gate = Gate::classic().await;
        let mut client = gate.asking("ann", "secret").await;
        refuses(&gate, fault).await;
        for pause in [0.5, 1.0] {
            let start = Instant::now();
            refuses(&gate, fault).await;
            assert_took(start, 0.75 * pause..=1.25 * pause);
        }
        client.expect(format!("{fault}\r\n")).await;
        rests(&gate, &mut client, 3).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_retry_cannot_help_is_not_tried_again() {
    for fault in [
        "-ERR [AUTH] wrong",
        "-ERR [SYS/PERM] account disabled",
        "-ERR [LOGIN-DELAY] wait a minute",
    ] {
        let gate = Gate::classic().await;
        let mut client = gate.asking("ann", "secret").await;
        let start = Instant::now();
        refuses(&gate, fault).await;
        client.expect(format!("{fault}\r\n")).await;
        assert_took(start, 0.0..=0.0);
        rests(&gate, &mut client, 1).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_client_sees_the_backends_own_line_octet_for_octet() {
    let gate = Gate::classic().await;
    let mut client = gate.asking("ann", "secret").await;
    let mut backend = gate.dialed().await;
    backend.greets().await;
    backend.expect("USER ann\r\nPASS secret\r\n").await;
    backend
        .send(b"+OK\r\n-ERR [AUTH]  Pa\xdfwort\tf\xe4lsch \x01 \r\n")
        .await;
    client
        .expect(b"-ERR [AUTH]  Pa\xdfwort\tf\xe4lsch \x01 \r\n")
        .await;
}

#[tokio::test(start_paused = true)]
async fn the_welcome_is_the_backends_own_line_too() {
    let gate = Gate::classic().await;
    let mut client = gate.asking("ann", "secret").await;
    let mut backend = gate.dialed().await;
    backend.greets().await;
    backend.expect("USER ann\r\nPASS secret\r\n").await;
    backend
        .send(b"+OK\r\n+OK ann's maildrop has 2 messages (320 octets), gr\xfc\xdfe\r\n")
        .await;
    client
        .expect(b"+OK ann's maildrop has 2 messages (320 octets), gr\xfc\xdfe\r\n")
        .await;
}

#[tokio::test(start_paused = true)]
async fn lines_behind_a_refusal_are_swallowed() {
    let gate = Gate::classic().await;
    let mut client = gate.asking("ann", "secret").await;
    let mut backend = gate.dialed().await;
    backend.greets().await;
    backend.expect("USER ann\r\nPASS secret\r\n").await;
    backend
        .send("-ERR [AUTH] no such user\r\n-ERR what PASS?\r\n-ERR bye\r\n")
        .await;
    client.expect("-ERR [AUTH] no such user\r\n").await;
    backend.expect_eof().await;
    rests(&gate, &mut client, 1).await;
}

#[tokio::test(start_paused = true)]
async fn without_pipelining_the_password_waits_for_the_answer_to_the_name() {
    let gate = Gate::classic().await;
    gate.look("legacy", &["TOP", "UIDL", "USER"]).await;
    let mut client = gate.asking("ann", "secret").await;
    let mut backend = gate.dialed().await;
    backend.expect_silence(seconds(1.0)).await;
    backend.greets().await;
    backend.expect("USER ann\r\n").await;
    backend.expect_silence(seconds(1.0)).await;
    backend.send("+OK\r\n").await;
    backend.expect("PASS secret\r\n").await;
    backend.send("+OK come in\r\n").await;
    client.expect("+OK come in\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn a_name_that_is_refused_takes_no_password_with_it() {
    let gate = Gate::classic().await;
    gate.look("legacy", &["TOP", "UIDL", "USER"]).await;
    let mut client = gate.asking("eve", "secret").await;
    let mut backend = gate.dialed().await;
    backend.greets().await;
    backend.expect("USER eve\r\n").await;
    backend.send("-ERR [AUTH] never heard of eve\r\n").await;
    client.expect("-ERR [AUTH] never heard of eve\r\n").await;
    backend.expect_eof().await;
}

#[tokio::test(start_paused = true)]
async fn a_greeting_that_refuses_is_an_answer() {
    let gate = Gate::classic().await;
    let mut client = gate.asking("ann", "secret").await;
    let refusal = "-ERR [SYS/PERM] not from your address";
    gate.dialed().await.send(format!("{refusal}\r\n")).await;
    client.expect(format!("{refusal}\r\n")).await;
    rests(&gate, &mut client, 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_greeting_that_refuses_is_told_octet_for_octet() {
    let gate = Gate::classic().await;
    let mut client = gate.asking("ann", "secret").await;
    let mut backend = gate.dialed().await;
    backend.send(b"-ERR [SYS/PERM] gesch\xfctzt\r\n").await;
    client.expect(b"-ERR [SYS/PERM] gesch\xfctzt\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn what_stands_behind_a_greeting_answers_nothing() {
    let gate = Gate::classic().await;
    let mut client = gate.asking("ann", "wrong").await;
    let mut backend = gate.dialed().await;
    backend.send("+OK ready\r\n+OK really\r\n").await;
    backend
        .answers_password("ann", "wrong", "-ERR [AUTH] no")
        .await;
    client.expect("-ERR [AUTH] no\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn an_error_behind_a_greeting_refuses_the_connection() {
    let gate = Gate::classic().await;
    let mut client = gate.asking("ann", "secret").await;
    let mut backend = gate.dialed().await;
    backend
        .send("+OK ready\r\n-ERR [SYS/PERM] but not for you\r\n")
        .await;
    client.expect("-ERR [SYS/PERM] but not for you\r\n").await;
    backend.expect_eof().await;
    assert_eq!(backend.heard(), "");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_reply_is_no_answer_to_a_login_and_never_reaches_the_client() {
    let gate = Gate::classic().await;
    let mut client = gate.asking("ann", "secret").await;
    let mut backend = gate.dialed().await;
    backend
        .answers_login("ann", "secret", "Segmentation fault")
        .await;
    client.expect_eof().await;
    assert_eq!(gate.dials(), 1, "it has the password");
}

#[tokio::test(start_paused = true)]
async fn a_greeting_that_refuses_for_now_is_tried_again() {
    let gate = Gate::classic().await;
    let mut client = gate.asking("ann", "secret").await;
    for _ in 0..2 {
        let mut backend = gate.dialed().await;
        backend.send("-ERR [SYS/TEMP] load too high\r\n").await;
    }
    gate.dialed().await.lets_in("ann", "secret").await;
    client.expect("+OK ann, come in\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_ends_before_it_has_the_password_is_tried_again() {
    let gate = Gate::classic().await;
    gate.look("legacy", &["TOP", "UIDL", "USER"]).await;
    let start = Instant::now();
    let mut client = gate.asking("ann", "secret").await;
    let mut backend = gate.dialed().await;
    backend.greets().await;
    backend.expect("USER ann\r\n").await;
    backend.close();
    let mut backend = gate.dialed().await;
    backend.greets().await;
    backend.expect("USER ann\r\n").await;
    backend.send("+OK\r\n").await;
    backend.expect("PASS secret\r\n").await;
    backend.send("+OK ann, come in\r\n").await;
    assert_took(start, 0.375..=0.625);
    client.expect("+OK ann, come in\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_goes_away_after_the_greeting_is_tried_within_the_wait() {
    let gate = Gate::classic().await;
    let mut client = gate.greeted().await;
    gate.cut_off("legacy");
    let start = Instant::now();
    client.asks_in("ann", "secret").await;
    client.expect_silence(seconds(10.0)).await;
    gate.restore("legacy");
    gate.dialed().await.lets_in("ann", "secret").await;
    client.expect("+OK ann, come in\r\n").await;
    assert_took(start, 10.0..=16.25);
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_stays_away_is_answered_like_a_dead_server_by_no_answer() {
    let gate = Gate::classic().await;
    let mut client = gate.greeted().await;
    gate.cut_off("legacy");
    let start = Instant::now();
    client.asks_in("ann", "secret").await;
    client.expect_eof().await;
    assert_took(start, 15.0..=22.0);
    let summary = gate.end_of("client 1").await;
    assert_eq!(summary.end(), End::BackendUnreachable);
}

#[tokio::test(start_paused = true)]
async fn a_connection_made_in_advance_that_has_ended_since_is_replaced_at_once() {
    let gate = Gate::classic().await;
    let (holder, mut backend) = gate.log_in("ann", "secret").await;
    let mut waiter = gate.asking("ann", "secret").await;
    let mut stale = gate.dialed().await;
    stale.greets().await;
    waiter.expect_silence(seconds(1.0)).await;
    stale.close();
    holder.close();
    backend.expect_eof().await;
    let start = Instant::now();
    backend.close();
    gate.dialed().await.lets_in("ann", "secret").await;
    waiter.expect("+OK ann, come in\r\n").await;
    assert_took(start, 0.0..=0.0);
}

#[tokio::test(start_paused = true)]
async fn what_a_backend_says_while_a_connection_waits_is_no_answer_to_a_login() {
    let gate = Gate::classic().await;
    let (holder, mut backend) = gate.log_in("ann", "secret").await;
    let mut waiter = gate.asking("ann", "secret").await;
    let mut stale = gate.dialed().await;
    stale.greets().await;
    waiter.expect_silence(seconds(1.0)).await;
    stale.send("-ERR Idle for too long, closing\r\n").await;
    waiter.expect_silence(seconds(1.0)).await;
    holder.close();
    backend.expect_eof().await;
    backend.close();
    gate.dialed().await.lets_in("ann", "secret").await;
    waiter.expect("+OK ann, come in\r\n").await;
    assert_eq!(stale.heard(), "");
}

#[tokio::test(start_paused = true)]
async fn the_second_backend_is_used_where_the_first_cannot_be_reached() {
    let gate = Gate::with(
        r#"
        [defaults]
        backends = ["first", "second"]
        cleartext = "always"
        [[backend]]
        name = "first"
        address = "10.0.0.5:110"
        [[backend]]
        name = "second"
        address = "10.0.0.6:110"
        "#,
    )
    .await;
    gate.cut_off("first");
    let mut client = gate.asking("ann", "secret").await;
    let mut backend = gate.dialed_at("second").await;
    backend.lets_in("ann", "secret").await;
    client.expect("+OK ann, come in\r\n").await;
    client.send("QUIT\r\n").await;
    backend.expect("QUIT\r\n").await;
    backend.send("+OK\r\n").await;
    client.expect("+OK\r\n").await;
    client.close();
    let summary = gate.end_of("client 1").await;
    assert_eq!(summary.backend.expect("it is known").as_str(), "second");
}

#[tokio::test(start_paused = true)]
async fn the_operators_phrases_say_what_a_line_means() {
    let gate = Gate::with(
        r#"
        [defaults]
        cleartext = "always"
        [[backend]]
        name = "legacy"
        address = "10.0.0.5:110"
        phrases = { locked = ["kaputt"] }
        "#,
    )
    .await;
    let mut client = gate.asking("ann", "secret").await;
    refuses(&gate, "-ERR das Postfach ist kaputt").await;
    gate.dialed().await.lets_in("ann", "secret").await;
    client.expect("+OK ann, come in\r\n").await;
}

/// The backend hears USER and PASS, and says this; it is no answer that anybody could rely on.
async fn says_no_answer(gate: &Gate, greeting: &str, lines: &str) {
    let mut backend = gate.dialed().await;
    backend.send(greeting).await;
    if greeting.lines().count() == 1 {
        backend.expect("USER ann\r\nPASS secret\r\n").await;
        backend.send(lines).await;
    }
    backend.expect_eof().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_neither_ok_nor_err_lets_nobody_in() {
    for line in ["+ go on", "+done", " +OK", "- ERR", "* OK IMAP4rev1"] {
        let gate = Gate::classic().await;
        let mut client = gate.asking("ann", "secret").await;
        let lines = format!("+OK\r\n{line}\r\n");
        says_no_answer(&gate, "+OK ready\r\n", &lines).await;
        client.expect_eof().await;
        assert_eq!(gate.dials(), 1, "{line}");
        let summary = gate.end_of("client 1").await;
        assert_eq!(summary.end(), End::BackendUnreachable);
    }
}
