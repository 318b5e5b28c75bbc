//! What gates know together apart from locks: who is blocked, and which passwords are right.

use crate::across::ask;
use crate::fire::{Gate, Program};
use crate::site::{Site, freeze, is_healthy, log_in, signal};
use rustix::process::Signal;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpSocket;

/// Three wrong passwords block; nobody is trusted, and no answer is delayed.
const STRICT: &str = "lease = \"6s\"\n\
                      [[tenant]]\nname = \"strict\"\ndomains = [\"strict.example\"]\n\
                      failures = { delay = \"0s\" }\npolls = { enforce = \"off\" }\n\
                      blocks = { passwords_per_maildrop = 3 }\n";

const CARL: &str = "carl@strict.example";
const PATIENCE: Duration = Duration::from_secs(20);

/// The address that the others share.
const HOME: &str = "127.0.0.1";

async fn connect(from: &str, to: SocketAddr) -> Program {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{from}:0").parse().unwrap()).unwrap();
    Program::over(socket, to).await.unwrap()
}

async fn guess(gate: &Gate, from: &str, password: &str) -> String {
    let mut program = connect(from, gate.ports.plain).await;
    program.ok(String::new()).await.unwrap();
    program.ok(format!("USER {CARL}")).await.unwrap();
    program.ask(&format!("PASS {password}")).await.unwrap()
}

/// One more entry: of the mailbox from this address.
async fn block(gate: &Gate, from: &str) {
    for password in ["one", "two", "three"] {
        assert!(guess(gate, from, password).await.starts_with("-ERR"));
    }
}

/// Ten connections on which nobody speaks POP3.
async fn abuse(gate: &Gate) {
    for _ in 0..10 {
        let mut program = connect(HOME, gate.ports.plain).await;
        program.ok(String::new()).await.unwrap();
        let _ = program.send(&b"what is this\r\n".repeat(10)).await;
        while program.line().await.is_ok_and(|line| !line.is_empty()) {}
    }
}

/// Waits until a gate's list has so many.
async fn lists(gate: &Gate, tenant: &str, blocked: u32, released: u32) {
    let tenant = format!("tenant=\"{tenant}\"");
    for (state, count) in [("blocked", blocked), ("released", released)] {
        let state = format!("state=\"{state}\"");
        let labels = &[tenant.as_str(), state.as_str()];
        gate.wait_for("popgate_blocks", labels, f64::from(count), PATIENCE)
            .await;
    }
}

async fn all_list(site: &Site, blocked: u32, released: u32) {
    for gate in &site.gates {
        lists(gate, "strict", blocked, released).await;
    }
}

fn release(gate: &Gate, from: &str) {
    let released = ask(gate, &["release", "--address", from, "--yes"]);
    assert_eq!(released["items"].as_array().unwrap().len(), 1);
}

fn pin(gate: &Gate, from: &str) {
    let pinned = ask(gate, &["blocks", "--address", from, "--pin"]);
    assert_eq!(pinned["items"].as_array().unwrap().len(), 1);
}

fn pinned(gate: &Gate) -> usize {
    let listed = ask(gate, &["blocks"]);
    let items = listed["items"].as_array().unwrap();
    items.iter().filter(|it| it["pinned"] == true).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guesser_at_one_gate_is_blocked_at_all_and_the_owner_at_none() {
    let Some(site) = Site::start_untrusting(STRICT).await else {
        return;
    };
    // The owner's password is proven at one gate alone.
    let mut program = log_in(site.gates[1].ports.plain, CARL).await.unwrap();
    program.ok("QUIT".to_owned()).await.unwrap();
    block(&site.gates[0], HOME).await;
    all_list(&site, 1, 0).await;
    // At a gate that has never heard of him, behind the address that is blocked.
    let mut program = log_in(site.gates[2].ports.plain, CARL).await.unwrap();
    program.ok("QUIT".to_owned()).await.unwrap();
    // One that starts now knows both.
    let late = site.next().await;
    lists(&late, "strict", 1, 0).await;
    let mut program = log_in(late.ports.plain, CARL).await.unwrap();
    program.ok("QUIT".to_owned()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_comes_from_behind_an_address_that_is_blocked_and_a_guesser_does_not() {
    let Some(site) = Site::start_untrusting(STRICT).await else {
        return;
    };
    let mut program = log_in(site.gates[1].ports.plain, CARL).await.unwrap();
    program.ok("QUIT".to_owned()).await.unwrap();
    abuse(&site.gates[0]).await;
    for gate in &site.gates {
        lists(gate, "default", 1, 0).await;
    }
    let late = site.next().await;
    lists(&late, "default", 1, 0).await;
    for gate in [&site.gates[2], &late] {
        let told = guess(gate, HOME, "one").await;
        assert!(told.contains("Too many protocol errors"), "{told}");
        let mut program = log_in(gate.ports.plain, CARL).await.unwrap();
        program.ok("QUIT".to_owned()).await.unwrap();
        // The owner's login lifts nothing for him who shares the address.
        let told = guess(gate, HOME, "two").await;
        assert!(told.contains("Too many protocol errors"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_begins_empty_gets_the_list_back_and_so_does_a_gate_that_starts() {
    let Some(mut site) = Site::start_untrusting(STRICT).await else {
        return;
    };
    block(&site.gates[0], HOME).await;
    block(&site.gates[1], "127.0.0.9").await;
    all_list(&site, 2, 0).await;
    release(&site.gates[2], HOME);
    all_list(&site, 1, 1).await;
    site.engine.kill();
    site.engine.revive();
    for gate in &site.gates {
        is_healthy(gate).await;
    }
    let late = site.next().await;
    lists(&late, "strict", 1, 1).await;
    all_list(&site, 1, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_lost_its_last_writes_is_told_them_again() {
    let Some(mut site) = Site::start_untrusting(STRICT).await else {
        return;
    };
    block(&site.gates[0], HOME).await;
    all_list(&site, 1, 0).await;
    assert_eq!(site.engine.say("SAVE").as_deref(), Some("+OK\r\n"));
    release(&site.gates[1], HOME);
    block(&site.gates[2], "127.0.0.9").await;
    all_list(&site, 1, 1).await;
    for gate in &site.gates {
        freeze(gate);
    }
    site.engine.kill();
    site.engine.revive();
    // It has the block that was released since.
    let kept = site.engine.say("HLEN popgate:blocks");
    assert_eq!(kept.as_deref(), Some(":1\r\n"));
    for gate in &site.gates {
        signal(gate, Signal::CONT);
    }
    for gate in &site.gates {
        is_healthy(gate).await;
    }
    let late = site.next().await;
    lists(&late, "strict", 1, 1).await;
    all_list(&site, 1, 1).await;
    let told = guess(&late, HOME, "four").await;
    assert!(
        told.starts_with("-ERR"),
        "it is asked, and not blocked: {told}"
    );
    lists(&late, "strict", 1, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_wins_over_what_another_gate_changes_while_the_engine_is_away() {
    let Some(mut site) = Site::start_untrusting(STRICT).await else {
        return;
    };
    block(&site.gates[0], HOME).await;
    all_list(&site, 1, 0).await;
    site.engine.kill();
    pin(&site.gates[0], HOME);
    release(&site.gates[1], HOME);
    site.engine.revive();
    all_list(&site, 0, 1).await;
    for gate in &site.gates {
        assert_eq!(pinned(gate), 0);
    }
}

/// Their calls are answered too late, and made twice.
#[tokio::test(flavor = "multi_thread")]
async fn two_gates_that_change_one_entry_at_once_agree() {
    let Some(site) = Site::start_untrusting(STRICT).await else {
        return;
    };
    for (one, other) in [(0, 1), (1, 0)] {
        block(&site.gates[one], HOME).await;
        all_list(&site, 1, 0).await;
        site.engine.freeze();
        pin(&site.gates[one], HOME);
        release(&site.gates[other], HOME);
        site.engine.thaw();
        all_list(&site, 0, 1).await;
        for gate in &site.gates {
            assert_eq!(pinned(gate), 0);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_was_away_gets_what_changed_and_offers_nothing_old() {
    let Some(site) = Site::start_untrusting(STRICT).await else {
        return;
    };
    block(&site.gates[2], HOME).await;
    block(&site.gates[2], "127.0.0.9").await;
    all_list(&site, 2, 0).await;
    let sent = || async {
        let name = "popgate_cluster_block_changes_total";
        site.gates[2].metric(name, &["direction=\"sent\""]).await
    };
    let before = sent().await;
    freeze(&site.gates[2]);
    site.gates[0]
        .wait_for("popgate_cluster_members", &[], 2.0, PATIENCE)
        .await;
    release(&site.gates[0], HOME);
    block(&site.gates[1], "127.0.0.10").await;
    lists(&site.gates[0], "strict", 2, 1).await;
    signal(&site.gates[2], Signal::CONT);
    all_list(&site, 2, 1).await;
    assert!((sent().await - before).abs() < 0.5);
}
