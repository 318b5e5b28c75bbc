//! Locks: who holds, who waits.

use super::openapi::Refusals;
use crate::admin::filter::{AddressRange, NamePart, equals};
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
#[derive(Debug, Default, Deserialize, IntoParams)]
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
    /// What other gates are asked for. Where conditions and order are about a maildrop at all
    /// gates, each has to send what it has.
    pub(super) fn wanted(&self) -> LocksWanted {
        let is_by_wait = self.sort == Order::default()
            && self.tenant.is_none()
            && self.address.is_none()
            && self.backend.is_none();
        let needed = self.offset.saturating_add(self.limit.count());
        LocksWanted {
            max: if is_by_wait { needed } else { usize::MAX },
            contended: self.contended && is_by_wait,
            maildrop: self.maildrop.as_ref().map(|part| part.as_str().to_owned()),
            ids: None,
        }
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
                .is_none_or(|backend| is_on(lock, backend))
            && logins(lock).any(|login| {
                equals(self.tenant.as_deref(), Some(login.tenant))
                    && self
                        .address
                        .is_none_or(|range| range.has_client(login.client))
            })
    }
}

fn is_on(lock: &LockInfo, backend: &str) -> bool {
    match &lock.backend {
        Some(home) => home == backend,
        None => lock.backends.iter().any(|it| it == backend),
    }
}

struct LoginAtLock<'a> {
    tenant: &'a str,
    client: &'a str,
}

/// The holder and all that wait.
fn logins(lock: &LockInfo) -> impl Iterator<Item = LoginAtLock<'_>> {
    let holder = lock.holder.iter().map(|holder| LoginAtLock {
        tenant: &holder.tenant,
        client: &holder.client,
    });
    let waiters = lock.waiters.iter().map(|waiter| LoginAtLock {
        tenant: &waiter.tenant,
        client: &waiter.client,
    });
    holder.chain(waiters)
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
