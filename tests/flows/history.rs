//! What the history is told of a session.

mod facts;
mod passwords;

use crate::support::{Gate, Wire};
use popgate::history::{Encryption, HistoryEntry, HistoryLogin, TlsParameters};
use popgate::observe::event::Event;
use std::sync::Arc;

/// All entries so far, in the order in which they were told.
fn entries(gate: &Gate) -> Vec<Arc<HistoryEntry>> {
    let entry = |event: Event| match event {
        Event::Recorded(entry) => Some(entry),
        _ => None,
    };
    let entries: Vec<_> = gate.events.events().into_iter().filter_map(entry).collect();
    entries.iter().for_each(|entry| assert_times_fit(entry));
    entries
}

/// The entry of this client's session that came last.
async fn last_entry(gate: &Gate, client: &str) -> Arc<HistoryEntry> {
    let session = gate.end_of(client).await.session;
    let mut its = entries(gate);
    its.retain(|entry| entry.session == session);
    its.pop().expect("each session has an entry")
}

fn login_of(entry: &HistoryEntry) -> &HistoryLogin {
    entry.login.as_deref().expect("the entry of a login")
}

/// What a login went through fits between its password and its end, one behind the other.
fn assert_times_fit(entry: &HistoryEntry) {
    let Some(login) = &entry.login else {
        return;
    };
    let took = entry.ended.duration_since(login.asked).unsigned_abs();
    assert!(
        login.delayed + login.waited + login.held <= took,
        "{entry:?}"
    );
    assert!(entry.opened <= login.asked, "{entry:?}");
    if let Some(granted) = login.granted {
        assert!(
            login.asked <= granted && granted <= entry.ended,
            "{entry:?}"
        );
    }
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
