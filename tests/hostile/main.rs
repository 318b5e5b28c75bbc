//! Hostile bytes against the running program, from clients and from backends, and more clients
//! than there are descriptors. A regular goes on polling its maildrop all the while.

mod crowd;
#[path = "../fire/mod.rs"]
mod fire;
mod handshakes;
mod liars;
mod slow;
mod stls;

use fire::{Gate, Setup, free_address, serve};
use popgate::demo::server::{DemoServer, Options};
use std::sync::Arc;

/// A gate before one honest server.
async fn honest(open_files: Option<(u32, u32)>) -> (Gate, Arc<DemoServer>) {
    let (server, address) = (server(), free_address("127.0.0.1"));
    serve(&server, address).await;
    let config = format!("[[backend]]\nname = \"honest\"\naddress = \"{address}\"\n");
    let setup = Setup {
        host: "127.0.0.1",
        config: &config,
        open_files,
    };
    (Gate::start(setup).await, server)
}

/// A server that lets in everybody, and locks.
fn server() -> Arc<DemoServer> {
    DemoServer::new(Options {
        any_user: true,
        ..Options::default()
    })
}
