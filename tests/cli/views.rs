//! The commands that show a running gate, with real contention behind it.

use crate::gate::{Client, Gate};
use crate::terminal::Terminal;
use crate::{code, popgate, stderr, stdout};
use serde_json::Value;
use std::process::Output;
use unicode_width::UnicodeWidthStr;

const PHONE: [u8; 4] = [127, 0, 0, 8];
const LAPTOP: [u8; 4] = [127, 0, 0, 9];

/// A phone in the maildrop, and a laptop that waits for it.
struct Contention {
    gate: Gate,
    phone: Client,
    laptop: Client,
}

impl Contention {
    fn start() -> Self {
        let gate = Gate::start_with_api("");
        let mut phone = gate.connect_from(PHONE);
        assert!(phone.log_in("secret").starts_with("+OK"));
        assert!(phone.ask("STAT").starts_with("+OK"));
        let mut laptop = gate.connect_from(LAPTOP);
        assert!(laptop.ask("USER ann").starts_with("+OK"));
        laptop.send("PASS secret");
        gate.await_told(&["locks"], |locks| {
            locks["items"][0]["waiters"].as_array().map(Vec::len) == Some(1)
        });
        Self {
            gate,
            phone,
            laptop,
        }
    }
}

/// The lines of a table, each in words.
fn rows(output: &Output) -> Vec<Vec<String>> {
    assert_eq!(code(output), 0, "{}", stderr(output));
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect();
    stdout(output).lines().map(words).collect()
}

fn total(told: &Value) -> &Value {
    &told["total"]
}

#[test]
fn locks_say_who_holds_and_who_waits() {
    let mut there = Contention::start();
    let gate = &there.gate;
    let shown = rows(&gate.run(&["locks"]));
    assert_eq!(
        shown[0][..5],
        ["MAILDROP", "WHO", "FOR", "SESSION", "CLIENT"]
    );
    assert_eq!(shown[1][..2], ["ann", "holds"]);
    assert!(shown[1].iter().any(|word| word.starts_with("127.0.0.8:")));
    assert!(shown[1].contains(&"STAT".to_owned()), "{:?}", shown[1]);
    assert_eq!(shown[2][..3], ["ann", "waits,", "1."]);
    assert!(shown[2].iter().any(|word| word.starts_with("127.0.0.9:")));
    assert_eq!(shown.len(), 3);

    let lock = &gate.told(&["locks"])["items"][0];
    assert_eq!(lock["maildrop"], "ann");
    assert_eq!(lock["holder"]["last_command"], "STAT");
    assert!(lock["longest_wait_seconds"].as_f64() > Some(0.0));

    for (condition, hits) in [
        (&["--contended"][..], 1),
        (&["--maildrop", "AN"], 1),
        (&["--maildrop", "bob"], 0),
        (&["--address", "127.0.0.9"], 1),
        (&["--address", "192.0.2.0/24"], 0),
        (&["--tenant", "default"], 1),
        (&["--backend", "demo"], 1),
        (&["--backend", "other"], 0),
    ] {
        let told = gate.told(&[&["locks"], condition].concat());
        assert_eq!(total(&told), hits, "{condition:?}");
    }
    assert!(there.phone.ask("QUIT").starts_with("+OK"));
    assert!(there.laptop.line().starts_with("+OK"));
    let gate = &there.gate;
    assert_eq!(total(&gate.told(&["locks", "--contended"])), 0);
    let none = gate.run(&["locks", "--contended"]);
    assert_eq!(stdout(&none), "No such maildrop is locked.\n");
}

#[test]
fn status_sessions_backends_and_tenants_say_the_same_of_it() {
    let Contention {
        gate,
        phone: _phone,
        laptop: _laptop,
    } = Contention::start();
    let status = stdout(&gate.run(&["status"]));
    for line in [
        "waiting    1 login for 1 maildrop, the longest for ",
        "locks      1 held\n",
        "backends   1 of 1 up\n",
        "logins     1 accepted since the start\n",
        "paused     nothing\n",
    ] {
        assert!(status.contains(line), "{line} is not in\n{status}");
    }
    assert_eq!(gate.told(&["status"])["locks"]["waiting"], 1);

    let sessions = rows(&gate.run(&["sessions", "--phase", "waiting"]));
    assert_eq!(sessions.len(), 2, "{sessions:?}");
    assert_eq!(sessions[1][1], "ann");
    assert!(sessions[1][2].starts_with("127.0.0.9:"));
    assert_eq!(sessions[1][3], "waiting");
    let sorted = gate.told(&["sessions", "--sort", "-id", "--limit", "1"]);
    assert_eq!(total(&sorted), 2);
    assert_eq!(sorted["items"].as_array().map(Vec::len), Some(1));
    let cut = stdout(&gate.run(&["sessions", "--limit", "1"]));
    assert!(cut.ends_with("\n… and 1 more\n"), "{cut}");

    let backends = rows(&gate.run(&["backends"]));
    // The phone's, and the one that is prepared for the laptop.
    assert_eq!(backends[1][..2], ["demo", "up"]);
    assert_ne!(backends[1][2], "0");
    assert_eq!(gate.told(&["backends", "nowhere"])["total"], 0);
    let tenants = rows(&gate.run(&["tenants"]));
    assert_eq!(tenants[1][..3], ["default", "open", "1"]);
}

#[test]
fn a_name_that_a_client_typed_moves_no_cursor() {
    let gate = Gate::start_with_api("");
    let mut client = gate.connect();
    client.ask("USER ev\u{1b}[2Jil\u{202e}\u{9b}");
    client.ask("PASS wrong");
    for command in ["sessions", "locks"] {
        let output = gate.run(&[command]);
        let shown = stdout(&output);
        let is_bad = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert!(!shown.contains(is_bad), "{command}: {shown:?}");
    }
    let shown = stdout(&gate.run(&["sessions"]));
    assert!(shown.contains("ev\\u{1b}[2Jil\\u{202e}"), "{shown}");
}

#[test]
fn a_table_fits_the_terminal_and_a_pipe_gets_all() {
    let Contention {
        gate,
        phone: _phone,
        laptop: _laptop,
    } = Contention::start();
    let arguments = ["locks", "--config", "popgate.toml"];
    for columns in [60, 80, 200] {
        let terminal = Terminal::run(gate.folder(), columns, &[("NO_COLOR", "1")], &arguments);
        let (exit, shown) = terminal.end();
        assert_eq!(exit, 0, "{shown}");
        let widest = shown.lines().map(UnicodeWidthStr::width).max();
        assert!(widest <= Some(columns.into()), "{columns}: {shown}");
        assert!(shown.contains("waits, 1."), "{shown}");
        assert_eq!(shown.contains("(too narrow for "), columns < 200, "{shown}");
        assert!(!shown.contains('\x1b'), "{shown:?}");
    }
    let (_, coloured) = Terminal::run(gate.folder(), 80, &[], &arguments).end();
    assert!(coloured.contains("\x1b[33mwaits, 1."), "{coloured:?}");
    let (_, narrow) = Terminal::run(gate.folder(), 200, &[("COLUMNS", "60")], &arguments).end();
    assert!(narrow.contains("too narrow for"), "{narrow:?}");
    let piped = stdout(&gate.run(&["locks"]));
    assert!(
        piped.contains("TENANT") && !piped.contains('\x1b'),
        "{piped}"
    );
}

#[test]
fn a_watch_follows_the_gate_and_outlives_a_restart() {
    let mut gate = Gate::start_with_api("");
    let arguments = ["locks", "--watch", "--config", "popgate.toml"];
    let mut watch = Terminal::run(gate.folder(), 80, &[], &arguments);
    watch.await_text("No such maildrop is locked.");
    let mut phone = gate.connect_from(PHONE);
    assert!(phone.log_in("secret").starts_with("+OK"));
    watch.await_text("holds");
    gate.kill();
    watch.await_text("no popgate answers");
    gate.start_again();
    watch.await_text("No such maildrop is locked.");
    watch.interrupt();

    let piped = popgate(gate.folder(), &arguments);
    assert_eq!(code(&piped), 64);
    assert!(stderr(&piped).contains("standard output is none\nhint: "));
    gate.kill();
    let absent = Terminal::run(gate.folder(), 80, &[], &arguments);
    assert_eq!(
        absent.end().0,
        69,
        "a gate that never answered is not waited for"
    );
}

#[test]
fn a_list_of_more_than_a_page_is_whole() {
    let tenants: Vec<String> = (0..2_500)
        .map(|n| format!("[[tenant]]\nname = \"t{n}\"\ndomains = [\"d{n}.example\"]\n"))
        .collect();
    let gate = Gate::start_with_api(&tenants.concat());
    let names = |told: &Value| -> std::collections::BTreeSet<String> {
        let items = told["items"].as_array().unwrap().iter();
        items.map(|item| item["name"].to_string()).collect()
    };
    let all = gate.told(&["tenants"]);
    assert_eq!(total(&all), 2_501);
    assert_eq!(names(&all).len(), 2_501);
    let some = gate.told(&["tenants", "--limit", "1500"]);
    assert_eq!((total(&some), names(&some).len()), (&2_501.into(), 1_500));
    assert_eq!(total(&gate.told(&["tenants", "d2499.ex"])), 1);
}

#[test]
fn what_the_gate_does_not_take_is_told_with_what_it_takes() {
    let gate = Gate::start_with_api("");
    for (arguments, part) in [
        (["locks", "--sort", "colour"], "`longest_wait`"),
        (["sessions", "--address", "example.com"], "address"),
        (["blocks", "--state", "open"], "blocked, released"),
    ] {
        let output = gate.run(&arguments);
        assert_eq!(code(&output), 64, "{arguments:?}");
        assert!(stderr(&output).contains(part), "{}", stderr(&output));
        assert_eq!(stdout(&output), "");
    }
}
