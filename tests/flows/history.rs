//! What the history is told of a session.

use crate::support::{Gate, Wire};
use popgate::history::{Encryption, HistoryEntry, TlsParameters};
use popgate::observe::event::Event;
use std::sync::Arc;

/// The entry of this client's session that came last.
async fn last_entry(gate: &Gate, client: &str) -> Arc<HistoryEntry> {
    let session = gate.end_of(client).await.session;
    let entries = gate.events.events().into_iter().rev();
    let found = entries.filter_map(|event| match event {
        Event::Recorded(entry) => (entry.session == session).then_some(entry),
        _ => None,
    });
    found.into_iter().next().expect("each session has an entry")
}

/// What the double of a client and rustls agree on.
fn agreed() -> TlsParameters {
    TlsParameters {
        version: "TLSv1.3".into(),
        cipher: "TLS_AES_256_GCM_SHA384".into(),
    }
}

/// The last word of a client that is done.
async fn quits(mut client: Wire) {
    client.send("QUIT\r\n").await;
    client.expect("+OK Goodbye\r\n").await;
    client.close();
}

#[tokio::test(start_paused = true)]
async fn it_tells_where_a_client_came_in_and_how_it_was_encrypted() {
    let gate = Gate::classic().await;
    quits(gate.greeted().await).await;
    let mut stls = gate.greeted().await;
    stls.send("STLS\r\n").await;
    stls.expect("+OK Begin TLS\r\n").await;
    quits(stls.start_tls().await).await;
    let mut implicit = gate.visitor().at("pop3s").connect().start_tls().await;
    implicit.expect("+OK POP3 server ready\r\n").await;
    quits(implicit).await;
    for (client, port, encryption, server_name) in [
        ("client 1", 110, Encryption::None, None),
        (
            "client 2",
            110,
            Encryption::Stls(agreed()),
            Some("localhost"),
        ),
        (
            "client 3",
            995,
            Encryption::Implicit(agreed()),
            Some("localhost"),
        ),
    ] {
        let entry = last_entry(&gate, client).await;
        assert_eq!(entry.port, port, "{client}");
        assert_eq!(entry.encryption, encryption, "{client}");
        assert_eq!(entry.server_name.as_deref(), server_name, "{client}");
    }
}
