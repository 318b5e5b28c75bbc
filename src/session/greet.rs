//! The first words: TLS where the port begins with it, then the greeting.

use super::client::{Client, LoginBudget, Peer};
use super::context::{Context, Stage};
use super::record::{Record, SessionEnd};
use super::refusal;
use super::{Greeted, Next, client_left, farewell};
use crate::limits;
use crate::net::TlsMode;
use crate::net::conn::Conn;
use crate::observe::event::{Culprit, End};
use crate::time::Instant;
use std::future::pending;
use std::ops::ControlFlow::{Break, Continue};
use std::sync::Arc;

/// Without a stamp between angle brackets, so that nobody tries APOP.
const GREETING: &[u8] = b"+OK POP3 server ready\r\n";
const UNREACHABLE: &[u8] =
    b"-ERR [SYS/TEMP] Mail server not reachable, please wait and try again\r\n";

/// Greets, or says that no backend can be reached and closes.
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
    let mut client = hold(cx, Client::new(conn, peer, LoginBudget::new())).await?;
    if !cx.may_serve() {
        farewell(client.conn, UNREACHABLE).await;
        let why = "no backend can be reached";
        return Break(SessionEnd::fault(
            End::BackendUnreachable,
            Culprit::Backend,
            why,
        ));
    }
    match client.reply(GREETING).await {
        Ok(()) => Continue(Greeted { client }),
        Err(_) => Break(client_left()),
    }
}

/// Not known is not down: where the backends have yet to be looked at, as right after a start, the
/// client waits for that. A stop ends it, and so does a client that has left without a word.
async fn hold(cx: &Context, mut client: Client) -> Next<Client> {
    let since = Instant::now();
    tokio::select! {
        biased;
        () = cx.backends_known() => {}
        () = cx.stage_reached(Stage::Draining) => return Break(SessionEnd::well(End::Shutdown)),
        () = gone(&mut client) => return Break(client_left()),
    }
    client.waited(since.elapsed());
    Continue(client)
}

/// Who has said something and then shut his side may still want the answers.
async fn gone(client: &mut Client) {
    client.left().await;
    if !client.conn.input.is_empty() {
        pending::<()>().await;
    }
}

/// The TLS handshake, bounded. A stop ends it.
pub(super) async fn accept_tls(cx: &Context, record: &mut Record, conn: Conn) -> Next<Conn> {
    let Some(acceptor) = cx.settings().acceptor.clone() else {
        let why = "no certificate is configured";
        return Break(SessionEnd::fault(End::TlsFailed, Culprit::Proxy, why));
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
    Break(SessionEnd::fault(End::TlsFailed, Culprit::Client, failed))
}
