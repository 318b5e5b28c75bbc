//! The lock: who was in the way, and how.

use super::super::evidence::{CauseEvidence, EvidenceKind, Fact};
use super::super::facts::{ClientProgram, Occupant, PastLogin, count_programs};
use super::{Repeated, Signs, backend_said, ended, held};
use crate::dialect::Class;
use crate::history::{CauseName, End};
use crate::limits::{BACKEND_FREES_WITHIN, NOTICED_WAIT};
use crate::program::Family;
use jiff::Timestamp;
use std::collections::HashSet;

/// Locked by somebody who does not come through this gate.
impl<'a> Signs<'a> {
    pub(in crate::report) fn locked_elsewhere_to_the_end(&self) -> bool {
        self.incident.entry.cause == CauseName::LockedElsewhere
    }

    pub(in crate::report) fn met_lock_elsewhere(&self) -> bool {
        self.locked_in_day().contains(&self.incident)
    }

    pub(in crate::report) fn some_met_lock_elsewhere(&self) -> bool {
        !self.locked_in_day().is_empty()
    }

    /// Logins of the day that the backend called locked while no session of this gate was in the
    /// maildrop: not those that only met the end of the session before, which some backends are
    /// slow to notice.
    fn locked_in_day(&self) -> Vec<PastLogin<'a>> {
        let entered = self.day().filter(|it| it.login.entered);
        let mut left: Vec<_> = entered
            .filter_map(|it| Some(Occupant::of(it)?.left()))
            .collect();
        left.sort_unstable();
        let follows_own = |it: &PastLogin<'_>| {
            it.login.granted.is_some_and(|granted| {
                let before = left[..left.partition_point(|left| *left <= granted)].last();
                before.is_some_and(|left| {
                    granted.duration_since(*left).unsigned_abs() <= BACKEND_FREES_WITHIN
                })
            })
        };
        self.day()
            .filter(|it| it.login.locked_replies > 0)
            .filter(|it| it.entry.cause == CauseName::LockedElsewhere || !follows_own(it))
            .collect()
    }

    pub(in crate::report) fn of_lock_elsewhere(&self) -> Vec<CauseEvidence> {
        let locked = self.locked_in_day();
        let Some(&last) = locked.last() else {
            return vec![ended(self.incident)];
        };
        let count = locked.iter().map(|it| u64::from(it.login.locked_replies));
        let replies = CauseEvidence::new(
            EvidenceKind::LockedReplies,
            [
                ("count", Fact::Count(count.sum())),
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

    /// Some client or other left again and again, silent or at once, and said QUIT in no session of
    /// the day.
    pub(in crate::report) fn some_client_never_quits(&self) -> bool {
        self.never_quits().is_some()
    }

    /// When the incident made way: its client may have been told later.
    pub(super) fn left_maildrop(&self) -> Timestamp {
        let left = self.incident.left_maildrop();
        left.unwrap_or(self.incident.entry.ended)
    }

    fn silent_blocker(&self) -> Option<&'a Occupant> {
        self.blocker().filter(|it| it.fell_silent())
    }

    fn never_quits(&self) -> Option<(PastLogin<'a>, usize)> {
        self.day()
            .filter(|it| goes_without_quit(*it))
            .map(PastLogin::client)
            .collect::<HashSet<_>>()
            .into_iter()
            .filter_map(|client| {
                let sessions = self.sessions_without_quit(client).filter(|&it| it >= 3)?;
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
                if past.said_quit() {
                    return None;
                }
            }
        }
        Some(silent)
    }

    /// The same of sessions that just left, too.
    fn sessions_without_quit(&self, client: ClientProgram) -> Option<usize> {
        let mut sessions = 0;
        for past in self.day().filter(|it| it.client().may_be(client)) {
            if past.said_quit() {
                return None;
            }
            sessions += usize::from(goes_without_quit(past));
        }
        Some(sessions)
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
                    ("at", Fact::Time(self.left_maildrop())),
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

    /// They are at the incident's address, or may have been in its way.
    pub(in crate::report) fn twins_are_involved(&self) -> bool {
        self.twin()
            .is_some_and(|twin| self.is_involved(twin.last.client().prefix))
    }

    /// Those of the address with the most: a scanner is another program than the one beside it.
    fn twin(&self) -> Option<Repeated<'a>> {
        let twins = self.day().filter(|it| it.entry.is_twin);
        Repeated::most_by(twins, |it| it.client().prefix)
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

    /// The session in the way is of another program than the incident, or several were in the
    /// maildrop within the day.
    pub(in crate::report) fn has_two_programs(&self) -> bool {
        let own = self.incident.client();
        let is_other = |it: &Occupant| !it.client_program().may_be(own);
        self.clients() >= 2 || self.blocker().is_some_and(is_other)
    }

    /// The session in the way is of the same program: it looks for mail before it is done.
    pub(in crate::report) fn overlaps_itself(&self) -> bool {
        let own = self.incident.client();
        let is_known = own.family != Family::Unknown;
        let is_own = |it: &Occupant| it.client_program() == own && is_known && !it.fell_silent();
        self.blocker_is_other() && self.blocker().is_some_and(is_own)
    }

    /// The session in the way was in the maildrop for the whole wait, and did its work: a backup or
    /// a long download.
    pub(in crate::report) fn blocker_takes_long(&self) -> bool {
        let is_spent = self.incident.entry.cause == CauseName::HeldByAnother;
        let waited = self.incident.login.waited;
        let is_long = |it: &Occupant| it.from <= self.incident.login.asked && it.held >= waited;
        is_spent && self.blocker_is_healthy() && self.blocker().is_some_and(is_long)
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
        let entered = self.day().filter(|it| it.login.entered);
        count_programs(entered.map(PastLogin::client))
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

/// By its own will, not because its line broke.
fn goes_without_quit(past: PastLogin<'_>) -> bool {
    past.fell_silent() || past.left_without_quit() && !past.broke_off()
}

fn is_contended(past: PastLogin<'_>) -> bool {
    let waited_in_vain = matches!(
        past.entry.cause,
        CauseName::HeldByAnother | CauseName::QueueFull | CauseName::LeftWaiting
    );
    waited_in_vain || past.login.waited >= NOTICED_WAIT
}
