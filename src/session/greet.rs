//! The first words: TLS where the port begins with it, then the greeting.

use super::Greeted;
use super::client::{Client, LoginBudget};
use super::record::Record;
use super::refusal;
use crate::gate::{Context, Peer, Phase, Stage};
use crate::limits;
use crate::net::TlsMode;
use crate::net::conn::Conn;
use crate::observe::event::EndCause;
use crate::time::Instant;
use std::future::pending;
use std::sync::Arc;

/// Without a stamp between angle brackets, so that nobody tries APOP.
const GREETING: &[u8] = b"+OK POP3 server ready\r\n";
const UNREACHABLE: &[u8] =
    b"-ERR [SYS/TEMP] Mail server not reachable, please wait and try again\r\n";

/// Greets, or says why nobody can log in here and closes. A balancer reads that, too, and sends
/// clients to other gates.
pub(super) async fn greet(
    cx: &Context,
    record: &mut Record,
    conn: Conn,
    peer: Arc<Peer>,
) -> Result<Greeted, EndCause> {
    let conn = if peer.tls == TlsMode::Implicit {
        accept_tls(cx, record, conn).await?
    } else {
        conn
    };
    // Behind TLS, so that a client on an implicit port can read why it is turned away.
    let conn = refusal::unless_blocked(cx, record, conn, &peer).await?;
    let client = Client::new(record.handle(), conn, peer, LoginBudget::new());
    let mut client = hold(cx, client).await?;
    if !cx.may_serve() {
        record.enter(Phase::Closing);
        client.farewell(UNREACHABLE).await;
        return Err(EndCause::NoBackend);
    }
    if cx.refuses_logins() {
        record.enter(Phase::Closing);
        client
            .farewell(&[refusal::ENGINE_AWAY, b"\r\n"].concat())
            .await;
        return Err(EndCause::EngineAway);
    }
    match client.reply(GREETING).await {
        Ok(()) => Ok(Greeted { client }),
        Err(_) => Err(EndCause::LeftBeforeLogin),
    }
}

/// Waits until the backends' state is known, as right after a start: not known is not down, and a
/// greeting that refuses would send a whole morning's clients away. A stop ends the wait, and so
/// does a client that leaves without having said anything.
async fn hold(cx: &Context, mut client: Client) -> Result<Client, EndCause> {
    let since = Instant::now();
    tokio::select! {
        // The usual case first: where the backends are known, the client is not even looked at.
        biased;
        () = cx.backends_known() => {}
        () = cx.stage_reached(Stage::Draining) => return Err(EndCause::Shutdown),
        () = gone(&mut client) => return Err(EndCause::LeftBeforeLogin),
    }
    // The minute before login begins at the greeting.
    client.waited(since.elapsed());
    Ok(client)
}

/// Returns when the client has left. One that has said something and then shut its side may still
/// want the answers.
async fn gone(client: &mut Client) {
    client.left().await;
    if !client.conn.input.is_empty() {
        pending::<()>().await;
    }
}

/// The TLS handshake, bounded. A stop ends it.
pub(super) async fn accept_tls(
    cx: &Context,
    record: &mut Record,
    conn: Conn,
) -> Result<Conn, EndCause> {
    let Some(acceptor) = cx.settings().acceptor.clone() else {
        return Err(EndCause::NoCertificate);
    };
    let handshake = tokio::time::timeout(limits::TLS_HANDSHAKE, conn.accept_tls(&acceptor));
    let result = tokio::select! {
        result = handshake => result,
        () = cx.stage_reached(Stage::Draining) => return Err(EndCause::Shutdown),
    };
    match result {
        Ok(Ok(conn)) => {
            record.secured(&conn);
            Ok(conn)
        }
        Ok(Err(error)) => Err(EndCause::TlsHandshake {
            error: error.to_string(),
        }),
        Err(_) => Err(EndCause::TlsHandshakeTimeout),
    }
}
