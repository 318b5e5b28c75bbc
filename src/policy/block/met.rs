//! What somebody meets who comes: at the greeting, and with a login.

use super::entry::{Change, ChangeKind, Entry, Reason, State, Who};
use super::list::{BlockList, Book};
use crate::ids::{ClientPrefix, MaildropKey};
use crate::policy::auth_cache::PasswordTag;
use crate::policy::rules::BlockMode;
use jiff::Timestamp;

/// A login that comes to the list.
#[derive(Clone, Copy, Debug)]
pub struct Knock<'a> {
    /// The maildrop that it wants.
    pub maildrop: &'a MaildropKey,
    /// Where it comes from.
    pub address: ClientPrefix,
    /// Its password.
    pub password: PasswordTag,
}

/// What a login meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Met {
    /// Nothing.
    Nothing,
    /// A block.
    Block {
        /// The faults behind it; where there are two blocks, guesses before all else.
        reason: Reason,
        /// Whether the login may be really tried all the same ([`BlockList::take_try`]).
        may_try: bool,
    },
}

impl Knock<'_> {
    fn pair(&self) -> Who {
        Who {
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
    ) -> Option<Reason> {
        if mode != BlockMode::Block {
            return None;
        }
        let book = self.read();
        let entry = book.in_force(&Who::all_of(address), now)?;
        let may_talk = entry.reason.protects_passwords()
            || book.welcome.has(address, now)
            || book.may_try(entry, now);
        (!may_talk).then_some(entry.reason)
    }

    /// What a login meets under the rules of its tenant. One with a proven password, or from a
    /// trusted network, must not ask.
    #[must_use]
    pub fn meets(&self, login: Knock<'_>, mode: BlockMode, now: Timestamp) -> Met {
        if mode != BlockMode::Block {
            return Met::Nothing;
        }
        let book = self.read();
        let blocks = book.blocks(login, now);
        let guesses = blocks.iter().find(|it| it.reason.protects_passwords());
        let Some(first) = guesses.or(blocks.first()) else {
            return Met::Nothing;
        };
        Met::Block {
            reason: first.reason,
            may_try: blocks.iter().all(|entry| book.may_try(entry, now)),
        }
    }

    /// Takes the real try of this minute of each block that the login meets; `false`: another was
    /// quicker.
    #[must_use]
    pub fn take_try(&self, login: Knock<'_>, now: Timestamp) -> bool {
        let mut book = self.write();
        let blocks = book.blocks(login, now);
        if !blocks.iter().all(|entry| book.may_try(entry, now)) {
            return false;
        }
        let blocks: Vec<_> = blocks.into_iter().map(|entry| entry.who.clone()).collect();
        for who in blocks {
            book.tries.take(who, login.password, now);
        }
        true
    }

    /// A login that was the real try never came to the backend: another may have it.
    pub fn lost_try(&self, login: Knock<'_>, now: Timestamp) {
        let mut book = self.write();
        for who in [login.pair(), Who::all_of(login.address)] {
            if book.tries.is_by(&who, login.password, now) {
                book.tries.give_back(&who);
            }
        }
    }

    /// The backend said `+OK`. For a day passing faults from that address lead to no block; and
    /// where it was a real try, the block is lifted for the maildrop. Who passed a block with a
    /// password that was known to be right lifts nothing: a guesser behind the same address would
    /// be free with the owner's next look. A block of the maildrop for passing faults ends in any
    /// case.
    pub fn accepted(&self, login: Knock<'_>, now: Timestamp) -> Vec<Change> {
        let mut book = self.write();
        book.welcome.accepted(login.maildrop, login.address, now);
        let blocks = book.blocks(login, now).into_iter();
        let lifted = blocks.filter(|entry| {
            let is_of_pair = entry.who.maildrop.is_some();
            let ends = is_of_pair && entry.reason == Reason::Passing;
            let is_lifted = ends || book.tries.is_by(&entry.who, login.password, now);
            is_lifted && !(is_of_pair && entry.pinned)
        });
        let lifted: Vec<_> = lifted.cloned().collect();
        let changes = lifted.into_iter().map(|entry| book.lift(entry, login, now));
        changes.collect()
    }
}

impl Book {
    /// The entry of `who` if it has an effect now. An address that many share is not blocked as a
    /// whole, unless somebody pinned it.
    fn in_force(&self, who: &Who, now: Timestamp) -> Option<&Entry> {
        let entry = self.entries.get(who)?;
        let is_spared =
            who.maildrop.is_none() && !entry.pinned && self.welcome.is_shared(who.address, now);
        (!entry.shadow && entry.is_blocked(now) && !is_spared).then_some(entry)
    }

    /// Those in force that a login meets: of its maildrop, and of its address.
    fn blocks(&self, login: Knock<'_>, now: Timestamp) -> Vec<&Entry> {
        let pair = login.pair();
        let of_address = match self.tries.is_lifted(&pair, now) {
            true => None,
            false => self.in_force(&Who::all_of(login.address), now),
        };
        let blocks = self.in_force(&pair, now).into_iter().chain(of_address);
        blocks.collect()
    }

    fn may_try(&self, entry: &Entry, now: Timestamp) -> bool {
        entry.may_be_tried(now) && self.tries.has_one(&entry.who, now)
    }

    /// Ends a block of the login's maildrop, and spares it one of the whole address.
    fn lift(&mut self, mut entry: Entry, login: Knock<'_>, now: Timestamp) -> Change {
        self.tries.give_back(&entry.who);
        if entry.who.maildrop.is_none() {
            self.tries.lift(login.pair(), now);
        } else {
            entry.state = State::Released;
        }
        self.changed(entry, ChangeKind::Lifted)
    }
}
