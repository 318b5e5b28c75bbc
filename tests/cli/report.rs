//! `report` and `explain` of a running gate: three kinds of trouble, each told by its own cause.

use crate::gate::Gate;
use crate::{code, stderr, stdout};
use std::fs;
use std::os::unix::fs::PermissionsExt;

const PC: [u8; 4] = [127, 0, 0, 2];
const PHONE: [u8; 4] = [127, 0, 0, 3];

/// The report on Ann in English.
fn report(gate: &Gate) -> String {
    let output = gate.run(&["report", "ann", "--lang", "en"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    stdout(&output)
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
    look_for_mail(&gate, PC);
    give_wrong_passwords(&gate);
    await_logins(&gate, 4);
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
    for shown in [text, explained, json.to_string()] {
        assert!(
            !shown.contains("canary-7f3a") && !shown.contains("secret"),
            "{shown}"
        );
    }
}

#[test]
fn two_programs_in_each_others_way_are_named_with_who_was_in_there() {
    let gate = Gate::start_edited("secret", |text| {
        let settings = "[defaults]\ncleartext = \"always\"\nwait = \"4s\"\n";
        let text = text.replacen("[admin]", "[admin]\ntoken_file = \"admin.token\"", 1);
        format!("{settings}{text}")
    });
    look_for_mail(&gate, PHONE);
    for _ in 0..2 {
        let mut pc = gate.connect_from(PC);
        assert!(pc.log_in("secret").starts_with("+OK"));
        let mut phone = gate.connect_from(PHONE);
        let refused = phone.log_in("secret");
        assert!(refused.contains("locked"), "{refused}");
        phone.ask("QUIT");
        assert!(pc.ask("QUIT").starts_with("+OK"));
    }
    await_logins(&gate, 5);
    let text = report(&gate);
    let expected = "1. Two programs look for mail at the same time (very likely)";
    assert_eq!(first_cause(&text), expected, "{text}");
    assert!(text.contains("127.0.0.2 was in the mailbox from"), "{text}");
    assert!(text.contains("Client address    127.0.0.3\n"), "{text}");
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
