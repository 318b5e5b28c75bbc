//! Gates that must not join: they would serve what the others serve by other names.

use crate::across::ask;
use crate::fire::{Gate, Program};
use crate::site::{SECRET, Site, has_state, is_healthy, log_in};
use std::time::Duration;

/// For what takes some seconds.
const SOON: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_with_another_secret_or_fold_case_serves_nobody_and_says_why() {
    let Some(mut site) = Site::start("").await else {
        return;
    };
    let other = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    for (secret, defaults) in [(other, ""), (SECRET, "fold_case = false\n")] {
        site.defaults = defaults.to_owned();
        let stranger = site.another(secret).await;
        is_kept_out(&stranger).await;
        // The others go on.
        let mut program = site.log_in(0, "ann").await.unwrap();
        program.ok("QUIT".to_owned()).await.unwrap();
    }
}

/// What gates of another version would leave in the engine while one of them lives.
#[tokio::test(flavor = "multi_thread")]
async fn a_gate_of_another_schema_joins_when_the_last_of_the_others_has_gone() {
    let Some(site) = Site::start_without_gates().await else {
        return;
    };
    for said in [
        "HSET popgate:epoch id run:1 number 1 began 1",
        "HSET popgate:members 0123456789abcdef other",
        "SET popgate:gate:0123456789abcdef run:1",
        "SET popgate:fingerprint eschema-of-another-version",
    ] {
        assert!(!site.engine.say(said).unwrap().starts_with('-'), "{said}");
    }
    let gate = site.next().await;
    is_kept_out(&gate).await;
    let kept = site.engine.say("GET popgate:fingerprint").unwrap();
    assert!(kept.contains("eschema-of-another-version"), "{kept}");
    site.engine.say("DEL popgate:gate:0123456789abcdef");
    is_healthy(&gate).await;
    let mut program = log_in(gate.ports.plain, "ann").await.unwrap();
    program.ok("QUIT".to_owned()).await.unwrap();
}

/// At the greeting, where a balancer looks: clients come to the others.
async fn is_kept_out(stranger: &Gate) {
    has_state(stranger, "excluded", SOON).await;
    let mut refused = Program::unheard(stranger.ports.plain).await.unwrap();
    let greeting = refused.line().await.unwrap();
    assert!(greeting.starts_with("-ERR [SYS/TEMP] "), "{greeting}");
    let said = ask(stranger, &["cluster", "status"]);
    let why = said["cluster"]["why"].as_str().unwrap();
    assert!(why.contains("another secret_file, fold_case"), "{why}");
}
