//! What operators see and do from one gate at the others.

use crate::fire::Gate;
use crate::site::{Site, signal};
use rustix::process::Signal;
use serde_json::Value;
use std::process::Command;

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
    signal(&site.gates[2], Signal::STOP);
    let locks = ask(&site.gates[0], &["locks", "--all"]);
    signal(&site.gates[2], Signal::CONT);
    assert_eq!(locks["unanswered"], serde_json::json!(["pop2"]));
    let cluster = ask(&site.gates[0], &["cluster", "status"]);
    assert_eq!(cluster["cluster"]["gates"].as_array().unwrap().len(), 3);
}
