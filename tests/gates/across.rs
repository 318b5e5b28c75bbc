//! What operators see and do from one gate at the others.

use crate::fire::Gate;
use crate::site::{Site, freeze, log_in, proven, signal};
use rustix::process::Signal;
use serde_json::Value;
use std::process::Command;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// For what has to wait for nobody.
const SOON: Duration = Duration::from_secs(10);

/// What a command says of it, in JSON.
pub(crate) fn ask(gate: &Gate, command: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_popgate"))
        .args(command)
        .arg("--json")
        .arg("--config")
        .arg(gate.folder.path().join("popgate.toml"))
        .current_dir(gate.folder.path())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_see_and_end_what_is_at_other_gates() {
    let Some(site) = Site::start("").await else {
        return;
    };
    let _ann = site.log_in(0, "ann").await.unwrap();
    let mut bob = site.log_in(1, "bob").await.unwrap();
    let locks = ask(&site.gates[0], &["locks", "--all", "--sort", "maildrop"]);
    let items = locks["items"].as_array().unwrap();
    let at =
        |item: &Value| format!("{} {}", item["lock"]["maildrop"], item["gate"]).replace('"', "");
    let seen: Vec<_> = items.iter().map(at).collect();
    assert_eq!(seen, ["ann pop0", "bob pop1"]);
    assert_eq!(locks["unanswered"], Value::Array(Vec::new()));
    let session = items[1]["lock"]["holder"]["session"].to_string();
    let kick = ["kick", &session, "--gate", "pop1", "--reason", "a phone"];
    assert_eq!(ask(&site.gates[0], &kick)["result"], "kicked");
    assert!(bob.ok("NOOP".to_owned()).await.is_err());
    let log = site.gates[1].log_tail();
    assert!(log.contains("by gate pop0: a phone"), "{log}");
    freeze(&site.gates[2]);
    let locks = ask(&site.gates[0], &["locks", "--all"]);
    signal(&site.gates[2], Signal::CONT);
    assert_eq!(locks["unanswered"], serde_json::json!(["pop2"]));
    let cluster = ask(&site.gates[0], &["cluster", "status"]);
    assert_eq!(cluster["cluster"]["gates"].as_array().unwrap().len(), 3);
}

/// What gates should have alike is compared as it is now, and not as it was when they started.
#[tokio::test(flavor = "multi_thread")]
async fn a_reload_shows_where_gates_differ_from_then_on() {
    let Some(site) = Site::start("").await else {
        return;
    };
    until_differing(&site, 0);
    let tenant = "[[tenant]]\nname = \"new\"\ndomains = [\"new.example\"]\n";
    reload(&site.gates[1], tenant).expect("a new tenant needs no restart");
    until_differing(&site, 1);
    for gate in [0, 2] {
        reload(&site.gates[gate], tenant).expect("a new tenant needs no restart");
    }
    until_differing(&site, 0);
    let tenant = "[[tenant]]\nname = \"exact\"\ndomains = [\"exact.example\"]\nfold_case = false\n";
    let why = reload(&site.gates[1], tenant).unwrap_err();
    assert!(why.contains("true {} -> true {\"exact.example\"}"), "{why}");
    assert!(why.contains("stop all of them"), "{why}");
    assert_eq!(differing(&site), Some(0));
}

/// Gates that have other settings than the first one; `None`: it does not see all of them yet.
fn differing(site: &Site) -> Option<usize> {
    let status = ask(&site.gates[0], &["cluster", "status"]);
    let gates = status["cluster"]["gates"].as_array().unwrap();
    let differing = gates.iter().filter(|it| it["settings_differ"] == true);
    (gates.len() == 3).then(|| differing.count())
}

fn until_differing(site: &Site, count: usize) {
    let until = Instant::now() + Duration::from_secs(10);
    while differing(site) != Some(count) {
        assert!(
            Instant::now() < until,
            "not {count}, but {:?}",
            differing(site)
        );
    }
}

/// Adds these lines to the gate's file and reloads it. An error: what was said.
fn reload(gate: &Gate, lines: &str) -> Result<(), String> {
    let file = gate.folder.path().join("popgate.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{text}\n{lines}")).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_popgate"))
        .args(["reload", "--config"])
        .arg(&file)
        .current_dir(gate.folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    output.status.success().then_some(()).ok_or(said)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_at_one_gate_keeps_nobody_at_another_one_waiting() {
    let Some(site) = Site::start("").await else {
        return;
    };
    proven(&site, "ann").await;
    ask(&site.gates[0], &["pause", "backend", "embedded"]);
    let paused = site.gates[0].ports.plain;
    let phone = tokio::spawn(async move { log_in(paused, "ann").await });
    site.gates[0]
        .wait_for("popgate_sessions_open", &["tenant=\"default\""], 1.0, SOON)
        .await;
    let mut pc = timeout(SOON, site.log_in(1, "ann")).await.unwrap().unwrap();
    pc.ok("QUIT".to_owned()).await.unwrap();
    assert!(!phone.is_finished());
    ask(&site.gates[0], &["resume", "backend", "embedded"]);
    let mut phone = timeout(SOON, phone).await.unwrap().unwrap().unwrap();
    phone.ok("QUIT".to_owned()).await.unwrap();
    assert_eq!(site.overlaps(), 0);
}
