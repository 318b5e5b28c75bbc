//! Before login (RFC 1939 section 4): greeting, USER and PASS, bounds of patience. Nothing of it
//! reaches a backend.

use crate::support::{Gate, assert_took, seconds};
use popgate::observe::event::End;
use popgate::time::Instant;

const NOT_REACHABLE: &str =
    "-ERR [SYS/TEMP] Mail server not reachable, please wait and try again\r\n";

#[tokio::test(start_paused = true)]
async fn a_session_goes_from_greeting_to_quit() {
    let gate = Gate::classic().await;
    let (mut ann, mut backend) = gate.log_in("ann", "secret").await;
    ann.send("STAT\r\n").await;
    backend.expect("STAT\r\n").await;
    backend.send("+OK 2 320\r\n").await;
    ann.expect("+OK 2 320\r\n").await;
    ann.send("QUIT\r\n").await;
    backend.expect("QUIT\r\n").await;
    backend.send("+OK bye\r\n").await;
    ann.expect("+OK bye\r\n").await;
    ann.expect_eof().await;
    backend.close();
    assert_eq!(gate.end_of("client 1").await.end(), End::Quit);
}

#[tokio::test(start_paused = true)]
async fn the_greeting_has_no_apop_stamp() {
    let gate = Gate::classic().await;
    let greeting = gate.client().read_line().await;
    assert!(!greeting.contains(['<', '>']), "{greeting}");
}

#[tokio::test(start_paused = true)]
async fn while_the_backend_is_down_nobody_is_greeted() {
    let gate = Gate::classic().await;
    gate.cut_off("legacy");
    gate.look("legacy", &[]).await;
    let mut client = gate.client();
    client.expect(NOT_REACHABLE).await;
    client.expect_eof().await;
    gate.restore("legacy");
    gate.look("legacy", &["USER"]).await;
    gate.greeted().await;
}

#[tokio::test(start_paused = true)]
async fn while_one_of_two_backends_is_up_clients_are_greeted() {
    let gate = Gate::with(TWO_BACKENDS).await;
    gate.cut_off("first");
    gate.look("first", &[]).await;
    gate.greeted().await;
}

#[tokio::test(start_paused = true)]
async fn quit_before_login_is_answered_by_popgate() {
    let gate = Gate::classic().await;
    let mut client = gate.greeted().await;
    client.send("quit\r\n").await;
    client.expect("+OK Goodbye\r\n").await;
    client.expect_eof().await;
    client.close();
    assert_eq!(gate.end_of("client 1").await.end(), End::QuitBeforeLogin);
    assert_eq!(gate.dials(), 0);
}

#[tokio::test(start_paused = true)]
async fn nothing_reaches_the_backend_before_pass() {
    let gate = Gate::classic().await;
    let mut client = gate.greeted().await;
    for (command, answer) in [
        ("NOOP", "-ERR Log in first"),
        ("STAT", "-ERR Log in first"),
        ("XCLIENT ADDR=192.0.2.9", "-ERR Unknown command"),
        ("GET / HTTP/1.1", "-ERR Unknown command"),
        ("", "-ERR Unknown command"),
        (
            "APOP ann c4c9334bac560ecc979e58001b3e22fb",
            "-ERR APOP is not offered here",
        ),
        ("PASS secret", "-ERR Send USER first"),
        ("USER", "-ERR Argument missing"),
        ("CAPA all", "-ERR Too many arguments"),
        ("USER ann", "+OK Send PASS"),
    ] {
        client.send(format!("{command}\r\n")).await;
        client.expect(format!("{answer}\r\n")).await;
    }
    assert_eq!(gate.dials(), 0);
    client.send("PASS secret\r\n").await;
    let mut backend = gate.dialed().await;
    backend.lets_in("ann", "secret").await;
    client.expect("+OK ann, come in\r\n").await;
    backend.expect_silence(seconds(1.0)).await;
    assert_eq!(backend.heard(), "USER ann\r\nPASS secret\r\n");
}

#[tokio::test(start_paused = true)]
async fn a_whole_session_in_one_segment_is_answered_in_order() {
    let gate = Gate::classic().await;
    let mut client = gate.greeted().await;
    client
        .send("USER ann\r\nPASS secret\r\nSTAT\r\nRETR 1\r\nQUIT\r\n")
        .await;
    client.expect("+OK Send PASS\r\n").await;
    let mut backend = gate.dialed().await;
    backend.greets().await;
    backend.expect("USER ann\r\nPASS secret\r\n").await;
    // Not before it let the client in.
    backend.expect_silence(seconds(5.0)).await;
    backend.send("+OK\r\n+OK come in\r\n").await;
    backend.expect("STAT\r\nRETR 1\r\n").await;
    backend.send("+OK 1 5\r\n+OK\r\nhello\r\n.\r\n").await;
    backend.expect("QUIT\r\n").await;
    backend.send("+OK bye\r\n").await;
    client
        .expect("+OK come in\r\n+OK 1 5\r\n+OK\r\nhello\r\n.\r\n+OK bye\r\n")
        .await;
    client.expect_eof().await;
}

#[tokio::test(start_paused = true)]
async fn commands_behind_a_refused_pass_are_not_executed_at_the_backend() {
    let gate = Gate::classic().await;
    let mut client = gate.greeted().await;
    client
        .send("USER ann\r\nPASS wrong\r\nSTAT\r\nQUIT\r\n")
        .await;
    client.expect("+OK Send PASS\r\n").await;
    let mut backend = gate.dialed().await;
    backend
        .answers_login("ann", "wrong", "-ERR [AUTH] no")
        .await;
    client
        .expect("-ERR [AUTH] no\r\n-ERR Log in first\r\n+OK Goodbye\r\n")
        .await;
    client.expect_eof().await;
    backend.expect_eof().await;
    assert_eq!(backend.heard(), "USER ann\r\nPASS wrong\r\n");
}

#[tokio::test(start_paused = true)]
async fn bytes_may_come_one_at_a_time() {
    let gate = Gate::classic().await;
    let mut client = gate.greeted().await;
    for octet in b"USER ann\r\nPASS secret\r\n" {
        client.send([*octet]).await;
        tokio::time::sleep(seconds(0.1)).await;
    }
    client.expect("+OK Send PASS\r\n").await;
    let mut backend = gate.dialed().await;
    backend.lets_in("ann", "secret").await;
    client.expect("+OK ann, come in\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn a_line_may_end_at_lf_alone() {
    let gate = Gate::classic().await;
    let mut client = gate.greeted().await;
    client.send("USER ann\nPASS secret\n").await;
    client.expect("+OK Send PASS\r\n").await;
    gate.dialed().await.lets_in("ann", "secret").await;
    client.expect("+OK ann, come in\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn names_and_passwords_keep_their_blanks_and_octets() {
    let gate = Gate::classic().await;
    let mut client = gate.greeted().await;
    client.send(b"USER J\xfcrgen\x7f \r\n").await;
    client.expect("+OK Send PASS\r\n").await;
    client.send(b"PASS   p\xc3\xa4ss\xff w\x01rd  \r\n").await;
    let mut backend = gate.dialed().await;
    backend.greets().await;
    backend
        .expect(b"USER J\xfcrgen\x7f \r\nPASS   p\xc3\xa4ss\xff w\x01rd  \r\n")
        .await;
}

#[tokio::test(start_paused = true)]
async fn nul_and_stray_cr_are_refused_and_the_next_line_counts() {
    let gate = Gate::classic().await;
    let mut client = gate.greeted().await;
    for line in ["USER a\0b\r\n", "USER a\rb\r\n", "PASS a\r\r\n"] {
        client.send(line).await;
        client
            .expect("-ERR Line holds a NUL or a stray CR\r\n")
            .await;
    }
    client.send("USER ann\r\n").await;
    client.expect("+OK Send PASS\r\n").await;
    assert_eq!(gate.dials(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_overlong_line_is_refused_once_and_the_next_one_counts() {
    let gate = Gate::classic().await;
    let mut client = gate.greeted().await;
    for _ in 0..100 {
        client.send("x".repeat(10_000)).await;
    }
    client.expect_silence(seconds(1.0)).await;
    client.send("\r\n").await;
    client.expect("-ERR Line too long\r\n").await;
    let longest = "n".repeat(4_096);
    for line in [
        format!("USER {longest}n"),
        format!("NOOP {}", &longest[..506]),
    ] {
        client.send(format!("{line}\r\n")).await;
        client.expect("-ERR Line too long\r\n").await;
    }
    client.send(format!("USER {longest}\r\n")).await;
    client.expect("+OK Send PASS\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn the_tenth_bad_command_is_the_last() {
    let gate = Gate::classic().await;
    let mut client = gate.greeted().await;
    for _ in 0..10 {
        client.send("HELO there\r\n").await;
        client.expect("-ERR Unknown command\r\n").await;
    }
    client.expect_eof().await;
    client.close();
    assert_eq!(gate.end_of("client 1").await.end(), End::ClientViolation);
}

#[tokio::test(start_paused = true)]
async fn the_sixth_refused_login_is_the_last() {
    let gate = Gate::classic().await;
    let mut client = gate.greeted().await;
    for attempt in 1..=6 {
        client.asks_in("ann", &format!("guess {attempt}")).await;
        let mut backend = gate.dialed().await;
        let password = format!("guess {attempt}");
        backend
            .answers_login("ann", &password, "-ERR [AUTH] no")
            .await;
        client.expect("-ERR [AUTH] no\r\n").await;
        backend.expect_eof().await;
    }
    client.expect_eof().await;
}

#[tokio::test(start_paused = true)]
async fn a_login_must_come_within_a_minute_however_busy_the_client_is() {
    let gate = Gate::classic().await;
    let mut client = gate.greeted().await;
    let start = Instant::now();
    for _ in 0..11 {
        tokio::time::sleep(seconds(5.0)).await;
        client.send("USER ann\r\n").await;
        client.expect("+OK Send PASS\r\n").await;
    }
    client.send("PASS sec").await;
    // Not a word: half a command is none, and whatever came would be taken for an answer.
    client.expect_eof().await;
    assert_took(start, 60.0..=60.0);
    client.close();
    assert_eq!(gate.end_of("client 1").await.end(), End::TimedOut);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_before_login_is_gone_at_once() {
    let gate = Gate::classic().await;
    let start = Instant::now();
    let mut client = gate.greeted().await;
    client.send("USER ann\r\nPASS secr").await;
    client.close();
    assert_eq!(gate.end_of("client 1").await.end(), End::LeftBeforeLogin);
    assert_took(start, 0.0..=0.0);
    assert_eq!(gate.dials(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_client_may_log_in_anew_after_a_refusal() {
    let gate = Gate::classic().await;
    let mut client = gate.asking("ann", "mistyped").await;
    let mut backend = gate.dialed().await;
    backend
        .answers_login("ann", "mistyped", "-ERR [AUTH] no")
        .await;
    client.expect("-ERR [AUTH] no\r\n").await;
    backend.expect_eof().await;
    backend.close();
    client.asks_in("ann", "secret").await;
    gate.dialed().await.lets_in("ann", "secret").await;
    client.expect("+OK ann, come in\r\n").await;
}

const TWO_BACKENDS: &str = r#"
[defaults]
backends = ["first", "second"]
cleartext = "always"
[[backend]]
name = "first"
address = "10.0.0.5:110"
[[backend]]
name = "second"
address = "10.0.0.6:110"
"#;

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_slowly_what_it_has_asked_for_ahead_has_its_minute_too() {
    let gate = Gate::classic().await;
    let mut client = gate.visitor().takes(512).greeted().await;
    let start = Instant::now();
    client.send("CAPA\r\n".repeat(85)).await;
    while client.hears_more().await {
        tokio::time::sleep(seconds(5.0)).await;
    }
    // What was on its way at that time is still read.
    assert_took(start, 60.0..=80.0);
}
