//! Passwords that are guessed.
//!
//! Only the block list knows whether wrong passwords were different ones: the history keeps none.

use super::super::evidence::{CauseEvidence, EvidenceKind, Fact};
use super::Signs;
use crate::ids::ClientPrefix;
use crate::policy::block::BlockEntry;

impl<'a> Signs<'a> {
    /// The incident is a try of a stranger who guesses.
    pub(in crate::report) fn is_guess(&self) -> bool {
        let has_tried = self.password_refused() || self.was_blocked();
        has_tried && self.guesses_from(self.incident.client().prefix).is_some()
    }

    /// The wrong passwords of the day are a stranger's guesses.
    pub(in crate::report) fn some_guess(&self) -> bool {
        self.guesses().is_some()
    }

    fn guesses(&self) -> Option<&'a BlockEntry> {
        match self.is_guess() {
            true => self.guesses_from(self.incident.client().prefix),
            false => self.guesses_from(self.wrong()?.last.client().prefix),
        }
    }

    /// What the block list says of a place from which nobody has got in. Somebody else of a place
    /// where the owner is may only have mistyped.
    fn guesses_from(&self, prefix: ClientPrefix) -> Option<&'a BlockEntry> {
        let is_strange = !self.facts.owners.contains(&prefix);
        self.facts
            .blocks
            .iter()
            .filter(|it| is_strange && it.target.prefix == prefix)
            .find(|it| it.reason.protects_passwords())
    }

    pub(in crate::report) fn of_guessing(&self) -> Vec<CauseEvidence> {
        let listed = self.guesses().map(|it| {
            CauseEvidence::new(
                EvidenceKind::Guessed,
                [
                    ("address", Fact::Quote(it.target.prefix.to_string().into())),
                    ("last", Fact::Time(it.last)),
                ],
            )
        });
        listed.into_iter().chain(self.of_wrong()).collect()
    }
}
