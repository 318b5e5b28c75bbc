//! Clients that send more than they read: what popgate keeps for them is bounded.

use crate::support::{Gate, Wire, seconds};
use popgate::observe::event::End;
use tokio::time::timeout;

/// How many octets of `line` the gate takes of a client that reads nothing.
async fn taken(client: &mut Wire, line: &str) -> usize {
    let chunk = line.repeat(16 * 1024 / line.len());
    for chunks in 0..1000 {
        if timeout(seconds(1.0), client.send(&chunk)).await.is_err() {
            return chunks * chunk.len();
        }
    }
    panic!("the gate takes {line:?} for ever");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_no_answer_is_asked_for_no_more_commands() {
    for line in ["CAPA\r\n", "\n", "PASS secret\r\n"] {
        let gate = Gate::classic().await;
        let mut client = gate.visitor().takes(1024).greeted().await;
        client.asks_in("ann", "secret").await;
        let mut backend = gate.dialed().await;
        backend.lets_in("ann", "secret").await;
        client.expect("+OK ann, come in\r\n").await;
        let taken = taken(&mut client, line).await;
        assert!(taken < 256 * 1024, "{line:?}: {taken}");
        // It holds a lock.
        backend.expect_silence(seconds(100.0)).await;
        backend.expect_eof().await;
        assert_eq!(gate.end_of("client 1").await.end(), End::Stalled);
    }
}
