//! The admin port over HTTP/1.1.
//!
//! | route | answer |
//! |---|---|
//! | `GET /metrics` | 200: all metrics in the Prometheus text format |
//! | `GET /healthz` | 200: the process runs |
//! | `GET /readyz` | 200: it serves clients; 503: it does not, and why |
//! | any other path | 404 |
//! | any other method | 405 |
//!
//! HEAD is answered as GET without the body. A connection carries one request: scrapes are rare,
//! and one deadline then bounds all that a slow or silent peer can hold.

use crate::limits::{
    ACCEPT_PAUSE_MAX, ADMIN_CONNECTIONS_MAX, ADMIN_HEAD, ADMIN_HEAD_MAX, ADMIN_REQUEST,
};
use crate::observe::metrics::{CONTENT_TYPE, Metrics};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE as CONTENT_TYPE_HEADER, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

const TEXT: &str = "text/plain; charset=utf-8";

/// What the admin port tells.
pub struct AdminState {
    /// What `/metrics` shows.
    pub metrics: Arc<Metrics>,
    /// Whether clients are served; if not, why, in a sentence for the operator.
    pub ready: Arc<dyn Fn() -> Result<(), String> + Send + Sync>,
    /// Called before each scrape, to set the gauges that no event sets.
    pub before_scrape: Arc<dyn Fn() + Send + Sync>,
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
    let places = Arc::new(Semaphore::new(ADMIN_CONNECTIONS_MAX));
    // The semaphore is never closed, so there is always a place in the end.
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        let stream = accept(listener).await;
        let (state, stop) = (Arc::clone(state), stop.clone());
        connections.spawn(async move {
            let answering = timeout(ADMIN_REQUEST, answer_one(stream, &state));
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

async fn answer_one(stream: TcpStream, state: &AdminState) {
    let service = service_fn(|request: Request<Incoming>| {
        let response = answer(state, request.method(), request.uri().path());
        async { Ok::<_, Infallible>(response) }
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

fn answer(state: &AdminState, method: &Method, path: &str) -> Response<Full<Bytes>> {
    let route: fn(&AdminState) -> Response<Full<Bytes>> = match path {
        "/metrics" => metrics,
        "/healthz" => |_| text(StatusCode::OK, "ok\n".into()),
        "/readyz" => ready,
        _ => return not_found(),
    };
    match *method {
        Method::GET | Method::HEAD => route(state),
        _ => method_not_allowed(),
    }
}

fn metrics(state: &AdminState) -> Response<Full<Bytes>> {
    (state.before_scrape)();
    match state.metrics.render() {
        Ok(metrics) => response(StatusCode::OK, CONTENT_TYPE, metrics),
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    }
}

fn ready(state: &AdminState) -> Response<Full<Bytes>> {
    match (state.ready)() {
        Ok(()) => text(StatusCode::OK, "ok\n".into()),
        Err(why) => text(StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
    }
}

fn not_found() -> Response<Full<Bytes>> {
    let body = "There is nothing here. Try /metrics, /healthz or /readyz.\n";
    text(StatusCode::NOT_FOUND, body.into())
}

fn method_not_allowed() -> Response<Full<Bytes>> {
    let body = "This can only be read: use GET or HEAD.\n";
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, body.into());
    let allowed = HeaderValue::from_static("GET, HEAD");
    response.headers_mut().insert(ALLOW, allowed);
    response
}

fn text(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    response(status, TEXT, body)
}

fn response(status: StatusCode, content_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let content_type = HeaderValue::from_static(content_type);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE_HEADER, content_type);
    response
}

#[cfg(test)]
mod tests;
