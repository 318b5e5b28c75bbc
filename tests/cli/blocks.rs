//! The block list of a running gate: who gets on it, who takes them off, and what outlives what.

use crate::gate::Gate;
use crate::terminal::Terminal;
use crate::{code, stderr, stdout};
use rusqlite::Connection;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Output;

/// Nobody here is of a trusted network: of those nothing counts.
const SETTINGS: [(&str, &str); 2] = [
    (
        "[server]",
        r#"
[defaults]
cleartext = "always"
failures = { delay = "0s" }
blocks = { passwords_per_maildrop = 3 }

[journal]
file = "popgate.db"

[server]
trusted_networks = ["10.0.0.0/8"]"#,
    ),
    ("[admin]", "[admin]\ntoken_file = \"admin.token\""),
];

const OWNER: [u8; 4] = [127, 0, 0, 8];
const GUESSER: [u8; 4] = [127, 0, 0, 9];

fn start() -> Gate {
    Gate::start_edited("secret", |text| {
        let edit = |text: String, (from, to): &(&str, &str)| text.replacen(from, to, 1);
        SETTINGS.iter().fold(text, edit)
    })
}

/// Each guess comes by a connection of its own.
fn guess(gate: &Gate) {
    guess_at(gate, GUESSER, 1);
}

/// Three guesses, the first of this number: one that has been made too often is none any more.
fn guess_at(gate: &Gate, from: [u8; 4], first: u32) {
    for number in first..first + 3 {
        let answer = log_in(gate, from, &format!("wrong-{number}"));
        assert!(answer.starts_with("-ERR"), "{answer}");
    }
}

fn log_in(gate: &Gate, from: [u8; 4], password: &str) -> String {
    let mut client = gate.connect_from(from);
    let answer = client.log_in(password);
    client.ask("QUIT");
    answer
}

/// The entries that `popgate blocks` shows.
fn listed(gate: &Gate, arguments: &[&str]) -> Vec<Value> {
    let output = gate.run(&[&["blocks", "--json"], arguments].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let listing: Value = serde_json::from_str(&stdout(&output)).unwrap();
    listing["items"].as_array().unwrap().clone()
}

fn assert_prints(output: &Output, text: &str) {
    assert_eq!(code(output), 0, "{}", stderr(output));
    assert_eq!(stdout(output), text);
}

/// The journal is written by a thread of its own, so that nobody waits for it; a process that is
/// killed before has not written. This waits until an entry stands there as `condition` says.
fn await_journal(gate: &Gate, condition: &str) {
    let journal = Connection::open(gate.folder().join("popgate.db")).unwrap();
    let query = format!("SELECT count(*) FROM block WHERE {condition}");
    let is_written = || journal.query_row(&query, [], |row| row.get::<_, i64>(0)) == Ok(1);
    for _ in 0..10_000 {
        if is_written() {
            return;
        }
        // Between two looks there is a request, which takes a while.
        gate.scrape();
    }
    panic!("no entry of the journal has {condition}");
}

/// Ends the gate, and returns its log.
fn log_of(gate: Gate) -> String {
    gate.signal("TERM");
    let output = gate.wait();
    assert_eq!(code(&output), 0);
    stderr(&output)
}

#[test]
fn a_guesser_is_blocked_and_a_release_lets_him_in_at_once() {
    let gate = start();
    assert_prints(
        &gate.run(&["blocks"]),
        "The block list has no such entry.\n",
    );
    guess(&gate);
    let before = gate.server.log().counts();
    assert_eq!(before.auth_failures, 3);
    let right = log_in(&gate, GUESSER, "secret");
    assert!(right.starts_with("-ERR"), "{right}");
    let after = gate.server.log().counts();
    assert_eq!(
        (after.logins, after.auth_failures),
        (0, 3),
        "no login of his reaches the backend"
    );

    let table = stdout(&gate.run(&["blocks"]));
    let row: Vec<_> = table.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(
        row[..6],
        ["1", "blocked", "ann", "127.0.0.9", "default", "guessing"]
    );
    let entry = &listed(&gate, &["1"])[0];
    assert_eq!(
        (&entry["fault_class"], &entry["times_blocked"]),
        (&"permanent".into(), &1.into())
    );
    for (arguments, shown) in [
        (["--maildrop", "ANN"], 1),
        (["--address", "127.0.0.9"], 1),
        (["--address", "127.0.0.8"], 0),
        (["--tenant", "default"], 1),
        (["--state", "blocked"], 1),
        (["--state", "released"], 0),
        (["--reason", "guessing"], 1),
        (["--reason", "protocol_abuse"], 0),
    ] {
        assert_eq!(listed(&gate, &arguments).len(), shown, "{arguments:?}");
    }

    assert_prints(
        &gate.run(&["release", "1"]),
        "released 1: 127.0.0.9, maildrop ann (guessing)\n",
    );
    assert!(log_in(&gate, GUESSER, "secret").starts_with("+OK"));
    assert_eq!(listed(&gate, &["--state", "released"]).len(), 1);
    let log = log_of(gate);
    for change in ["block list: blocked", "block list: released"] {
        assert!(log.contains(change), "{change} is not in\n{log}");
    }
}

#[test]
fn many_are_released_after_one_question_on_a_terminal_and_without_one_elsewhere() {
    let gate = start();
    guess(&gate);
    guess_at(&gate, OWNER, 10);
    let release = |arguments: &[&str]| {
        let common = ["release", "--config", "popgate.toml"];
        Terminal::run(gate.folder(), 80, &[], &[&common, arguments].concat())
    };
    let asked = "  127.0.0.9, maildrop ann (guessing)\r\n  127.0.0.8, maildrop ann (guessing)\r\n\
                 Release 2 entries? They may log in again at once. [y/N] ";
    let mut declined = release(&["1", "2"]);
    declined.await_text(asked);
    declined.type_line("n");
    let (exit, told) = declined.end();
    assert!(
        exit == 0 && told.contains("Nothing was released."),
        "{told}"
    );
    assert_eq!(listed(&gate, &["--state", "blocked"]).len(), 2);

    let mut wanted = release(&["--maildrop", "ann"]);
    wanted.await_text(asked);
    wanted.type_line("yes");
    let (exit, told) = wanted.end();
    let both = "released 1: 127.0.0.9, maildrop ann (guessing)\n\
                released 2: 127.0.0.8, maildrop ann (guessing)\n";
    assert!(exit == 0 && told.ends_with(both), "{told}");

    guess_at(&gate, GUESSER, 20);
    let one = "released 1: 127.0.0.9, maildrop ann (guessing)\n";
    assert_eq!(
        release(&["--all"]).end(),
        (0, one.to_owned()),
        "one is no question"
    );
    guess_at(&gate, GUESSER, 30);
    guess_at(&gate, OWNER, 40);
    assert_eq!(release(&["--all", "--yes"]).end(), (0, both.to_owned()));
    guess_at(&gate, GUESSER, 50);
    guess_at(&gate, OWNER, 60);
    assert_prints(&gate.run(&["release", "--all"]), both);

    guess_at(&gate, GUESSER, 70);
    guess_at(&gate, OWNER, 80);
    let mut overtaken = release(&["--all"]);
    overtaken.await_text(asked);
    guess_at(&gate, [127, 0, 0, 7], 90);
    overtaken.type_line("yes");
    let (exit, told) = overtaken.end();
    assert!(exit == 0 && told.ends_with(both), "{told}");
    let blocked = listed(&gate, &["--state", "blocked"]);
    assert_eq!(blocked.len(), 1, "nobody was asked about it: {blocked:?}");
    assert_eq!(blocked[0]["address"], "127.0.0.7");
}

#[test]
fn the_history_of_an_entry_tells_what_became_of_it_and_by_whom() {
    let gate = start();
    guess(&gate);
    gate.run(&["release", "1"]);
    guess(&gate);
    gate.run(&["blocks", "--pin", "1"]);
    let history = gate.told(&["blocks", "history", "1"]);
    let told: Vec<_> = history["items"].as_array().unwrap().iter().rev().collect();
    let change = |n: usize| ["change", "by", "state"].map(|key| told[n][key].as_str().unwrap());
    assert_eq!(told.len(), 4, "{history}");
    assert_eq!(change(0), ["blocked", "rule", "blocked"]);
    assert_eq!(change(1), ["released", "127.0.0.1", "released"]);
    assert_eq!(change(2), ["blocked", "rule", "blocked"]);
    assert_eq!(change(3), ["pinned", "127.0.0.1", "blocked"]);
    let unknown = gate.run(&["blocks", "history", "2"]);
    assert_eq!(code(&unknown), 64);
    assert!(stderr(&unknown).contains("nothing is known of block 2"));
}

#[test]
fn the_owner_elsewhere_is_let_in_and_a_proven_password_passes_the_block() {
    let gate = start();
    guess(&gate);
    assert!(log_in(&gate, GUESSER, "secret").starts_with("-ERR"));
    assert!(log_in(&gate, OWNER, "secret").starts_with("+OK"));
    // Behind the same address as the guesser, now that the backend has accepted this password.
    assert!(log_in(&gate, GUESSER, "secret").starts_with("+OK"));
    assert!(log_in(&gate, GUESSER, "wrong-4").starts_with("-ERR"));
    assert_eq!(gate.server.log().counts().auth_failures, 3);
}

#[test]
fn the_metrics_tell_of_blocks_refusals_faults_and_polls() {
    let gate = start();
    guess(&gate);
    log_in(&gate, GUESSER, "secret");
    log_in(&gate, OWNER, "secret");
    let metrics = gate.scrape();
    for series in [
        r#"popgate_blocks{state="blocked",tenant="default"} 1"#,
        r#"popgate_blocks{state="released",tenant="default"} 0"#,
        r#"popgate_login_refusals_total{rule="blocked",tenant="default"} 1"#,
        r#"popgate_faults_total{fault="guess",proven="no",tenant="default"} 3"#,
        r#"popgate_auth_failures_total{tenant="default"} 3"#,
        r#"popgate_polls_total{decision="admitted",tenant="default"} 4"#,
        "popgate_journal_lost_total 0",
        "popgate_journal_writable 1",
        "popgate_journal_size_limit_bytes 4294967296",
    ] {
        assert!(metrics.contains(series), "{series} is not in\n{metrics}");
    }
    assert!(
        !metrics.contains("\"ann") && !metrics.contains("127.0.0.9"),
        "no label holds a user or an address"
    );
}

#[test]
fn an_entry_survives_kill_9_with_its_pin() {
    let mut gate = start();
    guess(&gate);
    await_journal(&gate, "state = 'blocked'");
    gate.kill();
    gate.start_again();
    assert!(log_in(&gate, GUESSER, "secret").starts_with("-ERR"));
    let entry = listed(&gate, &[])[0].clone();
    assert_eq!(
        (&entry["id"], &entry["state"]),
        (&1.into(), &"blocked".into())
    );

    let pinned = "pinned 1: 127.0.0.9, maildrop ann (guessing)\n";
    assert_prints(&gate.run(&["blocks", "--pin", "1"]), pinned);
    await_journal(&gate, "pinned");
    gate.kill();
    gate.start_again();
    let nothing = stdout(&gate.run(&["release", "--all"]));
    assert!(nothing.starts_with("Nothing was released"), "{nothing}");
    assert!(log_in(&gate, GUESSER, "secret").starts_with("-ERR"));
    assert!(stdout(&gate.run(&["blocks"])).contains("blocked, pinned"));

    assert_prints(
        &gate.run(&["blocks", "--unpin", "1"]),
        &pinned.replace("pinned", "unpinned"),
    );
    assert_eq!(code(&gate.run(&["release", "--maildrop", "ann"])), 0);
    assert!(log_in(&gate, GUESSER, "secret").starts_with("+OK"));
}

#[test]
fn a_corrupt_journal_is_set_aside_and_the_gate_starts() {
    let mut gate = start();
    guess(&gate);
    await_journal(&gate, "state = 'blocked'");
    gate.kill();
    let journal = gate.folder().join("popgate.db");
    // Else SQLite makes the file whole again from what stands in there.
    fs::remove_file(gate.folder().join("popgate.db-wal")).unwrap();
    fs::write(&journal, "no database".repeat(100)).unwrap();
    gate.start_again();
    assert_eq!(listed(&gate, &[]), Vec::<Value>::new());
    assert!(log_in(&gate, GUESSER, "secret").starts_with("+OK"));
    let names = fs::read_dir(gate.folder()).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let aside = names
        .into_iter()
        .find(|name| name.starts_with("popgate.db.corrupt-") && name.ends_with('Z'));
    let old = fs::read_to_string(gate.folder().join(aside.unwrap())).unwrap();
    assert!(old.starts_with("no database"), "it is kept as it was");
    let log = log_of(gate);
    assert!(
        log.contains("popgate.db was corrupt (") && log.contains("and a new one is begun"),
        "{log}"
    );
}

#[test]
fn the_api_is_for_those_who_can_read_the_token() {
    let gate = start();
    let file = gate.folder().join("admin.token");
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let token = fs::read_to_string(&file).unwrap();
    let status = |headers: &str| {
        let answer = gate.get("/api/v1/blocks", &format!("{headers}Connection: close\r\n"));
        answer.split(' ').nth(1).unwrap().to_owned()
    };
    let bearer = |token: &str| format!("Authorization: Bearer {}\r\n", token.trim());
    assert_eq!(status(&bearer(&token)), "200");
    assert_eq!(status(""), "401");
    assert_eq!(status(&bearer(&token.to_lowercase())), "401");

    fs::write(&file, "x".repeat(43)).unwrap();
    let refused = gate.run(&["blocks"]);
    assert_eq!(code(&refused), 64);
    assert!(stderr(&refused).contains("not the token of this gate"));
    fs::remove_file(&file).unwrap();
    let absent = gate.run(&["release", "--all"]);
    assert_eq!(code(&absent), 64);
    assert!(stderr(&absent).contains("admin.token"));
    assert!(!log_of(gate).contains(token.trim()), "the log has it");
}

#[test]
fn reload_prints_what_changed_or_why_nothing_did_and_the_gate_goes_on() {
    let mut gate = start();
    let mut open = gate.connect_from(OWNER);
    assert!(open.log_in("secret").starts_with("+OK"));
    let file = gate.folder().join("popgate.toml");
    let text = fs::read_to_string(&file).unwrap();
    let three = "passwords_per_maildrop = 3";
    let write = |to: &str| fs::write(&file, text.replace(three, to)).unwrap();

    write("passwords_per_maildrop = 1");
    let changed = gate.run(&["reload"]);
    assert_eq!(code(&changed), 0, "{}", stderr(&changed));
    let told = stdout(&changed);
    assert!(
        told.contains("tenant `default`") && told.contains("3 -> 1"),
        "{told}"
    );

    write("passwords_per_maildrop = 1001, abuses = 1001");
    // The commands find the gate in a file that is right.
    let [url, token] = [format!("http://{}", gate.metrics), "admin.token".to_owned()];
    let arguments = ["reload", "--admin", &url, "--token-file", &token];
    let refused = crate::popgate(gate.folder(), &arguments);
    assert_eq!(code(&refused), 64);
    let told = stderr(&refused);
    assert_eq!(told.matches("is out of range: 1001").count(), 2, "{told}");
    assert!(open.ask("STAT").starts_with("+OK"));
    assert!(open.ask("QUIT").starts_with("+OK"));
    let results = gate.scrape();
    for result in ["applied", "refused"] {
        let series = format!("popgate_reloads_total{{result=\"{result}\"}} 1");
        assert!(results.contains(&series), "{series}");
    }

    write(three);
    log_in(&gate, GUESSER, "wrong-1");
    assert_eq!(
        listed(&gate, &[]).len(),
        1,
        "the limit of the first reload holds"
    );
    gate.kill();
    let absent = gate.run(&["reload"]);
    assert_eq!(code(&absent), 69);
    assert!(stderr(&absent).contains("no popgate answers"));
}
