//! How a command finds a running gate, by whose leave it talks to it, and what it says where that
//! goes wrong; and what it does to the block list and the configuration.

use crate::gate::{Gate, free_address};
use crate::{code, popgate, stderr, stdout};
use popgate::demo::certificate::self_signed;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Output;

/// A gate on whose block list two names and an address stand: three guesses each.
fn with_a_block_list() -> Gate {
    let gate = Gate::start_with_api("");
    gate.reload(
        "failures = ",
        "blocks = { passwords_per_maildrop = 2, passwords_per_address = 5 }\nfailures = ",
    );
    gate.reload("[server]", "[server]\ntrusted_networks = []");
    for name in ["ann+x@example.com", "bob\x1b[2j"] {
        for number in 1..=2 {
            guess(&gate, [127, 0, 0, 7], name, number);
        }
    }
    for number in 1..=5 {
        guess(&gate, [127, 0, 0, 9], &format!("nobody-{number}"), number);
    }
    gate
}

fn guess(gate: &Gate, from: [u8; 4], name: &str, number: usize) {
    let mut client = gate.connect_from(from);
    client.ask(&format!("USER {name}"));
    client.ask(&format!("PASS wrong-{number}"));
}

fn edit(gate: &Gate, from: &str, to: &str) {
    let file = gate.folder().join("popgate.toml");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(from), "{from} is not in {text}");
    fs::write(&file, text.replacen(from, to, 1)).unwrap();
}

#[test]
fn blocks_shows_a_table_and_what_is_in_a_name_moves_no_cursor() {
    let gate = with_a_block_list();
    let output = gate.run(&["blocks"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let told = stdout(&output);
    let lines: Vec<_> = told.lines().collect();
    assert_eq!(lines.len(), 4, "{told}");
    assert!(lines[0].starts_with("ID  STATE    MAILDROP"), "{told}");
    assert!(lines[1].contains("ann+x@example.com  127.0.0.7"), "{told}");
    assert!(lines[2].contains("bob\\u{1b}[2j"), "{told}");
    assert!(lines[3].contains("*                  127.0.0.9"), "{told}");
    let one = stdout(&gate.run(&["blocks", "--maildrop", "ann+x@example.com"]));
    assert_eq!(one.lines().count(), 2);
    let none = gate.run(&["blocks", "--state", "released"]);
    assert_eq!(stdout(&none), "The block list has no such entry.\n");
    let listed = gate.told(&["blocks", "3"]);
    assert_eq!(listed["total"], 1);
    assert_eq!(listed["items"][0]["id"], 3);
}

#[test]
fn a_release_says_whom_and_a_pinned_entry_stays() {
    let gate = with_a_block_list();
    let pinned = stdout(&gate.run(&["blocks", "--pin", "3"]));
    assert_eq!(
        pinned,
        "pinned 3: 127.0.0.9, all maildrops (guessing_many)\n"
    );
    let released = stdout(&gate.run(&["release", "--address", "127.0.0.7"]));
    assert_eq!(released.lines().count(), 2, "{released}");
    assert!(released.starts_with("released 1: 127.0.0.7, maildrop ann+x@example.com"));
    let again = gate.run(&["release", "--all"]);
    assert_eq!(code(&again), 0);
    assert!(stdout(&again).starts_with("Nothing was released"));
    gate.run(&["blocks", "--unpin", "3"]);
    assert!(stdout(&gate.run(&["release", "3"])).starts_with("released 3:"));
}

#[test]
fn what_changes_something_wants_to_know_what() {
    let gate = with_a_block_list();
    for arguments in [
        &["release"][..],
        &["blocks", "--pin"],
        &["blocks", "--unpin"],
        &["release", "--all", "3"],
        &["release", "3", "--maildrop", "ann"],
        &["blocks", "--pin", "--unpin", "3"],
        &["blocks", "--state", "open"],
        &["blocks", "--reason", "fun"],
        &["release", "--address", "example.com"],
    ] {
        let output = gate.run(arguments);
        assert_eq!(code(&output), 64, "{arguments:?}");
        assert_ne!(stderr(&output), "");
        assert_eq!(stdout(&output), "");
    }
    assert_eq!(gate.told(&["blocks", "--state", "blocked"])["total"], 3);
}

#[test]
fn reload_prints_the_changes_or_the_error_as_the_gate_says_it() {
    let gate = Gate::start_with_api("");
    let unchanged = gate.run(&["reload"]);
    assert_eq!(stdout(&unchanged), "Reloaded: nothing has changed.\n");
    edit(&gate, "\"60s\"", "\"61s\"");
    let changed = stdout(&gate.run(&["reload"]));
    assert_eq!(changed.lines().count(), 1, "{changed}");
    assert!(changed.contains("grace"), "{changed}");
    // The command reads the address of the admin port from the file: it must be right for that.
    let url = format!("http://{}", gate.metrics);
    edit(&gate, "[server]", "[server]\ngrcae = 5");
    let arguments = [
        "reload",
        "--json",
        "--admin",
        &url,
        "--token-file",
        "admin.token",
    ];
    let refused = popgate(gate.folder(), &arguments);
    assert_eq!(code(&refused), 64);
    assert!(stderr(&refused).contains("did you mean `grace`?"));
    let verdict: Value = serde_json::from_str(&stdout(&refused)).unwrap();
    assert_eq!(verdict["ok"], false);
}

#[test]
fn url_and_token_file_do_instead_of_a_configuration() {
    let gate = Gate::start_with_api("");
    let url = format!("http://localhost:{}", gate.metrics.port());
    let folder = gate.folder();
    let run = |file: &str| popgate(folder, &["blocks", "--admin", &url, "--token-file", file]);
    assert_eq!(code(&run("admin.token")), 0);
    fs::write(folder.join("other.token"), "x".repeat(43)).unwrap();
    let refused = run("other.token");
    assert_eq!(code(&refused), 64);
    assert!(stderr(&refused).contains("not the token of this gate\nhint: "));
    assert!(stderr(&refused).contains("other.token"));
    assert!(stderr(&run("no.token")).contains("`no.token` cannot be read: No such file"));
    let without = popgate(folder, &["blocks", "--admin", &url]);
    assert_eq!(code(&without), 64);
    assert!(stderr(&without).contains("hint: name the file of its token with --token-file"));
    for arguments in [
        &["blocks", "--token-file", "admin.token"][..],
        &["blocks", "--admin", "127.0.0.1:9110"],
        &["blocks", "--admin", &url, "--config", "popgate.toml"],
        &["blocks", "--ca", "fullchain.pem"],
    ] {
        assert_eq!(code(&popgate(folder, arguments)), 64, "{arguments:?}");
    }
}

#[test]
fn where_loopback_is_trusted_no_token_is_needed() {
    let gate = Gate::start_with_api("trust_loopback = true\n");
    fs::remove_file(gate.folder().join("admin.token")).unwrap();
    let url = format!("http://{}", gate.metrics);
    for target in [["--config", "popgate.toml"], ["--admin", &url]] {
        let told = popgate(gate.folder(), &[&["status"], &target[..]].concat());
        assert_eq!(code(&told), 0, "{}", stderr(&told));
    }
}

#[test]
fn https_is_spoken_with_the_certificate_of_the_file_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str| {
        let (certificate, key) = self_signed().unwrap();
        let path = |what: &str| folder.path().join(format!("{name}-{what}.pem"));
        fs::write(path("cert"), certificate).unwrap();
        fs::write(path("key"), key.as_bytes()).unwrap();
        path("cert").display().to_string()
    };
    let own = write("own");
    let other = write("other");
    let keys = format!(
        "certificate = \"{own}\"\nkey = \"{}\"\n",
        own.replace("cert", "key")
    );
    let gate = Gate::start_with_api(&keys);
    let said = gate.run(&["status"]);
    assert_eq!(code(&said), 0, "{}", stderr(&said));

    let https = format!("https://127.0.0.1:{}", gate.metrics.port());
    let run = |url: &str, more: &[&str]| -> Output {
        let target = ["status", "--admin", url, "--token-file", "admin.token"];
        popgate(gate.folder(), &[&target, more].concat())
    };
    assert_eq!(code(&run(&https, &["--ca", &own])), 0);
    for (said, part) in [
        (run(&https, &["--ca", &other]), "certificate is"),
        (
            run(&https, &[]),
            "certificate is signed by an authority that is not known",
        ),
        (
            run(&https.replace("https", "http"), &[]),
            "no popgate answers",
        ),
    ] {
        assert_eq!(code(&said), 69, "{}", stderr(&said));
        assert!(stderr(&said).contains(part), "{}", stderr(&said));
    }
    // The file's certificate was renewed, and the gate has not taken it over yet.
    fs::copy(&other, &own).unwrap();
    let stale = gate.run(&["status"]);
    assert_eq!(code(&stale), 69);
    let told = stderr(&stale);
    assert!(
        told.contains("is not the one of the configuration file\nhint: "),
        "{told}"
    );
    assert!(told.contains("SIGHUP"), "{told}");
}

#[test]
fn a_command_without_a_gate_names_both_ways_to_say_which() {
    if Path::new("/etc/popgate/popgate.toml").exists() {
        assert_ne!(
            std::env::var("CI").as_deref(),
            Ok("true"),
            "popgate is installed here"
        );
        eprintln!("SKIPPED: popgate is installed on this machine, and a command finds it");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    for arguments in [
        &["blocks"][..],
        &["blocks", "--json"],
        &["blocks", "--pin"],
        &["release"],
        &["release", "7"],
        &["release", "--all"],
        &["reload"],
        &["status"],
        &["locks"],
        &["sessions"],
        &["backends"],
        &["tenants"],
        &["explain", "ann"],
        &["kick", "7"],
        &["pause", "tenant", "default"],
        &["resume", "backend", "b"],
        &["drain"],
        &["log"],
    ] {
        let output = popgate(folder.path(), arguments);
        assert_eq!(code(&output), 64, "{arguments:?}");
        let told = stderr(&output);
        for way in [
            "--config FILE\n",
            "--admin http://HOST:PORT --token-file FILE",
        ] {
            assert!(told.contains(way), "{arguments:?}: {told}");
        }
    }
    let told = popgate(folder.path(), &["reload", "--json"]);
    let verdict: Value = serde_json::from_str(&stdout(&told)).expect("JSON");
    assert_eq!(verdict["ok"], false);
}

#[test]
fn a_gate_that_is_not_there_is_told_from_a_port_that_is_none() {
    let gate = Gate::start_with_api("");
    let admin = format!(
        "[admin]\ntoken_file = \"admin.token\"\naddress = \"{}\"",
        gate.metrics
    );
    let absent = format!(
        "[admin]\ntoken_file = \"admin.token\"\naddress = \"{}\"",
        free_address()
    );
    edit(&gate, &admin, &absent);
    for arguments in [
        &["reload"][..],
        &["status"],
        &["locks"],
        &["kick", "1"],
        &["drain"],
    ] {
        let output = gate.run(arguments);
        assert_eq!(code(&output), 69, "{arguments:?}");
        assert!(stderr(&output).contains("no popgate answers: Connection refused"));
        assert!(stderr(&output).contains("hint: is it running"));
    }
    edit(&gate, "token_file = \"admin.token\"\n", "");
    let output = gate.run(&["reload"]);
    assert_eq!(code(&output), 64);
    assert!(stderr(&output).contains("no `token_file` in [admin]"));
}
