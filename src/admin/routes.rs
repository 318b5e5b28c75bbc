//! All routes of the admin port.
//!
//! | route | answer |
//! |---|---|
//! | `GET /metrics`, `/healthz`, `/readyz` | text: `admin/probes.rs` |
//! | `GET /`, `/page/…` | the page, for everybody: `admin/page.rs` |
//! | `/api/v1/…` | JSON: `admin/api/mod.rs` |
//! | any other path | 404 |
//! | any other method | 405 |
//!
//! The API is for those who have the token. On loopback the probes are open; on another address
//! they need the token too. Only health is told by a name that is not the gate's. HEAD is answered
//! as GET without the body.

use super::reply::HttpRefusal;
use super::server::{AdminState, Caller};
use super::{api, guard, page, probes};
use axum::Router;
use axum::extract::{Extension, MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use hyper::Uri;
use hyper::http::request::Parts;
use std::sync::Arc;

/// The label of requests for a path that there is not.
const NO_ROUTE: &str = "other";

/// What answers every request to `state`.
pub(super) fn routes(state: &Arc<AdminState>) -> Router {
    let guarded = |routes: Router<Arc<AdminState>>, may_ask: MayAsk| {
        let state = (Arc::clone(state), may_ask);
        routes.route_layer(from_fn_with_state(state, text_guard))
    };
    let asking = from_fn_with_state(Arc::clone(state), api_guard);
    Router::new()
        .merge(guarded(probes::metrics_route(), guard::may_scrape))
        .merge(guarded(probes::health_routes(), guard::may_probe))
        .merge(guarded(page::routes(), guard::may_open_page))
        .merge(api::routes())
        .fallback(nothing_here)
        // Around the fallback as well: only those who may use the API learn which paths it has.
        .layer(asking)
        .layer(from_fn_with_state(Arc::clone(state), count))
        .with_state(Arc::clone(state))
}

/// Who may ask for a route outside of the API.
type MayAsk = fn(&AdminState, &Caller, &Parts) -> Result<(), HttpRefusal>;

/// Refuses in text, as these routes answer.
async fn text_guard(
    State((state, may_ask)): State<(Arc<AdminState>, MayAsk)>,
    Extension(caller): Extension<Caller>,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    match may_ask(&state, &caller, &parts) {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(refusal) => refusal.into_text(),
    }
}

async fn api_guard(
    State(state): State<Arc<AdminState>>,
    Extension(caller): Extension<Caller>,
    request: Request,
    next: Next,
) -> Result<Response, HttpRefusal> {
    let (parts, body) = request.into_parts();
    if api::owns(parts.uri.path()) {
        guard::may_use_api(&state, &caller, &parts)?;
    }
    Ok(next.run(Request::from_parts(parts, body)).await)
}

/// Around all others, so that what a guard refuses is counted as well.
async fn count(
    State(state): State<Arc<AdminState>>,
    route: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let answer = next.run(request).await;
    let route = route.as_ref().map_or(NO_ROUTE, MatchedPath::as_str);
    state.gate.answered(route, answer.status().as_u16());
    answer
}

async fn nothing_here(uri: Uri) -> Response {
    if api::owns(uri.path()) {
        let why = "the API has no such path; /api/v1/openapi.json describes those that there are";
        return HttpRefusal::not_found(why).into_response();
    }
    let why = "There is nothing here. Try /, /metrics, /healthz or /readyz.";
    HttpRefusal::not_found(why).into_text()
}
