//! What a session may cost: time, memory, other people's patience.

use crate::support::{Gate, Wire, assert_took, lets_in_at_once, seconds};
use popgate::gate::Stage;
use popgate::limits;
use popgate::observe::event::{Culprit, End};
use popgate::time::Instant;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What the buffers of the two connections hold, each way.
const ROOM: usize = 64 * 1024;

async fn enters(gate: &Gate, ann: &mut Wire) -> Wire {
    ann.asks_in("ann", "secret").await;
    let mut inside = gate.dialed().await;
    inside.lets_in("ann", "secret").await;
    ann.expect("+OK ann, come in\r\n").await;
    inside
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_reads_is_cut_and_its_lock_goes_on() {
    let gate = Gate::classic().await;
    gate.prove("ann", "secret").await;
    let mut ann = gate.visitor().takes(1000).greeted().await;
    let mut inside = enters(&gate, &mut ann).await;
    let mut waiter;
    ann.send("RETR 1\r\n").await;
    inside.expect("RETR 1\r\n").await;
    let stuck = Instant::now();
    inside
        .send(format!("+OK\r\n{}", "line\r\n".repeat(1000)))
        .await;
    inside.expect_silence(seconds(99.0)).await;
    waiter = gate.waiter("ann", "secret").await;
    let mut spare = gate.dialed().await;
    spare.greets().await;
    inside.expect_eof().await;
    assert_took(stuck, 120.0..=121.0);
    inside.close();
    lets_in_at_once(&mut spare, &mut waiter).await;
    let summary = gate.only_end_of("client 2").await;
    assert_eq!(summary.end(), End::Stalled);
    assert_eq!(summary.culprit(), Some(Culprit::Client));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_a_little_now_and_then_is_not_cut() {
    let gate = Gate::classic().await;
    let mut ann = gate.visitor().takes(100).greeted().await;
    let mut inside = enters(&gate, &mut ann).await;
    ann.send("RETR 1\r\n").await;
    inside.expect("RETR 1\r\n").await;
    let message = format!("+OK\r\n{}.\r\n", "line\r\n".repeat(100));
    inside.send(&message).await;
    for piece in message.as_bytes().chunks(100) {
        tokio::time::sleep(seconds(110.0)).await;
        ann.expect(piece).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_session_ends_at_the_idle_timeout_without_quit() {
    let gate = Gate::with("[defaults]\ncleartext = \"always\"\nidle_timeout = \"60s\"\n").await;
    let (mut ann, mut inside) = gate.log_in("ann", "secret").await;
    ann.expect_silence(seconds(59.0)).await;
    ann.send("NOOP\r\n").await;
    inside.expect("NOOP\r\n").await;
    inside.send("+OK\r\n").await;
    ann.expect("+OK\r\n").await;
    ann.expect_silence(seconds(59.0)).await;
    ann.expect_eof().await;
    inside.expect_eof().await;
    ann.close();
    assert_eq!(gate.only_end_of("client 1").await.end(), End::TimedOut);
}

#[tokio::test(start_paused = true)]
async fn a_status_line_without_an_end_is_the_backends_fault() {
    let gate = Gate::classic().await;
    let (mut ann, mut inside) = gate.log_in("ann", "secret").await;
    ann.send("STAT\r\n").await;
    inside.expect("STAT\r\n").await;
    let endless = "1".repeat(limits::REPLY_LINE_MAX);
    inside.send(format!("+OK {endless}")).await;
    inside.expect_eof().await;
    ann.close();
    let summary = gate.only_end_of("client 1").await;
    assert_eq!(summary.end(), End::BackendGone);
    assert_eq!(summary.culprit(), Some(Culprit::Backend));
}

#[tokio::test(start_paused = true)]
async fn a_line_that_is_no_reply_is_the_backends_fault() {
    let gate = Gate::classic().await;
    let (mut ann, mut inside) = gate.log_in("ann", "secret").await;
    ann.send("STAT\r\nNOOP\r\n").await;
    inside.expect("STAT\r\nNOOP\r\n").await;
    inside.send("+OK 1 120\r\nwhat?\r\n").await;
    ann.expect("+OK 1 120\r\n").await;
    ann.expect_eof().await;
    inside.expect_eof().await;
    ann.close();
    let summary = gate.only_end_of("client 1").await;
    assert_eq!(summary.end(), End::BackendGone);
}

#[tokio::test(start_paused = true)]
async fn a_large_message_passes_whole_at_its_readers_pace_and_is_never_kept() {
    let gate = Gate::classic().await;
    let (mut ann, mut inside) = gate.log_in("ann", "secret").await;
    ann.send("RETR 1\r\n").await;
    inside.expect("RETR 1\r\n").await;
    let message: Arc<[u8]> = large_message().into();
    let sent = Arc::new(AtomicUsize::new(0));
    let (all, count) = (Arc::clone(&message), Arc::clone(&sent));
    tokio::spawn(async move {
        for piece in all.chunks(1000) {
            inside.send(piece).await;
            count.fetch_add(piece.len(), Ordering::Relaxed);
        }
        inside.expect_eof().await;
    });
    let mut read = 0;
    for piece in message.chunks(50_000) {
        tokio::time::sleep(seconds(1.0)).await;
        ann.expect(piece).await;
        read += piece.len();
        // Two buffers of the kernel's, one read of the relay, and what the script has read ahead.
        let between = sent.load(Ordering::Relaxed) - read;
        assert!(between <= 4 * ROOM, "{between} octets are kept");
    }
    ann.expect_silence(seconds(1.0)).await;
    ann.close();
    let summary = gate.only_end_of("client 1").await;
    assert_eq!(summary.retrieved, 1);
    assert_eq!(
        summary.bytes_to_client,
        (message.len() + "+OK ann, come in\r\n".len()) as u64
    );
}

/// Five megabytes with a dot here and there, and its end.
fn large_message() -> Vec<u8> {
    let mut message = b"+OK\r\n".to_vec();
    for number in 0..200_000 {
        message.extend_from_slice(format!("..line {number:>15}\r\n").as_bytes());
    }
    message.extend_from_slice(b".\r\n");
    message
}

#[tokio::test(start_paused = true)]
async fn peers_that_are_quicker_than_popgate_do_not_keep_it_from_a_stop() {
    let gate = Gate::classic().await;
    let (mut ann, mut inside) = gate.log_in("ann", "secret").await;
    ann.send("RETR 1\r\n").await;
    inside.expect("RETR 1\r\n").await;
    inside.send("+OK\r\n").await;
    ann.expect("+OK\r\n").await;
    // A client that takes all, and a backend that always has more.
    ann.socket.is_deaf.store(true, Ordering::Relaxed);
    inside.socket.is_torrent.store(true, Ordering::Relaxed);
    inside.send("again and again\r\n").await;
    gate.stage.send_replace(Stage::Closing);
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    inside.socket.is_torrent.store(false, Ordering::Relaxed);
    inside.close();
    ann.close();
    assert_eq!(gate.only_end_of("client 1").await.end(), End::Shutdown);
}
