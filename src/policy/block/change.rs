//! A change of an entry: what became of it, and who did it.

use super::entry::BlockEntry;
use crate::str_enum::str_enum;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

str_enum! {
    /// What became of an entry.
    ChangeKind {
        /// It is blocked, for the first time or again.
        Blocked = "blocked",
        /// Its offences go on, and so does its block.
        Extended = "extended",
        /// A right password lifted it for its maildrop: a block of that maildrop alone ends, one of
        /// all maildrops goes on for the others.
        Lifted = "lifted",
        /// It was released by hand.
        Released = "released",
        /// Its block ran out.
        Expired = "expired",
        /// It stays in its state.
        Pinned = "pinned",
        /// It does no more.
        Unpinned = "unpinned",
        /// It is in the list no more.
        Forgotten = "forgotten",
    }
}

/// Who changed an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangedBy {
    /// A rule, which judged what the client did, or for which the list was full.
    Rule,
    /// Nobody: its time was over.
    Expiry,
    /// Another gate of the cluster.
    Gate,
    /// An operator, whose request came from this address.
    Operator(IpAddr),
}

impl fmt::Display for ChangedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule => f.write_str("rule"),
            Self::Expiry => f.write_str("expiry"),
            Self::Gate => f.write_str("gate"),
            Self::Operator(address) => address.fmt(f),
        }
    }
}

impl FromStr for ChangedBy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "rule" => Ok(Self::Rule),
            "expiry" => Ok(Self::Expiry),
            "gate" => Ok(Self::Gate),
            address => match address.parse() {
                Ok(address) => Ok(Self::Operator(address)),
                Err(_) => Err(format!(
                    "`{text}` is neither rule, expiry, gate nor an address"
                )),
            },
        }
    }
}

/// A change of an entry, for events and for the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockChange {
    /// The entry afterwards; a forgotten one as it was.
    pub entry: BlockEntry,
    /// What became of it.
    pub what: ChangeKind,
    /// Who did it.
    pub by: ChangedBy,
}

/// What an operator does to entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockAction {
    /// Releases those that are blocked and not pinned.
    Release,
    /// Has them stay in their state, blocked or released.
    Pin,
    /// Has them stay no more.
    Unpin,
}

impl BlockAction {
    /// Changes `entry`, whose state must be that of now; none where it stays as it is.
    #[must_use]
    pub fn apply(self, entry: &mut BlockEntry) -> Option<ChangeKind> {
        match self {
            Self::Release => entry.release(),
            Self::Pin => entry.pin(true),
            Self::Unpin => entry.pin(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_changed_an_entry_is_read_as_it_was_written() {
        let operators = ["192.0.2.7", "2001:db8::7"].map(|it| it.parse().unwrap());
        let all = [ChangedBy::Rule, ChangedBy::Expiry, ChangedBy::Gate]
            .into_iter()
            .chain(operators.map(ChangedBy::Operator));
        for by in all {
            assert_eq!(by.to_string().parse(), Ok(by));
        }
        assert!("rules".parse::<ChangedBy>().is_err());
    }
}
