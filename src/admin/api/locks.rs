//! Locks: who holds, who waits.

use super::openapi::Refusals;
use crate::admin::filter::{AddressRange, NamePart};
use crate::admin::model::{LockInfo, Page};
use crate::admin::paging::{Order, PageLimit, SortKey, page, sort_schema};
use crate::admin::reply::{HttpRefusal, WrittenJson};
use crate::admin::request::ApiQuery;
use crate::admin::server::AdminState;
use crate::cluster::messages::LocksWanted;
use axum::extract::State;
use serde::Deserialize;
use std::cmp::Ordering;
use std::sync::Arc;
use utoipa::IntoParams;

/// Which locks, and in which order.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct LockQuery {
    /// Only those that a login of this tenant holds or waits for.
    tenant: Option<String>,
    /// Only those of maildrops with this in their name, in any case.
    #[param(inline)]
    maildrop: Option<NamePart>,
    /// Only those that a client of this address, or of this network, holds or waits for.
    #[param(inline)]
    address: Option<AddressRange>,
    /// Only those of maildrops that are on this backend, or may be where that is not known yet.
    backend: Option<String>,
    /// Only those that somebody waits for.
    contended: bool,
    /// By what they are sorted.
    #[param(schema_with = sort_schema::<LockSort>, required = false)]
    pub(super) sort: Order<LockSort>,
    /// How many items a page has.
    #[param(inline)]
    pub(super) limit: PageLimit,
    /// How many items come before the page.
    pub(super) offset: usize,
}

impl LockQuery {
    /// What other gates are asked for first. Where conditions and order are about a maildrop at all
    /// gates, each has to send all of its locks that may be of such a maildrop.
    pub(super) fn wanted(&self) -> LocksWanted {
        let is_by_wait =
            self.sort == Order::default() && !self.is_about_logins() && self.backend.is_none();
        let needed = self.offset.saturating_add(self.limit.count());
        LocksWanted {
            max: if is_by_wait { needed } else { usize::MAX },
            contended: self.contended && is_by_wait,
            maildrop: self.maildrop.as_ref().map(|part| part.as_str().to_owned()),
            tenant: self.tenant.clone(),
            address: self.address.map(AddressRange::network),
            backend: self.backend.clone(),
            ids: None,
        }
    }

    /// Whether a lock may not meet the conditions though one of the same maildrop, at another gate,
    /// does: the login is there.
    pub(super) fn is_about_logins(&self) -> bool {
        self.tenant.is_some() || self.address.is_some()
    }

    pub(super) fn selects(&self, lock: &LockInfo) -> bool {
        (!self.contended || !lock.waiters.is_empty())
            && self
                .maildrop
                .as_ref()
                .is_none_or(|part| part.is_in(&lock.maildrop))
            && self
                .backend
                .as_deref()
                .is_none_or(|backend| lock.is_on(backend))
            && self.has_login(lock)
    }

    /// Whether a login that meets the conditions holds the lock, or waits.
    pub(super) fn has_login(&self, lock: &LockInfo) -> bool {
        let network = self.address.map(AddressRange::network);
        lock.has_login(self.tenant.as_deref(), network.as_ref())
    }
}

/// By what locks can be sorted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum LockSort {
    LongestWait,
    Waiters,
    Held,
    Maildrop,
    Tenant,
    Backend,
}

impl SortKey for LockSort {
    type Item = LockInfo;
    const KEYS: &'static [(&'static str, Self)] = &[
        ("longest_wait", Self::LongestWait),
        ("waiters", Self::Waiters),
        ("held", Self::Held),
        ("maildrop", Self::Maildrop),
        ("tenant", Self::Tenant),
        ("backend", Self::Backend),
    ];
    const DEFAULT: Order<Self> = Order {
        by: Self::LongestWait,
        descending: true,
    };

    fn compare(self, one: &LockInfo, other: &LockInfo) -> Ordering {
        let held = |lock: &LockInfo| lock.holder.as_ref().map_or(0.0, |it| it.held_seconds);
        match self {
            Self::LongestWait => one
                .longest_wait_seconds
                .total_cmp(&other.longest_wait_seconds),
            Self::Waiters => one.waiters.len().cmp(&other.waiters.len()),
            Self::Held => held(one).total_cmp(&held(other)),
            Self::Maildrop => one.maildrop.cmp(&other.maildrop),
            Self::Tenant => one.tenant.cmp(&other.tenant),
            Self::Backend => one.backend.cmp(&other.backend),
        }
    }

    fn by_identity(one: &LockInfo, other: &LockInfo) -> Ordering {
        one.id.cmp(&other.id)
    }
}

/// Locks that are held or waited for
#[utoipa::path(
    get,
    path = "/api/v1/locks",
    tag = "locks",
    operation_id = "list_locks",
    params(LockQuery),
    responses(
        (status = 200, description = "Locks that meet all conditions", body = Page<LockInfo>),
        Refusals,
    ),
)]
pub(super) async fn list(
    State(state): State<Arc<AdminState>>,
    ApiQuery(query): ApiQuery<LockQuery>,
) -> Result<WrittenJson, HttpRefusal> {
    let listed = state.answer(move |gate| {
        let mut locks = gate.view().locks();
        locks.retain(|lock| query.selects(lock));
        page(locks, query.sort, query.limit, query.offset)
    });
    listed.await
}
