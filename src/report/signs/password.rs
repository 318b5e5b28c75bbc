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

    /// The backend had accepted the incident's password lately.
    pub(in crate::report) fn password_was_right(&self) -> bool {
        self.incident.login.proven
    }

    /// Somebody else knows the right one, or the same client did later.
    pub(in crate::report) fn somebody_knows_right_password(&self) -> bool {
        self.right_login().is_some()
    }

    fn wrong(&self) -> Option<Repeated<'a>> {
        let own = self.incident.client();
        let wrong = || self.day().filter(|it| is_password_refused(*it));
        Repeated::of(wrong().filter(|it| it.client().may_be(own)))
            .or_else(|| Repeated::most(wrong()))
    }

    fn right_login(&self) -> Option<PastLogin<'a>> {
        let own = self.incident.client();
        let wrong = self.wrong()?;
        self.day()
            .filter(|it| it.login.entered)
            .filter(|it| !it.client().may_be(own) || it.login.asked > wrong.first.login.asked)
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
