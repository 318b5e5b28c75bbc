//! Memory of an idle session that has logged in, plain and in TLS.

use crate::Extent;
use crate::client::Client;
use crate::process::{Front, start_server};
use popgate::net::tls::Connector;
use std::net::SocketAddr;

pub(crate) async fn measure(extent: &Extent) {
    let sessions = extent.idle_sessions;
    println!("memory of each of {sessions} idle sessions, after login");
    let connector = Connector::new(None, "localhost", false).unwrap();
    for (what, tls) in [("plain", None), ("TLS", Some(&connector))] {
        let backend = start_server().await;
        let front = Front::popgate(backend).await;
        let address = if tls.is_some() {
            front.tls
        } else {
            front.plain
        };
        // The first sessions pay for what all share.
        let mut clients = open(address, tls, 0..sessions / 10).await;
        let before = front.memory();
        clients.extend(open(address, tls, sessions / 10..sessions).await);
        let counted = (sessions - sessions / 10) as u64;
        let each = front.memory().saturating_sub(before) / counted;
        println!("  {what:<6} {:>8.2} KiB", each as f64 / 1024.0);
    }
}

async fn open(
    address: SocketAddr,
    tls: Option<&Connector>,
    users: std::ops::Range<usize>,
) -> Vec<Client> {
    let mut clients = Vec::with_capacity(users.len());
    for user in users {
        let mut client = Client::connect(address, tls).await;
        client.log_in(&format!("user{user}")).await;
        clients.push(client);
    }
    clients
}
