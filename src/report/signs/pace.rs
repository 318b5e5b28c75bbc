//! How often somebody looks for mail.

use super::super::evidence::{CauseEvidence, EvidenceKind, Fact};
use super::password::is_password_refused;
use super::{Repeated, Signs, held};
use crate::dialect::Class;
use crate::limits::{MANY_LOGINS_AN_HOUR, TOO_MANY_LOGINS_AN_HOUR};
use crate::policy::poll::PollDecision;
use crate::policy::refusal::LoginRule;
use crate::time::Duration;
use jiff::Timestamp;

const HOUR: Duration = Duration::from_secs(60 * 60);

impl<'a> Signs<'a> {
    /// A limit of popgate or of the backend says so.
    pub(in crate::report) fn came_too_early(&self) -> bool {
        let login = self.incident.login;
        let is_refused = login.rule == Some(LoginRule::LoginDelay);
        let was_held = login.early.is_some_and(|early| {
            matches!(
                early.decision,
                PollDecision::Delayed | PollDecision::Refused
            )
        });
        was_held || is_refused || self.incident.said(&[Class::LoginDelay])
    }

    pub(in crate::report) fn comes_far_too_often(&self) -> bool {
        self.busiest()
            .is_some_and(|it| it.count >= TOO_MANY_LOGINS_AN_HOUR)
    }

    pub(in crate::report) fn comes_often(&self) -> bool {
        self.busiest()
            .is_some_and(|it| it.count >= MANY_LOGINS_AN_HOUR)
    }

    /// The client that comes so often is that of the incident, or may have been in its way.
    pub(in crate::report) fn busiest_is_involved(&self) -> bool {
        self.busiest()
            .is_some_and(|it| self.is_involved(it.last.client().prefix))
    }

    /// The client with the most logins within the hour before the incident. Wrong passwords do not
    /// count: programs give one several times for one failure.
    fn busiest(&self) -> Option<Repeated<'a>> {
        let until = self.incident.entry.ended;
        let since = until.checked_sub(HOUR).unwrap_or(Timestamp::MIN);
        Repeated::most(
            self.day()
                .filter(|it| it.login.asked >= since && it.login.asked <= until)
                .filter(|it| !is_password_refused(*it)),
        )
    }

    pub(in crate::report) fn of_frequency(&self) -> Vec<CauseEvidence> {
        let often = self.busiest().map(|it| {
            CauseEvidence::new(
                EvidenceKind::Often,
                [
                    ("who", Fact::client(it.last)),
                    ("count", Fact::count(it.count)),
                ],
            )
        });
        let itself = self.blocker().filter(|_| self.overlaps_itself()).map(held);
        self.earliness()
            .into_iter()
            .chain(itself)
            .chain(often)
            .collect()
    }

    fn earliness(&self) -> Option<CauseEvidence> {
        let at = ("at", Fact::Time(self.incident.login.asked));
        let by = self.incident.login.early.map(|it| it.early);
        self.came_too_early().then(|| match by {
            Some(early) => {
                CauseEvidence::new(EvidenceKind::TooEarly, [at, ("early", Fact::Length(early))])
            }
            None => CauseEvidence::new(EvidenceKind::TooSoon, [at]),
        })
    }
}
