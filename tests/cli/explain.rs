//! `check --explain`: what a login would get, and which line says so; and what `explain` says of
//! sharing.

use crate::gate::{Client, Gate};
use crate::{code, folder_with_examples, popgate, stderr, stdout};
use std::fs;
use std::path::Path;

const GATE: &str = r#"[[listen]]
name = "in"
address = "127.0.0.1:1110"
tls = "off"
[[listen]]
name = "out"
address = "127.0.0.1:1111"
tls = "off"
[[backend]]
name = "old"
address = "10.0.0.5:110"
[[backend]]
name = "new"
address = "10.0.0.6:995"
tls = "implicit"
login_reserve = "5s"
[defaults]
backend = "old"
queue = 20
polls = { burst = 7, per_client = { burst = 4 } }
[[tenant]]
name = "a"
domains = ["a.example", "*.b.example"]
server_names = ["pop.a.example"]
listeners = ["in"]
default_domain = "a.example"
allow_burst_from = ["192.0.2.0/24", "198.51.100.7"]
polls = { per_client = { every = "40s" } }
[[tenant.user]]
name = "boss"
backends = ["new", "old"]
preempt_idle = "off"
polls = { enforce = "shadow" }
blocks = { window = "90m" }
"#;

/// What `check --explain` says, a line each with single spaces.
fn told(arguments: &[&str]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("gate.toml"), GATE).unwrap();
    let told = told_of(folder.path(), "gate.toml", arguments);
    let lines = told.lines();
    let words = lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    words.collect()
}

fn told_of(folder: &Path, file: &str, arguments: &[&str]) -> String {
    let arguments = [&["check", "--config", file, "--explain"], arguments].concat();
    let output = popgate(folder, &arguments);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    stdout(&output)
}

fn assert_says(told: &[String], lines: &[&str]) {
    for line in lines {
        assert!(told.iter().any(|said| said == line), "{line} in {told:#?}");
    }
}

#[test]
fn each_limit_of_a_user_comes_from_the_nearest_table_that_says_it() {
    let told = told(&["Boss@A.example"]);
    assert_eq!(told[0], "Boss@A.example");
    let lines = [
        "tenant a gate.toml:22",
        "because its domain is a.example gate.toml:23",
        "user boss gate.toml:30",
        "lock boss@a.example",
        "backends new, old gate.toml:31",
        "new.address 10.0.0.6:995 gate.toml:14",
        "new.tls implicit gate.toml:15",
        "new.login_reserve 5s gate.toml:16",
        "old.address 10.0.0.5:110 gate.toml:11",
        "old.tls off default",
        "old.shareable ask default",
        "wait 25s default",
        "sharing.mode off default",
        "sharing.let_in true default",
        "queue 20 gate.toml:19",
        "preempt_idle off gate.toml:32",
        "polls.enforce shadow gate.toml:33",
        "polls.every 1m default",
        "polls.burst 7 gate.toml:20",
        "polls.per_client.every 40s gate.toml:28",
        "polls.per_client.burst 4 gate.toml:20",
        "allow_burst_from 192.0.2.0/24, 198.51.100.7/32 gate.toml:27",
        "connections.per_maildrop 32 default",
        "failures.retry 5m default",
        "blocks.window 1h 30m gate.toml:34",
    ];
    assert_says(&told, &lines);
}

#[test]
fn why_it_is_that_tenant_is_said() {
    for (arguments, tenant, because) in [
        (
            &["x@c.b.example"][..],
            "a",
            "because its domain is one of *.b.example gate.toml:23",
        ),
        (
            &["ann", "--listener", "in"],
            "a",
            "because the listener is in gate.toml:25",
        ),
        (
            &["ann", "--server-name", "POP.a.example", "--listener", "out"],
            "a",
            "because the server name is pop.a.example gate.toml:24",
        ),
        (
            &["ann", "--listener", "out"],
            "default",
            "because no tenant claims it",
        ),
        (
            &["x@else.example", "--listener", "in"],
            "default",
            "because no tenant claims it",
        ),
    ] {
        let told = told(arguments);
        let place = if tenant == "a" {
            "gate.toml:22"
        } else {
            "default"
        };
        assert_says(&told, &[&format!("tenant {tenant} {place}"), because]);
        assert!(!told.iter().any(|line| line.starts_with("note:")));
    }
}

#[test]
fn a_login_without_domain_may_depend_on_where_it_connects() {
    let last = told(&["ann"]).pop().unwrap();
    assert!(
        last.starts_with("note:") && last.contains("--listener"),
        "{last}"
    );
    let folder = folder_with_examples();
    assert!(!told_of(folder.path(), "minimal.toml", &["ann"]).contains("note:"));
}

#[test]
fn columns_are_aligned_for_a_person() {
    let folder = folder_with_examples();
    let told = told_of(folder.path(), "full.toml", &["orders@example.com"]);
    let places = told.lines().filter_map(|line| line.find("full.toml:"));
    let places: Vec<usize> = places.collect();
    assert!(
        places.len() > 30 && places.iter().all(|place| *place == places[0]),
        "{told}"
    );
}

#[test]
fn a_program_gets_the_same_as_one_object() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("gate.toml"), GATE).unwrap();
    let told = told_of(folder.path(), "gate.toml", &["boss@a.example", "--json"]);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["tenant"]["value"], "a");
    assert_eq!(told["because"]["by"], "domain");
    assert_eq!(told["because"]["line"], 23);
    assert_eq!(told["user"]["line"], 30);
    assert_eq!(told["lock"]["maildrop"], "boss@a.example");
    assert_eq!(told["backends"][0]["name"], "new");
    assert_eq!(told["backends"][0]["tls"]["value"], "implicit");
    assert_eq!(told["limits"]["queue"]["value"], 20);
    assert_eq!(told["limits"]["wait"]["line"], serde_json::Value::Null);
    assert_eq!(told["limits"]["preempt_idle"]["value"], "off");
    assert_eq!(told["limits"]["polls.per_client.every"]["line"], 28);
}

#[test]
fn a_listener_that_is_not_there_is_refused_with_those_that_are() {
    let folder = folder_with_examples();
    let arguments = [
        "check",
        "--config",
        "full.toml",
        "--explain",
        "ann",
        "--listener",
    ];
    let output = popgate(folder.path(), &[&arguments[..], &["pop"]].concat());
    assert_eq!(code(&output), 64);
    let expected = "full.toml: there is no listener `pop`\n\
                    hint: known: pop3, pop3s, behind-balancer\n";
    assert_eq!(stderr(&output), expected);
}

#[test]
fn a_wrong_file_is_refused_as_without_explain() {
    let folder = folder_with_examples();
    fs::write(folder.path().join("bad.toml"), "[server]\ngrcae = 5\n").unwrap();
    let arguments = [
        "check",
        "--config",
        "bad.toml",
        "--explain",
        "ann",
        "--json",
    ];
    let output = popgate(folder.path(), &arguments);
    assert_eq!(code(&output), 64);
    assert!(stdout(&output).contains("\"ok\":false") && stderr(&output).contains("grcae"));
}

#[test]
fn the_rule_that_made_the_key_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let write = |aliases: &str| {
        let gate = "[[listen]]\naddress = \"127.0.0.1:1110\"\ntls = \"off\"\n[[backend]]\nname = \"b\"\n\
                    address = \"10.0.0.5:110\"\n[defaults]\n";
        fs::write(folder.path().join("gate.toml"), format!("{gate}{aliases}")).unwrap();
    };
    let says = |login: &str, expected: &[&str]| {
        let told = told_of(folder.path(), "gate.toml", &[login]);
        let lines = told.lines();
        let words = lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
        assert_says(&words.collect::<Vec<_>>(), expected);
    };
    write("");
    says(
        "ann%example.org",
        &["lock ann@example.org", "made by alias \"at-signs\" default"],
    );
    write("aliases = [\n\"at-signs\",\n{ match = 'x-(.+)', to = '$1' }]\n");
    says(
        "X-ann%example.org",
        &[
            "lock ann@example.org",
            "made by alias \"at-signs\" gate.toml:9",
        ],
    );
    let object = told_of(folder.path(), "gate.toml", &["X-ann%example.org", "--json"]);
    assert!(
        object.contains(r#""maildrop":"ann@example.org""#),
        "{object}"
    );
    assert!(object.contains(r#""line":10"#), "{object}");
}

/// What `popgate explain` says in the line that begins with `label`.
fn line(gate: &Gate, label: &str) -> String {
    let told = stdout(&gate.run(&["explain", "ann"]));
    let line = told.lines().find_map(|line| line.strip_prefix(label));
    line.unwrap_or_else(|| panic!("{told}")).trim().to_owned()
}

/// A client that has asked for all of its mailbox's listing.
fn listed(gate: &Gate) -> Client {
    let mut client = gate.connect();
    assert!(client.log_in("secret").starts_with("+OK"));
    assert!(client.ask("STAT").starts_with("+OK"));
    for command in ["LIST", "UIDL"] {
        assert!(client.ask(command).starts_with("+OK"));
        while client.line() != ".\r\n" {}
    }
    client
}

#[test]
fn why_a_mailbox_is_not_shared_is_said_and_who_is_logged_in_without_it() {
    let gate = Gate::start_with_api("");
    assert_eq!(line(&gate, "sharing"), "off");
    gate.reload("[defaults]\n", "[defaults]\nsharing = \"on\"\n");
    let why = line(&gate, "sharing");
    let start = "on, and not shared: backend demo has not shown yet that unique ids";
    assert!(why.starts_with(start), "{why}");
    gate.reload("[[backend]]\n", "[[backend]]\nshareable = true\n");
    let steps = "on: end_of_wait, demotion, let_in";
    assert_eq!(line(&gate, "sharing"), steps);
    assert!(listed(&gate).ask("QUIT").starts_with("+OK"));
    gate.await_told(&["locks"], |locks| locks["total"] == 0);
    // This one holds nothing.
    let _view = listed(&gate);
    let told = gate.told(&["explain", "ann"]);
    assert_eq!(told["lock"], serde_json::Value::Null);
    let session = &told["sessions"][0];
    assert_eq!(
        (&session["phase"], &session["listing"]),
        (&"viewing".into(), &"fresh".into())
    );
    assert_eq!(told["sharing"]["shareable"], true);
    assert_eq!(told["sharing"]["backends"][0]["shareable"], "true");
    assert_eq!(gate.told(&["status"])["sessions"]["viewing"], 1);
    let shown = stdout(&gate.run(&["sessions", "--phase", "viewing"]));
    assert!(shown.contains("viewing, fresh"), "{shown}");
    let shown = stdout(&gate.run(&["locks"]));
    assert!(shown.contains("ann       on a listing"), "{shown}");
    assert_eq!(gate.told(&["locks"])["total"], 0);
    let _another = listed(&gate);
    let cut = stdout(&gate.run(&["locks", "--limit", "1"]));
    assert!(cut.ends_with("\n… and 1 more\n"), "{cut}");
    let contended = stdout(&gate.run(&["locks", "--contended"]));
    assert_eq!(contended, "No such maildrop is locked.\n");
}
