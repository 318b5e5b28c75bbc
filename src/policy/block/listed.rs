//! The rows of the list as operators see it: entries, and what may become one.

use super::entry::{BlockEntry, BlockId, BlockTarget};
use super::offence::TransientCount;
use crate::ids::TenantName;
use jiff::Timestamp;

/// A maildrop and an address whose passing faults of today are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountedPair {
    /// The two.
    pub target: BlockTarget,
    /// Under whose rules they are counted.
    pub tenant: TenantName,
    /// The faults.
    pub count: TransientCount,
}

/// A row of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListedBlock {
    /// A client that is or was blocked.
    Entry(BlockEntry),
    /// One that never was, and may be today.
    Counting(CountedPair),
}

impl ListedBlock {
    /// Its number, once it was blocked.
    #[must_use]
    pub fn id(&self) -> Option<BlockId> {
        self.entry().map(|entry| entry.id)
    }

    /// Whom it is about.
    #[must_use]
    pub fn target(&self) -> &BlockTarget {
        match self {
            Self::Entry(entry) => &entry.target,
            Self::Counting(pair) => &pair.target,
        }
    }

    /// Under whose rules.
    #[must_use]
    pub fn tenant(&self) -> &TenantName {
        match self {
            Self::Entry(entry) => &entry.tenant,
            Self::Counting(pair) => &pair.tenant,
        }
    }

    /// The first offence.
    #[must_use]
    pub fn first(&self) -> Timestamp {
        match self {
            Self::Entry(entry) => entry.first,
            Self::Counting(pair) => pair.count.first,
        }
    }

    /// The last offence.
    #[must_use]
    pub fn last(&self) -> Timestamp {
        match self {
            Self::Entry(entry) => entry.last,
            Self::Counting(pair) => pair.count.last,
        }
    }

    /// The entry, if it is one.
    #[must_use]
    pub fn entry(&self) -> Option<&BlockEntry> {
        match self {
            Self::Entry(entry) => Some(entry),
            Self::Counting(_) => None,
        }
    }
}
