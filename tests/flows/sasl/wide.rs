//! Logins that one form has room for and another has not: long ones, those for another's maildrop,
//! those with a line end in them.

use super::base64;
use crate::support::{Gate, Wire, seconds};
use popgate::observe::event::{Culprit, End, Event, LockEvent};

const ANOTHERS: &str = "-ERR [SYS/PERM] The mail server cannot open another user's mailbox\r\n";
const LINE_END: &str =
    "-ERR [SYS/PERM] The mail server takes no name or password with a line end in it\r\n";

/// A gate before a backend that lists no PLAIN.
async fn without_plain(settings: &str) -> Gate {
    let gate = Gate::with(settings).await;
    gate.look("legacy", &["USER", "PIPELINING"]).await;
    gate
}

/// A client that has said this by AUTH PLAIN, and has no answer yet.
async fn plain(gate: &Gate, message: &str) -> Wire {
    let mut client = gate.greeted().await;
    says_plain(&mut client, message).await;
    client
}

async fn says_plain(client: &mut Wire, message: &str) {
    let response = base64(message);
    client.send(format!("AUTH PLAIN {response}\r\n")).await;
}

async fn says_login(client: &mut Wire, user: &str, password: &str) {
    client
        .send(format!("AUTH LOGIN {}\r\n", base64(user)))
        .await;
    client
        .expect(format!("+ {}\r\n", base64("Password:")))
        .await;
    client.send(format!("{}\r\n", base64(password))).await;
}

#[tokio::test(start_paused = true)]
async fn four_kibibytes_of_name_and_password_go_on_in_every_form() {
    let gate = Gate::classic().await;
    let (user, password) = ("n".repeat(4_096), "p".repeat(4_096));
    let mut client = gate.greeted().await;
    client.asks_in(&user, &password).await;
    let mut backend = gate.dialed().await;
    let response = base64(&format!("\0{user}\0{password}"));
    backend.answers_plain(&response, "-ERR no").await;
    client.expect("-ERR no\r\n").await;

    let deputy = "d".repeat(4_096);
    for message in [
        format!("\0{user}\0{password}"),
        format!("{user}\0{deputy}\0{password}"),
    ] {
        says_plain(&mut client, &message).await;
        let mut backend = gate.dialed().await;
        backend.answers_plain(&base64(&message), "-ERR no").await;
        client.expect("-ERR no\r\n").await;
    }

    says_login(&mut client, &user, &password).await;
    let mut backend = gate.dialed().await;
    backend.answers_plain(&response, "+OK in").await;
    client.expect("+OK in\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn an_octet_more_is_refused_in_every_form() {
    let gate = Gate::classic().await;
    let mut client = gate.greeted().await;
    let long = "x".repeat(4_097);
    client.send("USER ann\r\n").await;
    client.expect("+OK Send PASS\r\n").await;
    for line in [format!("USER {long}"), format!("PASS {long}")] {
        client.send(format!("{line}\r\n")).await;
        client.expect("-ERR Line too long\r\n").await;
    }
    for message in [format!("\0{long}\0pw"), format!("{long}\0ann\0pw")] {
        says_plain(&mut client, &message).await;
        client.expect("-ERR Malformed response\r\n").await;
    }
    client
        .send(format!("AUTH LOGIN {}\r\n", base64(&long)))
        .await;
    client.expect("-ERR Malformed response\r\n").await;
    assert_eq!(gate.dials(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_name_that_the_backends_refusal_repeats_may_be_long_too() {
    let gate = without_plain("[defaults]\ncleartext = \"always\"\n").await;
    let user = "n".repeat(4_096);
    let refusal = format!("-ERR [AUTH] Password supplied for \"{user}\" is incorrect.");
    let mut client = gate.asking(&user, "secret").await;
    let mut backend = gate.dialed().await;
    backend.answers_login(&user, "secret", &refusal).await;
    client.expect(format!("{refusal}\r\n")).await;
    assert_eq!(gate.dials(), 1);
}

/// RFC 2449 section 4 has 255 octets for a command: longer responses wait, as RFC 5034 section 4
/// says, and what came as base64 does not become a command that is longer.
#[tokio::test(start_paused = true)]
async fn a_backend_gets_no_line_longer_than_a_command_that_it_did_not_ask_for() {
    let gate = Gate::classic().await;
    let mut client = gate.greeted().await;
    for (password, at_once) in [("p".repeat(175), true), ("p".repeat(176), false)] {
        let message = format!("\0ann\0{password}");
        says_plain(&mut client, &message).await;
        let response = base64(&message);
        assert_eq!(format!("AUTH PLAIN {response}\r\n").len() <= 255, at_once);
        let mut backend = gate.dialed().await;
        backend.answers_plain(&response, "-ERR no").await;
        client.expect("-ERR no\r\n").await;
    }
    let short = "p".repeat(248);
    says_login(&mut client, "ann", &short).await;
    let mut backend = gate.dialed().await;
    backend.answers_login("ann", &short, "-ERR no").await;
    client.expect("-ERR no\r\n").await;

    let long = short + "p";
    says_login(&mut client, "ann", &long).await;
    let mut backend = gate.dialed().await;
    let response = base64(&format!("\0ann\0{long}"));
    backend.answers_plain(&response, "+OK in").await;
    client.expect("+OK in\r\n").await;
}

/// Dovecot closes at longer ones, and takes them by PLAIN.
#[tokio::test(start_paused = true)]
async fn what_came_by_user_and_pass_goes_on_so_up_to_a_kibibyte_a_line() {
    let gate = Gate::classic().await;
    let longest = "p".repeat(1_017);
    let mut client = gate.greeted().await;
    client.asks_in("ann", &longest).await;
    let mut backend = gate.dialed().await;
    backend.answers_login("ann", &longest, "-ERR no").await;
    client.expect("-ERR no\r\n").await;

    let longer = longest + "p";
    client.asks_in("ann", &longer).await;
    let mut backend = gate.dialed().await;
    let response = base64(&format!("\0ann\0{longer}"));
    backend.answers_plain(&response, "+OK in").await;
    client.expect("+OK in\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn where_there_is_no_plain_a_long_login_goes_by_user_and_pass() {
    let gate = without_plain("[defaults]\ncleartext = \"always\"\n").await;
    let (user, password) = ("n".repeat(4_096), "p".repeat(4_096));
    let mut client = gate.asking(&user, &password).await;
    let mut backend = gate.dialed().await;
    backend.answers_login(&user, &password, "-ERR no").await;
    client.expect("-ERR no\r\n").await;
    let token = "t".repeat(1_500);
    let mut client = plain(&gate, &format!("\0ann\0{token}")).await;
    let mut backend = gate.dialed().await;
    backend.answers_login("ann", &token, "+OK in").await;
    client.expect("+OK in\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn a_password_that_waits_to_be_asked_for_has_not_gone_out_before() {
    let gate = Gate::classic().await;
    let (holder, mut holders) = gate.log_in("ann", "secret").await;
    let message = format!("\0ann\0{}", "t".repeat(1_500));
    let mut client = plain(&gate, &message).await;
    gate.queued(&client).await;
    holder.close();
    holders.expect_eof().await;
    holders.close();
    let mut backend = gate.dialed().await;
    backend.greets().await;
    backend.expect("AUTH PLAIN\r\n").await;
    backend.expect_silence(seconds(1.0)).await;
    let handed_over = |event: &Event| matches!(event, Event::Lock(LockEvent::HandedOver { .. }));
    assert_eq!(gate.events.count(handed_over), 0);
    backend.send("+ go ahead\r\n").await;
    backend.expect(format!("{}\r\n", base64(&message))).await;
    assert_eq!(gate.events.count(handed_over), 1);
    backend.send("+OK in\r\n").await;
    client.expect("+OK in\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn an_error_instead_of_the_question_is_the_answer() {
    let gate = Gate::classic().await;
    let mut client = plain(&gate, &format!("\0ann\0{}", "t".repeat(1_500))).await;
    let mut backend = gate.dialed().await;
    backend.greets().await;
    backend.expect("AUTH PLAIN\r\n").await;
    backend.send("-ERR [AUTH] no such mechanism\r\n").await;
    client.expect("-ERR [AUTH] no such mechanism\r\n").await;
    assert_eq!(gate.dials(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_yes_to_what_held_no_password_lets_nobody_in() {
    let gate = Gate::classic().await;
    let mut client = plain(&gate, &format!("\0ann\0{}", "t".repeat(1_500))).await;
    let mut backend = gate.dialed().await;
    backend.greets().await;
    backend.expect("AUTH PLAIN\r\n").await;
    backend.send("+OK come in\r\n").await;
    backend.expect_eof().await;
    client.expect_silence(seconds(0.1)).await;
}

#[tokio::test(start_paused = true)]
async fn what_no_backend_can_be_told_is_said_before_the_lock_is_asked_for() {
    let gate = without_plain("[defaults]\ncleartext = \"always\"\n").await;
    let (_holder, _backend) = gate.log_in("shared", "secret").await;
    let dials = gate.dials();
    let mut deputy = plain(&gate, "shared\0ann\0secret").await;
    deputy.expect(ANOTHERS).await;
    let asked = |event: &Event| matches!(event, Event::Lock(LockEvent::Queued { .. }));
    assert_eq!(gate.events.count(asked), 0);
    says_plain(&mut deputy, "\0shared\0sec\r\nDELE 1").await;
    deputy.expect(LINE_END).await;
    says_plain(&mut deputy, "\0sha\nred\0secret").await;
    deputy.expect(LINE_END).await;
    says_login(&mut deputy, "shared", "secret\n").await;
    deputy.expect(LINE_END).await;
    // Each was one attempt, and there are six.
    for _ in 0..2 {
        says_plain(&mut deputy, "shared\0ann\0secret").await;
        deputy.expect(ANOTHERS).await;
    }
    deputy.expect_eof().await;
    deputy.close();
    assert_eq!(gate.dials(), dials);
    let summary = gate.end_of("client 2").await;
    assert_eq!(summary.end(), End::ClientViolation);
}

#[tokio::test(start_paused = true)]
async fn it_is_the_backends_fault_and_the_client_may_go_on() {
    let gate = without_plain("[defaults]\ncleartext = \"always\"\n").await;
    let mut client = plain(&gate, "shared\0ann\0secret").await;
    client.expect(ANOTHERS).await;
    client.close();
    let summary = gate.end_of("client 1").await;
    assert_eq!(summary.end(), End::LoginRefused);
    assert_eq!(summary.culprit(), Some(Culprit::Backend));

    let mut client = plain(&gate, "shared\0ann\0secret").await;
    client.expect(ANOTHERS).await;
    client.asks_in("ann", "secret").await;
    gate.dialed().await.lets_in("ann", "secret").await;
    client.expect("+OK ann, come in\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn a_line_end_in_a_password_goes_on_as_base64() {
    let gate = Gate::classic().await;
    for message in ["\0ann\0secret\r\nDELE 1", "\0a\nnn\0secret"] {
        let mut client = plain(&gate, message).await;
        let mut backend = gate.dialed().await;
        backend.answers_plain(&base64(message), "-ERR no").await;
        client.expect("-ERR no\r\n").await;
    }
    let mut client = gate.greeted().await;
    says_login(&mut client, "ann", "secret\n").await;
    let mut backend = gate.dialed().await;
    let response = base64("\0ann\0secret\n");
    backend.answers_plain(&response, "+OK in").await;
    client.expect("+OK in\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn another_spelling_of_ones_own_name_needs_no_plain() {
    let settings = "[defaults]\ncleartext = \"always\"\n[[tenant]]\nname = \"default\"\n\
                    default_domain = \"example.org\"\n";
    for message in [
        " Ann@Example.org \0ann@example.org\0secret",
        "ann\0ann@example.org\0secret",
    ] {
        let gate = without_plain(settings).await;
        let mut client = plain(&gate, message).await;
        let mut backend = gate.dialed().await;
        backend.lets_in("ann@example.org", "secret").await;
        client.expect("+OK ann@example.org, come in\r\n").await;

        // Where there is PLAIN, it goes on as it came.
        let gate = Gate::with(settings).await;
        let mut client = plain(&gate, message).await;
        let mut backend = gate.dialed().await;
        backend.answers_plain(&base64(message), "+OK in").await;
        client.expect("+OK in\r\n").await;
    }
}

#[tokio::test(start_paused = true)]
async fn where_case_counts_another_case_is_another() {
    let gate = without_plain("[defaults]\ncleartext = \"always\"\nfold_case = false\n").await;
    let mut client = plain(&gate, "Ann\0ann\0secret").await;
    client.expect(ANOTHERS).await;
    assert_eq!(gate.dials(), 0);
}

const TWO: &str = r#"
[defaults]
cleartext = "always"
backends = ["first", "second"]
[[backend]]
name = "first"
address = "10.0.0.5:110"
[[backend]]
name = "second"
address = "10.0.0.6:110"
"#;

#[tokio::test(start_paused = true)]
async fn of_several_backends_one_that_can_be_told_gets_it() {
    let gate = Gate::with(TWO).await;
    gate.look("first", &["USER", "PIPELINING"]).await;
    let mut client = plain(&gate, "shared\0ann\0secret").await;
    let mut backend = gate.dialed_at("second").await;
    let response = base64("shared\0ann\0secret");
    backend.answers_plain(&response, "+OK in").await;
    client.expect("+OK in\r\n").await;
    // All others go where they went.
    let mut bob = gate.asking("bob", "secret").await;
    let mut backend = gate.dialed_at("first").await;
    backend.lets_in("bob", "secret").await;
    bob.expect("+OK bob, come in\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn where_the_one_that_could_be_told_is_down_it_is_refused() {
    let gate = Gate::with(TWO).await;
    gate.look("first", &["USER", "PIPELINING"]).await;
    gate.cut_off("second");
    gate.look("second", &[]).await;
    let mut client = plain(&gate, "shared\0ann\0secret").await;
    client.expect(ANOTHERS).await;
}
