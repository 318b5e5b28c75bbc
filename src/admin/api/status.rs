//! The gate at a glance.

use super::openapi::Refusals;
use crate::admin::model::GateStatus;
use crate::admin::reply::{HttpRefusal, WrittenJson};
use crate::admin::server::AdminState;
use axum::extract::State;
use std::sync::Arc;

/// The gate at a glance
#[utoipa::path(
    get,
    path = "/api/v1/status",
    tag = "gate",
    operation_id = "status",
    responses((status = 200, description = "How the gate is", body = GateStatus), Refusals),
)]
pub(super) async fn status(
    State(state): State<Arc<AdminState>>,
) -> Result<WrittenJson, HttpRefusal> {
    state.answer(|gate| gate.view().status()).await
}
