//! Handshakes that are begun and left.

use crate::fire::{Ports, Program, raise_open_files};
use crate::regular::Regular;
use crate::{honest, rest};
use rustls::ClientConnection;
use rustls::pki_types::ServerName;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::task::JoinSet;

const HALF_DONE: usize = 400;
const ABANDONED: usize = 400;

/// The first flight of a client.
pub(crate) fn client_hello(ports: &Ports) -> Vec<u8> {
    let name = ServerName::try_from("localhost").unwrap();
    let mut client = ClientConnection::new(Arc::clone(&ports.client), name).unwrap();
    let mut hello = Vec::new();
    while client.wants_write() {
        client.write_tls(&mut hello).unwrap();
    }
    hello
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_half_done_handshakes_hurts_nobody() {
    raise_open_files();
    let (gate, _server) = honest(None).await;
    let before = gate.figures();
    let regular = Regular::start(gate.ports.plain, "regular");
    let hello = client_hello(&gate.ports);
    let mut clients = JoinSet::new();
    for number in 0..HALF_DONE + ABANDONED {
        clients.spawn(half_done(gate.ports.tls, hello.clone(), number < HALF_DONE));
    }
    let mut held = Vec::new();
    while let Some(client) = clients.join_next().await {
        held.extend(client.unwrap());
    }
    assert_eq!(held.len(), HALF_DONE);
    let full = gate.figures();
    // A good one comes over TLS while they stand there.
    let stream = Program::unheard(gate.ports.tls).await.unwrap();
    let mut good = gate
        .ports
        .shake_hands(stream.stream.into_inner())
        .await
        .unwrap();
    let mut greeting = [0; 3];
    good.read_exact(&mut greeting).await.unwrap();
    assert_eq!(&greeting, b"+OK");
    drop(good);

    for mut program in held {
        rest(&mut program).await;
    }
    let polls = regular.finish().await;
    println!("{HALF_DONE} half-done handshakes: {before:?}, then {full:?}; regular {polls:?}");
    assert!(polls.count >= 20, "{polls:?}");
    let each = full.memory.saturating_sub(before.memory) / HALF_DONE as u64;
    assert!(each < 100, "{each} KiB for each handshake");
    let failed = (HALF_DONE + ABANDONED) as f64;
    let (name, labels) = ("popgate_sessions_total", ["tls_failed"]);
    gate.wait_for(name, &labels, failed, Duration::from_secs(30))
        .await;
    gate.wait_until_empty(before, Duration::from_secs(30)).await;
}

/// Sends its first flight, and takes the answer's first bytes; then it stays, or is gone.
async fn half_done(to: std::net::SocketAddr, hello: Vec<u8>, stays: bool) -> Option<Program> {
    let mut program = Program::unheard(to).await.unwrap();
    program.send(&hello).await.unwrap();
    if !stays {
        return None;
    }
    let mut answer = [0; 16];
    program.stream.read_exact(&mut answer).await.unwrap();
    Some(program)
}
