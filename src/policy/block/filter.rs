//! A selection of entries, as somebody at the command line makes it.

use super::entry::{BlockEntry, BlockId, BlockState, BlockTarget};
use super::listed::CountedPair;
use super::offence::BlockReason;
use crate::ids::{ClientPrefix, TenantName};
use jiff::Timestamp;
use std::collections::HashSet;

/// Which entries are meant: those that have all that is given. The default is all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlockFilter {
    /// One of these; empty: any.
    pub ids: HashSet<BlockId>,
    /// This maildrop as shown, in any case of ASCII letters.
    pub maildrop: Option<String>,
    /// This address, with or without a maildrop.
    pub address: Option<ClientPrefix>,
    /// This tenant.
    pub tenant: Option<TenantName>,
    /// This state.
    pub state: Option<BlockState>,
    /// This reason.
    pub reason: Option<BlockReason>,
}

impl BlockFilter {
    /// These entries, by number.
    #[must_use]
    pub fn ids(ids: Vec<BlockId>) -> Self {
        Self {
            ids: ids.into_iter().collect(),
            ..Self::default()
        }
    }

    /// Whether a pair that has never been blocked is meant, whatever state is.
    #[must_use]
    pub fn selects_counted(&self, pair: &CountedPair) -> bool {
        self.ids.is_empty()
            && self
                .maildrop
                .as_ref()
                .is_none_or(|it| is_at(&pair.target, it))
            && self.address.is_none_or(|it| it == pair.target.prefix)
            && self.tenant.as_ref().is_none_or(|it| *it == pair.tenant)
            && self.reason.is_none_or(|it| it == BlockReason::Passing)
    }

    /// Whether `entry` is meant, with the state that it has by now.
    #[must_use]
    pub fn selects(&self, entry: &BlockEntry, now: Timestamp) -> bool {
        (self.ids.is_empty() || self.ids.contains(&entry.id))
            && self
                .maildrop
                .as_ref()
                .is_none_or(|it| is_at(&entry.target, it))
            && self.address.is_none_or(|it| it == entry.target.prefix)
            && self.tenant.as_ref().is_none_or(|it| *it == entry.tenant)
            && self.state.is_none_or(|it| it == entry.state_at(now))
            && self.reason.is_none_or(|it| it == entry.reason)
    }
}

/// An operator types what a table shows, and that is not the key's octets.
fn is_at(target: &BlockTarget, shown_maildrop: &str) -> bool {
    let key = target.key.as_ref();
    key.is_some_and(|key| key.to_string().eq_ignore_ascii_case(shown_maildrop))
}
