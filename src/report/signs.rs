//! What the table of causes asks of the facts: each question a function, and for each cause what
//! speaks for it. A file for each subject. Pure.

mod backend;
mod guessing;
mod line;
mod lock;
mod messages;
mod pace;
mod password;

pub(super) use password::is_password_refused;

use super::evidence::{CauseEvidence, EvidenceKind, Fact};
use super::facts::{Occupant, PastLogin, ReportFacts};
use crate::ids::ClientPrefix;
use std::collections::HashMap;
use std::hash::Hash;

/// The facts of an incident, as the rules ask for them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signs<'a> {
    facts: &'a ReportFacts<'a>,
    incident: PastLogin<'a>,
}

/// Something that happened again and again.
#[derive(Clone, Copy, Debug)]
struct Repeated<'a> {
    count: usize,
    first: PastLogin<'a>,
    last: PastLogin<'a>,
}

impl<'a> Signs<'a> {
    /// None without an incident.
    pub(super) fn of(facts: &'a ReportFacts<'a>) -> Option<Self> {
        let incident = facts.incident?;
        Some(Self { facts, incident })
    }

    /// Whether what was seen of clients at this place may explain the incident: not where that was
    /// refused for its password.
    fn is_involved(&self, prefix: ClientPrefix) -> bool {
        let is_own = prefix == self.incident.client().prefix;
        !self.password_refused() && (is_own || self.was_contended())
    }

    fn day(&self) -> impl Iterator<Item = PastLogin<'a>> + use<'a> {
        self.facts.day.iter().copied()
    }
}

impl<'a> Repeated<'a> {
    /// All of them; none where there is none.
    fn of(mut logins: impl Iterator<Item = PastLogin<'a>>) -> Option<Self> {
        let first = logins.next()?;
        let one = Self {
            count: 1,
            first,
            last: first,
        };
        Some(logins.fold(one, Self::and))
    }

    /// Those of the client that has the most of them.
    fn most(logins: impl Iterator<Item = PastLogin<'a>>) -> Option<Self> {
        Self::most_by(logins, PastLogin::client)
    }

    /// The largest group of them.
    fn most_by<K: Eq + Hash>(
        logins: impl Iterator<Item = PastLogin<'a>>,
        group: impl Fn(PastLogin<'a>) -> K,
    ) -> Option<Self> {
        let mut groups: HashMap<K, Self> = HashMap::new();
        for login in logins {
            groups
                .entry(group(login))
                .and_modify(|before| *before = before.and(login))
                .or_insert(Self {
                    count: 1,
                    first: login,
                    last: login,
                });
        }
        // At a tie the one that came last, so that one question has one answer.
        groups
            .into_values()
            .max_by_key(|it| (it.count, it.last.login.asked))
    }

    fn and(self, last: PastLogin<'a>) -> Self {
        Self {
            count: self.count + 1,
            last,
            ..self
        }
    }
}

fn held(occupant: &Occupant) -> CauseEvidence {
    CauseEvidence::new(
        EvidenceKind::Held,
        [
            ("who", Fact::client(occupant)),
            ("from", Fact::Time(occupant.from)),
            ("held", Fact::Length(occupant.held)),
        ],
    )
}

/// The backend's last error to `past`.
fn backend_said(past: PastLogin<'_>) -> Option<CauseEvidence> {
    let answer = past.login.backend_answer.as_ref()?;
    Some(CauseEvidence::new(
        EvidenceKind::BackendSaid,
        [
            ("at", Fact::Time(past.entry.ended)),
            ("line", Fact::Quote(answer.line.clone())),
        ],
    ))
}

/// How `past` ended.
fn ended(past: PastLogin<'_>) -> CauseEvidence {
    CauseEvidence::new(
        EvidenceKind::Ended,
        [
            ("at", Fact::Time(past.entry.ended)),
            ("sentence", Fact::ending(past)),
        ],
    )
}
