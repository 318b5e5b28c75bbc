//! What a login meets: the rule for all the blocks that are about it.

use super::entry::{BlockEntry, BlockTarget};
use super::offence::BlockReason;
use crate::ids::{ClientPrefix, MaildropKey};
use crate::secret::PasswordTag;

/// A login, as the block list sees it.
#[derive(Clone, Copy, Debug)]
pub struct BlockQuery<'a> {
    /// The maildrop that it wants.
    pub maildrop: &'a MaildropKey,
    /// Where it comes from.
    pub address: ClientPrefix,
    /// Its password.
    pub password: PasswordTag,
}

/// Whether a login is blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockVerdict {
    /// It is not.
    Clear,
    /// It is.
    Blocked {
        /// The offences behind the block.
        reason: BlockReason,
        /// Whether the login may be let through as the trial login of now.
        trial_is_due: bool,
    },
}

impl BlockQuery<'_> {
    /// What is blocked where the login's maildrop is blocked for its address.
    #[must_use]
    pub fn of_maildrop(&self) -> BlockTarget {
        BlockTarget {
            maildrop: Some(self.maildrop.clone()),
            address: self.address,
        }
    }

    /// What is blocked where its whole address is.
    #[must_use]
    pub fn of_address(&self) -> BlockTarget {
        BlockTarget::all_of(self.address)
    }
}

impl BlockVerdict {
    /// Of the blocks in force that are about a login. Guesses are told before all else: their
    /// answer must look like a wrong password's.
    #[must_use]
    pub fn of(blocks: &[&BlockEntry], trial_is_due: impl Fn(&BlockEntry) -> bool) -> Self {
        let guesses = blocks.iter().find(|it| it.reason.protects_passwords());
        let Some(first) = guesses.or(blocks.first()) else {
            return Self::Clear;
        };
        Self::Blocked {
            reason: first.reason,
            trial_is_due: blocks.iter().all(|entry| trial_is_due(entry)),
        }
    }
}
