//! The block list over the API: what an entry looks like outside, which ones a request means,
//! and what is done to them.

use super::query;
use crate::limits::BLOCKS_SHOWN_MAX;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::net::IpAddr;

/// The block list of a gate. Whoever implements it tells the journal and the events of a change.
pub trait Blocks: Send + Sync {
    /// The entries that `selection` means, in the order to be shown.
    fn entries(&self, selection: &Selection) -> Vec<Entry>;

    /// Releases those that are blocked; gives them as they are then.
    fn release(&self, selection: &Selection) -> Vec<Entry>;

    /// Pins those that are not pinned, or unpins those that are; gives them as they are then.
    fn pin(&self, selection: &Selection, pinned: bool) -> Vec<Entry>;
}

/// An entry of the block list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Names it in requests.
    pub id: u64,
    /// Whose maildrop, as its canonical name; none where an address is blocked from all.
    pub maildrop: Option<String>,
    /// Who is blocked: an address, or a network in the form `2001:db8::/64`.
    pub address: String,
    /// The tenant of the login that led to it; none where it came to none.
    pub tenant: Option<String>,
    /// What happened, in a word.
    pub reason: String,
    /// `permanent`, `indeterminate` or `transient`.
    pub class: String,
    /// Whether it has an effect now.
    pub state: State,
    /// A pinned entry does not expire.
    pub pinned: bool,
    /// When it happened first.
    pub first: Timestamp,
    /// When it happened last.
    pub last: Timestamp,
    /// When it is released by itself; none where it is released, or pinned.
    pub expires: Option<Timestamp>,
    /// How often it was blocked.
    pub times_blocked: u64,
    /// How often it was released.
    pub times_released: u64,
}

/// Whether an entry has an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It has.
    Blocked,
    /// It is remembered alone.
    Released,
}

/// What an answer shows of the block list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Listing {
    /// The first of them.
    pub blocks: Vec<Entry>,
    /// How many there are.
    pub total: usize,
    /// Whether `blocks` leaves some out.
    pub truncated: bool,
}

/// Which entries a request means.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "Words", into = "Words")]
pub enum Selection {
    /// Those with these numbers.
    Ids(Vec<u64>),
    /// Those that a filter matches; it has at least one condition.
    Filter(Filter),
    /// Every one.
    All,
}

/// Conditions on an entry; all that are there must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// The maildrop's canonical name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maildrop: Option<String>,
    /// An address that the entry is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// The tenant's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Whether it has an effect now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
    /// What happened, in a word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A selection as JSON has it.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ids: Option<Vec<u64>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    filter: Option<Filter>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    all: Option<bool>,
}

/// A change that a request asks for.
#[derive(Clone, Copy)]
pub(super) enum Change {
    Release,
    Pin,
    Unpin,
}

impl TryFrom<Words> for Selection {
    type Error = &'static str;

    /// Nothing means all by accident: an empty filter does not, and no selection at all.
    fn try_from(words: Words) -> Result<Self, Self::Error> {
        match (words.ids, words.filter, words.all) {
            (Some(ids), None, None) => Ok(Self::Ids(ids)),
            (None, Some(filter), None) if filter == Filter::default() => {
                Err("the filter has no condition; `{\"all\": true}` means all")
            }
            (None, Some(filter), None) => Ok(Self::Filter(filter)),
            (None, None, Some(true)) => Ok(Self::All),
            _ => Err("one of `ids`, `filter` and `\"all\": true` is needed, and only one"),
        }
    }
}

impl From<Selection> for Words {
    fn from(selection: Selection) -> Self {
        let mut words = Self::default();
        match selection {
            Selection::Ids(ids) => words.ids = Some(ids),
            Selection::Filter(filter) => words.filter = Some(filter),
            Selection::All => words.all = Some(true),
        }
        words
    }
}

impl Listing {
    fn new(mut blocks: Vec<Entry>) -> Self {
        let total = blocks.len();
        blocks.truncate(BLOCKS_SHOWN_MAX);
        Self {
            truncated: blocks.len() < total,
            blocks,
            total,
        }
    }
}

/// The entries that the words of `query` mean; without any, all.
pub(super) fn list(list: &dyn Blocks, query: &str) -> Result<Listing, String> {
    let selection = selection(query)?;
    Ok(Listing::new(list.entries(&selection)))
}

/// Does `change` to the entries that `selection` means.
pub(super) fn change(list: &dyn Blocks, change: Change, selection: &Selection) -> Listing {
    Listing::new(match change {
        Change::Release => list.release(selection),
        Change::Pin => list.pin(selection, true),
        Change::Unpin => list.pin(selection, false),
    })
}

/// `id=7&id=8`, or the words of a [`Filter`], each once.
fn selection(query: &str) -> Result<Selection, String> {
    let (mut ids, mut words) = (Vec::new(), Map::new());
    for (key, value) in query::pairs(query)? {
        if key == "id" {
            let id = value.parse().map_err(|_| "an `id` is a number")?;
            ids.push(id);
        } else if words.insert(key, Value::String(value)).is_some() {
            return Err("a word of the query is there twice".to_owned());
        }
    }
    match (ids.is_empty(), words.is_empty()) {
        (true, true) => Ok(Selection::All),
        (false, true) => Ok(Selection::Ids(ids)),
        (false, false) => Err("with an `id`, the query has no other word".to_owned()),
        (true, false) => serde_json::from_value(Value::Object(words))
            .map(Selection::Filter)
            .map_err(|error| format!("the query is not what is asked for here: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<Selection, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn a_selection_is_one_thing_and_never_all_by_accident() {
        assert_eq!(parse(r#"{"ids": [7]}"#), Ok(Selection::Ids(vec![7])));
        assert_eq!(parse(r#"{"all": true}"#), Ok(Selection::All));
        for wrong in [
            "{}",
            "[]",
            r#"{"all": false}"#,
            r#"{"filter": {}}"#,
            r#"{"filter": {"maildrop": null}}"#,
            r#"{"ids": [7], "all": true}"#,
            r#"{"ids": [-7]}"#,
            r#"{"filter": {"maildorp": "ann"}}"#,
            r#"{"filter": {"state": "open"}}"#,
            r#"{"filter": {"address": "example.com"}}"#,
            r#"{"all": true, "more": 1}"#,
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_selection_that_is_sent_is_the_one_that_arrives() {
        let filter = Filter {
            maildrop: Some("ann+\u{7}@example.com".into()),
            address: Some(IpAddr::from([192, 0, 2, 7])),
            state: Some(State::Blocked),
            ..Filter::default()
        };
        for sent in [
            Selection::All,
            Selection::Ids(vec![1, u64::MAX]),
            Selection::Filter(filter),
        ] {
            let arrived = parse(&serde_json::to_string(&sent).unwrap());
            assert_eq!(arrived, Ok(sent));
        }
    }

    #[test]
    fn a_query_says_the_same_in_its_words() {
        assert_eq!(selection(""), Ok(Selection::All));
        assert_eq!(selection("id=7&id=8"), Ok(Selection::Ids(vec![7, 8])));
        let Ok(Selection::Filter(filter)) = selection(
            "maildrop=ann%40example.com&address=2001:db8::7&state=released&reason=guessing",
        ) else {
            panic!("no filter");
        };
        assert_eq!(filter.maildrop.as_deref(), Some("ann@example.com"));
        assert_eq!(filter.address, "2001:db8::7".parse().ok());
        assert_eq!(filter.state, Some(State::Released));
        assert_eq!(filter.reason.as_deref(), Some("guessing"));
        for wrong in [
            "id=x",
            "id=1&state=blocked",
            "colour=red",
            "state=open",
            "tenant=a&tenant=b",
        ] {
            assert!(selection(wrong).is_err(), "{wrong}");
        }
    }
}
