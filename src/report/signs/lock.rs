//! The lock: who was in the way, and how.

use super::super::evidence::{CauseEvidence, EvidenceKind, Fact};
use super::super::facts::{ClientProgram, Occupant, PastLogin};
use super::{Repeated, Signs, backend_said, ended, held};
use crate::dialect::Class;
use crate::history::{CauseName, End};
use crate::limits::NOTICED_WAIT;
use std::collections::HashSet;

/// Locked by somebody who does not come through this gate.
impl Signs<'_> {
    pub(in crate::report) fn locked_elsewhere_to_the_end(&self) -> bool {
        self.incident.entry.cause == CauseName::LockedElsewhere
    }

    pub(in crate::report) fn locked_replies(&self) -> u32 {
        self.incident.login.locked_replies
    }

    pub(in crate::report) fn locked_replies_in_day(&self) -> u64 {
        self.day()
            .map(|it| u64::from(it.login.locked_replies))
            .sum()
    }

    pub(in crate::report) fn of_lock_elsewhere(&self) -> Vec<CauseEvidence> {
        let last = self.day().filter(|it| it.login.locked_replies > 0).last();
        let Some(last) = last else {
            return vec![ended(self.incident)];
        };
        let replies = CauseEvidence::new(
            EvidenceKind::LockedReplies,
            [
                ("count", Fact::Count(self.locked_replies_in_day())),
                ("last", Fact::Time(last.entry.ended)),
            ],
        );
        let said = backend_said(last).filter(|_| last.said(&[Class::Locked]));
        [replies].into_iter().chain(said).collect()
    }
}

/// A client that stays without a word.
impl<'a> Signs<'a> {
    pub(in crate::report) fn was_preempted(&self) -> bool {
        self.incident.entry.end == End::Preempted
    }

    pub(in crate::report) fn blocker_fell_silent(&self) -> bool {
        self.silent_blocker().is_some()
    }

    /// The silent client of the incident said QUIT in no session of the day.
    pub(in crate::report) fn silent_client_never_quits(&self) -> bool {
        let silent = match self.silent_blocker() {
            Some(blocker) => Some(blocker.client_program()),
            None => self.was_preempted().then(|| self.incident.client()),
        };
        silent.is_some_and(|client| self.silent_sessions(client).is_some_and(|it| it >= 2))
    }

    /// Some client or other was silent again and again, and said QUIT in no session of the day.
    pub(in crate::report) fn some_client_never_quits(&self) -> bool {
        self.never_quits().is_some()
    }

    fn silent_blocker(&self) -> Option<&'a Occupant> {
        self.blocker().filter(|it| it.fell_silent())
    }

    fn never_quits(&self) -> Option<(PastLogin<'a>, usize)> {
        self.day()
            .filter(|it| it.fell_silent())
            .map(PastLogin::client)
            .collect::<HashSet<_>>()
            .into_iter()
            .filter_map(|client| {
                let sessions = self.silent_sessions(client).filter(|&it| it >= 3)?;
                let last = self.day().filter(|it| it.client() == client).last()?;
                Some((last, sessions))
            })
            .max_by_key(|(last, sessions)| (*sessions, last.login.asked))
    }

    /// Sessions of a client that fell silent, with the one that is open; none where another one of
    /// it ended with QUIT.
    fn silent_sessions(&self, client: ClientProgram) -> Option<usize> {
        let mut sessions = self.facts.occupants.iter().filter(|it| {
            it.end.is_none() && it.fell_silent() && it.client_program().may_be(client)
        });
        let mut silent = usize::from(sessions.next().is_some());
        for past in self.day().filter(|it| it.login.entered) {
            if past.client().may_be(client) {
                silent += usize::from(past.fell_silent());
                if !past.left_without_quit() {
                    return None;
                }
            }
        }
        Some(silent)
    }

    pub(in crate::report) fn of_silent_client(&self) -> Vec<CauseEvidence> {
        if let Some(blocker) = self.silent_blocker() {
            let silent = CauseEvidence::new(
                EvidenceKind::Silent,
                [
                    ("who", Fact::client(blocker)),
                    ("idle", Fact::Length(blocker.idle)),
                ],
            );
            let habit = self.of_habit(Fact::client(blocker), blocker.client_program());
            return [held(blocker), silent].into_iter().chain(habit).collect();
        }
        if self.was_preempted() {
            let who = Fact::client(self.incident);
            let preempted = CauseEvidence::new(
                EvidenceKind::Preempted,
                [
                    ("who", who.clone()),
                    ("at", Fact::Time(self.incident.entry.ended)),
                ],
            );
            let habit = self.of_habit(who, self.incident.client());
            return [preempted].into_iter().chain(habit).collect();
        }
        let never = self.never_quits();
        never
            .map(|(last, sessions)| without_quit(Fact::client(last), sessions))
            .into_iter()
            .collect()
    }

    fn of_habit(&self, who: Fact, client: ClientProgram) -> Option<CauseEvidence> {
        let sessions = self.silent_sessions(client).filter(|&it| it >= 2)?;
        Some(without_quit(who, sessions))
    }
}

/// Sessions of one client at once, or of two.
impl<'a> Signs<'a> {
    /// It waited for another session of this gate, or found no place to wait.
    pub(super) fn was_contended(&self) -> bool {
        is_contended(self.incident)
    }

    pub(super) fn blocker(&self) -> Option<&'a Occupant> {
        self.facts.blocker().filter(|_| self.was_contended())
    }

    /// The session in the way is one of two that the same client began within two seconds.
    pub(in crate::report) fn blocker_is_twin(&self) -> bool {
        self.blocker().is_some_and(|blocker| {
            let is_same_place = blocker.client_program().prefix == self.incident.client().prefix;
            is_same_place && (blocker.is_twin || self.incident.entry.is_twin)
        })
    }

    pub(in crate::report) fn twins(&self) -> usize {
        self.twin().map_or(0, |twin| twin.count)
    }

    fn twin(&self) -> Option<Repeated<'a>> {
        Repeated::of(self.day().filter(|it| it.entry.is_twin))
    }

    pub(in crate::report) fn of_twins(&self) -> Vec<CauseEvidence> {
        let twins = self.twin().map(|twin| {
            let address = twin.last.entry.client.ip().to_canonical().to_string();
            CauseEvidence::new(
                EvidenceKind::Twins,
                [
                    ("address", Fact::Quote(address.into())),
                    ("count", Fact::count(twin.count)),
                    ("last", Fact::Time(twin.last.entry.opened)),
                ],
            )
        });
        let blocker = self.blocker().filter(|_| self.blocker_is_twin());
        twins.into_iter().chain(blocker.map(held)).collect()
    }

    /// Another session was in the way, of whatever kind.
    pub(in crate::report) fn blocker_is_other(&self) -> bool {
        self.blocker().is_some() && !self.blocker_is_twin()
    }

    /// It did its work and said QUIT, or is at it.
    pub(in crate::report) fn blocker_is_healthy(&self) -> bool {
        self.blocker_is_other()
            && self.blocker().is_some_and(|blocker| {
                !blocker.fell_silent() && !matches!(blocker.end, Some(End::Left | End::Stalled))
            })
    }

    /// Logins of the day that waited for another session.
    pub(in crate::report) fn contended(&self) -> usize {
        self.day().filter(|it| is_contended(*it)).count()
    }

    /// Programs that were in the maildrop within the day.
    pub(in crate::report) fn clients(&self) -> usize {
        self.day()
            .filter(|it| it.login.entered)
            .map(PastLogin::client)
            .collect::<HashSet<_>>()
            .len()
    }

    pub(in crate::report) fn of_two_programs(&self) -> Vec<CauseEvidence> {
        let contended = CauseEvidence::new(
            EvidenceKind::Contended,
            [
                ("count", Fact::count(self.contended())),
                ("clients", Fact::count(self.clients())),
            ],
        );
        let blocker = self.blocker().map(held);
        blocker.into_iter().chain([contended]).collect()
    }
}

fn without_quit(who: Fact, sessions: usize) -> CauseEvidence {
    CauseEvidence::new(
        EvidenceKind::NeverQuits,
        [("who", who), ("sessions", Fact::count(sessions))],
    )
}

fn is_contended(past: PastLogin<'_>) -> bool {
    let waited_in_vain = matches!(
        past.entry.cause,
        CauseName::HeldByAnother | CauseName::QueueFull | CauseName::LeftWaiting
    );
    waited_in_vain || past.login.waited >= NOTICED_WAIT
}
