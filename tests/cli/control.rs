//! What operators do to a running gate through its API.

use crate::api::{ask, await_items, get, start};
use crate::gate::Gate;
use crate::{code, stderr};

fn post(gate: &Gate, target: &str, body: &str) -> serde_json::Value {
    let answer = ask(gate, "POST", target, body);
    assert_eq!(answer.status, 200, "{target}: {}", answer.body);
    answer.body
}

fn readiness(gate: &Gate) -> String {
    gate.get("/readyz", "")
}

#[test]
fn a_drain_lets_sessions_finish_and_the_process_exits_0() {
    let gate = start();
    let mut before_login = gate.connect();
    let mut session = gate.connect();
    assert!(session.log_in("secret").starts_with("+OK"));
    assert!(session.ask("DELE 1").starts_with("+OK"));
    let status = post(&gate, "/api/v1/drain", r#"{"grace_seconds": 3600}"#);
    assert_eq!(status["stage"], "draining");
    assert_eq!(before_login.line(), "", "it has not logged in");
    let ready = readiness(&gate);
    assert!(ready.starts_with("HTTP/1.1 503") && ready.contains("stopping"));
    gate.wait_for_notice("STATUS=draining");
    assert!(session.ask("QUIT").starts_with("+OK"));
    let server = gate.server.clone();
    assert_eq!(code(&gate.wait()), 0);
    assert_eq!(server.log().counts().deleted, 1);
}

#[test]
fn a_second_drain_makes_the_first_one_shorter() {
    let gate = start();
    let mut session = gate.connect();
    assert!(session.log_in("secret").starts_with("+OK"));
    post(&gate, "/api/v1/drain", r#"{"grace_seconds": 3600}"#);
    post(&gate, "/api/v1/drain", "{}");
    assert!(session.ask("STAT").starts_with("+OK"));
    post(&gate, "/api/v1/drain", r#"{"grace_seconds": 0}"#);
    assert_eq!(session.line(), "", "its time is over");
    gate.wait_for_notice("STOPPING=1");
    assert_eq!(code(&gate.wait()), 0);
}

#[test]
fn in_a_drain_the_first_signal_stops_as_ever_and_the_second_closes_at_once() {
    let gate = start();
    let mut session = gate.connect();
    assert!(session.log_in("secret").starts_with("+OK"));
    post(&gate, "/api/v1/drain", r#"{"grace_seconds": 3600}"#);
    gate.signal("TERM");
    gate.wait_for_notice("STOPPING=1");
    assert!(session.ask("STAT").starts_with("+OK"));
    gate.signal("TERM");
    assert_eq!(session.line(), "");
    assert_eq!(code(&gate.wait()), 0);
}

#[test]
fn a_paused_backend_has_its_logins_wait_and_all_can_see_it() {
    let gate = start();
    let paused = post(&gate, "/api/v1/backends/demo/pause", "{}");
    assert_eq!(paused["paused"], true);
    assert_eq!(
        get(&gate, "/api/v1/status")["paused"]["backends"][0],
        "demo"
    );
    assert!(
        gate.scrape()
            .contains("popgate_backend_paused{backend=\"demo\"} 1")
    );
    assert!(readiness(&gate).starts_with("HTTP/1.1 200"));
    let mut client = gate.connect();
    assert!(client.ask("USER ann").starts_with("+OK"));
    client.send("PASS secret");
    await_items(&gate, "/api/v1/sessions?phase=waiting", 1);
    assert_eq!(gate.server.log().counts().logins, 0);
    let resumed = post(&gate, "/api/v1/backends/demo/resume", "{}");
    assert_eq!(resumed["paused"], false);
    assert!(client.line().starts_with("+OK"));
    let tenant = post(&gate, "/api/v1/tenants/acme/pause", "{}");
    assert_eq!(tenant["paused"], true);
    assert_eq!(
        ask(&gate, "POST", "/api/v1/tenants/none/pause", "{}").status,
        404
    );
}

#[test]
fn a_kicked_session_is_closed_and_the_log_says_why() {
    let gate = start();
    let mut client = gate.connect();
    assert!(client.log_in("secret").starts_with("+OK"));
    let sessions = get(&gate, "/api/v1/sessions?phase=transaction");
    let session = sessions["items"][0]["id"].as_u64().unwrap();
    let target = format!("/api/v1/sessions/{session}/kick");
    let kicked = post(&gate, &target, "{\"reason\": \"holds the \\u001b[1mlock\"}");
    assert_eq!(kicked["result"], "kicked");
    assert_eq!(client.line(), "");
    gate.signal("TERM");
    let log = stderr(&gate.wait());
    let why = "an operator ended it: holds the \\u{1b}[1mlock";
    assert!(log.contains(why), "{log}");
    assert!(
        log.contains(&format!("operator: session {session} kicked")),
        "{log}"
    );
}

#[test]
fn the_log_says_more_when_it_is_told_to() {
    let gate = start();
    assert_eq!(get(&gate, "/api/v1/log")["level"], "info");
    assert_eq!(get(&gate, "/api/v1/status")["log_level"], "info");
    drop(gate.connect());
    let set = post(&gate, "/api/v1/log", r#"{"level": "warn,popgate=debug"}"#);
    let level = set["level"].as_str().unwrap();
    assert_eq!(get(&gate, "/api/v1/log")["level"], level);
    assert_eq!(
        ask(&gate, "POST", "/api/v1/log", r#"{"level": "inof"}"#).status,
        400
    );
    drop(gate.connect());
    gate.signal("TERM");
    let log = stderr(&gate.wait());
    let opened = log.lines().filter(|line| line.contains("session opened"));
    assert_eq!(opened.count(), 1, "{log}");
    assert!(log.contains("operator: log level set to"), "{log}");
}
