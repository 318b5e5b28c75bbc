//! Between login and QUIT.

mod bounds;
mod ends;
mod half_closed;

use crate::support::{Gate, Wire, seconds};
use popgate::observe::event::{Culprit, End};

/// Sends these commands at once, which the backend gets so.
async fn pipelines(client: &mut Wire, backend: &mut Wire, commands: &str) {
    client.send(commands).await;
    backend.expect(commands).await;
}

#[tokio::test(start_paused = true)]
async fn pipelined_commands_go_on_at_once_and_their_replies_come_back_in_order() {
    let gate = Gate::classic().await;
    let (mut ann, mut inside) = gate.log_in("ann", "secret").await;
    let commands: String = (1..=100).map(|n| format!("RETR {n}\r\n")).collect();
    pipelines(&mut ann, &mut inside, &commands).await;
    for n in 1..=100 {
        let message = format!("+OK\r\nmessage {n}\r\n.\r\n");
        inside.send(&message).await;
        ann.expect(&message).await;
    }
    ann.send("QUIT\r\n").await;
    inside.expect("QUIT\r\n").await;
    inside.send("+OK bye\r\n").await;
    ann.expect("+OK bye\r\n").await;
    ann.expect_eof().await;
    let summary = gate.only_end_of("client 1").await;
    assert_eq!((summary.end(), summary.retrieved), (End::Quit, 100));
}

#[tokio::test(start_paused = true)]
async fn what_popgate_answers_itself_comes_in_its_place_among_the_replies() {
    let gate = Gate::classic().await;
    let mut ann = gate.greeted().await;
    ann.send("CAPA\r\n").await;
    let mut list = String::new();
    while !list.ends_with("\r\n.\r\n") {
        list += &ann.read_line().await;
        list += "\r\n";
    }
    ann.asks_in("ann", "secret").await;
    let mut inside = gate.dialed().await;
    inside.lets_in("ann", "secret").await;
    ann.expect("+OK ann, come in\r\n").await;
    ann.send("STAT\r\nCAPA\r\nUSER bob\r\nSTAT\r\nSTLS\r\nNOOP\r\n")
        .await;
    inside.expect("STAT\r\nSTAT\r\nNOOP\r\n").await;
    ann.expect_silence(seconds(1.0)).await;
    inside.send("+OK 1 120\r\n+O").await;
    ann.expect(format!("+OK 1 120\r\n{list}-ERR Already logged in\r\n"))
        .await;
    inside.send("K 2 240\r\n+OK last\r\n").await;
    ann.expect("+OK 2 240\r\n-ERR Only before login\r\n+OK last\r\n")
        .await;
}

#[tokio::test(start_paused = true)]
async fn no_password_command_reaches_the_backend_behind_a_login() {
    let gate = Gate::classic().await;
    let (mut ann, mut inside) = gate.log_in("ann", "secret").await;
    let refused = "USER bob\r\nPASS hidden\r\nAPOP a b\r\nAUTH PLAIN AGEAYg==\r\nSTLS\r\nUTF8\r\nXCLIENT A=b\r\nXOIP 1\r\n";
    ann.send(refused).await;
    for _ in 0..8 {
        ann.expect_prefix("-ERR ").await;
    }
    inside.expect_silence(seconds(1.0)).await;
}

#[tokio::test(start_paused = true)]
async fn a_backend_without_pipelining_gets_one_command_at_a_time() {
    let gate = Gate::classic().await;
    gate.look("legacy", &["TOP", "UIDL", "USER"]).await;
    let mut ann = gate.greeted().await;
    ann.send("USER ann\r\nPASS secret\r\nSTAT\r\nRETR 1\r\nCAPA\r\nNOOP\r\n")
        .await;
    let mut inside = gate.dialed().await;
    inside.greets().await;
    for (command, reply) in [
        ("USER ann\r\n", "+OK\r\n"),
        ("PASS secret\r\n", "+OK in\r\n"),
        ("STAT\r\n", "+OK 1 9\r\n"),
        ("RETR 1\r\n", "+OK\r\nmail\r\n.\r\n"),
        ("NOOP\r\n", "+OK last\r\n"),
    ] {
        inside.expect(command).await;
        inside.expect_silence(seconds(1.0)).await;
        inside.send(reply).await;
    }
    ann.expect("+OK Send PASS\r\n+OK in\r\n+OK 1 9\r\n+OK\r\nmail\r\n.\r\n+OK")
        .await;
    while ann.read_line().await != "." {}
    ann.expect("+OK last\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn what_comes_behind_the_answer_to_the_password_answers_no_command() {
    let gate = Gate::classic().await;
    let mut ann = gate.greeted().await;
    ann.send("USER ann\r\nPASS secret\r\nSTAT\r\n").await;
    let mut inside = gate.dialed().await;
    inside.greets().await;
    inside.expect("USER ann\r\nPASS secret\r\n").await;
    inside.send("+OK\r\n+OK in\r\n+OK and another li").await;
    inside.expect("STAT\r\n").await;
    inside.send("ne\r\n+OK 1 120\r\n").await;
    ann.expect("+OK Send PASS\r\n+OK in\r\n+OK 1 120\r\n").await;
    ann.expect_silence(seconds(1.0)).await;
}

#[tokio::test(start_paused = true)]
async fn a_message_of_dots_passes_byte_by_byte() {
    let gate = Gate::classic().await;
    let (mut ann, mut inside) = gate.log_in("ann", "secret").await;
    let reply = "+OK\r\n..\r\n...\r\n..stuffed\r\n\r\n.\n. \r\n..\r\n.\r\n+OK 1 120\r\n";
    pipelines(&mut ann, &mut inside, "RETR 1\r\nSTAT\r\n").await;
    for octet in reply.bytes() {
        inside.send([octet]).await;
        ann.expect([octet]).await;
    }
    let (mut ann, mut inside) = (ann, inside);
    ann.send("QUIT\r\n").await;
    inside.expect("QUIT\r\n").await;
    inside.send("+OK\r\n").await;
    ann.expect("+OK\r\n").await;
    ann.close();
    let summary = gate.only_end_of("client 1").await;
    assert_eq!((summary.retrieved, summary.listed), (1, Some(1)));
}

#[tokio::test(start_paused = true)]
async fn commands_arrive_byte_by_byte_too() {
    let gate = Gate::classic().await;
    let (mut ann, mut inside) = gate.log_in("ann", "secret").await;
    for octet in "RETR 1\r\nqUiT\r\n".bytes() {
        ann.send([octet]).await;
        tokio::task::yield_now().await;
    }
    inside.expect("RETR 1\r\n").await;
    inside.send("-ERR no such message\r\n").await;
    inside.expect("qUiT\r\n").await;
    inside.send("+OK bye\r\n").await;
    ann.expect("-ERR no such message\r\n+OK bye\r\n").await;
    ann.expect_eof().await;
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_dies_in_mid_reply_ends_the_clients_connection_without_an_end_of_ours() {
    let gate = Gate::classic().await;
    let (mut ann, mut inside) = gate.log_in("ann", "secret").await;
    pipelines(&mut ann, &mut inside, "RETR 1\r\nCAPA\r\n".split_at(8).0).await;
    ann.send("CAPA\r\n").await;
    inside.send("+OK\r\nhalf of the mes").await;
    inside.close();
    ann.expect("+OK\r\nhalf of the mes").await;
    ann.expect_eof().await;
    let summary = gate.only_end_of("client 1").await;
    assert_eq!(summary.end(), End::BackendGone);
    assert_eq!(summary.culprit(), Some(Culprit::Backend));
    assert_eq!(summary.retrieved, 0);
    gate.released(1).await;
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_closes_instead_of_answering_quit_is_said_to_have_done_so() {
    let gate = Gate::classic().await;
    let (mut ann, mut inside) = gate.log_in("ann", "secret").await;
    pipelines(&mut ann, &mut inside, "DELE 1\r\nQUIT\r\n").await;
    inside.send("+OK\r\n").await;
    inside.close();
    ann.expect("+OK\r\n").await;
    ann.expect_eof().await;
    let summary = gate.only_end_of("client 1").await;
    assert_eq!((summary.end(), summary.deleted), (End::QuitUnanswered, 0));
}

#[tokio::test(start_paused = true)]
async fn a_quit_that_fails_is_passed_on_and_deletes_nothing() {
    let gate = Gate::classic().await;
    let (mut ann, mut inside) = gate.log_in("ann", "secret").await;
    pipelines(&mut ann, &mut inside, "DELE 1\r\nQUIT\r\n").await;
    let reply = "+OK\r\n-ERR some deleted messages not removed\r\n";
    inside.send(reply).await;
    ann.expect(reply).await;
    ann.expect_eof().await;
    let summary = gate.only_end_of("client 1").await;
    assert_eq!((summary.end(), summary.deleted), (End::QuitFailed, 0));
}

#[tokio::test(start_paused = true)]
async fn behind_an_unknown_command_bytes_pass_as_they_are_until_quit() {
    let gate = Gate::classic().await;
    let (mut ann, mut inside) = gate.log_in("ann", "secret").await;
    ann.send(b"DELE 1\r\nXTND XMIT\nraw\r line\n\0\xff\r\n.\r\nQUIT\r\nNOOP\r\n")
        .await;
    inside
        .expect(b"DELE 1\r\nXTND XMIT\r\nraw\r line\n\0\xff\r\n.\r\nQUIT\r\n")
        .await;
    inside.send("+OK\r\n+ go on\n+OK sent\r\n+OK bye\r\n").await;
    inside.close();
    ann.expect("+OK\r\n+ go on\n+OK sent\r\n+OK bye\r\n").await;
    ann.expect_eof().await;
    let summary = gate.only_end_of("client 1").await;
    assert_eq!((summary.end(), summary.deleted), (End::Quit, 1));
}

#[tokio::test(start_paused = true)]
async fn a_line_ends_at_lf_and_goes_on_as_crlf() {
    let gate = Gate::classic().await;
    let (mut ann, mut inside) = gate.log_in("ann", "secret").await;
    ann.send("STAT\nLIST 1 \nNOOP\r\n").await;
    inside.expect("STAT\r\nLIST 1\r\nNOOP\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn lines_that_cannot_go_on_are_answered_and_the_next_ones_go() {
    let gate = Gate::classic().await;
    let (mut ann, mut inside) = gate.log_in("ann", "secret").await;
    ann.send("RETR\0 1\r\nDELE\r1\r\n").await;
    ann.send("x".repeat(2000)).await;
    ann.send("\r\nSTAT\r\n").await;
    ann.expect_prefix("-ERR Line holds a NUL").await;
    ann.expect_prefix("-ERR Line holds a NUL").await;
    ann.expect_prefix("-ERR Line too long").await;
    inside.expect("STAT\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn a_line_that_nobody_asked_for_is_swallowed() {
    let gate = Gate::classic().await;
    let (mut ann, mut inside) = gate.log_in("ann", "secret").await;
    inside.send("-ERR Going down soo").await;
    ann.expect_silence(seconds(1.0)).await;
    ann.send("STAT\r\n").await;
    inside.expect("STAT\r\n").await;
    inside.send("n\r\n+OK 1 120\r\n").await;
    ann.expect("+OK 1 120\r\n").await;
    ann.expect_silence(seconds(1.0)).await;
}
