//! What operators do to sessions, tenants, backends, the log and the gate as a whole.

use super::openapi::{BodyRefusals, Refusals};
use crate::admin::KickElsewhere;
use crate::admin::control::UnknownName;
use crate::admin::gate::GateAdmin;
use crate::admin::model::{
    BackendInfo, DrainBody, ErrorInfo, GateStatus, KickInfo, LogLevel, ReasonBody, TenantInfo,
};
use crate::admin::reply::{ApiJson, HttpRefusal};
use crate::admin::request::{ApiBody, ApiPath, ApiQuery};
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
use serde::Deserialize;
use std::sync::Arc;
use utoipa::IntoParams;

/// Where the session is.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct KickQuery {
    /// The gate of the cluster that has it, by name or id; this one where none is named.
    gate: Option<String>,
}

/// Kick a session
///
/// The session ends now. Its backend connection is closed without QUIT, so that nothing is deleted.
/// A session whose client has sent QUIT is never kicked.
#[utoipa::path(
    post,
    path = "/api/v1/sessions/{id}/kick",
    tag = "sessions",
    operation_id = "kick_session",
    params(("id" = u64, Path, description = "Its number"), KickQuery),
    request_body = ReasonBody,
    responses(
        (status = 200, description = "The session ends", body = KickInfo),
        (status = 404, description = "No such session is open, or there is no such gate",
         body = ErrorInfo),
        (status = 409, description = "Its client has sent QUIT, or it ends already; or several \
                                      gates have this name", body = ErrorInfo),
        (status = 503, description = "The other gate does not answer: it may have done it",
         body = ErrorInfo),
        Refusals,
        BodyRefusals,
    ),
)]
pub(super) async fn kick(
    State(state): State<Arc<AdminState>>,
    Extension(caller): Extension<Caller>,
    ApiPath(id): ApiPath<u64>,
    ApiQuery(KickQuery { gate }): ApiQuery<KickQuery>,
    ApiBody(ReasonBody { reason }): ApiBody<ReasonBody>,
) -> Result<ApiJson<KickInfo>, HttpRefusal> {
    let operator = operator(&caller, reason)?;
    let session = SessionId(id);
    let kick = match gate.filter(|gate| !is_here(&state, gate)) {
        None => state.gate.control().kick(session, &operator),
        Some(gate) => kick_elsewhere(&state, &gate, session, &operator).await?,
    };
    let conflict = |why: String| Err(HttpRefusal::new(StatusCode::CONFLICT, why));
    match kick {
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

/// Whether this gate is meant, and no other one of its name.
fn is_here(state: &AdminState, gate: &str) -> bool {
    let cluster = state.gate.cluster().cluster();
    let gates = cluster.map(|it| it.gates).unwrap_or_default();
    let mut meant = gates.iter().filter(|it| it.name == gate || it.id == gate);
    matches!((meant.next(), meant.next()), (Some(one), None) if one.here)
}

async fn kick_elsewhere(
    state: &AdminState,
    gate: &str,
    session: SessionId,
    operator: &Operator,
) -> Result<Kick, HttpRefusal> {
    let cluster = state.gate.cluster();
    match cluster.kick_elsewhere(gate, session, operator).await {
        KickElsewhere::Answered(kick) => Ok(kick),
        KickElsewhere::Unanswered => {
            let why = "the gate did not answer: look there whether the session is still open";
            Err(HttpRefusal::new(StatusCode::SERVICE_UNAVAILABLE, why))
        }
        KickElsewhere::NoSuchGate(gates) if gates.is_empty() => {
            let why = "there is no such gate: no other gate is known here";
            Err(HttpRefusal::not_found(why))
        }
        KickElsewhere::NoSuchGate(gates) => Err(HttpRefusal::not_found(format!(
            "there is no such gate: the others are {}",
            gates.join(", ")
        ))),
        KickElsewhere::SeveralGates(ids) => {
            let ids = ids.join(", ");
            let why = format!("several gates have this name: say which by its id: {ids}");
            Err(HttpRefusal::new(StatusCode::CONFLICT, why))
        }
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
/// No new connections; connections before login are closed after a second. Sessions and waiting
/// clients go on for `grace_seconds`; what is left then is closed without QUIT, except sessions
/// that have sent it. Then the process ends, with exit code 0. A second drain can make the first
/// one shorter, never longer.
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
