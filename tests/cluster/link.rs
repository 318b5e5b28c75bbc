//! What supervises a link to the engine of a test, and beats by it.

use super::process::PATIENCE;
use popgate::cluster::engine::{EngineOptions, supervise};
use popgate::cluster::link::{EngineLink, LinkEvent};
use popgate::cluster::protocol::{BeatAnswer, BeatCall, ClusterReport, GateId};
use popgate::net::dial::TcpDial;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

pub(crate) const GATE: GateId = GateId([1, 2, 3, 4, 5, 6, 7, 8]);

pub(crate) fn options(address: SocketAddr) -> EngineOptions {
    EngineOptions {
        nodes: vec![address.to_string()],
        master: None,
        tls: None,
        username: None,
        password: None,
        prefix: "popgate:".to_owned(),
        gate: GATE,
    }
}

/// What the supervisor tells.
pub(crate) struct Watched {
    events: mpsc::Receiver<LinkEvent>,
}

impl Watched {
    pub(crate) fn start(options: EngineOptions) -> Self {
        let (sender, events) = mpsc::channel(1024);
        tokio::spawn(supervise(Arc::new(TcpDial), options, sender));
        Self { events }
    }

    pub(crate) async fn next(&mut self) -> LinkEvent {
        let next = timeout(PATIENCE, self.events.recv()).await;
        next.expect("an event").expect("a supervisor")
    }

    /// The next link; what comes before it is passed over.
    pub(crate) async fn up(&mut self) -> Arc<dyn EngineLink> {
        loop {
            if let LinkEvent::Up(link) = self.next().await {
                return link;
            }
        }
    }
}

pub(crate) fn beat(ping: u64) -> BeatCall {
    BeatCall {
        known_epoch: 0,
        lease: Duration::from_secs(15),
        fingerprint: Arc::from("same"),
        settings: Arc::from("settings"),
        info: Arc::from(&b"sealed"[..]),
        ping,
        blocks: 0,
        is_established: false,
        restates: None,
        was_alone: false,
    }
}

/// A beat that must be answered.
pub(crate) async fn alive(link: &Arc<dyn EngineLink>, ping: u64) -> ClusterReport {
    match link.beat(beat(ping)).await {
        Ok(BeatAnswer::Alive(report)) => report,
        other => panic!("{other:?}"),
    }
}
