//! The API, below `/api/v1`: JSON in, JSON out. A file for each subject; the path, the parameters
//! and the answers of a route stand at its handler, and the OpenAPI document is made of them.
//!
//! | route | file |
//! |---|---|
//! | `GET /status` | `status.rs` |
//! | `GET /sessions`, `GET /sessions/{id}` | `sessions.rs` |
//! | `GET /locks` | `locks.rs` |
//! | `GET /locks/events` | `lock_events.rs` |
//! | `GET /cluster`, `GET /cluster/locks` | `cluster.rs` |
//! | `GET /backends`, `GET /tenants` | `backends.rs`, `tenants.rs` |
//! | `GET /blocks`, `GET /blocks/{id}/history` | `blocks.rs` |
//! | `POST /blocks/release`, `/pin`, `/unpin` | `blocks.rs` |
//! | `GET /users/{login}` | `users.rs` |
//! | `GET /users/{login}/report` | `report.rs` |
//! | `GET /users/{login}/timeline`, `/timeline.svg` | `timeline.rs` |
//! | `GET /history`, `GET /history/notices` | `history.rs` |
//! | `GET /samples` | `samples.rs` |
//! | `POST /reload` | `reload.rs` |
//! | `POST /sessions/{id}/kick`, `/drain` | `control.rs` |
//! | `POST /tenants/{name}/pause`, `/resume`, and so for `/backends` | `control.rs` |
//! | `GET /log`, `POST /log` | `control.rs` |
//! | `GET /openapi.json` | `openapi.rs` |
//!
//! A refusal is `{"error": sentence}`.

mod backends;
mod blocks;
mod cluster;
mod control;
mod history;
mod lock_events;
mod locks;
mod openapi;
mod reload;
mod report;
mod samples;
mod sessions;
mod status;
mod tenants;
mod timeline;
mod users;

pub use openapi::document;

use super::reply::HttpRefusal;
use super::server::AdminState;
use crate::limits::ADMIN_BODY_MAX;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use hyper::{Method, StatusCode};
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Whether `path` is the API's.
pub(super) fn owns(path: &str) -> bool {
    path == "/api" || path.starts_with("/api/")
}

pub(super) fn routes() -> Router<Arc<AdminState>> {
    described()
        .split_for_parts()
        .0
        .method_not_allowed_fallback(other_method)
        .layer(DefaultBodyLimit::max(ADMIN_BODY_MAX))
}

/// All routes with their descriptions: a new one is a line here.
fn described() -> OpenApiRouter<Arc<AdminState>> {
    OpenApiRouter::with_openapi(openapi::preamble())
        .routes(routes!(status::status))
        .routes(routes!(sessions::list))
        .routes(routes!(sessions::one))
        .routes(routes!(locks::list))
        .routes(routes!(lock_events::events))
        .routes(routes!(cluster::cluster))
        .routes(routes!(cluster::locks))
        .routes(routes!(backends::list))
        .routes(routes!(tenants::list))
        .routes(routes!(blocks::list))
        .routes(routes!(blocks::history))
        .routes(routes!(blocks::release))
        .routes(routes!(blocks::pin))
        .routes(routes!(blocks::unpin))
        .routes(routes!(users::user))
        .routes(routes!(timeline::timeline))
        .routes(routes!(timeline::timeline_svg))
        .routes(routes!(report::report))
        .routes(routes!(history::list))
        .routes(routes!(history::notices))
        .routes(routes!(samples::samples))
        .routes(routes!(reload::reload))
        .routes(routes!(control::kick))
        .routes(routes!(control::pause_tenant))
        .routes(routes!(control::resume_tenant))
        .routes(routes!(control::pause_backend))
        .routes(routes!(control::resume_backend))
        .routes(routes!(control::drain))
        .routes(routes!(control::log_level, control::set_log_level))
        .routes(routes!(openapi::openapi))
}

async fn other_method(method: Method) -> HttpRefusal {
    // Which ones there are stands in `Allow`, which axum adds.
    let why = format!("{method} is nothing that can be done here: see the header Allow");
    HttpRefusal::new(StatusCode::METHOD_NOT_ALLOWED, why)
}

#[cfg(test)]
mod tests;
