//! What an operator sees of a maildrop in use: by the name of its user, and as it happens.

use crate::gate::{Client, Gate};
use popgate::time::{Duration, Instant};
use serde_json::Value;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;

const SETTINGS: [(&str, &str); 2] = [
    (
        "[server]",
        "[defaults]\nwait = \"28s\"\nfailures = { delay = \"0s\" }\n\n\
         [[tenant]]\nname = \"home\"\ndomains = [\"home.example\"]\nqueue = 4\n\
         [[tenant.user]]\nname = \"ann@home.example\"\nidle_timeout = \"5m\"\n\n[server]",
    ),
    ("[admin]", "[admin]\ntoken_file = \"admin.token\""),
];

fn start() -> Gate {
    Gate::start_edited("secret", |text| {
        let edit = |text: String, (from, to): &(&str, &str)| text.replacen(from, to, 1);
        SETTINGS.iter().fold(text, edit)
    })
}

fn authorization(gate: &Gate) -> String {
    let token = fs::read_to_string(gate.folder().join("admin.token")).unwrap();
    format!("Authorization: Bearer {}\r\n", token.trim())
}

fn user(gate: &Gate, login: &str) -> Value {
    let path = format!("/api/v1/users/{login}");
    let answer = gate.get(
        &path,
        &format!("{}Connection: close\r\n", authorization(gate)),
    );
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
    assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
    serde_json::from_str(body).expect(body)
}

/// Looks again until it is as it should be.
fn seen(gate: &Gate, login: &str, is_it: impl Fn(&Value) -> bool) -> Value {
    let start = Instant::now();
    loop {
        let user = user(gate, login);
        if is_it(&user) {
            return user;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "{user:#}");
        std::thread::yield_now();
    }
}

/// A client whose login waits.
fn waiter(gate: &Gate) -> Client {
    let mut client = gate.connect();
    assert!(client.ask("USER ann").starts_with("+OK"));
    client.send("PASS secret");
    client
}

#[test]
fn a_user_is_shown_with_holder_waiters_and_last_logins() {
    let gate = start();
    let mut holder = gate.connect();
    assert!(holder.log_in("secret").starts_with("+OK"));
    let mut waiter = waiter(&gate);
    let contended = seen(&gate, "Ann", |user| {
        user["lock"]["waiters"]
            .as_array()
            .is_some_and(|it| it.len() == 1)
    });
    assert_eq!(contended["maildrop"], "ann");
    assert_eq!(contended["lock"]["holder"]["phase"], "transaction");
    assert_eq!(contended["lock_id"], contended["lock"]["id"]);
    assert_eq!(contended["sessions"].as_array().unwrap().len(), 2);
    assert!(holder.ask("QUIT").starts_with("+OK"));
    assert!(waiter.line().starts_with("+OK"));
    drop(waiter);
    let free = seen(&gate, "ann", |user| {
        user["lock"].is_null() && user["last_logins"].as_array().unwrap().len() == 2
    });
    let ends: Vec<_> = (0..2).map(|n| &free["last_logins"][n]["end"]).collect();
    assert_eq!(ends, ["left", "quit"]);
    let mut stranger = gate.connect();
    assert!(stranger.log_in("wrong").starts_with("-ERR"));
    let refused = seen(&gate, "ann", |user| {
        user["last_logins"].as_array().unwrap().len() == 3
    });
    assert_eq!(refused["last_logins"][0]["end"], "login_refused");
}

#[test]
fn each_limit_is_shown_with_the_table_that_says_it() {
    let gate = start();
    let user = user(&gate, "ann@home.example");
    let limits = user["limits"].as_array().unwrap();
    let told = |name: &str| {
        let limit = limits
            .iter()
            .find(|limit| limit["name"] == name)
            .expect(name);
        [&limit["value"], &limit["set_by"]].map(|it| it.as_str().unwrap().to_owned())
    };
    assert_eq!(told("wait"), ["28s", "defaults"]);
    assert_eq!(told("queue"), ["4", "tenant"]);
    assert_eq!(told("idle_timeout"), ["5m", "user"]);
    assert_eq!(told("polls.burst")[1], "built-in");
    assert_eq!(user["tenant"], "home");
}

#[test]
fn contention_is_told_within_a_second_and_so_is_its_end() {
    let gate = start();
    let mut holder = gate.connect();
    assert!(holder.log_in("secret").starts_with("+OK"));
    let mut stream = TcpStream::connect(gate.metrics).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let head = authorization(&gate);
    let request = "GET /api/v1/locks/events?contended=true HTTP/1.1\r\nHost: localhost\r\n";
    write!(stream, "{request}{head}\r\n").unwrap();
    let mut text = String::new();
    read_until(&mut stream, &mut text, "event: snapshot");
    let asked = Instant::now();
    let _waiter = waiter(&gate);
    read_until(&mut stream, &mut text, "event: lock");
    assert!(asked.elapsed() < Duration::from_secs(1));
    assert!(holder.ask("QUIT").starts_with("+OK"));
    read_until(&mut stream, &mut text, "\"waiters\":[]");
}

/// Reads on until `what` has come.
fn read_until(stream: &mut TcpStream, text: &mut String, what: &str) {
    let mut octets = [0; 4096];
    while !text.contains(what) {
        let length = stream.read(&mut octets).expect("nothing came");
        assert_ne!(length, 0, "the end came behind {text}");
        text.push_str(&String::from_utf8_lossy(&octets[..length]));
    }
}
