//! Hostile bytes against the running program, from clients and from backends, and more clients
//! than there are descriptors. A regular goes on polling its maildrop all the while. And attacks
//! by clients that are not trusted: on a maildrop, with ever new names, with ever more connections,
//! and on the admin port. And crowds on listings that popgate shares, and the largest of them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod admin;
mod crowd;
#[path = "../fire/mod.rs"]
mod fire;
mod flood;
mod guesser;
mod handshakes;
mod large;
mod liars;
mod listings;
mod names;
mod queueing;
mod regular;
mod slow;
mod stls;
mod strangers;
mod views;

use fire::{Gate, Program, Setup, free_address, serve};
use popgate::demo::server::{DemoOptions, DemoServer};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

/// A gate before one honest server.
async fn honest(open_files: Option<(u32, u32)>) -> (Gate, Arc<DemoServer>) {
    let (server, address) = (server(), free_address("127.0.0.1"));
    serve(&server, address).await;
    let config = format!(
        "[[backend]]\nname = \"honest\"\naddress = \"{address}\"\n\
         [defaults]\npolls = {{ enforce = \"off\" }}\n"
    );
    let setup = Setup {
        config: &config,
        open_files,
        ..Setup::default()
    };
    (Gate::start(setup).await, server)
}

/// A server that lets in everybody, and locks.
fn server() -> Arc<DemoServer> {
    DemoServer::new(DemoOptions {
        any_user: true,
        ..DemoOptions::default()
    })
}

/// Connects and reads the greeting.
async fn connect(to: SocketAddr) -> io::Result<Program> {
    let mut program = Program::unheard(to).await?;
    program.ok(String::new()).await?;
    Ok(program)
}

/// What a connection brings until its end, a reset too; the first 4 KiB.
async fn rest(program: &mut Program) -> Vec<u8> {
    let mut came = Vec::new();
    let mut chunk = vec![0; 64 * 1024];
    let ended = timeout(Duration::from_secs(90), async {
        while let Ok(octets @ 1..) = program.stream.read(&mut chunk).await {
            let room = 4_096_usize.saturating_sub(came.len());
            came.extend_from_slice(&chunk[..octets.min(room)]);
        }
    });
    ended.await.expect("the connection does not end");
    came
}
