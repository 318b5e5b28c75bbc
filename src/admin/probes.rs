//! What machines look at: metrics and health, in text.
//!
//! | route | answer |
//! |---|---|
//! | `GET /metrics` | 200: all metrics in the Prometheus text format |
//! | `GET /healthz` | 200: the process runs |
//! | `GET /readyz` | 200: it serves clients; 503: it does not, and why |

use super::reply::HttpRefusal;
use super::server::AdminState;
use crate::observe::metrics::CONTENT_TYPE as METRICS;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper::StatusCode;
use hyper::header::CONTENT_TYPE;
use std::sync::Arc;

pub(super) fn metrics_route() -> Router<Arc<AdminState>> {
    Router::new()
        .route("/metrics", get(metrics))
        .method_not_allowed_fallback(read_only)
}

pub(super) fn health_routes() -> Router<Arc<AdminState>> {
    Router::new()
        .route("/healthz", get("ok\n"))
        .route("/readyz", get(ready))
        .method_not_allowed_fallback(read_only)
}

async fn metrics(State(state): State<Arc<AdminState>>) -> Response {
    match state.look(|gate| gate.metrics()).await {
        Ok(Ok(metrics)) => ([(CONTENT_TYPE, METRICS)], metrics).into_response(),
        Ok(Err(error)) => {
            HttpRefusal::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_text()
        }
        Err(refusal) => refusal.into_text(),
    }
}

async fn ready(State(state): State<Arc<AdminState>>) -> Response {
    match state.gate.ready() {
        Ok(()) => "ok\n".into_response(),
        Err(why) => HttpRefusal::new(StatusCode::SERVICE_UNAVAILABLE, why).into_text(),
    }
}

pub(super) async fn read_only() -> Response {
    let why = "This can only be read: use GET or HEAD.";
    HttpRefusal::new(StatusCode::METHOD_NOT_ALLOWED, why).into_text()
}
