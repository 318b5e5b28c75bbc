//! What somebody meets who comes: at the greeting, and with a login.

use super::entry::{BlockChange, BlockEntry, BlockReason, BlockState, BlockTarget, ChangeKind};
use super::list::{BlockList, Book};
use crate::ids::{ClientPrefix, MaildropKey};
use crate::policy::rules::BlockMode;
use crate::secret::PasswordTag;
use jiff::Timestamp;

/// A login that comes to the list.
#[derive(Clone, Copy, Debug)]
pub struct BlockQuery<'a> {
    /// The maildrop that it wants.
    pub maildrop: &'a MaildropKey,
    /// Where it comes from.
    pub address: ClientPrefix,
    /// Its password.
    pub password: PasswordTag,
}

/// What a login meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockVerdict {
    /// Nothing.
    Clear,
    /// A block.
    Blocked {
        /// The faults behind it; where there are two blocks, guesses before all else.
        reason: BlockReason,
        /// Whether the login may be really tried all the same ([`BlockList::take_trial`]).
        trial_is_due: bool,
    },
}

impl BlockQuery<'_> {
    fn pair(&self) -> BlockTarget {
        BlockTarget {
            maildrop: Some(self.maildrop.clone()),
            address: self.address,
        }
    }
}

impl BlockList {
    /// The faults behind a block that a connection from `address` meets before it says anything:
    /// one that protects no password, where nobody is known to be at home there, and whose real try
    /// is not due. A trusted network must not ask.
    #[must_use]
    pub fn at_greeting(
        &self,
        address: ClientPrefix,
        mode: BlockMode,
        now: Timestamp,
    ) -> Option<BlockReason> {
        if mode != BlockMode::Block {
            return None;
        }
        let book = self.read();
        let entry = book.in_force(&BlockTarget::all_of(address), now)?;
        let may_talk = entry.reason.protects_passwords()
            || book.welcome.has(address, now)
            || book.trial_is_due(entry, now);
        (!may_talk).then_some(entry.reason)
    }

    /// What a login meets under the rules of its tenant. One with a proven password, or from a
    /// trusted network, must not ask.
    #[must_use]
    pub fn meets(&self, login: BlockQuery<'_>, mode: BlockMode, now: Timestamp) -> BlockVerdict {
        if mode != BlockMode::Block {
            return BlockVerdict::Clear;
        }
        let book = self.read();
        let blocks = book.blocks(login, now);
        let guesses = blocks.iter().find(|it| it.reason.protects_passwords());
        let Some(first) = guesses.or(blocks.first()) else {
            return BlockVerdict::Clear;
        };
        BlockVerdict::Blocked {
            reason: first.reason,
            trial_is_due: blocks.iter().all(|entry| book.trial_is_due(entry, now)),
        }
    }

    /// Takes the real try of this minute of each block that the login meets; `false`: another was
    /// quicker.
    #[must_use]
    pub fn take_trial(&self, login: BlockQuery<'_>, now: Timestamp) -> bool {
        let mut book = self.write();
        let blocks = book.blocks(login, now);
        if !blocks.iter().all(|entry| book.trial_is_due(entry, now)) {
            return false;
        }
        let blocks: Vec<_> = blocks
            .into_iter()
            .map(|entry| entry.target.clone())
            .collect();
        for target in blocks {
            book.tries.take(target, login.password, now);
        }
        true
    }

    /// A login that was the real try never came to the backend: another may have it.
    pub fn return_trial(&self, login: BlockQuery<'_>, now: Timestamp) {
        let mut book = self.write();
        for target in [login.pair(), BlockTarget::all_of(login.address)] {
            if book.tries.is_by(&target, login.password, now) {
                book.tries.give_back(&target);
            }
        }
    }

    /// The backend said `+OK`. For a day passing faults from that address lead to no block; and
    /// where it was a real try, the block is lifted for the maildrop. Who passed a block with a
    /// password that was known to be right lifts nothing: a guesser behind the same address would
    /// be free with the owner's next look. A block of the maildrop for passing faults ends in any
    /// case.
    pub fn accepted(&self, login: BlockQuery<'_>, now: Timestamp) -> Vec<BlockChange> {
        let mut book = self.write();
        book.welcome.accepted(login.maildrop, login.address, now);
        let blocks = book.blocks(login, now).into_iter();
        let lifted = blocks.filter(|entry| {
            let is_of_pair = entry.target.maildrop.is_some();
            let ends = is_of_pair && entry.reason == BlockReason::Passing;
            let is_lifted = ends || book.tries.is_by(&entry.target, login.password, now);
            is_lifted && !(is_of_pair && entry.pinned)
        });
        let lifted: Vec<_> = lifted.cloned().collect();
        let changes = lifted.into_iter().map(|entry| book.lift(entry, login, now));
        changes.collect()
    }
}

impl Book {
    /// The entry of `target` if it has an effect now. An address that many share is not blocked as a
    /// whole, unless somebody pinned it.
    fn in_force(&self, target: &BlockTarget, now: Timestamp) -> Option<&BlockEntry> {
        let entry = self.entries.get(target)?;
        let is_spared = target.maildrop.is_none()
            && !entry.pinned
            && self.welcome.is_shared(target.address, now);
        (!entry.shadow && entry.is_blocked(now) && !is_spared).then_some(entry)
    }

    /// Those in force that a login meets: of its maildrop, and of its address.
    fn blocks(&self, login: BlockQuery<'_>, now: Timestamp) -> Vec<&BlockEntry> {
        let pair = login.pair();
        let of_address = match self.tries.is_lifted(&pair, now) {
            true => None,
            false => self.in_force(&BlockTarget::all_of(login.address), now),
        };
        let blocks = self.in_force(&pair, now).into_iter().chain(of_address);
        blocks.collect()
    }

    fn trial_is_due(&self, entry: &BlockEntry, now: Timestamp) -> bool {
        entry.may_be_tried(now) && self.tries.has_one(&entry.target, now)
    }

    /// Ends a block of the login's maildrop, and spares it one of the whole address.
    fn lift(
        &mut self,
        mut entry: BlockEntry,
        login: BlockQuery<'_>,
        now: Timestamp,
    ) -> BlockChange {
        self.tries.give_back(&entry.target);
        if entry.target.maildrop.is_none() {
            self.tries.lift(login.pair(), now);
        } else {
            entry.state = BlockState::Released;
        }
        self.changed(entry, ChangeKind::Lifted)
    }
}
