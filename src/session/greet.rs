//! The first words: TLS where the port begins with it, then the greeting.

use super::client::{Client, LoginBudget, Peer};
use super::context::{Context, Stage};
use super::record::Record;
use super::refusal;
use super::{Greeted, Next, farewell};
use crate::limits;
use crate::net::TlsMode;
use crate::net::conn::Conn;
use crate::observe::event::EndCause;
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
    let client = Client::new(record.handle(), conn, peer, LoginBudget::new());
    let mut client = hold(cx, client).await?;
    if !cx.may_serve() {
        farewell(client.conn, UNREACHABLE).await;
        return Break(EndCause::NoBackend);
    }
    match client.reply(GREETING).await {
        Ok(()) => Continue(Greeted { client }),
        Err(_) => Break(EndCause::LeftBeforeLogin),
    }
}

/// Not known is not down: where the backends have yet to be looked at, as right after a start, the
/// client waits for that. A stop ends it, and so does a client that has left without a word.
async fn hold(cx: &Context, mut client: Client) -> Next<Client> {
    let since = Instant::now();
    tokio::select! {
        biased;
        () = cx.backends_known() => {}
        () = cx.stage_reached(Stage::Draining) => return Break(EndCause::Shutdown),
        () = gone(&mut client) => return Break(EndCause::LeftBeforeLogin),
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
        return Break(EndCause::NoCertificate);
    };
    let handshake = tokio::time::timeout(limits::TLS_HANDSHAKE, conn.accept_tls(&acceptor));
    let result = tokio::select! {
        result = handshake => result,
        () = cx.stage_reached(Stage::Draining) => return Break(EndCause::Shutdown),
    };
    match result {
        Ok(Ok(conn)) => {
            record.summary.tls = conn.tls_version().map(str::to_owned);
            Continue(conn)
        }
        Ok(Err(error)) => Break(EndCause::TlsHandshake {
            error: error.to_string(),
        }),
        Err(_) => Break(EndCause::TlsHandshakeTimeout),
    }
}
