//! The line between client and popgate.

use super::super::evidence::{CauseEvidence, EvidenceKind, Fact};
use super::super::facts::{Occupant, PastLogin};
use super::{Repeated, Signs, ended};
use crate::history::End;
use crate::limits::BACK_AT_ONCE;
use crate::time::Duration;

impl<'a> Signs<'a> {
    /// The incident broke off.
    pub(in crate::report) fn broke_off(&self) -> bool {
        self.incident.broke_off()
    }

    /// The incident broke off, or waited for something that may have.
    pub(in crate::report) fn broke_off_or_waited(&self) -> bool {
        self.incident.broke_off() || self.was_contended()
    }

    /// A client of the incident took no more data.
    pub(in crate::report) fn stalled(&self) -> bool {
        self.stall().is_some()
    }

    /// How often a client of the incident broke off and was back at once.
    pub(in crate::report) fn breaks(&self) -> usize {
        self.broken().map_or(0, |it| it.count)
    }

    pub(in crate::report) fn of_line(&self) -> Vec<CauseEvidence> {
        let breaks = self.broken().map(|it| {
            CauseEvidence::new(
                EvidenceKind::Breaks,
                [
                    ("who", Fact::client(it.last)),
                    ("count", Fact::count(it.count)),
                    ("last", Fact::Time(it.last.entry.ended)),
                ],
            )
        });
        let once =
            (self.broke_off() && !self.stalled() && breaks.is_none()).then(|| ended(self.incident));
        self.stall().into_iter().chain(breaks).chain(once).collect()
    }

    fn stall(&self) -> Option<CauseEvidence> {
        let blocker = self.blocker().filter(|it| it.end == Some(End::Stalled));
        let (who, at) = match blocker {
            _ if self.incident.entry.end == End::Stalled => {
                (Fact::client(self.incident), self.left_maildrop())
            }
            blocker => (Fact::client(blocker?), blocker?.left()),
        };
        let facts = [("who", who), ("at", Fact::Time(at))];
        Some(CauseEvidence::new(EvidenceKind::Stalled, facts))
    }

    fn broken(&self) -> Option<Repeated<'a>> {
        let own = self.incident.client();
        let blocker = self.blocker().map(Occupant::client_program);
        Repeated::most(self.day().filter(|it| {
            let client = it.client();
            let is_theirs = client.may_be(own) || blocker.is_some_and(|it| client.may_be(it));
            is_theirs && it.broke_off() && self.is_back_at_once(*it)
        }))
    }

    fn is_back_at_once(&self, broken: PastLogin<'_>) -> bool {
        self.day()
            // Not another program behind the same address, which comes when it wants.
            .filter(|it| it.client() == broken.client())
            .filter_map(|it| {
                let after = it.login.asked.duration_since(broken.entry.ended);
                Duration::try_from(after).ok()
            })
            .any(|after| after <= BACK_AT_ONCE)
    }
}
