//! What gates know together apart from locks: who is blocked, and which passwords are right.

use crate::fire::Program;
use crate::site::{Site, log_in};
use std::time::Duration;

/// Three wrong passwords block; nobody is trusted, and no answer is delayed.
const STRICT: &str = "[[tenant]]\nname = \"strict\"\ndomains = [\"strict.example\"]\n\
                      failures = { delay = \"0s\" }\npolls = { enforce = \"off\" }\n\
                      blocks = { passwords_per_maildrop = 3 }\n";

async fn guess(site: &Site, gate: usize, password: &str) -> String {
    let mut program = Program::unheard(site.gates[gate].ports.plain)
        .await
        .unwrap();
    program.ok(String::new()).await.unwrap();
    program
        .ok("USER carl@strict.example".to_owned())
        .await
        .unwrap();
    program.ask(&format!("PASS {password}")).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guesser_at_one_gate_is_blocked_at_all_and_the_owner_at_none() {
    let Some(site) = Site::start_untrusting(STRICT).await else {
        return;
    };
    let owner = site.gates[1].ports.plain;
    // The owner's password is proven at one gate alone.
    let mut program = log_in(owner, "carl@strict.example").await.unwrap();
    program.ok("QUIT".to_owned()).await.unwrap();
    for password in ["one", "two", "three"] {
        assert!(guess(&site, 0, password).await.starts_with("-ERR"));
    }
    for gate in &site.gates {
        let blocked = &["tenant=\"strict\"", "state=\"blocked\""];
        gate.wait_for("popgate_blocks", blocked, 1.0, Duration::from_secs(10))
            .await;
    }
    // At a gate that has never heard of him, behind the address that is blocked.
    let mut program = log_in(site.gates[2].ports.plain, "carl@strict.example")
        .await
        .unwrap();
    program.ok("QUIT".to_owned()).await.unwrap();
    // One that starts now knows both.
    let late = site.next().await;
    let blocked = &["tenant=\"strict\"", "state=\"blocked\""];
    late.wait_for("popgate_blocks", blocked, 1.0, Duration::from_secs(10))
        .await;
    let mut program = log_in(late.ports.plain, "carl@strict.example")
        .await
        .unwrap();
    program.ok("QUIT".to_owned()).await.unwrap();
}
