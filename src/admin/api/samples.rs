//! The recent past, for charts.

use super::openapi::Refusals;
use crate::admin::model::Samples;
use crate::admin::reply::{ApiJson, HttpRefusal};
use crate::admin::server::AdminState;
use axum::extract::State;
use std::sync::Arc;

/// The last 15 minutes, in intervals
#[utoipa::path(
    get,
    path = "/api/v1/samples",
    tag = "gate",
    operation_id = "samples",
    responses(
        (status = 200, description = "A value for each interval, the oldest first", body = Samples),
        Refusals,
    ),
)]
pub(super) async fn samples(
    State(state): State<Arc<AdminState>>,
) -> Result<ApiJson<Samples>, HttpRefusal> {
    Ok(ApiJson(state.gate.view().samples()))
}
