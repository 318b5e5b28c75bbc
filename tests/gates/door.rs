//! The backend's door: it can keep gates waiting for the greeting.

use popgate::demo::server::DemoServer;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Connections that are not greeted.
#[derive(Default)]
struct Kept {
    is_closed: bool,
    streams: Vec<TcpStream>,
}

pub(crate) struct Door {
    kept: watch::Sender<Kept>,
    backend: Arc<DemoServer>,
    accepting: JoinHandle<()>,
}

impl Door {
    /// Greets each connection that comes.
    pub(crate) async fn open_at(address: SocketAddr, backend: Arc<DemoServer>) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let kept = watch::Sender::new(Kept::default());
        let accepting = tokio::spawn(accept(listener, Arc::clone(&backend), kept.clone()));
        Self {
            kept,
            backend,
            accepting,
        }
    }

    /// Connections that come from now on are not greeted.
    pub(crate) fn close(&self) {
        self.kept.send_modify(|kept| kept.is_closed = true);
    }

    /// Connections that come from now on are greeted.
    pub(crate) fn open(&self) {
        self.kept.send_modify(|kept| kept.is_closed = false);
    }

    /// Waits until somebody is not greeted.
    pub(crate) async fn keeps_somebody(&self) {
        let mut kept = self.kept.subscribe();
        kept.wait_for(|kept| !kept.streams.is_empty())
            .await
            .unwrap();
    }

    /// Greets those who wait for it.
    pub(crate) fn greet_all(&self) {
        self.kept.send_modify(|kept| {
            for stream in kept.streams.drain(..) {
                tokio::spawn(Arc::clone(&self.backend).serve_connection(stream));
            }
        });
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, backend: Arc<DemoServer>, kept: watch::Sender<Kept>) {
    while let Ok((stream, _)) = listener.accept().await {
        stream.set_nodelay(true).unwrap();
        let mut stream = Some(stream);
        kept.send_if_modified(|kept| {
            let is_kept = kept.is_closed;
            kept.streams.extend(stream.take_if(|_| is_kept));
            is_kept
        });
        if let Some(stream) = stream {
            tokio::spawn(Arc::clone(&backend).serve_connection(stream));
        }
    }
}
