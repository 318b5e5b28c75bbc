//! The block list: its entries, and what an operator does to them.

use super::openapi::{BodyRefusals, Refusals};
use crate::admin::blocks::{
    BlockHistory, BlockListAdmin, BlockView, Conditions, ListedState, Selection, word,
};
use crate::admin::filter::{AddressRange, NamePart};
use crate::admin::gate::GateAdmin;
use crate::admin::model::{ErrorInfo, Page};
use crate::admin::paging::{Order, PageLimit, SortKey, page, sort_schema};
use crate::admin::reply::{HttpRefusal, WrittenJson};
use crate::admin::request::{ApiBody, ApiPath, ApiQuery};
use crate::admin::server::{AdminState, Caller};
use crate::ids::ClientPrefix;
use crate::policy::block::{BlockAction, BlockFilter, BlockId, BlockState, ListedBlock};
use axum::Extension;
use axum::extract::State;
use jiff::Timestamp;
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
    /// Only those in this state: `blocked` or `released`. `counting`: those that are not blocked
    /// and whose transient faults are counted today; pairs among them that have never been blocked
    /// are in no other list, and have no `id`.
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
    /// What the block list itself can select by, but for the state.
    fn filter(&self) -> Result<BlockFilter, String> {
        let conditions = Conditions {
            tenant: self.tenant.clone(),
            reason: self.reason.clone(),
            ..Conditions::default()
        };
        Ok(BlockFilter {
            ids: self.id.iter().copied().map(BlockId).collect(),
            ..conditions.filter()?
        })
    }

    fn state(&self) -> Result<Option<ListedState>, String> {
        let words = ListedState::ALL.iter().map(|it| it.as_str());
        word("state", self.state.as_deref(), ListedState::named, words)
    }

    /// The rest. A request that changes entries names a maildrop in full; a list is searched.
    fn selects(&self, row: &ListedBlock) -> bool {
        let target = row.target();
        let is_at = |part: &NamePart| {
            let key = target.key.as_ref();
            key.is_some_and(|key| part.is_in(&key.to_string()))
        };
        self.maildrop.as_ref().is_none_or(is_at)
            && self
                .address
                .is_none_or(|range| range.meets(&target.prefix.to_string()))
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
    type Item = ListedBlock;
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

    fn compare(self, one: &ListedBlock, other: &ListedBlock) -> Ordering {
        match self {
            Self::Id => one.id().cmp(&other.id()),
            Self::Maildrop => maildrop(one).cmp(&maildrop(other)),
            Self::Address => address(one).cmp(&address(other)),
            Self::Tenant => one.tenant().cmp(other.tenant()),
            Self::First => one.first().cmp(&other.first()),
            Self::Last => one.last().cmp(&other.last()),
            Self::Expires => expires(one).cmp(&expires(other)),
            Self::TimesBlocked => times_blocked(one).cmp(&times_blocked(other)),
        }
    }

    fn by_identity(one: &ListedBlock, other: &ListedBlock) -> Ordering {
        identity(one).cmp(&identity(other))
    }
}

/// A pair that has no number is one of a kind by what it is about.
fn identity(row: &ListedBlock) -> (Option<BlockId>, Option<&[u8]>, ClientPrefix) {
    (row.id(), maildrop(row), address(row))
}

fn maildrop(row: &ListedBlock) -> Option<&[u8]> {
    let key = row.target().key.as_ref();
    key.map(|key| key.maildrop().as_bytes())
}

fn address(row: &ListedBlock) -> ClientPrefix {
    row.target().prefix
}

fn expires(row: &ListedBlock) -> Option<Timestamp> {
    row.entry().map(|entry| entry.expires)
}

fn times_blocked(row: &ListedBlock) -> u32 {
    row.entry().map_or(0, |entry| entry.times_blocked)
}

/// `page` as it is seen outside, with what is counted of today.
fn shown(gate: &dyn GateAdmin, page: &Page<ListedBlock>) -> Page<BlockView> {
    let rows = &page.items;
    let targets: Vec<_> = rows.iter().map(|row| row.target().clone()).collect();
    let transient = gate.blocks().transient(&targets);
    Page {
        items: rows
            .iter()
            .zip(transient)
            .map(|(row, transient)| BlockView::of(row, transient))
            .collect(),
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
    let listed = query.state().map_err(HttpRefusal::bad_request)?;
    let answer = state.answer(move |gate| {
        let mut rows = rows(gate.blocks(), filter, listed);
        rows.retain(|row| query.selects(row));
        let page = page(rows, query.sort, query.limit, query.offset);
        shown(gate, &page)
    });
    answer.await
}

fn rows(
    blocks: &dyn BlockListAdmin,
    filter: BlockFilter,
    listed: Option<ListedState>,
) -> Vec<ListedBlock> {
    let state = match listed {
        Some(ListedState::Counting) => return blocks.counting(&filter),
        Some(ListedState::Blocked) => Some(BlockState::Blocked),
        Some(ListedState::Released) => Some(BlockState::Released),
        None => None,
    };
    let entries = blocks.entries(&BlockFilter { state, ..filter });
    entries.into_iter().map(ListedBlock::Entry).collect()
}

/// What became of an entry of the block list
///
/// Its changes, the latest first. They are kept as long as the journal keeps its entries, also
/// those of an entry that is in the list no more; without a journal, for the last hours.
#[utoipa::path(
    get,
    path = "/api/v1/blocks/{id}/history",
    tag = "blocks",
    operation_id = "block_history",
    params(("id" = u64, Path, description = "Its number")),
    responses(
        (status = 200, description = "Its changes", body = BlockHistory),
        (status = 404, description = "Nothing is known of such an entry", body = ErrorInfo),
        Refusals,
    ),
)]
pub(super) async fn history(
    State(state): State<Arc<AdminState>>,
    ApiPath(id): ApiPath<u64>,
) -> Result<WrittenJson, HttpRefusal> {
    let changes = state.look(move |gate| gate.blocks().history(BlockId(id)));
    let changes = changes
        .await?
        .map_err(|error| HttpRefusal::not_found(error.to_string()))?;
    let unknown = || HttpRefusal::not_found(format!("nothing is known of block {id}"));
    WrittenJson::of(&BlockHistory::of(&changes.ok_or_else(unknown)?))
}

/// Release entries of the block list
///
/// Those that are selected, blocked, and not pinned. The answer has the first of those that
/// changed; with `dry_run` of those that would, and nothing changes.
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
    Extension(caller): Extension<Caller>,
    ApiBody(selection): ApiBody<Selection>,
) -> Result<WrittenJson, HttpRefusal> {
    change(&state, &caller, &selection, BlockAction::Release).await
}

/// Pin entries of the block list
///
/// They stay in their state, blocked or released, until they are unpinned. The answer has the first
/// of those that changed; with `dry_run` of those that would, and nothing changes.
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
    Extension(caller): Extension<Caller>,
    ApiBody(selection): ApiBody<Selection>,
) -> Result<WrittenJson, HttpRefusal> {
    change(&state, &caller, &selection, BlockAction::Pin).await
}

/// Unpin entries of the block list
///
/// The answer has the first of those that changed; with `dry_run` of those that would, and nothing
/// changes.
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
    Extension(caller): Extension<Caller>,
    ApiBody(selection): ApiBody<Selection>,
) -> Result<WrittenJson, HttpRefusal> {
    change(&state, &caller, &selection, BlockAction::Unpin).await
}

async fn change(
    state: &AdminState,
    caller: &Caller,
    selection: &Selection,
    action: BlockAction,
) -> Result<WrittenJson, HttpRefusal> {
    let filter = selection.filter().map_err(HttpRefusal::bad_request)?;
    let is_dry_run = selection.dry_run;
    let by = caller.address.ip().to_canonical();
    let changed = state.answer(move |gate| {
        let entries = match is_dry_run {
            true => gate.blocks().would_change(&filter, action),
            false => gate.blocks().change(&filter, action, by),
        };
        let rows = entries.into_iter().map(ListedBlock::Entry).collect();
        let page = page(rows, BlockSort::DEFAULT, PageLimit::MAX, 0);
        shown(gate, &page)
    });
    changed.await
}
