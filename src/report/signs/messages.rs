//! Messages that are gone, and those that are not.

use super::super::evidence::{CauseEvidence, EvidenceKind, Fact};
use super::super::facts::PastLogin;
use super::{Signs, backend_said, ended};
use crate::dialect::Class;
use crate::history::End;

impl<'a> Signs<'a> {
    pub(in crate::report) fn message_gone(&self) -> bool {
        is_message_gone(self.incident)
    }

    /// The incident was in the maildrop, and its client had met that before.
    pub(in crate::report) fn messages_gone_again(&self) -> bool {
        let own = self.incident.client();
        let gone = self
            .day()
            .filter(|it| is_message_gone(*it) && it.client().may_be(own));
        self.incident.login.entered && gone.count() >= 2
    }

    pub(in crate::report) fn messages_gone_in_day(&self) -> usize {
        self.day().filter(|it| is_message_gone(*it)).count()
    }

    pub(in crate::report) fn of_message(&self) -> Vec<CauseEvidence> {
        self.incident_or_last(is_message_gone)
            .and_then(backend_said)
            .into_iter()
            .collect()
    }

    pub(in crate::report) fn deletions_failed(&self) -> bool {
        is_deletion_failed(self.incident)
    }

    /// Marks were lost with the session.
    pub(in crate::report) fn deletions_lost(&self) -> bool {
        self.incident.login.marked > 0
    }

    pub(in crate::report) fn deletions_failed_in_day(&self) -> usize {
        self.day().filter(|it| is_deletion_failed(*it)).count()
    }

    pub(in crate::report) fn of_deletions(&self) -> Vec<CauseEvidence> {
        let found = self.incident_or_last(|it| is_deletion_failed(it) || it.login.marked > 0);
        let Some(past) = found else {
            return Vec::new();
        };
        let undeleted = (past.login.marked > 0).then(|| {
            CauseEvidence::new(
                EvidenceKind::Undeleted,
                [
                    ("marked", Fact::Count(past.login.marked)),
                    ("at", Fact::Time(past.entry.ended)),
                ],
            )
        });
        let said = backend_said(past)
            .filter(|_| is_deletion_failed(past))
            .unwrap_or_else(|| ended(past));
        undeleted.into_iter().chain([said]).collect()
    }

    /// The incident, where it is so; else the last one of the day.
    fn incident_or_last(&self, is_so: fn(PastLogin<'_>) -> bool) -> Option<PastLogin<'a>> {
        let incident = Some(self.incident).filter(|it| is_so(*it));
        incident.or_else(|| self.day().filter(|it| is_so(*it)).last())
    }
}

fn is_message_gone(past: PastLogin<'_>) -> bool {
    past.said(&[Class::NoSuchMessage])
}

fn is_deletion_failed(past: PastLogin<'_>) -> bool {
    matches!(past.entry.end, End::QuitFailed | End::QuitUnanswered)
        || past.said(&[Class::DeletesNotRemoved])
}
