//! The block list over the API: which entries a request means, and what an entry looks like
//! outside.

use crate::history::{HistoryAnswer, StoredBlockChange};
use crate::ids::TenantName;
use crate::journal::HistoryError;
use crate::policy::block::{
    BlockAction, BlockEntry, BlockFilter, BlockId, BlockReason, BlockState, BlockTarget,
    CountedPair, ListedBlock, TransientCount,
};
use crate::str_enum::str_enum;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::net::IpAddr;
use utoipa::ToSchema;

/// The block list of a gate. Whoever implements it tells the journal and the events of a change.
pub trait BlockListAdmin: Send + Sync {
    /// The entries that `filter` means, in the order to be shown.
    fn entries(&self, filter: &BlockFilter) -> Vec<BlockEntry>;

    /// The pairs that `filter` means whose passing faults are counted and that are not blocked.
    fn counting(&self, filter: &BlockFilter) -> Vec<ListedBlock>;

    /// The passing faults of today that are counted against each of `targets`.
    fn transient(&self, targets: &[BlockTarget]) -> Vec<Option<TransientCount>>;

    /// Changes those that `filter` means, for an operator at the address `by`; those that changed.
    fn change(&self, filter: &BlockFilter, action: BlockAction, by: IpAddr) -> Vec<BlockEntry>;

    /// Those that [`Self::change`] would change, as they would be then.
    fn would_change(&self, filter: &BlockFilter, action: BlockAction) -> Vec<BlockEntry>;

    /// What became of the entry with this number, the latest change first; `None` where there was
    /// never such an entry, or all of it is forgotten. It blocks.
    ///
    /// # Errors
    /// The question cannot be answered.
    fn history(
        &self,
        id: BlockId,
    ) -> Result<Option<HistoryAnswer<StoredBlockChange>>, HistoryError>;
}

str_enum! {
    /// Which rows of the list somebody wants.
    ListedState {
        /// Entries that are blocked.
        Blocked = "blocked",
        /// Entries that are not any more.
        Released = "released",
        /// Whoever is not blocked and may be today: its passing faults are counted.
        Counting = "counting",
    }
}

/// Which entries a request means: one of `ids`, `filter` and `all`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Selection {
    /// Those with these numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ids: Option<Vec<u64>>,
    /// Those that meet all of these conditions, of which there is at least one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<Conditions>,
    /// Every one.
    pub all: bool,
    /// Nothing is changed: the answer has those that would change, as they would be then.
    pub dry_run: bool,
}

/// Conditions on an entry, as somebody typed them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Conditions {
    /// The maildrop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maildrop: Option<String>,
    /// An address, with or without a maildrop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The tenant's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// `blocked` or `released`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// `guessing`, `guessing_many`, `protocol_abuse` or `passing_faults`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A [`BlockEntry`] as it is seen outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BlockView {
    /// Names it in requests; none where it is counting and has never been blocked.
    pub id: Option<u64>,
    /// The maildrop; none where an address is blocked from all.
    pub maildrop: Option<String>,
    /// Who is blocked: an address, or an IPv6 network as in `2001:db8:1:2::/64`.
    pub address: String,
    /// The tenant under whose rules that was.
    pub tenant: String,
    /// `guessing`, `guessing_many`, `protocol_abuse` or `passing_faults`.
    pub reason: String,
    /// The class of the faults that led to it, which says nothing of how long it lasts:
    /// `permanent`, `indeterminate` or `transient`.
    pub fault_class: String,
    /// `blocked`, `released`, or `counting` where it has never been blocked.
    pub state: String,
    /// Whether it stays in its state until it is unpinned.
    pub pinned: bool,
    /// Whether it is only shown, and refuses nobody.
    pub shadow: bool,
    /// The first fault.
    #[schema(value_type = String, format = DateTime)]
    pub first: Timestamp,
    /// The last fault.
    #[schema(value_type = String, format = DateTime)]
    pub last: Timestamp,
    /// When its present block began, or its last one; none where it is counting.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    /// When the block ends by itself; none where there is none, or it is pinned.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires: Option<Timestamp>,
    /// How often it was blocked.
    pub times_blocked: u32,
    /// How often it was released by hand.
    pub times_released: u32,
    /// The transient faults of today; none where none are counted: faults of an address with all
    /// maildrops never are, nor are those of an address from which a login was accepted within a
    /// day.
    pub transient: Option<TransientInfo>,
}

/// What became of an entry, the latest change first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BlockHistory {
    /// The changes.
    pub items: Vec<BlockChangeInfo>,
    /// Why changes may be missing among them; none where they are all that is kept.
    pub incomplete: Option<String>,
}

/// A change of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BlockChangeInfo {
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// `blocked`, `extended`, `lifted` (by a right password, for its maildrop), `released`,
    /// `expired`, `pinned`, `unpinned` or `forgotten` (it is in the list no more).
    pub change: String,
    /// The state afterwards: `blocked` or `released`.
    pub state: String,
    /// The reason of its latest block: a `reason` of `BlockView`.
    pub reason: String,
    /// How often it had been blocked then.
    pub times_blocked: u32,
    /// How often it had been released by hand then.
    pub times_released: u32,
    /// Who did it: `rule`, `expiry` (its time was over), or the operator's address.
    pub by: String,
}

impl BlockHistory {
    /// Of these changes.
    #[must_use]
    pub fn of(changes: &HistoryAnswer<StoredBlockChange>) -> Self {
        Self {
            items: changes.items.iter().map(BlockChangeInfo::of).collect(),
            incomplete: changes.incomplete.clone(),
        }
    }
}

impl BlockChangeInfo {
    fn of(stored: &StoredBlockChange) -> Self {
        let entry = &stored.change.entry;
        Self {
            at: stored.at,
            change: stored.change.what.as_str().to_owned(),
            state: entry.state.as_str().to_owned(),
            reason: entry.reason.as_str().to_owned(),
            times_blocked: entry.times_blocked,
            times_released: entry.times_released,
            by: stored.change.by.to_string(),
        }
    }
}

/// Transient faults of one day (UTC).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TransientInfo {
    /// How many there are today.
    pub today: u32,
    /// More than so many lead to a block.
    pub limit: u32,
}

impl From<TransientCount> for TransientInfo {
    fn from(count: TransientCount) -> Self {
        Self {
            today: count.today,
            limit: count.limit,
        }
    }
}

impl Selection {
    /// Nothing means all by accident: neither no number nor no condition does.
    pub(super) fn filter(&self) -> Result<BlockFilter, String> {
        match (&self.ids, &self.filter, self.all) {
            (None, None, true) => Ok(BlockFilter::default()),
            (Some(ids), None, false) if !ids.is_empty() => {
                Ok(BlockFilter::ids(ids.iter().copied().map(BlockId).collect()))
            }
            (None, Some(conditions), false) if *conditions != Conditions::default() => {
                conditions.filter()
            }
            (Some(_), Some(_), _) | (Some(_), _, true) | (_, Some(_), true) => {
                Err("`ids`, `filter` and `all` exclude each other".to_owned())
            }
            _ => Err("nothing is selected; `{\"all\": true}` means all".to_owned()),
        }
    }
}

impl Conditions {
    pub(super) fn filter(&self) -> Result<BlockFilter, String> {
        let address = self.address.as_ref().map(|text| text.parse()).transpose();
        let states = BlockState::ALL.iter().map(|it| it.as_str());
        let reasons = BlockReason::ALL.iter().map(|it| it.as_str());
        Ok(BlockFilter {
            ids: HashSet::new(),
            maildrop: self.maildrop.clone(),
            address: address.map_err(|error| format!("`address` is {error}"))?,
            tenant: self.tenant.as_deref().map(TenantName::new),
            state: word("state", self.state.as_deref(), BlockState::named, states)?,
            reason: word(
                "reason",
                self.reason.as_deref(),
                BlockReason::named,
                reasons,
            )?,
        })
    }
}

pub(super) fn word<T>(
    key: &str,
    given: Option<&str>,
    named: fn(&str) -> Option<T>,
    words: impl Iterator<Item = &'static str>,
) -> Result<Option<T>, String> {
    let Some(given) = given else {
        return Ok(None);
    };
    let refusal = || {
        let words: Vec<_> = words.collect();
        format!("`{key}` is one of: {}", words.join(", "))
    };
    named(given).map(Some).ok_or_else(refusal)
}

impl BlockView {
    /// Of this row.
    #[must_use]
    pub fn of(row: &ListedBlock, transient: Option<TransientCount>) -> Self {
        match row {
            ListedBlock::Entry(entry) => Self::of_entry(entry, transient),
            ListedBlock::Counting(pair) => Self::of_counted(pair),
        }
    }

    fn of_counted(pair: &CountedPair) -> Self {
        let reason = BlockReason::Passing;
        Self {
            id: None,
            maildrop: pair.target.key.as_ref().map(ToString::to_string),
            address: pair.target.prefix.to_string(),
            tenant: pair.tenant.to_string(),
            reason: reason.as_str().to_owned(),
            fault_class: reason.class().as_str().to_owned(),
            state: ListedState::Counting.as_str().to_owned(),
            pinned: false,
            shadow: false,
            first: pair.count.first,
            last: pair.count.last,
            since: None,
            expires: None,
            times_blocked: 0,
            times_released: 0,
            transient: Some(pair.count.into()),
        }
    }

    fn of_entry(entry: &BlockEntry, transient: Option<TransientCount>) -> Self {
        let ends = entry.state == BlockState::Blocked && !entry.pinned;
        Self {
            id: Some(entry.id.0),
            maildrop: entry.target.key.as_ref().map(ToString::to_string),
            address: entry.target.prefix.to_string(),
            tenant: entry.tenant.to_string(),
            reason: entry.reason.as_str().to_owned(),
            fault_class: entry.class().as_str().to_owned(),
            state: entry.state.as_str().to_owned(),
            pinned: entry.pinned,
            shadow: entry.shadow,
            first: entry.first,
            last: entry.last,
            since: Some(entry.since),
            expires: ends.then_some(entry.expires),
            times_blocked: entry.times_blocked,
            times_released: entry.times_released,
            transient: transient.map(Into::into),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<BlockFilter, String> {
        let selection: Selection = serde_json::from_str(json).map_err(|error| error.to_string())?;
        selection.filter()
    }

    #[test]
    fn a_selection_is_one_thing_and_never_all_by_accident() {
        assert_eq!(parse(r#"{"ids": [7]}"#).unwrap().ids, [BlockId(7)].into());
        assert_eq!(parse(r#"{"all": true}"#), Ok(BlockFilter::default()));
        for wrong in [
            "{}",
            "[]",
            r#"{"all": false}"#,
            r#"{"ids": []}"#,
            r#"{"filter": {}}"#,
            r#"{"filter": {"maildrop": null}}"#,
            r#"{"ids": [7], "all": true}"#,
            r#"{"ids": [7], "filter": {"tenant": "acme"}}"#,
            r#"{"dry_run": true}"#,
            r#"{"ids": [-7]}"#,
            r#"{"filter": {"maildorp": "ann"}}"#,
            r#"{"all": true, "more": 1}"#,
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_word_that_is_none_is_told_with_those_that_are() {
        let told = |filter: &str| parse(&format!(r#"{{"filter": {filter}}}"#)).unwrap_err();
        let state = told(r#"{"state": "open"}"#);
        assert_eq!(state, "`state` is one of: blocked, released");
        assert!(told(r#"{"reason": "?"}"#).contains("guessing"));
        assert!(told(r#"{"address": "example.com"}"#).starts_with("`address` is neither"));
    }
}
