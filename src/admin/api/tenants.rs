//! Tenants.

use super::openapi::Refusals;
use crate::admin::filter::NamePart;
use crate::admin::model::{Page, TenantInfo};
use crate::admin::paging::{Order, PageLimit, SortKey, page, sort_schema};
use crate::admin::reply::{HttpRefusal, WrittenJson};
use crate::admin::request::ApiQuery;
use crate::admin::server::AdminState;
use axum::extract::State;
use serde::Deserialize;
use std::cmp::Ordering;
use std::sync::Arc;
use utoipa::IntoParams;

/// Which tenants, and in which order.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct TenantQuery {
    /// Only those with this in their name or in one of their domains, in any case.
    #[param(inline)]
    name: Option<NamePart>,
    /// Only those that are paused, or only those that are not.
    paused: Option<bool>,
    /// By what they are sorted.
    #[param(schema_with = sort_schema::<TenantSort>, required = false)]
    sort: Order<TenantSort>,
    /// How many items a page has.
    #[param(inline)]
    limit: PageLimit,
    /// How many items come before the page.
    offset: usize,
}

impl TenantQuery {
    fn selects(&self, tenant: &TenantInfo) -> bool {
        let is_named = |part: &NamePart| {
            part.is_in(&tenant.name) || tenant.domains.iter().any(|domain| part.is_in(domain))
        };
        self.name.as_ref().is_none_or(is_named)
            && self.paused.is_none_or(|paused| paused == tenant.paused)
    }
}

/// By what tenants can be sorted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum TenantSort {
    Name,
    Sessions,
    LocksHeld,
    Waiting,
    LongestWait,
}

impl SortKey for TenantSort {
    type Item = TenantInfo;
    const KEYS: &'static [(&'static str, Self)] = &[
        ("name", Self::Name),
        ("sessions", Self::Sessions),
        ("locks_held", Self::LocksHeld),
        ("waiting", Self::Waiting),
        ("longest_wait", Self::LongestWait),
    ];
    const DEFAULT: Order<Self> = Order {
        by: Self::Name,
        descending: false,
    };

    fn compare(self, one: &TenantInfo, other: &TenantInfo) -> Ordering {
        match self {
            Self::Name => one.name.cmp(&other.name),
            Self::Sessions => one.sessions.cmp(&other.sessions),
            Self::LocksHeld => one.locks_held.cmp(&other.locks_held),
            Self::Waiting => one.waiting.cmp(&other.waiting),
            Self::LongestWait => one
                .longest_wait_seconds
                .total_cmp(&other.longest_wait_seconds),
        }
    }

    fn by_identity(one: &TenantInfo, other: &TenantInfo) -> Ordering {
        one.name.cmp(&other.name)
    }
}

/// Tenants
#[utoipa::path(
    get,
    path = "/api/v1/tenants",
    tag = "tenants",
    operation_id = "list_tenants",
    params(TenantQuery),
    responses(
        (status = 200, description = "Tenants that meet all conditions", body = Page<TenantInfo>),
        Refusals,
    ),
)]
pub(super) async fn list(
    State(state): State<Arc<AdminState>>,
    ApiQuery(query): ApiQuery<TenantQuery>,
) -> Result<WrittenJson, HttpRefusal> {
    let listed = state.answer(move |gate| {
        let mut tenants = gate.view().tenants();
        tenants.retain(|tenant| query.selects(tenant));
        page(tenants, query.sort, query.limit, query.offset)
    });
    listed.await
}
