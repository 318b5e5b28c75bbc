//! The password.

use super::super::evidence::{CauseEvidence, EvidenceKind, Fact};
use super::super::facts::PastLogin;
use super::{Repeated, Signs};
use crate::history::CauseName;
use crate::policy::refusal::LoginRule;

impl<'a> Signs<'a> {
    pub(in crate::report) fn password_refused(&self) -> bool {
        is_password_refused(self.incident)
    }

    /// How often the incident's client gave a wrong one within the day; where that gave none, any.
    pub(in crate::report) fn wrong_passwords(&self) -> usize {
        self.wrong().map_or(0, |wrong| wrong.count)
    }

    /// The same of the incident's client alone.
    pub(in crate::report) fn own_wrong_passwords(&self) -> usize {
        self.own_wrong().map_or(0, |wrong| wrong.count)
    }

    /// The incident was refused because its client is on the block list.
    pub(in crate::report) fn was_blocked(&self) -> bool {
        self.incident.login.rule == Some(LoginRule::Blocked)
    }

    /// The incident's client has been in the maildrop: it is no stranger who guesses.
    pub(in crate::report) fn client_is_known(&self) -> bool {
        self.facts.is_of_known_client
    }

    /// The backend had accepted the incident's password lately, or that of the first refusal: after
    /// that it counts as a new one.
    pub(in crate::report) fn password_was_right(&self) -> bool {
        self.incident.login.proven || self.own_refused().any(|it| it.login.proven)
    }

    /// The first login of the incident's client that was refused for its password within the day.
    pub(super) fn first_refusal(&self) -> Option<PastLogin<'a>> {
        self.own_refused().next()
    }

    /// Somebody else knows the right one, or the same client did later.
    pub(in crate::report) fn somebody_knows_right_password(&self) -> bool {
        self.right_login().is_some()
    }

    fn refused(&self) -> impl Iterator<Item = PastLogin<'a>> + use<'a> {
        self.day().filter(|it| is_password_refused(*it))
    }

    fn own_refused(&self) -> impl Iterator<Item = PastLogin<'a>> + use<'a> {
        let own = self.incident.client();
        self.refused().filter(move |it| it.client().may_be(own))
    }

    fn own_wrong(&self) -> Option<Repeated<'a>> {
        Repeated::of(self.own_refused())
    }

    fn wrong(&self) -> Option<Repeated<'a>> {
        self.own_wrong().or_else(|| Repeated::most(self.refused()))
    }

    /// The last login with the right password. One before the first refusal proves nothing where
    /// the password of that had been right: the backend accepted both then, and perhaps neither
    /// now.
    fn right_login(&self) -> Option<PastLogin<'a>> {
        let first = self.wrong()?.first;
        self.day()
            .filter(|it| it.login.entered)
            .filter(|it| {
                let is_other = !it.client().may_be(first.client());
                it.login.asked > first.login.asked || is_other && !first.login.proven
            })
            .last()
    }

    pub(in crate::report) fn of_password(&self) -> Vec<CauseEvidence> {
        let right = self.right_login().map(|it| {
            CauseEvidence::new(
                EvidenceKind::RightPassword,
                [
                    ("who", Fact::client(it)),
                    ("at", Fact::Time(it.login.asked)),
                ],
            )
        });
        self.wrong()
            .map(of_wrong)
            .into_iter()
            .chain(right)
            .collect()
    }
}

fn of_wrong(wrong: Repeated<'_>) -> CauseEvidence {
    let kind = match wrong.count {
        1 => EvidenceKind::WrongPassword,
        _ => EvidenceKind::WrongPasswords,
    };
    CauseEvidence::new(
        kind,
        [
            ("who", Fact::client(wrong.last)),
            ("count", Fact::count(wrong.count)),
            ("first", Fact::Time(wrong.first.login.asked)),
            ("last", Fact::Time(wrong.last.login.asked)),
        ],
    )
}

/// By the backend, or by popgate in its place.
pub(super) fn is_password_refused(past: PastLogin<'_>) -> bool {
    let by_backend = matches!(
        past.entry.cause,
        CauseName::WrongPassword | CauseName::ClosedAtPass | CauseName::ClosedAtPassOfAnother
    );
    by_backend || past.login.rule == Some(LoginRule::FromMemory)
}
