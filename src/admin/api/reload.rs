//! Reading the configuration again.

use super::openapi::{BodyRefusals, Refusals};
use crate::admin::ReloadRefusal;
use crate::admin::model::{EmptyBody, ErrorInfo, ReloadInfo};
use crate::admin::reply::{ApiJson, HttpRefusal};
use crate::admin::request::ApiBody;
use crate::admin::server::AdminState;
use axum::extract::State;
use hyper::StatusCode;
use std::sync::Arc;

/// Reload the configuration
///
/// It is taken over whole or not at all; sessions go on.
#[utoipa::path(
    post,
    path = "/api/v1/reload",
    tag = "gate",
    operation_id = "reload",
    request_body = EmptyBody,
    responses(
        (status = 200, description = "It is in force", body = ReloadInfo),
        (status = 409, description = "Another reload is under way", body = ErrorInfo),
        (status = 422, description = "It has a mistake: the one before stays", body = ErrorInfo),
        (status = 503, description = "popgate is stopping", body = ErrorInfo),
        Refusals,
        BodyRefusals,
    ),
)]
pub(super) async fn reload(
    State(state): State<Arc<AdminState>>,
    ApiBody(EmptyBody {}): ApiBody<EmptyBody>,
) -> Result<ApiJson<ReloadInfo>, HttpRefusal> {
    // In a task of its own: a caller that goes away, or is cut off, does not end what has begun.
    let reloaded = tokio::spawn(state.gate.reload()).await.map_err(|_| {
        let why = "the reload failed by a fault of popgate: see its log";
        HttpRefusal::new(StatusCode::INTERNAL_SERVER_ERROR, why)
    })?;
    let changes = reloaded.map_err(|why| HttpRefusal::new(status_of(&why), why.to_string()))?;
    Ok(ApiJson(ReloadInfo { changes }))
}

fn status_of(refusal: &ReloadRefusal) -> StatusCode {
    match refusal {
        ReloadRefusal::Mistake(_) | ReloadRefusal::NoFile => StatusCode::UNPROCESSABLE_ENTITY,
        ReloadRefusal::UnderWay => StatusCode::CONFLICT,
        ReloadRefusal::Stopping => StatusCode::SERVICE_UNAVAILABLE,
    }
}
