//! The line between gates and their engine: what the engine says can be late.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

pub(crate) struct Line {
    /// What gates take for the engine's address.
    pub(crate) address: SocketAddr,
    late_millis: Arc<AtomicU64>,
    accepting: JoinHandle<()>,
}

impl Line {
    pub(crate) async fn to(engine: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let late_millis = Arc::new(AtomicU64::new(0));
        let accepting = tokio::spawn(accept(listener, engine, Arc::clone(&late_millis)));
        Self {
            address,
            late_millis,
            accepting,
        }
    }

    /// All that the engine says from now on is late by this.
    pub(crate) fn delay(&self, late: Duration) {
        let millis = late.as_millis().try_into().unwrap();
        self.late_millis.store(millis, Ordering::Relaxed);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, engine: SocketAddr, late_millis: Arc<AtomicU64>) {
    while let Ok((gate, _)) = listener.accept().await {
        let Ok(engine) = TcpStream::connect(engine).await else {
            continue;
        };
        gate.set_nodelay(true).unwrap();
        engine.set_nodelay(true).unwrap();
        let (mut from_gate, to_gate) = gate.into_split();
        let (from_engine, mut to_engine) = engine.into_split();
        let (said, due) = mpsc::unbounded_channel();
        tokio::spawn(hear(from_engine, said, Arc::clone(&late_millis)));
        tokio::spawn(say(to_gate, due));
        tokio::spawn(async move {
            // Either end may go.
            let _ = copy(&mut from_gate, &mut to_engine).await;
            let _ = to_engine.shutdown().await;
        });
    }
}

async fn hear(
    mut from: OwnedReadHalf,
    said: mpsc::UnboundedSender<(Instant, Vec<u8>)>,
    late_millis: Arc<AtomicU64>,
) {
    let mut octets = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut octets).await {
        let late = Duration::from_millis(late_millis.load(Ordering::Relaxed));
        if said
            .send((Instant::now() + late, octets[..count].to_vec()))
            .is_err()
        {
            return;
        }
    }
}

async fn say(mut to: OwnedWriteHalf, mut due: mpsc::UnboundedReceiver<(Instant, Vec<u8>)>) {
    while let Some((at, octets)) = due.recv().await {
        sleep_until(at).await;
        if to.write_all(&octets).await.is_err() {
            return;
        }
    }
}
