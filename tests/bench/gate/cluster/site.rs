//! Gates as processes, their engine, and the backend behind them.

use super::engine::Engine;
use crate::process::Front;
use popgate::demo::log::SessionLog;
use popgate::demo::server::{DemoOptions, DemoServer};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// What all gates have in their secret's file.
const SECRET: &str = "6b1f0c5d9e2a47388c4f5e6d7a8b9c0d1e2f30415263748596a7b8c9daebfc0d";

/// Long waits and queues: nobody is refused.
const PATIENT: &str = "wait = \"55s\"\nqueue = 200\n";

pub(crate) struct Site {
    pub(crate) engine: Engine,
    /// In the cluster.
    pub(crate) gates: Vec<Front>,
    backend: Arc<DemoServer>,
    address: SocketAddr,
    folder: tempfile::TempDir,
}

impl Site {
    /// Three gates that have joined, and whose engine gives turns away.
    pub(crate) async fn start() -> Self {
        let backend = DemoServer::new(DemoOptions {
            any_user: true,
            ..DemoOptions::default()
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(Arc::clone(&backend).serve(listener, CancellationToken::new()));
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("cluster.secret");
        std::fs::write(&secret, format!("{SECRET}\n")).unwrap();
        std::fs::set_permissions(&secret, PermissionsExt::from_mode(0o600)).unwrap();
        let mut site = Self {
            engine: Engine::start(),
            gates: Vec::new(),
            backend,
            address,
            folder,
        };
        for number in 0..3 {
            let gate = site.gate(number).await;
            site.gates.push(gate);
        }
        // The first epoch gives nothing away for a moment: the first login waits that long.
        crate::client::short_session(site.gates[0].plain, "first").await;
        site
    }

    /// One more gate of the cluster.
    pub(crate) async fn gate(&self, number: usize) -> Front {
        let engine = self.engine.0.address;
        let secret = self.folder.path().join("cluster.secret");
        let cluster = format!(
            "{PATIENT}[cluster]\nnodes = [\"{engine}\"]\nsecret_file = {secret:?}\n\
             name = \"pop{number}\"\n"
        );
        Front::popgate_with(self.address, &cluster).await
    }

    /// A gate before the same backend that is in no cluster.
    pub(crate) async fn gate_alone(&self) -> Front {
        Front::popgate_with(self.address, PATIENT).await
    }

    /// Who was in which maildrop, as the backend saw it.
    pub(crate) fn log(&self) -> SessionLog {
        self.backend.log()
    }
}
