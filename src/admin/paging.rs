//! Lists in pages: in which order, how many, from where.

use super::model::Page;
use crate::limits::{PAGE_DEFAULT, PAGE_MAX};
use serde::de::{Deserialize, Deserializer, Error};
use std::cmp::Ordering;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// By what a list can be sorted.
pub(super) trait SortKey: Copy + PartialEq + 'static {
    /// What the list has.
    type Item;

    /// All of them, each with its name in a query.
    const KEYS: &'static [(&'static str, Self)];

    /// Where none is asked for.
    const DEFAULT: Order<Self>;

    /// Which one comes first, smallest first.
    fn compare(self, one: &Self::Item, other: &Self::Item) -> Ordering;

    /// Which one comes first of two that are alike. No two are equal here, so that the pages of one
    /// list have each of its items once.
    fn by_identity(one: &Self::Item, other: &Self::Item) -> Ordering;
}

/// `sort=key`, or `sort=-key` for the greatest first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Order<K> {
    pub(super) by: K,
    pub(super) descending: bool,
}

impl<K: SortKey> Order<K> {
    /// Which one comes first.
    pub(super) fn compare(self, one: &K::Item, other: &K::Item) -> Ordering {
        let ascending = self.by.compare(one, other);
        let ordered = if self.descending {
            ascending.reverse()
        } else {
            ascending
        };
        ordered.then_with(|| K::by_identity(one, other))
    }

    fn parse(text: &str) -> Option<Self> {
        let name = text.strip_prefix('-');
        let (_, by) = K::KEYS
            .iter()
            .find(|(key, _)| *key == name.unwrap_or(text))?;
        Some(Self {
            by: *by,
            descending: name.is_some(),
        })
    }
}

impl<K: SortKey> Default for Order<K> {
    fn default() -> Self {
        K::DEFAULT
    }
}

impl<'de, K: SortKey> Deserialize<'de> for Order<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            let keys: Vec<_> = K::KEYS.iter().map(|(name, _)| *name).collect();
            let keys = keys.join("`, `");
            D::Error::custom(format!(
                "`sort` is one of `{keys}`, with a `-` before it for the greatest first"
            ))
        })
    }
}

/// What a query can say of it.
pub(super) fn sort_schema<K: SortKey>() -> Schema {
    let all = K::KEYS
        .iter()
        .flat_map(|(name, _)| [(*name).to_owned(), format!("-{name}")]);
    let default = all
        .clone()
        .find(|text| Order::parse(text) == Some(K::DEFAULT));
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(all))
        .default(default.map(Into::into))
        .into()
}

/// `limit`: items on one page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PageLimit(usize);

impl PageLimit {
    /// The most that one page has.
    pub(super) const MAX: Self = Self(PAGE_MAX);

    /// How many that are.
    pub(super) fn count(self) -> usize {
        self.0
    }
}

impl Default for PageLimit {
    fn default() -> Self {
        Self(PAGE_DEFAULT)
    }
}

impl<'de> Deserialize<'de> for PageLimit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let limit = usize::deserialize(deserializer)?;
        if limit > PAGE_MAX {
            return Err(D::Error::custom(format!(
                "`limit` is at most {PAGE_MAX}: ask for the rest page by page"
            )));
        }
        Ok(Self(limit))
    }
}

impl PartialSchema for PageLimit {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(0))
            .maximum(Some(PAGE_MAX))
            .default(Some(PAGE_DEFAULT.into()))
            .into()
    }
}

impl ToSchema for PageLimit {}

/// The page of `items` that begins at `offset` of them in this order.
pub(super) fn page<K: SortKey>(
    mut items: Vec<K::Item>,
    order: Order<K>,
    limit: PageLimit,
    offset: usize,
) -> Page<K::Item> {
    items.sort_unstable_by(|one, other| order.compare(one, other));
    Page {
        total: items.len(),
        items: items.into_iter().skip(offset).take(limit.0).collect(),
        offset,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A number and its place.
    type Item = (u8, usize);

    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Key {
        Number,
        Place,
    }

    impl SortKey for Key {
        type Item = Item;
        const KEYS: &'static [(&'static str, Self)] =
            &[("number", Self::Number), ("place", Self::Place)];
        const DEFAULT: Order<Self> = Order {
            by: Self::Number,
            descending: true,
        };

        fn compare(self, one: &Item, other: &Item) -> Ordering {
            match self {
                Self::Number => one.0.cmp(&other.0),
                Self::Place => one.1.cmp(&other.1),
            }
        }

        fn by_identity(one: &Item, other: &Item) -> Ordering {
            one.1.cmp(&other.1)
        }
    }

    fn limit(text: &str) -> Result<PageLimit, serde_json::Error> {
        serde_json::from_str(text)
    }

    fn order(text: &str) -> Result<Order<Key>, serde_json::Error> {
        serde_json::from_value(text.into())
    }

    proptest! {
        #[test]
        fn pages_one_behind_the_other_are_the_whole_list_in_order(
            numbers in prop::collection::vec(0_u8..5, 0..40),
            size in 1_usize..10,
            by in prop::sample::select(vec![Key::Number, Key::Place]),
            descending: bool,
        ) {
            let items: Vec<Item> = numbers.into_iter().zip(0..).collect();
            let mut expected = items.clone();
            expected.sort_by_key(|&(number, place)| match (by, descending) {
                (Key::Number, false) => (i64::from(number), place),
                (Key::Number, true) => (-i64::from(number), place),
                (Key::Place, false) => (i64::try_from(place).unwrap(), 0),
                (Key::Place, true) => (-i64::try_from(place).unwrap(), 0),
            });
            let mut found = Vec::new();
            loop {
                // As out of a hash map, in another order each time.
                let mut shuffled = items.clone();
                shuffled.rotate_left(found.len().min(items.len()));
                let order = Order { by, descending };
                let page = page(shuffled, order, PageLimit(size), found.len());
                prop_assert_eq!(page.total, items.len());
                prop_assert_eq!(page.offset, found.len());
                prop_assert!(page.items.len() <= size);
                if page.items.is_empty() {
                    break;
                }
                found.extend(page.items);
            }
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_sort_is_a_key_with_or_without_a_minus() {
        for (text, by, descending) in [
            ("number", Key::Number, false),
            ("-number", Key::Number, true),
            ("place", Key::Place, false),
            ("-place", Key::Place, true),
        ] {
            assert_eq!(order(text).unwrap(), Order { by, descending });
        }
        let told = order("--number").unwrap_err().to_string();
        assert!(
            told.starts_with("`sort` is one of `number`, `place`"),
            "{told}"
        );
        for wrong in ["", "-", "Number", " number"] {
            assert!(order(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_page_has_a_hundred_items_unless_asked_and_never_more_than_a_thousand() {
        assert_eq!(PageLimit::default().0, 100);
        assert_eq!(limit("1000").unwrap().0, 1_000);
        let told = limit("1001").unwrap_err().to_string();
        assert!(told.starts_with("`limit` is at most 1000"), "{told}");
    }
}
