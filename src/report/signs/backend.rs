//! The backend, and what of it others felt.

use super::super::evidence::{CauseEvidence, EvidenceKind, Fact};
use super::super::facts::{Neighbours, PastLogin};
use super::{Signs, backend_said, ended};
use crate::dialect::Class;
use crate::history::{CauseName, End, GateNotice};

/// Maildrops whose users cannot all have mistyped their password at once.
const NOBODY: usize = 3;

impl Signs<'_> {
    /// It was not there, gave no answer, or said that it cannot.
    pub(in crate::report) fn backend_failed(&self) -> bool {
        let end = self.incident.entry.end;
        let said_so = self.incident.entry.cause == CauseName::LoginRefused
            && self.incident.said(&[Class::Temp]);
        let closed = end == End::ClosedAtPass && self.password_was_right();
        let gone = end == End::BackendGone && !self.incident.was_closed_for_silence();
        said_so || closed || gone || end == End::BackendUnreachable
    }

    /// The same happens to others, or the health checks say so.
    pub(in crate::report) fn others_fail(&self) -> bool {
        let neighbours = self.facts.neighbours;
        let only_refusals = neighbours.refused > 0 && neighbours.let_in == 0;
        only_refusals || self.facts.down_since(self.incident).is_some()
    }

    /// The backend lets other maildrops in.
    pub(in crate::report) fn others_get_in(&self) -> bool {
        self.facts.neighbours.let_in > 0
    }

    /// So many wrong passwords at once are none.
    pub(in crate::report) fn nobody_gets_in(&self) -> bool {
        let neighbours = self.facts.neighbours;
        neighbours.refused >= NOBODY && neighbours.let_in == 0
    }

    /// Neither into this maildrop since its password was refused, nor into others.
    pub(in crate::report) fn nobody_got_in_since(&self) -> bool {
        let refused = self.first_refusal();
        let got_in = |it: PastLogin<'_>| {
            let is_since = refused.is_none_or(|refused| it.login.asked > refused.login.asked);
            it.login.entered && is_since
        };
        self.facts.neighbours.let_in == 0 && !self.day().any(got_in)
    }

    pub(in crate::report) fn of_backend(&self) -> Vec<CauseEvidence> {
        let said = backend_said(self.incident).unwrap_or_else(|| ended(self.incident));
        let was_right = CauseEvidence::new(EvidenceKind::PasswordWasRight, []);
        let down = self.facts.down_since(self.incident).map(of_outage);
        [
            Some(said),
            down,
            of_neighbours(self.facts.neighbours),
            self.password_was_right().then_some(was_right),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

fn of_outage(notice: &GateNotice) -> CauseEvidence {
    CauseEvidence::new(
        EvidenceKind::BackendDown,
        [
            ("backend", Fact::Quote((*notice.subject).into())),
            ("since", Fact::Time(notice.at)),
        ],
    )
}

fn of_neighbours(neighbours: Neighbours) -> Option<CauseEvidence> {
    (neighbours != Neighbours::default()).then(|| {
        CauseEvidence::new(
            EvidenceKind::Neighbours,
            [
                ("refused", Fact::count(neighbours.refused)),
                ("let_in", Fact::count(neighbours.let_in)),
            ],
        )
    })
}
