//! The stream of lock changes.

use super::openapi::Refusals;
use crate::admin::model::ErrorInfo;
use crate::admin::reply::HttpRefusal;
use crate::admin::request::ApiQuery;
use crate::admin::server::Caller;
use crate::admin::stream::{LockStreams, Scope};
use axum::extract::Extension;
use axum::response::{IntoResponse, Response};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::IntoParams;

/// Which changes.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct LockEventsQuery {
    /// Only those of maildrops that somebody waits for, and the one by which that ends.
    contended: bool,
}

/// Lock changes as they happen, as server-sent events
///
/// - `snapshot` (`LocksAtOnce`): the gate and its locks; first, and behind each `missed`.
/// - `lock` (`LockInfo`): a lock has changed, and is like this now. Without holder and waiters it
///   is free. What was in between may be left out.
/// - `status` (`GateStatus`): once a second.
/// - `missed` (`MissedInfo`): some changes are not known any more; a snapshot follows.
///
/// Whoever comes again with the id of the last event that it has seen, in the header
/// `Last-Event-ID`, is sent what has changed since, or else a snapshot. A reader that takes nothing
/// for 30 seconds is cut.
#[utoipa::path(
    get,
    path = "/api/v1/locks/events",
    tag = "locks",
    operation_id = "lock_events",
    params(
        LockEventsQuery,
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event seen"),
    ),
    responses(
        (status = 200, description = "Events without an end", body = String,
         content_type = "text/event-stream"),
        (status = 503, description = "All places for readers are taken", body = ErrorInfo),
        Refusals,
    ),
)]
pub(super) async fn events(
    Extension(streams): Extension<Arc<LockStreams>>,
    Extension(caller): Extension<Caller>,
    ApiQuery(query): ApiQuery<LockEventsQuery>,
    headers: HeaderMap,
) -> Result<Response, HttpRefusal> {
    let scope = if query.contended {
        Scope::Contended
    } else {
        Scope::All
    };
    let last_event = headers.get("last-event-id");
    let last_event = last_event.and_then(|id| id.to_str().ok());
    let body = streams.open(scope, last_event, caller.place)?;
    let head = [
        (CONTENT_TYPE, "text/event-stream"),
        (CACHE_CONTROL, "no-store"),
    ];
    Ok((head, body).into_response())
}
