//! The block list over the API: which entries a request means, what is done to them, and what an
//! entry looks like outside.

use super::query;
use crate::ids::TenantName;
use crate::limits::BLOCKS_SHOWN_MAX;
use crate::policy::block::{
    BlockChange, BlockEntry, BlockFilter, BlockId, BlockReason, BlockState,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The block list of a gate. Whoever implements it tells the journal and the events of a change.
pub trait BlockListAdmin: Send + Sync {
    /// The entries that `filter` means, in the order to be shown.
    fn entries(&self, filter: &BlockFilter) -> Vec<BlockEntry>;

    /// Releases those that are blocked and not pinned.
    fn release(&self, filter: &BlockFilter) -> Vec<BlockChange>;

    /// Pins those that are not pinned, or unpins those that are.
    fn pin(&self, filter: &BlockFilter, pinned: bool) -> Vec<BlockChange>;
}

/// Which entries a request means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Selection {
    /// Those with these numbers.
    Ids(Vec<u64>),
    /// Those that meet all of these conditions, of which there is at least one.
    Filter(Conditions),
    /// Every one; it has to be `true`.
    All(bool),
}

/// Conditions on an entry, as somebody typed them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// A [`BlockState`]'s name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// A [`BlockReason`]'s name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What an answer shows of the block list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockListing {
    /// The first of the entries that are meant.
    pub blocks: Vec<BlockView>,
    /// How many there are.
    pub total: usize,
    /// Whether `blocks` leaves some out.
    pub truncated: bool,
}

/// A [`BlockEntry`] as it is seen outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockView {
    /// Names it in requests.
    pub id: u64,
    /// The maildrop; none where an address is blocked from all.
    pub maildrop: Option<String>,
    /// Who is blocked: an address, or an IPv6 network as in `2001:db8:1:2::/64`.
    pub address: String,
    /// The tenant under whose rules that was.
    pub tenant: String,
    /// A [`BlockReason`]'s name.
    pub reason: String,
    /// The class of the faults: `permanent`, `indeterminate` or `transient`.
    pub class: String,
    /// A [`BlockState`]'s name.
    pub state: String,
    /// Whether it stays in its state until it is unpinned.
    pub pinned: bool,
    /// Whether it is only shown, and refuses nobody.
    pub shadow: bool,
    /// The first fault.
    pub first: Timestamp,
    /// The last fault.
    pub last: Timestamp,
    /// When the block ends by itself; none where there is none, or it is pinned.
    pub expires: Option<Timestamp>,
    /// How often it was blocked.
    pub times_blocked: u32,
    /// How often it was released by hand.
    pub times_released: u32,
}

/// What a request does to entries.
#[derive(Clone, Copy)]
pub(super) enum BlockAction {
    Release,
    Pin,
    Unpin,
}

/// The entries that the words of `query` mean; without any, all.
pub(super) fn list(list: &dyn BlockListAdmin, query: &str) -> Result<BlockListing, String> {
    let filter = in_query(query)?.filter()?;
    let entries = list.entries(&filter);
    Ok(BlockListing::new(entries.len(), entries.iter()))
}

/// Does what is asked to the entries that `selection` means, and tells which ones changed.
pub(super) fn change(
    list: &dyn BlockListAdmin,
    action: BlockAction,
    selection: &Selection,
) -> Result<BlockListing, String> {
    let filter = selection.filter()?;
    let changes = match action {
        BlockAction::Release => list.release(&filter),
        BlockAction::Pin => list.pin(&filter, true),
        BlockAction::Unpin => list.pin(&filter, false),
    };
    let entries = changes.iter().map(|change| &change.entry);
    Ok(BlockListing::new(changes.len(), entries))
}

/// `id=7&id=8`, or the words of [`Conditions`], each once.
fn in_query(query: &str) -> Result<Selection, String> {
    let mut ids = Vec::new();
    let mut words = Map::new();
    for (key, value) in query::pairs(query)? {
        if key == "id" {
            ids.push(value.parse().map_err(|_| "an `id` is a number")?);
        } else if words.insert(key, Value::String(value)).is_some() {
            return Err("a word of the query is there twice".to_owned());
        }
    }
    match (ids.is_empty(), words.is_empty()) {
        (true, true) => Ok(Selection::All(true)),
        (false, true) => Ok(Selection::Ids(ids)),
        (false, false) => Err("with an `id`, the query has no other word".to_owned()),
        (true, false) => serde_json::from_value(Value::Object(words))
            .map(Selection::Filter)
            .map_err(|error| format!("the query is not what is asked for here: {error}")),
    }
}

impl Selection {
    /// Nothing means all by accident: neither no number nor no condition does.
    fn filter(&self) -> Result<BlockFilter, String> {
        match self {
            Self::All(true) => Ok(BlockFilter::default()),
            Self::Ids(ids) if !ids.is_empty() => {
                Ok(BlockFilter::ids(ids.iter().copied().map(BlockId).collect()))
            }
            Self::Filter(conditions) if *conditions != Conditions::default() => conditions.filter(),
            Self::All(false) | Self::Ids(_) | Self::Filter(_) => {
                Err("nothing is selected; `{\"all\": true}` means all".to_owned())
            }
        }
    }
}

impl Conditions {
    fn filter(&self) -> Result<BlockFilter, String> {
        let address = self.address.as_ref().map(|text| text.parse()).transpose();
        let states = BlockState::ALL.iter().map(|it| it.as_str());
        let reasons = BlockReason::ALL.iter().map(|it| it.as_str());
        Ok(BlockFilter {
            ids: Vec::new(),
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

fn word<T>(
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

impl BlockListing {
    fn new<'a>(total: usize, entries: impl Iterator<Item = &'a BlockEntry>) -> Self {
        let blocks: Vec<_> = entries.take(BLOCKS_SHOWN_MAX).map(BlockView::of).collect();
        Self {
            truncated: blocks.len() < total,
            blocks,
            total,
        }
    }
}

impl BlockView {
    fn of(entry: &BlockEntry) -> Self {
        let ends = entry.state == BlockState::Blocked && !entry.pinned;
        Self {
            id: entry.id.0,
            maildrop: entry.target.key.as_ref().map(ToString::to_string),
            address: entry.target.prefix.to_string(),
            tenant: entry.tenant.to_string(),
            reason: entry.reason.as_str().to_owned(),
            class: entry.class().as_str().to_owned(),
            state: entry.state.as_str().to_owned(),
            pinned: entry.pinned,
            shadow: entry.shadow,
            first: entry.first,
            last: entry.last,
            expires: ends.then_some(entry.expires),
            times_blocked: entry.times_blocked,
            times_released: entry.times_released,
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
        assert_eq!(parse(r#"{"ids": [7]}"#).unwrap().ids, [BlockId(7)]);
        assert_eq!(parse(r#"{"all": true}"#), Ok(BlockFilter::default()));
        for wrong in [
            "{}",
            "[]",
            r#"{"all": false}"#,
            r#"{"ids": []}"#,
            r#"{"filter": {}}"#,
            r#"{"filter": {"maildrop": null}}"#,
            r#"{"ids": [7], "all": true}"#,
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

    #[test]
    fn a_query_says_the_same_in_its_words() {
        assert_eq!(in_query(""), Ok(Selection::All(true)));
        assert_eq!(in_query("id=7&id=8"), Ok(Selection::Ids(vec![7, 8])));
        let found = in_query("maildrop=ann%40example.com&state=released&address=2001:db8::7");
        let filter = found.unwrap().filter().unwrap();
        assert_eq!(filter.maildrop.as_deref(), Some("ann@example.com"));
        assert_eq!(filter.address, "2001:db8::/64".parse().ok());
        assert_eq!(filter.state, Some(BlockState::Released));
        for wrong in [
            "id=x",
            "id=1&state=blocked",
            "colour=red",
            "tenant=a&tenant=b",
        ] {
            assert!(in_query(wrong).is_err(), "{wrong}");
        }
    }
}
