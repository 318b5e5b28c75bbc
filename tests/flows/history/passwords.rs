//! No password is in the history, whatever the client takes for the right place to type it.

use super::entries;
use crate::support::{Gate, Wire};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Stands for every password of these clients.
const CANARY: &str = "C4n4ryB1rd";

/// The lines of each client, one after the other; each has an answer.
fn dialogues() -> Vec<Vec<String>> {
    let base64 = |text: &str| STANDARD.encode(text);
    let plain = base64(&format!("\0ann\0{CANARY}"));
    let alone = base64(CANARY);
    [
        vec!["USER ann".to_owned(), format!("PASS {CANARY}")],
        vec![format!("PASS {CANARY}")],
        vec![CANARY.to_owned(), format!("PASS{CANARY}")],
        vec![format!("APOP ann {CANARY}")],
        vec![format!("AUTH PLAIN {plain}")],
        vec!["AUTH PLAIN".to_owned(), plain.clone()],
        vec!["AUTH PLAIN".to_owned(), "*".to_owned()],
        vec![format!("AUTH PLAIN {plain} {CANARY}")],
        vec![format!("AUTH PLAIN {alone}")],
        vec![format!("AUTH {CANARY}")],
        vec!["AUTH LOGIN".to_owned(), base64("ann"), alone.clone()],
        vec![format!("AUTH LOGIN {alone}"), "*".to_owned()],
        vec!["AUTH LOGIN".to_owned(), format!("!{CANARY}")],
        vec![format!("CAPA {CANARY}"), format!("QUIT {CANARY}")],
        vec![format!("LIST {CANARY}"), format!("\0{CANARY}")],
    ]
    .to_vec()
}

/// A backend that takes no password, by whatever command.
async fn refuses(mut backend: Wire) {
    backend.greets().await;
    loop {
        let line = backend.read_line().await;
        let answer = if line.starts_with("USER") {
            "+OK and now?"
        } else {
            "-ERR [AUTH] Authentication failed"
        };
        backend.send(format!("{answer}\r\n")).await;
        if !line.starts_with("USER") {
            while backend.hears_more().await {}
            return;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_password_reaches_the_history_from_wherever_it_was_typed() {
    let gate = Gate::classic().await;
    gate.serve_each(refuses);
    for (number, lines) in dialogues().into_iter().enumerate() {
        let mut client = gate.greeted().await;
        for line in &lines {
            client.send(format!("{line}\r\n")).await;
            client.read_line().await;
        }
        client.close();
        gate.end_of(&format!("client {}", number + 1)).await;
    }
    let told = entries(&gate);
    assert!(told.len() >= dialogues().len(), "{}", told.len());
    for entry in told {
        let shown = format!("{entry:?}");
        for secret in [CANARY, &STANDARD.encode(CANARY)] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_typed_behind_a_login_does_not_reach_it_either() {
    let gate = Gate::classic().await;
    let (mut ann, mut inside) = gate.log_in("ann", CANARY).await;
    ann.send(format!("USER ann\r\nPASS {CANARY}\r\nNOOP {CANARY}\r\n"))
        .await;
    inside.expect("NOOP ").await;
    inside.expect(format!("{CANARY}\r\n")).await;
    inside.send("-ERR no arguments\r\n").await;
    ann.close();
    gate.end_of("client 1").await;
    let told = entries(&gate);
    assert_eq!(told.len(), 1);
    let shown = format!("{told:?}");
    assert!(!shown.contains(CANARY), "{shown}");
}
