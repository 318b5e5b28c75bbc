//! Clients that send a byte now and then, to stay for ever.

use crate::fire::{Figures, Gate, Program, raise_open_files};
use crate::handshakes::client_hello;
use crate::honest;
use crate::regular::Regular;
use popgate::limits::{BEFORE_LOGIN, TLS_HANDSHAKE};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval};

/// Of each kind.
const EACH: usize = 100;

/// Between two bytes.
const PAUSE: Duration = Duration::from_secs(2);

/// What a busy machine may take longer.
const SLACK: Duration = Duration::from_secs(20);

/// One way to be slow: what is said at once, and what follows a byte at a time.
#[derive(Clone)]
struct Kind {
    port: SocketAddr,
    greeted: bool,
    first: &'static [u8],
    slowly: Vec<u8>,
    cut_after: Duration,
}

fn kinds(gate: &Gate) -> [Kind; 6] {
    let command = |port, first, slowly: &[u8]| Kind {
        port,
        greeted: true,
        first,
        slowly: slowly.to_vec(),
        cut_after: BEFORE_LOGIN,
    };
    let endless = [b'a'; 100];
    let handshake = Kind {
        port: gate.ports.tls,
        greeted: false,
        first: b"",
        slowly: client_hello(&gate.ports),
        cut_after: TLS_HANDSHAKE,
    };
    let after_stls = Kind {
        port: gate.ports.stls,
        greeted: true,
        first: b"STLS\r\n",
        ..handshake.clone()
    };
    [
        command(gate.ports.plain, b"", &endless),
        command(gate.ports.plain, b"AUTH PLAIN\r\n", &endless),
        command(gate.ports.plain, b"", &b"CAPA\r\n".repeat(20)),
        command(gate.ports.stls, b"USER ann\r\n", &endless),
        handshake,
        after_stls,
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_a_byte_now_and_then_are_cut_and_hurt_nobody() {
    raise_open_files();
    let (gate, _server) = honest(None).await;
    let before = gate.figures();
    let regular = Regular::start(gate.ports.plain, "regular");
    let mut slow = JoinSet::new();
    for kind in kinds(&gate) {
        for _ in 0..EACH {
            slow.spawn(trickle(kind.clone()));
        }
    }
    let sessions = (6 * EACH) as f64;
    let mut most: Figures = before;
    while let Some(ended) = slow.join_next().await {
        ended.unwrap();
        let now = gate.figures();
        if now.memory > most.memory {
            most = now;
        }
    }
    let polls = regular.finish().await;
    println!("{sessions} slow clients: {before:?} at first, {most:?} at most; regular {polls:?}");
    assert!(polls.count >= 50 && polls.slowest < SLACK, "{polls:?}");
    let each = (most.memory - before.memory) / (6 * EACH) as u64;
    assert!(each < 64, "{each} KiB for each slow client");
    let ended = "popgate_sessions_total";
    let timed_out = gate.metric(ended, &["timed_out"]).await;
    let tls_failed = gate.metric(ended, &["tls_failed"]).await;
    assert_eq!(
        (timed_out, tls_failed),
        ((4 * EACH) as f64, (2 * EACH) as f64)
    );
    gate.wait_until_empty(before, SLACK).await;
}

/// Comes, and is cut in time.
async fn trickle(kind: Kind) {
    let mut program = Program::unheard(kind.port).await.unwrap();
    let start = Instant::now();
    if kind.greeted {
        assert!(program.line().await.unwrap().starts_with("+OK"));
    }
    if !kind.first.is_empty() {
        program.send(kind.first).await.unwrap();
        assert!(program.line().await.unwrap().starts_with('+'));
    }
    let (mut reader, mut writer) = program.stream.into_inner().into_split();
    let sender = tokio::spawn(async move {
        let mut ticks = interval(PAUSE);
        for byte in kind.slowly.chunks(1) {
            ticks.tick().await;
            // The gate cuts it: that is the reader's to see.
            let _ = tokio::io::AsyncWriteExt::write_all(&mut writer, byte).await;
        }
    });
    let mut sink = tokio::io::sink();
    let end = tokio::io::copy(&mut reader, &mut sink);
    let ended = tokio::time::timeout(kind.cut_after + SLACK, end).await;
    sender.abort();
    assert!(
        ended.is_ok(),
        "it is still there after {:?}",
        start.elapsed()
    );
    let stayed = start.elapsed();
    let said = String::from_utf8_lossy(kind.first);
    assert!(
        stayed >= kind.cut_after / 2,
        "{said:?} was cut after {stayed:?}"
    );
}
