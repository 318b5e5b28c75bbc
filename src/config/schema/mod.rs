//! The tables of the file and their keys, each declared once: key, type, default, range and a few
//! words. The struct that serde reads, the check of the ranges, the defaults, `full.toml` and the
//! manual's reference follow from the declaration; for a limit also how it is inherited, what
//! `check --explain` says of it and what a reload names.
//!
//! [`limits`] declares what a tenant or a user may have of its own, [`tables`] the rest.

#[macro_use]
mod declare;
pub(super) mod limits;
#[cfg(test)]
mod reference;
pub(super) mod tables;

use super::mistakes::Diagnostics;
use super::value::At;
use crate::policy::tenant::LoginPolicy;
use serde_json::Value as Json;
use std::num::NonZeroU32;
use std::ops::Range;

/// A table of the file.
pub(super) trait SchemaTable {
    /// Refuses each value that is out of its range.
    fn check(&mut self, diagnostics: &mut Diagnostics);

    /// What is declared, for `full.toml` and the reference.
    #[cfg(test)]
    fn declaration() -> reference::Declaration;
}

/// A table of limits: what it does not say, the table above it says, or else the default holds.
pub(super) trait LimitTable {
    /// What this table says, and `above` where this says nothing.
    fn merge(&self, above: &Self) -> Self;

    /// Which limits it says, in the order of [`LimitTable::list`].
    fn written(&self, places: &mut WrittenPlaces);

    /// Whether it says anything at all.
    fn is_written(&self) -> bool;

    /// Puts each value that holds into its place.
    fn apply(&self, policy: &mut LoginPolicy);

    /// All limits, as they stand in `policy`. `prefix` goes before their keys.
    fn list(&self, policy: &LoginPolicy, prefix: &str, limits: &mut Vec<Limit>);

    /// Each limit that differs, in the order of the declaration: `queue 16 -> 4`.
    fn changes(old: &LoginPolicy, new: &LoginPolicy) -> Vec<String>;
}

/// Which limits a table says: a bit for each, by its place.
#[derive(Default)]
pub(super) struct WrittenPlaces {
    bits: u64,
    next: u32,
}

impl WrittenPlaces {
    pub(super) fn push(&mut self, is_written: bool) {
        self.bits |= u64::from(is_written) << self.next;
        self.next += 1;
    }

    pub(super) fn bits(&self) -> u64 {
        self.bits
    }
}

/// A limit that holds for somebody.
pub(super) struct Limit {
    /// With a point before the keys of inline tables: `polls.per_client.burst`.
    pub(super) key: String,
    /// As the file would say it.
    pub(super) value: Json,
    /// Where it is written; nowhere: it is the default.
    pub(super) origin: Option<Range<usize>>,
}

/// Puts what is written, or else the default, into `place`.
fn assign<T: Clone + FitInto<P>, P>(place: &mut P, written: Option<&At<T>>, default: T) {
    *place = written.map_or(default, |at| at.value.clone()).fit();
}

/// How a declared type comes into a policy. It cannot fail: a value left out there would be no
/// limit at all.
trait FitInto<P> {
    fn fit(self) -> P;
}

impl<T> FitInto<T> for T {
    fn fit(self) -> T {
        self
    }
}

impl FitInto<NonZeroU32> for u32 {
    /// Of 0, which a range refuses, the strictest limit.
    fn fit(self) -> NonZeroU32 {
        NonZeroU32::new(self).unwrap_or(NonZeroU32::MIN)
    }
}

#[test]
fn a_value_that_has_no_place_limits_most() {
    let place: NonZeroU32 = 0.fit();
    assert_eq!(place, NonZeroU32::MIN);
}
