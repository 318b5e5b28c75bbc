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

    /// The same where they are no guesses, and somebody has got in with a right one.
    pub(in crate::report) fn owners_wrong_passwords(&self) -> usize {
        match self.some_guess() || !self.somebody_got_in() {
            true => 0,
            false => self.wrong_passwords(),
        }
    }

    /// The incident's password was refused, and its client may have had a right one.
    pub(in crate::report) fn owners_password_refused(&self) -> bool {
        self.password_refused() && !self.is_guess() && self.somebody_got_in()
    }

    /// The same where the block list refused it after wrong ones.
    pub(in crate::report) fn owner_blocked_for_password(&self) -> bool {
        self.blocked_for_password() && !self.is_guess() && self.somebody_got_in()
    }

    /// The incident's password was refused, nobody has got in yet, and it is no guess as far as is
    /// known.
    pub(in crate::report) fn newcomer_refused(&self) -> bool {
        let is_refused = self.password_refused() || self.blocked_for_password();
        is_refused && !self.is_guess() && !self.somebody_got_in()
    }

    fn blocked_for_password(&self) -> bool {
        self.was_blocked() && self.own_wrong().is_some()
    }

    /// The incident was refused because its client is on the block list.
    pub(super) fn was_blocked(&self) -> bool {
        self.incident.login.rule == Some(LoginRule::Blocked)
    }

    /// Somebody has had a right password in the days that are kept.
    pub(in crate::report) fn somebody_got_in(&self) -> bool {
        !self.facts.owners.is_empty()
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

    pub(super) fn wrong(&self) -> Option<Repeated<'a>> {
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
        let never =
            (!self.somebody_got_in()).then(|| CauseEvidence::new(EvidenceKind::NobodyGotIn, []));
        self.of_wrong()
            .into_iter()
            .chain(right)
            .chain(never)
            .collect()
    }

    pub(super) fn of_wrong(&self) -> Option<CauseEvidence> {
        self.wrong().map(of_wrong)
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
pub(in crate::report) fn is_password_refused(past: PastLogin<'_>) -> bool {
    let by_backend = matches!(
        past.entry.cause,
        CauseName::WrongPassword | CauseName::ClosedAtPass | CauseName::ClosedAtPassOfAnother
    );
    by_backend || past.login.rule == Some(LoginRule::FromMemory)
}
