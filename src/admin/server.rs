//! The admin port over HTTP/1.1.
//!
//! | route | answer |
//! |---|---|
//! | `GET /metrics` | 200: all metrics in the Prometheus text format |
//! | `GET /healthz` | 200: the process runs |
//! | `GET /readyz` | 200: it serves clients; 503: it does not, and why |
//! | `/api/…` | JSON, with the token alone: `admin/api.rs` |
//! | any other path | 404 |
//! | any other method | 405 |
//!
//! On loopback the first three are open; on another address they need the token too, where there
//! is one.
//!
//! HEAD is answered as GET without the body. A connection carries one request: scrapes are rare,
//! and one deadline then bounds all that a slow or silent peer can hold.

use super::api;
use super::gate::GateAdmin;
use super::guard;
use super::reply::{HttpAnswer, HttpRefusal, allowing, text, with_type};
use super::token::Token;
use crate::limits::{
    ACCEPT_PAUSE_MAX, ADMIN_CONNECTIONS_MAX, ADMIN_HEAD, ADMIN_HEAD_MAX, ADMIN_REQUEST,
};
use crate::observe::metrics::CONTENT_TYPE;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What the admin port works on, and who may.
pub struct AdminState {
    /// What it shows and changes.
    pub gate: Arc<dyn GateAdmin>,
    /// What each request to the API has to show; none where the configuration names no
    /// `token_file`: then there is no API.
    pub token: Option<Token>,
}

/// Answers requests on `listener` until `stop`; those under way are then cut.
pub async fn serve(listener: TcpListener, state: Arc<AdminState>, stop: CancellationToken) {
    let connections = TaskTracker::new();
    let accepting = accept_all(&listener, &state, &stop, &connections);
    stop.run_until_cancelled(accepting).await;
    connections.close();
    connections.wait().await;
}

async fn accept_all(
    listener: &TcpListener,
    state: &Arc<AdminState>,
    stop: &CancellationToken,
    connections: &TaskTracker,
) {
    // A listener that does not know its address is open to nobody.
    let is_open = listener
        .local_addr()
        .is_ok_and(|address| address.ip().to_canonical().is_loopback());
    let places = Arc::new(Semaphore::new(ADMIN_CONNECTIONS_MAX));
    // The place comes before the connection: beyond the bound clients wait in the backlog.
    // The semaphore is never closed, so there is always a place in the end.
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        let stream = accept(listener).await;
        let state = Arc::clone(state);
        let stop = stop.clone();
        connections.spawn(async move {
            let answering = timeout(ADMIN_REQUEST, answer_one(stream, &state, is_open));
            // Cut by the stop or by the deadline: nobody is owed anything.
            let _ = stop.run_until_cancelled(answering).await;
            drop(place);
        });
    }
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                tracing::warn!(%error, "the admin port cannot accept");
                sleep(ACCEPT_PAUSE_MAX).await;
            }
        }
    }
}

async fn answer_one(stream: TcpStream, state: &AdminState, is_open: bool) {
    let Some(acceptor) = state.gate.acceptor() else {
        return answer_on(stream, state, is_open).await;
    };
    match acceptor.accept(stream).await {
        Ok(stream) => answer_on(stream, state, is_open).await,
        Err(error) => tracing::debug!(%error, "a connection to the admin port failed"),
    }
}

async fn answer_on<S>(stream: S, state: &AdminState, is_open: bool)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let service = service_fn(|request: Request<Incoming>| async {
        Ok::<_, Infallible>(answer(state, is_open, request).await)
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(ADMIN_HEAD)
        .max_buf_size(ADMIN_HEAD_MAX)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a request on the admin port failed");
    }
}

async fn answer(state: &AdminState, is_open: bool, request: Request<Incoming>) -> HttpAnswer {
    let path = request.uri().path();
    if api::owns(path) {
        return api::answer(state, request).await;
    }
    if !is_open
        && let Some(token) = &state.token
        && let Err(refusal) = guard::authorized(token, request.headers())
    {
        return refusal.to_text();
    }
    page(state, request.method(), path)
}

fn page(state: &AdminState, method: &Method, path: &str) -> HttpAnswer {
    let page: fn(&AdminState) -> HttpAnswer = match path {
        "/metrics" => metrics,
        "/healthz" => |_| text(StatusCode::OK, "ok\n".into()),
        "/readyz" => ready,
        _ => {
            let why = "There is nothing here. Try /metrics, /healthz or /readyz.";
            return HttpRefusal::new(StatusCode::NOT_FOUND, why).to_text();
        }
    };
    match *method {
        Method::GET | Method::HEAD => page(state),
        _ => {
            let why = "This can only be read: use GET or HEAD.";
            let refusal = HttpRefusal::new(StatusCode::METHOD_NOT_ALLOWED, why);
            allowing(refusal.to_text(), "GET, HEAD")
        }
    }
}

fn metrics(state: &AdminState) -> HttpAnswer {
    match state.gate.metrics() {
        Ok(metrics) => with_type(StatusCode::OK, CONTENT_TYPE, metrics),
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    }
}

fn ready(state: &AdminState) -> HttpAnswer {
    match state.gate.ready() {
        Ok(()) => text(StatusCode::OK, "ok\n".into()),
        Err(why) => text(StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
    }
}

#[cfg(test)]
mod tests;
