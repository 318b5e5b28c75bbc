//! What a login meets: the rule for all the blocks that are about it.

use super::entry::BlockEntry;
use super::offence::BlockReason;

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
