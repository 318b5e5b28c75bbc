//! Checks that every table needs.

use super::error::Fault;
use super::mistakes::Faults;
use super::value::At;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::Debug;
use std::hash::Hash;
use std::ops::{Range, RangeInclusive};
use toml::Spanned;

/// What was named before, and where.
pub(super) struct Seen<K>(HashMap<K, Range<usize>>);

impl<K> Default for Seen<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Eq + Hash> Seen<K> {
    /// Refuses what was claimed before, with `message`.
    pub(super) fn claim(
        &mut self,
        key: K,
        span: &Range<usize>,
        message: impl FnOnce() -> String,
        faults: &mut Faults,
    ) {
        match self.0.entry(key) {
            Entry::Occupied(first) => {
                faults.note(Fault::new(span.clone(), message()).other(first.get().clone()));
            }
            Entry::Vacant(place) => {
                place.insert(span.clone());
            }
        }
    }
}

/// The value of `key` if it is given and within `range`.
pub(super) fn bounded<T: PartialOrd + Debug + Copy>(
    key: &str,
    at: Option<&At<T>>,
    range: &RangeInclusive<T>,
    faults: &mut Faults,
) -> Option<T> {
    let at = at.filter(|at| !at.is_refused())?;
    if range.contains(&at.value) {
        return Some(at.value);
    }
    let message = format!("`{key}` is out of range: {:?}", at.value);
    let hint = format!(
        "write at least {:?} and at most {:?}",
        range.start(),
        range.end()
    );
    faults.note(Fault::new(at.span.clone(), message).hint(hint));
    None
}

/// Refuses the value of `key` where it is given and not within `range`.
pub(super) fn within<T: PartialOrd + Debug + Copy>(
    key: &str,
    at: &mut Option<At<T>>,
    range: &RangeInclusive<T>,
    faults: &mut Faults,
) {
    let fits = bounded(key, at.as_ref(), range, faults).is_some();
    if let Some(at) = at.as_mut().filter(|_| !fits) {
        at.refuse();
    }
}

/// Refuses an empty list.
pub(super) fn require_some<T>(list: &Spanned<Vec<T>>, key: &str, faults: &mut Faults) {
    if list.get_ref().is_empty() {
        faults.note(Fault::new(list.span(), format!("`{key}` is empty")));
    }
}

/// The value, or else the default.
pub(super) fn or<T: Clone>(at: Option<&At<T>>, default: T) -> T {
    at.map_or(default, |at| at.value.clone())
}

pub(super) fn values<T: Clone>(list: &[At<T>]) -> Vec<T> {
    list.iter().map(|at| at.value.clone()).collect()
}
