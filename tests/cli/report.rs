//! `report` and `explain` of a running gate: kinds of trouble, each told by its own cause.

use crate::api;
use crate::gate::Gate;
use crate::{code, stderr, stdout};
use std::fs;
use std::os::unix::fs::PermissionsExt;

const PC: [u8; 4] = [127, 0, 0, 2];
const PHONE: [u8; 4] = [127, 0, 0, 3];
const TABLET: [u8; 4] = [127, 0, 0, 4];

/// The report on Ann in English.
fn report(gate: &Gate) -> String {
    let output = gate.run(&["report", "ann", "--lang", "en"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    stdout(&output)
}

/// A gate with an API in which a login waits for so long.
fn start_with_wait(wait: &str) -> Gate {
    Gate::start_edited("secret", |text| {
        let settings = format!("[defaults]\ncleartext = \"always\"\nwait = \"{wait}\"\n");
        let text = text.replacen("[admin]", "[admin]\ntoken_file = \"admin.token\"", 1);
        format!("{settings}{text}")
    })
}

/// The sentences of the causes, each in one line.
fn unfolded(text: &str) -> String {
    text.replace("\n   ", " ")
}

/// The first cause of `text`.
fn first_cause(text: &str) -> &str {
    let causes = text.lines().skip_while(|line| !line.starts_with("Causes,"));
    let first = causes.into_iter().find(|line| line.starts_with("1. "));
    first.unwrap_or_else(|| panic!("no cause in\n{text}"))
}

/// Until the history has as many logins of Ann.
fn await_logins(gate: &Gate, logins: usize) {
    gate.await_told(&["explain", "ann"], |told| {
        told["last_logins"].as_array().map(Vec::len) == Some(logins)
    });
}

fn look_for_mail(gate: &Gate, from: [u8; 4]) {
    let mut client = gate.connect_from(from);
    assert!(client.log_in("secret").starts_with("+OK"));
    assert!(client.ask("STAT").starts_with("+OK"));
    assert!(client.ask("QUIT").starts_with("+OK"));
}

/// The phone has last year's password.
fn give_wrong_passwords(gate: &Gate) {
    for _ in 0..3 {
        let mut client = gate.connect_from(PHONE);
        assert!(client.log_in("canary-7f3a").starts_with("-ERR"));
        client.ask("QUIT");
    }
}

#[test]
fn a_stale_password_is_told_from_what_else_it_may_be_and_never_shown() {
    let gate = Gate::start_with_api("");
    look_for_mail(&gate, PHONE);
    look_for_mail(&gate, PC);
    give_wrong_passwords(&gate);
    await_logins(&gate, 5);
    let text = report(&gate);
    let expected = "1. A program has an old password (very likely)";
    assert_eq!(first_cause(&text), expected, "{text}");
    assert!(
        text.contains("3 logins of 127.0.0.3 were refused"),
        "{text}"
    );
    assert!(
        text.contains("127.0.0.2 logged in with the right password"),
        "{text}"
    );
    let explained = stdout(&gate.run(&["explain", "ann"]));
    assert!(
        explained.contains("A program has an old password"),
        "{explained}"
    );
    let json = gate.told(&["explain", "ann"]);
    assert_eq!(json["causes"][0]["cause"], "stale_password");
    let of = json["causes_of"].as_str().unwrap();
    let begun = json["last_logins"].as_array().unwrap();
    assert!(of <= begun[0]["at"].as_str().unwrap(), "{of} of {begun:?}");
    assert!(explained.contains("about the login of "), "{explained}");
    for shown in [text, explained, json.to_string()] {
        assert!(
            !shown.contains("canary-7f3a") && !shown.contains("secret"),
            "{shown}"
        );
    }
}

#[test]
fn two_programs_in_each_others_way_are_named_with_who_was_in_there() {
    let gate = start_with_wait("4s");
    look_for_mail(&gate, PHONE);
    for _ in 0..2 {
        let mut pc = gate.connect_from(PC);
        assert!(pc.log_in("secret").starts_with("+OK"));
        let mut phone = gate.connect_from(PHONE);
        let refused = phone.log_in("secret");
        assert!(refused.contains("locked"), "{refused}");
        // As Thunderbird does; it is answered at once.
        assert_eq!(phone.log_in("secret"), refused);
        phone.ask("QUIT");
        assert!(pc.ask("QUIT").starts_with("+OK"));
    }
    await_logins(&gate, 7);
    let text = report(&gate);
    let expected = "1. Two programs look for mail at the same time (very likely)";
    assert_eq!(first_cause(&text), expected, "{text}");
    assert!(text.contains("127.0.0.2 was in the mailbox from"), "{text}");
    assert!(text.contains("Client address    127.0.0.3\n"), "{text}");
    assert!(!text.contains("the login did not wait"), "{text}");
    let waited = "Logins of the day that waited for another session: 2;";
    assert!(unfolded(&text).contains(waited), "{text}");
}

#[test]
fn a_phone_that_never_says_quit_is_named_with_how_long_it_was_silent() {
    let gate = start_with_wait("16s");
    look_for_mail(&gate, PC);
    await_logins(&gate, 1);
    let mut phone = gate.connect_from(PHONE);
    assert!(phone.log_in("secret").starts_with("+OK"));
    assert!(phone.ask("STAT").starts_with("+OK"));
    let mut pc = gate.connect_from(PC);
    assert!(pc.log_in("secret").contains("locked"));
    pc.ask("QUIT");
    await_logins(&gate, 2);
    // While it is still in there, and when it has gone.
    let while_there = report(&gate);
    drop(phone);
    await_logins(&gate, 3);
    for text in [while_there, report(&gate)] {
        let expected = "1. A phone or program that never says QUIT (possible)";
        assert_eq!(first_cause(&text), expected, "{text}");
        let silent = "127.0.0.3 sent nothing for 1";
        assert!(unfolded(&text).contains(silent), "{text}");
        assert!(text.contains("Client address    127.0.0.2\n"), "{text}");
    }
}

#[test]
fn a_mailbox_that_is_locked_past_the_gate_is_told_from_one_that_is_held_in_it() {
    let gate = start_with_wait("8s");
    look_for_mail(&gate, PC);
    await_logins(&gate, 1);
    let mut webmail = gate.connect_to(gate.backend);
    assert!(webmail.log_in("secret").starts_with("+OK"));
    let mut pc = gate.connect_from(PC);
    assert!(pc.log_in("secret").starts_with("-ERR"));
    pc.ask("QUIT");
    await_logins(&gate, 2);
    let text = report(&gate);
    let expected = "1. Mailbox locked by something that does not go through popgate (very likely)";
    assert_eq!(first_cause(&text), expected, "{text}");
    assert!(text.contains("nobody who came through popgate"), "{text}");
    assert!(
        text.contains("-ERR [IN-USE] Unable to lock maildrop"),
        "{text}"
    );
    webmail.ask("QUIT");
}

#[test]
fn of_two_that_lost_at_once_the_report_is_about_the_one_that_is_asked_for() {
    let gate = start_with_wait("4s");
    look_for_mail(&gate, PC);
    await_logins(&gate, 1);
    let mut holder = gate.connect_from(PC);
    assert!(holder.log_in("secret").starts_with("+OK"));
    let mut losers = [PHONE, TABLET].map(|address| gate.connect_from(address));
    for loser in &mut losers {
        assert!(loser.ask("USER ann").starts_with("+OK"));
        loser.send("PASS secret");
    }
    for loser in &mut losers {
        assert!(loser.line().starts_with("-ERR"));
        loser.ask("QUIT");
    }
    await_logins(&gate, 3);
    let kept = api::ask(&gate, "GET", "/api/v1/history?user=ann", "").body;
    for address in ["127.0.0.3", "127.0.0.4"] {
        let entries = kept["items"].as_array().unwrap().iter();
        let mut its = entries.filter(|it| it["client"].as_str().unwrap().starts_with(address));
        let id = its.next().unwrap()["id"].as_u64().unwrap();
        let target = format!("/api/v1/users/ann/report?entry={id}");
        let report = api::ask(&gate, "GET", &target, "").body;
        let text = report["text"].as_str().unwrap();
        let expected = format!("Client address    {address}\n");
        assert!(text.contains(&expected), "{text}");
        assert!(text.contains("About the login of "), "{text}");
    }
    let unknown = api::ask(&gate, "GET", "/api/v1/users/ann/report?entry=99999", "");
    assert_eq!(unknown.status, 400, "{}", unknown.body);
}

#[test]
fn a_report_is_a_file_of_its_own_and_speaks_the_language_that_is_asked_for() {
    let gate = Gate::start_with_api("");
    give_wrong_passwords(&gate);
    await_logins(&gate, 3);
    let write = |more: &[&str]| {
        let files = ["report", "ann", "--output", "ann.txt", "--svg", "ann.svg"];
        gate.run(&[&files, more].concat())
    };
    let output = write(&["--lang", "de"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let file = gate.folder().join("ann.txt");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("Bericht zum Postfach ann\n"), "{text}");
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let svg = fs::read_to_string(gate.folder().join("ann.svg")).unwrap();
    assert!(svg.starts_with("<svg"), "{svg}");
    let again = write(&["--lang", "vi"]);
    assert_eq!(code(&again), 64);
    assert!(stderr(&again).contains("--force"), "{}", stderr(&again));
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
    assert_eq!(code(&write(&["--lang", "vi", "--force"])), 0);
    assert!(fs::read_to_string(&file).unwrap().starts_with("Báo cáo"));
    let unknown = gate.run(&["report", "ann", "--lang", "xx"]);
    assert_eq!(code(&unknown), 64);
}

#[test]
fn who_has_no_past_gets_a_report_that_says_so() {
    let gate = Gate::start_with_api("");
    let text = report(&gate);
    assert!(
        text.contains("The history has no login of this mailbox"),
        "{text}"
    );
}
