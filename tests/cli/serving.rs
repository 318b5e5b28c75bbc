//! `popgate serve`, from its start to its end.

use crate::gate::{Gate, free_address};
use crate::{code, popgate, stderr};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use std::fs;
use std::net::TcpListener;

#[test]
fn a_stop_lets_an_open_session_finish_and_exits_0() {
    let gate = Gate::start("secret", &[], "60s");
    let mut before_login = gate.connect();
    let mut session = gate.connect();
    assert!(session.log_in("secret").starts_with("+OK"));
    gate.signal("TERM");
    gate.wait_for_notice("STOPPING=1");
    assert_eq!(
        before_login.line(),
        "",
        "a connection before login is closed"
    );
    assert!(session.ask("STAT").starts_with("+OK"));
    assert!(session.ask("DELE 1").starts_with("+OK"));
    assert!(session.ask("QUIT").starts_with("+OK"));
    let server = gate.server.clone();
    assert_eq!(code(&gate.wait()), 0);
    assert_eq!(server.log().counts().deleted, 1);
}

#[test]
fn a_second_signal_closes_at_once_and_exits_0() {
    let gate = Gate::start("secret", &[], "60s");
    let mut session = gate.connect();
    assert!(session.log_in("secret").starts_with("+OK"));
    assert!(session.ask("DELE 1").starts_with("+OK"));
    gate.signal("TERM");
    gate.wait_for_notice("STOPPING=1");
    gate.signal("INT");
    assert_eq!(session.line(), "");
    let server = gate.server.clone();
    assert_eq!(code(&gate.wait()), 0);
    assert_eq!(server.log().counts().deleted, 0, "QUIT was never sent");
}

#[test]
fn a_taken_port_is_named_and_exits_69() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let backend = free_address();
    let config = format!(
        "[[listen]]\naddress = \"{address}\"\ntls = \"off\"\n\
         [[backend]]\nname = \"b\"\naddress = \"{backend}\"\n"
    );
    fs::write(folder.path().join("popgate.toml"), config).unwrap();
    let output = popgate(folder.path(), &["serve", "--config", "popgate.toml"]);
    assert_eq!(code(&output), 69);
    assert!(
        stderr(&output).contains(&address.to_string()),
        "{}",
        stderr(&output)
    );
}

#[test]
fn no_password_reaches_the_log_the_metrics_or_a_core_file() {
    nothing_tells("canary-3f9a6c");
}

#[test]
fn no_password_of_four_kibibytes_does_either() {
    nothing_tells(&("canary-3f9a6c".to_owned() + &"x".repeat(4_083)));
}

fn nothing_tells(canary: &str) {
    let plain = BASE64_STANDARD.encode(format!("\0ann\0{canary}"));
    let login = BASE64_STANDARD.encode(canary);
    let wrong = format!("wrong-{canary}");
    let gate = Gate::start(canary, &[("RUST_LOG", "trace")], "60s");

    assert!(gate.connect().log_in(&wrong).starts_with("-ERR"));
    assert!(
        gate.connect()
            .ask(&format!("PASS {canary}"))
            .starts_with("-ERR")
    );
    assert!(
        gate.connect()
            .ask(&format!("AUTH NONSENSE {plain}"))
            .starts_with("-ERR")
    );
    assert!(
        gate.connect()
            .ask(&format!("PAS {canary}"))
            .starts_with("-ERR")
    );
    let mut holder = gate.connect();
    assert!(
        holder
            .ask(&format!("AUTH PLAIN {plain}"))
            .starts_with("+OK")
    );
    assert!(holder.ask(&format!("PASS {canary}")).starts_with("-ERR"));
    assert!(holder.ask("QUIT").starts_with("+OK"));
    let mut second = gate.connect();
    second.ask("AUTH LOGIN");
    second.ask(&BASE64_STANDARD.encode("ann"));
    assert!(second.ask(&login).starts_with("+OK"));
    drop(second);

    let limits = gate.proc_file("limits");
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .unwrap();
    assert_eq!(core.split_whitespace().nth(4), Some("1"), "{core}");
    let metrics = gate.scrape();
    gate.signal("TERM");
    let output = gate.wait();
    assert_eq!(code(&output), 0);
    let said = stderr(&output) + &String::from_utf8_lossy(&output.stdout) + &metrics;
    assert!(said.contains("popgate_sessions_total"));
    assert!(
        said.contains("listens on"),
        "the log is there to be searched"
    );
    for secret in [canary, &plain, &login, &wrong] {
        let beginning = &secret[..secret.len().min(13)];
        assert!(!said.contains(beginning), "{secret} is in the output");
    }
}
