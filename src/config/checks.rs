//! Checks that every table needs.

use super::error::Diagnostic;
use super::mistakes::Diagnostics;
use super::value::{At, Bounded, Shown, plain};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
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
        diagnostics: &mut Diagnostics,
    ) {
        match self.0.entry(key) {
            Entry::Occupied(first) => {
                diagnostics
                    .note(Diagnostic::new(span.clone(), message()).other(first.get().clone()));
            }
            Entry::Vacant(place) => {
                place.insert(span.clone());
            }
        }
    }
}

/// What is allowed.
pub(super) struct Allowed<'a, B> {
    pub(super) range: &'a RangeInclusive<B>,
    /// Why no more.
    pub(super) reason: Option<&'static str>,
}

/// Refuses the value of `key` where it is given and not allowed.
pub(super) fn within<T: Bounded>(
    key: &str,
    at: &mut Option<At<T>>,
    allowed: &Allowed<'_, T::Bound>,
    diagnostics: &mut Diagnostics,
) {
    let Allowed { range, reason } = *allowed;
    let Some(at) = at.as_mut().filter(|at| !at.is_refused()) else {
        return;
    };
    let Some(value) = at.value.bound().filter(|value| !range.contains(value)) else {
        return;
    };
    let [value_text, least, most] =
        [&value, range.start(), range.end()].map(|it| plain(&it.shown()));
    let diagnostic = match reason.filter(|_| value > *range.end()) {
        // The lower end is left out: another check may ask for more than that.
        Some(reason) => Diagnostic::new(
            at.span.clone(),
            format!("`{key}` is {value_text}, and {reason}"),
        )
        .hint(format!("write at most {most}")),
        None => {
            let message = format!("`{key}` is out of range: {value_text}");
            Diagnostic::new(at.span.clone(), message)
                .hint(format!("write at least {least} and at most {most}"))
        }
    };
    diagnostics.note(diagnostic);
    at.refuse();
}

/// Refuses an empty list.
pub(super) fn require_some<T>(list: &Spanned<Vec<T>>, key: &str, diagnostics: &mut Diagnostics) {
    if list.get_ref().is_empty() {
        diagnostics.note(Diagnostic::new(list.span(), format!("`{key}` is empty")));
    }
}

/// The value, or else the default.
pub(super) fn value_or<T: Clone>(at: Option<&At<T>>, default: T) -> T {
    at.map_or(default, |at| at.value.clone())
}

pub(super) fn values<T: Clone>(list: &[At<T>]) -> Vec<T> {
    list.iter().map(|at| at.value.clone()).collect()
}
