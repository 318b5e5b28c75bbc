//! The block list: its entries, and what an operator does to them.

use super::openapi::{BodyRefusals, Refusals};
use crate::admin::blocks::{BlockView, Conditions, Selection};
use crate::admin::filter::{AddressRange, NamePart};
use crate::admin::gate::GateAdmin;
use crate::admin::model::Page;
use crate::admin::paging::{Order, PageLimit, SortKey, page, sort_schema};
use crate::admin::reply::{HttpRefusal, WrittenJson};
use crate::admin::request::{ApiBody, ApiQuery};
use crate::admin::server::AdminState;
use crate::policy::block::{BlockChange, BlockEntry, BlockFilter, BlockId};
use axum::extract::State;
use serde::Deserialize;
use std::cmp::Ordering;
use std::sync::Arc;
use utoipa::IntoParams;

/// Which entries, and in which order.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct BlockQuery {
    /// Only those with one of these numbers: `id=7&id=8`.
    id: Vec<u64>,
    /// Only those of maildrops with this in their name, in any case.
    #[param(inline)]
    maildrop: Option<NamePart>,
    /// Only those of this address, or of addresses in this network.
    #[param(inline)]
    address: Option<AddressRange>,
    /// Only those under the rules of this tenant.
    tenant: Option<String>,
    /// Only those in this state: `blocked` or `released`.
    state: Option<String>,
    /// Only those with this reason: a `reason` of `BlockView`.
    reason: Option<String>,
    /// By what they are sorted.
    #[param(schema_with = sort_schema::<BlockSort>, required = false)]
    sort: Order<BlockSort>,
    /// How many items a page has.
    #[param(inline)]
    limit: PageLimit,
    /// How many items come before the page.
    offset: usize,
}

impl BlockQuery {
    /// What the block list itself can select by.
    fn filter(&self) -> Result<BlockFilter, String> {
        let conditions = Conditions {
            tenant: self.tenant.clone(),
            state: self.state.clone(),
            reason: self.reason.clone(),
            ..Conditions::default()
        };
        Ok(BlockFilter {
            ids: self.id.iter().copied().map(BlockId).collect(),
            ..conditions.filter()?
        })
    }

    /// The rest. A request that changes entries names a maildrop in full; a list is searched.
    fn selects(&self, entry: &BlockEntry) -> bool {
        let is_at = |part: &NamePart| {
            let key = entry.target.key.as_ref();
            key.is_some_and(|key| part.is_in(&key.to_string()))
        };
        self.maildrop.as_ref().is_none_or(is_at)
            && self
                .address
                .is_none_or(|range| range.meets(&entry.target.prefix.to_string()))
    }
}

/// By what entries of the block list can be sorted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum BlockSort {
    Id,
    Maildrop,
    Address,
    Tenant,
    First,
    Last,
    Expires,
    TimesBlocked,
}

impl SortKey for BlockSort {
    type Item = BlockEntry;
    const KEYS: &'static [(&'static str, Self)] = &[
        ("id", Self::Id),
        ("maildrop", Self::Maildrop),
        ("address", Self::Address),
        ("tenant", Self::Tenant),
        ("first", Self::First),
        ("last", Self::Last),
        ("expires", Self::Expires),
        ("times_blocked", Self::TimesBlocked),
    ];
    const DEFAULT: Order<Self> = Order {
        by: Self::Id,
        descending: false,
    };

    fn compare(self, one: &BlockEntry, other: &BlockEntry) -> Ordering {
        match self {
            Self::Id => one.id.cmp(&other.id),
            Self::Maildrop => maildrop(one).cmp(&maildrop(other)),
            Self::Address => one.target.prefix.cmp(&other.target.prefix),
            Self::Tenant => one.tenant.cmp(&other.tenant),
            Self::First => one.first.cmp(&other.first),
            Self::Last => one.last.cmp(&other.last),
            Self::Expires => one.expires.cmp(&other.expires),
            Self::TimesBlocked => one.times_blocked.cmp(&other.times_blocked),
        }
    }

    fn by_identity(one: &BlockEntry, other: &BlockEntry) -> Ordering {
        one.id.cmp(&other.id)
    }
}

fn maildrop(entry: &BlockEntry) -> Option<&[u8]> {
    let key = entry.target.key.as_ref();
    key.map(|key| key.maildrop().as_bytes())
}

fn shown(page: &Page<BlockEntry>) -> Page<BlockView> {
    Page {
        items: page.items.iter().map(BlockView::of).collect(),
        total: page.total,
        offset: page.offset,
    }
}

/// Entries of the block list
#[utoipa::path(
    get,
    path = "/api/v1/blocks",
    tag = "blocks",
    operation_id = "list_blocks",
    params(BlockQuery),
    responses(
        (status = 200, description = "Entries that meet all conditions", body = Page<BlockView>),
        Refusals,
    ),
)]
pub(super) async fn list(
    State(state): State<Arc<AdminState>>,
    ApiQuery(query): ApiQuery<BlockQuery>,
) -> Result<WrittenJson, HttpRefusal> {
    let filter = query.filter().map_err(HttpRefusal::bad_request)?;
    let listed = state.answer(move |gate| {
        let mut entries = gate.blocks().entries(&filter);
        entries.retain(|entry| query.selects(entry));
        shown(&page(entries, query.sort, query.limit, query.offset))
    });
    listed.await
}

/// Release entries of the block list
///
/// Those that are selected, blocked, and not pinned. The answer has the first of those that
/// changed.
#[utoipa::path(
    post,
    path = "/api/v1/blocks/release",
    tag = "blocks",
    operation_id = "release_blocks",
    request_body = Selection,
    responses(
        (status = 200, description = "Those that changed", body = Page<BlockView>),
        Refusals,
        BodyRefusals,
    ),
)]
pub(super) async fn release(
    State(state): State<Arc<AdminState>>,
    ApiBody(selection): ApiBody<Selection>,
) -> Result<WrittenJson, HttpRefusal> {
    change(&state, &selection, |gate, filter| {
        gate.blocks().release(filter)
    })
    .await
}

/// Pin entries of the block list
///
/// They stay in their state, blocked or released, until they are unpinned. The answer has the first
/// of those that changed.
#[utoipa::path(
    post,
    path = "/api/v1/blocks/pin",
    tag = "blocks",
    operation_id = "pin_blocks",
    request_body = Selection,
    responses(
        (status = 200, description = "Those that changed", body = Page<BlockView>),
        Refusals,
        BodyRefusals,
    ),
)]
pub(super) async fn pin(
    State(state): State<Arc<AdminState>>,
    ApiBody(selection): ApiBody<Selection>,
) -> Result<WrittenJson, HttpRefusal> {
    change(&state, &selection, |gate, filter| {
        gate.blocks().pin(filter, true)
    })
    .await
}

/// Unpin entries of the block list
///
/// The answer has the first of those that changed.
#[utoipa::path(
    post,
    path = "/api/v1/blocks/unpin",
    tag = "blocks",
    operation_id = "unpin_blocks",
    request_body = Selection,
    responses(
        (status = 200, description = "Those that changed", body = Page<BlockView>),
        Refusals,
        BodyRefusals,
    ),
)]
pub(super) async fn unpin(
    State(state): State<Arc<AdminState>>,
    ApiBody(selection): ApiBody<Selection>,
) -> Result<WrittenJson, HttpRefusal> {
    change(&state, &selection, |gate, filter| {
        gate.blocks().pin(filter, false)
    })
    .await
}

async fn change(
    state: &AdminState,
    selection: &Selection,
    change: fn(&dyn GateAdmin, &BlockFilter) -> Vec<BlockChange>,
) -> Result<WrittenJson, HttpRefusal> {
    let filter = selection.filter().map_err(HttpRefusal::bad_request)?;
    let changed = state.answer(move |gate| {
        let entries = change(gate, &filter)
            .into_iter()
            .map(|change| change.entry)
            .collect();
        shown(&page(entries, BlockSort::DEFAULT, PageLimit::MAX, 0))
    });
    changed.await
}
