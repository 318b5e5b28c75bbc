//! The commands that act on a running gate, and what they do to real sessions.

use crate::gate::{Client, Gate};
use crate::{code, stderr, stdout};
use serde_json::Value;

const PHONE: [u8; 4] = [127, 0, 0, 8];
const LAPTOP: [u8; 4] = [127, 0, 0, 9];

fn logged_in(gate: &Gate, from: [u8; 4]) -> Client {
    let mut client = gate.connect_from(from);
    assert!(client.log_in("secret").starts_with("+OK"));
    client
}

/// A client that has sent its password and is not answered yet.
fn waiting(gate: &Gate, from: [u8; 4]) -> Client {
    let mut client = gate.connect_from(from);
    assert!(client.ask("USER ann").starts_with("+OK"));
    client.send("PASS secret");
    gate.await_told(&["sessions", "--phase", "waiting"], |told| {
        told["total"] == 1
    });
    client
}

fn holder(gate: &Gate) -> Value {
    gate.told(&["locks"])["items"][0]["holder"].clone()
}

fn refusal(gate: &Gate, arguments: &[&str]) -> String {
    let output = gate.run(arguments);
    assert_eq!(code(&output), 64, "{arguments:?}: {}", stdout(&output));
    assert_eq!(stdout(&output), "");
    stderr(&output)
}

#[test]
fn a_kick_ends_a_session_and_the_next_one_gets_the_maildrop() {
    let gate = Gate::start_with_api("");
    let mut phone = logged_in(&gate, PHONE);
    assert!(phone.ask("DELE 1").starts_with("+OK"));
    let mut laptop = waiting(&gate, LAPTOP);
    let session = holder(&gate)["session"].to_string();
    let kicked = gate.run(&["kick", &session, "--reason", "left on\u{1b}"]);
    assert_eq!(code(&kicked), 0, "{}", stderr(&kicked));
    let told = stdout(&kicked);
    let start = format!("kicked session {session}: 127.0.0.8:");
    assert!(
        told.starts_with(&start) && told.contains(", in ann, after "),
        "{told}"
    );
    assert_eq!(phone.line(), "", "its connection is closed");
    assert!(laptop.line().starts_with("+OK"));
    assert_eq!(gate.server.log().counts().deleted, 0, "without QUIT");

    let by_name = gate.told(&["kick", "--maildrop", "ANN"]);
    assert_eq!(by_name["result"], "kicked");
    assert_eq!(laptop.line(), "");
    gate.await_told(&["locks"], |locks| locks["total"] == 0);
    assert!(
        refusal(&gate, &["kick", "--maildrop", "ann"]).contains("nobody holds the maildrop ann")
    );
    assert!(refusal(&gate, &["kick", "4711"]).contains("no session 4711 is open"));
    for wrong in [
        &["kick"][..],
        &["kick", "1", "--maildrop", "ann"],
        &["kick", "x"],
    ] {
        refusal(&gate, wrong);
    }
}

#[test]
fn a_pause_lets_logins_wait_and_a_resume_lets_them_go_on() {
    let gate = Gate::start_with_api("");
    for (kind, name, list) in [
        ("backend", "demo", "backends"),
        ("tenant", "default", "tenants"),
    ] {
        let paused = gate.run(&["pause", kind, name]);
        assert_eq!(code(&paused), 0, "{}", stderr(&paused));
        let told = format!(
            "paused {kind} {name}: logins wait, open sessions go on; `popgate resume {kind} {name}` \
             ends it\n"
        );
        assert_eq!(stdout(&paused), told);
        let mut client = gate.connect_from(PHONE);
        assert!(client.ask("USER ann").starts_with("+OK"));
        client.send("PASS secret");
        gate.await_told(&["locks"], |locks| locks["total"] == 1);
        assert_eq!(gate.told(&[list, "--paused"])["items"][0]["name"], name);
        let status = stdout(&gate.run(&["status"]));
        assert!(
            status.contains(&format!("paused     {kind} {name}\n")),
            "{status}"
        );
        assert!(stdout(&gate.run(&[list])).contains("paused"));

        let resumed = gate.told(&["resume", kind, name]);
        assert_eq!(
            (&resumed["name"], &resumed["paused"]),
            (&name.into(), &false.into())
        );
        assert!(client.line().starts_with("+OK"));
        assert!(client.ask("QUIT").starts_with("+OK"));
    }
    let unknown = refusal(&gate, &["pause", "backend", "nowhere"]);
    assert!(unknown.contains("no backend of this name"), "{unknown}");
    let no_kind = refusal(&gate, &["pause", "listener", "demo"]);
    assert!(
        no_kind.contains("possible values: tenant, backend"),
        "{no_kind}"
    );
}

#[test]
fn a_drain_waits_until_the_gate_has_ended() {
    let gate = Gate::start_with_api("");
    let mut open = logged_in(&gate, PHONE);
    let begun = gate.run(&["drain", "--no-wait", "--grace", "500s"]);
    assert_eq!(code(&begun), 0, "{}", stderr(&begun));
    assert_eq!(stdout(&begun), "draining: 1 session is left\n");
    assert_eq!(gate.told(&["status"])["stage"], "draining");
    assert!(stdout(&gate.run(&["status"])).contains("draining: not ready, "));
    assert!(open.ask("STAT").starts_with("+OK"), "it goes on");

    let drain = std::thread::scope(|scope| {
        let drain = scope.spawn(|| gate.run(&["drain", "--grace", "0.5s"]));
        assert_eq!(open.line(), "", "it is closed when the grace is over");
        drain.join().unwrap()
    });
    assert_eq!(code(&drain), 0, "{}", stderr(&drain));
    assert!(
        stdout(&drain).ends_with("popgate has ended\n"),
        "{}",
        stdout(&drain)
    );
    assert_eq!(code(&gate.run(&["status"])), 69);
    assert_eq!(code(&gate.wait()), 0);
}

#[test]
fn in_a_drain_a_reload_is_refused_at_once() {
    let gate = Gate::start_with_api("");
    let mut open = logged_in(&gate, PHONE);
    assert_eq!(code(&gate.run(&["drain", "--no-wait"])), 0);
    gate.wait_for_notice("STATUS=draining");
    let refused = gate.run(&["reload"]);
    assert_eq!(code(&refused), 69);
    assert_eq!(stderr(&refused), "popgate is stopping\n");
    gate.signal("HUP");
    gate.wait_for_notice("RELOADING=1");
    gate.wait_for_notice("READY=1");
    assert!(open.ask("QUIT").starts_with("+OK"));
    let ended = gate.wait();
    assert_eq!(code(&ended), 0);
    let log = stderr(&ended);
    assert!(log.contains("SIGHUP: not reloaded"), "{log}");
}

#[test]
fn the_log_level_is_shown_and_changed() {
    let gate = Gate::start_with_api("");
    let before = stdout(&gate.run(&["log"]));
    assert_eq!(before, "info\n");
    assert_eq!(stdout(&gate.run(&["log", "debug"])), "debug\n");
    assert_eq!(gate.told(&["log"])["level"], "debug");
    assert!(stdout(&gate.run(&["status"])).contains("log level  debug\n"));
    assert!(!refusal(&gate, &["log", "loud=very"]).is_empty());
    assert_eq!(gate.told(&["log"])["level"], "debug");
}

#[test]
fn explain_says_who_is_in_there_and_what_became_of_the_last_logins() {
    let gate = Gate::start_with_api("");
    let fresh = stdout(&gate.run(&["explain", "ann"]));
    assert!(
        fresh.contains("nobody is in the maildrop, and nobody waits for it"),
        "{fresh}"
    );
    let mut wrong = gate.connect_from(LAPTOP);
    assert!(wrong.log_in("wrong").starts_with("-ERR"));
    assert!(wrong.ask("QUIT").starts_with("+OK"));
    let _phone = logged_in(&gate, PHONE);
    let _laptop = waiting(&gate, LAPTOP);
    let last = |told: &Value| {
        told["last_logins"]
            .as_array()
            .is_some_and(|all| !all.is_empty())
    };
    let user = gate.await_told(&["explain", "ann"], last);
    let waiter = &user["lock"]["waiters"][0]["session"];
    let sessions = user["sessions"].as_array().unwrap();
    assert!(sessions.iter().any(|session| session["id"] == *waiter));

    let shown = stdout(&gate.run(&["explain", "ANN"]));
    let now = shown.lines().find(|line| line.starts_with("now")).unwrap();
    assert!(
        now.contains("127.0.0.8:") && now.contains("; 1 other waits"),
        "{now}"
    );
    for part in [
        "\nann       waits, 1.",
        "\nLast logins\n",
        "127.0.0.9:",
        "\nLimits\n",
        "built-in",
    ] {
        assert!(shown.contains(part), "{part:?} is not in\n{shown}");
    }
    let odd = stdout(&gate.run(&["explain", "no/body?\u{1b}"]));
    assert!(odd.contains("no/body?\\u{1b}"), "{odd}");
}
