//! Backends.

use super::openapi::Refusals;
use crate::admin::filter::NamePart;
use crate::admin::model::{BackendInfo, Page};
use crate::admin::paging::{Order, PageLimit, SortKey, page, sort_schema};
use crate::admin::reply::{HttpRefusal, WrittenJson};
use crate::admin::request::ApiQuery;
use crate::admin::server::AdminState;
use axum::extract::State;
use serde::Deserialize;
use std::cmp::Ordering;
use std::sync::Arc;
use utoipa::IntoParams;

/// Which backends, and in which order.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct BackendQuery {
    /// Only those with this in their name, in any case.
    #[param(inline)]
    name: Option<NamePart>,
    /// Only those that are paused, or only those that are not.
    paused: Option<bool>,
    /// By what they are sorted.
    #[param(schema_with = sort_schema::<BackendSort>, required = false)]
    sort: Order<BackendSort>,
    /// How many items a page has.
    #[param(inline)]
    limit: PageLimit,
    /// How many items come before the page.
    offset: usize,
}

impl BackendQuery {
    fn selects(&self, backend: &BackendInfo) -> bool {
        self.name
            .as_ref()
            .is_none_or(|part| part.is_in(&backend.name))
            && self.paused.is_none_or(|paused| paused == backend.paused)
    }
}

/// By what backends can be sorted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum BackendSort {
    Name,
    State,
    Connections,
}

impl SortKey for BackendSort {
    type Item = BackendInfo;
    const KEYS: &'static [(&'static str, Self)] = &[
        ("name", Self::Name),
        ("state", Self::State),
        ("connections", Self::Connections),
    ];
    const DEFAULT: Order<Self> = Order {
        by: Self::Name,
        descending: false,
    };

    fn compare(self, one: &BackendInfo, other: &BackendInfo) -> Ordering {
        match self {
            Self::Name => one.name.cmp(&other.name),
            Self::State => (one.state as u8).cmp(&(other.state as u8)),
            Self::Connections => one.connections.cmp(&other.connections),
        }
    }

    fn by_identity(one: &BackendInfo, other: &BackendInfo) -> Ordering {
        one.name.cmp(&other.name)
    }
}

/// Backends
#[utoipa::path(
    get,
    path = "/api/v1/backends",
    tag = "backends",
    operation_id = "list_backends",
    params(BackendQuery),
    responses(
        (status = 200, description = "Backends that meet all conditions", body = Page<BackendInfo>),
        Refusals,
    ),
)]
pub(super) async fn list(
    State(state): State<Arc<AdminState>>,
    ApiQuery(query): ApiQuery<BackendQuery>,
) -> Result<WrittenJson, HttpRefusal> {
    let listed = state.answer(move |gate| {
        let mut backends = gate.view().backends();
        backends.retain(|backend| query.selects(backend));
        page(backends, query.sort, query.limit, query.offset)
    });
    listed.await
}
