//! What the tests with fire have in common: the gate as a process of its own, and mail programs.

mod gate;
pub(crate) mod namespace;
mod program;

pub(crate) use gate::{Figures, Gate, Ports, Setup, free_address};
pub(crate) use program::Program;

use popgate::demo::server::DemoServer;
use rustix::process::{Resource, getrlimit, setrlimit};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Programs and backends live in this process, hundreds of each.
pub(crate) fn raise_open_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
}

/// Serves at `address` until the token is cancelled, which drops all connections; the task ends
/// when they are gone.
pub(crate) async fn serve(
    server: &Arc<DemoServer>,
    address: SocketAddr,
) -> (CancellationToken, JoinHandle<()>) {
    let listener = TcpListener::bind(address).await.unwrap();
    let stop = CancellationToken::new();
    let serving = Arc::clone(server).serve(listener, stop.clone());
    (stop, tokio::spawn(serving))
}
