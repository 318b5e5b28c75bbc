//! Sessions: all of them in pages, and each by its number.

use super::openapi::Refusals;
use crate::admin::filter::{AddressRange, NamePart, equals};
use crate::admin::model::{ErrorInfo, Page, SessionInfo};
use crate::admin::paging::{Order, PageLimit, SortKey, page, sort_schema};
use crate::admin::reply::{ApiJson, HttpRefusal, WrittenJson};
use crate::admin::request::{ApiPath, ApiQuery};
use crate::admin::server::AdminState;
use crate::ids::SessionId;
use axum::extract::State;
use serde::Deserialize;
use std::cmp::Ordering;
use std::sync::Arc;
use utoipa::IntoParams;

/// Which sessions, and in which order.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct SessionQuery {
    /// Only those whose last login belongs to this tenant.
    tenant: Option<String>,
    /// Only those whose last login has this in its name, in any case.
    #[param(inline)]
    maildrop: Option<NamePart>,
    /// Only those of this client address, or of this network.
    #[param(inline)]
    address: Option<AddressRange>,
    /// Only those that this listener accepted.
    listener: Option<String>,
    /// Only those that are on this backend.
    backend: Option<String>,
    /// Only those that have come this far: a `phase` of `SessionInfo`.
    phase: Option<String>,
    /// By what they are sorted.
    #[param(schema_with = sort_schema::<SessionSort>, required = false)]
    sort: Order<SessionSort>,
    /// How many items a page has.
    #[param(inline)]
    limit: PageLimit,
    /// How many items come before the page.
    offset: usize,
}

impl SessionQuery {
    fn selects(&self, session: &SessionInfo) -> bool {
        let maildrop = session.maildrop.as_deref();
        equals(self.tenant.as_deref(), session.tenant.as_deref())
            && self
                .maildrop
                .as_ref()
                .is_none_or(|part| maildrop.is_some_and(|name| part.is_in(name)))
            && self
                .address
                .is_none_or(|range| range.has_client(&session.client))
            && equals(self.listener.as_deref(), Some(&session.listener))
            && equals(self.backend.as_deref(), session.backend.as_deref())
            && equals(self.phase.as_deref(), Some(&session.phase))
    }
}

/// By what sessions can be sorted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum SessionSort {
    Id,
    Open,
    Idle,
    Client,
    Maildrop,
    Tenant,
    Listener,
    Backend,
    Phase,
    Retrieved,
    BytesToClient,
}

impl SortKey for SessionSort {
    type Item = SessionInfo;
    const KEYS: &'static [(&'static str, Self)] = &[
        ("id", Self::Id),
        ("open", Self::Open),
        ("idle", Self::Idle),
        ("client", Self::Client),
        ("maildrop", Self::Maildrop),
        ("tenant", Self::Tenant),
        ("listener", Self::Listener),
        ("backend", Self::Backend),
        ("phase", Self::Phase),
        ("retrieved", Self::Retrieved),
        ("bytes_to_client", Self::BytesToClient),
    ];
    const DEFAULT: Order<Self> = Order {
        by: Self::Id,
        descending: false,
    };

    fn compare(self, one: &SessionInfo, other: &SessionInfo) -> Ordering {
        let idle = |session: &SessionInfo| session.idle_seconds.unwrap_or_default();
        match self {
            Self::Id => one.id.cmp(&other.id),
            Self::Open => one.open_seconds.total_cmp(&other.open_seconds),
            Self::Idle => idle(one).total_cmp(&idle(other)),
            Self::Client => one.client.cmp(&other.client),
            Self::Maildrop => one.maildrop.cmp(&other.maildrop),
            Self::Tenant => one.tenant.cmp(&other.tenant),
            Self::Listener => one.listener.cmp(&other.listener),
            Self::Backend => one.backend.cmp(&other.backend),
            Self::Phase => one.phase.cmp(&other.phase),
            Self::Retrieved => one.retrieved.cmp(&other.retrieved),
            Self::BytesToClient => one.bytes_to_client.cmp(&other.bytes_to_client),
        }
    }

    fn by_identity(one: &SessionInfo, other: &SessionInfo) -> Ordering {
        one.id.cmp(&other.id)
    }
}

/// Open sessions
#[utoipa::path(
    get,
    path = "/api/v1/sessions",
    tag = "sessions",
    operation_id = "list_sessions",
    params(SessionQuery),
    responses(
        (status = 200, description = "Sessions that meet all conditions", body = Page<SessionInfo>),
        Refusals,
    ),
)]
pub(super) async fn list(
    State(state): State<Arc<AdminState>>,
    ApiQuery(query): ApiQuery<SessionQuery>,
) -> Result<WrittenJson, HttpRefusal> {
    let listed = state.answer(move |gate| {
        let mut sessions = gate.view().sessions();
        sessions.retain(|session| query.selects(session));
        page(sessions, query.sort, query.limit, query.offset)
    });
    listed.await
}

/// One session
#[utoipa::path(
    get,
    path = "/api/v1/sessions/{id}",
    tag = "sessions",
    operation_id = "session",
    params(("id" = u64, Path, description = "Its number")),
    responses(
        (status = 200, description = "The session", body = SessionInfo),
        (status = 404, description = "No session with this number is open", body = ErrorInfo),
        Refusals,
    ),
)]
pub(super) async fn one(
    State(state): State<Arc<AdminState>>,
    ApiPath(id): ApiPath<u64>,
) -> Result<ApiJson<SessionInfo>, HttpRefusal> {
    let session = state.gate.view().session(SessionId(id));
    let session = session.ok_or_else(|| HttpRefusal::not_found(no_such_session(id)));
    Ok(ApiJson(session?))
}

fn no_such_session(id: u64) -> String {
    format!("no session {id} is open")
}
