//! One port: its clients become sessions.

use super::room::Room;
use crate::ids::ListenerName;
use crate::limits::TURNED_AWAY;
use crate::net::conn::Conn;
use crate::net::proxy_protocol::read_header;
use crate::net::{Accept, Io, ListenOptions, TlsMode};
use crate::observe::event::{Event, Shed};
use crate::session::{self, Context, Peer, Stage};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

/// The greeting of a client that there is no room for.
const TOO_MANY: &[u8] = b"-ERR [SYS/TEMP] Too many connections, please wait and try again\r\n";

/// One listener and what its sessions need.
pub(super) struct Port {
    pub(super) cx: Arc<Context>,
    pub(super) options: ListenOptions,
    pub(super) sessions: TaskTracker,
    pub(super) room: Room,
}

impl Port {
    /// Accepts until the gate stops.
    pub(super) async fn serve(self, mut accept: Box<dyn Accept>) {
        let port = Arc::new(self);
        let mut stages = port.cx.stage.clone();
        loop {
            let accepted = tokio::select! {
                accepted = accept.accept() => accepted,
                _ = stages.wait_for(|stage| *stage >= Stage::Draining) => return,
            };
            match accepted {
                Ok((io, _)) if port.room.is_full() => port.turn_away(io).await,
                Ok((io, address)) => {
                    port.sessions.spawn(Arc::clone(&port).client(io, address));
                }
                // No descriptor or memory; the listener itself paces the next try.
                Err(_) => port.shed(Shed::Resources),
            }
        }
    }

    /// Says why, where the client can read it, and closes. One at a time: a flood of clients
    /// takes one descriptor.
    async fn turn_away(&self, mut io: Box<dyn Io>) {
        if self.options.tls != TlsMode::Implicit {
            // A client that does not take it is turned away all the same.
            let _ = timeout(TURNED_AWAY, io.write_all(TOO_MANY)).await;
        }
        self.shed(Shed::Resources);
    }

    async fn client(self: Arc<Self>, io: Box<dyn Io>, socket: SocketAddr) {
        let mut conn = Conn::plain(io);
        let address = if self.options.proxy_protocol {
            match self.named_client(&mut conn, socket).await {
                Some(address) => address,
                None => return self.shed(Shed::ProxyProtocol),
            }
        } else {
            socket
        };
        let peer = Peer {
            listener: self.options.name.clone(),
            tls: self.options.tls,
            address,
            trusted: self.cx.settings().trusts(address.ip()),
        };
        session::run(Arc::clone(&self.cx), conn, Arc::new(peer)).await;
    }

    /// The client that a PROXY protocol header names. It is required, and counts only from a
    /// trusted network: everybody could claim any address else.
    async fn named_client(&self, conn: &mut Conn, socket: SocketAddr) -> Option<SocketAddr> {
        if !self.cx.settings().trusts(socket.ip()) {
            return None;
        }
        let named = read_header(conn).await.ok()?;
        Some(named.unwrap_or(socket))
    }

    fn shed(&self, why: Shed) {
        let listener: ListenerName = self.options.name.clone();
        self.cx.events.emit(&Event::Shed { listener, why });
    }
}
