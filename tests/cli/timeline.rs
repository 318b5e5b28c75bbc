//! A user's timeline, as the API of a running gate has it.

use crate::gate::{Client, Gate};
use popgate::time::{Duration, Instant};
use roxmltree::Document;
use serde_json::Value;
use std::fs;

fn start(journal: &str) -> Gate {
    let settings = format!("[defaults]\nfailures = {{ delay = \"0s\" }}\n{journal}\n[server]");
    Gate::start_edited("secret", |text| {
        text.replacen("[server]", &settings, 1).replacen(
            "[admin]",
            "[admin]\ntoken_file = \"admin.token\"",
            1,
        )
    })
}

/// Status and body.
fn get(gate: &Gate, path: &str) -> (String, String) {
    let token = fs::read_to_string(gate.folder().join("admin.token")).unwrap();
    let headers = format!(
        "Authorization: Bearer {}\r\nConnection: close\r\n",
        token.trim()
    );
    let answer = gate.get(&format!("/api/v1/users/{path}"), &headers);
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
    let status = head.split(' ').nth(1).unwrap();
    (status.to_owned(), body.to_owned())
}

/// The bars of all rows, as kind and whether it goes on, and the kinds of all marks. Looks again
/// until they are as they should be.
fn told(gate: &Gate, login: &str, expected: &[&str]) -> Value {
    let start = Instant::now();
    loop {
        let (_, body) = get(gate, &format!("{login}/timeline"));
        let timeline: Value = serde_json::from_str(&body).expect(&body);
        let mut found: Vec<String> = Vec::new();
        for row in timeline["rows"].as_array().unwrap() {
            for bar in row["bars"].as_array().unwrap() {
                let kind = bar["kind"].as_str().unwrap();
                let goes_on = if bar["until"].is_null() { "…" } else { "" };
                found.push(format!("{kind}{goes_on}"));
            }
            for mark in row["marks"].as_array().unwrap() {
                found.push(mark["kind"].as_str().unwrap().to_owned());
            }
            // Whether the waiter came within two seconds is the machine's to say.
            found.retain(|kind| kind != "twin");
        }
        found.sort();
        if found == expected {
            return timeline;
        }
        let is_late = start.elapsed() > Duration::from_secs(20);
        assert!(!is_late, "{found:?} is not {expected:?}: {timeline:#}");
        std::thread::yield_now();
    }
}

/// Waits until nobody has the lock: a session that has left holds it until its backend's end.
fn freed(gate: &Gate, login: &str) {
    let start = Instant::now();
    loop {
        let (_, body) = get(gate, login);
        let user: Value = serde_json::from_str(&body).expect(&body);
        if user["lock"].is_null() {
            return;
        }
        let is_late = start.elapsed() > Duration::from_secs(20);
        assert!(!is_late, "it is held: {user:#}");
        std::thread::yield_now();
    }
}

fn waiter(gate: &Gate) -> Client {
    let mut client = gate.connect();
    assert!(client.ask("USER ann").starts_with("+OK"));
    client.send("PASS secret");
    client
}

#[test]
fn a_wait_is_seen_beside_the_hold_that_it_is_for_now_and_afterwards() {
    let gate = start("");
    let mut holder = gate.connect();
    assert!(holder.log_in("secret").starts_with("+OK"));
    let mut waiter = waiter(&gate);
    told(&gate, "Ann", &["hold…", "wait…"]);
    assert!(holder.ask("QUIT").starts_with("+OK"));
    assert!(waiter.line().starts_with("+OK"));
    told(&gate, "ann", &["hold", "hold…", "wait"]);
    drop(waiter);
    freed(&gate, "ann");
    let mut stranger = gate.connect();
    assert!(stranger.log_in("wrong").starts_with("-ERR"));
    let expected = ["hold", "hold", "login", "refused", "wait", "without_quit"];
    let timeline = told(&gate, "ann", &expected);
    assert_eq!(timeline["maildrop"], "ann");
    assert_eq!(timeline["left_out"], 0);
    // What happened in another maildrop is another timeline.
    told(&gate, "ben", &[]);

    let (status, svg) = get(&gate, "ann/timeline.svg?lang=de");
    assert_eq!(status, "200");
    let document = Document::parse(&svg).expect(&svg);
    let count = |class: &str| {
        let nodes = document.descendants();
        nodes
            .filter(|it| it.attribute("class") == Some(class))
            .count()
    };
    assert!(
        count("timeline-hold") >= 2,
        "one of them in the legend: {svg}"
    );
    assert!(count("timeline-refused") >= 2, "{svg}");
    assert!(svg.contains("im Postfach"), "{svg}");
}

#[test]
fn a_question_that_makes_no_sense_says_what_is_wrong() {
    let gate = start("");
    for (query, told) in [
        (
            "since=2026-03-01T10:00:00Z&until=2026-03-01T10:00:00Z",
            "must be before `until`",
        ),
        ("lang=fr", "must be one of en, de, pt, vi"),
    ] {
        let (status, body) = get(&gate, &format!("ann/timeline.svg?{query}"));
        assert_eq!(status, "400", "{body}");
        assert!(body.contains(told), "{body}");
    }
}

#[test]
fn a_gate_that_keeps_no_history_says_so() {
    let gate = start("[journal]\nfile = \"popgate.db\"\nsessions = false\n");
    let (status, body) = get(&gate, "ann/timeline");
    assert_eq!(status, "404", "{body}");
    assert!(body.contains("`sessions` of [journal] is false"), "{body}");
}
