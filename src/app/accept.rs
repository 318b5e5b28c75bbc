//! One port: its clients become sessions.

use super::fd_limit::ConnectionLimit;
use crate::admission::connections::ConnectionSlot;
use crate::gate::{Context, Peer, Stage};
use crate::ids::ListenerName;
use crate::limits::{LISTEN_BACKLOG, TURNED_AWAY};
use crate::net::conn::Conn;
use crate::net::proxy_protocol::{ConnectionAddresses, read_header};
use crate::net::{Accept, Io, ListenOptions, TlsMode};
use crate::observe::event::{Event, Shed};
use crate::session;
use futures_util::FutureExt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::yield_now;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

/// The greeting of a client that there is no room for.
const TOO_MANY: &[u8] = b"-ERR [SYS/TEMP] Too many connections, please wait and try again\r\n";

/// The greeting of a client whose address has as many connections as it may have.
const FROM_ADDRESS: &[u8] =
    b"-ERR [SYS/TEMP] Too many connections from your address, please wait and try again\r\n";

/// There is no place for another connection of this address.
struct TooManyConnections;

/// How one listener is now, and what its sessions need.
#[derive(Clone)]
pub(super) struct Port {
    pub(super) cx: Arc<Context>,
    pub(super) options: ListenOptions,
    /// Where it is bound.
    pub(super) bound: SocketAddr,
    pub(super) sessions: TaskTracker,
    pub(super) connection_limit: ConnectionLimit,
}

/// What a reload wants of a listener: other options from now on, or, as `None`, its end.
pub(super) type Wanted = watch::Receiver<Option<ListenOptions>>;

impl Port {
    /// Accepts until the gate stops or the listener is wanted no more.
    pub(super) async fn serve(self, mut accept: Box<dyn Accept>, mut wanted: Wanted) {
        let mut port = Arc::new(self);
        let mut stages = port.cx.stage.clone();
        loop {
            let accepted = tokio::select! {
                accepted = accept.accept() => Some(accepted),
                _ = stages.wait_for(|stage| *stage >= Stage::Draining) => return,
                _ = wanted.changed() => None,
            };
            let Some(accepted) = accepted else {
                let Some(options) = wanted.borrow_and_update().clone() else {
                    break;
                };
                // Sessions that are there keep the options that they began with.
                port = Arc::new(Self {
                    options,
                    ..Self::clone(&port)
                });
                continue;
            };
            port.take(accepted).await;
        }
        // Clients that connected before the end are served, but a flood must not keep the port
        // open.
        for _ in 0..LISTEN_BACKLOG {
            // Between two turns of a task its runtime hears of what the kernel has queued.
            yield_now().await;
            let Some(accepted @ Ok(_)) = accept.accept().now_or_never() else {
                return;
            };
            port.take(accepted).await;
        }
    }

    async fn take(self: &Arc<Self>, accepted: io::Result<(Box<dyn Io>, SocketAddr)>) {
        match accepted {
            Ok((io, _)) if self.connection_limit.is_full() => {
                let conn = Conn::plain(io);
                self.turn_away(conn, TOO_MANY, Shed::Resources).await;
            }
            Ok((io, address)) => {
                self.begin(io, address).await;
            }
            // No descriptor or memory; the listener itself paces the next try.
            Err(_) => self.shed(Shed::Resources),
        }
    }

    /// A client whose address is known has its place before anything is spent on it.
    async fn begin(self: &Arc<Self>, io: Box<dyn Io>, address: SocketAddr) {
        let port = Arc::clone(self);
        if self.options.proxy_protocol {
            // In a task of its own: a client that sends no header must not hold up the port.
            self.sessions.spawn(port.accept_proxied(io, address));
            return;
        }
        let conn = Conn::plain(io);
        match self.place(address) {
            Ok(place) => {
                let addresses = ConnectionAddresses {
                    client: address,
                    destination: self.bound,
                };
                let session = port.session(conn, addresses, place);
                self.sessions.spawn(session);
            }
            Err(TooManyConnections) => self.turn_away(conn, FROM_ADDRESS, Shed::Address).await,
        }
    }

    /// Says why, where the client can read it, and closes. One at a time: a flood of clients
    /// takes one descriptor.
    async fn turn_away(&self, mut conn: Conn, words: &[u8], why: Shed) {
        if self.options.tls != TlsMode::Implicit {
            // A client that does not take it is turned away all the same.
            let _ = timeout(TURNED_AWAY, conn.write_all(words)).await;
        }
        self.shed(why);
    }

    async fn accept_proxied(self: Arc<Self>, io: Box<dyn Io>, socket: SocketAddr) {
        let mut conn = Conn::plain(io);
        let Some(addresses) = self.read_proxy_header(&mut conn, socket).await else {
            return self.shed(Shed::ProxyProtocol);
        };
        match self.place(addresses.client) {
            Ok(place) => self.session(conn, addresses, place).await,
            Err(TooManyConnections) => self.turn_away(conn, FROM_ADDRESS, Shed::Address).await,
        }
    }

    /// Not `async`: that would keep room for all of its arguments as long as the session lives.
    fn session(
        self: Arc<Self>,
        conn: Conn,
        addresses: ConnectionAddresses,
        place: Option<ConnectionSlot>,
    ) -> impl Future<Output = ()> + Send {
        let ConnectionAddresses {
            client,
            destination,
        } = addresses;
        let peer = Peer {
            listener: self.options.name.clone(),
            port: destination.port(),
            tls: self.options.tls,
            client,
            trusted: self.cx.settings().trusts(client.ip()),
        };
        let cx = Arc::clone(&self.cx);
        let conn = Box::new(conn);
        let peer = Arc::new(peer);
        async move {
            session::run(cx, conn, peer).await;
            drop(place);
        }
    }

    /// A place among the connections of its address, by the limits of the tenant whose listener
    /// it is: nobody has said a name yet. Where that tenant has no limit, the login's own may have
    /// one, so the connection is counted all the same. Trusted networks need no place.
    fn place(&self, address: SocketAddr) -> Result<Option<ConnectionSlot>, TooManyConnections> {
        let settings = self.cx.settings();
        let tenant = settings.tenants.of_listener(None, &self.options.name);
        let limit = tenant.rules.connections.per_address;
        if settings.trusts(address.ip()) {
            return Ok(None);
        }
        let connections = &self.cx.admission.local.connections;
        let place = connections.enter_address(address.ip().into(), limit);
        place.map(Some).ok_or(TooManyConnections)
    }

    /// The addresses that a PROXY protocol header names. It is required, and counts only from a
    /// trusted network: otherwise anybody could claim any address.
    async fn read_proxy_header(
        &self,
        conn: &mut Conn,
        socket: SocketAddr,
    ) -> Option<ConnectionAddresses> {
        if !self.cx.settings().trusts(socket.ip()) {
            return None;
        }
        let named = read_header(conn).await.ok()?;
        Some(named.unwrap_or(ConnectionAddresses {
            client: socket,
            destination: self.bound,
        }))
    }

    fn shed(&self, why: Shed) {
        let listener: ListenerName = self.options.name.clone();
        self.cx.events.emit(Event::Shed { listener, why });
    }
}
