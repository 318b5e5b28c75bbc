//! What operators do to sessions, tenants, backends, the log and the gate as a whole.

use super::openapi::{BodyRefusals, Refusals};
use crate::admin::control::UnknownName;
use crate::admin::gate::GateAdmin;
use crate::admin::model::{
    BackendInfo, DrainBody, ErrorInfo, GateStatus, KickInfo, LogLevel, ReasonBody, TenantInfo,
};
use crate::admin::reply::{ApiJson, HttpRefusal};
use crate::admin::request::{ApiBody, ApiPath};
use crate::admin::server::{AdminState, Caller};
use crate::gate::Kick;
use crate::ids::{BackendName, SessionId, TenantName};
use crate::limits::{DRAIN_GRACE_MAX, OPERATOR_REASON_MAX};
use crate::observe::event::Operator;
use crate::policy::pause::PauseSubject;
use crate::time::Duration;
use axum::Extension;
use axum::extract::State;
use hyper::StatusCode;
use std::sync::Arc;

/// Kick a session
///
/// The session ends now. Its backend connection is closed without QUIT, so that nothing is deleted.
/// A session whose client has sent QUIT is never kicked.
#[utoipa::path(
    post,
    path = "/api/v1/sessions/{id}/kick",
    tag = "sessions",
    operation_id = "kick_session",
    params(("id" = u64, Path, description = "Its number")),
    request_body = ReasonBody,
    responses(
        (status = 200, description = "The session ends", body = KickInfo),
        (status = 404, description = "No session with this number is open", body = ErrorInfo),
        (status = 409, description = "Its client has sent QUIT, or it ends already", body = ErrorInfo),
        Refusals,
        BodyRefusals,
    ),
)]
pub(super) async fn kick(
    State(state): State<Arc<AdminState>>,
    Extension(caller): Extension<Caller>,
    ApiPath(id): ApiPath<u64>,
    ApiBody(ReasonBody { reason }): ApiBody<ReasonBody>,
) -> Result<ApiJson<KickInfo>, HttpRefusal> {
    let operator = operator(&caller, reason)?;
    let conflict = |why: String| Err(HttpRefusal::new(StatusCode::CONFLICT, why));
    match state.gate.control().kick(SessionId(id), &operator) {
        kicked @ Kick::Kicked => Ok(ApiJson(KickInfo {
            result: kicked.as_str().to_owned(),
        })),
        Kick::AfterQuit => conflict(format!(
            "the client of session {id} has sent QUIT: what it deleted is being removed"
        )),
        Kick::Ending => conflict(format!("session {id} is ending already")),
        Kick::NoSuchSession => Err(HttpRefusal::not_found(format!("no session {id} is open"))),
    }
}

/// Pause a tenant
///
/// Its logins wait until it is resumed, each for its `wait` at most; its sessions go on.
#[utoipa::path(
    post,
    path = "/api/v1/tenants/{name}/pause",
    tag = "tenants",
    operation_id = "pause_tenant",
    params(("name" = String, Path, description = "Its name in the configuration")),
    request_body = ReasonBody,
    responses(
        (status = 200, description = "The tenant, which is paused", body = TenantInfo),
        (status = 404, description = "The configuration has no such tenant", body = ErrorInfo),
        Refusals,
        BodyRefusals,
    ),
)]
pub(super) async fn pause_tenant(
    State(state): State<Arc<AdminState>>,
    Extension(caller): Extension<Caller>,
    ApiPath(name): ApiPath<String>,
    ApiBody(ReasonBody { reason }): ApiBody<ReasonBody>,
) -> Result<ApiJson<TenantInfo>, HttpRefusal> {
    let operator = operator(&caller, reason)?;
    change_tenant(&state, name, move |gate, tenant| {
        gate.control().pause(tenant, &operator)
    })
    .await
}

/// Resume a tenant
///
/// Its logins go on at once, those of each maildrop in the order of its queue.
#[utoipa::path(
    post,
    path = "/api/v1/tenants/{name}/resume",
    tag = "tenants",
    operation_id = "resume_tenant",
    params(("name" = String, Path, description = "Its name in the configuration")),
    request_body = ReasonBody,
    responses(
        (status = 200, description = "The tenant, which is not paused", body = TenantInfo),
        (status = 404, description = "The configuration has no such tenant", body = ErrorInfo),
        Refusals,
        BodyRefusals,
    ),
)]
pub(super) async fn resume_tenant(
    State(state): State<Arc<AdminState>>,
    Extension(caller): Extension<Caller>,
    ApiPath(name): ApiPath<String>,
    ApiBody(ReasonBody { reason }): ApiBody<ReasonBody>,
) -> Result<ApiJson<TenantInfo>, HttpRefusal> {
    let operator = operator(&caller, reason)?;
    change_tenant(&state, name, move |gate, tenant| {
        gate.control().resume(tenant, &operator)
    })
    .await
}

/// Pause a backend
///
/// Logins that would go to it wait until it is resumed, each for its `wait` at most, also where the
/// backend is down; they do not go to the next backend of their tenant. Its sessions go on, and so
/// do its health checks.
#[utoipa::path(
    post,
    path = "/api/v1/backends/{name}/pause",
    tag = "backends",
    operation_id = "pause_backend",
    params(("name" = String, Path, description = "Its name in the configuration")),
    request_body = ReasonBody,
    responses(
        (status = 200, description = "The backend, which is paused", body = BackendInfo),
        (status = 404, description = "The configuration has no such backend", body = ErrorInfo),
        Refusals,
        BodyRefusals,
    ),
)]
pub(super) async fn pause_backend(
    State(state): State<Arc<AdminState>>,
    Extension(caller): Extension<Caller>,
    ApiPath(name): ApiPath<String>,
    ApiBody(ReasonBody { reason }): ApiBody<ReasonBody>,
) -> Result<ApiJson<BackendInfo>, HttpRefusal> {
    let operator = operator(&caller, reason)?;
    change_backend(&state, name, move |gate, backend| {
        gate.control().pause(backend, &operator)
    })
    .await
}

/// Resume a backend
///
/// Logins that wait for it go on at once, those of each maildrop in the order of its queue.
#[utoipa::path(
    post,
    path = "/api/v1/backends/{name}/resume",
    tag = "backends",
    operation_id = "resume_backend",
    params(("name" = String, Path, description = "Its name in the configuration")),
    request_body = ReasonBody,
    responses(
        (status = 200, description = "The backend, which is not paused", body = BackendInfo),
        (status = 404, description = "The configuration has no such backend", body = ErrorInfo),
        Refusals,
        BodyRefusals,
    ),
)]
pub(super) async fn resume_backend(
    State(state): State<Arc<AdminState>>,
    Extension(caller): Extension<Caller>,
    ApiPath(name): ApiPath<String>,
    ApiBody(ReasonBody { reason }): ApiBody<ReasonBody>,
) -> Result<ApiJson<BackendInfo>, HttpRefusal> {
    let operator = operator(&caller, reason)?;
    change_backend(&state, name, move |gate, backend| {
        gate.control().resume(backend, &operator)
    })
    .await
}

/// Drain and stop
///
/// No new connections; connections before login are closed. Sessions and waiting clients go on for
/// `grace_seconds`; what is left then is closed without QUIT, except sessions that have sent it.
/// Then the process ends, with exit code 0. A second drain can make the first one shorter, never
/// longer.
#[utoipa::path(
    post,
    path = "/api/v1/drain",
    tag = "gate",
    operation_id = "drain",
    request_body = DrainBody,
    responses(
        (status = 200, description = "The gate, which drains", body = GateStatus),
        Refusals,
        BodyRefusals,
    ),
)]
pub(super) async fn drain(
    State(state): State<Arc<AdminState>>,
    Extension(caller): Extension<Caller>,
    ApiBody(body): ApiBody<DrainBody>,
) -> Result<ApiJson<GateStatus>, HttpRefusal> {
    let operator = operator(&caller, body.reason)?;
    let grace = body.grace_seconds.map(Duration::from_secs);
    if grace.is_some_and(|grace| grace > DRAIN_GRACE_MAX) {
        let most = DRAIN_GRACE_MAX.as_secs();
        let why = format!("`grace_seconds` is at most {most}, a day");
        return Err(HttpRefusal::bad_request(why));
    }
    let drained = state.look(move |gate| {
        gate.control().drain(grace, &operator);
        gate.view().status()
    });
    Ok(ApiJson(drained.await?))
}

/// The level of the log
#[utoipa::path(
    get,
    path = "/api/v1/log",
    tag = "gate",
    operation_id = "log_level",
    responses((status = 200, description = "The level or filter in use", body = LogLevel), Refusals),
)]
pub(super) async fn log_level(State(state): State<Arc<AdminState>>) -> ApiJson<LogLevel> {
    let level = state.gate.control().log_level();
    ApiJson(LogLevel { level })
}

/// Set the level of the log
///
/// Until the next start, which takes `RUST_LOG` or `info`.
#[utoipa::path(
    post,
    path = "/api/v1/log",
    tag = "gate",
    operation_id = "set_log_level",
    request_body = LogLevel,
    responses(
        (status = 200, description = "The level or filter in use", body = LogLevel),
        Refusals,
        BodyRefusals,
    ),
)]
pub(super) async fn set_log_level(
    State(state): State<Arc<AdminState>>,
    Extension(caller): Extension<Caller>,
    ApiBody(LogLevel { level }): ApiBody<LogLevel>,
) -> Result<ApiJson<LogLevel>, HttpRefusal> {
    let operator = operator(&caller, None)?;
    let level = state.gate.control().set_log_level(&level, &operator);
    let level = level.map_err(HttpRefusal::bad_request)?;
    Ok(ApiJson(LogLevel { level }))
}

async fn change_tenant(
    state: &AdminState,
    name: String,
    change: impl FnOnce(&dyn GateAdmin, &PauseSubject) -> Result<(), UnknownName> + Send + 'static,
) -> Result<ApiJson<TenantInfo>, HttpRefusal> {
    let changed = state.look(move |gate| {
        let subject = PauseSubject::Tenant(TenantName::new(&name));
        change(gate, &subject).ok()?;
        gate.view().tenants().into_iter().find(|it| it.name == name)
    });
    let unknown = || HttpRefusal::not_found("the configuration has no tenant of this name");
    Ok(ApiJson(changed.await?.ok_or_else(unknown)?))
}

async fn change_backend(
    state: &AdminState,
    name: String,
    change: impl FnOnce(&dyn GateAdmin, &PauseSubject) -> Result<(), UnknownName> + Send + 'static,
) -> Result<ApiJson<BackendInfo>, HttpRefusal> {
    let changed = state.look(move |gate| {
        let subject = PauseSubject::Backend(BackendName::new(&name));
        change(gate, &subject).ok()?;
        gate.view()
            .backends()
            .into_iter()
            .find(|it| it.name == name)
    });
    let unknown = || HttpRefusal::not_found("the configuration has no backend of this name");
    Ok(ApiJson(changed.await?.ok_or_else(unknown)?))
}

/// Who asks, and why.
fn operator(caller: &Caller, reason: Option<String>) -> Result<Operator, HttpRefusal> {
    let reason = reason.filter(|reason| !reason.trim().is_empty());
    let length = reason.as_ref().map_or(0, |reason| reason.chars().count());
    if length > OPERATOR_REASON_MAX {
        let why = format!("`reason` has {length} characters, {OPERATOR_REASON_MAX} at most");
        return Err(HttpRefusal::bad_request(why));
    }
    Ok(Operator {
        address: caller.address,
        reason: reason.map(Into::into),
    })
}
