//! The admin port: who is let in, for how long, and how many at a time.
//!
//! What is answered stands in `admin/routes.rs`. A connection carries one request: scrapes are
//! rare, and one deadline then bounds all that a slow or silent peer can hold.

use super::gate::GateAdmin;
use super::guard::AdminPolicy;
use super::reads::BlockingReads;
use super::reply::{HttpRefusal, WrittenJson};
use super::routes::routes;
use super::stream::LockStreams;
use super::token::Token;
use crate::limits::{
    ACCEPT_PAUSE_MAX, ADMIN_CONNECTIONS_MAX, ADMIN_HEAD, ADMIN_HEAD_MAX, ADMIN_LAST_ANSWER,
    ADMIN_REQUEST, ADMIN_SEND_BUFFER, STREAM_STALL,
};
use crate::net::tls::Acceptor;
use axum::{Extension, Router};
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use serde::Serialize;
use socket2::SockRef;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What the admin port works on, and who may.
pub struct AdminState {
    /// What it shows and changes.
    pub(super) gate: Arc<dyn GateAdmin>,
    pub(super) token: Option<Token>,
    pub(super) policy: AdminPolicy,
    reads: BlockingReads,
}

impl AdminState {
    /// For `gate`. Each request to the API has to show `token`; without one, where the
    /// configuration names no `token_file`, nobody has the API but whom `policy` trusts.
    pub fn new(gate: Arc<dyn GateAdmin>, token: Option<Token>, policy: AdminPolicy) -> Self {
        Self {
            reads: BlockingReads::new(Arc::clone(&gate)),
            gate,
            token,
            policy,
        }
    }

    /// What `look` gives: see [`BlockingReads`].
    pub(super) async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&dyn GateAdmin) -> T + Send + 'static,
    ) -> Result<T, HttpRefusal> {
        self.reads.run(look).await
    }

    /// What `look` gives as JSON, which is written on the same thread.
    pub(super) async fn answer<T: Serialize>(
        &self,
        look: impl FnOnce(&dyn GateAdmin) -> T + Send + 'static,
    ) -> Result<WrittenJson, HttpRefusal> {
        self.look(|gate| WrittenJson::of(&look(gate))).await?
    }
}

/// What a handler can know of the connection that its request came by: an extension of the request.
#[derive(Clone)]
pub(super) struct Caller {
    /// Its other side.
    pub(super) address: SocketAddr,
    /// Whether it is encrypted.
    pub(super) is_tls: bool,
    /// Whether metrics and health are open to everybody at this port.
    pub(super) probes_are_open: bool,
    /// Its place among all connections.
    pub(super) place: ConnectionPlace,
}

impl Caller {
    /// Whether it is on this machine.
    pub(super) fn is_local(&self) -> bool {
        self.address.ip().to_canonical().is_loopback()
    }
}

/// A place among the connections that are answered, which a request has for [`ADMIN_REQUEST`].
#[derive(Clone)]
pub(super) struct ConnectionPlace(Arc<Place>);

struct Place {
    permit: Mutex<Option<OwnedSemaphorePermit>>,
    given_back: CancellationToken,
    cut: CancellationToken,
}

impl ConnectionPlace {
    pub(super) fn new(permit: OwnedSemaphorePermit) -> Self {
        Self(Arc::new(Place {
            permit: Mutex::new(Some(permit)),
            given_back: CancellationToken::new(),
            cut: CancellationToken::new(),
        }))
    }

    /// Gives the place to another connection, and lifts the deadline: for an answer that has no
    /// end, and bounds of its own.
    pub(super) fn give_back(&self) {
        let mut permit = self.0.permit.lock().unwrap_or_else(PoisonError::into_inner);
        *permit = None;
        self.0.given_back.cancel();
    }

    fn is_given_back(&self) -> bool {
        self.0.given_back.is_cancelled()
    }

    /// Closes the connection, whatever has yet to be written.
    pub(super) fn cut(&self) {
        self.0.cut.cancel();
    }

    #[cfg(test)]
    pub(super) fn is_cut(&self) -> bool {
        self.0.cut.is_cancelled()
    }

    /// Does `answering` for as long as a connection may last.
    async fn bounded(&self, answering: impl Future<Output = ()>) {
        let deadline = async {
            let given_back = self.0.given_back.cancelled();
            tokio::select! {
                () = given_back => pending().await,
                () = sleep(ADMIN_REQUEST) => {}
            }
        };
        tokio::select! {
            () = answering => {}
            () = deadline => {}
            () = self.0.cut.cancelled() => {}
        }
        self.give_back();
    }
}

/// Answers requests on `listener` until `stop`; those under way are then finished, or soon cut.
pub async fn serve(listener: TcpListener, state: Arc<AdminState>, stop: CancellationToken) {
    let connections = TaskTracker::new();
    let streams = Arc::new(LockStreams::new(state.reads.clone()));
    let feed = Arc::clone(&streams);
    let stop_feed = stop.clone();
    connections.spawn(async move { stop_feed.run_until_cancelled(feed.feed()).await });
    let accepting = accept_all(&listener, &state, streams, &stop, &connections);
    stop.run_until_cancelled(accepting).await;
    connections.close();
    connections.wait().await;
}

async fn accept_all(
    listener: &TcpListener,
    state: &Arc<AdminState>,
    streams: Arc<LockStreams>,
    stop: &CancellationToken,
    connections: &TaskTracker,
) {
    // A listener that does not know its address is open to nobody.
    let probes_are_open = listener
        .local_addr()
        .is_ok_and(|address| address.ip().to_canonical().is_loopback());
    let routes = routes(state).layer(Extension(streams));
    let places = Arc::new(Semaphore::new(ADMIN_CONNECTIONS_MAX));
    // The place comes before the connection: beyond the bound clients wait in the backlog.
    // The semaphore is never closed, so there is always a place in the end.
    while let Ok(permit) = Arc::clone(&places).acquire_owned().await {
        let (stream, address) = accept(listener).await;
        // Anew for each: a reload may bring another certificate.
        let acceptor = state.gate.acceptor();
        let place = ConnectionPlace::new(permit);
        let caller = Caller {
            address,
            is_tls: acceptor.is_some(),
            probes_are_open,
            place: place.clone(),
        };
        let routes = routes.clone();
        let stop = stop.clone();
        connections.spawn(async move {
            // Boxed: the state of a TLS handshake is large, and is needed for a moment only.
            let answering = Box::pin(answer_one(stream, acceptor, routes, caller, &stop));
            place.bounded(answering).await;
        });
    }
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, address)) => {
                // It fails only on a connection that is already gone.
                if bound_untaken(&stream).is_ok() {
                    return (stream, address);
                }
            }
            Err(error) => {
                tracing::warn!(%error, "the admin port cannot accept");
                sleep(ACCEPT_PAUSE_MAX).await;
            }
        }
    }
}

/// What a peer leaves untaken is little, and after [`STREAM_STALL`] its connection is at an end,
/// also where all of it stands in the kernel's buffer.
fn bound_untaken(stream: &TcpStream) -> io::Result<()> {
    let socket = SockRef::from(stream);
    socket.set_send_buffer_size(ADMIN_SEND_BUFFER)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(STREAM_STALL))?;
    Ok(())
}

async fn answer_one(
    stream: TcpStream,
    acceptor: Option<Arc<Acceptor>>,
    routes: Router,
    caller: Caller,
    stop: &CancellationToken,
) {
    let Some(acceptor) = acceptor else {
        return answer_on(stream, routes, caller, stop).await;
    };
    match stop.run_until_cancelled(acceptor.accept(stream)).await {
        Some(Ok(accepted)) => answer_on(accepted.stream, routes, caller, stop).await,
        Some(Err(error)) => tracing::debug!(%error, "a connection to the admin port failed"),
        None => {}
    }
}

async fn answer_on(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    routes: Router,
    caller: Caller,
    stop: &CancellationToken,
) {
    let routes = TowerToHyperService::new(routes);
    let place = caller.place.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(caller.clone());
        routes.call(request)
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(ADMIN_HEAD)
            .max_buf_size(ADMIN_HEAD_MAX)
            .keep_alive(false)
            .serve_connection(TokioIo::new(stream), service)
    );
    let served = tokio::select! {
        served = connection.as_mut() => served,
        // An answer without an end is cut by a stop; a request that is being answered may be the
        // one that asked for it, and gets its answer.
        () = stop.cancelled() => {
            if place.is_given_back() {
                return;
            }
            connection.as_mut().graceful_shutdown();
            timeout(ADMIN_LAST_ANSWER, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "a request on the admin port failed");
    }
}

#[cfg(test)]
mod tests;
