//! The first words: TLS where the port begins with it, then the greeting.

use super::client::{Client, Patience, Peer};
use super::context::{Context, Stage};
use super::record::{Record, SessionEnd};
use super::refusal;
use super::{Greeted, Next, client_left, farewell};
use crate::limits;
use crate::net::TlsMode;
use crate::net::conn::Conn;
use crate::observe::event::{End, Fault};
use std::ops::ControlFlow::{Break, Continue};
use std::sync::Arc;

/// Without a stamp between angle brackets, so that nobody tries APOP.
const GREETING: &[u8] = b"+OK POP3 server ready\r\n";
const UNREACHABLE: &[u8] =
    b"-ERR [SYS/TEMP] Mail server not reachable, please wait and try again\r\n";

/// Greets, or says that no backend can be reached and closes (DESIGN decision 11).
pub(super) async fn greet(
    cx: &Context,
    record: &mut Record,
    conn: Conn,
    peer: Arc<Peer>,
) -> Next<Greeted> {
    let conn = if peer.tls == TlsMode::Implicit {
        accept_tls(cx, record, conn).await?
    } else {
        conn
    };
    let conn = refusal::unless_blocked(cx, conn, &peer).await?;
    if !cx.can_serve() {
        farewell(conn, UNREACHABLE).await;
        let why = "no backend can be reached";
        return Break(SessionEnd::fault(
            End::BackendUnreachable,
            Fault::Backend,
            why,
        ));
    }
    let mut client = Client::new(conn, peer, Patience::new());
    match client.reply(GREETING).await {
        Ok(()) => Continue(Greeted { client }),
        Err(_) => Break(client_left()),
    }
}

/// The TLS handshake, bounded. A stop ends it.
pub(super) async fn accept_tls(cx: &Context, record: &mut Record, conn: Conn) -> Next<Conn> {
    let Some(acceptor) = cx.settings().acceptor.clone() else {
        let why = "no certificate is configured";
        return Break(SessionEnd::fault(End::TlsFailed, Fault::Proxy, why));
    };
    let handshake = tokio::time::timeout(limits::TLS_HANDSHAKE, conn.accept_tls(&acceptor));
    let result = tokio::select! {
        result = handshake => result,
        () = cx.stage_reached(Stage::Draining) => return Break(SessionEnd::well(End::Shutdown)),
    };
    let failed = match result {
        Ok(Ok(conn)) => {
            record.summary.tls = conn.tls_version().map(str::to_owned);
            return Continue(conn);
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => "the TLS handshake took too long".to_owned(),
    };
    Break(SessionEnd::fault(End::TlsFailed, Fault::Client, failed))
}
