//! How the household reaches popgate, and popgate the server: without a network.

use super::line::{LineControl, LineEnd, Pace, connect};
use crate::demo::server::DemoServer;
use crate::net::{Accept, BoxFuture, Dial, Io};
use crate::time::Duration;
use std::future::pending;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use tokio::sync::mpsc;
use tokio::time::sleep;

/// Between popgate and the server, in one house.
const BACKBONE: Pace = Pace {
    latency: Duration::from_millis(1),
    octets_per_second: 100_000_000,
};

/// Where the household's programs connect.
#[derive(Clone)]
pub struct Street {
    arrivals: mpsc::UnboundedSender<(LineEnd, SocketAddr)>,
    ports: Arc<AtomicU16>,
}

/// Their connections, as popgate accepts them.
pub struct FrontDoor(mpsc::UnboundedReceiver<(LineEnd, SocketAddr)>);

/// popgate's connections to the server.
pub struct BackDoor(Arc<DemoServer>);

/// A way to popgate for the household's programs, and its end there.
#[must_use]
pub fn street() -> (Street, FrontDoor) {
    let (arrivals, connections) = mpsc::unbounded_channel();
    let ports = Arc::new(AtomicU16::new(1024));
    (Street { arrivals, ports }, FrontDoor(connections))
}

impl Street {
    /// A connection from `from`.
    pub(super) async fn connect(
        &self,
        from: IpAddr,
        pace: Pace,
    ) -> io::Result<(LineEnd, LineControl)> {
        sleep(2 * pace.latency).await;
        let (near, far, line) = connect(pace);
        let port = self.ports.fetch_add(1, Ordering::Relaxed).max(1024);
        self.arrivals
            .send((far, SocketAddr::new(from, port)))
            .map_err(|_| io::Error::from(io::ErrorKind::ConnectionRefused))?;
        Ok((near, line))
    }
}

impl Accept for FrontDoor {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<(Box<dyn Io>, SocketAddr)>> {
        Box::pin(async {
            match self.0.recv().await {
                Some((end, from)) => Ok((Box::new(end) as Box<dyn Io>, from)),
                None => pending().await,
            }
        })
    }
}

impl BackDoor {
    /// To this server.
    #[must_use]
    pub fn new(server: Arc<DemoServer>) -> Self {
        Self(server)
    }
}

impl Dial for BackDoor {
    fn dial<'a>(&'a self, _address: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Io>>> {
        Box::pin(async {
            sleep(2 * BACKBONE.latency).await;
            let (near, far, _) = connect(BACKBONE);
            tokio::spawn(Arc::clone(&self.0).serve_connection(far));
            Ok(Box::new(near) as Box<dyn Io>)
        })
    }
}
